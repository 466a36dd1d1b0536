"""Service hours: calendars as one row per day, and the rules that say whose calendar is whose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import holidays

from yardstick.standards.release import Release

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STANDARD = "standard"


@dataclass(frozen=True)
class CalendarDay:
    """Service hours of one calendar on one day, by the clock on the wall.

    Attributes:
        calendar_id: the calendar.
        day: the day.
        is_workday: whether it has any hours.
        opens_minute: minutes after 00:00, as the three that follow; 0 to 0 when closed.
        closes_minute: up to 1440.
        opens_again_minute: of the second interval; 0 to 0 when there is none.
        closes_again_minute: up to 1440.
        is_closed_with_project: whether a closure of the project closes it, too.
    """

    calendar_id: str
    day: date
    is_workday: bool
    opens_minute: int
    closes_minute: int
    opens_again_minute: int = 0
    closes_again_minute: int = 0
    is_closed_with_project: bool = True


@dataclass(frozen=True)
class ServiceRule:
    """Which calendar a ticket follows on a day; of the rules that fit, the lowest number counts.

    Attributes:
        rule_number: place among the rules of all releases.
        calendar_id: the calendar.
        valid_from: first day; None without a first.
        valid_until: the day after the last; None without a last.
        source_ids: one of which the ticket is from; None for any, as in the three that follow.
        project_ids: one of which the ticket belongs to.
        service_item_ids: one of which it asks for.
        service_group_ids: one of which its service item belongs to.
        is_emergency: what the ticket must be; None for either.
    """

    rule_number: int
    calendar_id: str
    valid_from: date | None
    valid_until: date | None
    source_ids: Sequence[str] | None = None
    project_ids: Sequence[str] | None = None
    service_item_ids: Sequence[str] | None = None
    service_group_ids: Sequence[str] | None = None
    is_emergency: bool | None = None


def calendar_days(releases: Sequence[Release]) -> list[CalendarDay]:
    """Service hours of every calendar for the years its release names.

    A day follows the release in force on it; days before the first release follow the first.
    """
    days: dict[tuple[str, date], CalendarDay] = {}
    for release, valid_from, valid_until in _terms(releases):
        years = range(release.calendars["years"]["first"], release.calendars["years"]["last"] + 1)
        first = valid_from or date(years[0], 1, 1)
        last = date(years[-1], 12, 31)
        if valid_until:
            last = min(last, valid_until - timedelta(days=1))
        for calendar_id, calendar in release.calendars["calendars"].items():
            for entry in _days_of(calendar_id, calendar, years, first, last):
                days[entry.calendar_id, entry.day] = entry
    return [days[key] for key in sorted(days)]


def service_rules(releases: Sequence[Release]) -> list[ServiceRule]:
    """The profiles of every release, then its calendars by source, each for the days it is in force.

    What no rule fits follows the calendar ``standard``.
    """
    rules: list[ServiceRule] = []
    for release, first, end in _terms(releases):
        content = release.calendars
        for profile in content.get("profiles", []):
            valid_from = _later(first, _day(profile.get("from")))
            valid_until = _earlier(end, _day_after(profile.get("until")))
            if valid_from and valid_until and valid_from >= valid_until:
                continue  # not in the time of this release
            rules.append(
                ServiceRule(
                    rule_number=len(rules) + 1,
                    calendar_id=profile["calendar"],
                    valid_from=valid_from,
                    valid_until=valid_until,
                    source_ids=profile.get("sources"),
                    project_ids=profile.get("projects"),
                    service_item_ids=profile.get("service_items"),
                    service_group_ids=profile.get("service_groups"),
                    is_emergency=profile.get("is_emergency"),
                )
            )
        for source, calendar_id in content.get("by_source", {}).items():
            rules.append(ServiceRule(len(rules) + 1, calendar_id, first, end, source_ids=[source]))
    return rules


def project_closures(releases: Sequence[Release]) -> list[tuple[str, date]]:
    """Project and day of every closure of a project, as the release in force on the day says."""
    return sorted(
        (project, day)
        for release, first, end in _terms(releases)
        for project, days in release.calendars.get("project_closures", {}).items()
        for day in map(date.fromisoformat, days)
        if (first is None or day >= first) and (end is None or day < end)
    )


def labour_days(releases: Sequence[Release]) -> list[tuple[date, str]]:
    """Day and kind (``workday``, ``rest_day`` or ``public_holiday``) by the law of the release in force on it.

    A public holiday is the day the law names. A day off in its stead, and a weekend moved to a festival, are rest
    days; a weekend day worked for one is a workday. Days of a release that names no country are left out.
    """
    days: dict[date, str] = {}
    for release, first, end in _terms(releases):
        rule = release.staffing.get("working_days")
        if not rule:
            continue
        years = release.calendars["years"]
        day = first or date(years["first"], 1, 1)
        last = date(years["last"], 12, 31)
        span = range(day.year, last.year + 1)
        public = holidays.country_holidays(
            rule["country"], subdiv=rule.get("subdivision"), years=span, language="en_US"
        )
        made_up = set(public.weekend_workdays)
        while day <= last and (end is None or day < end):
            name = public.get(day)
            if name and not all(map(_is_in_lieu, name.split("; "))):
                days[day] = "public_holiday"
            elif name or (DAYS[day.weekday()] in rule["rest_days"] and day not in made_up):
                days[day] = "rest_day"
            else:
                days[day] = "workday"
            day += timedelta(days=1)
    return sorted(days.items())


def _is_in_lieu(name: str) -> bool:
    """Whether a holiday of the library is a day off in another's stead."""
    return name.startswith("Day off") or name.endswith("(observed)")


def minute(clock: str) -> int:
    """Minutes after 00:00 of a clock time such as ``08:30`` or ``24:00``."""
    hour, minutes = clock.split(":")
    return int(hour) * 60 + int(minutes)


def intervals(hours: Sequence[Any]) -> list[tuple[int, int]]:
    """The one or two intervals of a weekday's hours, in minutes after 00:00."""
    pairs = hours if isinstance(hours[0], list) else [hours]
    return [(minute(opens), minute(closes)) for opens, closes in pairs]


def in_season(season: Mapping[str, Any], day: date) -> bool:
    """Whether a day lies in a season, which may go over the turn of the year."""
    first, last = season["from"], season["until"]
    at = f"{day:%m-%d}"
    return first <= at <= last if first <= last else at >= first or at <= last


def _terms(releases: Sequence[Release]) -> Iterator[tuple[Release, date | None, date | None]]:
    """Every release with its first day and the day after its last; None for the first's and the last's."""
    ordered = sorted(releases, key=lambda release: release.effective_from)
    for index, release in enumerate(ordered):
        following = ordered[index + 1].effective_from if index + 1 < len(ordered) else None
        yield release, release.effective_from if index else None, following


def _days_of(
    calendar_id: str, calendar: Mapping[str, Any], years: range, first: date, last: date
) -> Iterator[CalendarDay]:
    rule = calendar.get("holidays")
    closed = {date.fromisoformat(day) for day in calendar.get("closures", [])}
    make_up: set[date] = set()
    if rule:
        public = holidays.country_holidays(rule["country"], subdiv=rule.get("subdivision"), years=years)
        closed |= set(public)
        if rule.get("make_up_as"):
            make_up = set(public.weekend_workdays) - closed
    seasons = calendar.get("seasons", [])
    is_closed_with_project = calendar.get("closed_with_project", True)
    day = first
    while day <= last:
        weekly = next((season["weekly"] for season in seasons if in_season(season, day)), calendar["weekly"])
        hours = weekly.get(rule["make_up_as"] if rule and day in make_up else DAYS[day.weekday()])
        if day in closed:
            hours = None
        (opens, closes), (opens_again, closes_again) = [*(intervals(hours) if hours else []), (0, 0), (0, 0)][
            :2
        ]
        yield CalendarDay(
            calendar_id,
            day,
            hours is not None,
            opens,
            closes,
            opens_again,
            closes_again,
            is_closed_with_project,
        )
        day += timedelta(days=1)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _day_after(text: str | None) -> date | None:
    return date.fromisoformat(text) + timedelta(days=1) if text else None


def _later(one: date | None, other: date | None) -> date | None:
    return max((day for day in (one, other) if day), default=None)


def _earlier(one: date | None, other: date | None) -> date | None:
    return min((day for day in (one, other) if day), default=None)
