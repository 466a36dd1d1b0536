"""The rows of one delivery by business day, as COPY text."""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain, repeat
from typing import Any

from yardstick.sources.delivery import Page
from yardstick.sources.packing import pack

COLUMNS = ("row_number", "cells", "problem_rule", "problem_detail", "delivery_id")
_IN_MEMORY = 16 << 20


@dataclass
class _Part:
    """The rows of one day, in the order they were delivered."""

    rows: int = 0
    places: list[tuple[int, int]] = field(default_factory=list)
    content: Any = field(default_factory=hashlib.sha256)
    digest: str = ""


class Days:
    """Takes pages of rows and keeps, for every day, how many there are and a hash of what they hold.

    Used as a context manager. The rows themselves either wait (in memory, then in a temporary file) until
    it is known which days are new, or go straight on when the ids of the deliveries are given.

    Args:
        ids: delivery id of every day of the span, for rows that go straight on.
        last: the day that rows of no day of the span belong to; needed with ``ids``.

    Attributes:
        rows: how many in all.
    """

    def __init__(
        self,
        ids: Mapping[date, int] | None = None,
        last: date | None = None,
    ) -> None:
        self.rows = 0
        self._parts: dict[date | None, _Part] = defaultdict(_Part)
        self._ids = ids
        self._last = last
        self._write: Callable[[bytes], None] | None = None
        self._held = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (closed by __exit__)

    def __enter__(self) -> Days:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def pass_to(self, write: Callable[[bytes], None]) -> None:
        """Hand COPY text straight on; the ids of the deliveries must be given."""
        self._write = write

    def add(self, days: Sequence[date | None], page: Page) -> None:
        """Take a page.

        Args:
            days: the day of each of its rows; one for all when it has one entry. None: cannot be read.
            page: the rows.
        """
        if not page:
            return
        self.rows += len(page)
        rows = page.packed()
        first = days[0]
        if len(days) == 1 or (first == days[-1] and days.count(first) == len(days)):
            self._keep(first, page.numbers, rows, page.problems)
            return
        by_day: dict[date | None, list[int]] = defaultdict(list)
        for index, day in enumerate(days):
            by_day[day].append(index)
        for day, indexes in by_day.items():
            problems = {
                at: page.problems[index] for at, index in enumerate(indexes) if index in page.problems
            }
            self._keep(
                day, [page.numbers[index] for index in indexes], [rows[index] for index in indexes], problems
            )

    def _keep(
        self,
        day: date | None,
        numbers: Sequence[int],
        rows: Sequence[bytes],
        problems: Mapping[int, tuple[str, str]],
    ) -> None:
        part = self._parts[day]
        part.rows += len(rows)
        said = list(rows)
        for index, (rule, _detail) in problems.items():
            said[index] += b"\x1f" + rule.encode()
        part.content.update(b"\n".join(said))
        part.content.update(b"\n")  # after every row, so that it does not matter where a page ends
        delivery_id = self._delivery_id(day)
        end = f"\t\\N\t\\N\t{delivery_id}\n".encode()
        if problems:
            lines = [b"%d\t%b%b" % (number, row, end) for number, row in zip(numbers, rows, strict=True)]
            for index, (rule, detail) in problems.items():
                problem = f"{rule}\t{pack(detail)}\t{delivery_id}\n".encode()
                lines[index] = b"%d\t%b\t%b" % (numbers[index], rows[index], problem)
            copied = b"".join(lines)
        else:
            ids = [b"%d\t" % number for number in numbers]
            copied = b"".join(chain.from_iterable(zip(ids, rows, repeat(end), strict=False)))
        if self._write:
            self._write(copied)
        else:
            part.places.append((self._held.tell(), len(copied)))
            self._held.write(copied)

    def _delivery_id(self, day: date | None) -> int | str:
        if self._ids is None or self._last is None:
            return "?"  # not known before every row was read
        return self._ids[day if day is not None and day in self._ids else self._last]

    def seen(self) -> list[date]:
        """The days that rows were found for, in order."""
        return sorted(day for day in self._parts if day is not None)

    def close(self, first: date, last: date, header: Sequence[str]) -> None:
        """File under the last day what belongs to no day of the span, and settle what each day holds.

        Args:
            first: first day of the span.
            last: its last day.
            header: column names; they belong to the content: the same cells under swapped names are
                another delivery.
        """
        names = "\x1f".join(header).encode() + b"\n"
        outside = [day for day in self._parts if day is None or not first <= day <= last]
        strays = [self._parts.pop(day) for day in sorted(outside, key=lambda day: day or date.min)]
        for number in range((last - first).days + 1):
            self._parts.setdefault(first + timedelta(days=number), _Part())
        for day, part in self._parts.items():
            found = [part, *strays] if day == last else [part]
            contents = b"".join(one.content.digest() for one in found if one.rows)
            part.digest = hashlib.sha256(names + contents).hexdigest()
            if day == last:
                part.rows += sum(stray.rows for stray in strays)
                part.places += [place for stray in strays for place in stray.places]

    def content(self) -> dict[date, str]:
        """Hash of what each day of the span holds, in order of days."""
        return {day: self._parts[day].digest for day in self.seen()}

    def count(self, day: date) -> int:
        """Number of rows of the day."""
        return self._parts[day].rows

    def copy_text(self, day: date, delivery_id: int) -> Iterator[bytes]:
        """The rows of a day that waited, under their delivery's id."""
        end = f"\t{delivery_id}\n".encode()
        for offset, length in self._parts[day].places:
            self._held.seek(offset)
            yield self._held.read(length).replace(b"\t?\n", end)
