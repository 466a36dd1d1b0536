"""Corrected rejects: a workbook of rejects that comes back, read as a delivery of whatever source it is of.

The columns that were added for people begin with a mark and are left out. Rows that nobody changed, nor marked as
right, are not delivered again. No site file names this connector: ``rejects.redeliver`` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from yardstick.sources import workbook
from yardstick.sources.delivery import UNIT, Due, Fetched, Page, Reading

if TYPE_CHECKING:
    from yardstick.settings import Settings
    from yardstick.sources.files import FilesOptions
    from yardstick.sources.site import Entity, Site

MARK = "※"
REF = "※ ref"
OK = "※ ok"
EXTRA = "※ +"
HEADER_ROW = 4


@dataclass(frozen=True)
class CorrectionOptions:
    """One sheet of a corrected workbook.

    Attributes:
        path: the workbook.
        sheet: how its sheet is read.
        delivered: by reference, the row as it was rejected: header and cells.
        refs: filled while it is read: the reference of each row that is delivered again, by its number.
    """

    path: Path
    sheet: FilesOptions
    delivered: Mapping[str, tuple[list[str], list[str]]] = field(hash=False)
    refs: dict[int, str] = field(default_factory=dict, hash=False, compare=False)

    is_dated = True
    is_incremental = False

    def reading_key(self) -> list[Any]:
        """Everything that decides how bytes become cells."""
        return ["correction", *self.sheet.reading_key()]


@contextmanager
def fetch(site: Site, entity: Entity, due: Due, settings: Settings) -> Iterator[Fetched]:
    """Open the workbook."""
    with entity.options.path.open("rb") as stream:
        yield Fetched(stream)


def read(entity: Entity, name: str, stream: IO[bytes]) -> Reading:
    """The corrected rows, numbered as the sheet does.

    Raises:
        RefusedError: when the sheet as a whole cannot be read.
    """
    options: CorrectionOptions = entity.options
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    whole = workbook.read(replace(entity, options=options.sheet), name, stream, size)
    sheet = _Sheet(options, whole.header)
    reading = Reading(sheet.header, iter(()), whole.notices)
    reading.pages = sheet.pages(whole.pages)
    return reading


class _Sheet:
    """Tells the source's own columns from those that were added, and changed rows from those that were left."""

    def __init__(self, options: CorrectionOptions, header: list[str]) -> None:
        self.options = options
        self.own = [place for place, column in enumerate(header) if not column.startswith(MARK)]
        self.header = [header[place] for place in self.own]
        self.extra = [place for place, column in enumerate(header) if column == EXTRA]
        self.ref = [place for place, column in enumerate(header) if column == REF]
        self.ok = [place for place, column in enumerate(header) if column == OK]

    def pages(self, pages: Iterator[Page]) -> Iterator[Page]:
        """What is delivered again."""
        for page in pages:
            made = Page([], [], [])
            numbers: list[int] = []
            for index, (number, row) in enumerate(zip(page.numbers, page.rows, strict=True)):
                every = row.split(UNIT)
                cells = _taken(every, self.own)
                ref = "".join(_taken(every, self.ref)).strip()
                if not any(cells) or not self._is_delivered(ref, every, cells):
                    continue
                if ref:
                    self.options.refs[number] = ref
                if index in page.problems:
                    made.problems[len(made.rows)] = page.problems[index]
                numbers.append(number)
                made.rows.append(UNIT.join(cells))
                made.event_values += page.event_values[index : index + 1]
            made.numbers = numbers
            if numbers:
                yield made

    def _is_delivered(self, ref: str, every: list[str], cells: list[str]) -> bool:
        if ref not in self.options.delivered or any(cell.strip() for cell in _taken(every, self.ok)):
            return True
        header, before = self.options.delivered[ref]
        was = dict(zip(header, before, strict=False))
        now = dict(zip(self.header, cells, strict=True))
        is_same = all(_plain(now.get(name, "")) == _plain(was.get(name, "")) for name in {*was, *now})
        extra = [_plain(cell) for cell in _taken(every, self.extra)]
        return not is_same or [*filter(None, extra)] != [*filter(None, map(_plain, before[len(header) :]))]


def _taken(cells: list[str], places: list[int]) -> list[str]:
    return [cells[place] if place < len(cells) else "" for place in places]


def _plain(text: str) -> str:
    return "\n".join(text.strip().splitlines())
