"""Whole builds of ten times the history, and a day's increment on top of each, by the build's own steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import psycopg

from yardstick import transform
from yardstick.bench.landing import installation
from yardstick.bench.report import Report, progress
from yardstick.bench.tickets import facts, hours
from yardstick.bench.tickets.company import SOURCE, connect, found, render
from yardstick.contracts import load_contracts
from yardstick.settings import Settings

HISTORY_DAYS = 220
TIMES = 10
SCALES = {"small": 20_000, "full": 1_000_000}
INCREMENTS = 3
YEARS = (2019, 2027)
LAST_DAY = date(2026, 3, 31)
_STEPS: dict[str, Callable[[Settings, int], None]] = {
    "stage": lambda made, build_id: transform.run_stage(made, "stage", build_id),
    "account": transform.account,
    "facts": transform.facts,
}
_TICKET = {
    "source_ticket_id": "'T' || ticket_id",
    "opened_at": "opened_at",
    "due_at": "opened_at + interval '3 days'",
    "first_response_at": "first_response_at",
    "closed_at": "closed_at",
    "work_done_at": "work_done_at",
    "status": "case when closed_at is null then 'open' else 'closed' end",
    "project_id": "project_id",
    "service_item_id": "service_item_id",
    "department_id": "'D' || ticket_id % 4",
    "channel": "(array['phone', 'app', 'web'])[1 + ticket_id % 3]",
    "priority": "(1 + ticket_id % 3)::text",
}
_EVENT = {
    "source_ticket_event_id": "'T' || ticket_id || '-' || number",
    "source_ticket_id": "'T' || ticket_id",
    "occurred_at": "occurred_at",
    "event_kind": "event_kind",
    "to_department_id": "case when event_kind in ('opened', 'assigned') then 'D' || ticket_id % 4 "
    "when event_kind = 'handed_over' then 'D' || (ticket_id + 1) % 4 end",
    "from_department_id": "case when event_kind = 'handed_over' then 'D' || ticket_id % 4 end",
    "actor_role": "case when event_kind = 'opened' then 'owner' else 'technician' end",
    "pause_reason": "pause_reason",
}


def measure(tickets: int, report: Report) -> None:
    """Time of a whole build and of a day's, with ten times the history over those with one.

    Args:
        tickets: of the shorter history.
        report: to be filled.
    """
    times = {}
    for factor in (1, TIMES):
        with installation() as base:
            times[factor] = build_history(found(base, YEARS), tickets, factor, report)
    ratios = {"full_build_10x_data": "full", "increment_10m_vs_1m_history": "day"}
    for name, kind in ratios.items():
        longer, shorter = ([sum(steps.values()) for steps in times[factor][kind]] for factor in (TIMES, 1))
        report.divide(name, longer, shorter)


def build_history(
    made: Settings, tickets: int, factor: int, report: Report
) -> dict[str, list[dict[str, float]]]:
    """Seconds by step of the build of a history, ``full``, and of those of the days after it, ``day``."""
    days = HISTORY_DAYS * factor
    name = f"{tickets * factor:,} tickets"
    with connect(made) as connection:
        progress(f"{name} of {days:,} days")
        generated = days + INCREMENTS
        first_day = LAST_DAY - timedelta(days=days - 1)
        whole = tickets * factor * generated // days
        connection.execute(b"create schema bench")
        connection.execute(
            render("generate", first=1, last=whole, tickets=whole, days=generated, first_day=first_day)
        )
        connection.execute(b"analyze bench.ticket; analyze bench.event")
        deliver(connection, LAST_DAY)
        progress("the whole of it")
        found = {"full": [build(made)], "day": []}
        tell(connection, name, "full", found["full"], report)
        report.sizes |= {f"tickets_{factor}x": changed(connection)}
        if factor == 1:
            facts.measure(made, connection, last_build(connection), report)
        connection.execute(b"vacuum analyze")  # as the server does by itself in the hours between
        for number in range(1, INCREMENTS + 1):
            day = LAST_DAY + timedelta(days=number)
            deliver(connection, day, only=day)
            found["day"].append(build(made))
            progress(f"a day: {sum(found['day'][-1].values()):.1f} s")
        tell(connection, name, "day", found["day"], report)
        report.sizes |= {f"tickets_changed_in_a_day_{factor}x": changed(connection)}
    return found


def deliver(connection: psycopg.Connection[Any], last_day: date, only: date | None = None) -> None:
    """Land what the source knows at the end of a day: of all days, or of one."""
    fields = {entity: list(load_contracts()[entity].fields) for entity in ("ticket", "ticket_event")}
    with connection.transaction():
        connection.execute(
            render(
                "deliver",
                day=only,
                last_day=last_day,
                source=SOURCE,
                time_zone=hours.TIME_ZONE,
                ticket_fields={name: _TICKET.get(name) for name in fields["ticket"]},
                event_fields={name: _EVENT.get(name) for name in fields["ticket_event"]},
                cells=_cells,
                header=lambda named: "{" + ",".join(named) + "}",
            )
        )
    connection.execute(b"analyze ops.delivery; analyze raw.ticket; analyze raw.ticket_event")


def build(made: Settings) -> dict[str, float]:
    """One build with its tests, up to the facts; returns the seconds of each step."""
    began = time.perf_counter()
    planned = transform.plan_build(made, "bench")
    if planned is None:
        raise AssertionError("there was nothing to build")
    steps = {"plan": time.perf_counter() - began}
    for name, step in _STEPS.items():
        started = time.perf_counter()
        step(made, planned.build_id)
        steps[name] = time.perf_counter() - started
    with connect(made) as connection, connection.transaction():
        connection.execute(
            "update ops.delivery set audited_build_id = %(build)s where delivery_id in "
            "(select delivery_id from ops.build_delivery where build_id = %(build)s)",
            {"build": planned.build_id},
        )
        connection.execute("update ops.build set status = 'audited' where build_id = %s", [planned.build_id])
    return steps


def tell(
    connection: psycopg.Connection[Any], name: str, kind: str, steps: list[dict[str, float]], report: Report
) -> None:
    """Put into the report where the time went: by step, and of the last build by its slowest nodes."""
    found = connection.execute(
        b"select node, round(seconds::numeric, 2)::float from ops.model_run "
        b"where build_id = (select max(build_id) from ops.build) order by seconds desc limit 20"
    ).fetchall()
    report.details[f"{name}, {kind}"] = {
        "seconds": [{step: round(took, 1) for step, took in each.items()} for each in steps],
        "slowest": dict(found),
    }


def last_build(connection: psycopg.Connection[Any]) -> int:
    """The id of the last build."""
    row = connection.execute(b"select max(build_id) from ops.build").fetchone()
    return int(row[0]) if row else 0


def changed(connection: psycopg.Connection[Any]) -> int:
    """Tickets that the last build touched."""
    row = connection.execute(b"select count(*) from intermediate.int_tickets__touched").fetchone()
    return int(row[0]) if row else 0


def _cells(fields: Mapping[str, str | None]) -> str:
    def text(name: str, value: str | None) -> str:
        if value is None:
            return "''"
        if name.endswith("_at"):
            value = f"to_char(({value}) at time zone '{hours.TIME_ZONE}', 'YYYY-MM-DD HH24:MI:SS')"
        return f"coalesce({value}, '')"

    return ", ".join(text(name, value) for name, value in fields.items())
