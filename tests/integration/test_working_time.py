"""Minutes of service, held to a reference that looks at every minute."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests import service_hours as hours
from tests.deliveries import Company, ticket
from tests.reference.working_time import Span, Ticket, WorkingTime, calendar_minutes

from yardstick import transform
from yardstick.settings import Settings

BATCH, BATCHES = 2_500, 24
Interval = tuple[Ticket, Span, list[Span]]


def some_intervals(draw: random.Random, tickets: list[Ticket]) -> Iterator[Interval]:
    for _ in range(BATCH):
        begins = hours.moment(draw)
        kind = draw.random()
        if kind < 0.05:
            ends: datetime | None = begins
        elif kind < 0.1:
            ends = None
        elif kind < 0.5:
            ends = begins + timedelta(seconds=draw.randrange(86_400))
        else:
            ends = begins + timedelta(seconds=draw.randrange(40 * 86_400))
        if ends and ends >= hours.LAST:
            ends = begins
        pauses = []
        for _ in range(draw.choice([0, 0, 1, 3])):
            paused = begins + timedelta(seconds=draw.randrange(-86_400, 20 * 86_400))
            lasted = timedelta(seconds=draw.randrange(3 * 86_400))
            pauses.append(Span(paused, None if draw.random() < 0.1 else paused + lasted))
        yield draw.choice(tickets), Span(begins, ends), pauses


def positions() -> str:
    """Of given intervals, the minutes between their ends and those of their pauses: each end joins its day once."""
    macros = hours.macros()
    begins, ends = (
        macros.service_calendar_key(f"spans.{name}", "service_profiles") for name in ("begins", "ends")
    )
    return f"""
        with service_profiles as ({macros.service_profiles_of("1")}),
        spans as (
            select id, source_id, project_id, service_item_id, is_emergency, begins, ends, 1 as sign
            from given
            union all
            select
                given.id, given.source_id, given.project_id, given.service_item_id, given.is_emergency,
                lower(pause.span), upper(pause.span), -1
            from given cross join lateral
                unnest(given.pauses * tstzmultirange(tstzrange(given.begins, given.ends))) as pause (span)
        ),
        keyed as (
            select spans.*, {begins} as begins_key, {ends} as ends_key
            from spans {macros.join_service_profiles("spans", "service_profiles")}
        )
        select
            keyed.id, keyed.sign,
            {macros.service_position("keyed.ends", "ends_day")}
            - {macros.service_position("keyed.begins", "begins_day")} as minutes
        from keyed
        left join marts.dim_calendar as begins_day on keyed.begins_key = begins_day.calendar_key
        left join marts.dim_calendar as ends_day on keyed.ends_key = ends_day.calendar_key
    """


def give(connection: psycopg.Connection[Any], intervals: list[Interval]) -> None:
    connection.execute("set timezone = 'UTC'; truncate given")
    with connection.cursor().copy("copy given from stdin") as copy:
        for number, (of_ticket, span, pauses) in enumerate(intervals):
            ranges = ",".join(
                f"[{p.begins.isoformat()},{p.ends.isoformat() if p.ends else ''})" for p in pauses
            )
            copy.write_row(
                (number, of_ticket.source, of_ticket.project, of_ticket.item, of_ticket.told_emergency,
                 span.begins, span.ends, f"{{{ranges}}}")
            )  # fmt: skip


def computed(connection: psycopg.Connection[Any]) -> dict[int, tuple[int | None, int | None]]:
    """Service minutes of the given intervals, without and with their pauses, and calendar minutes."""
    found = connection.execute(
        f"select id, sum(minutes) filter (where sign = 1), coalesce(sum(minutes) filter (where sign = -1), 0) "
        f"from ({positions()}) as position group by id".encode()
    ).fetchall()
    return {
        number: (None, None) if served is None else (int(served), int(served - paused))
        for number, served, paused in found
    }


def prepare(settings: Settings, seed: int) -> tuple[Company, WorkingTime]:
    draw = random.Random(seed)
    company, reference = hours.found(settings, hours.service_hours(draw), hours.service_hours(draw))
    return company, reference


def table_of_intervals(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "create temporary table given (id integer, source_id text, project_id text, service_item_id text, "
        "is_emergency boolean, begins timestamptz, ends timestamptz, pauses tstzmultirange)"
    )


def test_sql_agrees_with_a_look_at_every_minute(settings: Settings) -> None:
    company, reference = prepare(settings, 20260324)
    planned = transform.plan_build(settings, "tests")
    assert planned and planned.build_id == 1
    transform.run_dbt(
        settings,
        ["run", "--select", "+dim_calendar", "int_service_profiles"],
        variables={"build_id": planned.build_id},
    )
    of_every_kind = hours.tickets()
    seen = {"intervals": 0, "served": 0, "paused": 0, "open": 0}
    with company.open() as connection:
        table_of_intervals(connection)

        @given(seed=st.integers(0, 2**32))
        @hypothesis_settings(max_examples=BATCHES, deadline=None, database=None, derandomize=True)
        def agree(seed: int) -> None:
            draw = random.Random(seed)
            # The reference looks at every minute of a ticket's year once, so a batch is of few kinds.
            intervals = list(some_intervals(draw, draw.sample(of_every_kind, 6)))
            give(connection, intervals)
            expected = {
                number: (reference.minutes(of_ticket, span), reference.minutes(of_ticket, span, pauses))
                for number, (of_ticket, span, pauses) in enumerate(intervals)
            }
            assert computed(connection) == expected
            seen["intervals"] += len(intervals)
            seen["served"] += sum(bool(minutes[0]) for minutes in expected.values())
            seen["paused"] += sum(minutes[0] != minutes[1] for minutes in expected.values())
            seen["open"] += sum(minutes[0] is None for minutes in expected.values())

        agree()
    assert seen["intervals"] >= 50_000
    assert min(seen.values()) > 1_000


def some_tickets(
    draw: random.Random, reference: WorkingTime
) -> tuple[list[dict[str, str]], dict[str, tuple]]:
    rows: list[dict[str, str]] = []
    wanted: dict[str, tuple] = {}
    for number in range(600):
        of = Ticket(
            "shanghai", draw.choice(hours.PROJECTS), draw.choice(list(hours.ITEMS)), draw.choice([None, True])
        )
        opened = hours.moment(draw)
        answered, closed = (
            None if draw.random() < 0.2 else opened + timedelta(seconds=draw.randrange(-3_600, 6 * 86_400))
            for _ in range(2)
        )
        if opened < hours.FIRST + timedelta(hours=2) or opened > hours.LAST - timedelta(days=7):
            continue
        rows.append(
            ticket(
                f"T{number}",
                opened_at=opened.isoformat(),
                first_response_at=answered.isoformat() if answered else "",
                closed_at=closed.isoformat() if closed else "",
                status="closed" if closed else "open",
                project_id=of.project,
                service_item_id=of.item,
                is_emergency="" if of.told_emergency is None else "true",
            )
        )
        to_close, to_answer = Span(opened, closed), Span(opened, answered)
        is_backwards = closed is not None and closed < opened
        wanted[f"T{number}"] = (
            None if is_backwards else calendar_minutes(to_close),
            None if is_backwards else reference.minutes(of, to_close),
            None if answered is None or answered < opened else reference.minutes(of, to_answer),
        )
    return rows, wanted
