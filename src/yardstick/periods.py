"""How a period is written, and the days it spans."""

from __future__ import annotations

import calendar
import re
from datetime import date
from typing import Literal

Kind = Literal["month", "quarter", "year"]


def period_bounds(period: str) -> tuple[Kind, date, date]:
    """Kind, first and last day of a period written as ``2015-01``, ``2015-Q1`` or ``2015``.

    Raises:
        ValueError: when it is written otherwise.
    """
    found = re.fullmatch(r"(\d{4})(?:-(?:(\d{2})|Q([1-4])))?", period)
    if not found or not int(found[1]) or not 1 <= int(found[2] or 1) <= 12:
        raise ValueError(f"{period!r} is not a period; write 2015-01, 2015-Q1 or 2015")
    year = int(found[1])
    kind: Kind
    if found[2]:
        kind, first, last = "month", int(found[2]), int(found[2])
    elif found[3]:
        kind, first, last = "quarter", int(found[3]) * 3 - 2, int(found[3]) * 3
    else:
        kind, first, last = "year", 1, 12
    return kind, date(year, first, 1), date(year, last, calendar.monthrange(year, last)[1])
