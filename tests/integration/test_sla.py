"""Service levels from policies to days: what is promised of a ticket, and on which day it was broken."""

from __future__ import annotations

from typing import Any

import pytest
from tests.deliveries import Company, project, ticket

from yardstick.settings import Settings

ASKED = ("service_items", "service_groups", "priorities", "project_grades", "channels", "is_emergency")
OPENED = "2026-03-02"  # a Monday; service from eight to six on weekdays


def event(name: str, of: str, at: str, kind: str, **fields: str) -> dict[str, str]:
    return {
        "source_ticket_event_id": name,
        "source_ticket_id": of,
        "occurred_at": f"2026-03-{at}:00",
        "event_kind": kind,
        **fields,
    }


@pytest.fixture
def company(staged: Settings) -> Company:
    company = Company(staged).register()
    company.deliver_master()
    return company


def promise(
    company: Company,
    *policies: tuple[str, dict[str, Any], dict[str, tuple[Any, ...]]],
    release: str = "2026",
) -> None:
    """A release in force from its year on: policies with what they apply to, and by target minutes, clock, pauses."""
    with company.open() as connection, connection.transaction():
        for table in ("sla_target", "sla_policy"):
            connection.execute(f"delete from ops.{table} where standards_release = %s".encode(), [release])
        connection.execute(
            "insert into ops.standards_release (standards_release, effective_from, content_sha256, names) "
            "values (%s, %s, '', '{}') on conflict do nothing",
            [release, f"{release}-01-01"],
        )
        for position, (name, asked, targets) in enumerate(policies, start=1):
            connection.execute(
                "insert into ops.sla_policy (standards_release, policy, names, service_items, service_groups, "
                "priorities, project_grades, channels, is_emergency, position) "
                "values (%s, %s, '{}', %s, %s, %s, %s, %s, %s, %s)",
                [release, name, *map(asked.get, ASKED), position],
            )
            for target, (minutes, clock, *paused_in) in targets.items():
                connection.execute(
                    "insert into ops.sla_target values (%s, %s, %s, %s, %s, %s)",
                    [release, name, target, minutes, clock, paused_in],
                )


def told(company: Company, name: str, target: str = "complete", occurrence: int = 1) -> tuple[Any, ...]:
    """Status, and where it has them when it is due, will be broken and was broken, and minutes used."""
    at = ", ".join(
        f"to_char({column} at time zone 'Asia/Shanghai', 'DD HH24:MI')"
        for column in ("due_at", "breaches_at", "breached_at")
    )
    rows = company.rows(
        f"select status, {at}, used_minutes from marts.fct_sla_event "
        "where (source_ticket_id, target, occurrence) = (%s, %s, %s)",
        [name, target, occurrence],
    )
    assert len(rows) <= 1
    return rows[0] if rows else ()


def deliver(company: Company, day: str, tickets: list[dict[str, str]], *events: dict[str, str]) -> None:
    company.deliver("ticket", {day: tickets}, file_name=f"ticket-{day}.csv")
    if events:
        company.deliver("ticket_event", {day: list(events)}, file_name=f"event-{day}.csv")
    assert company.build()


def broken_on(company: Company) -> list[tuple[Any, ...]]:
    return company.rows(
        "select day::text, target, targets_breached from marts.fct_sla_daily where targets_breached > 0 order by 1, 2"
    )


def test_promises_worked_out_by_hand(company: Company) -> None:
    promise(
        company,
        ("urgent", {"priorities": ["urgent"]}, {"complete": (60, "service")}),
        ("by_app", {"channels": ["app"]}, {"complete": (660, "service"), "respond": (30, "calendar")}),
        (
            "by_mail",
            {"channels": ["email"]},
            {"complete": (120, "calendar", "waiting_parts"), "call_back": (60, "service")},
        ),
        ("by_web", {"channels": ["web"]}, {"next_reply": (30, "calendar"), "update": (60, "calendar")}),
    )
    deliver(
        company,
        OPENED,
        [
            ticket("raised", priority="urgent"),
            ticket("late", priority="low"),
            ticket("urgent", priority="urgent", channel="phone"),
            ticket("other", priority="low", channel="phone"),
            ticket("rested", channel="email", status="closed", closed_at="2026-03-02 17:30:00"),
            ticket("cancelled", channel="email", status="cancelled"),
            ticket("asked", channel="web", status="closed", closed_at="2026-03-02 12:00:00"),
        ],
        event("1", "raised", "02 09:00", "opened", priority_after="low"),
        event("2", "raised", "02 09:30", "priority_changed", priority_after="urgent"),
        event("3", "late", "02 09:00", "opened", priority_after="low"),
        event("4", "late", "02 10:30", "priority_changed", priority_after="urgent"),
        event("5", "rested", "02 09:30", "paused", pause_reason="parts"),
        event("6", "rested", "02 10:30", "resumed"),
        event("7", "rested", "02 11:00", "closed"),
        event("8", "rested", "02 16:30", "reopened"),
        event("9", "rested", "03 08:30", "called_back"),
        event("10", "cancelled", "02 09:10", "cancelled"),
        event("11", "asked", "02 09:20", "responded"),
        event("12", "asked", "02 09:40", "commented", actor_role="owner"),
        event("13", "asked", "02 09:50", "commented", actor_role="owner"),
        event("14", "asked", "02 10:11", "commented", is_visible_to_owner="true"),
        event("15", "asked", "02 11:50", "commented", actor_role="owner"),
    )
    # Half an hour was used when it became urgent; for the other it was too late already.
    assert told(company, "raised") == ("breached_open", "02 10:00", None, "02 10:01", None)
    assert told(company, "late") == ("breached_open", "02 10:00", None, "02 10:30", None)
    assert told(company, "urgent") == ("breached_open", "02 10:00", None, "02 10:01", None)
    assert told(company, "other") == ()
    # When it is urgent nobody promises an answer, and the half hour in which one was promised was not over.
    assert told(company, "raised", "respond") == ("void", None, None, None, None)
    assert told(company, "late", "respond") == ("breached_open", None, None, "02 09:31", None)
    # While it waited for parts and while it was closed minutes did not count.
    assert told(company, "rested") == ("met", "02 17:30", None, None, 120)
    assert told(company, "rested", "call_back") == ("met", "03 08:30", None, None, 60)
    assert told(company, "cancelled") == ("void", "02 11:00", None, None, 10)
    assert company.rows(
        "select source_ticket_id, is_called_back_on_time from marts.fct_ticket where is_called_back is not null"
        " order by 1"
    ) == [("asked", None), ("rested", True)]
    # Each message that waits, and each word to the owner, is an occurrence.
    assert told(company, "asked", "next_reply", 1) == ("breached", "02 10:10", None, "02 10:11", 31)
    assert told(company, "asked", "next_reply", 2) == ("void", "02 12:20", None, None, 10)
    assert told(company, "asked", "update", 1) == ("met", "02 10:00", None, None, 20)
    assert told(company, "asked", "update", 2) == ("met", "02 10:20", None, None, 51)
    assert told(company, "asked", "update", 3) == ("breached", "02 11:11", None, "02 11:12", 109)


def test_breach_counts_on_its_day_without_any_event(company: Company) -> None:
    promise(company, ("all", {}, {"complete": (660, "service", "waiting_owner")}))
    deliver(
        company,
        OPENED,
        [ticket("T1"), ticket("T2")],
        event("E1", "T2", "02 17:00", "paused", pause_reason="owner"),
    )
    assert told(company, "T1") == ("running", "03 10:00", "03 10:01", None, None)
    assert told(company, "T2") == ("paused", None, None, None, None)
    assert broken_on(company) == []
    untouched = company.rows("select xmin::text from marts.fct_sla_event where source_ticket_id = 'T2'")

    deliver(
        company, "2026-03-03", [ticket("T3", "2026-03-03", status="closed", closed_at="2026-03-03 09:30:00")]
    )
    assert told(company, "T1") == ("breached_open", "03 10:00", None, "03 10:01", None)
    assert told(company, "T2") == ("paused", None, None, None, None)
    assert broken_on(company) == [("2026-03-03", "complete", 1)]
    assert (
        company.rows("select xmin::text from marts.fct_sla_event where source_ticket_id = 'T2'") == untouched
    )

    # It was closed in time all along: the breach goes, from its day too.
    late = ticket("T1", status="closed", closed_at="2026-03-03 09:59:00")
    deliver(company, "2026-03-04", [late])
    assert told(company, "T1") == ("met", "03 10:00", None, None, 659)
    assert broken_on(company) == []


def test_changed_policies_grades_and_items_make_their_tickets_new(company: Company) -> None:
    promise(
        company,
        ("b", {"project_grades": ["B"]}, {"complete": (60, "calendar")}),
        ("grounds", {"service_groups": ["grounds"]}, {"complete": (90, "calendar")}),
        ("rest", {}, {"complete": (120, "calendar")}),
    )
    done = {"status": "closed", "closed_at": "2026-03-02 10:40:00"}
    deliver(
        company,
        OPENED,
        [ticket("T1", **done), ticket("T2", project_id="P2", service_item_id="lobby", **done)],
    )

    def kept() -> list[tuple[Any, ...]]:
        return company.rows("select source_ticket_id, policy, status from marts.fct_sla_event order by 1")

    assert kept() == [("T1", "rest", "met"), ("T2", "rest", "met")]
    company.deliver("project", {"2026-03-03": [project("P1", project_grade="B")]})
    company.build()
    assert kept() == [("T1", "b", "breached"), ("T2", "rest", "met")]
    lobby = {"service_item_id": "lobby", "service_item_name_en": "lobby", "service_group_id": "grounds"}
    company.deliver("service_item", {"2026-03-03": [lobby]})
    company.build()
    assert kept() == [("T1", "b", "breached"), ("T2", "grounds", "breached")]
    promise(company, ("rest", {}, {"complete": (100, "calendar")}))
    company.deliver("service_item", {"2026-03-04": [lobby]})
    company.build()
    assert kept() == [("T1", "rest", "met"), ("T2", "rest", "met")]
    assert broken_on(company) == []
    # What another release promises later is nothing to them.
    promise(company, ("rest", {}, {"complete": (1, "calendar")}), release="2027")
    company.deliver("service_item", {"2026-03-05": [lobby]})
    company.build()
    assert company.rows("select count(*) from intermediate.int_tickets__sla_changed") == [(0,)]
    assert kept() == [("T1", "rest", "met"), ("T2", "rest", "met")]
