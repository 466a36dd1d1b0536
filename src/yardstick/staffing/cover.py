"""The fewest people per shift that give every hour the people it needs: an integer programme, solved by HiGHS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time

import numpy as np
from scipy.optimize import LinearConstraint, milp

HOURS = range(24)
_HALF = 30


@dataclass(frozen=True)
class Shift:
    """A shift as it is worked.

    Attributes:
        starts: planned beginning.
        ends: planned end; of the next day when it is not after the beginning.
        name: the source's name of it.
        people: persons on duty in it, on the average day.
    """

    starts: time
    ends: time
    name: str
    people: float

    def hours(self) -> frozenset[int]:
        """Hours of the clock of which it covers at least half."""
        begins, stops = (60 * moment.hour + moment.minute for moment in (self.starts, self.ends))
        if stops <= begins:
            stops += 24 * 60
        return frozenset(
            hour % 24 for hour in range(48) if min(stops, 60 * hour + 60) - max(begins, 60 * hour) >= _HALF
        )


def fewest_per_shift(shifts: Sequence[Shift], needed: Mapping[int, int]) -> list[int]:
    """People for each shift, as few as possible in all, such that no hour has fewer than it needs.

    Args:
        shifts: at least one.
        needed: people needed by hour of the clock; hours that no shift covers are left as they are.

    Returns:
        People by shift, in the order of the shifts.

    Raises:
        ValueError: without shifts.
    """
    if not shifts:
        raise ValueError("without shifts nobody can be assigned to one")
    covered = np.array([[hour in shift.hours() for shift in shifts] for hour in HOURS], dtype=float)
    least = np.array([needed.get(hour, 0) if covered[hour].any() else 0 for hour in HOURS], dtype=float)
    found = milp(
        np.ones(len(shifts)),
        constraints=LinearConstraint(covered, lb=least),
        integrality=np.ones(len(shifts)),
    )
    if not found.success:
        raise RuntimeError(f"no assignment to shifts was found: {found.message}")
    return [int(people) for people in np.rint(found.x)]
