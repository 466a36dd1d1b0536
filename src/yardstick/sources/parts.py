"""What the parts of a workbook would do to its parser: looked through in pieces before anything is parsed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING
from xml.etree import ElementTree

from yardstick.sources import archive, unpack
from yardstick.sources.delivery import RefusedError

if TYPE_CHECKING:
    import zipfile

    from yardstick.sources.site import Entity

_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')
_ERROR_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\bt="e"[^>]*>')
_FORMULA_CELL = re.compile(
    rb"(<(?:\w+:)?c\b[^>]*>)\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)"
    rb"\s*(<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_SHARED = re.compile(rb'\bt="s"[^>]*>\s*<(?:\w+:)?v>([0-9]{1,9})<')
_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="([0-9]{1,7})"')
_TAIL = 1 << 14  # the longest cell that is looked at whole
_MAX_DIRECTORY_BYTES = 4 << 20
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
ERROR = "holds a formula error (#N/A or the like)"
NO_VALUE = "holds a formula whose value was never computed. Open and save the file in a spreadsheet program"


class PartScan:
    """What one unpacked part of a workbook would mean to the parser, found piece by piece.

    Attributes:
        last_row: largest row number used.
        last_column: largest column number used, A being 1.
        errors: rows with a cell that has no value, with the column of the first one and why.
        has_entities: it declares a document type or entities.
        lengths: bytes of each shared string, when it holds shared strings.
        shared: how often each shared string is used.
    """

    def __init__(self) -> None:
        self.last_row = self.last_column = 0
        self.errors: dict[int, tuple[str, str]] = {}
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
        if cells := _CELL.findall(window):
            columns, rows = map(set, zip(*cells, strict=True))
            self.last_row = max(self.last_row, *map(int, rows))
            self.last_column = max(self.last_column, *map(_column_number, columns))
        for row in _ROW.findall(window):
            self.last_row = max(self.last_row, int(row))
        for tag in _ERROR_CELL.findall(window) if b't="e"' in window else ():
            self._blame(tag, ERROR)
        for tag, empty in _FORMULA_CELL.findall(window) if b"f>" in window or b"f/>" in window else ():
            if not empty or b't="str"' not in tag:  # a formula may well give an empty text
                self._blame(tag, NO_VALUE)
        *strings, rest = (self._carry + piece).split(b"</si>")
        for text in strings:
            self.lengths.append(self._open + len(text))
            self._open = 0
        self._carry = rest[-4:]  # an end tag may be cut by the piece's end
        self._open += len(rest) - len(self._carry)
        # Only whole cells count; a cell cut by the piece's end waits in the tail.
        cut = window.rfind(b"</c>") + 4 if b"</c>" in window else 0
        self.shared.update(_SHARED.findall(window[:cut]))
        self._tail = window[max(cut, len(window) - _TAIL) :]

    def _blame(self, tag: bytes, why: str) -> None:
        if place := _CELL.match(tag):
            self.errors.setdefault(int(place[2]), (place[1].decode(), why))


@dataclass(frozen=True)
class Checked:
    """What is known of a workbook that may be parsed.

    Attributes:
        errors: by part, rows with a cell that has no value: the column of the first one and why.
        counts_from_1904: its days are counted from 1904.
        parts: the part that holds a sheet, by the sheet's name.
    """

    errors: dict[str, dict[int, tuple[str, str]]]
    counts_from_1904: bool
    parts: dict[str, str]


def check(entity: Entity, name: str, stream: IO[bytes], size: int) -> Checked:
    """Refuse what would harm the parser: bombs, sizes that lie, entities, sheets without end.

    Every part is unpacked in pieces and thrown away, so memory stays bounded whatever the file claims.

    Args:
        entity: how much it may hold.
        name: the file's name, for messages.
        stream: its bytes; seekable.
        size: how many bytes it has.

    Raises:
        RefusedError: naming the part.
    """
    limit = entity.options.max_uncompressed_bytes
    scans: dict[str, PartScan] = {}
    with archive.opened(name, stream, "xlsx") as opened:
        members = opened.infolist()
        unpack.check_size(name, size, sum(member.file_size for member in members), limit)
        total = 0
        for member in members:
            scan = scans[member.filename] = PartScan()
            for piece in archive.pieces(opened, member, f"{name}: {member.filename}"):
                total += len(piece)
                unpack.check_size(name, size, total, limit)
                scan.feed(piece)
            _check_part(entity, name, member.filename, scan)
        is_1904, parts = _directory(name, opened)
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
    return Checked({part: scan.errors for part, scan in scans.items() if scan.errors}, is_1904, parts)


def _check_part(entity: Entity, name: str, part: str, scan: PartScan) -> None:
    if scan.has_entities:
        raise RefusedError(f"{name}: {part} declares XML entities. Save it again as .xlsx.")
    if scan.last_row * max(scan.last_column, 1) > entity.options.max_cells:
        raise RefusedError(
            f"{name}: {part} spans {scan.last_row:,} rows and {scan.last_column:,} columns, more than "
            f"{entity.options.max_cells:,} cells. Delete the stray cells far from the table, or raise max_cells."
        )


def _directory(name: str, opened: zipfile.ZipFile) -> tuple[bool, dict[str, str]]:
    """Whether days count from 1904, and which part holds which sheet; nothing where it does not say."""
    try:
        members = [opened.getinfo(part) for part in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels")]
        if any(member.file_size > _MAX_DIRECTORY_BYTES for member in members):
            raise RefusedError(f"{name} lists more sheets than an honest workbook. Check it.")
        workbook, relations = (
            ElementTree.fromstring(b"".join(archive.pieces(opened, member, name)))  # noqa: S314 (entities are refused)
            for member in members
        )
    except (KeyError, ElementTree.ParseError):
        return False, {}
    targets = {node.get("Id"): node.get("Target", "") for node in relations}
    parts = {}
    is_1904 = False
    for node in workbook.iter():
        is_1904 |= node.tag.endswith("}workbookPr") and node.get("date1904", "0") in ("1", "true")
        if node.get("name") and (target := targets.get(node.get(_RELATION))):
            parts[node.get("name", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return is_1904, parts


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
