"""Working time, slowly: every minute is looked at by itself. What the SQL is held to.

A minute is served when the clock on the wall, at its start, is inside the hours. Moments are cut to their minute;
the minutes between two moments are those from the first one's up to, not including, the second one's. A minute is
paused when it lies between the two moments of any pause. Nothing here is shared with the package: the calendars
are read from the content of the releases' files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Ticket:
    """What decides on a ticket's service hours.

    Attributes:
        source: where it is from.
        project: the project it belongs to.
        item: the service item it asks for.
        told_emergency: what it says itself; None for nothing.
    """

    source: str
    project: str
    item: str
    told_emergency: bool | None


@dataclass(frozen=True)
class Span:
    """From a moment until another; None until it ends."""

    begins: datetime
    ends: datetime | None


@dataclass
class WorkingTime:
    """The service hours of a company.

    Attributes:
        releases: first day in force and content of calendars.yml, in order; days before the first follow it.
        zones: IANA time zone by source.
        items: group and whether it is an emergency, by service item.
        first: the first minute that is looked at.
        last: the minute after the last.
    """

    releases: Sequence[tuple[date, Mapping[str, Any]]]
    zones: Mapping[str, str]
    items: Mapping[str, tuple[str | None, bool | None]]
    first: datetime
    last: datetime
    _walls: dict[str, list[tuple[date, int]]] = field(default_factory=dict)
    _served: dict[Ticket, bytes] = field(default_factory=dict)

    def minutes(self, ticket: Ticket, span: Span, pauses: Sequence[Span] = ()) -> int | None:
        """Minutes served within a span, and within no pause; None without an end or outside the calendars' years."""
        if span.ends is None or not (
            self._is_known(ticket, span.begins) and self._is_known(ticket, span.ends)
        ):
            return None
        begin, end = self._number(span.begins), self._number(span.ends)
        if end < begin:
            return -self.minutes(ticket, Span(span.ends, span.begins))  # type: ignore[operator]
        minutes = bytearray(self.served(ticket)[begin:end])
        for pause in pauses:
            lower = max(self._number(pause.begins), begin) - begin
            upper = min(self._number(pause.ends), end) - begin if pause.ends else end - begin
            if lower < upper:
                minutes[lower:upper] = bytes(upper - lower)
        return minutes.count(1)

    def forget(self) -> None:
        """Look at every minute again: the service items have changed."""
        self._served.clear()

    def served(self, ticket: Ticket) -> bytes:
        """One byte for every minute: 1 when it is served."""
        if ticket not in self._served:
            walls = self._wall(self.zones[ticket.source])
            hours = {day: _of_clock(tuple(self.hours(ticket, day))) for day in {day for day, _ in walls}}
            self._served[ticket] = bytes([hours[day][minute] for day, minute in walls])
        return self._served[ticket]

    def hours(self, ticket: Ticket, day: date) -> list[tuple[int, int]]:
        """Opening and closing minutes of a day, by the clock on the wall."""
        content = self._content(day)
        calendar = content["calendars"][self._calendar(content, ticket, day)]
        if day.isoformat() in calendar.get("closures", []):
            return []
        is_closed_with_project = calendar.get("closed_with_project", True)
        if is_closed_with_project and day.isoformat() in content.get("project_closures", {}).get(
            ticket.project, []
        ):
            return []
        weekday = WEEKDAYS[day.weekday()]
        rule = calendar.get("holidays")
        if rule:
            public = _public(rule["country"], rule.get("subdivision"), day.year)
            if day in public:
                return []
            if "make_up_as" in rule and day in public.weekend_workdays:
                weekday = rule["make_up_as"]
        week = calendar["weekly"]
        for season in calendar.get("seasons", []):
            if _is_within(season["from"], season["until"], day):
                week = season["weekly"]
        hours = week.get(weekday, [])
        pairs = [hours] if hours and isinstance(hours[0], str) else hours
        return [(_minute(opens), _minute(closes)) for opens, closes in pairs]

    def _calendar(self, content: Mapping[str, Any], ticket: Ticket, day: date) -> str:
        group, is_emergency = self.items[ticket.item]
        if ticket.told_emergency is not None:
            is_emergency = ticket.told_emergency
        for rule in content.get("profiles", []):
            if (
                ticket.source in rule.get("sources", [ticket.source])
                and ticket.project in rule.get("projects", [ticket.project])
                and ticket.item in rule.get("service_items", [ticket.item])
                and ("service_groups" not in rule or group in rule["service_groups"])
                and rule.get("is_emergency", bool(is_emergency)) == bool(is_emergency)
                and rule.get("from", "0000") <= day.isoformat() <= rule.get("until", "9999")
            ):
                return str(rule["calendar"])
        return str(content.get("by_source", {}).get(ticket.source, "standard"))

    def _content(self, day: date) -> Mapping[str, Any]:
        in_force = self.releases[0][1]
        for effective_from, content in self.releases:
            if effective_from <= day:
                in_force = content
        return in_force

    def _is_known(self, ticket: Ticket, moment: datetime) -> bool:
        day = moment.astimezone(ZoneInfo(self.zones[ticket.source])).date()
        years = self._content(day)["years"]
        return bool(years["first"] <= day.year <= years["last"])

    def _wall(self, zone: str) -> list[tuple[date, int]]:
        """Day and minute that the clock on the wall shows at the start of every minute."""
        if zone not in self._walls:
            info, walls, days = ZoneInfo(zone), [], {}
            for number in range(self._number(self.last)):
                wall = (self.first + timedelta(minutes=number)).astimezone(info)
                day = days.setdefault(wall.toordinal(), wall.date())
                walls.append((day, wall.hour * 60 + wall.minute))
            self._walls[zone] = walls
        return self._walls[zone]

    def _number(self, moment: datetime) -> int:
        """Whole minutes since the first."""
        return (moment - self.first) // timedelta(minutes=1)


def calendar_minutes(span: Span) -> int | None:
    """Minutes that begin between two moments."""
    if span.ends is None:
        return None
    begins, ends = (int(moment.timestamp() // 60) for moment in (span.begins, span.ends))
    return ends - begins


def utc(text: str) -> datetime:
    """An instant written as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@cache
def _of_clock(hours: tuple[tuple[int, int], ...]) -> bytes:
    """One byte for every minute that a clock can show: 1 inside the hours."""
    return bytes(any(opens <= minute < closes for opens, closes in hours) for minute in range(1440))


def _is_within(first: str, last: str, day: date) -> bool:
    """Whether a day of the year lies between two others, which may go over the turn of the year."""
    months_and_days = [tuple(map(int, bound.split("-"))) for bound in (first, last)]
    at = (day.month, day.day)
    if months_and_days[0] <= months_and_days[1]:
        return months_and_days[0] <= at <= months_and_days[1]
    return at >= months_and_days[0] or at <= months_and_days[1]


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


@cache
def _public(country: str, subdivision: str | None, year: int) -> Any:
    return holidays.country_holidays(country, subdiv=subdivision, years=year)
