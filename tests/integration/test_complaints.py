"""Facts of complaints and of households on a real server, from small deliveries."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from tests.complaint_deliveries import call_back, complaint, complaint_company
from tests.deliveries import FAMILIES, Company, ticket
from tests.quality_deliveries import affected, one

from yardstick import publish
from yardstick.doors import DOORS
from yardstick.settings import Settings

REPEATS = (
    "select source_complaint_id, is_repeat, repeats, repeat_of, days_since_previous "
    "from marts.fct_complaint order by 1"
)


@pytest.fixture
def company(staged: Settings) -> Company:
    return complaint_company(staged, facts=("+fct_complaint",))


def test_complaint_climbs_its_ladder_in_both_clocks(company: Company) -> None:
    friday = complaint(
        "C1", "2026-03-06", received_at="2026-03-06 17:30:40", acknowledged_at="2026-03-06 17:31:10",
        replied_at="2026-03-09 08:15:00", resolved_at="2026-03-09 08:15:59", closed_at="2026-03-10 09:00:00",
        due_at="2026-03-09 08:15:59", status="closed", escalation_level="region",
        escalated_at="2026-03-08 10:00:00", is_upheld="true", rating="2",
    )  # fmt: skip
    anywhere = {
        **friday,
        "source_complaint_id": "C2",
        "service_item_id": "",
        "replied_at": "2026-03-06 17:00:00",
    }
    withdrawn = {**friday, "source_complaint_id": "C3", "status": "withdrawn", "escalation_level": "none"}
    company.deliver("complaint", {"2026-03-06": [friday, anywhere, {**withdrawn, "escalated_at": ""}]})
    company.build()
    minutes = ", ".join(
        f"{rung}_{clock}_minutes"
        for rung in ("acknowledge", "reply", "resolve", "close")
        for clock in ("calendar", "service")
    )
    assert company.rows(f"select {minutes} from marts.fct_complaint order by source_complaint_id") == [
        (1, 1, 3765, 45, 3765, 45, 5250, 690),
        (1, 1, None, None, 3765, 45, 5250, 690),
        (1, 1, 3765, 45, 3765, 45, 5250, 690),
    ]
    assert company.rows(
        "select is_on_time, due_date::text, is_escalated, escalation_level, is_upheld, rating, is_called_back "
        "from marts.fct_complaint order by source_complaint_id"
    ) == [
        (True, "2026-03-09", True, "region", True, 2, False),
        (True, "2026-03-09", True, "region", True, 2, False),
        (None, "2026-03-09", False, "none", True, 2, None),
    ]


def test_what_a_source_does_not_tell_is_not_counted_against_it(company: Company) -> None:
    with company.open() as connection:
        connection.execute(
            "delete from ops.source_field where entity = 'call_back' or field in ('escalation_level', 'escalated_at')"
        )
    settled = complaint("C1", "2026-03-06", status="resolved", resolved_at="2026-03-06 10:00:00")
    company.deliver("complaint", {"2026-03-06": [settled]})
    company.build()
    query = (
        "select is_escalated, is_called_back, is_on_time, reply_calendar_minutes, answered_at = resolved_at "
    )
    assert one(company, query + "from marts.fct_complaint") == (None, None, None, None, True)


def test_first_call_that_reaches_the_household_after_settling_counts(company: Company) -> None:
    query = "select is_called_back, source_call_back_id from marts.fct_complaint order by source_complaint_id"
    settled = {"status": "resolved", "resolved_at": "2026-03-03 10:00:00"}
    company.deliver(
        "complaint",
        {
            "2026-03-02": [
                complaint("C1", "2026-03-02", **settled),
                complaint("C2", "2026-03-02", household_id="1-102", **settled),
                complaint("C3", "2026-03-02", household_id="1-103"),
            ]
        },
    )
    company.build()
    assert company.rows(query) == [(False, None), (False, None), (None, None)]

    calls = [
        call_back("early", "C1", "2026-03-03 09:59:00"),
        call_back("nobody", "C1", "2026-03-03 11:00:00", result="not_reached"),
        call_back("second", "C1", "2026-03-05 11:00:00"),
        call_back("first", "C1", "2026-03-04 11:00:00"),
        call_back("stranger", "C9", "2026-03-04 11:00:00"),
        call_back("open", "C3", "2026-03-04 11:00:00"),
    ]
    company.deliver("call_back", {"2026-03-05": calls})
    company.build()
    assert company.rows(query) == [(True, "first"), (False, None), (None, None)]

    # it was of another complaint
    company.deliver("call_back", {"2026-03-06": [call_back("first", "C2", "2026-03-04 11:00:00")]})
    company.build()
    assert company.rows(query) == [(True, "second"), (True, "first"), (None, None)]


def test_same_household_and_thing_within_the_days_of_the_release_is_a_repeat(company: Company) -> None:
    company.deliver(
        "complaint",
        {
            "2025-12-20": [
                complaint("A1", "2025-12-10"),
                complaint("A2", "2025-12-20"),  # no release says what a repeat is
            ],
            "2026-03-31": [
                complaint("B1", "2026-01-10"),
                complaint("B2", "2026-02-09"),
                complaint("B3", "2026-03-12"),
                complaint("B4", "2026-03-12", received_at="2026-03-12 09:00:01"),
                complaint("item", "2026-03-13", service_item_id="lobby"),
                complaint("kind", "2026-03-13", service_item_id=""),
                complaint("kind_again", "2026-03-14", service_item_id="", complaint_kind="quality"),
                complaint("other_kind", "2026-03-14", service_item_id="", complaint_kind="noise"),
                complaint("nothing", "2026-03-14", service_item_id="", complaint_kind=""),
                complaint("project", "2026-03-14", project_id="P2"),
                complaint("household", "2026-03-14", household_id="1-102"),
                complaint("nobody", "2026-03-14", household_id=""),
                complaint("taken_back", "2026-03-14", status="withdrawn"),
            ],
        },
    )
    company.build()
    untold = (None, None, None, None)
    assert {row[0]: row[1:] for row in company.rows(REPEATS)} == {
        "A1": untold,
        "A2": (None, None, None, 10),
        "B1": (True, 1, "A2", 21),
        "B2": (True, 1, "B1", 30),
        "B3": (False, 0, None, 31),
        "B4": (True, 1, "B3", 0),
        "item": (False, 0, None, None),
        "kind": (False, 0, None, None),
        "kind_again": (True, 1, "kind", 1),
        "other_kind": (False, 0, None, None),
        "nothing": untold,
        "project": (False, 0, None, None),
        "household": (False, 0, None, None),
        "nobody": untold,
        "taken_back": untold,
    }


def test_correction_of_an_earlier_complaint_reaches_the_later_ones_and_nothing_else(company: Company) -> None:
    company.facts = None
    company.deliver(
        "complaint",
        {
            "2026-03-20": [
                complaint("C1", "2026-03-01"),
                complaint("C2", "2026-03-10"),
                complaint("C3", "2026-03-20"),
                complaint("D1", "2026-03-11", household_id="1-102"),
                complaint("D2", "2026-03-15", household_id="1-102"),
            ]
        },
    )
    company.build()
    before = dict(company.rows("select source_complaint_id, c::text from marts.fct_complaint as c"))
    versions = dict(company.rows("select source_complaint_id, xmin::text from marts.fct_complaint"))
    assert [row[1:4] for row in company.rows(REPEATS)[:3]] == [
        (False, 0, None), (True, 1, "C1"), (True, 2, "C2"),
    ]  # fmt: skip

    # C2 was another household's after all
    company.deliver("complaint", {"2026-03-10": [complaint("C2", "2026-03-10", household_id="1-103")]})
    company.build()
    assert [row[1:] for row in company.rows(REPEATS)[:3]] == [
        (False, 0, None, None), (False, 0, None, None), (True, 1, "C1", 19),
    ]  # fmt: skip
    now = dict(company.rows("select source_complaint_id, c::text from marts.fct_complaint as c"))
    assert {name for name in now if now[name] != before[name]} == {"C2", "C3"}
    written = dict(company.rows("select source_complaint_id, xmin::text from marts.fct_complaint"))
    assert {name for name in written if written[name] != versions[name]} == {"C2", "C3"}
    assert affected(company) == ["10", "20"]


def test_releases_and_service_hours_read_anew_are_applied(company: Company) -> None:
    company.deliver(
        "complaint",
        {
            "2026-03-12": [
                complaint("C1", "2026-03-02", acknowledged_at="2026-03-02 20:00:00"),
                complaint("C2", "2026-03-12", service_item_id="", acknowledged_at="2026-03-12 20:00:00"),
                complaint("C3", "2026-03-12"),
            ]
        },
    )
    company.build()
    query = (
        "select acknowledge_service_minutes, is_repeat from marts.fct_complaint order by source_complaint_id"
    )
    assert company.rows(query) == [(540, False), (540, False), (None, True)]
    with company.open() as connection:
        connection.execute(
            "update ops.standards_release set complaint_repeat_within_days = 9, loaded_at = now() "
            "where standards_release = '2026-01'"
        )
        connection.execute("update ops.calendar_day set closes_minute = 1140")
    company.deliver("call_back", {"2026-03-13": [call_back("x", "C9", "2026-03-13 09:00:00")]})
    company.build()
    assert company.rows(query) == [(600, False), (600, False), (None, False)]


def test_no_household_reaches_whoever_reads(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "DOORS", tuple(door for door in DOORS if door.source[0] == "marts"))
    company.families, company.facts = tuple(FAMILIES), None  # all doors of the marts are looked behind
    named = {"household_id": "8栋2单元1704"}
    company.deliver("ticket", {"2026-03-02": [ticket("T1", "2026-03-02", **named)]})
    first, second = (
        complaint(name, day, **named) for name, day in (("C1", "2026-03-02"), ("C2", "2026-03-20"))
    )
    company.deliver("complaint", {"2026-03-20": [first, second]})
    published(company)
    company.deliver("complaint", {"2026-03-02": [{**first, "status": "withdrawn"}]}, file_name="later.csv")
    published(company)
    for name, relation in (("complaint", "fct_complaint"), ("household_history", "fct_household_history")):
        columns = ", ".join(
            row[0]
            for row in company.rows(
                "select column_name from information_schema.columns where table_schema = 'publish' "
                "and table_name = %s order by ordinal_position",
                [name],
            )
        )
        query = (
            f"select {columns} from %s order by received_at"
            if name == "complaint"
            else (f"select {columns} from %s order by happened_at, kind")
        )
        assert company.rows(query % f"publish.{name}") == company.rows(query % f"marts.{relation}") != []
    assert company.rows("select source_complaint_id, is_repeat from bi.complaint order by 1") == [
        ("C1", None), ("C2", False),
    ]  # fmt: skip

    def relations(where: str) -> list[str]:
        return [
            f"{schema}.{name}"
            for schema, name in company.rows(
                "select n.nspname, c.relname from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace "
                f"where c.relkind in ('r', 'v') and n.nspname {where}"
            )
        ]

    def telling(relations: list[str]) -> list[str]:
        return [
            name
            for name in relations
            if company.rows(f"select 1 from {name} as t where position('8栋' in t::text) > 0 limit 1")
        ]

    assert telling(relations("= 'staging'")), "what is looked for is there"
    read = relations("in ('intermediate', 'marts', 'publish', 'release', 'bi', 'hr')")
    assert {"marts.fct_complaint", "publish.household_history", "bi.complaint"} <= set(read)
    assert telling(read) == []


def published(company: Company) -> None:
    """Build, and publish as if the gates had passed."""
    build_id = company.build()
    for gate in publish.GATES:
        with company.open() as connection:
            connection.execute(
                "insert into ops.gate_verdict (build_id, gate, is_passed, expectations, blocking_failures, warnings) "
                "values (%s, %s, true, 1, 0, 0)",
                [build_id, gate],
            )
    assert build_id
    publish.move(company.settings, build_id)


def history(company: Company, household: str, project: str = "P1") -> list[tuple[object, ...]]:
    ((salt,),) = company.rows("select salt from ops.household_salt")
    key = hmac.new(salt, f"{project}\x1f{household}".encode(), hashlib.sha256).hexdigest()[:32]
    return company.rows(
        "select source_subject_id, kind, tickets, complaints, repeats from marts.fct_household_history "
        "where household_key = %s order by happened_at, kind desc",
        [key],
    )


def test_history_of_a_household_counts_on_whatever_comes_late(company: Company) -> None:
    company.facts = None
    company.deliver(
        "ticket",
        {
            "2026-03-10": [
                ticket("T1", "2026-03-02", household_id="1-101"),
                ticket("T2", "2026-03-10", household_id="1-101", status="cancelled"),
                ticket("T3", "2026-03-10", household_id="1-101", project_id="P2"),
                ticket("T4", "2026-03-10"),
            ]
        },
    )
    company.deliver("complaint", {"2026-03-10": [complaint("C2", "2026-03-10")]})
    company.build()
    assert history(company, "1-101") == [
        ("T1", "ticket", 1, 0, 0),
        ("T2", "ticket", 2, 0, 0),
        ("C2", "complaint", 2, 1, 0),
    ]
    assert history(company, "1-101", "P2") == [("T3", "ticket", 1, 0, 0)]

    company.deliver("complaint", {"2026-03-05": [complaint("C1", "2026-03-05")]}, file_name="late.csv")
    company.build()
    assert history(company, "1-101") == [
        ("T1", "ticket", 1, 0, 0),
        ("C1", "complaint", 1, 1, 0),
        ("T2", "ticket", 2, 1, 0),
        ("C2", "complaint", 2, 2, 1),
    ]

    elsewhere = company.rows("select xmin::text from marts.fct_household_history where project_id = 'P2'")
    moved = ticket("T1", "2026-03-02", household_id="1-102")
    company.deliver("ticket", {"2026-03-02": [moved]}, file_name="moved.csv")
    company.build()
    assert history(company, "1-102") == [("T1", "ticket", 1, 0, 0)]
    assert [row[2:] for row in history(company, "1-101")] == [(0, 1, 0), (1, 1, 0), (1, 2, 1)]
    now = company.rows("select xmin::text from marts.fct_household_history where project_id = 'P2'")
    assert now == elsewhere
