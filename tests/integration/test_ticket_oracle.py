"""Everything that is said of tickets, held to a reference that looks at every minute of their lives."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests import drawn_tickets as drawn
from tests import service_hours as hours
from tests.deliveries import Company
from tests.drawn_policies import policies
from tests.reference.sla import Company as ServiceLevels
from tests.reference.tickets import Life, Ticket
from tests.reference.working_time import WorkingTime
from tests.ticket_facts import compare, expected_rows

from yardstick.settings import Settings

BATCH, BATCHES = 1_000, 51
DAY = "2026-11-10"
SILENT = set(drawn.WITHOUT_EVENTS) & set(drawn.WITHOUT_CALL_BACKS)


def draw_tickets() -> list[Ticket]:
    """Tickets in batches that Hypothesis seeds."""
    found: list[Ticket] = []

    @given(seed=st.integers(0, 2**32))
    @hypothesis_settings(
        max_examples=BATCHES, deadline=None, database=None, derandomize=True, phases=[Phase.generate]
    )
    def batch(seed: int) -> None:
        found.extend(drawn.tickets(random.Random(seed), BATCH, first=len(found)))

    batch()
    return found


def sla() -> list[dict[str, Any]]:
    """Service levels of the two releases."""
    draw = random.Random(20260701)
    return [policies(draw) for _ in range(2)]


def opened_date(ticket: Ticket) -> date:
    return ticket.opened_at.astimezone(ZoneInfo(hours.ZONES[ticket.source_id])).date()


def horizons(tickets: Iterable[Ticket]) -> dict[str, date]:
    """The last day that each source has delivered."""
    found: dict[str, date] = {}
    for ticket in tickets:
        found[ticket.source_id] = max(found.get(ticket.source_id, date.min), opened_date(ticket))
    return found


def build(settings: Settings, tickets: Iterable[Ticket]) -> tuple[Company, WorkingTime]:
    """Deliver the tickets, each to its source, and build once."""
    draw = random.Random(20260324)
    contents = [hours.service_hours(draw) for _ in range(2)]
    company, reference = hours.found(settings, *contents, sla=sla())
    with company.open() as connection:
        connection.execute(
            "insert into ops.source_field (source_id, entity, field, source_columns) "
            "select other.source_id, field.entity, field.field, field.source_columns "
            "from ops.source_field as field cross join unnest(%s::text[]) as other (source_id) "
            "where field.source_id = 'shanghai' "
            "and (field.entity <> 'ticket_event' or other.source_id <> all(%s::text[])) "
            "and (field.entity <> 'call_back' or other.source_id <> all(%s::text[])) on conflict do nothing",
            [list(hours.ZONES), list(drawn.WITHOUT_EVENTS), list(drawn.WITHOUT_CALL_BACKS)],
        )
    company.deliver(
        "org_unit",
        {DAY: [{"org_unit_id": name, "org_unit_name_en": name} for name in drawn.DEPARTMENTS]},
    )
    person = {"contract_type": "permanent", "joined_date": "2020-01-01"}
    company.deliver("person", {DAY: [{"person_id": name, **person} for name in drawn.PEOPLE]})
    by_source: dict[str, list[Ticket]] = {}
    for ticket in tickets:
        by_source.setdefault(ticket.source_id, []).append(ticket)
    for source, of_source in by_source.items():
        site = Company(settings, source_id=source)
        by_day: dict[str, list[dict[str, str]]] = {}
        for ticket in of_source:
            by_day.setdefault(opened_date(ticket).isoformat(), []).append(drawn.row(ticket))
        site.deliver("ticket", by_day)
        if source not in drawn.WITHOUT_CALL_BACKS:
            site.deliver("call_back", {DAY: list(chain.from_iterable(map(drawn.call_back_rows, of_source)))})
        if source not in drawn.WITHOUT_EVENTS:
            site.deliver("ticket_event", {DAY: list(chain.from_iterable(map(drawn.event_rows, of_source)))})
    company.build()
    return company, reference


def test_sql_agrees_with_a_look_at_every_minute_of_tickets(staged: Settings) -> None:
    tickets = draw_tickets()
    company, reference = build(staged, tickets)
    lives = [Life(ticket, reference) for ticket in tickets]
    assert len(lives) >= 50_000
    levels = ServiceLevels(
        [(first, name, content) for (first, name), content in zip(hours.RELEASES, sla(), strict=True)],
        hours.ITEMS,
        hours.GRADES,
        hours.ZONES,
    )
    for relation, key, rows in expected_rows(lives, levels, horizons(tickets), SILENT):
        assert len(rows) > 100
        columns = list(next(iter(rows.values())))
        never = [column for column in columns if len({str(row[column]) for row in rows.values()}) < 2]
        assert not never, f"these say the same of everything in {relation}: nothing is tested"
        compare(company, relation, key, rows, hours.LAST)
