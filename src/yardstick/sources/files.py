"""The files connector: CSV, TSV and XLSX, packed or not, in a folder here or behind a connection.

What makes the whole file doubtful refuses it (``RefusedError``); what makes one row doubtful is told with
the row (``Page.problems``).
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Protocol

from yardstick.sources import archive, delimited, manifest, unpack, workbook
from yardstick.sources.delivery import Due, Fetched, Page, Problems, Reading, RefusedError
from yardstick.sources.footer import MAX_SKIPPED, TotalsPatternError, compile_totals
from yardstick.sources.local import Entry, LocalFolder
from yardstick.sources.pattern import FilePattern, FilePatternError, compile_pattern
from yardstick.sources.remote import RemoteFolder

if TYPE_CHECKING:
    import zipfile
    from contextlib import AbstractContextManager

    from yardstick.contracts import Contract
    from yardstick.settings import Settings
    from yardstick.sources.site import Entity, Site

GIB = 1 << 30

_NON_EMPTY = {"type": "string", "minLength": 1}
SITE_PROPERTIES: dict[str, Any] = {}
SITE_REQUIRED: tuple[str, ...] = ()
ENTITY_PROPERTIES: dict[str, Any] = {
    "folder": {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {"data": _NON_EMPTY, "site": _NON_EMPTY, "remote": _NON_EMPTY},
    },
    "files": _NON_EMPTY,
    "manifest": _NON_EMPTY,
    "member": _NON_EMPTY,
    "members": {"enum": ["one", "all"]},
    "format": {"enum": ["csv", "tsv", "xlsx"]},
    "encoding": _NON_EMPTY,
    "delimiter": {"type": "string", "minLength": 1, "maxLength": 1},
    "quote": {"type": "string", "maxLength": 1},
    "header_row": {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "find"}]},
    "header_rows": {"type": "integer", "minimum": 1, "maximum": 5},
    "totals": {"anyOf": [_NON_EMPTY, {"type": "array", "items": _NON_EMPTY, "minItems": 1}]},
    "skip_last_rows": {"type": "integer", "minimum": 1, "maximum": MAX_SKIPPED},
    "sheet": _NON_EMPTY,
    "settle_seconds": {"type": "number", "minimum": 0},
    "max_uncompressed_bytes": {"type": "integer", "minimum": 1},
    "max_cells": {"type": "integer", "minimum": 1},
}
ENTITY_REQUIRED = ("folder", "files")

_ENDINGS = {"xlsx": (".xlsx", ".xlsm"), "tsv": (".tsv", ".tsv.gz", ".tab")}
# Names that programs give to what they are still writing, or have open.
_UNFINISHED = re.compile(
    r"(?:[.~].*|.*(?:\.(?:part|partial|filepart|tmp|temp|crdownload|swp|writing|uploading)|~))", re.IGNORECASE
)


@dataclass(frozen=True)
class FilesOptions:
    """Where an entity's files are and how they are read.

    Attributes:
        base: ``data`` (below the data folder), ``site`` (below the site file's folder) or ``remote``.
        folder: folder relative to the base.
        pattern: which file names belong to it and which days a name vouches for.
        manifest: names of the lists of what was delivered; None: every file counts.
        member: which member of a zip archive is the delivery; None: only files named .zip are archives.
        every_member: all that match are, one after another.
        format: ``csv``, ``tsv`` or ``xlsx``.
        encoding: declared encoding of text.
        delimiter: cell separator of text.
        quote: quotation mark of text; empty for none.
        header_row: number of the header's first row, from 1; None: it is looked for.
        header_rows: how many rows the header has.
        totals: what rows of totals begin with.
        skip_last_rows: so many rows at the end are no data.
        sheet: name of the sheet; None for the only visible one.
        settle_seconds: a file changed more recently than this is left alone.
        max_uncompressed_bytes: a file that unpacks to more is refused.
        max_cells: a sheet that spans more cells is refused.
    """

    base: str
    folder: str
    pattern: FilePattern
    manifest: FilePattern | None
    member: str | None
    every_member: bool
    format: str
    encoding: str
    delimiter: str
    quote: str
    header_row: int | None
    header_rows: int
    totals: tuple[str, ...]
    skip_last_rows: int
    sheet: str | None
    settle_seconds: float
    max_uncompressed_bytes: int
    max_cells: int

    is_incremental = False

    @property
    def is_dated(self) -> bool:
        """Whether a file's name says which days it stands for."""
        return self.pattern.kind is not None

    def reading_key(self) -> list[Any]:
        """Everything that decides how bytes become cells."""
        return [
            self.pattern.text, self.member, self.every_member, self.format, self.encoding, self.delimiter,
            self.quote, self.header_row, self.header_rows, self.totals, self.skip_last_rows, self.sheet,
            self.max_uncompressed_bytes, self.max_cells,
        ]  # fmt: skip


def options(
    reader: Problems, place: tuple[Any, ...], given: dict[str, Any], contract: Contract
) -> FilesOptions:
    """Check an entity's keys; mistakes go to ``reader.problem``."""
    ((base, folder),) = given["folder"].items()
    if PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts:
        reader.problem(
            (*place, "folder", base), f"{folder!r} leaves its base folder. Write a path below it, without .."
        )
    if base == "remote" and not reader.content.get("connection"):
        reader.problem(
            (*place, "folder", base),
            "needs a connection. Add connection: ID to the site, an Airflow connection.",
        )
    pattern = _pattern(reader, place, given, "files") or compile_pattern("*")
    named = given.get("member", given["files"]).lower()
    kind = given.get("format") or next(
        (form for form, endings in _ENDINGS.items() if named.endswith(endings)), "csv"
    )
    if "members" in given and "member" not in given and not given["files"].lower().endswith(".zip"):
        reader.problem((*place, "members"), "is for zip archives. Add member, or remove it.")
    encoding = given.get("encoding", "utf-8")
    try:
        "".encode(encoding)
        b"".decode(encoding)
    except (LookupError, UnicodeError, TypeError):
        reader.problem((*place, "encoding"), f"{encoding!r} is not an encoding. Write utf-8, gb18030, …")
    delimiter, quote = given.get("delimiter", "\t" if kind == "tsv" else ","), given.get("quote", '"')
    for key, value in (("delimiter", delimiter), ("quote", quote)):
        if value and value in "\r\n \0":
            reader.problem((*place, key), f"{value!r} cannot be told from text. Write another one.")
    if delimiter == quote:
        reader.problem((*place, "delimiter"), "is the quotation mark. Write another one, or another quote.")
    totals = given.get("totals", [])
    totals = (totals,) if isinstance(totals, str) else tuple(totals)
    for text in totals:
        try:
            compile_totals(text)
        except TotalsPatternError as error:
            reader.problem((*place, "totals"), str(error))
    return FilesOptions(
        base=base,
        folder=folder,
        pattern=pattern,
        manifest=_pattern(reader, place, given, "manifest"),
        member=given.get("member"),
        every_member=given.get("members") == "all",
        format=kind,
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        header_row=None if given.get("header_row") == "find" else given.get("header_row", 1),
        header_rows=given.get("header_rows", 1),
        totals=totals,
        skip_last_rows=given.get("skip_last_rows", 0),
        sheet=given.get("sheet"),
        settle_seconds=float(given.get("settle_seconds", 0)),
        max_uncompressed_bytes=given.get("max_uncompressed_bytes", GIB if kind == "xlsx" else 4 * GIB),
        max_cells=given.get("max_cells", 20_000_000),
    )


def _pattern(reader: Problems, place: tuple[Any, ...], given: dict[str, Any], key: str) -> FilePattern | None:
    try:
        return compile_pattern(given[key]) if key in given else None
    except FilePatternError as error:
        reader.problem((*place, key), str(error))
        return None


class Folder(Protocol):
    """Where files are dropped: ``LocalFolder`` or ``RemoteFolder``."""

    def entries(self, depth: int) -> Iterator[Entry]:
        """What lies exactly so many folders below, other than folders."""

    def opened(self, name: str) -> AbstractContextManager[Fetched]:
        """A file's bytes."""


def folder_of(site: Site, entity: Entity, settings: Settings) -> Folder:
    """The folder an entity's files are dropped in.

    Raises:
        FileNotFoundError: when a local one does not exist.
    """
    options = entity.options
    if options.base == "remote":
        return RemoteFolder(
            str(site.connection), options.folder, options.max_uncompressed_bytes, settings.home / "spool"
        )
    path = (site.folder if options.base == "site" else settings.data) / options.folder
    if not path.is_dir():
        raise FileNotFoundError(
            f"{site.path}: entities.{entity.name}.folder: {path} does not exist. "
            "Create it, or correct the site file or the data folder."
        )
    return LocalFolder(path)


@dataclass(frozen=True)
class ListedDue(Due):
    """A file that a manifest lists, or one that is refused unread.

    Attributes:
        listed: what is said of it.
        problem: why it is refused unread.
    """

    listed: manifest.Listed | None = None
    problem: str | None = None


def due(
    site: Site,
    entity: Entity,
    settings: Settings,
    first_day: date | None = None,
    last_day: date | None = None,
    known: Container[str] = (),
    *,
    now: float | None = None,
) -> list[Due]:
    """The entity's files whose days touch a range; reads names and modification times, and manifests.

    A file changed less than ``settle_seconds`` ago is still being written and left for the next look; so is
    one whose name says so (``.part``, ``.tmp`` …). Files without a date in their name are always due. Where
    there are manifests, only what they list is due, missing files too.

    Args:
        site: the site.
        entity: one of its entities.
        settings: where the data folder is.
        first_day: first day of the range; None is open.
        last_day: last day of the range; None is open.
        known: not asked: a file that landed before may have been replaced by a corrected one.
        now: seconds since the epoch; default the clock.

    Returns:
        Files in order of days and name.

    Raises:
        FileNotFoundError: when the folder does not exist.
        CredentialsError: when the login is refused.
        UnreachableError: when the place does not answer.
    """
    look = _Look(entity, folder_of(site, entity, settings), first_day, last_day, now)
    found = look.listed() if entity.options.manifest else look.lying()
    return sorted(found, key=lambda file: (file.first_day or date.min, file.last_day or date.min, file.name))


class _Look:
    """One look into a folder."""

    def __init__(
        self, entity: Entity, folder: Folder, first_day: date | None, last_day: date | None, now: float | None
    ) -> None:
        self.options: FilesOptions = entity.options
        self.folder = folder
        self.first_day = first_day
        self.last_day = last_day
        self.now = time.time() if now is None else now

    def lying(self) -> Iterator[Due]:
        """Files that are there and finished."""
        for entry in self._entries(self.options.pattern):
            span = self._span(self.options.pattern, entry.name)
            if span and self._is_settled(entry.changed):
                shown = entry.name.encode("utf-8", "backslashreplace").decode()
                if shown == entry.name:
                    yield Due(*span, entry.name)
                else:
                    problem = f"The name of {shown} is not UTF-8. Rename it."
                    yield ListedDue(*span, shown, problem=problem)

    def listed(self) -> Iterator[Due]:
        """Files that manifests list; a later manifest's word counts."""
        assert self.options.manifest is not None  # noqa: S101 (only asked then)
        listed: dict[str, tuple[tuple[date | None, date | None], manifest.Listed]] = {}
        spans = []
        for entry in self._entries(self.options.manifest):
            span = self._span(self.options.manifest, entry.name)
            if span and self._is_settled(entry.changed):
                spans.append((span, entry))
        for span, entry in sorted(spans, key=lambda found: (found[0][0] or date.min, found[1].name)):
            try:
                for one in self._read_manifest(entry):
                    listed[one.name] = span, one
            except RefusedError as error:
                yield ListedDue(*span, entry.name, problem=str(error))
        there = {entry.name: entry for entry in self._entries(self.options.pattern)} if listed else {}
        for name, (manifest_span, one) in listed.items():
            own = self._span(self.options.pattern, name)
            if not own:
                continue
            found = there.get(name)
            if found is None or self._is_settled(found.changed):
                yield ListedDue(*(own if own[1] else manifest_span), name, listed=one)

    def _entries(self, pattern: FilePattern) -> Iterator[Entry]:
        for entry in self.folder.entries(pattern.depth):
            if not _UNFINISHED.fullmatch(entry.name.rsplit("/", 1)[-1]):
                yield entry

    def _span(self, pattern: FilePattern, name: str) -> tuple[date | None, date | None] | None:
        """The days of a name; None when it does not belong here or touches no day of the range."""
        span = pattern.span(name)
        if span is False:
            return None
        first, last = span if isinstance(span, tuple) else (None, None)
        if (first and self.last_day and first > self.last_day) or (
            last and self.first_day and last < self.first_day
        ):
            return None
        return first, last

    def _is_settled(self, changed: float) -> bool:
        return not self.options.settle_seconds or abs(self.now - changed) >= self.options.settle_seconds

    def _read_manifest(self, entry: Entry) -> list[manifest.Listed]:
        if entry.size > manifest.MAX_BYTES:
            raise RefusedError(f"{entry.name} has {entry.size:,} bytes, too many for a manifest. Check it.")
        try:
            with self.folder.opened(entry.name) as fetched:
                body = fetched.stream.read(manifest.MAX_BYTES + 1)
                if fetched.is_changing():
                    return []
        except FileNotFoundError:
            return []
        return manifest.read(entry.name, entry.changed, body, self.options.encoding)


@contextmanager
def fetch(site: Site, entity: Entity, due: Due, settings: Settings) -> Iterator[Fetched]:
    """Open a delivered file.

    Raises:
        RefusedError: for anything but a regular file inside its folder, and one that its manifest describes
            otherwise.
        FileNotFoundError: when it is gone since it was listed.
        CredentialsError: when the login is refused.
        UnreachableError: when the place does not answer, or the line breaks.
    """
    folder = folder_of(site, entity, settings)
    if entity.options.manifest and not isinstance(due, ListedDue):
        look = _Look(entity, folder, due.first_day, due.last_day, None)
        found = next((one for one in look.listed() if one.name == due.name), None)
        if found is None:
            raise RefusedError(f"{due.name} is on no manifest. Deliver one that lists it.")
        due = found
    if not isinstance(due, ListedDue):
        with folder.opened(due.name) as fetched:
            yield fetched
        return
    if due.problem:
        raise RefusedError(due.problem)
    assert due.listed is not None  # noqa: S101 (one or the other)
    is_there = False
    try:
        with folder.opened(due.name) as fetched:
            is_there = True
            try:
                due.listed.check(fetched.stream)
            except RefusedError:
                if not fetched.is_changing():
                    raise
            fetched.total = due.listed.rows
            yield fetched
    except FileNotFoundError:
        if is_there:
            raise
        raise RefusedError(
            f"{due.listed.manifest} lists {due.name}, which is not there. Deliver it, or a corrected manifest."
        ) from None


def read(entity: Entity, name: str, stream: IO[bytes]) -> Reading:
    """Read a file as its format says.

    Raises:
        RefusedError: at once or while pages are read, when the file as a whole cannot be trusted.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if size == 0:
        raise RefusedError(f"{name} is empty (0 bytes). Deliver it again.")
    if entity.options.member or name.lower().endswith(".zip"):
        return _read_archive(entity, name, stream, size)
    if entity.options.format == "xlsx":
        return workbook.read(entity, name, stream, size)
    return delimited.read(entity, name, unpack.plain(stream), size)


def _read_archive(entity: Entity, name: str, stream: IO[bytes], size: int) -> Reading:
    """The members of an archive that are the delivery, as one table; rows are numbered through all of them."""
    options = entity.options
    with archive.opened(name, stream, "zip") as opened:
        members = archive.chosen(name, opened, options.member or "*", every=options.every_member)
        unpack.check_size(
            name, size, sum(member.file_size for _, member in members), options.max_uncompressed_bytes
        )
    reading = Reading([], iter(()))
    pages = _pages_of_members(entity, name, stream, size, members, reading)
    first = next(pages, None)  # with it the header is known
    reading.pages = pages if first is None else _after(first, pages)
    return reading


def _pages_of_members(
    entity: Entity,
    name: str,
    stream: IO[bytes],
    size: int,
    members: list[tuple[str, zipfile.ZipInfo]],
    reading: Reading,
) -> Iterator[Page]:
    before = 0
    told = []
    with archive.opened(name, stream, "zip") as opened:
        for path, member in members:
            label = f"{name}: {path}"
            with _read_member(entity, label, archive.pieces(opened, member, label), size) as part:
                if not reading.header:
                    reading.header = part.header
                elif part.header != reading.header:
                    raise RefusedError(
                        f"{label} has other columns than {members[0][0]}. Deliver the same in all members."
                    )
                last = before
                for page in part.pages:
                    last = before + page.numbers[-1]
                    yield _renumbered(page, before, path) if len(members) > 1 else page
                reading.notices += part.notices
            told.append(f"{path} up to row {last:,}")
            before = last
    if len(members) > 1:
        reading.notices.append(f"members: {', '.join(told)}")


@contextmanager
def _read_member(entity: Entity, label: str, pieces: Iterator[bytes], size: int) -> Iterator[Reading]:
    options = entity.options
    if options.format != "xlsx":
        yield delimited.read(entity, label, pieces, size)
        return
    with tempfile.TemporaryFile() as unpacked:
        for piece in unpack.bounded(pieces, label, size, options.max_uncompressed_bytes):
            unpacked.write(piece)
        unpacked.seek(0)
        yield workbook.read(entity, label, unpacked, size)


def _renumbered(page: Page, before: int, member: str) -> Page:
    """A page whose rows are numbered on from those of the members before."""
    problems = {index: (rule, f"{member}: {detail}") for index, (rule, detail) in page.problems.items()}
    numbers = [before + number for number in page.numbers]
    return Page(numbers, None, page.event_values, problems, packed=page.packed())


def _after(first: Page, pages: Iterator[Page]) -> Iterator[Page]:
    yield first
    yield from pages
