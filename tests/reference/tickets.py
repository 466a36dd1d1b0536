"""Tickets, slowly: the state of a ticket in every minute of its life, and everything that is said of it.

A ticket's life is a list with one state for each of its minutes; durations are counted in it, and nothing is
subtracted. Moments are cut to their minute. Nothing here is shared with the package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property, partial
from itertools import compress, groupby, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

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
RESTS = ("closed", "cancelled")
BEGUN = ("in_progress", "done", *RESTS)
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

    def plus(self, other: Both) -> Both:
        """Both added up, clock by clock."""
        return Both(self.calendar + other.calendar, self.service + other.service)


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
class CallBack:
    """A call after the end, named as it is delivered."""

    source_call_back_id: str
    called_at: datetime
    result: str
    rating: int | None = None


@dataclass(frozen=True)
class Ticket:
    """A ticket as it was delivered last, named as it is delivered.

    Attributes:
        events: what happened to it; None when its source delivers no events.
        call_backs: calls to its owner.
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
    work_done_at: datetime | None = None
    reopened_count: int | None = None
    is_emergency: bool | None = None
    is_within_authority: bool | None = None
    rating: int | None = None
    events: tuple[Event, ...] | None = ()
    call_backs: tuple[CallBack, ...] = ()

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


@dataclass(frozen=True)
class Handover:
    """A ticket that goes from one department to another.

    Attributes:
        item: the service item when it goes.
        at: the minute.
        is_return: whether it comes back.
        from_held: how long it was held there.
        from_waiting: how long it waited there for the company itself.
        to_waiting: how long until it is worked on or has gone from here, too; None while it waits.
    """

    giving: str | None
    taking: str | None
    item: str | None
    at: int
    is_return: bool
    from_held: Both
    from_waiting: Both
    to_waiting: Both | None


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
    def told(self) -> list[Event]:
        """Events up to the minute of its end: what is done in closing counts, though it changes nothing any more."""
        return [
            event
            for event in self.from_opening
            if self.ends is None or minute(event.occurred_at) <= self.ends
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
        opened = [event for event in self.delivered if event.event_kind == "opened"]
        departments = [event.to_department_id for event in opened]
        priorities = [event.priority_after for event in opened]
        items = [event.service_item_id_after for event in opened]
        tells_priority = any(event.priority_after for event in self.delivered)
        tells_item = any(event.service_item_id_after for event in self.delivered)
        return State(
            next(filter(None, departments), None) or self._first_department() or ticket.department_id,
            "open",
            None,
            next(filter(None, priorities), None) or (None if tells_priority else ticket.priority),
            next(filter(None, items), None) or (None if tells_item else ticket.service_item_id),
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
        if moment is None or minute(moment) < self.begins:
            return None
        return self.length(self.begins, minute(moment))

    @cached_property
    def minutes_by_state(self) -> dict[State, Both]:
        """How many minutes, and minutes served, each state has in stays that are over."""
        begins, ends = self.begins, self.ends
        if ends is None:
            ends = self.spans[-1].begins
        states = self.states[: ends - begins]
        by_service = Counter(compress(states, self.served(begins, ends)))
        return {state: Both(number, by_service[state]) for state, number in Counter(states).items()}

    def lasting(self, is_so: Callable[[State], bool]) -> Both:
        """Minutes of stays that are over in which something is so."""
        found = [minutes for state, minutes in self.minutes_by_state.items() if is_so(state)]
        return Both(sum(each.calendar for each in found), sum(each.service for each in found))

    @cached_property
    def spans(self) -> list[Span]:
        """Its stays, in order; none of a ticket that was over in the minute it was opened."""
        found: list[Span] = []
        if self.ticket.events is None:
            return found
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
            is_back = len(held) > 1 and held[-2] == state.department
            return "returned" if "returned" in kinds or is_back else "handed_over"
        if state.status != last.status or state.approval_level != last.approval_level:
            return "reopened" if last.status in RESTS and state.status not in RESTS else "status_changed"
        return "priority_changed" if state.priority != last.priority else "item_changed"

    def day(self, at: int, zone: ZoneInfo) -> date:
        """The day that a minute lies on, at a place."""
        return datetime.fromtimestamp(at * 60, UTC).astimezone(zone).date()

    def handovers(self) -> list[Handover]:
        """Every change of department between two stays, in order."""
        runs = [list(stays) for _, stays in groupby(self.spans, lambda span: span.state.department)]
        return [self._handover(before, after) for before, after in pairwise(runs)]

    def _handover(self, before: Sequence[Span], after: Sequence[Span]) -> Handover:
        first = after[0]
        begun = [stay.begins for stay in after if stay.state.status in BEGUN]
        until = begun[0] if begun else after[-1].ends
        waiting = [stay.length for stay in before if stay.waits_for == "inside" and stay.length]
        return Handover(
            before[0].state.department,
            first.state.department,
            first.state.item,
            first.begins,
            first.entered_how == "returned",
            self.length(before[0].begins, first.begins),
            Both(sum(each.calendar for each in waiting), sum(each.service for each in waiting)),
            None if until is None else self.length(first.begins, until),
        )

    # measures

    def durations(self) -> dict[str, Both | None]:
        """Every measure that is a duration, without its clock."""
        ticket, events = self.ticket, self.told
        moments = {
            "acknowledge": (
                ticket.acknowledged_at,
                _first(events, lambda e: e.event_kind in ("acknowledged", "accepted")),
            ),
            "first_response": (ticket.first_response_at, _first(events, lambda e: e.is_answer)),
            "attend": (ticket.attended_at, _first(events, lambda e: e.event_kind == "attended")),
        }
        found = {name: self.to(delivered or by_event) for name, (delivered, by_event) in moments.items()}
        found["first_resolution"] = self._first_resolution()
        if ticket.events is None:
            return found
        statuses = {
            "work": ("in_progress",),
            "resting": ("closed", "cancelled"),
            "approval_waiting": ("waiting_approval",),
        } | {
            f"{name}_waiting": tuple(status for status, waits_for in WAITS_FOR.items() if waits_for == party)
            for name, party in (("owner", "owner"), ("internal", "inside"), ("outside", "outside"))
        }
        return (
            found
            | {
                "assign": self.to(_first(events, lambda e: e.event_kind in ("assigned", "accepted"))),
                "reply_waiting": self._reply_waiting(),
            }
            | {name: self.lasting(partial(_is_any_of, among)) for name, among in statuses.items()}
        )

    def approval_by_level(self) -> dict[str, int]:
        """Calendar minutes of waiting for approval by level; '' is a level that was not told."""
        found: dict[str, int] = {}
        for state, minutes in self.minutes_by_state.items():
            if state.status == "waiting_approval":
                level = state.approval_level or ""
                found[level] = found.get(level, 0) + minutes.calendar
        return found

    def _first_resolution(self) -> Both | None:
        """Until the first event that leaves it done or closed or, where none does, until the ticket says it was."""
        ticket = self.ticket
        resolved = _first(self.told, lambda event: event.status in ("done", "closed"))
        if resolved is None:
            resolved = min(filter(None, (ticket.work_done_at, ticket.closed_at)), default=None)
        return self.to(resolved)

    def _reply_waiting(self) -> Both:
        """How long messages of the owner waited for the next answer, those that wait together once."""
        since: int | None = None
        waited = Both(0, 0)
        for event in self.told:
            if event.is_owner_message and since is None:
                since = minute(event.occurred_at)
            elif event.is_answer and since is not None:
                waited = waited.plus(self.length(since, minute(event.occurred_at)))
                since = None
        if since is not None and self.ends is not None:
            waited = waited.plus(self.length(since, self.ends))
        return waited

    def counts(self) -> dict[str, int]:
        """Every measure that is a number of things."""
        hows = [span.entered_how for span in self.spans]
        events = self.told
        people = {
            person
            for event in events
            for person in (event.actor_person_id if event.is_by_company else None, event.to_person_id)
            if person
        }
        return {
            "touches": sum(e.is_by_company and e.event_kind != "opened" for e in events),
            "reopenings": self._reopenings(),
            "handovers": hows.count("handed_over") + hows.count("returned"),
            "returns": hows.count("returned"),
            "departments_involved": len({span.state.department for span in self.spans} - {None}),
            "answers": sum(e.is_answer for e in events),
            "owner_messages": sum(e.is_owner_message for e in events),
            "assignments": sum(e.event_kind == "assigned" for e in events),
            "people_involved": len(people),
        }

    def _reopenings(self) -> int:
        """How many events say so, or lead out of rest."""
        state, found = self.initial, 0
        for event in self.told:
            after = event.applied(state)
            goes_on = state.status in RESTS and after.status not in RESTS
            found += event.event_kind == "reopened" or goes_on
            state = after
        return found

    def verdicts(self) -> dict[str, object]:
        """Every other measure that is no length of silence."""
        ticket, counts = self.ticket, self.counts()
        is_closed = ticket.status == "closed"
        asked = any(event.event_kind == "approval_requested" for event in self.told)
        called = self.called_back_at
        rated = [call for call in sorted(ticket.call_backs, key=lambda call: call.called_at) if call.rating]
        authority = ticket.is_within_authority
        if authority is None and is_closed and ticket.events is not None:
            authority = not counts["handovers"] and not asked
        reopened = counts["reopenings"] or ticket.reopened_count
        alone = not counts["handovers"] and not reopened and counts["answers"] <= 1
        return {
            "is_first_contact_resolved": alone if is_closed and ticket.events is not None else None,
            "is_within_authority": authority,
            "called_back_at": called,
            "is_called_back": called is not None if is_closed else None,
            "rating": ticket.rating or (rated[-1].rating if rated else None),
        }

    @cached_property
    def called_back_at(self) -> datetime | None:
        """When the owner was first reached after the end."""
        if self.ticket.status != "closed" or self.ended_at is None:
            return None
        end = minute(self.ended_at)
        reached = [call.called_at for call in self.ticket.call_backs if call.result == "reached"]
        told = [event.occurred_at for event in self.delivered if event.event_kind == "called_back"]
        for moments in (reached, told):
            after = [at for at in moments if minute(at) >= end]
            if after:
                return min(after)
        return None

    def marks(self) -> list[int]:
        """Minutes in which something happened, opening and end included, in order."""
        happened = [minute(event.occurred_at) for event in self.told]
        return sorted([self.begins, *happened, *([] if self.ends is None else [self.ends])])

    def department_at(self, at: int) -> str | None:
        """The department that held it after everything that happened up to a minute."""
        state = self.initial
        for event in self.told:
            if minute(event.occurred_at) <= at:
                state = event.applied(state)
        return state.department

    def longest_silence(self) -> tuple[int, int] | None:
        """Minute after which nothing happened for longest, and for how many minutes; None while it runs."""
        silences = [(ends - begins, -begins) for begins, ends in pairwise(self.marks())]
        if not silences:
            return None
        lasted, began = max(silences)
        return -began, lasted


def minute(moment: datetime) -> int:
    """The minute that a moment lies in, counted from 1970."""
    return int(moment.timestamp() // 60)


def _is_any_of(statuses: Sequence[str], state: State) -> bool:
    return state.status in statuses


def _first(events: Iterable[Event], is_so: Callable[[Event], bool]) -> datetime | None:
    return next((event.occurred_at for event in events if is_so(event)), None)
