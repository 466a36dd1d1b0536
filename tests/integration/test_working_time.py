"""Minutes of service, held to a reference that looks at every minute."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from hypothesis import Phase, given
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
        with spans as (
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
            from spans {macros.join_service_profiles("spans", "service_profiles", "1")}
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
    with connection.cursor().copy("copy given from stdin") as rows:
        for number, (of_ticket, span, pauses) in enumerate(intervals):
            ranges = ",".join(
                f"[{p.begins.isoformat()},{p.ends.isoformat() if p.ends else ''})" for p in pauses
            )
            rows.write_row(
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


def build_calendar(company: Company) -> None:
    """Build what positions are read from, and no facts."""
    planned = transform.plan_build(company.settings, "tests")
    assert planned
    assert planned.build_id == 1
    transform.run_dbt(
        company.settings,
        ["run", "--select", "+dim_calendar"],
        variables={"build_id": planned.build_id},
    )


def table_of_intervals(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "create temporary table given (id integer, source_id text, project_id text, service_item_id text, "
        "is_emergency boolean, begins timestamptz, ends timestamptz, pauses tstzmultirange)"
    )


def test_sql_agrees_with_a_look_at_every_minute(staged: Settings) -> None:
    company, reference = prepare(staged, 20260324)
    build_calendar(company)
    turned = company.rows(
        "select count(distinct day) filter (where closes_third_minute > 0), "
        "count(distinct day) filter (where closes_fourth_minute > 0), "
        "count(distinct service_minutes) filter (where service_minutes > 1440) from marts.dim_calendar"
    )[0]
    assert min(turned) > 0, turned
    of_every_kind = hours.tickets()
    seen = {"intervals": 0, "served": 0, "paused": 0, "open": 0}
    with company.open() as connection:
        table_of_intervals(connection)

        @given(seed=st.integers(0, 2**32))
        @hypothesis_settings(
            max_examples=BATCHES, deadline=None, database=None, derandomize=True, phases=[Phase.generate]
        )
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


def test_a_million_intervals_are_joined_to_their_days_by_one_integer(staged: Settings) -> None:
    company, _ = prepare(staged, 20260324)
    build_calendar(company)
    with company.open() as connection:
        table_of_intervals(connection)
        connection.execute(
            "insert into given select n, (array['shanghai', 'berlin', 'havana'])[1 + n %% 3], 'P' || 1 + n %% 3, "
            "(array['lift', 'leak', 'lawn', 'noise'])[1 + n %% 4], null, "
            "begins, begins + n %% 50000 * interval '1 min', '{}' from generate_series(1, 1000000) as n, "
            "lateral (select %s + n %% 400000 * interval '1 min' as begins) as moment",
            [hours.FIRST],
        )
        connection.execute("analyze given; analyze marts.dim_calendar; analyze intermediate.int_service_keys")
        plan = connection.execute(f"explain (format json) {positions()}".encode()).fetchone()
    assert plan is not None
    found = list(nodes(plan[0][0]["Plan"]))
    joins = [
        node["Hash Cond"]
        for node in found
        if node["Node Type"] == "Hash Join" and "calendar_key" in node.get("Hash Cond", "")
    ]
    assert len(joins) == 2, found
    assert all(" AND " not in condition for condition in joins)
    looped = [inner for node in found if node["Node Type"] == "Nested Loop" for inner in nodes(node)]
    assert not [node for node in looped if node.get("Relation Name") == "dim_calendar"]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def test_tickets_have_the_minutes_of_the_reference_whatever_changes(staged: Settings) -> None:
    draw = random.Random(11)
    first, second = hours.service_hours(draw), hours.service_hours(draw)
    company, reference = hours.found(staged, first, second)
    rows, of = some_tickets(draw)
    company.deliver("ticket", {"2026-10-31": rows})
    company.build()
    before = company.tickets()
    assert len(before) == len(rows)
    assert minutes(company) == expected(reference, of)
    days = company.rows("select ctid::text, xmin::text from marts.dim_calendar order by 1")
    assert days

    # a day like any other: no day of a calendar is written, no ticket looked at again
    one_more = ticket("more", "2026-11-01", closed_at="2026-11-01 09:30:00", status="closed")
    company.deliver("ticket", {"2026-11-01": [one_more]})
    company.build()
    assert company.changed_tickets(before) == {"more"}
    assert company.rows("select source_ticket_id from intermediate.int_tickets__touched") == [("more",)]
    assert company.rows("select ctid::text, xmin::text from marts.dim_calendar order by 1") == days

    # one day is closed: only tickets that it lies within are looked at, and those whose minutes it takes change
    closed = copy.deepcopy(first)
    for calendar in closed["calendars"].values():
        calendar["closures"] = sorted({*calendar.get("closures", []), "2026-03-24"})
    before = company.tickets()
    hours.load(company, closed, second)
    company.deliver("ticket", {"2026-11-01": [one_more | {"channel": "web"}]})
    company.build()
    reference = hours.reference(closed, second)
    assert minutes(company) == expected(reference, of)
    touched = {
        row[0] for row in company.rows("select source_ticket_id from intermediate.int_tickets__touched")
    }
    assert len(company.changed_tickets(before)) > 2
    assert company.changed_tickets(before) <= touched
    assert touched - {"more"} == {name for name, one in of.items() if one.lies_on("2026-03-24")} & touched
    assert len(touched) < len(of) / 4

    # a service item becomes an emergency, and the build fails before its figures are read: the next one makes good
    items = hours.ITEMS | {"leak": ("repair", True)}
    company.deliver("service_item", {"2026-11-02": [hours.item_row("leak", items)]})
    failed = transform.plan_build(staged, "tests")
    assert failed
    transform.stage(staged, failed.build_id)
    transform.run_dbt(
        staged, ["run", "--select", "+int_service_days__changed"], variables={"build_id": failed.build_id}
    )
    transform.fail_build(staged, failed.build_id, "facts", "stopped by the test")
    company.build()
    reference.items = items
    reference.forget()
    assert minutes(company) == expected(reference, of)


def minutes(company: Company) -> dict[str, tuple[int | None, ...]]:
    found = company.rows(
        "select source_ticket_id, close_calendar_minutes, close_service_minutes, "
        "first_response_service_minutes from marts.fct_ticket where source_ticket_id <> 'more'"
    )
    return {row[0]: row[1:] for row in found}


@dataclass(frozen=True)
class Timed:
    """A ticket of Shanghai, and its moments."""

    ticket: Ticket
    opened: datetime
    answered: datetime | None
    closed: datetime | None

    def lies_on(self, day: str) -> bool:
        """Whether the day lies between its opening and its closing."""
        zone = ZoneInfo("Asia/Shanghai")
        last = max(self.opened, self.answered or self.opened, self.closed) if self.closed else hours.LAST
        return f"{self.opened.astimezone(zone):%Y-%m-%d}" <= day <= f"{last.astimezone(zone):%Y-%m-%d}"


def some_tickets(draw: random.Random) -> tuple[list[dict[str, str]], dict[str, Timed]]:
    rows: list[dict[str, str]] = []
    of: dict[str, Timed] = {}
    while len(rows) < 500:
        opened = hours.moment(draw)
        if not hours.FIRST + timedelta(hours=2) < opened < hours.LAST - timedelta(days=7):
            continue
        answered, closed = (
            None if draw.random() < 0.05 else opened + timedelta(seconds=draw.randrange(-3_600, 6 * 86_400))
            for _ in range(2)
        )
        name = f"T{len(rows)}"
        one = Ticket(
            "shanghai",
            draw.choice(hours.PROJECTS),
            draw.choice(list(hours.ITEMS)),
            draw.choice([None, True, False]),
        )
        of[name] = Timed(one, opened, answered, closed)
        rows.append(
            ticket(
                name,
                opened_at=opened.isoformat(),
                first_response_at=answered.isoformat() if answered else "",
                closed_at=closed.isoformat() if closed else "",
                status="closed" if closed else "open",
                project_id=one.project,
                service_item_id=one.item,
                is_emergency="" if one.told_emergency is None else str(one.told_emergency).lower(),
            )
        )
    return rows, of


def expected(reference: WorkingTime, of: dict[str, Timed]) -> dict[str, tuple[int | None, ...]]:
    found: dict[str, tuple[int | None, ...]] = {}
    for name, one in of.items():
        to_close, to_answer = Span(one.opened, one.closed), Span(one.opened, one.answered)
        is_backwards = one.closed is not None and one.closed < one.opened
        is_answered = one.answered is not None and one.answered >= one.opened
        found[name] = (
            None if is_backwards else calendar_minutes(to_close),
            None if is_backwards else reference.minutes(one.ticket, to_close),
            reference.minutes(one.ticket, to_answer) if is_answered else None,
        )
    return found
