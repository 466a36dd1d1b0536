"""XLSX workbooks as pages of rows: checked for harm first, then read by a parser that never computes."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import IO, TYPE_CHECKING, Any
from xml.etree import ElementTree

from yardstick.sources import unpack
from yardstick.sources.dates import ISO
from yardstick.sources.delivery import PAGE_ROWS, Page, Reading, RefusedError, Rows
from yardstick.sources.fold import fold
from yardstick.sources.header import Header

if TYPE_CHECKING:
    from yardstick.sources.site import Entity

_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')
_ERROR_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\bt="e"[^>]*>')
_SHARED = re.compile(rb'\bt="s"[^>]*>\s*<(?:\w+:)?v>([0-9]{1,9})<')
_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="([0-9]{1,7})"')


def read(entity: Entity, name: str, stream: IO[bytes], size: int) -> Reading:
    """Read one sheet of a workbook.

    Args:
        entity: which sheet, and how it is to be read.
        name: the file's name, for messages.
        stream: its bytes, at the start; seekable.
        size: how many bytes it has.

    Returns:
        Header and pages; a row's number is the sheet's own.

    Raises:
        RefusedError: when the workbook as a whole cannot be trusted.
    """
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    header_row = entity.options.header_row
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
    place = f"{name}, sheet {chosen!r}: row {header_row}"
    if len(cells) < header_row:
        raise RefusedError(f"{place} is empty; a header was expected there. Check header_row.")
    labels = [_show(cell, ISO) for cell in cells[header_row - 1]]
    header = Header(entity, place, labels)
    return Reading(header.names, _pages(entity, header, labels, cells, wrong_cells))


def _pages(
    entity: Entity, header: Header, labels: list[str], cells: list[list[Any]], wrong_cells: dict[int, str]
) -> Iterator[Page]:
    rows = Rows(header.width, header.event, "a workbook's text")
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
    first = entity.options.header_row
    for number, row in enumerate(cells[first:], start=first + 1):
        if not any(cell != "" for cell in row):
            continue
        row = row[: header.width] if not any(cell != "" for cell in row[header.width :]) else row
        shown = [_show(cell, formats[i] if i < header.width else ISO) for i, cell in enumerate(row)]
        wrong = next((i for i in identifiers if isinstance(row[i], (int, float))), None)
        if wrong is None and number not in wrong_cells:
            numbers.append(number)
            block.append(shown)
            if len(block) < PAGE_ROWS:
                continue
        if block:
            yield rows.page(numbers, block)
            numbers, block = [], []
        if number in wrong_cells:
            yield rows.one(
                number, shown, "error_cell",
                f"row {number}: cell {wrong_cells[number]}{number} holds a formula error (#N/A or the like)",
            )  # fmt: skip
        elif wrong is not None:
            yield rows.one(
                number, shown, "number_in_text_column",
                f"row {number}: {labels[wrong].strip()} is a number cell, but {identifiers[wrong]} is an id: "
                "leading zeros and digits beyond the 15th are lost. Format the column as text",
            )  # fmt: skip
    if block:
        yield rows.page(numbers, block)


def _choose_sheet(entity: Entity, name: str, visible: list[str], every: list[str]) -> str:
    if entity.options.sheet is None:
        if len(visible) == 1:
            return visible[0]
        raise RefusedError(
            f"{name} has {len(visible)} visible sheets ({', '.join(visible)}). "
            "Name one as sheet in the site file."
        )
    for sheet in visible:
        if fold(sheet) == fold(entity.options.sheet):
            return sheet
    if any(fold(sheet) == fold(entity.options.sheet) for sheet in every):
        raise RefusedError(
            f"{name}: sheet {entity.options.sheet!r} is hidden. Deliver it visible, or name another sheet."
        )
    raise RefusedError(
        f"{name} has no sheet {entity.options.sheet!r}; it has {', '.join(visible)}. "
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
    limit = entity.options.max_uncompressed_bytes
    scans: dict[str, _PartScan] = {}
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
            if len(parts) > 10_000:
                raise RefusedError(f"{name} holds {len(parts):,} parts, which no honest workbook does.")
            unpack.check_size(name, size, sum(part.file_size for part in parts), limit)
            total = 0
            for part in parts:
                if part.flag_bits & 1:
                    raise RefusedError(f"{name} is protected by a password. Deliver it without one.")
                scan = scans[part.filename] = _PartScan()
                with archive.open(part) as unpacked:
                    while piece := unpacked.read(unpack.CHUNK):
                        total += len(piece)
                        unpack.check_size(name, size, total, limit)
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
    if scan.last_row * max(scan.last_column, 1) > entity.options.max_cells:
        raise RefusedError(
            f"{name}: {part} spans {scan.last_row:,} rows and {scan.last_column:,} columns, more than "
            f"{entity.options.max_cells:,} cells. Delete the stray cells far from the table, or raise max_cells."
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
