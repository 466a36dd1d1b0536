"""Tickets of every kind, drawn at random: in order and out of order, early, late, at once, unfinished."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime, timedelta
from typing import TypeVar

from tests import service_hours as hours
from tests.reference.tickets import CallBack, Event, Ticket

DEPARTMENTS = ("desk", "repair", "garden", "guard")
PEOPLE = ("ann", "bob", "cai", "dan")
PRIORITIES = ("low", "high", "urgent")
CHANNELS = ("phone", "app", "web", "staff")
# Sources whose tickets come without events.
WITHOUT_EVENTS = ("lord_howe",)
WITHOUT_CALL_BACKS = ("lord_howe", "havana")
# The reference looks at every minute of a kind of ticket once: these are some of each source.
OF_KINDS = tuple(random.Random(5).sample(hours.tickets(), 48))
KINDS = {
    "opened": 4, "acknowledged": 3, "assigned": 6, "accepted": 5, "responded": 5, "attended": 3,
    "handed_over": 8, "returned": 5, "paused": 8, "resumed": 6, "approval_requested": 6, "approved": 3,
    "approval_refused": 2, "escalated": 2, "priority_changed": 3, "item_changed": 2, "status_changed": 4,
    "commented": 10, "work_done": 3, "closed": 4, "reopened": 4, "cancelled": 1, "called_back": 2, "rated": 1,
}  # fmt: skip
STATUSES = (
    "open", "assigned", "in_progress", "waiting_owner", "waiting_parts", "waiting_weather", "waiting_approval",
    "waiting_other", "done", "closed", "cancelled",
)  # fmt: skip
ROLES = (
    "owner", "owner", "owner", "system", "customer_manager", "technician", "technician", "supervisor",
    "contractor", None, None,
)  # fmt: skip
LEVELS = ("team", "department", "project", "region", "headquarters")
REASONS = ("owner", "parts", "weather", "third_party", "other", None)
MINUTE, HOUR, DAY = 60, 3_600, 86_400
LATEST = hours.LAST - timedelta(minutes=1)

T = TypeVar("T")


def tickets(draw: random.Random, number: int, *, first: int = 0) -> Iterator[Ticket]:
    """Tickets with numbers from the first on; most last some hours, a few some weeks."""
    for name in range(first, first + number):
        yield _ticket(draw, f"T{name}")


def _ticket(draw: random.Random, name: str) -> Ticket:
    asked = draw.choice(OF_KINDS)
    source = asked.source
    opened = min(hours.moment(draw), LATEST - timedelta(days=1))
    closes = min(opened + timedelta(seconds=_duration(draw)), LATEST)
    status = draw.choices(["closed", "cancelled", "open"], [70, 8, 22])[0]
    closed: datetime | None = closes
    kind = draw.random()
    if kind < 0.08:
        closed = None
    elif kind < 0.12:
        closed = max(opened - timedelta(seconds=draw.randrange(DAY)), hours.FIRST)
    if status == "open" and draw.random() < 0.9:
        closed = None
    return Ticket(
        source_id=source,
        source_ticket_id=name,
        opened_at=opened,
        project_id=asked.project,
        service_item_id=asked.item,
        status=status,
        closed_at=closed,
        due_at=_maybe(draw, 0.7, opened + timedelta(seconds=draw.randrange(3 * DAY))),
        department_id=_maybe(draw, 0.7, draw.choice(DEPARTMENTS)),
        priority=_maybe(draw, 0.7, draw.choice(PRIORITIES)),
        channel=_maybe(draw, 0.8, draw.choice(CHANNELS)),
        acknowledged_at=_told(draw, opened, closes),
        first_response_at=_told(draw, opened, closes),
        attended_at=_told(draw, opened, closes),
        work_done_at=_told(draw, opened, closes),
        reopened_count=draw.choice([None, 0, 0, 1]),
        is_emergency=asked.told_emergency,
        is_within_authority=draw.choice([None, True, False]),
        rating=_maybe(draw, 0.3, draw.randint(1, 5)),
        call_backs=() if source in WITHOUT_CALL_BACKS else tuple(_call_backs(draw, name, opened, closes)),
        events=None if source in WITHOUT_EVENTS else _events(draw, name, opened, closes),
    )


def _duration(draw: random.Random) -> int:
    """Seconds: none now and then, some hours mostly, some weeks seldom."""
    longest = draw.choices([1, MINUTE, 4 * HOUR, 2 * DAY, 9 * DAY, 28 * DAY], [30, 40, 600, 250, 35, 5])[0]
    return draw.randrange(longest)


def _told(draw: random.Random, opened: datetime, closes: datetime) -> datetime | None:
    """A moment that the ticket itself tells: seldom, and not always between opening and closing."""
    if draw.random() > 0.3:
        return None
    lasts = max(int((closes - opened).total_seconds()), 1)
    return min(opened + timedelta(seconds=draw.randrange(-HOUR, lasts + HOUR)), LATEST)


def _call_backs(draw: random.Random, name: str, opened: datetime, closes: datetime) -> Iterator[CallBack]:
    for number in range(draw.choices([0, 1, 2], [80, 15, 5])[0]):
        lasts = int((closes - opened).total_seconds())
        called = min(closes + timedelta(seconds=draw.randrange(-lasts - 1, 3 * DAY)), LATEST)
        result = draw.choice(["reached", "reached", "not_reached", "refused"])
        yield CallBack(f"{name}-{number}", called, result, _maybe(draw, 0.5, draw.randint(1, 5)))


def _events(draw: random.Random, name: str, opened: datetime, closes: datetime) -> tuple[Event, ...]:
    lasts = max(int((closes - opened).total_seconds()), 1)
    moments: list[datetime] = []
    for _ in range(draw.choices(range(12), [6, 6, 10, 12, 12, 10, 8, 5, 3, 2, 1, 1])[0]):
        kind = draw.random()
        if kind < 0.04:
            at = opened - timedelta(seconds=draw.randrange(2 * HOUR))
        elif kind < 0.08:
            at = closes + timedelta(seconds=draw.randrange(2 * HOUR))
        elif kind < 0.11:
            at = draw.choice([opened, closes])
        elif kind < 0.2 and moments:
            at = draw.choice(moments) + timedelta(seconds=draw.choice([0, 0, 20, 40]))
        else:
            at = opened + timedelta(seconds=draw.randrange(lasts))
        moments.append(min(max(at, hours.FIRST), LATEST))
    # Numbers of different length, in no order of time; two events of a source never share one.
    numbers = draw.sample(range(1, 2_000), len(moments))
    return tuple(_event(draw, f"{number}{name}", at) for number, at in zip(numbers, moments, strict=True))


def _event(draw: random.Random, name: str, at: datetime) -> Event:
    kind = draw.choices(list(KINDS), list(KINDS.values()))[0]
    often = 0.9 if kind in ("handed_over", "returned") else 0.5 if kind in ("opened", "assigned") else 0.05
    return Event(
        source_ticket_event_id=name,
        occurred_at=at,
        event_kind=kind,
        status_after=_maybe(draw, 0.9 if kind == "status_changed" else 0.12, draw.choice(STATUSES)),
        from_department_id=_maybe(draw, often / 2, draw.choice(DEPARTMENTS)),
        to_department_id=_maybe(draw, often, draw.choice(DEPARTMENTS)),
        from_person_id=_maybe(draw, 0.1, draw.choice(PEOPLE)),
        to_person_id=_maybe(draw, 0.7 if kind == "assigned" else 0.1, draw.choice(PEOPLE)),
        actor_person_id=_maybe(draw, 0.6, draw.choice(PEOPLE)),
        actor_role=draw.choice(ROLES),
        approval_level=_maybe(draw, 0.8 if kind.startswith("appr") else 0.02, draw.choice(LEVELS)),
        pause_reason=draw.choice(REASONS) if kind == "paused" else None,
        priority_after=_maybe(draw, 0.9 if kind == "priority_changed" else 0.02, draw.choice(PRIORITIES)),
        service_item_id_after=_maybe(
            draw, 0.9 if kind == "item_changed" else 0.01, draw.choice(list(hours.ITEMS))
        ),
        is_visible_to_owner=draw.choice([None, None, True, False]),
    )


def _maybe(draw: random.Random, chance: float, value: T) -> T | None:
    return value if draw.random() < chance else None


def row(delivered: Ticket | Event | CallBack) -> dict[str, str]:
    """A ticket or event as a delivery holds it."""
    return {field.name: _cell(getattr(delivered, field.name)) for field in fields(delivered)}


def event_rows(ticket: Ticket) -> Iterator[dict[str, str]]:
    """The events of a ticket as a delivery holds them."""
    for event in ticket.events or ():
        yield row(event) | {"source_ticket_id": ticket.source_ticket_id}


def call_back_rows(ticket: Ticket) -> Iterator[dict[str, str]]:
    """The calls of a ticket as a delivery holds them."""
    for call in ticket.call_backs:
        yield row(call) | {"source_ticket_id": ticket.source_ticket_id}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else str(value)
