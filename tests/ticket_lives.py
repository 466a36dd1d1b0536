"""Lives of tickets worked out by hand: in a city in UTC that is served from eight to six, every day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from tests.reference.tickets import CallBack, Event, Life, Ticket
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


CASES = {
    # desk, team, parts for a night, and a day of rest before the owner opens it again
    "repair": life(
        event("09:00", "opened", to_department_id="desk", actor_role="owner"),
        event("09:10", "assigned", to_department_id="desk", to_person_id="ann", actor_person_id="ann"),
        event(
            "09:30", "handed_over", from_department_id="desk", to_department_id="team", actor_person_id="ann"
        ),
        event("10:00", "responded", status_after="in_progress", actor_person_id="bob"),
        event("17:00", "paused", pause_reason="parts"),
        event("3 08:30", "resumed", actor_person_id="bob"),
        event("3 09:00", "closed", actor_person_id="bob"),
        event("4 09:00", "reopened", actor_role="owner"),
        event("4 09:15", "accepted", actor_person_id="bob", to_person_id="bob"),
        closed="4 10:00",
    ),
    "stays within a minute": life(
        event("09:00:10", "assigned", to_department_id="desk"),
        event("09:00:20", "handed_over", to_department_id="team"),
        event("09:20:00", "handed_over", to_department_id="other"),
        event("09:20:59", "accepted", to_department_id="desk"),
        closed="09:20:59",
    ),
    "over within a minute": life(closed="09:00:30"),
    "events of one moment": life(
        event("09:30", "paused", number="10", pause_reason="owner"),
        event("09:30", "resumed", number="9"),
    ),
    "given back": life(
        event("09:10", "handed_over", from_department_id="a", to_department_id="b"),
        event("09:20", "handed_over", from_department_id="b", to_department_id="a"),
        event("09:30", "handed_over", to_department_id="c"),
        event("09:40", "handed_over", to_department_id="b"),
        event("09:50", "returned", to_department_id="a"),
        event("10:00", "returned", to_department_id="d"),
    ),
    "before opening and after the end": life(
        event("08:00", "assigned", to_department_id="team"),
        event("11:00", "paused", pause_reason="owner"),
        closed="10:00",
    ),
    "priority changed": life(event("09:30", "priority_changed", priority_after="high"), priority="high"),
    "priority kept": life(priority="high"),
    "priority told at opening": life(
        event("09:00", "opened", priority_after="low"),
        event("09:30", "priority_changed", priority_after="high"),
        priority="high",
    ),
    "approvals": life(
        event("10:00", "approval_requested", approval_level="project"),
        event("10:30", "approval_requested", approval_level="region"),
        event("11:30", "approved", approval_level="region"),
        event("17:50", "approval_requested"),
        event("18:10", "approval_refused"),
        closed="18:10",
    ),
    "messages": life(
        event("09:10", "commented", actor_role="owner"),
        event("09:20", "commented", actor_role="owner"),
        event("09:30", "commented", actor_role="technician", is_visible_to_owner=False),
        event("09:40", "commented", actor_role="technician", is_visible_to_owner=True),
        event("09:50", "responded", actor_role="system"),
        event("17:30", "commented", actor_role="owner"),
        closed="18:30",
    ),
    "silence": life(event("09:30", "responded"), event("11:00", "commented"), closed="12:30"),
    "handed over and still there": life(
        event("09:30", "handed_over", from_department_id="desk", to_department_id="team")
    ),
    "wanders": life(
        event("09:10", "handed_over", from_department_id="desk", to_department_id="team"),
        event("3 09:00", "handed_over", to_department_id="other"),
        event("4 08:00", "handed_over", to_department_id="team"),
        closed="4 10:00",
        due_at=at("3 12:00"),
    ),
}
"""Lives by name, for the reference and for the facts."""

CLOSING_UNKNOWN = {
    "nothing": ([], "09:00"),
    "a comment": ([event("09:40", "commented")], "09:40"),
    "a closing and a comment": ([event("09:30", "closed"), event("09:40", "commented")], "09:30"),
    "a closing before it was opened": ([event("08:30", "closed")], "09:00"),
}
"""Events of tickets whose closing nobody told, and when they ended."""


def unknown_closing(name: str, status: str) -> Life:
    """A closed ticket without a closing, or a cancelled one with an impossible one."""
    events, _ = CLOSING_UNKNOWN[name]
    return life(*events, status=status, closed_at=None if status == "closed" else at("08:00"))


CASES |= {
    f"{name}, {status}": unknown_closing(name, status)
    for name in CLOSING_UNKNOWN
    for status in ("closed", "cancelled")
}


@dataclass(frozen=True)
class Promised:
    """A life and what was promised: policies as in sla.yml, and the day of March that is delivered up to."""

    life: Life
    policies: dict[str, Any]
    horizon: int = 2


def policy(**targets: Any) -> dict[str, Any]:
    """A policy that applies to everything."""
    return {"targets": targets}


HOUR = {"minutes": 60, "clock": "calendar"}
LATE = "20:00"
_SERVED = {"minutes": 600, "clock": "service"}
_FOR_HIGH = {"applies_to": {"priorities": ["high"]}}
_RAISED, _LOWERED = (
    event(when, "priority_changed", priority_after=priority)
    for when, priority in (("09:10", "high"), ("09:20", "low"))
)

PROMISED = {
    "kept in the last minute": Promised(
        life(event("10:00", "responded"), closed=LATE), {"all": policy(respond=HOUR)}
    ),
    "a minute late": Promised(life(event("10:01", "responded"), closed=LATE), {"all": policy(respond=HOUR)}),
    "rests for the owner and at night": Promised(
        life(event("10:00", "paused", pause_reason="owner"), event("11:00", "resumed"), closed="3 09:00"),
        {"all": policy(complete={"minutes": 500, "clock": "service", "paused_in": ["waiting_owner"]})},
        horizon=3,
    ),
    "runs": Promised(life(), {"all": policy(respond=_SERVED)}),
    "runs and its day has come": Promised(life(), {"all": policy(respond=_SERVED)}, horizon=3),
    "rests": Promised(
        life(event("09:30", "paused", pause_reason="owner")),
        {"all": policy(respond=_SERVED | {"paused_in": ["waiting_owner"]})},
        horizon=3,
    ),
    "stricter, then milder": Promised(
        life(
            event("10:00", "priority_changed", priority_after="high"),
            event("10:30", "priority_changed", priority_after="low"),
            event("10:40", "item_changed", service_item_id_after="lift"),
            closed="11:00",
        ),
        {
            "strict": _FOR_HIGH | policy(complete={"minutes": 30, "clock": "calendar"}),
            "mild": policy(complete={"minutes": 300, "clock": "calendar"}),
        },
    ),
    "no longer promised": Promised(
        life(_RAISED, _LOWERED, closed="09:30"), {"of_high": _FOR_HIGH | policy(complete=HOUR)}
    ),
    "never promised": Promised(
        life(_LOWERED, closed="09:30"), {"of_high": _FOR_HIGH | policy(complete=HOUR)}
    ),
    "closed without an answer": Promised(
        life(closed="09:30"), {"all": policy(respond=HOUR, attend=HOUR, update=HOUR)}
    ),
    "cancelled late": Promised(
        life(status="cancelled", closed_at=at("11:00")), {"all": policy(complete=HOUR)}
    ),
    "messages and updates": Promised(
        life(
            event("09:10", "commented", actor_role="owner"),
            event("09:20", "commented", actor_role="owner"),
            event("09:30", "responded"),
            event("09:40", "commented", actor_role="owner"),
            closed="10:50",
        ),
        {"all": policy(next_reply=HOUR, update=HOUR)},
    ),
    "called back": Promised(
        life(closed="10:00", call_backs=(CallBack("1", at("10:30"), "reached"),)),
        {"all": policy(call_back=HOUR)},
    ),
    "not called back": Promised(life(closed="10:00"), {"all": policy(call_back=HOUR)}),
    "ends as it begins": Promised(life(closed="09:00:40"), {"all": policy(complete=HOUR, respond=HOUR)}),
}
"""Lives by name and what was promised, for the reference and for the facts."""
