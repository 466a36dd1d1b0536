"""Lives of tickets worked out by hand: in a city in UTC that is served from eight to six, every day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from tests.reference.tickets import Event, Life, Ticket
from tests.reference.working_time import WEEKDAYS, WorkingTime, utc

WORK = WorkingTime(
    [
        (
            date(2015, 1, 1),
            {
                "years": {"first": 2015, "last": 2015},
                "calendars": {"standard": {"weekly": {day: ["08:00", "18:00"] for day in WEEKDAYS}}},
            },
        )
    ],
    {"city": "UTC"},
    {"lift": ("equipment", False)},
    utc("2015-03-01T00:00"),
    utc("2015-03-10T00:00"),
)


def at(clock: str) -> datetime:
    """A moment of the 2nd of March, or of the day before the clock's time, as in ``3 09:00``."""
    day, _, time = clock.rpartition(" ")
    return datetime.fromisoformat(f"2015-03-{int(day or 2):02}T{time}").replace(tzinfo=UTC)


def event(clock: str, kind: str, **fields: Any) -> Event:
    """An event; its number is made of its time and kind unless it is given."""
    return Event(fields.pop("number", f"{clock}-{kind}"), at(clock), kind, **fields)


def life(*events: Event, closed: str | None = None, **fields: Any) -> Life:
    """A ticket opened at nine on the 2nd of March, and what happened to it."""
    ticket = Ticket(
        "city", "T1", at("09:00"), "P1", "lift",
        status="closed" if closed else "open", closed_at=at(closed) if closed else None,
    )  # fmt: skip
    return Life(replace(ticket, events=events, **fields), WORK)
