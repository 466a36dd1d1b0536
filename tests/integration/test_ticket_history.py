"""Events that come late, are corrected or change their ticket: what a build touches, and that it is enough."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.deliveries import Company, ticket, ticket_event

from yardstick import transform
from yardstick.settings import Settings

KINDS = (
    *("assigned", "accepted", "paused", "resumed", "work_done", "reopened", "commented", "returned"),
    *4 * ("handed_over",),
)
DEPARTMENTS = ("", "front", "repair", "green")
TICKET_FACTS = (
    "marts.fct_ticket",
    "marts.fct_ticket_span",
    "marts.fct_ticket_handover",
    "marts.fct_ticket_backlog_daily",
)


@pytest.fixture
def company(staged: Settings) -> Company:
    company = Company(staged).register()
    company.deliver_master()
    return company


def backlog(company: Company) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {
        row[:4]: row[4:]
        for row in company.rows(
            "select day::text, project_id, service_item_id, department_id, tickets_opened, tickets_closed, "
            "tickets_handed_in, tickets_handed_out, tickets_open, tickets_overdue, tickets_open_0_1_days, "
            "tickets_open_1_3_days, tickets_open_3_7_days, tickets_open_7_30_days, tickets_open_30_plus_days "
            "from marts.fct_ticket_backlog_daily"
        )
    }


def test_event_three_weeks_late_changes_its_ticket_and_its_days_and_nothing_else(company: Company) -> None:
    company.deliver(
        "ticket",
        {
            "2026-03-02": [ticket(f"T{n}") for n in range(5)],
            "2026-03-04": [ticket("S", "2026-03-04", closed_at="2026-03-09 12:00:00", status="closed")],
            "2026-03-27": [ticket("L", "2026-03-27")],
        },
    )
    company.deliver(
        "ticket_event",
        {"2026-03-04": [ticket_event("E1", "S", "2026-03-04 12:00:00", to_department_id="front")]},
    )
    company.build()
    tickets, days = company.tickets(), backlog(company)

    company.deliver(
        "ticket_event",
        {"2026-03-27": [ticket_event("E2", "S", "2026-03-06 15:00:00", to_department_id="repair")]},
        file_name="late.csv",
    )
    company.build()

    assert company.changed_tickets(tickets) == {"S"}
    now = backlog(company)
    assert {key[0] for key in days.keys() | now.keys() if days.get(key) != now.get(key)} == {
        f"2026-03-0{n}" for n in range(6, 10)
    }
    assert company.rows(
        "select from_department_id, to_department_id, from_held_calendar_minutes from marts.fct_ticket_handover "
        "where source_ticket_id = 'S' order by handover_number"
    ) == [(None, "front", 180), ("front", "repair", 2 * 1440 + 180)]
    assert company.rows("select source_ticket_id from intermediate.int_tickets__touched") == [("S",)]


def test_late_stay_of_one_day_changes_who_hands_over_on_the_next(company: Company) -> None:
    company.deliver(
        "ticket",
        {
            "2026-03-04": [ticket("S", "2026-03-04"), ticket("N", "2026-03-04", project_id="P2")],
            "2026-03-10": [],
        },
    )
    company.deliver(
        "ticket_event",
        {
            "2026-03-04": [
                ticket_event("E1", "S", "2026-03-04 12:00:00", to_department_id="front"),
                ticket_event("E3", "S", "2026-03-07 12:00:00", to_department_id="repair"),
            ]
        },
    )
    company.build()
    company.deliver(
        "ticket_event",
        {"2026-03-10": [ticket_event("E2", "S", "2026-03-06 15:00:00", to_department_id="green")]},
        file_name="late.csv",
    )
    company.build()
    days = backlog(company)
    assert {key[3]: moved[2:4] for key, moved in days.items() if key[:2] == ("2026-03-07", "P1")} == {
        "repair": (1, 0),
        "green": (0, 1),
    }
    assert company.rows(
        "select project_id, day::text from intermediate.int_project_days__affected "
        "where backlog_first_day is not null order by 1, 2"
    ) == [("P1", "2026-03-06"), ("P1", "2026-03-07")]
    company.forget()
    company.build()
    assert backlog(company) == days


def test_any_order_of_deliveries_gives_what_one_build_from_scratch_gives(company: Company) -> None:
    drawn = random.Random(1)
    begin = datetime(2026, 3, 2, 9)
    live: dict[str, dict[str, str]] = {}
    for day in range(7):
        date = (begin + timedelta(days=day)).date().isoformat()
        for number in range(6):
            name = f"{day}-{number}"
            live[name] = ticket(name, date, project_id=drawn.choice(("P1", "P2")))
            if drawn.random() < 0.5:
                live[name]["due_at"] = f"{begin + timedelta(days=day + drawn.randrange(5))}"
        for name in drawn.sample(sorted(live), 4):
            closed = drawn.random() < 0.7
            live[name] |= {
                "status": "closed" if closed else "open",
                "closed_at": f"{begin + timedelta(days=day, hours=drawn.randrange(9))}" if closed else "",
                "department_id": drawn.choice(DEPARTMENTS),
            }
        by_day: dict[str, list[dict[str, str]]] = {date: []}
        for row in live.values():
            by_day.setdefault(row["opened_at"][:10], []).append(row)
        company.deliver("ticket", by_day)
        events = [
            ticket_event(
                f"E{drawn.randrange(90)}",
                drawn.choice(sorted(live)),
                f"{begin + timedelta(days=drawn.uniform(-1, day + 1))}"[:19],
                drawn.choice(KINDS),
                to_department_id=drawn.choice(DEPARTMENTS),
                priority_after=drawn.choice(("", "", "high")),
                is_visible_to_owner=drawn.choice(("", "true", "false")),
            )
            for _ in range(20)
        ]
        unique = {row["source_ticket_event_id"]: row for row in events}
        company.deliver("ticket_event", {date: list(unique.values())}, file_name=f"{day}.csv")
        if drawn.random() < 0.6:
            company.build()
        if drawn.random() < 0.2:
            transform.rebuild(
                company.settings, begin.date(), begin.date() + timedelta(days=drawn.randrange(7))
            )
    company.build()
    before, days = company.fingerprints(TICKET_FACTS), backlog(company)
    assert company.rows("select count(*) > 5 from marts.fct_ticket_handover") == [(True,)]
    company.forget()
    company.build()
    assert backlog(company) == days
    assert company.fingerprints(TICKET_FACTS) == before
