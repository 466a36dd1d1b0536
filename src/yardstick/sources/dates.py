"""Declared date formats, compiled once for Python and for PostgreSQL.

A site declares a format in the notation of ``datetime.strptime``. It becomes an anchored regular
expression and a replacement that both engines understand alike, so that the day a row is filed under
while landing and the moment staging reads from it cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

ISO = "iso"

# Directive -> (range-checked expression, fixed-width expression for directives that touch another one).
_DIRECTIVES = {
    "Y": (r"[0-9]{4}", r"[0-9]{4}"),
    "y": (r"[0-9]{2}", r"[0-9]{2}"),
    "m": (r"0?[1-9]|1[0-2]", r"0[1-9]|1[0-2]"),
    "d": (r"0?[1-9]|[12][0-9]|3[01]", r"0[1-9]|[12][0-9]|3[01]"),
    "b": (r"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec",) * 2,
    "H": (r"[01]?[0-9]|2[0-3]", r"[01][0-9]|2[0-3]"),
    "I": (r"0?[1-9]|1[0-2]", r"0[1-9]|1[0-2]"),
    "M": (r"[0-5]?[0-9]", r"[0-5][0-9]"),
    "S": (r"[0-5]?[0-9]", r"[0-5][0-9]"),
    "f": (r"[0-9]{1,6}", r"[0-9]{6}"),
    "p": (r"am|pm",) * 2,
    "z": (r"Z|[+-][0-9]{2}:?[0-9]{2}",) * 2,
}
_ISO_PATTERN = (
    r"^(([0-9]{4})-([0-9]{2})-([0-9]{2}))"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?))?$"
)
_DATE_WIDTHS = {"Y": 4, "y": 2, "m": 2, "d": 2, "b": 3}
_KNOWN_VALUES = 100_000
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


class DateFormatError(ValueError):
    """A declared date format cannot be used; the message says why and what to write."""


@dataclass(frozen=True)
class DateFormat:
    r"""A declared format, ready for use.

    Attributes:
        text: the format as declared (``iso`` or strptime notation).
        pattern: anchored regular expression, read alike by ``re`` and PostgreSQL.
        template: replacement with ``\1``-style references that makes it ISO-like text.
        has_offset: the value carries its own UTC offset.
    """

    text: str
    pattern: str
    template: str
    has_offset: bool
    _groups: tuple[int, int, int]
    _century: str
    _cache: dict[tuple[str, str, str], date | None] = field(
        default_factory=dict, compare=False, repr=False, hash=False
    )

    def __post_init__(self) -> None:
        # begin of a value -> its day
        object.__setattr__(self, "_by_value", {})
        object.__setattr__(self, "_width", _date_width(self.text))
        object.__setattr__(self, "_match", re.compile(self.pattern[:-1] + r"\Z").match)

    def day(self, value: str, zone: ZoneInfo) -> date | None:
        """The business day of a value.

        Args:
            value: text as delivered; spaces around it are ignored.
            zone: time zone of the source, used when the value carries an offset.

        Returns:
            The calendar day in ``zone``; None when the value is not in this format or not a date.
        """
        match = self._match(value.strip())  # type: ignore[attr-defined]
        if match is None:
            return None
        if self.has_offset:
            return self._day_of_offset(match, zone)
        key = match.group(*self._groups)
        try:
            return self._cache[key]
        except KeyError:
            self._cache[key] = found = self._date(*key)
            return found

    def days(self, values: Sequence[str], zone: ZoneInfo) -> list[date | None]:
        """The business days of many values; see ``day``."""
        if self.has_offset:
            return [self.day(value, zone) for value in values]
        found: list[date | None] = []
        known, width = self._by_value, self._width  # type: ignore[attr-defined]
        for value in values:
            # Moments of one day differ behind the date only; what stands there is judged by staging.
            value = value.strip()
            start = value[:width] if width else value
            if start not in known:
                if len(known) > _KNOWN_VALUES:
                    known.clear()
                day = self.day(value, zone)
                if day is None and start != value:
                    found.append(None)
                    continue
                known[start] = day
            found.append(known[start])
        return found

    def _date(self, year: str, month: str, day: str) -> date | None:
        number = _MONTHS.index(month.lower()) + 1 if month.isalpha() else int(month)
        try:
            return date(int(self._century + year), number, int(day))
        except ValueError:
            return None

    def _day_of_offset(self, match: re.Match[str], zone: ZoneInfo) -> date | None:
        day = self._date(*match.group(*self._groups))
        if day is None:
            return None
        clock, offset = match.expand(self.template).split(" ", 1)[1].rsplit(" ", 1)
        hour, minute, *rest = re.findall(r"[0-9]+", clock)
        hours = int(hour) % 12 + 12 * clock.lower().endswith("pm") if clock[-1] in "mM" else int(hour)
        offset = "+00:00" if offset == "Z" else offset[:3] + ":" + offset[-2:]
        text = f"{day.isoformat()}T{hours:02}:{int(minute):02}:{int(rest[0]) if rest else 0:02}{offset}"
        try:
            return datetime.fromisoformat(text).astimezone(zone).date()
        except (ValueError, OverflowError):
            return None


def _date_width(text: str) -> int:
    """How many characters of a value surely hold its whole date; 0 when the date does not stand first."""
    if text == ISO:
        return 10
    width, found = 0, set()
    for token in re.findall(r"%.|[^%]", text):
        if token[0] == "%":
            if token[1] not in _DATE_WIDTHS:
                return 0
            found.add(token[1])
            width += _DATE_WIDTHS[token[1]]
        elif token.isspace():
            return 0  # there may be more than one
        else:
            width += 1
        if len(found) == 3:
            return width
    return 0


@lru_cache(maxsize=256)
def compile_format(text: str) -> DateFormat:
    """Compile a declared format.

    Args:
        text: ``iso`` (``2026-07-01``, ``2026-07-01 08:30``, ``2026-07-01T08:30:15``), or strptime
            notation with ``%Y %y %m %d %b %H %I %M %S %f %p %z``; two-digit years are 20xx.

    Raises:
        DateFormatError: for a format without year, month and day, or with an unknown directive.
    """
    if text == ISO:
        return DateFormat(text, _ISO_PATTERN, r"\1 \5", False, (2, 3, 4), "")
    tokens = re.findall(r"%.|[^%]", text)
    if text.count("%") != sum(1 for token in tokens if token[0] == "%"):
        raise DateFormatError(f"date format {text!r} ends with a lone %")
    expression = ""
    position: dict[str, int] = {}
    for index, part in enumerate(tokens):
        letter = part[1] if part[0] == "%" else None
        if letter is None:
            expression += r"\s+" if part == " " else re.escape(part)
            continue
        if letter not in _DIRECTIVES:
            raise DateFormatError(
                f"date format {text!r}: {part} is not known; use "
                + " ".join(f"%{known}" for known in _DIRECTIVES)
            )
        if letter in position:
            raise DateFormatError(f"date format {text!r}: {part} stands twice")
        touches = any(0 <= near < len(tokens) and tokens[near][0] == "%" for near in (index - 1, index + 1))
        position[letter] = len(position) + 1
        expression += f"({_DIRECTIVES[letter][touches]})"
    year, month = position.get("Y") or position.get("y"), position.get("m") or position.get("b")
    if not (year and month and "d" in position):
        raise DateFormatError(f"date format {text!r} needs a year, a month and a day")
    if ("I" in position) != ("p" in position):
        raise DateFormatError(f"date format {text!r}: %I and %p go together; write %H for a 24-hour clock")
    century = "" if "Y" in position else "20"
    hour = position.get("H") or position.get("I")
    template = f"{century}\\{year}-\\{month}-\\{position['d']}"
    if hour:
        template += f" \\{hour}:" + (f"\\{position['M']}" if "M" in position else "00")
        template += f":\\{position['S']}" if "S" in position else ""
        template += f".\\{position['f']}" if "f" in position and "S" in position else ""
        template += f" \\{position['p']}" if "p" in position else ""
    if "z" in position:
        if not hour:
            raise DateFormatError(f"date format {text!r}: %z needs %H or %I")
        template += f" \\{position['z']}"
    options = "(?i)" if {"b", "p"} & position.keys() else ""
    return DateFormat(
        text, f"{options}^{expression}$", template, "z" in position, (year, month, position["d"]), century
    )
