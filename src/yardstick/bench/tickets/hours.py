"""Service hours of the benchmark's company: one content for our calendars, the weekly formulation and the oracle.

Only what a weekly schedule with holidays can say is used: no make-up days, no seasons, clocks that are never turned.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import holidays
import numpy as np
import yaml
from numpy.typing import NDArray

from yardstick import standards
from yardstick.settings import LANGUAGES, project_root

TIME_ZONE = "Asia/Shanghai"
YEARS = (2024, 2026)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 1440
_WEEKS: dict[str, dict[str, Any]] = {
    "standard": {day: ["08:00", "20:00"] for day in WEEKDAYS},
    "office": {day: [["08:30", "12:00"], ["13:30", "17:30"]] for day in WEEKDAYS[:5]}
    | {"sat": ["09:00", "12:00"]},
    "shops": {day: ["10:00", "24:00" if day in WEEKDAYS[4:] else "22:00"] for day in WEEKDAYS},
    "night": {day: [["00:00", "06:00"], ["22:00", "24:00"]] for day in WEEKDAYS},
    "always": {day: ["00:00", "24:00"] for day in WEEKDAYS},
}
_HOLIDAYS = {"standard", "office", "night"}
_CLOSED_DAYS = {"shops": ("01-22", "01-23", "06-30")}
CALENDARS = tuple(_WEEKS)


def items() -> dict[str, str]:
    """The calendar that each service item follows: a third standard and a third office hours, and the others."""
    weights = {"standard": 8, "office": 8, "shops": 4, "night": 2, "always": 3}
    names = [calendar for calendar, weight in weights.items() for _ in range(weight)]
    return {f"I{number:02}": calendar for number, calendar in enumerate(names)}


def content(years: tuple[int, int] = YEARS) -> dict[str, Any]:
    """The content of a calendars.yml for the years, the first and the last."""
    followed = items()
    return {
        "years": {"first": years[0], "last": years[1]},
        "profiles": [
            {
                "calendar": name,
                "service_items": [item for item, calendar in followed.items() if calendar == name],
            }
            for name in CALENDARS
            if name != "standard"
        ],
        "calendars": {
            name: {
                "names": dict.fromkeys(LANGUAGES, name),
                "weekly": week,
                **({"holidays": {"country": "CN"}} if name in _HOLIDAYS else {}),
                **({"closures": _closures(name, years)} if name in _CLOSED_DAYS else {}),
            }
            for name, week in _WEEKS.items()
        },
    }


def write_release(folder: Path, years: tuple[int, int]) -> Path:
    """The first shipped release with these service hours, in a folder of releases."""
    name = "2015-01"
    shutil.copytree(project_root() / "expectations/standards" / name, folder / name)
    path = folder / name / "release.yml"
    head = yaml.load(path.read_text(encoding="utf-8"), Loader=standards.Loader)  # noqa: S506 (a safe loader of ours)
    head["effective_from"] = f"{years[0]}-01-01"
    path.write_text(yaml.safe_dump(head, allow_unicode=True, sort_keys=False), encoding="utf-8")
    text = yaml.safe_dump(content(years), allow_unicode=True, sort_keys=False)
    (folder / name / "calendars.yml").write_text(text, encoding="utf-8")
    return folder


def schedule_ranges() -> Iterator[tuple[str, int, int]]:
    """Calendar, first minute and the minute after the last of every interval of its week, from Monday 00:00."""
    for name, week in _WEEKS.items():
        for place, weekday in enumerate(WEEKDAYS):
            for opens, closes in _intervals(week.get(weekday, [])):
                yield name, place * DAY_MINUTES + opens, place * DAY_MINUTES + closes


def holiday_ranges() -> Iterator[tuple[str, datetime, datetime]]:
    """Calendar, start and end by the clock on the wall of every run of closed days."""
    for name in CALENDARS:
        days = sorted(_closed(name))
        first = None
        for place, day in enumerate(days):
            first = first or day
            after = day + timedelta(days=1)
            if place + 1 == len(days) or days[place + 1] != after:
                yield (
                    name,
                    datetime.combine(first, datetime.min.time()),
                    datetime.combine(after, datetime.min.time()),
                )
                first = None


def served(name: str, *, with_holidays: bool = True) -> NDArray[np.bool_]:
    """Whether each minute by the clock on the wall, from 1 January of the first year, is served."""
    closed = _closed(name) if with_holidays else set()
    minutes = bytearray()
    day = date(YEARS[0], 1, 1)
    while day.year <= YEARS[1]:
        hours = [] if day in closed else _intervals(_WEEKS[name].get(WEEKDAYS[day.weekday()], []))
        minutes += bytes(
            any(opens <= minute < closes for opens, closes in hours) for minute in range(DAY_MINUTES)
        )
        day += timedelta(days=1)
    return np.frombuffer(bytes(minutes), dtype=np.bool_)


def _closed(name: str) -> set[date]:
    days = {date.fromisoformat(day) for day in _closures(name, YEARS)}
    if name in _HOLIDAYS:
        days |= set(holidays.country_holidays("CN", years=range(YEARS[0], YEARS[1] + 1)))
    return days


def _closures(name: str, years: tuple[int, int]) -> list[str]:
    return [f"{year}-{day}" for year in range(years[0], years[1] + 1) for day in _CLOSED_DAYS.get(name, ())]


def _intervals(hours: list[Any]) -> list[tuple[int, int]]:
    pairs = [hours] if hours and isinstance(hours[0], str) else hours
    return [(_minute(opens), _minute(closes)) for opens, closes in pairs]


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
