"""The what-if: demand and people on duty of one month, and the fewest people who would reach a target.

Every hour of the day is a queue of its own with the month's mean demand in it (`waiting`); the people that the hours
need are then put into the shifts that were worked, as few as possible (`cover`).
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any

from yardstick import warehouse
from yardstick.errors import BadInputError
from yardstick.settings import Settings
from yardstick.staffing.cover import HOURS, Shift, fewest_per_shift
from yardstick.staffing.waiting import Demand


class StaffingError(BadInputError):
    """What the what-if needs is not known; the message says what, and what to do."""


@dataclass(frozen=True)
class HourNeed:
    """One hour of the day.

    Attributes:
        hour_of_day: 0 to 23, by the clock at the place.
        tickets_per_hour: tickets opened in it, on the average day.
        people_on_duty: persons on duty in it, on the average day.
        level_now: share of its tickets answered in time by so many people, rounded to whole ones.
        people_needed: the fewest who reach the level.
        people_assigned: people whom the fewest per shift put into it; 0 where no shift is worked.
        level_reached: share of its tickets that those answer in time.
    """

    hour_of_day: int
    tickets_per_hour: float
    people_on_duty: float
    level_now: float
    people_needed: int
    people_assigned: int
    level_reached: float


@dataclass(frozen=True)
class ShiftNeed:
    """One shift.

    Attributes:
        shift: as it is worked.
        people_needed: the fewest persons on duty in it.
        tickets_per_hour: tickets opened in an hour of it.
        level_now: share of the tickets opened in it answered in time by the people on duty now.
        level_reached: the same with the people needed.
    """

    shift: Shift
    people_needed: int
    tickets_per_hour: float
    level_now: float
    level_reached: float


@dataclass(frozen=True)
class WhatIf:
    """The answer.

    Attributes:
        month: first day of the month whose demand it is.
        handling_minutes: mean minutes for which a ticket keeps one person busy.
        is_measured: they are the month's own, not given.
        hours: all 24.
        shifts: the shifts worked, the most frequent first.
        uncovered_share: share of the tickets opened in hours in which no shift is worked; they wait for the next one.
    """

    month: date
    handling_minutes: float
    is_measured: bool
    hours: tuple[HourNeed, ...]
    shifts: tuple[ShiftNeed, ...]
    uncovered_share: float


def ask(
    settings: Settings,
    project: str,
    function: str,
    *,
    minutes: float,
    level: float,
    month: date | None = None,
    handling_minutes: float | None = None,
) -> WhatIf:
    """How few people would do.

    Args:
        settings: the installation.
        project: project id.
        function: function of posts, such as ``repair``.
        minutes: how long a ticket may wait until somebody takes it up.
        level: share of the tickets that must not wait longer, between 0 and 1.
        month: any day of the month whose demand counts; default the last that is published to its end.
        handling_minutes: minutes for which a ticket keeps one person busy; default as measured in the month.

    Raises:
        StaffingError: when the month, its tickets, their handling or its shifts are not known.
        ValueError: for a target that is none.
    """
    with warehouse.connect(settings.require_database_url(), name="yardstick-staffing") as connection:

        def rows(query: str, **parameters: object) -> list[dict[str, Any]]:
            text = resources.files(__package__).joinpath(f"{query}.sql").read_text(encoding="utf-8")
            cursor = connection.execute(
                text.encode(), {"project": project, "function": function, **parameters}
            )
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        is_built = warehouse.exists(connection, "marts.fct_staffing_hourly")
        first = _month(rows("known") if is_built else [], project, function, month)
        hours = {row["hour_of_day"]: row for row in rows("hours", month=first)}
        shifts = rows("shifts", month=first)
    days = calendar.monthrange(first.year, first.month)[1]
    where = f"{function} of {project} in {first:%Y-%m}"
    if not any(row["tickets"] for row in hours.values()):
        raise StaffingError(f"{where}: no tickets were opened, so nothing is asked of anybody")
    if not shifts:
        raise StaffingError(f"{where}: nobody was planned; deliver rosters, or choose another month")
    handled = sum(row["tickets_handled"] for row in hours.values())
    measured = sum(row["handling_minutes"] for row in hours.values()) / handled if handled else 0.0
    if handling_minutes is None and not measured:
        raise StaffingError(
            f"{where}: no ticket says for how long it kept somebody busy (on site until done, or in progress); "
            "give --handling-minutes"
        )
    return plan(
        {hour: (row["tickets"] / days, row["on_duty_minutes"] / 60 / days) for hour, row in hours.items()},
        [
            Shift(row["starts_time"], row["ends_time"], row["shift_code"], row["shifts_on_duty"] / days)
            for row in shifts
        ],
        month=first,
        minutes=minutes,
        level=level,
        handling_minutes=measured if handling_minutes is None else handling_minutes,
        is_measured=handling_minutes is None,
    )


def _month(known: Sequence[Mapping[str, Any]], project: str, function: str, month: date | None) -> date:
    """The first day of the month asked for, or of the last whole one."""
    if not known:
        raise StaffingError(
            "there are no staffing figures yet: run the DAG build on tickets, posts and rosters"
        )
    if month is None:
        whole = [row for row in known if row["is_whole"]]
        if not whole:
            months = ", ".join(f"{row['month']:%Y-%m}" for row in known)
            raise StaffingError(f"no month is published to its end; name one: {months}")
        chosen = whole[-1]
    else:
        asked = [row for row in known if row["month"] == month.replace(day=1)]
        if not asked:
            raise StaffingError(
                f"there are no staffing figures of {month:%Y-%m}; there are of {known[0]['month']:%Y-%m} "
                f"to {known[-1]['month']:%Y-%m}"
            )
        chosen = asked[0]
    functions = chosen["functions"] or []
    if function not in functions:
        there_are = f"it has them of {', '.join(functions)}" if functions else "it has none at all"
        raise StaffingError(
            f"project {project} has no staffing figures of {function} in {chosen['month']:%Y-%m}; {there_are}"
        )
    first: date = chosen["month"]
    return first


def plan(
    hours: Mapping[int, tuple[float, float]],
    shifts: Sequence[Shift],
    *,
    month: date,
    minutes: float,
    level: float,
    handling_minutes: float,
    is_measured: bool,
) -> WhatIf:
    """The same of figures that are at hand.

    Args:
        hours: tickets opened, and persons on duty, by hour of the day, both on the average day.
        shifts: the shifts worked; at least one.
        month: goes into the answer.
        minutes: how long a ticket may wait.
        level: share of the tickets that must not wait longer.
        handling_minutes: minutes for which a ticket keeps one person busy.
        is_measured: goes into the answer.

    Raises:
        ValueError: for a target or handling minutes that are none, or without shifts.
    """
    demands = {hour: Demand(hours.get(hour, (0.0, 0.0))[0], handling_minutes) for hour in HOURS}
    needed = {hour: demand.fewest(minutes, level) for hour, demand in demands.items()}
    people = fewest_per_shift(shifts, needed)
    assigned = {
        hour: sum(count for shift, count in zip(shifts, people, strict=True) if hour in shift.hours())
        for hour in HOURS
    }
    found = tuple(
        HourNeed(
            hour_of_day=hour,
            tickets_per_hour=demand.tickets_per_hour,
            people_on_duty=hours.get(hour, (0.0, 0.0))[1],
            level_now=demand.answered_within(round(hours.get(hour, (0.0, 0.0))[1]), minutes),
            people_needed=needed[hour],
            people_assigned=assigned[hour],
            level_reached=demand.answered_within(assigned[hour], minutes),
        )
        for hour, demand in demands.items()
    )
    covered = frozenset[int]().union(*(shift.hours() for shift in shifts))
    tickets = sum(hour.tickets_per_hour for hour in found)
    uncovered = sum(hour.tickets_per_hour for hour in found if hour.hour_of_day not in covered)
    return WhatIf(
        month=month,
        handling_minutes=handling_minutes,
        is_measured=is_measured,
        hours=found,
        shifts=tuple(
            _shift_need(shift, count, [hour for hour in found if hour.hour_of_day in shift.hours()])
            for shift, count in zip(shifts, people, strict=True)
        ),
        uncovered_share=uncovered / tickets if tickets else 0.0,
    )


def _shift_need(shift: Shift, people: int, hours: Sequence[HourNeed]) -> ShiftNeed:
    tickets = sum(hour.tickets_per_hour for hour in hours)

    def share(levels: Sequence[float]) -> float:
        """Of the tickets opened in the shift, each hour's counting by its tickets."""
        weighed = sum(hour.tickets_per_hour * each for hour, each in zip(hours, levels, strict=True))
        return weighed / tickets if tickets else 1.0

    return ShiftNeed(
        shift=shift,
        people_needed=people,
        tickets_per_hour=tickets / len(hours) if hours else 0.0,
        level_now=share([hour.level_now for hour in hours]),
        level_reached=share([hour.level_reached for hour in hours]),
    )
