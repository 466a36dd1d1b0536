"""The life of a reject: opened, replayed, superseded, opened again; never deleted."""

from __future__ import annotations

import pytest
from tests.deliveries import Company, project, ticket

from yardstick import transform
from yardstick.settings import Settings

DAY, NEXT = "2026-03-02", "2026-03-03"


@pytest.fixture
def company(staged: Settings) -> Company:
    company = Company(staged, facts=()).register()
    company.deliver_master()
    return company


def life(company: Company) -> list[tuple[object, ...]]:
    return company.rows(
        "select delivery_id, row_number, rule, status, closed_by_delivery_id from ops.reject order by reject_id"
    )


def test_a_corrected_row_supersedes_the_reject_and_the_row_stays_rejected(company: Company) -> None:
    bad = company.deliver(
        "ticket",
        {DAY: [ticket("T1", status="odd", closed_at="soon"), ticket("T2", status="odd"), ticket("T3")]},
    )[0]
    found = company.build()
    assert {status for *_, status, _ in life(company)} == {"open"}
    good = company.deliver("ticket", {DAY: [ticket("T1"), ticket("T3")]})[0]
    closed = company.build()
    assert life(company) == [
        (bad, 2, "timestamp_unreadable", "superseded", good),
        (bad, 2, "unknown_code", "superseded", good),
        (bad, 3, "unknown_code", "open", None),
    ]
    assert company.counts(bad) == (3, 1, 0, 2, 0)
    assert company.rows(
        "select distinct key, found_build_id, closed_build_id, closed_at >= first_found_at from ops.reject "
        "where status = 'superseded'"
    ) == [("T1", found, closed, True)]
    assert company.rows("select count(*) from ops.rejected") == [(3,)]

    before = company.rows("select * from ops.reject order by reject_id")
    transform.rebuild(company.settings)
    company.build()
    assert company.rows("select * from ops.reject order by reject_id") == before


def test_a_mended_mapping_replays_the_reject_and_a_broken_one_opens_it_anew(company: Company) -> None:
    delivery = company.deliver("ticket", {DAY: [ticket("T1", status="Offen")]})[0]
    company.build()
    for code in ("open", None, "open"):
        with company.open() as connection:
            connection.execute("delete from ops.source_code")
            if code:
                connection.execute(
                    "insert into ops.source_code values ('site', 'ticket', 'status', 'Offen', %s)", [code]
                )
        company.map("ticket", "status", is_coded=code is not None)
        transform.rebuild(company.settings)
        company.build()
    assert life(company) == [
        (delivery, 2, "unknown_code", "replayed", None),
        (delivery, 2, "unknown_code", "replayed", None),
    ]
    assert company.rows("select count(distinct found_build_id), count(closed_at) from ops.reject") == [(2, 2)]
    assert company.counts(delivery) == (1, 1, 0, 0, 0)
    assert company.rows("select count(*) from ops.rejected") == [(0,)]


def test_another_reading_of_the_same_problem_is_the_same_reject(company: Company) -> None:
    company.deliver("ticket", {DAY: [ticket("T1", status="odd", priority="also odd")]})
    company.build()
    before = company.rows("select reject_id, first_found_at from ops.reject")
    company.map("ticket", "status", source_columns=["priority"])
    transform.rebuild(company.settings)
    company.build()
    assert company.rows("select reject_id, first_found_at from ops.reject") == before
    assert company.rows("select value, status from ops.reject") == [("also odd", "open")]


def test_a_reject_whose_correction_turns_out_bad_is_open_again(company: Company) -> None:
    first = company.deliver("ticket", {DAY: [ticket("T1", status="odd")]})[0]
    second = company.deliver("ticket", {DAY: [ticket("T1", priority="low")]})[0]
    company.build()
    assert life(company) == [(first, 2, "unknown_code", "superseded", second)]
    company.map("ticket", "reopened_count", source_columns=["priority"])
    transform.rebuild(company.settings)
    company.build()
    assert life(company) == [
        (first, 2, "unknown_code", "open", None),
        (second, 2, "number_unreadable", "open", None),
    ]
    third = company.deliver("ticket", {NEXT: [ticket("T1", NEXT)]})[0]
    company.build()
    assert {(status, closed_by) for *_, status, closed_by in life(company)} == {("superseded", third)}


def test_only_a_later_row_of_the_same_key_and_source_supersedes(company: Company) -> None:
    other = Company(company.settings, source_id="other", facts=()).register(with_calendar=False)
    company.deliver("ticket", {DAY: [ticket("T1")]})
    company.deliver("ticket", {DAY: [ticket("T1", status="odd"), ticket("", status="odd")]})
    other.deliver("ticket", {DAY: [ticket("T1"), ticket("")]})
    company.build()
    assert company.rows("select distinct status from ops.reject") == [("open",)]
    assert company.rows(
        "select distinct row_number, key, key_values from ops.reject where source_id = 'site' order by 1"
    ) == [(2, "T1", ["T1"]), (3, None, None)]
    company.deliver("project", {DAY: [project("P3", project_grade="Z")]})
    company.build()
    brought = other.deliver("project", {NEXT: [project("P3")]})[0]
    company.build()
    assert company.rows("select status, closed_by_delivery_id from ops.reject where entity = 'project'") == [
        ("superseded", brought)
    ]


def test_the_days_reject_rate_follows_what_became_of_its_rows(company: Company) -> None:
    def daily(*columns: str) -> list[tuple[object, ...]]:
        (build,) = company.rows("select max(build_id) from ops.build")[0]
        transform.run_dbt(
            company.settings, ["run", "--select", "fct_reject_daily"], variables={"build_id": build}
        )
        return company.rows(
            f"select day::text, {', '.join(columns)} from marts.fct_reject_daily where entity = 'ticket' order by 1"
        )

    counts = (
        "rows_landed",
        "rows_staged",
        "rows_superseded",
        "rows_rejected",
        "rows_duplicate",
        "rows_flagged",
    )
    company.deliver(
        "ticket",
        {
            DAY: [ticket("T1"), ticket("T2"), ticket("T3", status="odd")],
            NEXT: [ticket("T4", NEXT, status="closed")],
            "2026-03-04": [],
        },
    )
    company.build()
    assert daily(*counts, "delivery_count", "rejected_pct::float") == [
        (DAY, 3, 2, 0, 1, 0, 0, 1, 33.3333),
        (NEXT, 1, 1, 0, 0, 0, 1, 1, 0.0),
        ("2026-03-04", 0, 0, 0, 0, 0, 0, 1, None),
    ]
    company.deliver(
        "ticket", {NEXT: [ticket("T1", NEXT), ticket("T4", NEXT, status="closed")]}, file_name="b.csv"
    )
    company.build()
    assert daily(*counts, "delivery_count") == [
        (DAY, 3, 1, 1, 1, 0, 0, 1),
        (NEXT, 3, 2, 0, 0, 1, 2, 2),
        ("2026-03-04", 0, 0, 0, 0, 0, 0, 1),
    ]
    assert company.rows(
        "select count(*) from marts.fct_reject_daily "
        "where rows_landed <> rows_staged + rows_superseded + rows_rejected + rows_duplicate"
    ) == [(0,)]
    assert company.rows("select count(*) from marts.fct_reject_daily where entity = 'project'") == [(1,)]
