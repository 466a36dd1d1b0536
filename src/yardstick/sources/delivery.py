"""What every connector hands to landing: what waits, its bytes, and pages of rows as text with their positions.

A connector (``files``, ``rest``, ``database``) is a module with four functions:

``options(reader, place, given, contract)``
    Read and check its own keys of an entity in a site file; returns a frozen dataclass.
``due(site, entity, settings, first_day, last_day, known)``
    What waits, in order of days.
``fetch(site, entity, due, settings)``
    The delivered bytes as a seekable stream (``Fetched``), whole or not at all. A long pull that is
    interrupted goes on where it stood.
``read(entity, name, stream)``
    The same bytes as a header and pages of rows (``Reading``); touches nothing but the stream, so that the
    kept original of any delivery can be read again.

None of them changes a value: a cell is the text that was delivered.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from operator import itemgetter
from typing import IO, TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from yardstick.sources import packing

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from yardstick.contracts import Contract
    from yardstick.settings import Settings
    from yardstick.sources.site import Entity, Site

UNIT = "\x1f"
"""Stands between the cells of a row in ``raw``; a cell that holds it is a reject."""
RECORD = "\x1e"
NUL_SHOWN = "␀"
PAGE_ROWS = 4096

Item = tuple[int, list[str], tuple[str, str] | None]
"""A row on its way: its number, its cells, and (rule, detail) when it is known to be faulty."""


class RefusedError(ValueError):
    """A delivery is refused whole; the message is one reason that names file, row or column, and what to do."""


class MissingColumnsError(RefusedError):
    """A delivery lacks columns that it must have.

    Attributes:
        columns: contract field by the column's name as the site file spells it.
    """

    def __init__(self, message: str, columns: dict[str, str]) -> None:
        super().__init__(message)
        self.columns = columns


@dataclass(frozen=True, order=True)
class Due:
    """One delivery to be looked at.

    Attributes:
        first_day: first day it vouches for; None when nothing says so.
        last_day: last day it vouches for.
        name: its identity across runs: a path below the entity's folder, or the name of a pull.
    """

    first_day: date | None
    last_day: date | None
    name: str


@dataclass
class Fetched:
    """Delivered bytes at hand.

    Attributes:
        stream: a real file, at its start.
        total: how many rows the source says there are, beside the bytes; None when it does not.
    """

    stream: IO[bytes]
    total: int | None = field(default=None, kw_only=True)

    def is_changing(self) -> bool:
        """Whether the source was still writing while the bytes were read; then nothing is landed."""
        return False

    def landed(self) -> None:
        """Told once the rows are committed: what was kept to go on after an interruption may go."""


class Page:
    """Consecutive rows of a delivery.

    Args:
        numbers: each row's number as a person counts it: row of a file, or position in the pull.
        rows: each row's cells as text, joined by ``UNIT``, in the order of the reading's header; a row may
            be shorter than the header.
        event_values: the event date's cell of each row; empty when the entity has none.
        problems: by index in the page, (rule, detail) of rows with a structural fault.
        packed: the same rows in COPY text form, for a reader that has them in no other.
    """

    def __init__(
        self,
        numbers: Sequence[int],
        rows: list[str] | None,
        event_values: list[str],
        problems: dict[int, tuple[str, str]] | None = None,
        *,
        packed: list[bytes] | None = None,
    ) -> None:
        self.numbers = numbers
        self.event_values = event_values
        self.problems = problems or {}
        self._rows = rows
        self._packed = packed

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def rows(self) -> list[str]:
        """Each row's cells joined by ``UNIT``."""
        if self._rows is None:
            self._rows = [packing.unpack(row.decode()) for row in self._packed or []]
        return self._rows

    def packed(self) -> list[bytes]:
        """Each row in COPY text form, as UTF-8."""
        if self._packed is None:
            text = packing.pack(RECORD.join(self.rows)).encode()
            self._packed = text.split(RECORD.encode()) if self.rows else []
        return self._packed


@dataclass
class Reading:
    """A delivery being read; complete once ``pages`` is used up.

    Attributes:
        header: folded column names; may grow at the end while pages are read.
        pages: the rows. Raises ``RefusedError`` when the delivery as a whole cannot be trusted, be it at
            its very end.
        notices: things worth telling that refuse nothing; filled while pages are read.
        total: how many rows the source itself says there are; None when it does not.
    """

    header: list[str]
    pages: Iterator[Page]
    notices: list[str] = field(default_factory=list)
    total: int | None = None


class Connector(Protocol):
    """What a connector's module offers.

    Attributes:
        SITE_PROPERTIES: JSON Schema of the site-wide keys only this connector has.
        SITE_REQUIRED: which of them must stand.
        ENTITY_PROPERTIES: JSON Schema of the keys of an entity only this connector has.
        ENTITY_REQUIRED: which of them must stand.
    """

    SITE_PROPERTIES: dict[str, Any]
    SITE_REQUIRED: tuple[str, ...]
    ENTITY_PROPERTIES: dict[str, Any]
    ENTITY_REQUIRED: tuple[str, ...]

    def options(
        self, reader: Problems, place: tuple[Any, ...], given: dict[str, Any], contract: Contract
    ) -> Any:
        """Check an entity's keys, telling problems to ``reader.problem(place, text)``."""

    def due(
        self,
        site: Site,
        entity: Entity,
        settings: Settings,
        first_day: date | None = None,
        last_day: date | None = None,
        known: Container[str] = (),
    ) -> list[Due]:
        """What waits and touches the range of days; ``known`` names the pulls that have landed before."""

    def fetch(
        self, site: Site, entity: Entity, due: Due, settings: Settings
    ) -> AbstractContextManager[Fetched]:
        """The bytes.

        Raises:
            RefusedError: for what is no delivery.
            FileNotFoundError: when it is gone since it was listed.
            UnreachableError: for trouble that may pass.
            CredentialsError: for a login that is refused.
        """

    def read(self, entity: Entity, name: str, stream: IO[bytes]) -> Reading:
        """The rows."""


class Problems(Protocol):
    """Collects the mistakes of a site file.

    Attributes:
        path: the site file.
        content: all that stands in it.
    """

    path: Path
    content: dict[str, Any]

    def problem(self, place: tuple[Any, ...], text: str) -> None:
        """Tell a mistake: where in the file, what is wrong and what to do."""


class Options(Protocol):
    """What a connector keeps of an entity's keys.

    Attributes:
        is_dated: the name of a delivery says which days it stands for.
        is_incremental: it is pulled day by day, by when rows were changed.
    """

    is_dated: bool
    is_incremental: bool

    def reading_key(self) -> list[Any]:
        """Everything that decides how bytes become cells; a change makes known bytes be read anew."""


def window(zone: ZoneInfo, first: date, last: date, overlap_minutes: int) -> tuple[datetime, datetime]:
    """The moments an incremental pull of whole business days asks for, in the source's zone.

    Returns:
        The first day's midnight less the overlap, and the midnight behind the last day.
    """
    start = datetime.combine(first, time(), zone).astimezone(UTC) - timedelta(minutes=overlap_minutes)
    return start.astimezone(zone), datetime.combine(last + timedelta(days=1), time(), zone)


def day_windows(
    zone: ZoneInfo,
    start: date | None,
    first_day: date | None,
    last_day: date | None,
    now: datetime | None = None,
) -> list[date]:
    """The whole business days an incremental pull stands for, one pull a day.

    Args:
        zone: time zone of the source.
        start: first day the source is asked for (``valid_from`` of the site).
        first_day: first day of the asked range; None is open.
        last_day: last day of the asked range; None is open.
        now: default the clock.

    Returns:
        Days from the later of ``start`` and ``first_day`` to the earlier of ``last_day`` and yesterday.
    """
    yesterday = (now or datetime.now(zone)).astimezone(zone).date() - timedelta(days=1)
    first = max(start or date.min, first_day or date.min)
    last = min(last_day or date.max, yesterday)
    if first == date.min:
        raise ValueError("an incremental pull needs valid_from in the site file, or a first day")
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


class Rows:
    """Joins rows of cells into pages, finding what is structurally wrong with a row.

    Args:
        width: number of cells a row must have; None: rows may differ.
        event: position of the event date's cell; None when the entity has none.
        encoding: declared encoding, for messages.

    Attributes:
        undecodable: numbers of the rows with bytes that are not of the encoding.
        count: rows so far.
    """

    def __init__(self, width: int | None, event: int | None, encoding: str = "utf-8") -> None:
        self.width = width
        self.event = event
        self.encoding = encoding
        self.undecodable: list[int] = []
        self.count = 0

    def pages(self, items: Iterable[Item]) -> Iterator[Page]:
        """Pages of rows, known faults among them."""
        numbers: list[int] = []
        rows: list[list[str]] = []
        for number, row, fault in items:
            if fault is None:
                numbers.append(number)
                rows.append(row)
            if rows and (fault or len(rows) == PAGE_ROWS):
                yield self.page(numbers, rows)
                numbers, rows = [], []
            if fault:
                yield self.one(number, row, *fault)
        if rows:
            yield self.page(numbers, rows)

    def page(self, numbers: Sequence[int], rows: Sequence[Sequence[str]]) -> Page:
        """A page of rows without a known problem; the sound ones are checked many at a time."""
        self.count += len(rows)
        event = self.event
        joined = list(map(UNIT.join, rows))
        widths = list(map(len, rows))
        if event is None:
            events = []
        elif min(widths, default=0) > event:
            events = list(map(itemgetter(event), rows))
        else:
            events = [row[event] if event < len(row) else "" for row in rows]
        page = Page(numbers, joined, events)
        text = RECORD.join(joined)
        is_plain = (
            text.count(UNIT) == sum(widths) - len(rows) + widths.count(0)
            and text.count(RECORD) == max(len(rows) - 1, 0)
            and "\x00" not in text
            and _is_encodable(text)
        )
        if not is_plain:
            for index, row in enumerate(rows):
                self._judge(page, index, row)
        elif self.width is not None and widths.count(self.width) < len(rows):
            for index, width in enumerate(widths):
                if width != self.width:
                    page.problems[index] = self.misfit(numbers[index], width)
        return page

    def misfit(self, number: int, cells: int) -> tuple[str, str]:
        """What is wrong with a row of so many cells."""
        return (
            "extra_cells" if cells > (self.width or 0) else "missing_cells",
            f"row {number} has {cells} cells, the header has {self.width}",
        )

    def one(self, number: int, row: Sequence[str], rule: str, detail: str) -> Page:
        """A page of one row with a fault that is known."""
        self.count += 1
        event = self.event
        page = Page([number], [""], [] if event is None else [row[event] if event < len(row) else ""])
        page.problems[0] = (rule, detail)
        self._judge(page, 0, row)
        return page

    def _judge(self, page: Page, index: int, row: Sequence[str]) -> None:
        number, width = page.numbers[index], self.width
        problem = page.problems.get(index)
        if problem is None and width is not None and len(row) != width:
            problem = self.misfit(number, len(row))
        cells = list(row)
        if any("\x00" in cell for cell in cells):
            problem = problem or ("nul_byte", f"row {number} holds a NUL byte (shown as {NUL_SHOWN})")
            cells = [cell.replace("\x00", NUL_SHOWN) for cell in cells]
        if any(UNIT in cell or RECORD in cell for cell in cells):
            problem = problem or (
                "control_character", f"row {number} holds a separator character (shown as ␟ or ␞)"
            )  # fmt: skip
            cells = [cell.replace(UNIT, "␟").replace(RECORD, "␞") for cell in cells]
        if not all(_is_encodable(cell) for cell in cells):
            self.undecodable.append(number)
            problem = problem or (
                "undecodable", f"row {number} holds bytes that are not {self.encoding} (shown as \\xNN)"
            )  # fmt: skip
            cells = [_show_bytes(cell) for cell in cells]
        page.rows[index] = UNIT.join(cells)
        if page.event_values:
            page.event_values[index] = (
                cells[self.event] if self.event is not None and self.event < len(cells) else ""
            )
        if problem:
            page.problems[index] = problem


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _show_bytes(text: str) -> str:
    return "".join(
        f"\\x{ord(character) & 0xFF:02x}" if "\ud800" <= character <= "\udfff" else character
        for character in text
    )
