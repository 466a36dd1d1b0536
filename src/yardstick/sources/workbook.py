"""XLSX workbooks as pages of rows: checked for harm first, then read by a parser that never computes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import IO, TYPE_CHECKING, Any

from yardstick.sources import parts
from yardstick.sources.dates import EXCEL_SERIAL, ISO, ISO_OFFSET, excel_serial
from yardstick.sources.delivery import Item, Reading, RefusedError, Rows
from yardstick.sources.fold import fold
from yardstick.sources.footer import Footer
from yardstick.sources.header import Header, depth, locate

if TYPE_CHECKING:
    from yardstick.sources.site import Entity

_OLD_WORKBOOK = bytes.fromhex("d0cf11e0a1b11ae1")


def read(entity: Entity, name: str, stream: IO[bytes], size: int) -> Reading:
    """Read one sheet of a workbook.

    A formula counts by the value that was stored with it; nothing is computed and no link is followed.

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

    if stream.read(len(_OLD_WORKBOOK)) == _OLD_WORKBOOK:
        raise RefusedError(
            f"{name} is an old .xls file, or protected by a password. Save it as .xlsx without a password."
        )
    checked = parts.check(entity, name, stream, size)
    stream.seek(0)
    try:
        workbook = CalamineWorkbook.from_filelike(stream)
        sheets = workbook.sheets_metadata
        visible = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
        chosen = _choose_sheet(entity, name, visible, [sheet.name for sheet in sheets])
        sheet = workbook.get_sheet_by_name(chosen)
        merged = sheet.merged_cell_ranges or [] if entity.options.header_rows > 1 else []
        cells = sheet.iter_rows()
        leading = list(itertools.islice(cells, depth(entity.options)))
    except (CalamineError, OSError, ValueError) as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(
            f"{name} cannot be read as a workbook ({error}). Save it again as .xlsx."
        ) from None
    place = f"{name}, sheet {chosen!r}"
    last, header = locate(entity, place, [[show_cell(cell, ISO) for cell in row] for row in leading], merged)
    table = _Table(entity, place, header, checked.errors.get(checked.parts.get(chosen, ""), {}))
    if checked.counts_from_1904 and EXCEL_SERIAL in table.formats:
        raise RefusedError(
            f"{name} counts days from 1904, so that {EXCEL_SERIAL} would be four years off. "
            "Format its date columns as dates."
        )
    reading = Reading(header.names, iter(()))
    rows = Rows(header.width, header.event, "a workbook's text")
    items = table.items(enumerate(itertools.chain(leading[last:], cells), start=last + 1))
    footer = Footer(entity, place, header.event)
    reading.pages = rows.pages(footer.data(items, reading.notices) if footer.is_declared else items)
    return reading


class _Table:
    """Turns typed cells into text, and says which rows cannot be trusted.

    Attributes:
        formats: how a date cell of each column is shown.
    """

    def __init__(
        self, entity: Entity, place: str, header: Header, wrong_cells: dict[int, tuple[str, str]]
    ) -> None:
        self.formats = [ISO] * header.width
        self._width = header.width
        self._labels = header.labels
        self._wrong_cells = wrong_cells
        self._identifiers: dict[int, str] = {}
        for contract_field, mapping in entity.fields.items():
            for column in mapping.columns:
                if column not in header.names:
                    continue
                index = header.names.index(column)
                if mapping.format:
                    self.formats[index] = mapping.format
                if contract_field in entity.contract.identifiers:
                    self._identifiers[index] = contract_field

    def items(self, rows: Iterator[tuple[int, list[Any]]]) -> Iterator[Item]:
        """The rows that hold something."""
        formats, width = self.formats, self._width
        for number, row in rows:
            if not any(cell != "" for cell in row):
                continue
            row = row[:width] if not any(cell != "" for cell in row[width:]) else row
            shown = [show_cell(cell, formats[i] if i < width else ISO) for i, cell in enumerate(row)]
            yield number, shown, self._fault(number, row)

    def _fault(self, number: int, row: list[Any]) -> tuple[str, str] | None:
        if number in self._wrong_cells:
            column, why = self._wrong_cells[number]
            return "error_cell", f"row {number}: cell {column}{number} {why}"
        for index, contract_field in self._identifiers.items():
            if isinstance(row[index], (int, float)):
                return "number_in_text_column", (
                    f"row {number}: {self._labels[index].strip()} is a number cell, but {contract_field} is an "
                    "id: leading zeros and digits beyond the 15th are lost. Format the column as text"
                )
        return None


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


def show_cell(cell: Any, form: str) -> str:
    """A workbook cell as text: whole numbers without a point, dates as the field declares them or ISO."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1 << 63 else repr(cell)
    if isinstance(cell, (datetime, date)):
        if form not in (ISO, ISO_OFFSET):  # a date cell has no offset
            moment = cell if isinstance(cell, datetime) else datetime.combine(cell, clock_time())
            return excel_serial(moment) if form == EXCEL_SERIAL else moment.strftime(form)
        return cell.isoformat(sep=" ") if isinstance(cell, datetime) else cell.isoformat()
    if isinstance(cell, clock_time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = int(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(cell)
