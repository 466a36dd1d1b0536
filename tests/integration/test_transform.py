"""The dbt stages on a real server: typing, rejects, supersession, incremental facts."""

from __future__ import annotations

from datetime import date

import pytest
from tests.deliveries import Company, project, ticket, ticket_event

from yardstick import transform
from yardstick.settings import Settings


@pytest.fixture
def company(staged: Settings) -> Company:
    return master_delivered(staged)


def master_delivered(settings: Settings, *, facts: tuple[str, ...] | None = None) -> Company:
    company = Company(settings, facts=facts).register()
    company.deliver_master()
    return company


def rejects(company: Company) -> set[tuple[str, str, str]]:
    """Row, field and rule of everything that is rejected now."""
    return set(company.rows("select row_number, field, rule from ops.rejected"))


def test_every_violated_rule_is_named_and_the_rest_of_the_file_lands(company: Company) -> None:
    company.map(
        "ticket",
        "due_at",
        format="%d/%m/%Y",
        pattern="^([0-9]{2})/([0-9]{2})/([0-9]{4})$",
        template=r"\3-\2-\1",
    )
    delivery = company.deliver(
        "ticket",
        {
            "2026-03-02": [
                ticket("T1", due_at="05/03/2026"),
                ticket("T2", due_at="31/02/2026"),
                ticket("T3", due_at="2026-03-05"),
                ticket("T4", opened_at=""),
                ticket("T5", reopened_count="1.5"),
                ticket("T6", status="strange"),
                ticket("T7", project_id="P9", service_item_id="roof"),
                ticket("T8"),
                ticket("T9", channel="pigeon", reopened_count="x"),
                ticket("T10", opened_at="now"),
            ]
        },
        problems={9: ("missing_cells", "row 9 has 3 cells where the header has 15")},
    )[0]
    company.build()
    assert rejects(company) == {
        (3, "due_at", "timestamp_unreadable"),
        (4, "due_at", "timestamp_unreadable"),
        (5, "opened_at", "required_missing"),
        (6, "reopened_count", "number_unreadable"),
        (7, "status", "unknown_code"),
        (8, "project_id", "unknown_project"),
        (8, "service_item_id", "unknown_service_item"),
        (9, None, "missing_cells"),
        (10, "channel", "unknown_code"),
        (10, "reopened_count", "number_unreadable"),
        (11, "opened_at", "timestamp_unreadable"),
    }
    assert company.counts(delivery) == (10, 1, 0, 9, 0)
    assert company.rows("select value, reason from ops.rejected where row_number = 3") == [
        ("31/02/2026", '"31/02/2026" is not a date in the declared format %d/%m/%Y')
    ]
    assert company.rows("select due_at::text, due_date::text from marts.fct_ticket") == [
        ("2026-03-04 16:00:00+00", "2026-03-05")
    ]


def test_one_key_twice_in_a_file_is_a_conflict_unless_the_rows_agree(company: Company) -> None:
    first, second = company.deliver(
        "ticket",
        {
            "2026-03-02": [ticket("same"), ticket("same"), ticket("torn")],
            "2026-03-03": [ticket("torn", "2026-03-03"), ticket("fine", "2026-03-03")],
        },
    )
    company.build()
    assert company.counts(first) == (3, 1, 0, 1, 1)
    assert company.counts(second) == (2, 1, 0, 1, 0)
    assert rejects(company) == {
        (4, "source_ticket_id", "key_conflict"),
        (5, "source_ticket_id", "key_conflict"),
    }
    assert set(company.tickets()) == {"same", "fine"}
    before = company.fingerprints()
    transform.rebuild(company.settings, date(2026, 3, 3), date(2026, 3, 3))
    company.build()
    assert company.fingerprints() == before


def test_codes_constants_joined_columns_and_null_values_are_read_as_declared(staged: Settings) -> None:
    company = master_delivered(staged, facts=())
    company.map("ticket", "status", is_coded=True)
    company.map("ticket", "priority", constant="P2", source_columns=[])
    company.map("ticket", "department_id", source_columns=["division", "unit"], separator="/")
    company.map("ticket", "team_id", null_values=["", "NULL"])
    with company.open() as connection:
        connection.execute(
            "insert into ops.source_code values ('site', 'ticket', 'status', '', 'open'), "
            "('site', 'ticket', 'status', 'Erledigt', 'closed')"
        )
    header = [
        "source_ticket_id",
        "opened_at",
        "status",
        "project_id",
        "service_item_id",
        "division",
        "unit",
        "team_id",
    ]
    rows = [
        ticket("T1", status="", division="a", unit="b", team_id="NULL"),
        ticket("T2", status="Erledigt", division="a", unit="", team_id="NA"),
        ticket("T3", status="open"),
        ticket("  00123 ", status=""),
    ]
    company.deliver("ticket", {"2026-03-02": rows}, header=header)
    company.build()
    assert company.rows(
        "select source_ticket_id, status, priority, department_id, team_id "
        "from staging.stg_delivered__tickets order by 1"
    ) == [
        ("00123", "open", "P2", None, None),
        ("T1", "open", "P2", "a/b", None),
        ("T2", "closed", "P2", "a", "NA"),
    ]
    assert rejects(company) == {(4, "status", "unknown_code")}


def test_service_minutes_follow_the_calendar_across_nights_and_weekends(company: Company) -> None:
    company.deliver(
        "ticket",
        {
            "2026-03-06": [  # a Friday
                ticket(
                    "T1",
                    opened_at="2026-03-06 17:30:00",
                    first_response_at="2026-03-06 20:00:00",
                    due_at="2026-03-09 09:00:00",
                    closed_at="2026-03-09 08:15:00",
                    status="closed",
                ),
                ticket(
                    "T2",
                    opened_at="2026-03-06T01:00:00Z",
                    closed_at="2026-03-06 08:59:00",
                    status="closed",
                    due_at="2026-03-06 08:59:00",
                ),
            ]
        },
    )
    company.build()
    assert company.rows(
        "select close_calendar_minutes, close_service_minutes, first_response_service_minutes, is_on_time, "
        "is_closed_before_opened, closed_date::text, due_date::text from marts.fct_ticket "
        "order by source_ticket_id"
    ) == [
        (3765, 45, 30, True, False, "2026-03-09", "2026-03-09"),
        (None, None, None, True, True, "2026-03-06", "2026-03-06"),
    ]
    assert company.rows("select rule, field from ops.flag") == [("closed_before_opened", "closed_at")]


def test_backlog_counts_each_ticket_on_the_days_it_waits(company: Company) -> None:
    company.deliver(
        "ticket",
        {
            "2026-03-02": [
                ticket("T1", due_at="2026-03-03 12:00:00", closed_at="2026-03-05 10:00:00", status="closed"),
                ticket("T2"),
            ],
            "2026-03-03": [],
            "2026-03-04": [ticket("T3", "2026-03-04", closed_at="2026-03-04 10:00:00", status="closed")],
            "2026-03-06": [ticket("T4", "2026-03-06", service_item_id="lobby", status="cancelled")],
        },
    )
    company.build()
    assert company.rows(
        "select service_item_id, day::text, tickets_opened, tickets_closed, tickets_open, tickets_overdue "
        "from marts.fct_ticket_backlog_daily order by 1, 2"
    ) == [
        ("lift", "2026-03-02", 2, 0, 2, 0),
        ("lift", "2026-03-03", 0, 0, 2, 1),
        ("lift", "2026-03-04", 1, 1, 2, 1),
        ("lift", "2026-03-05", 0, 1, 1, 0),
        ("lift", "2026-03-06", 0, 0, 1, 0),
        ("lobby", "2026-03-06", 1, 0, 0, 0),
    ]


def test_rebuilding_any_day_or_the_whole_range_gives_the_same_rows(company: Company) -> None:
    _a_busy_week(company)
    company.build()
    before = company.fingerprints()
    assert all(before[name] for name in before if "calendar" not in name and "sla" not in name)
    assert company.build() is None
    with company.open() as connection:
        spoiled = connection.execute(
            "update marts.fct_ticket_backlog_daily set tickets_open = 99 where day = '2026-03-03'"
        )
        assert spoiled.rowcount
    for first, last in (("2026-03-03", "2026-03-03"), ("2026-03-01", "2026-03-01"), (None, None)):
        assert transform.rebuild(
            company.settings, first and date.fromisoformat(first), last and date.fromisoformat(last)
        )
        assert company.build()
        assert company.fingerprints() == before


def test_day_by_day_with_corrections_equals_one_build_from_scratch(company: Company) -> None:
    _a_busy_week(company, build_each=True)
    before = company.fingerprints()
    company.forget()
    company.build()
    assert company.fingerprints() == before


def test_corrected_file_changes_exactly_the_corrected_tickets(company: Company) -> None:
    rows = [ticket(f"T{number}") for number in range(20)]
    company.deliver("ticket", {"2026-03-02": rows})
    company.build()
    before = company.tickets()
    rows[3] |= {"closed_at": "2026-03-02 12:00:00", "status": "closed"}
    rows[7] |= {"title": "changed text"}
    second = company.deliver("ticket", {"2026-03-02": rows})[0]
    company.build()
    assert company.changed_tickets(before) == {"T3", "T7"}
    assert company.counts(second) == (20, 2, 0, 0, 18)
    assert company.counts(second - 1) == (20, 18, 2, 0, 0)
    again = company.deliver("ticket", {"2026-03-02": [*rows, ticket("T3")]}, file_name="other.csv")[0]
    before = company.tickets()
    company.build()
    assert company.changed_tickets(before) == set()
    assert company.counts(again) == (21, 0, 0, 2, 19)


def test_a_return_to_earlier_content_is_a_change(company: Company) -> None:
    first, second, third = (
        company.deliver("ticket", {"2026-03-02": [ticket("T1", project_id=name)]})[0]
        for name in ("P1", "P2", "P1")
    )
    company.build()
    assert [company.counts(each)[1:3] for each in (first, second, third)] == [(0, 1), (0, 1), (1, 0)]
    assert company.rows("select project_id, delivery_id from marts.fct_ticket") == [("P1", third)]


def test_a_rejected_correction_leaves_the_earlier_row(company: Company) -> None:
    company.deliver("ticket", {"2026-03-02": [ticket("T1")]})
    company.build()
    before = company.fingerprints()
    company.deliver("ticket", {"2026-03-02": [ticket("T1", closed_at="soon", status="closed")]})
    company.build()
    assert company.fingerprints()["marts.fct_ticket"] == before["marts.fct_ticket"]
    assert rejects(company) == {(2, "closed_at", "timestamp_unreadable")}


def test_rows_of_an_unknown_project_are_replayed_when_it_arrives(company: Company) -> None:
    delivery = company.deliver("ticket", {"2026-03-02": [ticket("T1", project_id="P3"), ticket("T2")]})[0]
    company.build()
    assert company.counts(delivery) == (2, 1, 0, 1, 0)
    company.deliver("project", {"2026-03-03": [project("P3")]})
    company.build()
    assert company.counts(delivery) == (2, 2, 0, 0, 0)
    assert set(company.tickets()) == {"T1", "T2"}
    assert rejects(company) == set()
    before = company.fingerprints()
    company.forget()
    company.build()
    assert company.fingerprints() == before


def test_a_changed_mapping_takes_away_what_its_rows_used_to_mean(company: Company) -> None:
    company.deliver("ticket", {"2026-03-02": [ticket("T1", priority="X1")]})
    company.build()
    company.map("ticket", "source_ticket_id", source_columns=["priority"])
    transform.rebuild(company.settings)
    company.build()
    assert set(company.tickets()) == {"X1"}
    assert company.rows("select sum(tickets_opened) from marts.fct_ticket_backlog_daily") == [(1,)]


def test_facts_lost_between_two_models_are_made_good_by_the_next_build(company: Company) -> None:
    company.deliver("ticket", {"2026-03-02": [ticket("T1"), ticket("T2")], "2026-03-05": []})
    company.build()
    moved = ticket("T1", project_id="P2", opened_at="2026-03-03 10:00:00")
    company.deliver("ticket", {"2026-03-02": [moved, ticket("T2")]})
    planned = transform.plan_build(company.settings, "tests")
    assert planned
    company.run(planned.build_id, without=["fct_ticket_backlog_daily"])  # killed after the tickets
    assert company.build()
    after = company.fingerprints()
    company.forget()
    company.build()
    assert company.fingerprints() == after


def test_a_failing_model_is_named_and_the_build_stays_dirty(company: Company) -> None:
    company.deliver("ticket", {"2026-03-02": [ticket("T1")]})
    planned = transform.plan_build(company.settings, "tests")
    assert planned
    with company.open() as connection:
        connection.execute("alter table raw.ticket rename column cells to elsewhere")
    with pytest.raises(transform.TransformError, match="stg_delivered__ticket_rows"):
        transform.stage(company.settings, planned.build_id)
    with company.open() as connection:
        connection.execute("alter table raw.ticket rename column elsewhere to cells")
    assert company.rows("select status, stage from ops.build") == [("failed", "stage")]
    assert company.rows("select count(*) from ops.model_run where status = 'error'") == [(1,)]
    assert company.build()
    assert set(company.tickets()) == {"T1"}


def test_the_demo_hears_of_every_model(company: Company) -> None:
    company.deliver("ticket", {"2026-03-02": [ticket("T1")]})
    planned = transform.plan_build(company.settings, "tests")
    assert planned
    heard: list[tuple[str, str]] = []
    transform.stage(company.settings, planned.build_id, lambda node, status: heard.append((node, status)))
    assert ("stg_delivered__tickets", "success") in heard
    assert company.rows("select count(*) from ops.model_run") == [(len(heard),)]


def _a_busy_week(company: Company, *, build_each: bool = False) -> None:
    """Five days of deliveries, corrections of tickets and of what happened to them, rejects, a late project."""

    def step() -> None:
        if build_each:
            company.build()

    company.deliver(
        "ticket", {"2026-03-02": [ticket(f"A{n}", due_at="2026-03-04 12:00:00") for n in range(6)]}
    )
    step()
    company.deliver(
        "ticket",
        {
            "2026-03-03": [
                *[ticket(f"B{n}", "2026-03-03", project_id=f"P{n}") for n in range(1, 4)],
                ticket("bad", "2026-03-03", due_at="soon"),
                ticket("back", "2026-03-03", closed_at="2026-03-01 08:00:00", status="closed"),
            ]
        },
    )
    company.deliver(
        "ticket",
        {
            "2026-03-02": [
                ticket("A0", due_at="2026-03-04 12:00:00", closed_at="2026-03-05 11:00:00", status="closed"),
                ticket("A1", due_at="2026-03-04 12:00:00", project_id="P2"),
                *[ticket(f"A{n}", due_at="2026-03-04 12:00:00") for n in range(2, 6)],
            ]
        },
    )
    step()
    company.deliver("ticket", {"2026-03-06": [ticket("C1", "2026-03-06", service_item_id="lobby")]})
    company.deliver(
        "ticket_event",
        {
            "2026-03-03": [
                ticket_event("E1", "A3", "2026-03-03 10:00:00", to_department_id="repair"),
                ticket_event("E2", "B1", "2026-03-03 11:00:00", to_department_id="repair"),
            ]
        },
    )
    step()
    company.deliver(  # the first was another ticket's; the third comes late
        "ticket_event",
        {
            "2026-03-03": [
                ticket_event("E1", "A4", "2026-03-03 10:00:00", to_department_id="repair"),
                ticket_event("E2", "B1", "2026-03-03 11:00:00", to_department_id="repair"),
                ticket_event("E3", "B1", "2026-03-03 10:00:00", to_department_id="front"),
            ]
        },
    )
    company.deliver("project", {"2026-03-04": [project("P3"), project("P1", project_grade="B")]})
    step()
    company.deliver(
        "ticket", {"2026-03-05": [ticket("A2", "2026-03-05", status="cancelled")]}, file_name="late.csv"
    )
    step()
