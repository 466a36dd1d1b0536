"""Declared date formats, compiled once for Python and for PostgreSQL.

A site declares a format in the notation of ``datetime.strptime``. It becomes an anchored regular
expression and a replacement that both engines understand alike, so that the day a row is filed under
while landing and the moment staging reads from it cannot differ. Excel's serial numbers are the exception:
no replacement can count, so ``excel_moment`` and staging each compute them, and a test holds them together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import repeat
from typing import Any
from zoneinfo import ZoneInfo

ISO = "iso"
ISO_OFFSET = "iso_offset"
EXCEL_SERIAL = "excel_serial"

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
_WIDTHS = {"Y": 4, "y": 2, "m": 2, "d": 2, "b": 3}
_ISO_DATE = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_ISO_CLOCK = r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?))?"
_ISO_PATTERN = f"^({_ISO_DATE}){_ISO_CLOCK}$"
_ISO_OFFSET_PATTERN = (
    f"^({_ISO_DATE})"
    + _ISO_CLOCK.removeprefix("(?:").removesuffix(")?")
    + r" ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)$"
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
# Excel's day 60 is 29 February 1900, which never was; the days before it are counted one off.
_EXCEL_PATTERN = r"^([0-9]{2,7}(?:\.[0-9]{1,20})?)$"
_EXCEL_ZERO = datetime(1899, 12, 30)
_EXCEL_FIRST, _EXCEL_END = 61, 2958465  # 1900-03-01 and 9999-12-31, the last of all days
_DAY_SECONDS = 86_400
_REMEMBERED = 100_000
_UNKNOWN: Any = object()


class DateFormatError(ValueError):
    """A declared date format cannot be used; the message says why and what to write."""


class _Parts:
    """A format whose values part into a date and an end, any date standing well with any end.

    Args:
        at: number of characters of the date; or the character behind it, which no date holds.
        date: expression of the date, with that character.
        end: expression of what stands behind.
        flags: of both.
    """

    def __init__(self, at: int | str, date: str, end: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self.at = at
        self.date = re.compile(date, flags).fullmatch
        self.end = re.compile(end, flags).fullmatch
        self._ends = re.compile(f"(?:{end}\n)*+", flags).fullmatch

    def part(self, values: Sequence[str]) -> tuple[list[str], list[str]] | None:
        """The dates and the ends of values without spaces around them; None when one cannot be parted."""
        if isinstance(self.at, str):
            cuts = [place + 1 for place in map(str.find, values, repeat(self.at))]
            if 0 in cuts:
                return None
            if cuts and cuts.count(cuts[0]) < len(cuts):
                pairs = list(zip(values, cuts, strict=True))
                return [value[:cut] for value, cut in pairs], [value[cut:] for value, cut in pairs]
            cut = cuts[0] if cuts else 0
        else:
            cut = self.at
        return [value[:cut] for value in values], [value[cut:] for value in values]

    def are_sound(self, ends: Sequence[str]) -> bool:
        """Whether every end is one that the format knows."""
        text = "\n".join(ends) + "\n"
        return text.count("\n") == len(ends) and self._ends(text) is not None


@dataclass(frozen=True)
class DateFormat:
    r"""A declared format, ready for use.

    Attributes:
        text: the format as declared (``iso``, ``iso_offset``, ``excel_serial`` or strptime notation).
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
    _parts: _Parts | None = field(compare=False, repr=False, hash=False)
    _known: dict[Any, date | None] = field(default_factory=dict, compare=False, repr=False, hash=False)

    def __post_init__(self) -> None:
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
        if self.text == EXCEL_SERIAL:
            moment = excel_moment(match[0])
            return moment and moment.date()
        if self.has_offset:
            return self._day_of_offset(match, zone)
        return self._date(*match.group(*self._groups))

    def days(self, values: Sequence[str], zone: ZoneInfo) -> list[date | None]:
        """The business days of many values; see ``day``."""
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        if self._parts is None:
            return [self._remembered((value, zone.key), value, zone) for value in values]
        values = list(map(str.strip, values))
        parted = self._parts.part(values)
        if parted is None:
            at = str(self._parts.at)
            others = iter(self.days([value for value in values if at in value], zone))
            return [next(others) if at in value else self.day(value, zone) for value in values]
        starts, ends = parted
        found = list(map(self._known.get, starts, repeat(_UNKNOWN)))
        if _UNKNOWN in found:
            found = [
                self._start_day(start) if day is _UNKNOWN else day
                for day, start in zip(found, starts, strict=True)
            ]
        if not self._parts.are_sound(ends):
            is_sound = self._parts.end
            found = [day if is_sound(end) else None for day, end in zip(found, ends, strict=True)]
        return found

    def _remembered(self, key: Any, value: str, zone: ZoneInfo) -> date | None:
        day = self._known.get(key, _UNKNOWN)
        if day is _UNKNOWN:
            day = self._known[key] = self.day(value, zone)
        return day

    def _start_day(self, start: str) -> date | None:
        assert self._parts is not None  # noqa: S101 (only asked then)
        match = self._parts.date(start)
        self._known[start] = day = self._date(*match.group(*self._groups)) if match else None
        return day

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
        digits = offset[1:].replace(":", "")
        offset = "+00:00" if offset == "Z" else f"{offset[0]}{digits[:2]}:{digits[2:] or '00'}"
        text = f"{day.isoformat()}T{hours:02}:{int(minute):02}:{int(rest[0]) if rest else 0:02}{offset}"
        try:
            return datetime.fromisoformat(text).astimezone(zone).date()
        except (ValueError, OverflowError):
            return None


@lru_cache(maxsize=256)
def compile_format(text: str) -> DateFormat:
    """Compile a declared format.

    Args:
        text: ``iso`` (``2026-07-01``, ``2026-07-01 08:30``, ``2026-07-01T08:30:15``), ``iso_offset``
            (``2026-07-01T08:30:15.25Z``, ``2026-07-01 08:30:15+08``: with the offset), ``excel_serial``
            (``46204``, ``46204.354167``: days since 1899-12-30), or strptime notation with
            ``%Y %y %m %d %b %H %I %M %S %f %p %z``; two-digit years are 20xx.

    Raises:
        DateFormatError: for a format without year, month and day, or with an unknown directive.
    """
    if text == ISO:
        parts = _Parts(10, f"({_ISO_DATE})", _ISO_CLOCK)
        return DateFormat(text, _ISO_PATTERN, r"\1 \5", False, (2, 3, 4), "", parts)
    if text == ISO_OFFSET:
        return DateFormat(text, _ISO_OFFSET_PATTERN, r"\1 \5 \6", True, (2, 3, 4), "", None)
    if text == EXCEL_SERIAL:
        # No replacement makes a date of a number: staging computes it, and could read nothing from this.
        return DateFormat(text, _EXCEL_PATTERN, r"excel \1", False, (1, 1, 1), "", None)
    tokens = re.findall(r"%.|[^%]", text)
    if text.count("%") != sum(1 for token in tokens if token[0] == "%"):
        raise DateFormatError(f"date format {text!r} ends with a lone %")
    expressions: list[str] = []
    position: dict[str, int] = {}
    for index, part in enumerate(tokens):
        letter = part[1] if part[0] == "%" else None
        if letter is None:
            expressions.append(r"\s+" if part == " " else re.escape(part))
            continue
        if letter not in _DIRECTIVES:
            raise DateFormatError(
                f"date format {text!r}: {part} is not known; use "
                + " ".join(f"%{known}" for known in _DIRECTIVES)
            )
        if letter in position:
            raise DateFormatError(f"date format {text!r}: {part} stands twice")
        position[letter] = len(position) + 1
        expressions.append(f"({_DIRECTIVES[letter][_touches(tokens, index)]})")
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
        text,
        f"{options}^{''.join(expressions)}$",
        template,
        "z" in position,
        (year, month, position["d"]),
        century,
        None if "z" in position else _parts(tokens, expressions, re.I if options else re.NOFLAG),
    )


def _touches(tokens: list[str], index: int) -> bool:
    """Whether a directive stands right beside another one."""
    return any(tokens[near][0] == "%" for near in (index - 1, index + 1) if 0 <= near < len(tokens))


def _parts(tokens: list[str], expressions: list[str], flags: re.RegexFlag) -> _Parts | None:
    """How values part into a date and an end; None when the date does not stand first or cannot be told."""
    found: set[str] = set()
    width: int | None = 0
    for index, piece in enumerate(tokens):
        if len(found) == 3:
            start, end = "".join(expressions[:index]), "".join(expressions[index + 1 :])
            if piece == " ":
                return _Parts(" ", rf"{start}\s+", rf"\s*{end}", flags)
            if piece[0] != "%" and not (piece.isascii() and piece.isalnum()) and piece not in tokens[:index]:
                return _Parts(piece, start + expressions[index], end, flags)
            return _Parts(width, start, expressions[index] + end, flags) if width else None
        if piece[0] != "%":
            if piece.isspace():
                return None  # stands for any white space
            wide: int | None = 1
        elif piece[1] in _WIDTHS:
            found.add({"y": "Y", "b": "m"}.get(piece[1], piece[1]))
            wide = _WIDTHS[piece[1]] if piece[1] in "Yyb" or _touches(tokens, index) else None
        else:
            return None
        width = None if width is None or wide is None else width + wide
    return None


def excel_moment(value: str) -> datetime | None:
    """The moment of an Excel serial, days since 1899-12-30, to the nearest second.

    Args:
        value: digits, with or without a fraction.

    Returns:
        None for days before March 1900, which Excel counts wrongly, and for 9999-12-31 and later.
    """
    serial = Decimal(value)
    if not _EXCEL_FIRST <= serial < _EXCEL_END:
        return None
    return _EXCEL_ZERO + timedelta(seconds=int((serial * _DAY_SECONDS).to_integral_value(ROUND_HALF_UP)))


def excel_serial(moment: datetime) -> str:
    """A moment as Excel counts it; the way back of ``excel_moment``."""
    since = moment - _EXCEL_ZERO
    fraction = Decimal(since.seconds * 1_000_000 + since.microseconds) / (_DAY_SECONDS * 1_000_000)
    return f"{round(since.days + fraction, 12).normalize():f}"
