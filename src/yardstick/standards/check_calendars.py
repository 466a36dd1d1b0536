"""Do a release's service hours agree with themselves?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import holidays

from yardstick.standards.calendars import in_season, intervals
from yardstick.standards.release import Release

_LEAP_YEAR = 2000
_FILTERS = ("sources", "projects", "service_items", "service_groups", "is_emergency", "from", "until")


def calendar_problems(release: Release) -> list[str]:
    """What is wrong with a release's calendars, profiles and closures; empty when all is well."""
    content = release.calendars
    years = content["years"]
    problems = [*_year_problems(release)]
    for code, calendar in content["calendars"].items():
        problems += _of_calendar(f"calendars.{code}", calendar, years)
    for source, code in content.get("by_source", {}).items():
        problems += _unknown(f"by_source.{source}", code, content)
    problems += _of_profiles(content)
    for project, days in content.get("project_closures", {}).items():
        for day in days:
            problems += _not_in_years(f"project_closures.{project}", day, years)
    return [f"{release.files['calendars']}: {problem}" for problem in problems] + _law_problems(release)


def _law_problems(release: Release) -> list[str]:
    """Whether the holidays of the country whose labour law is followed are known."""
    rule = release.staffing.get("working_days")
    if not rule:
        return []
    try:
        holidays.country_holidays(rule["country"], subdiv=rule.get("subdivision"))
    except NotImplementedError as error:
        return [f"{release.files['release']}: staffing.working_days: {error}"]
    return []


def gap_problems(releases: Sequence[Release]) -> list[str]:
    """Days between two releases for which neither has service hours: time that goes over them would be lost."""
    ordered = sorted(releases, key=lambda release: release.effective_from)
    problems = []
    for before, after in pairwise(ordered):
        last = before.calendars["years"]["last"]
        if date(last, 12, 31) < after.effective_from - timedelta(days=1):
            problems.append(
                f"{before.files['calendars']}: years.last: {last} ends before {after.standards_release} comes "
                f"into force on {after.effective_from}; say {after.effective_from.year} or later"
            )
    return problems


def _year_problems(release: Release) -> Iterator[str]:
    years = release.calendars["years"]
    if years["first"] > years["last"]:
        yield "years: first is after last"
    elif not years["first"] <= release.effective_from.year <= years["last"]:
        yield (
            f"years: {years['first']} to {years['last']} leave out {release.effective_from}, the day on which "
            f"{release.standards_release} comes into force"
        )


def _of_calendar(at: str, calendar: Mapping[str, Any], years: Mapping[str, int]) -> Iterator[str]:
    seasons = calendar.get("seasons", [])
    yield from _of_week(f"{at}.weekly", calendar["weekly"])
    for number, season in enumerate(seasons):
        yield from _of_week(f"{at}.seasons.{number}.weekly", season["weekly"])
        for bound in ("from", "until"):
            if not _is_day(f"{_LEAP_YEAR}-{season[bound]}"):
                yield f"{at}.seasons.{number}.{bound}: {season[bound]} is not a day of the year"
    for number, other in _overlapping(seasons):
        yield (
            f"{at}.seasons.{number}: {seasons[number]['from']} to {seasons[number]['until']} overlaps "
            f"season {other}, {seasons[other]['from']} to {seasons[other]['until']}; a day has one season"
        )
    for closure in calendar.get("closures", []):
        yield from _not_in_years(f"{at}.closures", closure, years)
    if not (rule := calendar.get("holidays")):
        return
    as_day = rule.get("make_up_as")
    weeks = {"weekly": calendar["weekly"]}
    weeks |= {f"seasons.{number}.weekly": season["weekly"] for number, season in enumerate(seasons)}
    for place, week in weeks.items():
        if as_day is not None and as_day not in week:
            yield f"{at}.holidays.make_up_as: {as_day} has no hours in {place}"
    try:
        holidays.country_holidays(rule["country"], subdiv=rule.get("subdivision"))
    except NotImplementedError as error:
        yield f"{at}.holidays: {error}"


def _of_week(at: str, week: Mapping[str, Any]) -> Iterator[str]:
    for day, hours in week.items():
        pairs = hours if isinstance(hours[0], list) else [hours]
        for (opens, closes), (first, last) in zip(pairs, intervals(hours), strict=True):
            if first >= last:
                yield f"{at}.{day}: {opens} is not before {closes}"
        if len(pairs) == 2 and intervals(hours)[1][0] < intervals(hours)[0][1]:
            yield (
                f"{at}.{day}: {'–'.join(pairs[0])} and {'–'.join(pairs[1])} overlap or stand in the wrong order; "
                "a night shift is two intervals of two days, such as 00:00–06:00 and 22:00–24:00"
            )


def _overlapping(seasons: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """Each season that shares a day with one before it, and that one."""
    days = [date(_LEAP_YEAR, 1, 1) + timedelta(days=n) for n in range(366)]
    for number, season in enumerate(seasons):
        for other in range(number):
            if any(in_season(season, day) and in_season(seasons[other], day) for day in days):
                yield number, other
                break


def _of_profiles(content: Mapping[str, Any]) -> Iterator[str]:
    profiles = content.get("profiles", [])
    for number, profile in enumerate(profiles):
        at = f"profiles.{number}"
        yield from _unknown(f"{at}.calendar", profile["calendar"], content)
        bounds = [profile[name] for name in ("from", "until") if name in profile]
        problems = [problem for day in bounds for problem in _not_in_years(at, day, content["years"])]
        yield from problems
        if not problems and len(bounds) == 2 and bounds[0] > bounds[1]:
            yield f"{at}: from {bounds[0]} is after until {bounds[1]}"
        if number + 1 < len(profiles) and not any(name in profile for name in _FILTERS):
            yield f"{at}: fits every ticket, so that the profiles after it never count; put it last"


def _unknown(at: str, code: str, content: Mapping[str, Any]) -> Iterator[str]:
    if code not in content["calendars"]:
        yield f"{at}: no calendar {code!r}; choose one of {', '.join(content['calendars'])}"


def _not_in_years(at: str, day: str, years: Mapping[str, int]) -> Iterator[str]:
    if not _is_day(day):
        yield f"{at}: {day} is not a date"
    elif not years["first"] <= date.fromisoformat(day).year <= years["last"]:
        yield (
            f"{at}: {day} lies outside years, {years['first']} to {years['last']}, and would do nothing; "
            "mend the day or widen years"
        )


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
