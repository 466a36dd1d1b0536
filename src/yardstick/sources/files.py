"""The files connector: CSV, CSV.gz and XLSX dropped in a folder.

A file is read whole and verified before anything is written. What makes the whole file doubtful
refuses it (``RefusedError``); what makes one row doubtful is told with the row (``Row.rule``).
"""

from __future__ import annotations

import codecs
import csv
import difflib
import errno
import hashlib
import io
import os
import re
import stat
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

from yardstick.settings import Settings
from yardstick.sources.dates import ISO, DateFormat, compile_format
from yardstick.sources.fold import fold
from yardstick.sources.site import Entity, Site

CHUNK = 1 << 20
BLOCK_ROWS = 4096
MAX_CELL_CHARACTERS = 16 << 20
# Real text hardly ever packs better than 1:100; deflate itself ends at about 1:1030.
BOMB_RATIO = 250
BOMB_FREE_BYTES = 64 << 20
_NUL_SHOWN = "␀"
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"


class RefusedError(ValueError):
    """A file is refused whole; the message is one reason that names file, row or column, and what to do."""


class ChangingError(RuntimeError):
    """A file changed while it was being read; the next run looks again."""


@dataclass(frozen=True, order=True)
class DueFile:
    """A file to be looked at.

    Attributes:
        first_day: first day its name vouches for; None when the name carries no date.
        last_day: last day its name vouches for.
        name: path relative to the entity's folder, with ``/``; its identity across deliveries.
        path: where it is.
    """

    first_day: date | None
    last_day: date | None
    name: str
    path: Path


@dataclass
class Block:
    """Consecutive rows of a file, ready to be copied.

    Attributes:
        numbers: row numbers as a person counts them.
        bodies: each row's ``cells, problem_rule, problem_detail`` in COPY text form.
        event_values: the event date's cell of each row; empty when the entity has none.
    """

    numbers: list[int]
    bodies: list[str]
    event_values: list[str]


@dataclass
class Reading:
    """A file that was read whole and found sound.

    Attributes:
        sha256: of the delivered bytes.
        byte_size: of the delivered bytes.
        header: folded column names.
        blocks: all its rows.
        rows: how many.
        notices: things worth telling that refuse nothing.
    """

    sha256: str
    byte_size: int
    header: list[str]
    blocks: list[Block] = field(default_factory=list)
    rows: int = 0
    notices: list[str] = field(default_factory=list)


def folder_of(site: Site, entity: Entity, settings: Settings) -> Path:
    """The folder an entity's files are dropped in."""
    return (site.folder if entity.base == "site" else settings.data) / entity.folder


def due(
    site: Site,
    entity: Entity,
    settings: Settings,
    first_day: date | None = None,
    last_day: date | None = None,
    *,
    now: float | None = None,
) -> list[DueFile]:
    """The entity's files whose days touch a range; reads names and modification times only.

    A file changed less than ``settle_seconds`` ago is still being written and left for the next look.
    Files without a date in their name are always due.

    Args:
        site: the site.
        entity: one of its entities.
        settings: where the data folder is.
        first_day: first day of the range; None is open.
        last_day: last day of the range; None is open.
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
    for entry in _entries(folder, "", entity.pattern.depth):
        name = entry[0]
        span = entity.pattern.span(name)
        if span is False:
            continue
        first, last = span if isinstance(span, tuple) else (None, None)
        if first and last_day and first > last_day:
            continue
        if last and first_day and last < first_day:
            continue
        if entity.settle_seconds and abs(now - entry[1]) < entity.settle_seconds:
            continue
        found.append(DueFile(first, last, name, folder / name))
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


# --- bytes -------------------------------------------------------------------------------------


def open_delivery(due_file: DueFile) -> IO[bytes]:
    """Open a delivered file, and only a file: no link, pipe or device.

    Raises:
        RefusedError: for anything but a regular file inside its folder.
    """
    if due_file.name.startswith("/") or ".." in due_file.name.split("/"):
        raise RefusedError(f"{due_file.name!r} leaves its folder. Put the file itself into the folder.")
    # No folder between the site's own and the file may be a link either.
    folder = due_file.path
    for _ in range(due_file.name.count("/")):
        folder = folder.parent
        if folder.is_symlink():
            raise RefusedError(
                f"{due_file.name} is reached through a symbolic link. Put the file itself there."
            )
    try:
        handle = os.open(due_file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise RefusedError(
                f"{due_file.name} is a symbolic link. Put the file itself into the folder."
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.ENXIO):
            raise RefusedError(
                f"{due_file.name} cannot be opened: {error.strerror}. Correct its permissions."
            ) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise RefusedError(f"{due_file.name} is not a regular file. Put a file there.")
    return os.fdopen(handle, "rb")


def digest(stream: IO[bytes]) -> tuple[str, int]:
    """SHA-256 and size of a stream, which is left at its start."""
    sha256, size = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK):
        sha256.update(chunk)
        size += len(chunk)
    stream.seek(0)
    return sha256.hexdigest(), size


def read(entity: Entity, name: str, stream: IO[bytes]) -> Reading:
    """Read a file whole and verify it.

    Args:
        entity: how it is to be read.
        name: its name, for messages.
        stream: its bytes, at the start; must be seekable.

    Returns:
        Every row with its number; rows with a structural fault carry a rule.

    Raises:
        RefusedError: when the file as a whole cannot be trusted.
    """
    sha256, size = digest(stream)
    reading = Reading(sha256, size, [])
    if size == 0:
        raise RefusedError(f"{name} is empty (0 bytes). Deliver it again.")
    if entity.format == "xlsx":
        _read_xlsx(entity, name, stream, size, reading)
    else:
        _read_csv(entity, name, stream, size, reading)
    if reading.rows == 0 and not entity.may_be_empty:
        raise RefusedError(
            f"{name} holds a header and no rows. Deliver it again, or declare may_be_empty: true "
            f"for {entity.name} if nothing can happen on a day."
        )
    return reading


class _Header:
    """Where the mapped columns of one file stand."""

    def __init__(self, entity: Entity, name: str, row: int, cells: list[str]) -> None:
        self.names = [fold(cell) for cell in cells]
        while self.names and not self.names[-1]:
            self.names.pop()  # a trailing separator names nothing
        if not self.names:
            raise RefusedError(f"{name}: row {row} is empty; a header was expected there. Check header_row.")
        wanted = {
            folded: (label, contract_field)
            for contract_field, mapping in entity.fields.items()
            if not mapping.is_optional
            for folded, label in zip(mapping.columns, mapping.labels, strict=True)
        }
        missing = [folded for folded in wanted if folded not in self.names]
        if missing and len(missing) == len(wanted):
            raise RefusedError(
                f"{name}: row {row} holds none of the {len(wanted)} declared columns "
                f"({', '.join(label for label, _ in wanted.values())}). "
                "Is the header row missing, or the encoding, delimiter or header_row declared wrongly?"
            )
        if missing:
            told = []
            for folded in missing:
                label, contract_field = wanted[folded]
                close = difflib.get_close_matches(folded, [n for n in self.names if n not in wanted], 1)
                hint = f"; the file has {close[0]!r}, renamed?" if close else ""
                told.append(f"column {label!r} (for {contract_field}) is missing{hint}")
            raise RefusedError(
                f"{name}: row {row}: {'; '.join(told)}. Deliver the column, or correct the site file."
            )
        for folded in wanted:
            if self.names.count(folded) > 1:
                raise RefusedError(
                    f"{name}: row {row}: column {wanted[folded][0]!r} stands "
                    f"{self.names.count(folded)} times. "
                    "Deliver it once."
                )
        self.width = len(self.names)
        event = entity.contract.event_date
        self.event = self.names.index(entity.fields[event].columns[0]) if event else None


class _Rows:
    """Collects rows into blocks in COPY text form, the sound ones many at a time."""

    def __init__(self, reading: Reading, header: _Header, encoding: str) -> None:
        self.reading = reading
        self.header = header
        self.encoding = encoding
        self.undecodable: list[int] = []

    def add(self, numbers: list[int], rows: list[list[str]]) -> None:
        """Add rows without a known problem."""
        if not rows:
            return
        width, event = self.header.width, self.header.event
        text = "\x1e".join(["\x1f".join(row) for row in rows])
        sound = (
            all(len(row) == width for row in rows)
            and "\x00" not in text
            and text.count("\x1f") == len(rows) * (width - 1)
            and text.count("\x1e") == len(rows) - 1
            and _is_encodable(text)
        )
        if not sound:
            for number, row in zip(numbers, rows, strict=True):
                self.add_one(number, row)
            return
        bodies = [f'{{"{body}"}}\t\\N\t\\N' for body in _escape(text).replace("\x1f", '","').split("\x1e")]
        events = [] if event is None else [row[event] for row in rows]
        self.reading.blocks.append(Block(numbers, bodies, events))
        self.reading.rows += len(rows)

    def add_one(
        self, number: int, row: list[str], rule: str | None = None, detail: str | None = None
    ) -> None:
        """Add one row, finding its structural problem."""
        width, event = self.header.width, self.header.event
        # A trailing separator on every row, as on the header, is a habit and not a fault.
        if len(row) != width and rule is None:
            rule = "extra_cells" if len(row) > width else "missing_cells"
            detail = f"row {number} has {len(row)} cells, the header has {width}"
        if any("\x00" in cell for cell in row):
            rule, detail = (
                rule or "nul_byte",
                detail or f"row {number} holds a NUL byte (shown as {_NUL_SHOWN})",
            )
            row = [cell.replace("\x00", _NUL_SHOWN) for cell in row]
        if not _is_encodable("".join(row)):
            self.undecodable.append(number)
            rule = rule or "undecodable"
            detail = detail or f"row {number} holds bytes that are not {self.encoding} (shown as \\xNN)"
            row = [_show_bytes(cell) for cell in row]
        cells = ",".join([f'"{_escape(cell)}"' for cell in row])
        problem = f"{rule}\t{_escape_text(detail or '')}" if rule else "\\N\t\\N"
        events = [] if event is None else [row[event] if event < len(row) else ""]
        self.reading.blocks.append(Block([number], [f"{{{cells}}}\t{problem}"], events))
        self.reading.rows += 1


def _escape(text: str) -> str:
    """Text as it stands inside a quoted array element inside a COPY text field."""
    return _escape_controls(text.replace("\\", "\\\\\\\\").replace('"', '\\\\"'))


def _escape_text(text: str) -> str:
    return _escape_controls(text.replace("\\", "\\\\"))


def _escape_controls(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _show_bytes(text: str) -> str:
    return re.sub("[\ud800-\udfff]", lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", text)


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    """Decoding error handler: one bad byte becomes one lone surrogate, and never swallows the next."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    step = 1 if "16" not in error.encoding and "32" not in error.encoding else error.end - error.start
    bad = error.object[error.start : error.start + step]
    return "".join(chr(0xDC00 + byte) for byte in bad), error.start + step


codecs.register_error("yardstick_keep_bytes", _keep_bytes)


# --- csv ---------------------------------------------------------------------------------------


def _read_csv(entity: Entity, name: str, stream: IO[bytes], size: int, reading: Reading) -> None:
    magic = stream.read(4)
    stream.seek(0)
    if magic == _ZIP_MAGIC:
        raise RefusedError(f"{name} is a zip or xlsx file. Unpack it, or declare format: xlsx.")
    is_gzip = magic.startswith(_GZIP_MAGIC)
    if name.lower().endswith(".gz") and not is_gzip:
        raise RefusedError(f"{name} is not a gzip file. Deliver it again.")
    encoding = codecs.lookup(entity.encoding).name
    # First pass: the whole file is there, not too large, and not plainly of another encoding.
    other = _Utf8Guess() if encoding not in ("utf-8", "ascii", "utf-16", "utf-32") else None
    start = b""
    for chunk in _bounded(
        _gunzip(stream, name) if is_gzip else _plain(stream), name, size, entity.max_uncompressed_bytes
    ):
        start = start or chunk[:4]
        if other:
            other.feed(chunk)
    if not start:
        raise RefusedError(f"{name} is empty. Deliver it again.")
    for mark, family in _BOMS.items():
        if start.startswith(mark):
            if not encoding.startswith(family):
                raise RefusedError(
                    f"{name} is not {entity.encoding}: it starts with the byte-order mark of {family}. "
                    "Correct the encoding in the site file, or deliver it in the declared one."
                )
            break
    if other and other.is_utf8():
        raise RefusedError(
            f"{name} is not {entity.encoding}: its bytes are UTF-8. "
            "Correct the encoding in the site file, or deliver it in the declared one."
        )
    stream.seek(0)
    text = io.TextIOWrapper(
        io.BufferedReader(_GunzipStream(stream, name), CHUNK) if is_gzip else stream,
        encoding="utf-8-sig" if encoding == "utf-8" else encoding,
        errors="yardstick_keep_bytes",
        newline="",
    )
    try:
        _read_rows(entity, name, text, reading)
    finally:
        text.detach()


def _read_rows(entity: Entity, name: str, text: io.TextIOWrapper, reading: Reading) -> None:
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    recent: list[str] = []

    def lines() -> Iterator[str]:
        for line in text:
            recent.append(line)
            yield line

    reader = csv.reader(
        lines(),
        delimiter=entity.delimiter,
        quotechar=entity.quote or None,
        quoting=csv.QUOTE_MINIMAL if entity.quote else csv.QUOTE_NONE,
        strict=True,
    )
    rows: _Rows | None = None
    number = 0
    numbers: list[int] = []
    block: list[list[str]] = []
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise RefusedError(
                    f"{name}: row {number} opens a quotation mark that is never closed. "
                    "Is the file cut off? Deliver it again."
                ) from None
            if "field larger than" in str(error):
                raise RefusedError(
                    f"{name}: row {number} holds a cell of more than {MAX_CELL_CHARACTERS:,} characters. "
                    "Check the delimiter and the quotation marks."
                ) from None
            if rows is None:
                if number < entity.header_row:
                    recent.clear()
                    continue
                raise RefusedError(f"{name}: row {number}, the header, cannot be read: {error}.") from None
            rows.add(numbers, block)
            numbers, block = [], []
            rows.add_one(
                number, ["".join(recent).rstrip("\r\n")], "bad_quoting",
                f"row {number} has text after a closing quotation mark (kept whole in one cell)",
            )  # fmt: skip
            recent.clear()
            continue
        if rows is None:
            if number == entity.header_row:
                _check_header_text(entity, name, number, row)
                header = _Header(entity, name, number, row)
                reading.header = header.names
                rows = _Rows(reading, header, entity.encoding)
                trailing = len(row) - header.width
        elif row:
            if trailing and len(row) == header.width + trailing and not any(row[header.width :]):
                del row[header.width :]
            numbers.append(number)
            block.append(row)
            if len(block) == BLOCK_ROWS:
                rows.add(numbers, block)
                numbers, block = [], []
        recent.clear()
    if rows is None:
        raise RefusedError(
            f"{name} has no row {entity.header_row}, where the header was expected. Check header_row."
        )
    rows.add(numbers, block)
    bad = len(rows.undecodable)
    if bad > max(1, reading.rows // 100) or (bad and bad == reading.rows):
        raise RefusedError(
            f"{name} is not {entity.encoding}: {bad} of {reading.rows} rows cannot be decoded, "
            f"the first is row {rows.undecodable[0]}. "
            "Correct the encoding in the site file, or deliver it in the declared one."
        )


def _check_header_text(entity: Entity, name: str, number: int, row: list[str]) -> None:
    text = "".join(row)
    if not _is_encodable(text):
        raise RefusedError(
            f"{name} is not {entity.encoding}: its header, row {number}, cannot be decoded. "
            "Correct the encoding in the site file, or deliver it in the declared one."
        )
    if "\x00" in text:
        raise RefusedError(
            f"{name} is not {entity.encoding} text: its header, row {number}, holds NUL bytes."
        )


class _Utf8Guess:
    """Whether bytes declared as something else are UTF-8: enough non-ASCII text, and all of it valid."""

    def __init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.beyond_ascii = 0
        self.is_valid = True

    def feed(self, chunk: bytes) -> None:
        if self.is_valid:
            try:
                text = self.decoder.decode(chunk)
            except UnicodeDecodeError:
                self.is_valid = False
            else:
                if not text.isascii():
                    self.beyond_ascii += sum(character > "\x7f" for character in text)

    def is_utf8(self) -> bool:
        try:
            self.decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return self.is_valid and self.beyond_ascii >= 8


def _plain(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def _gunzip(stream: IO[bytes], name: str) -> Iterator[bytes]:
    """Decompress in pieces of bounded size, whatever a piece unpacks to; checks length and CRC."""
    decompressor = zlib.decompressobj(31)
    pending = b""
    members = 0
    while True:
        if not pending:
            pending = stream.read(1 << 16)
        if not pending:
            break
        if decompressor.eof:
            pending = pending.lstrip(b"\x00") if members else pending  # padding after the last member
            if not pending:
                continue
            if not pending.startswith(_GZIP_MAGIC[: len(pending)]):
                raise RefusedError(
                    f"{name} carries {len(pending)} or more bytes after its end. Deliver it again."
                )
            decompressor = zlib.decompressobj(31)
        try:
            piece = decompressor.decompress(pending, CHUNK)
        except zlib.error as error:
            raise RefusedError(f"{name} is damaged ({error}). Deliver it again.") from None
        pending = decompressor.unconsumed_tail or decompressor.unused_data
        if decompressor.eof:
            members += 1
        if piece:
            yield piece
    if not decompressor.eof:
        raise RefusedError(f"{name} is cut off: its gzip stream has no end. Deliver it again.")


class _GunzipStream(io.RawIOBase):
    """``_gunzip`` as a raw stream."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._pieces = _gunzip(stream, name)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = next(self._pieces, b"")
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _bounded(pieces: Iterator[bytes], name: str, size: int, limit: int) -> Iterator[bytes]:
    """The pieces, refused as soon as they are more than the declared limit or than honest data packs to."""
    total = 0
    for piece in pieces:
        total += len(piece)
        _check_size(name, size, total, limit)
        yield piece


def _check_size(name: str, size: int, total: int, limit: int) -> None:
    if total > limit:
        raise RefusedError(
            f"{name} unpacks to more than {limit:,} bytes. "
            "Deliver less in one file, or raise max_uncompressed_bytes."
        )
    if total > BOMB_FREE_BYTES and total > size * BOMB_RATIO:
        raise RefusedError(
            f"{name} unpacks to more than {BOMB_RATIO} times its {size:,} bytes, which no honest table does. "
            "Check where it comes from."
        )


# --- xlsx --------------------------------------------------------------------------------------

_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')
_ERROR_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\bt="e"[^>]*>')
_SHARED = re.compile(rb'\bt="s"[^>]*>\s*<(?:\w+:)?v>([0-9]{1,9})<')
_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="([0-9]{1,7})"')


def _read_xlsx(entity: Entity, name: str, stream: IO[bytes], size: int, reading: Reading) -> None:
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    errors = _check_xlsx(entity, name, stream, size)
    stream.seek(0)
    try:
        workbook = CalamineWorkbook.from_filelike(stream)
        sheets = workbook.sheets_metadata
        visible = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
        chosen = _choose_sheet(entity, name, visible, [sheet.name for sheet in sheets])
        sheet = workbook.get_sheet_by_name(chosen)
        cells = sheet.to_python(skip_empty_area=False)  # so that a row's number is the sheet's own
        stream.seek(0)
        wrong_cells = dict(errors.get(_part_of_sheet(stream, chosen), ()))
    except (CalamineError, OSError, ValueError) as error:
        raise RefusedError(
            f"{name} cannot be read as a workbook ({error}). Save it again as .xlsx."
        ) from None
    place = f"{name}, sheet {chosen!r}"
    if len(cells) < entity.header_row or not any(_show(cell, ISO) for cell in cells[entity.header_row - 1]):
        raise RefusedError(
            f"{place}: row {entity.header_row} is empty; a header was expected there. Check header_row."
        )
    labels = [_show(cell, ISO) for cell in cells[entity.header_row - 1]]
    header = _Header(entity, place, entity.header_row, labels)
    reading.header = header.names
    rows = _Rows(reading, header, "a workbook's text")
    formats = [ISO] * header.width
    identifiers: dict[int, str] = {}
    for contract_field, mapping in entity.fields.items():
        for column in mapping.columns:
            if column not in header.names:
                continue
            index = header.names.index(column)
            if mapping.format:
                formats[index] = mapping.format
            if contract_field in entity.contract.identifiers:
                identifiers[index] = contract_field
    numbers: list[int] = []
    block: list[list[str]] = []
    for number, row in enumerate(cells[entity.header_row :], start=entity.header_row + 1):
        if not any(cell != "" for cell in row):
            continue
        row = row[: header.width] if not any(cell != "" for cell in row[header.width :]) else row
        shown = [_show(cell, formats[i] if i < header.width else ISO) for i, cell in enumerate(row)]
        wrong = next((i for i in identifiers if isinstance(row[i], (int, float))), None)
        if wrong is None and number not in wrong_cells:
            numbers.append(number)
            block.append(shown)
            if len(block) < BLOCK_ROWS:
                continue
        rows.add(numbers, block)
        numbers, block = [], []
        if number in wrong_cells:
            rows.add_one(
                number, shown, "error_cell",
                f"row {number}: cell {wrong_cells[number]}{number} holds a formula error (#N/A or the like)",
            )  # fmt: skip
        elif wrong is not None:
            rows.add_one(
                number, shown, "number_in_text_column",
                f"row {number}: {labels[wrong].strip()} is a number cell, but {identifiers[wrong]} is an id: "
                "leading zeros and digits beyond the 15th are lost. Format the column as text",
            )  # fmt: skip
    rows.add(numbers, block)


def _choose_sheet(entity: Entity, name: str, visible: list[str], every: list[str]) -> str:
    if entity.sheet is None:
        if len(visible) == 1:
            return visible[0]
        raise RefusedError(
            f"{name} has {len(visible)} visible sheets ({', '.join(visible)}). "
            "Name one as sheet in the site file."
        )
    for sheet in visible:
        if fold(sheet) == fold(entity.sheet):
            return sheet
    if any(fold(sheet) == fold(entity.sheet) for sheet in every):
        raise RefusedError(
            f"{name}: sheet {entity.sheet!r} is hidden. Deliver it visible, or name another sheet."
        )
    raise RefusedError(
        f"{name} has no sheet {entity.sheet!r}; it has {', '.join(visible)}. "
        "Correct the name in the file or the site file."
    )


def _part_of_sheet(stream: IO[bytes], sheet: str) -> str:
    """The part of a checked workbook that holds a sheet; empty when it does not say."""
    relation = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
    with zipfile.ZipFile(stream) as archive:
        try:
            workbook = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 (entities refused before)
            relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
        except (KeyError, ElementTree.ParseError):
            return ""
    wanted = {
        node.get(relation) for node in workbook.iter() if node.get("name") == sheet and node.get(relation)
    }
    for node in relations:
        if node.get("Id") in wanted:
            target = node.get("Target", "")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return ""


class _PartScan:
    """What one unpacked part of a workbook would mean to the parser, found piece by piece.

    Attributes:
        last_row: largest row number used.
        last_column: largest column number used, A being 1.
        errors: rows with a cell that holds a formula error, and the column of the first one.
        has_entities: it declares a document type or entities.
        lengths: bytes of each shared string, when it holds shared strings.
        shared: how often each shared string is used.
    """

    def __init__(self) -> None:
        self.last_row = self.last_column = 0
        self.errors: dict[int, str] = {}
        self.has_entities = False
        self.lengths: list[int] = []
        self.shared: Counter[bytes] = Counter()
        self._tail = self._carry = b""
        self._open = 0

    def feed(self, piece: bytes) -> None:
        """Look at the next piece; whatever stands across two pieces is seen once it is whole."""
        window = self._tail + piece
        if b"<!" in window:
            plain = window.replace(b"\x00", b"")
            self.has_entities |= b"<!DOCTYPE" in plain or b"<!ENTITY" in plain
        for column, row in _CELL.findall(window):
            self.last_row = max(self.last_row, int(row))
            self.last_column = max(self.last_column, _column_number(column))
        for row in _ROW.findall(window):
            self.last_row = max(self.last_row, int(row))
        for tag in _ERROR_CELL.findall(window):
            if place := _CELL.match(tag):
                self.errors.setdefault(int(place[2]), place[1].decode())
        *strings, rest = (self._carry + piece).split(b"</si>")
        for text in strings:
            self.lengths.append(self._open + len(text))
            self._open = 0
        self._carry = rest[-4:]  # an end tag may be cut by the piece's end
        self._open += len(rest) - len(self._carry)
        # Only whole cells count; a cell cut by the piece's end waits in the tail.
        cut = window.rfind(b"</c>") + 4 if b"</c>" in window else 0
        self.shared.update(_SHARED.findall(window[:cut]))
        self._tail = window[max(cut, len(window) - 512) :]


def _check_xlsx(entity: Entity, name: str, stream: IO[bytes], size: int) -> dict[str, dict[int, str]]:
    """Refuse what would harm the parser: bombs, declared sizes that lie, entities, sheets without end.

    Every part is unpacked in pieces and thrown away, so memory stays bounded whatever the file claims.

    Returns:
        By part, the rows with a cell that holds a formula error (the parser shows such a cell as empty)
        and the column of the first one.
    """
    limit = entity.max_uncompressed_bytes
    scans: dict[str, _PartScan] = {}
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
            if len(parts) > 10_000:
                raise RefusedError(f"{name} holds {len(parts):,} parts, which no honest workbook does.")
            _check_size(name, size, sum(part.file_size for part in parts), limit)
            total = 0
            for part in parts:
                if part.flag_bits & 1:
                    raise RefusedError(f"{name} is protected by a password. Deliver it without one.")
                scan = scans[part.filename] = _PartScan()
                with archive.open(part) as unpacked:
                    while piece := unpacked.read(CHUNK):
                        total += len(piece)
                        _check_size(name, size, total, limit)
                        scan.feed(piece)
                _check_part(entity, name, part.filename, scan)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise RefusedError(
            f"{name} is cut off, damaged or no xlsx file ({error}). Deliver it again."
        ) from None
    # One long shared string used by a million cells is small in the file and huge in memory.
    lengths = [length for scan in scans.values() for length in scan.lengths]
    text = sum(
        count * lengths[int(index)]
        for scan in scans.values()
        for index, count in scan.shared.items()
        if int(index) < len(lengths)
    )
    if text > limit:
        raise RefusedError(
            f"{name} unpacks to {text:,} bytes of text, more than {limit:,}. "
            "Deliver less in one file, or raise max_uncompressed_bytes."
        )
    return {part: scan.errors for part, scan in scans.items() if scan.errors}


def _check_part(entity: Entity, name: str, part: str, scan: _PartScan) -> None:
    if scan.has_entities:
        raise RefusedError(f"{name}: {part} declares XML entities. Save it again as .xlsx.")
    if scan.last_row * max(scan.last_column, 1) > entity.max_cells:
        raise RefusedError(
            f"{name}: {part} spans {scan.last_row:,} rows and {scan.last_column:,} columns, more than "
            f"{entity.max_cells:,} cells. Delete the stray cells far from the table, or raise max_cells."
        )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _show(cell: Any, form: str) -> str:
    """A workbook cell as text: whole numbers without a point, dates as the field declares them or ISO."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1 << 63 else repr(cell)
    if isinstance(cell, (datetime, date)):
        if form != ISO:
            moment = cell if isinstance(cell, datetime) else datetime.combine(cell, clock_time())
            return moment.strftime(form)
        return cell.isoformat(sep=" ") if isinstance(cell, datetime) else cell.isoformat()
    if isinstance(cell, clock_time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = int(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(cell)


def event_format(entity: Entity) -> DateFormat | None:
    """The compiled format of the entity's event date; None for master data."""
    event = entity.contract.event_date
    return compile_format(entity.fields[event].format or ISO) if event else None
