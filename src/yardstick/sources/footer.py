"""Rows that are no data at the end of a table: totals and remarks. They are left out and told, never in silence."""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from yardstick.sources.delivery import UNIT, Item, RefusedError
from yardstick.sources.fold import fold

if TYPE_CHECKING:
    from yardstick.sources.site import Entity

ROWS = "{rows}"
MAX_SKIPPED = 30
_UTC = ZoneInfo("UTC")


class TotalsPatternError(ValueError):
    """A pattern of totals cannot be used; the message says what to write."""


def compile_totals(text: str) -> re.Pattern[str]:
    """What the first cells of a row of totals look like.

    Args:
        text: what the first filled cell says, such as ``合计``; ``*`` stands for any characters of it,
            ``{rows}`` for the number of rows, there or in the next filled cell. White space, case and
            width make no difference.

    Raises:
        TotalsPatternError: for a pattern that any row would match, or that counts twice.
    """
    pieces = re.split(r"(\*|\{rows\})", text)
    if not _squeezed(pieces[0]):
        raise TotalsPatternError(
            f"{text!r} would match rows of data. Begin with the word that marks a total."
        )
    if pieces.count(ROWS) > 1 or "{" in text.replace(ROWS, ""):
        raise TotalsPatternError(f"{text!r}: write {ROWS} once, and no other braces.")
    special = {"*": f"[^{UNIT}]*", ROWS: f"{UNIT}?(?P<rows>[0-9][0-9,]*)"}
    expression = "".join(special.get(piece) or re.escape(_squeezed(piece)) for piece in pieces)
    return re.compile(f"{expression}(?:{UNIT}.*)?", re.DOTALL)


class Footer:
    """Lets the rows of data through and keeps what stands at their end.

    Args:
        entity: what is declared of its footer, and how its dates are read.
        place: file and sheet, for messages.
        event: position of the event date's cell; None when the entity has none.

    Attributes:
        is_declared: there may be something to keep.
    """

    def __init__(self, entity: Entity, place: str, event: int | None) -> None:
        options = entity.options
        self.is_declared = bool(options.totals or options.skip_last_rows)
        self._totals = [compile_totals(text) for text in options.totals]
        self._starts = {_squeezed(text)[0] for text in options.totals}
        self._skipped = options.skip_last_rows
        self._form = entity.event_format()
        self._place = place
        self._event = event

    def data(self, items: Iterable[Item], notices: list[str]) -> Iterator[Item]:
        """The rows of data; what was left out is told in ``notices``.

        Raises:
            RefusedError: at the end, when a row of totals counts another number of rows, or a row that was
                to be skipped reads like data.
        """
        held: deque[Item] = deque()
        totals: list[int] = []
        stated: tuple[int, int] | None = None
        count = 0
        for item in items:
            if self._totals and (match := self._match(item[1])):
                totals.append(item[0])
                if rows := match.groupdict().get("rows"):
                    stated = item[0], int(rows.replace(",", ""))
                continue
            held.append(item)
            if len(held) > self._skipped:
                count += 1
                yield held.popleft()
        for number, row, _ in held:
            self._check_skipped(number, row)
        if stated and stated[1] != count:
            raise RefusedError(
                f"{self._place}: row {stated[0]} says {stated[1]:,} rows and there are {count:,}. "
                "Is the file cut off? Deliver it again."
            )
        if totals:
            notices.append(f"{_rows(totals)} of totals: not data")
        if held:
            notices.append(f"{_rows([item[0] for item in held])} at the end: skipped as declared")

    def _match(self, row: Sequence[str]) -> re.Match[str] | None:
        first = next((text for cell in row if (text := cell.strip())), "")
        # Most rows are told by their first character, unless an accent of its own changes it.
        if _folded(first[:1])[:1] not in self._starts and not unicodedata.combining(first[1:2] or " "):
            return None
        text = UNIT.join(filter(None, map(_squeezed, row)))
        return next((match for pattern in self._totals if (match := pattern.fullmatch(text))), None)

    def _check_skipped(self, number: int, row: Sequence[str]) -> None:
        value = row[self._event] if self._event is not None and self._event < len(row) else ""
        if self._form and self._form.day(value, _UTC):
            raise RefusedError(
                f"{self._place}: row {number} is one of the last {self._skipped}, which are declared to be "
                "no data, but it has a date. Correct skip_last_rows, or name the footer by totals."
            )


def _rows(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:5]) + (", …" if len(numbers) > 5 else "")
    return f"row {shown}" if len(numbers) == 1 else f"{len(numbers):,} rows ({shown})"


@lru_cache(maxsize=1 << 14)
def _folded(character: str) -> str:
    return fold(character)


def _squeezed(cell: str) -> str:
    return "".join(fold(cell).split())
