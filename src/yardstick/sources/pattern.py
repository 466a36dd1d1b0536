"""File names of a site: which belong to an entity, and which days a name vouches for."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_PLACEHOLDER = re.compile(r"\{(day|month):([^{}]+)\}")
_DIGITS = {"Y": "[0-9]{4}", "y": "[0-9]{2}", "m": "[0-9]{2}", "d": "[0-9]{2}"}


class FilePatternError(ValueError):
    """A file pattern cannot be used; the message says why and what to write."""


@dataclass(frozen=True)
class FilePattern:
    """A compiled file pattern.

    Attributes:
        text: as declared.
        kind: ``day``, ``month``, or None when the name carries no date.
        format: strptime notation of the date in the name.
    """

    text: str
    kind: str | None
    format: str
    _expression: re.Pattern[str]

    @property
    def depth(self) -> int:
        """How many folders below its own the pattern reaches."""
        return self.text.count("/")

    def span(self, name: str) -> tuple[date, date] | bool | None:
        """The days a file name vouches for.

        Args:
            name: path relative to the entity's folder, with ``/``.

        Returns:
            First and last day; None when the name belongs here and carries no date; False when it
            does not belong here (also when its date does not exist).
        """
        match = self._expression.fullmatch(name)
        if match is None:
            return False
        if self.kind is None:
            return None
        try:
            first = datetime.strptime(match["date"], self.format).date()
        except ValueError:
            return False
        if self.kind == "day":
            return first, first
        return first, first + timedelta(days=calendar.monthrange(first.year, first.month)[1] - 1)


def compile_pattern(text: str) -> FilePattern:
    """Compile a file pattern.

    Args:
        text: a file name with at most one ``{day:%Y-%m-%d}`` or ``{month:%Y-%m}`` and any number of
            ``*`` (any characters but ``/``).

    Raises:
        FilePatternError: for a pattern that leaves its folder or whose date is incomplete.
    """
    if text.startswith("/") or "\\" in text or ".." in text.split("/"):
        raise FilePatternError(f"{text!r} leaves its folder. Write a name below it, with / and without ..")
    places = list(_PLACEHOLDER.finditer(text))
    rest = _PLACEHOLDER.sub("", text)
    if len(places) > 1 or "{" in rest or "}" in rest:
        raise FilePatternError(f"{text!r}: write one {{day:%Y-%m-%d}} or {{month:%Y-%m}}, or none.")
    if not places:
        return FilePattern(text, None, "", re.compile(_literal(text)))
    place = places[0]
    kind, form = place[1], place[2]
    letters = re.findall(r"%(.)", form)
    wanted = {"Y", "m", "d"} if kind == "day" else {"Y", "m"}
    if {"Y" if letter == "y" else letter for letter in letters} != wanted or len(letters) != len(wanted):
        example = "%Y-%m-%d" if kind == "day" else "%Y-%m"
        raise FilePatternError(f"{text!r}: a {kind} is written as {{{kind}:{example}}} (year and month"
                               f"{' and day' if kind == 'day' else ''}, each once).")  # fmt: skip
    digits = "".join(
        _DIGITS[token[1]] if token[0] == "%" else re.escape(token) for token in re.findall(r"%.|[^%]", form)
    )
    expression = _literal(text[: place.start()]) + f"(?P<date>{digits})" + _literal(text[place.end() :])
    return FilePattern(text, kind, form, re.compile(expression))


def _literal(text: str) -> str:
    return re.escape(text).replace(r"\*", "[^/]*")
