"""Service hours: a calendar's rules as one row per day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import holidays

from yardstick.standards.release import Release

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class CalendarDay:
    """Service hours of one calendar on one day, in minutes after local midnight; 0 to 0 when closed."""

    calendar_id: str
    day: date
    is_workday: bool
    opens_minute: int
    closes_minute: int


def calendar_days(releases: Sequence[Release]) -> list[CalendarDay]:
    """Service hours of every calendar for the years its release names.

    A day follows the release in force on it; days before the first release follow the first.
    """
    ordered = sorted(releases, key=lambda release: release.effective_from)
    starts = [release.effective_from for release in ordered]
    days: dict[tuple[str, date], CalendarDay] = {}
    for index, release in enumerate(ordered):
        years = range(release.calendars["years"]["first"], release.calendars["years"]["last"] + 1)
        first = date(years[0], 1, 1) if index == 0 else release.effective_from
        last = date(years[-1], 12, 31)
        if index + 1 < len(ordered):
            last = min(last, starts[index + 1] - timedelta(days=1))
        for calendar_id, calendar in release.calendars["calendars"].items():
            for entry in _days_of(calendar_id, calendar, years, first, last):
                days[entry.calendar_id, entry.day] = entry
    return [days[key] for key in sorted(days)]


def calendar_problems(release: Release) -> list[str]:
    """What is wrong with a release's calendars; empty when all is well."""
    path = release.files["calendars"]
    content = release.calendars
    problems = []
    for source, code in content.get("by_source", {}).items():
        if code not in content["calendars"]:
            have = ", ".join(content["calendars"])
            problems.append(f"{path}: by_source.{source}: no calendar {code!r}; choose one of {have}")
    if content["years"]["first"] > content["years"]["last"]:
        problems.append(f"{path}: years: first is after last")
    for code, calendar in content["calendars"].items():
        at = f"{path}: calendars.{code}"
        for day, (opens, closes) in calendar["weekly"].items():
            if _minute(opens) >= _minute(closes):
                problems.append(f"{at}.weekly.{day}: {opens} is not before {closes}")
        for closure in calendar.get("closures", []):
            try:
                date.fromisoformat(closure)
            except ValueError:
                problems.append(f"{at}.closures: {closure} is not a date")
        if rule := calendar.get("holidays"):
            if rule.get("make_up_as") not in {None, *calendar["weekly"]}:
                problems.append(f"{at}.holidays.make_up_as: {rule['make_up_as']} has no hours in weekly")
            try:
                holidays.country_holidays(rule["country"], subdiv=rule.get("subdivision"))
            except NotImplementedError as error:
                problems.append(f"{at}.holidays: {error}")
    return problems


def _days_of(
    calendar_id: str, calendar: Mapping[str, Any], years: range, first: date, last: date
) -> Iterable[CalendarDay]:
    rule = calendar.get("holidays")
    closed = {date.fromisoformat(day) for day in calendar.get("closures", [])}
    make_up: set[date] = set()
    if rule:
        public = holidays.country_holidays(rule["country"], subdiv=rule.get("subdivision"), years=years)
        closed |= set(public)
        if rule.get("make_up_as"):
            make_up = set(public.weekend_workdays) - closed
    day = first
    while day <= last:
        hours = calendar["weekly"].get(
            rule["make_up_as"] if rule and day in make_up else _DAYS[day.weekday()]
        )
        if day in closed:
            hours = None
        opens, closes = (_minute(hours[0]), _minute(hours[1])) if hours else (0, 0)
        yield CalendarDay(calendar_id, day, hours is not None, opens, closes)
        day += timedelta(days=1)


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)
