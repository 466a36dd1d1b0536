"""Tickets, slowly: the state of a ticket in every minute of its life, and everything that is said of it.

A ticket's life is a list with one state for each of its minutes; durations are counted in it, and nothing is
subtracted. Moments are cut to their minute. Nothing here is shared with the package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from itertools import compress, groupby, pairwise
from typing import NamedTuple

from tests.reference import working_time
from tests.reference.working_time import WorkingTime

WAITS_FOR = {
    "waiting_owner": "owner",
    "open": "inside",
    "assigned": "inside",
    "waiting_parts": "inside",
    "waiting_approval": "inside",
    "done": "inside",
    "waiting_weather": "outside",
    "waiting_other": "outside",
}
STATUS_BY_KIND = {
    "assigned": "assigned",
    "accepted": "in_progress",
    "attended": "in_progress",
    "resumed": "in_progress",
    "approved": "in_progress",
    "approval_refused": "in_progress",
    "approval_requested": "waiting_approval",
    "work_done": "done",
    "closed": "closed",
    "reopened": "open",
    "cancelled": "cancelled",
}
STATUS_BY_REASON = {"owner": "waiting_owner", "parts": "waiting_parts", "weather": "waiting_weather"}


class Both(NamedTuple):
    """A duration by both clocks, in minutes."""

    calendar: int
    service: int


class State(NamedTuple):
    """What is true of a ticket in a minute."""

    department: str | None
    status: str
    approval_level: str | None
    priority: str | None
    item: str | None


@dataclass(frozen=True)
class Event:
    """Something that happened to a ticket, named as it is delivered."""

    source_ticket_event_id: str
    occurred_at: datetime
    event_kind: str
    status_after: str | None = None
    from_department_id: str | None = None
    to_department_id: str | None = None
    from_person_id: str | None = None
    to_person_id: str | None = None
    actor_person_id: str | None = None
    actor_role: str | None = None
    approval_level: str | None = None
    pause_reason: str | None = None
    priority_after: str | None = None
    service_item_id_after: str | None = None
    is_visible_to_owner: bool | None = None

    @property
    def order(self) -> tuple[datetime, int, str]:
        """Events follow each other by time, then by number."""
        return self.occurred_at, len(self.source_ticket_event_id), self.source_ticket_event_id

    @property
    def is_by_company(self) -> bool:
        """Whether neither the owner nor the system did it."""
        return self.actor_role not in ("owner", "system")

    @property
    def is_answer(self) -> bool:
        """Whether the owner hears of it."""
        is_visible = self.is_visible_to_owner
        if is_visible is None:
            is_visible = self.event_kind in ("responded", "attended")
        return is_visible and self.is_by_company

    @property
    def is_owner_message(self) -> bool:
        """Whether the owner says something."""
        return self.actor_role == "owner" and self.event_kind == "commented"

    @property
    def status(self) -> str | None:
        """The status it leads to; None for the one before."""
        if self.status_after:
            return self.status_after
        if self.event_kind == "paused":
            return STATUS_BY_REASON.get(self.pause_reason or "", "waiting_other")
        return STATUS_BY_KIND.get(self.event_kind)

    def applied(self, state: State) -> State:
        """The state after it."""
        status = self.status or state.status
        level = self.approval_level or "" if self.event_kind == "approval_requested" else state.approval_level
        return State(
            self.to_department_id or state.department,
            status,
            level if status == "waiting_approval" else None,
            self.priority_after or state.priority,
            self.service_item_id_after or state.item,
        )


@dataclass(frozen=True)
class Ticket:
    """A ticket as it was delivered last, named as it is delivered.

    Attributes:
        events: what happened to it; None when its source delivers no events.
    """

    source_id: str
    source_ticket_id: str
    opened_at: datetime
    project_id: str
    service_item_id: str
    status: str = "open"
    closed_at: datetime | None = None
    due_at: datetime | None = None
    department_id: str | None = None
    priority: str | None = None
    channel: str | None = None
    acknowledged_at: datetime | None = None
    first_response_at: datetime | None = None
    attended_at: datetime | None = None
    is_emergency: bool | None = None
    is_within_authority: bool | None = None
    rating: int | None = None
    events: tuple[Event, ...] | None = ()

    @property
    def hours(self) -> working_time.Ticket:
        """What decides on its service hours, for its whole life."""
        return working_time.Ticket(self.source_id, self.project_id, self.service_item_id, self.is_emergency)


@dataclass(frozen=True)
class Span:
    """A stay of a ticket in one state; without an end while it runs."""

    state: State
    begins: int
    ends: int | None
    entered_how: str
    length: Both | None
    is_last: bool = False

    @property
    def waits_for(self) -> str | None:
        """Who is waited for; None at work and at rest."""
        return WAITS_FOR.get(self.state.status)


@dataclass
class Life:
    """A ticket and the state of each of its minutes.

    Attributes:
        ticket: of a source that delivers events.
        work: the company's service hours.
    """

    ticket: Ticket
    work: WorkingTime
    _served: bytes = field(init=False, repr=False)
    _first: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._served = self.work.served(self.ticket.hours)
        self._first = minute(self.work.first)

    # moments

    @cached_property
    def delivered(self) -> list[Event]:
        """All events in their order."""
        return sorted(self.ticket.events or (), key=lambda event: event.order)

    @cached_property
    def ended_at(self) -> datetime | None:
        """When it was over; None for a ticket that runs."""
        ticket = self.ticket
        if ticket.status not in ("closed", "cancelled"):
            return None
        if ticket.closed_at and ticket.closed_at >= ticket.opened_at:
            return ticket.closed_at
        closing = [event for event in self.delivered if event.event_kind in ("closed", "cancelled")]
        last = [ticket.opened_at, *(event.occurred_at for event in closing or self.delivered)][-1]
        return max(last, ticket.opened_at)

    @cached_property
    def from_opening(self) -> list[Event]:
        """All events, none before it was opened."""
        return [
            replace(event, occurred_at=max(event.occurred_at, self.ticket.opened_at))
            for event in self.delivered
        ]

    @cached_property
    def events(self) -> list[Event]:
        """Events before its end."""
        return [
            event for event in self.from_opening if self.ended_at is None or event.occurred_at < self.ended_at
        ]

    @cached_property
    def begins(self) -> int:
        """Its first minute."""
        return minute(self.ticket.opened_at)

    @cached_property
    def ends(self) -> int | None:
        """The minute after its last; None for a ticket that runs."""
        return minute(self.ended_at) if self.ended_at else None

    # states

    @cached_property
    def initial(self) -> State:
        """Its state when it was opened."""
        ticket = self.ticket
        opened = next((event for event in self.delivered if event.event_kind == "opened"), None)
        return State(
            (opened and opened.to_department_id) or self._first_department() or ticket.department_id,
            "open",
            None,
            (opened and opened.priority_after)
            or (None if any(event.priority_after for event in self.delivered) else ticket.priority),
            (opened and opened.service_item_id_after)
            or (
                None
                if any(event.service_item_id_after for event in self.delivered)
                else ticket.service_item_id
            ),
        )

    def _first_department(self) -> str | None:
        for event in self.delivered:
            if event.from_department_id:
                return event.from_department_id
            if event.event_kind in ("assigned", "accepted") and event.to_department_id:
                return event.to_department_id
        return None

    @cached_property
    def states(self) -> list[State]:
        """The state in every minute until its end or, of a ticket that runs, until its last event's."""
        last = self.ends
        if last is None:
            last = 1 + max([self.begins, *(minute(event.occurred_at) for event in self.events)])
        state = self.initial
        states = [state] * (last - self.begins)
        for event in self.events:
            state = event.applied(state)
            begins = minute(event.occurred_at) - self.begins
            states[begins:] = [state] * (len(states) - begins)
        return states

    def served(self, begins: int, ends: int) -> bytes:
        """Of each minute from one up to, not including, another: 1 when it is served."""
        return self._served[begins - self._first : ends - self._first]

    def after_served(self, begins: int, number: int) -> int | None:
        """The minute after so many minutes served from one on; None when it lies after the last looked at."""
        step = 1_440
        while begins - self._first < len(self._served):
            served = self.served(begins, begins + step)
            if served.count(1) >= number:
                for minutes, is_served in enumerate(served):
                    number -= is_served
                    if number == 0:
                        return begins + minutes + 1
            number -= served.count(1)
            begins += step
        return None

    def length(self, begins: int, ends: int) -> Both:
        """Minutes from one up to, not including, another."""
        return Both(ends - begins, self.served(begins, ends).count(1))

    def to(self, moment: datetime | None) -> Both | None:
        """Minutes from opening to a moment; None before and without it."""
        if moment is None or moment < self.ticket.opened_at:
            return None
        return self.length(self.begins, minute(moment))

    @cached_property
    def minutes_by_state(self) -> dict[State, Both]:
        """How many minutes, and minutes served, each state has until the end; of a ticket that runs, until now."""
        served = self.served(self.begins, self.begins + len(self.states))
        by_service = Counter(compress(self.states, served))
        return {state: Both(number, by_service[state]) for state, number in Counter(self.states).items()}

    def lasting(self, is_so: Callable[[State], bool]) -> Both | None:
        """Minutes of a life that is over in which something is so."""
        if self.ends is None:
            return None
        found = [minutes for state, minutes in self.minutes_by_state.items() if is_so(state)]
        return Both(sum(each.calendar for each in found), sum(each.service for each in found))

    @cached_property
    def spans(self) -> list[Span]:
        """Its stays, in order; none of a ticket that was over in the minute it was opened."""
        found: list[Span] = []
        begins = self.begins
        for state, minutes in groupby(self.states):
            ends = begins + len(list(minutes))
            how = self._entered(found, state, begins) if found else "opened"
            found.append(Span(state, begins, ends, how, self.length(begins, ends)))
            begins = ends
        if found:
            found[-1] = replace(found[-1], is_last=True)
            if self.ends is None:
                found[-1] = replace(found[-1], ends=None, length=None)
        return found

    def _entered(self, before: Sequence[Span], state: State, at: int) -> str:
        """How a state was entered from the last of the stays before."""
        last = before[-1].state
        kinds = {event.event_kind for event in self.events if minute(event.occurred_at) == at}
        if state.department != last.department:
            held = [department for department, _ in groupby(span.state.department for span in before)]
            is_sent_back = "returned" in kinds and state.department in held
            is_back = len(held) > 1 and held[-2] == state.department
            return "returned" if is_sent_back or is_back else "handed_over"
        if state.status != last.status or state.approval_level != last.approval_level:
            return "reopened" if "reopened" in kinds else "status_changed"
        return "priority_changed" if state.priority != last.priority else "item_changed"

    # measures

    def durations(self) -> dict[str, Both | None]:
        """Every measure that is a duration, without its clock."""
        ticket, events = self.ticket, self.events
        return {
            "acknowledge": self.to(ticket.acknowledged_at or _first(events, lambda e: e.event_kind == "acknowledged")),
            "first_response": self.to(ticket.first_response_at or _first(events, lambda e: e.is_answer)),
            "attend": self.to(ticket.attended_at or _first(events, lambda e: e.event_kind == "attended")),
            "assign": self.to(_first(events, lambda e: e.event_kind in ("assigned", "accepted"))),
            "first_resolution": self._first_resolution(),
            "reply_waiting": self._reply_waiting(),
            "work": self.lasting(lambda state: state.status == "in_progress"),
            "resting": self.lasting(lambda state: state.status in ("closed", "cancelled")),
            "approval_waiting": self.lasting(lambda state: state.status == "waiting_approval"),
        } | {
            f"{name}_waiting": self.lasting(lambda state, name=party: WAITS_FOR.get(state.status) == name)  # type: ignore[misc]
            for name, party in (("owner", "owner"), ("internal", "inside"), ("outside", "outside"))
        }  # fmt: skip

    def approval_by_level(self) -> dict[str, Both]:
        """Minutes of waiting for approval by level; '' is a level that was not told."""
        found: dict[str, Both] = {}
        for level in {state.approval_level for state in self.minutes_by_state}:
            waiting = self.lasting(partial(_waits_for_approval, level))
            if waiting and waiting.calendar:
                found[level or ""] = waiting
        return found

    def _first_resolution(self) -> Both | None:
        for number, state in enumerate(self.states):
            if state.status == "closed":
                return self.length(self.begins, self.begins + number)
        if self.ticket.status == "closed":
            return self.length(self.begins, self.ends) if self.ends is not None else None
        return None

    def _reply_waiting(self) -> Both | None:
        """How long messages of the owner waited for the next answer, those that wait together once."""
        if not any(event.is_owner_message for event in self.events):
            return None
        since: int | None = None
        waited = [0, 0]
        for event in self.events:
            if event.is_owner_message and since is None:
                since = minute(event.occurred_at)
            elif event.is_answer and since is not None:
                waited = [
                    a + b for a, b in zip(waited, self.length(since, minute(event.occurred_at)), strict=True)
                ]
                since = None
        if since is not None:
            if self.ends is None:
                return None
            waited = [a + b for a, b in zip(waited, self.length(since, self.ends), strict=True)]
        return Both(*waited)

    def counts(self) -> dict[str, int]:
        """Every measure that is a number of things."""
        hows = [span.entered_how for span in self.spans]
        events = self.events
        people = {
            person
            for event in events
            for person in (
                event.actor_person_id if event.is_by_company else None,
                event.to_person_id,
                event.from_person_id,
            )
            if person
        }
        return {
            "touches": sum(e.is_by_company and e.event_kind != "opened" for e in events),
            "reopenings": sum(e.event_kind == "reopened" for e in events),
            "handovers": hows.count("handed_over") + hows.count("returned"),
            "returns": hows.count("returned"),
            "departments_involved": len({span.state.department for span in self.spans} - {None}),
            "answers": sum(e.is_answer for e in events),
            "owner_messages": sum(e.is_owner_message for e in events),
            "assignments": sum(e.event_kind == "assigned" for e in events),
            "people_involved": len(people),
        }  # fmt: skip

    def marks(self) -> list[int]:
        """Minutes in which somebody did something, opening and end included."""
        return sorted(
            {
                self.begins,
                *(minute(event.occurred_at) for event in self.events if event.actor_role != "system"),
                *([] if self.ends is None else [self.ends]),
            }
        )

    def longest_silence(self) -> tuple[int, int]:
        """Minute after which nobody did anything for longest, and for how many minutes."""
        silences = [(ends - begins, -begins) for begins, ends in pairwise(self.marks())]
        lasted, began = max(silences, default=(0, -self.begins))
        return -began, lasted


def minute(moment: datetime) -> int:
    """The minute that a moment lies in, counted from 1970."""
    return int(moment.timestamp() // 60)


def _waits_for_approval(level: str | None, state: State) -> bool:
    return state.status == "waiting_approval" and state.approval_level == level


def _first(events: Iterable[Event], is_so: Callable[[Event], bool]) -> datetime | None:
    return next((event.occurred_at for event in events if is_so(event)), None)
