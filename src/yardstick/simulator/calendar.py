"""Days as a property company lives them: holidays, make-up days, weather, the Spring Festival's empty streets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random  # seeded on purpose: reproducible, not secret

import holidays

_FESTIVAL_REACH = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Day:
    """One calendar day of the company.

    Attributes:
        date: the day.
        number: days since the first day.
        month: months since the first month.
        is_workday: offices are open: Monday to Friday without public holidays, and make-up days.
        is_holiday: a public holiday.
        is_festival: the days around the Spring Festival, when many of the staff are at home.
        heat: how much the heat presses, 1 on a mild day.
        cold: how much the cold presses, 1 on a mild day.
        rain: how much rain presses, 1 on a dry day.
    """

    date: date
    number: int
    month: int
    is_workday: bool
    is_holiday: bool
    is_festival: bool
    heat: float
    cold: float
    rain: float

    @property
    def is_storm(self) -> bool:
        """A storm strikes all projects at once."""
        return self.rain > 1


def days_of(first: date, last: date, seed: int) -> list[Day]:
    """Every day from ``first`` to ``last``, in order."""
    years = range(first.year, last.year + 1)
    # names in one language, whatever the machine speaks
    public = holidays.country_holidays("CN", years=years, language="en_US")
    make_up = set(public.weekend_workdays)
    festival = {day for day, name in public.items() if "Spring Festival" in name or "New Year's Eve" in name}
    found = []
    for number, day in enumerate(between(first, last)):
        random = Random(f"{seed}/weather/{day}")  # noqa: S311
        season = math.cos(
            (day.timetuple().tm_yday - 205) / 365 * 2 * math.pi
        )  # 1 late in July, -1 late in January
        storm = random.random() < (0.09 if 5 <= day.month <= 9 else 0.035)
        found.append(
            Day(
                date=day,
                number=number,
                month=(day.year - first.year) * 12 + day.month - first.month,
                is_workday=day not in public and (day.weekday() < 5 or day in make_up),
                is_holiday=day in public,
                is_festival=any(abs(day - feast) <= _FESTIVAL_REACH for feast in festival),
                heat=(1 + 0.6 * max(0.0, season) ** 3) * random.uniform(0.9, 1.15),
                cold=(1 + 0.8 * max(0.0, -season) ** 3) * random.uniform(0.9, 1.15),
                rain=random.uniform(2.5, 5) if storm else 1.0,
            )
        )
    return found


def between(first: date, last: date) -> Iterator[date]:
    """Every date from ``first`` to ``last``."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def add_months(day: date, count: int) -> date:
    """The first of the month ``count`` months after that of ``day``."""
    months = day.year * 12 + day.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)
