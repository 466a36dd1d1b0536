"""Service minutes of every ticket and state, ours against the weekly expansion, both held to a count of minutes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from yardstick.bench.report import Report, alternate, progress
from yardstick.bench.tickets import hours
from yardstick.bench.tickets.company import DAYS, FIRST_DAY, build_calendar, connect, render
from yardstick.settings import Settings

SCALES = {"small": 20_000, "full": 1_000_000}
ROUNDS = {"small": 3, "full": 1}
TIMES = 10
GROWTH_ROUNDS = 3
PEERS = {
    "without_holidays": "service_minutes_vs_weekly_expansion_without_holidays",
    "with_holidays": "service_minutes_vs_weekly_expansion",
}
MILESTONES = {
    "assign_service_minutes": ("assigned", "accepted"),
    "first_response_service_minutes": ("accepted",),
    "first_resolution_service_minutes": ("work_done", "closed"),
    "close_service_minutes": ("closed",),
}
STATES = {
    "waiting_service_minutes": ("open", "assigned"),
    "work_service_minutes": ("in_progress",),
    "owner_waiting_service_minutes": ("waiting_owner",),
    "internal_waiting_service_minutes": ("waiting_parts",),
    "outside_waiting_service_minutes": ("waiting_weather", "waiting_other"),
    "done_service_minutes": ("done",),
}
_LIVES = """
    select
        event.ticket_id,
        min(item.schedule_id),
        array_agg(
            floor(date_part('epoch', event.occurred_at - timestamptz '2024-01-01 00:00+08') / 60)::integer
            order by event.number
        ),
        array_agg(event.event_kind order by event.number),
        array_agg(event.status order by event.number)
    from bench.event as event
    inner join bench.ticket as ticket on event.ticket_id = ticket.ticket_id
    inner join bench.item as item on ticket.service_item_id = item.service_item_id
    where ticket.ticket_id <= {last}
    group by event.ticket_id
    order by event.ticket_id
"""
_SETTINGS = ("shared_buffers", "work_mem", "max_parallel_workers_per_gather", "server_version")


def measure(made: Settings, tickets: int, rounds: int, report: Report) -> None:
    """Both ratios, with every answer counted minute by minute.

    Args:
        made: an installation that ``found`` has made.
        tickets: how many.
        rounds: how often each of the peers is run.
        report: to be filled.

    Raises:
        AssertionError: when an answer differs.
    """
    progress("the calendar, by dbt")
    build_calendar(made)
    with connect(made) as connection:
        progress(f"{tickets:,} tickets and their events")
        prepare(connection, tickets)
        report.sizes |= _sizes(connection)
        report.details["server"] = {name: _one(connection, f"show {name}") for name in _SETTINGS}
        sides = {
            "ours": partial(run, connection, "service_minutes"),
            "without_holidays": partial(run, connection, "weekly_expansion", holidays=False),
            "with_holidays": partial(run, connection, "weekly_expansion", holidays=True),
        }
        _time(sides, rounds, report)
        check(connection, tickets, ("ours", *PEERS), report)


def grow(made: Settings, tickets: int, report: Report) -> None:
    """Our time of ten times the tickets over that of as many as given.

    Of ten times the tickets as many answers are counted minute by minute, not all of them.

    Args:
        made: an installation that ``found`` has made.
        tickets: how many.
        report: to be filled.

    Raises:
        AssertionError: when an answer differs.
    """
    progress("the calendar, by dbt")
    build_calendar(made)
    seconds: dict[int, list[float]] = {}
    with connect(made) as connection:
        for factor in (1, TIMES):
            name = f"{factor * tickets:,} tickets"
            progress(f"{name} and their events")
            connection.execute(b"drop schema if exists bench cascade")
            prepare(connection, factor * tickets)
            report.sizes |= {f"events_{factor}x": _sizes(connection)["events"]}
            seconds[factor] = alternate(
                {name: lambda _: run(connection, "service_minutes", "ours")}, GROWTH_ROUNDS, progress
            )[name]
            report.details.setdefault("seconds", {})[name] = [round(one, 2) for one in seconds[factor]]
            check(connection, tickets, ("ours",), report)
    report.divide(f"service_minutes_{TIMES}x_data", seconds[TIMES], seconds[1])


def prepare(connection: psycopg.Connection[Any], tickets: int) -> None:
    """The tickets, their events with the status that each leads to, and what the weekly expansion reads."""
    connection.execute(b"create schema bench")
    connection.execute(
        render("generate", first=1, last=tickets, tickets=tickets, days=DAYS, first_day=FIRST_DAY)
    )
    connection.execute(
        b"create unlogged table bench.item (service_item_id text, schedule_id text);"
        b"create unlogged table bench.schedule_range "
        b"(schedule_id text, opens_minute integer, closes_minute integer);"
        b"create unlogged table bench.holiday (schedule_id text, starts_minute integer, ends_minute integer)"
    )
    epoch = datetime(1970, 1, 1)

    def minute(moment: datetime) -> int:
        return int((moment - epoch).total_seconds()) // 60

    tables: dict[str, Iterator[tuple[object, ...]]] = {
        "item": iter(hours.items().items()),
        "schedule_range": hours.schedule_ranges(),
        "holiday": ((name, minute(first), minute(end)) for name, first, end in hours.holiday_ranges()),
    }
    for name, rows in tables.items():
        with connection.cursor().copy(f"copy bench.{name} from stdin".encode()) as to:
            for row in rows:
                to.write_row(row)
    connection.execute(b"vacuum analyze")


def run(connection: psycopg.Connection[Any], statement: str, target: str, **given: object) -> None:
    """Compute one side's answers anew."""
    milestones, states = (
        {name: ", ".join(f"'{code}'" for code in codes) for name, codes in each.items()}
        for each in (MILESTONES, STATES)
    )
    connection.execute(f"drop table if exists bench.{target}".encode())
    connection.execute(
        render(
            statement, target=target, milestones=milestones, states=states, time_zone=hours.TIME_ZONE, **given
        )
    )


def check(connection: psycopg.Connection[Any], tickets: int, sides: Sequence[str], report: Report) -> None:
    """Count the minutes of tickets one by one and hold the answers to them.

    Args:
        connection: to where the answers are.
        tickets: how many, from the first.
        sides: whose answers.
        report: to be filled.

    Raises:
        AssertionError: when an answer differs.
    """
    progress("every answer, minute by minute")
    with_holidays = {name: name != "without_holidays" for name in sides}
    kept = {
        told: {calendar: hours.served(calendar, with_holidays=told) for calendar in hours.CALENDARS}
        for told in set(with_holidays.values())
    }
    differences = dict.fromkeys(sides, 0)
    compared = 0
    columns = ", ".join(["ticket_id", *MILESTONES, *STATES])
    with contextlib.ExitStack() as stack:
        answers = {
            name: stack.enter_context(
                contextlib.closing(
                    _stream(
                        connection,
                        f"select {columns} from bench.{name} "  # noqa: S608
                        f"where ticket_id <= {tickets} order by ticket_id",
                    )
                )
            )
            for name in sides
        }
        for ticket_id, calendar, moments, kinds, statuses in _stream(connection, _LIVES.format(last=tickets)):
            compared += 1
            expected = {
                told: count_minutes(each[calendar], moments, kinds, statuses) for told, each in kept.items()
            }
            for name, each in answers.items():
                differences[name] += next(each) != (ticket_id, *expected[with_holidays[name]])
    found = {"tickets": compared, "differences": differences}
    report.details.setdefault("checked", []).append(found)
    if compared != tickets or any(differences.values()):
        raise AssertionError(f"answers differ from the minutes counted: {found}")


def count_minutes(
    served: NDArray[np.bool_], moments: list[int], kinds: list[str], statuses: list[str]
) -> tuple[int | None, ...]:
    """Served minutes of every measure, each minute looked at.

    Args:
        served: whether each minute is.
        moments: the minute of every event, in order.
        kinds: of every event.
        statuses: what each event leads to.
    """
    reached = (
        next((moment for moment, kind in zip(moments, kinds, strict=True) if kind in wanted), None)
        for wanted in MILESTONES.values()
    )
    until = [
        None if moment is None else int(np.count_nonzero(served[moments[0] : moment])) for moment in reached
    ]
    stays = list(zip(statuses, moments, moments[1:], strict=False))
    within = [
        sum(int(np.count_nonzero(served[begin:end])) for status, begin, end in stays if status in wanted)
        for wanted in STATES.values()
    ]
    return (*until, *within)


def _time(sides: Mapping[str, Callable[[str], None]], rounds: int, report: Report) -> None:
    """Ours before and after every run of a peer, so that a machine that is busier for a while is so for both."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}

    def once(name: str) -> float:
        took = alternate({name: lambda _: sides[name](name)}, 1, progress)[name][0]
        seconds[name].append(took)
        return took

    ratios: dict[str, list[float]] = {name: [] for name in PEERS}
    before = once("ours")
    for _ in range(rounds):
        for name, found in ratios.items():
            peer, after = once(name), once("ours")
            found.append(2 * peer / (before + after))
            before = after
    for name, ratio in PEERS.items():
        report.add(ratio, ratios[name])
    report.details["seconds"] = {name: [round(one, 2) for one in each] for name, each in seconds.items()}


def _sizes(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    counted = connection.execute(
        b"select (select count(*) from bench.ticket), (select count(*) from bench.event), "
        b"(select count(distinct schedule_id) from bench.item), (select count(*) from bench.holiday)"
    ).fetchone()
    return dict(zip(("tickets", "events", "calendars", "holidays"), counted or (), strict=True))


def _one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def _stream(connection: psycopg.Connection[Any], query: str) -> Generator[tuple[Any, ...]]:
    """Rows as they come, from a session of its own."""
    with (
        psycopg.connect(connection.info.dsn, password=connection.info.password) as session,
        session.cursor(name="rows") as cursor,
    ):
        cursor.itersize = 20_000
        yield from cursor.execute(query.encode())
