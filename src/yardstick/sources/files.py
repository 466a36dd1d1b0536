"""The files connector: CSV, TSV and XLSX dropped in a folder.

What makes the whole file doubtful refuses it (``RefusedError``); what makes one row doubtful is told with
the row (``Page.problems``).
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from yardstick.sources import delimited, workbook
from yardstick.sources.delivery import Due, Fetched, Problems, Reading, RefusedError
from yardstick.sources.pattern import FilePattern, FilePatternError, compile_pattern

if TYPE_CHECKING:
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
        "properties": {"data": _NON_EMPTY, "site": _NON_EMPTY},
    },
    "files": _NON_EMPTY,
    "format": {"enum": ["csv", "xlsx"]},
    "encoding": _NON_EMPTY,
    "delimiter": {"type": "string", "minLength": 1, "maxLength": 1},
    "quote": {"type": "string", "maxLength": 1},
    "header_row": {"type": "integer", "minimum": 1},
    "sheet": _NON_EMPTY,
    "settle_seconds": {"type": "number", "minimum": 0},
    "max_uncompressed_bytes": {"type": "integer", "minimum": 1},
    "max_cells": {"type": "integer", "minimum": 1},
}
ENTITY_REQUIRED = ("folder", "files")


@dataclass(frozen=True)
class FilesOptions:
    """Where an entity's files are and how they are read.

    Attributes:
        base: ``data`` (below the data folder) or ``site`` (below the site file's folder).
        folder: folder relative to the base.
        pattern: which file names belong to it and which days a name vouches for.
        format: ``csv`` or ``xlsx``.
        encoding: declared encoding of a csv file.
        delimiter: cell separator of a csv file.
        quote: quotation mark of a csv file; empty for none.
        header_row: number of the header row, from 1.
        sheet: name of the sheet; None for the only visible one.
        settle_seconds: a file changed more recently than this is left alone.
        max_uncompressed_bytes: a file that unpacks to more is refused.
        max_cells: a sheet that spans more cells is refused.
    """

    base: str
    folder: str
    pattern: FilePattern
    format: str
    encoding: str
    delimiter: str
    quote: str
    header_row: int
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
            self.format, self.encoding, self.delimiter, self.quote, self.header_row, self.sheet,
            self.pattern.text, self.max_uncompressed_bytes, self.max_cells,
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
    try:
        pattern = compile_pattern(given["files"])
    except FilePatternError as error:
        reader.problem((*place, "files"), str(error))
        pattern = compile_pattern("*")
    kind = given.get("format") or ("xlsx" if given["files"].lower().endswith((".xlsx", ".xlsm")) else "csv")
    encoding = given.get("encoding", "utf-8")
    try:
        "".encode(encoding)
        b"".decode(encoding)
    except (LookupError, UnicodeError, TypeError):
        reader.problem((*place, "encoding"), f"{encoding!r} is not an encoding. Write utf-8, gb18030, …")
    return FilesOptions(
        base=base,
        folder=folder,
        pattern=pattern,
        format=kind,
        encoding=encoding,
        delimiter=given.get("delimiter", ","),
        quote=given.get("quote", '"'),
        header_row=given.get("header_row", 1),
        sheet=given.get("sheet"),
        settle_seconds=float(given.get("settle_seconds", 0)),
        max_uncompressed_bytes=given.get("max_uncompressed_bytes", GIB if kind == "xlsx" else 4 * GIB),
        max_cells=given.get("max_cells", 20_000_000),
    )


def folder_of(site: Site, entity: Entity, settings: Settings) -> Path:
    """The folder an entity's files are dropped in."""
    base = site.folder if entity.options.base == "site" else settings.data
    return base / entity.options.folder


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
    """The entity's files whose days touch a range; reads names and modification times only.

    A file changed less than ``settle_seconds`` ago is still being written and left for the next look.
    Files without a date in their name are always due.

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
    """
    folder = folder_of(site, entity, settings)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{site.path}: entities.{entity.name}.folder: {folder} does not exist. "
            "Create it, or correct the site file or the data folder."
        )
    now = time.time() if now is None else now
    found = []
    for entry in _entries(folder, "", entity.options.pattern.depth):
        name = entry[0]
        span = entity.options.pattern.span(name)
        if span is False:
            continue
        first, last = span if isinstance(span, tuple) else (None, None)
        if first and last_day and first > last_day:
            continue
        if last and first_day and last < first_day:
            continue
        if entity.options.settle_seconds and abs(now - entry[1]) < entity.options.settle_seconds:
            continue
        found.append(Due(first, last, name))
    return sorted(found, key=lambda file: (file.first_day or date.min, file.last_day or date.min, file.name))


def _entries(folder: Path, prefix: str, depth: int) -> Iterator[tuple[str, float]]:
    """Names below a folder at exactly ``depth`` folders down, and when each changed last."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if depth == 0:
                if not entry.is_dir(follow_symlinks=False):
                    try:
                        yield prefix + entry.name, entry.stat(follow_symlinks=False).st_mtime
                    except FileNotFoundError:  # moved away since it was listed
                        continue
            elif entry.is_dir(follow_symlinks=False):
                yield from _entries(folder / entry.name, f"{prefix}{entry.name}/", depth - 1)


@dataclass
class _LocalFile(Fetched):
    """A file in a folder of ours, which its sender may still be writing or replacing."""

    path: Path

    def __post_init__(self) -> None:
        self._before = self._stamp()

    def _stamp(self) -> tuple[int, int]:
        status = os.fstat(self.stream.fileno())
        return status.st_size, status.st_mtime_ns

    def is_changing(self) -> bool:
        """Whether it was written to since it was opened, or its name points to another file by now."""
        if self._stamp() != self._before:
            return True
        try:
            return self.path.lstat().st_ino != os.fstat(self.stream.fileno()).st_ino
        except FileNotFoundError:
            return True


@contextmanager
def fetch(site: Site, entity: Entity, due: Due, settings: Settings) -> Iterator[Fetched]:
    """Open a delivered file.

    Raises:
        RefusedError: for anything but a regular file inside its folder.
        FileNotFoundError: when it is gone since it was listed.
    """
    folder = folder_of(site, entity, settings)
    with _open(folder, due.name) as stream:
        yield _LocalFile(stream, folder / due.name)


def read(entity: Entity, name: str, stream: IO[bytes]) -> Reading:
    """Read a file as its format says.

    Raises:
        RefusedError: at once or while pages are read, when the file as a whole cannot be trusted.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if size == 0:
        raise RefusedError(f"{name} is empty (0 bytes). Deliver it again.")
    form = workbook if entity.options.format == "xlsx" else delimited
    return form.read(entity, name, stream, size)


def _open(folder: Path, name: str) -> IO[bytes]:
    """Open a delivered file, and only a file: no link, pipe or device.

    Raises:
        RefusedError: for anything but a regular file inside its folder.
    """
    if name.startswith("/") or ".." in name.split("/"):
        raise RefusedError(f"{name!r} leaves its folder. Put the file itself into the folder.")
    path = folder / name
    # No folder between the site's own and the file may be a link either.
    folder = path
    for _ in range(name.count("/")):
        folder = folder.parent
        if folder.is_symlink():
            raise RefusedError(f"{name} is reached through a symbolic link. Put the file itself there.")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise RefusedError(f"{name} is a symbolic link. Put the file itself into the folder.") from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.ENXIO):
            raise RefusedError(
                f"{name} cannot be opened: {error.strerror}. Correct its permissions."
            ) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise RefusedError(f"{name} is not a regular file. Put a file there.")
    return os.fdopen(handle, "rb")
