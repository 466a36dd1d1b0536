"""Pages of JSON as rows of text: every value keeps the text it was delivered with.

Numbers are never read as numbers (1.10 stays 1.10, ids of any length stay whole), true and false are the words,
null and an absent key are an empty cell. An object in an object gives columns ``outer.inner``; a list is its
compact JSON text.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import msgspec

from yardstick.sources import json_shape, pagination, spool
from yardstick.sources.delivery import PAGE_ROWS, Page, Reading, RefusedError, Rows
from yardstick.sources.fold import fold
from yardstick.sources.header import missing_columns
from yardstick.sources.skew import Skew, outside

if TYPE_CHECKING:
    from yardstick.sources.rest import RestOptions
    from yardstick.sources.site import Entity

MAX_COLUMNS = 2_000
_MAX_SHAPES = 10_000
_NOWHERE = 1 << 60
_BOM = b"\xef\xbb\xbf"


class Number(str):
    """A number's own text, told from a string's where a list is written out again."""

    __slots__ = ()


_DECODER = msgspec.json.Decoder(float_hook=Number)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Makes many objects at once that cannot refer to each other; looking for cycles costs a third of it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def decode(body: bytes) -> Any:
    """A page's document.

    A page with lone surrogates, bytes that are not UTF-8, or NaN is read too, more slowly: that costs the
    rows they stand in, which are rejected, and not the page.

    Raises:
        ValueError: for what is not JSON.
        RecursionError: for JSON nested beyond all reason.
    """
    try:
        with _without_collecting():
            return _DECODER.decode(body.removeprefix(_BOM))
    except ValueError:
        text = body.removeprefix(_BOM).decode(errors="surrogateescape")
        return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)


def records(document: Any, options: RestOptions, place: str) -> list[Any]:
    """The rows of a page.

    Raises:
        RefusedError: when there is no list where the site file says.
    """
    at = pagination.found(options.records, document)
    if len(at) == 1 and isinstance(at[0], list):
        return at[0]
    if at == [None] and options.records_may_be_null:
        return []
    what = "nothing" if not at else "null" if at == [None] else "no single list"
    raise RefusedError(
        f"{place} holds {what} at {options.records!r}, where its rows should be; the page is {_shown(document)}. "
        "Correct records in the site file, or have the source correct its answer."
    )


def _shown(document: Any) -> str:
    """What a page is, by its keys: values may be personal."""
    if isinstance(document, dict):
        return f"an object of {', '.join(map(repr, list(document)[:20])) or 'nothing'}"
    return "a list" if isinstance(document, list) else "a single value"


def read(entity: Entity, name: str, stream: IO[bytes]) -> Reading:
    """Read a pull's pages.

    Args:
        entity: how they are to be read.
        name: of the pull, for messages.
        stream: its frames, at the start.

    Returns:
        Rows numbered over the whole pull, from 1. The header grows as columns first appear.

    Raises:
        RefusedError: while pages are read, when the pull as a whole cannot be trusted.
    """
    reading = Reading([], iter(()))
    reading.pages = _Reader(entity, name, stream, reading).pages()
    return reading


class _Reader:
    """Turns documents into pages, many rows at a time where they are alike."""

    def __init__(self, entity: Entity, name: str, stream: IO[bytes], reading: Reading) -> None:
        self.entity = entity
        self.name = name
        self.stream = stream
        self.reading = reading
        self.header = reading.header
        self.positions: dict[str, int] = {}
        self.shapes: dict[tuple[str, ...], Sequence[int]] = {}
        self.event = entity.event.columns[0] if entity.event else None
        # A row without the event date has an empty event value, not none.
        self.rows = Rows(None, _NOWHERE if self.event else None)
        self.skew: Skew | None = None
        self.shaper = json_shape.Shaper(entity.options.shape, _text)

    def pages(self) -> Iterator[Page]:
        """Every page, then whatever can be said only at the end."""
        options = self.entity.options
        waiting: list[Any] = []
        number = 0
        for frame, body in spool.frames(self.stream, self.name):
            if "pull" in frame:
                if options.incremental:
                    self.skew = Skew.of(frame["pull"], options.incremental)
                    self.shaper.is_outside = outside(frame["pull"], options.incremental)
                continue
            if "page" not in frame:
                continue
            number += 1
            place = f"{self.name}: page {number}"
            try:
                document = decode(body)
            except (ValueError, RecursionError):
                raise RefusedError(f"{place} is not JSON. Pull again.") from None
            lays_out = bool(options.shape) or self.shaper.is_outside is not None
            if options.total and not options.shape.changes_number and self.shaper.is_outside is None:
                self.reading.total = whole_number(document, options.total, place)
            found = records(document, options, place)
            waiting += self.shaper.rows(found, place) if lays_out else found
            while len(waiting) >= PAGE_ROWS:
                yield from self._batch(waiting[:PAGE_ROWS])
                del waiting[:PAGE_ROWS]
        if waiting:
            yield from self._batch(waiting)
        self._finish()

    def _batch(self, rows: list[Any]) -> Iterator[Page]:
        """Rows in one go; those that are no object each stand alone."""
        start = 0
        for index, row in enumerate(rows):
            if type(row) is not dict:
                yield from self._objects(rows[start:index])
                yield self.rows.one(
                    self.rows.count + 1, [_text(row)], "not_an_object",
                    f"row {self.rows.count + 1} is no JSON object, so its cells have no names",
                )  # fmt: skip
                start = index + 1
        yield from self._objects(rows[start:] if start else rows)

    def _objects(self, rows: list[dict[str, Any]]) -> Iterator[Page]:
        if not rows:
            return
        first = self.rows.count + 1
        columns: list[tuple[str, Sequence[str]]] = []
        with _without_collecting():
            is_alike = _columns("", rows, columns)
            cells = self._alike(columns) if is_alike else [self._cells(row) for row in rows]
            page = self.rows.page(range(first, first + len(rows)), cells)
        if self.skew:
            self.skew.look(cells, self.positions)
        yield page

    def _alike(self, columns: list[tuple[str, Sequence[str]]]) -> list[Sequence[str]]:
        """Rows of one shape, put together from their columns."""
        places = self._shape(tuple(name for name, _ in columns))
        if list(places) == list(range(len(places))):
            return list(zip(*(column for _, column in columns), strict=True))
        count = len(columns[0][1])
        wide: list[Sequence[str]] = [("",) * count] * (max(places) + 1)
        for place, (_, column) in zip(places, columns, strict=True):
            wide[place] = column
        return list(zip(*wide, strict=True))

    def _cells(self, row: dict[str, Any]) -> Sequence[str]:
        """One row, whatever its shape."""
        names: list[str] = []
        values: list[str] = []
        flatten("", row, names, values)
        if not names:
            return []
        places = self._shape(tuple(names))
        cells = [""] * (max(places) + 1)
        for place, value in zip(places, values, strict=True):
            cells[place] = value
        return cells

    def _shape(self, names: tuple[str, ...]) -> Sequence[int]:
        """Where the cells of rows with these names stand; new names go to the end of the header."""
        known = self.shapes.get(names)
        if known is not None:
            return known
        places = []
        for name in names:
            folded = fold(name)
            place = self.positions.get(folded)
            if place is None:
                place = self.positions[folded] = len(self.header)
                self._check_name(name, folded)
                self.header.append(folded)
                if folded == self.event:
                    self.rows.event = place
            places.append(place)
        if len(set(places)) < len(places):
            twice = next(self.header[place] for place in places if places.count(place) > 1)
            raise RefusedError(
                f"{self.name}: at or soon after row {self.rows.count + 1} two keys of a row read as {twice!r}. "
                "Have the source send one."
            )
        if len(self.shapes) < _MAX_SHAPES:
            self.shapes[names] = places
        return places

    def _check_name(self, name: str, folded: str) -> None:
        if not folded or not name.isprintable():
            raise RefusedError(
                f"{self.name}: at or soon after row {self.rows.count + 1} there is a key that is empty or holds "
                "characters that cannot be shown. Have the source name its columns."
            )
        if len(self.header) >= MAX_COLUMNS:
            raise RefusedError(
                f"{self.name} has more than {MAX_COLUMNS:,} columns, the last one {folded!r}. Does an object in "
                "it use values as keys? Have the source send a list."
            )

    def _finish(self) -> None:
        wanted = self.entity.required_columns()
        # An object that was null in every row has no inner columns, and still they are there: empty.
        missing = [
            folded
            for folded in wanted
            if not any(part in self.positions for part in (folded, *_outer(json_shape.made_of(folded))))
        ]
        if self.rows.count and missing:
            raise missing_columns(self.name, wanted, missing, self.header)
        self.reading.notices += self.shaper.told()
        if self.skew:
            self.reading.notices += self.skew.told()
        if self.rows.undecodable:
            numbers = ", ".join(map(str, self.rows.undecodable[:5]))
            self.reading.notices.append(
                f"{len(self.rows.undecodable)} row(s) hold characters that are no text (first: {numbers})"
            )


def _outer(name: str) -> Iterator[str]:
    yield name
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def whole_number(document: Any, path: str, place: str) -> int:
    """A whole number that a page must tell.

    Raises:
        RefusedError: when it does not.
    """
    at = pagination.found(path, document)
    try:
        return int(at[0])
    except (IndexError, TypeError, ValueError):
        raise RefusedError(
            f"{place} holds no whole number at {path!r}. Correct the path in the site file."
        ) from None


# --- values -------------------------------------------------------------------------------------


def _columns(prefix: str, rows: Sequence[Any], columns: list[tuple[str, Sequence[str]]]) -> bool:
    """Rows of one shape as columns of text, in order; False when they differ in shape."""
    names = tuple(rows[0])
    if not names or list(map(tuple, rows)).count(names) < len(rows):
        return False
    for name, column in zip(names, zip(*map(dict.values, rows), strict=True), strict=True):
        kinds = set(map(type, column))
        if kinds <= _TEXTS:
            columns.append((prefix + name, column))
        elif dict not in kinds:
            columns.append((prefix + name, [v if type(v) is str else _text(v) for v in column]))
        elif kinds != {dict} or not _columns(f"{prefix}{name}.", column, columns):
            return False
    return True


def flatten(prefix: str, row: dict[str, Any], names: list[str], values: list[str]) -> None:
    """Add the names and cells of an object, those of the objects in it included.

    Args:
        prefix: stands before every name.
        row: the object.
        names: gets the names, as delivered.
        values: gets the cells.
    """
    for name, value in row.items():
        if type(value) is str:
            names.append(prefix + name)
            values.append(value)
        elif type(value) is dict and value:
            flatten(f"{prefix}{name}.", value, names, values)
        else:
            names.append(prefix + name)
            values.append(_text(value) if value != {} else "")


_TEXTS = {str, Number}


def _text(value: Any) -> str:
    """A value that is no object, as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return _json(value)


def _json(value: Any) -> str:
    """Compact JSON text with every number as it was delivered."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json(name)}:{_json(inner)}" for name, inner in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
