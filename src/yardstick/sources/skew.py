"""A source's clock: rows that say they were changed when nobody asked for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from yardstick.sources.fold import fold
from yardstick.sources.json_shape import get

if TYPE_CHECKING:
    from yardstick.sources.rest import Incremental


def moment_of(text: str, form: str, zone: ZoneInfo) -> datetime | None:
    """A moment as an API writes it; None when it cannot be read.

    Args:
        text: the moment; what is no ``form`` may be ISO 8601.
        form: ``Incremental.format``.
        zone: of moments without an offset.
    """
    try:
        if form in ("epoch", "epoch_ms"):
            return datetime.fromtimestamp(float(text) / (1 if form == "epoch" else 1000), zone)
        moment = datetime.strptime(text, form) if "%" in form else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        if form == "iso":
            return None
        return moment_of(text, "iso", zone)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def outside(pull: dict[str, Any], incremental: Incremental) -> Callable[[dict[str, Any]], bool] | None:
    """Whether a row happened outside what a pull asked for; None when the site file names no column for it."""
    if not incremental.within or "from" not in pull:
        return None
    zone, path = ZoneInfo(pull["zone"]), incremental.within
    first, until = datetime.fromisoformat(pull["from"]), datetime.fromisoformat(pull["until"])

    def is_outside(row: dict[str, Any]) -> bool:
        moment = moment_of(str(get(row, path)), incremental.format, zone)
        return moment is not None and not first <= moment < until  # what cannot be read is not judged here

    return is_outside


@dataclass
class Skew:
    """Counts the rows whose change time lies outside what was asked for, by more than the overlap.

    Attributes:
        column: folded name of the column that says when a row was changed.
        label: the same as the site file spells it.
        form: how its moments are written (``Incremental.format``).
        zone: of moments without an offset.
        first: earliest moment that is no surprise.
        last: latest; None when the API cannot be asked for an end.
        until: the end of what was asked for.
        count: rows outside.
        largest: how far the farthest lies outside; negative when before ``first``.
    """

    column: str
    label: str
    form: str
    zone: ZoneInfo
    first: datetime
    last: datetime | None
    until: datetime
    count: int = 0
    largest: timedelta = timedelta()

    @classmethod
    def of(cls, pull: dict[str, Any], incremental: Incremental) -> Skew | None:
        """What to look at in a pull; None when the site file names no column for it."""
        if not incremental.column or "from" not in pull:
            return None
        overlap = timedelta(minutes=incremental.overlap_minutes)
        return cls(
            column=fold(incremental.column),
            label=incremental.column,
            form=incremental.format,
            zone=ZoneInfo(pull["zone"]),
            first=datetime.fromisoformat(pull["from"]) - overlap,
            last=datetime.fromisoformat(pull["until"]) + overlap if incremental.is_bounded else None,
            until=datetime.fromisoformat(pull["until"]),
        )

    def look(self, cells: Sequence[Sequence[str]], positions: dict[str, int]) -> None:
        """Look at the change times of rows; what cannot be read is not judged here."""
        place = positions.get(self.column)
        if place is None:
            return
        for row in cells:
            moment = self._moment(row[place]) if place < len(row) else None
            if moment is None:
                continue
            off = timedelta()
            if moment < self.first:
                off = moment - self.first
            elif self.last and moment > self.last:
                off = moment - self.last
            if off:
                self.count += 1
                self.largest = max(self.largest, off, key=abs)

    def is_past(self, rows: Sequence[Any]) -> bool:
        """Whether records that come in the order of their change times go past what was asked for."""
        moment = self._moment(str(get(rows[-1], self.label))) if rows else None
        return moment is not None and moment >= self.until

    def _moment(self, text: str) -> datetime | None:
        return moment_of(text, self.form, self.zone)

    def told(self) -> list[str]:
        """What there is to tell."""
        if not self.count:
            return []
        way = "after" if self.largest > timedelta() else "before"
        return [
            f"{self.count:,} row(s) have a {self.column!r} outside what was asked for, at most "
            f"{abs(self.largest)} {way} it: is the source's clock right?"
        ]
