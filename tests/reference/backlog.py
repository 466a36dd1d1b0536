"""The backlog, slowly: every ticket is looked at on every day of its life. What the SQL is held to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.reference.tickets import Life

ONE_DAY = timedelta(days=1)
BANDS = {"open_0_1": 0, "open_1_3": 1, "open_3_7": 3, "open_7_30": 7, "open_30_plus": 30}


class Key(NamedTuple):
    """What is counted together."""

    project: str
    item: str
    department: str
    day: date


@dataclass
class Figures:
    """Tickets of a day: what happened, and what waits at its end."""

    opened: int = 0
    closed: int = 0
    handed_in: int = 0
    handed_out: int = 0
    open: int = 0
    overdue: int = 0
    open_0_1: int = 0
    open_1_3: int = 0
    open_3_7: int = 0
    open_7_30: int = 0
    open_30_plus: int = 0


def backlog(
    lives: Iterable[Life], zones: Mapping[str, str], horizons: Mapping[str, date]
) -> dict[Key, Figures]:
    """The figures of every day on which anything happened or waited.

    Args:
        lives: of all tickets.
        zones: IANA time zone by source.
        horizons: the last day that each source has delivered.
    """
    found: dict[Key, Figures] = {}
    for life in lives:
        _count(life, ZoneInfo(zones[life.ticket.source_id]), horizons[life.ticket.source_id], found)
    return found


def _count(life: Life, zone: ZoneInfo, horizon: date, found: dict[Key, Figures]) -> None:
    ticket = life.ticket

    def at(department: str | None, day: date) -> Figures:
        key = Key(ticket.project_id, ticket.service_item_id, department or "", day)
        return found.setdefault(key, Figures())

    opened = ticket.opened_at.astimezone(zone).date()
    closed = ticket.closed_at.astimezone(zone).date() if ticket.closed_at else None
    due = ticket.due_at.astimezone(zone).date() if ticket.due_at else None
    # A ticket that was closed nobody knows when never waits.
    gone = max(closed, opened) if closed else opened if ticket.status != "open" else None
    held_before: str | None = None
    for day, held in _held(life, zone, opened, min(gone or horizon, horizon)):
        if day == opened:
            at(held, day).opened += 1
        elif held != held_before:
            at(held_before, day).handed_out += 1
            at(held, day).handed_in += 1
        if day == gone:
            at(held, day).closed += closed is not None
        else:
            figures, age = at(held, day), (day - opened).days
            figures.open += 1
            figures.overdue += due is not None and day >= due
            band = [name for name, days in BANDS.items() if days <= age][-1]
            setattr(figures, band, getattr(figures, band) + 1)
        held_before = held


def _held(life: Life, zone: ZoneInfo, first: date, last: date) -> Iterator[tuple[date, str | None]]:
    """Days, and the department that holds the ticket at the end of each: of the last stay begun by then."""
    begun = [(life.day(span.begins, zone), span.state.department) for span in life.spans]
    held = life.ticket.department_id
    day = first
    while day <= last:
        while begun and begun[0][0] <= day:
            held = begun.pop(0)[1]
        yield day, held
        day += ONE_DAY
