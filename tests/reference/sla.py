"""Service levels, slowly: of every minute it is asked whether it counts, and under which policy.

What is promised is read from the content of the releases' files; what becomes of it is told in decision 25. Nothing
here is shared with the package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference.tickets import RESTS, Life, Span, State, minute


@dataclass(frozen=True)
class Target:
    """What is promised: by how many minutes, of which clock, and when it rests."""

    minutes: int
    clock: str
    paused_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A policy of a release; what it applies to and promises, as the release's file says it."""

    release: str
    policy: str
    applies_to: Mapping[str, Any]
    targets: Mapping[str, Target]


@dataclass
class Company:
    """What decides on policies, beside the ticket.

    Attributes:
        releases: first day in force, name and content of sla.yml, in order.
        items: group and whether it is an emergency, by service item.
        grades: by project.
        zones: IANA time zone by source.
    """

    releases: Sequence[tuple[date, str, Mapping[str, Any]]]
    items: Mapping[str, tuple[str | None, bool | None]]
    grades: Mapping[str, str | None]
    zones: Mapping[str, str]

    @cached_property
    def policies(self) -> list[tuple[date, list[Policy]]]:
        """The policies of each release in their order, by the first day in force."""
        return [
            (effective_from, [_policy(name, code, entry) for code, entry in content["policies"].items()])
            for effective_from, name, content in self.releases
        ]

    def chosen(self, life: Life, state: State, at: int) -> Policy | None:
        """The first policy that applies to a ticket in a state, of the release in force on a minute's day."""
        day = self.day(life, at)
        in_force = [policies for effective_from, policies in self.policies if effective_from <= day]
        group, is_emergency = self.items.get(state.item or "", (None, None))
        if life.ticket.is_emergency is not None:
            is_emergency = life.ticket.is_emergency
        has = {
            "service_items": state.item,
            "service_groups": group,
            "priorities": state.priority,
            "project_grades": self.grades[life.ticket.project_id],
            "channels": life.ticket.channel,
        }
        for policy in in_force[-1] if in_force else []:
            asked = dict(policy.applies_to)
            if asked.pop("is_emergency", bool(is_emergency)) == bool(is_emergency) and all(
                has[name] in values for name, values in asked.items()
            ):
                return policy
        return None

    def day(self, life: Life, at: int) -> date:
        """The day that a minute lies on, at the place."""
        return life.day(at, ZoneInfo(self.zones[life.ticket.source_id]))


@dataclass(frozen=True)
class Promise:
    """What became of one thing promised; moments are minutes counted from 1970."""

    target: str
    occurrence: int
    release: str | None
    policy: str | None
    target_minutes: int | None
    clock: str | None
    department: str | None
    status: str
    started: int
    due: int | None
    fulfilled: int | None
    ended: int | None
    breaches: int | None
    breached: int | None
    used: int | None


@dataclass
class Promises:
    """All promises that a ticket was given.

    Attributes:
        life: the ticket's.
        company: its policies.
        horizon: the last day that its source has delivered.
    """

    life: Life
    company: Company
    horizon: date

    @cached_property
    def stays(self) -> list[tuple[Span, Policy | None]]:
        """Stays and the policy in force; one without length of a ticket that ended in its first minute."""
        found: list[tuple[Span, Policy | None]] = []
        for span in self.life.spans or [self._momentary()]:
            last, policy = found[-1] if found else (None, None)
            same = last and (last.state.priority, last.state.item) == (span.state.priority, span.state.item)
            found.append((span, policy if same else self.company.chosen(self.life, span.state, span.begins)))
        return found

    def _momentary(self) -> Span:
        life = self.life
        state = life.initial
        for event in life.delivered:
            if minute(event.occurred_at) <= life.begins:
                state = event.applied(state)
        return Span(state, life.begins, life.begins, "opened", None, is_last=True)

    def stay(self, at: int) -> tuple[Span, Policy | None]:
        """The stay that a minute lies in: after the last one, the last."""
        return [stay for stay in self.stays if stay[0].begins <= at][-1]

    @cached_property
    def now(self) -> int:
        """The minute up to which states are known: the end, or that after the last event."""
        return self.life.begins + len(self.life.states)

    # what is promised, from when until when

    def all(self) -> Iterator[Promise]:
        """Every promise, with what became of it."""
        for target, occurrence, started, fulfilled in self._windows():
            promise = self._became(target, occurrence, started, fulfilled)
            if promise:
                yield promise

    def _windows(self) -> Iterator[tuple[str, int, int, int | None]]:
        life = self.life
        begins, ends = life.begins, life.ends
        durations = life.durations()
        moments: dict[str, int] = {}
        for name in ("acknowledge", "first_response", "attend"):
            length = durations[name]
            if length and (ends is None or begins + length.calendar <= ends):
                moments[name] = begins + length.calendar
        yield "acknowledge", 1, begins, min(moments.values(), default=None)
        yield "respond", 1, begins, moments.get("first_response")
        yield "attend", 1, begins, moments.get("attend")
        is_closed = life.ticket.status == "closed" and ends is not None
        yield "complete", 1, begins, ends if is_closed else None
        if is_closed:
            assert ends is not None
            called = life.called_back_at
            yield "call_back", 1, ends, None if called is None else minute(called)
        for occurrence, (started, fulfilled) in enumerate(self._replies(), 1):
            yield "next_reply", occurrence, started, fulfilled
        told = sorted({begins, *(minute(event.occurred_at) for event in self.life.told if event.is_answer)})
        for occurrence, started in enumerate(told, 1):
            if started != ends:
                yield "update", occurrence, started, told[occurrence] if occurrence < len(told) else None

    def _replies(self) -> Iterator[tuple[int, int | None]]:
        since: int | None = None
        for event in self.life.told:
            if event.is_owner_message and since is None:
                since = minute(event.occurred_at)
            elif event.is_answer and since is not None:
                yield since, minute(event.occurred_at)
                since = None
        if since is not None:
            yield since, None

    # what became of it

    def _became(self, name: str, occurrence: int, started: int, fulfilled: int | None) -> Promise | None:
        is_call_back = name == "call_back"
        ended = fulfilled if fulfilled is not None or is_call_back else self.life.ends
        until = self.now if ended is None else ended
        until = max(until, started)
        stays = self.stays[-1:] if is_call_back else self.stays
        last, policy = stays[-1] if ended is None or is_call_back else self.stay(ended)
        if not any(
            self._target(of, name)
            for span, of in stays
            if is_call_back or (span.begins <= until and (span.ends is None or span.ends > started))
            or span is last
        ):  # fmt: skip
            return None
        target = self._target(policy, name)

        # limits[n] is in force and used[n] was used n minutes after the start
        counts: list[int] = []
        limits: list[int | None] = []
        for span, of in stays:
            promised = self._target(of, name)
            begins = started if is_call_back else max(span.begins, started)
            ends = until if span is stays[-1][0] else min(span.ends or until, until)
            if ends > begins:
                counts += self._counts(name, promised, span.state, begins, ends)
                limits += [promised.minutes if promised else None] * (ends - begins)
        limits.append(target.minutes if target else None)
        used = list(accumulate(counts, initial=0))
        assert len(used) == len(limits) == until - started + 1

        over = (n for n, limit in enumerate(limits) if limit is not None and used[n] > limit)
        breaches = _later(started, next(over, None))
        if breaches is None and ended is None:
            breaches = self._reached(name, target, last.state, until, used[-1], 1)
        due = None
        if target:
            reached = (n for n, minutes in enumerate(used) if minutes >= target.minutes)
            due = _later(started, next(reached, None))
            if due is None:
                due = self._reached(name, target, last.state, until, used[-1], 0)

        breached = breaches
        if ended is None and breaches is not None and self.company.day(self.life, breaches) > self.horizon:
            breached = None
        if breached is not None:
            status = "breached_open" if ended is None else "breached"
        elif ended is None:
            status = "void" if target is None else self._running(name, target, last.state)
        else:
            status = "met" if fulfilled is not None and target else "void"
        held = self.stay(until if breached is None else breached)[0].state
        return Promise(
            target=name,
            occurrence=occurrence,
            release=policy.release if policy else None,
            policy=policy.policy if policy else None,
            target_minutes=target.minutes if target else None,
            clock=target.clock if target else None,
            department=held.department,
            status=status,
            started=started,
            due=due,
            fulfilled=fulfilled,
            ended=ended,
            breaches=breaches,
            breached=breached,
            used=None if ended is None else used[-1],
        )

    def _target(self, policy: Policy | None, name: str) -> Target | None:
        return policy.targets.get(name) if policy else None

    def _rests(self, name: str, target: Target, state: State) -> bool:
        return name != "call_back" and state.status in (*RESTS, *target.paused_in)

    def _running(self, name: str, target: Target, state: State) -> str:
        return "paused" if self._rests(name, target, state) else "running"

    def _counts(
        self, name: str, target: Target | None, state: State, begins: int, ends: int
    ) -> Sequence[int]:
        """One for every minute that counts, zero for the others."""
        if target is None or self._rests(name, target, state):
            return [0] * (ends - begins)
        return [1] * (ends - begins) if target.clock == "calendar" else self.life.served(begins, ends)

    def _reached(
        self, name: str, target: Target | None, state: State, at: int, used: int, more: int
    ) -> int | None:
        """When so many minutes more than promised are used, if the state goes on for ever; None for never known."""
        if target is None or self._rests(name, target, state):
            return None
        missing = target.minutes + more - used
        if target.clock == "calendar":
            return at + missing
        return self.life.after_served(at, missing)


def _policy(release: str, code: str, entry: Mapping[str, Any]) -> Policy:
    targets = {
        name: Target(target["minutes"], target["clock"], tuple(target.get("paused_in", ())))
        for name, target in entry["targets"].items()
    }
    return Policy(release, code, entry.get("applies_to", {}), targets)


def _later(started: int, minutes: int | None) -> int | None:
    return None if minutes is None else started + minutes
