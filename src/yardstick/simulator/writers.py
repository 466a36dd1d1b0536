"""Writes what the simulated systems deliver or keep: the same rows give the same bytes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook

from yardstick.simulator.tables import Row

_EPOCH = datetime(2020, 1, 1)  # a fixed moment: bytes depend on the rows alone


@dataclass
class Sheet:
    """One sheet of a workbook.

    Attributes:
        name: its name.
        columns: the header; ``group name`` stands below a group.
        rows: below the header.
        title: stands above the header, over the whole width, and rows are counted below; empty for neither.
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Row]
    title: str = ""

    @property
    def first_row(self) -> int:
        """Number of the first row of data, from 1."""
        return 1 + header_rows(self.columns) + (_TITLE_ROWS if self.title else 0)


_TITLE_ROWS = 2


def header_rows(columns: Sequence[str]) -> int:
    """How many rows a header has."""
    return 2 if any(" " in column for column in columns) else 1


def write_workbook(path: Path, sheets: Iterable[Sheet]) -> None:
    """A workbook as an app exports it: text as text, dates as dates, titles above, a totals row below."""
    workbook = Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    workbook.set_properties({"created": _EPOCH, "author": "simulator"})
    bold = workbook.add_format({"bold": True})
    day = workbook.add_format({"num_format": "yyyy-mm-dd"})
    for sheet in sheets:
        worksheet = workbook.add_worksheet(sheet.name)
        top = sheet.first_row - 1
        if sheet.title:
            last = len(sheet.columns) - 1
            worksheet.merge_range(0, 0, 0, last, sheet.title, bold)
            worksheet.merge_range(1, 0, 1, last, "导出人:系统管理员")
        _write_header(worksheet, top - header_rows(sheet.columns), sheet.columns, bold)
        for number, row in enumerate(sheet.rows, start=top):
            for column, value in enumerate(row.cells):
                if value is None:
                    continue
                if isinstance(value, str):
                    worksheet.write_string(number, column, value)
                elif isinstance(value, date):
                    worksheet.write_datetime(
                        number, column, datetime(value.year, value.month, value.day), day
                    )
                else:
                    worksheet.write_number(number, column, value)
        if sheet.title:
            worksheet.write_string(top + len(sheet.rows), 0, "合计", bold)
            worksheet.write_number(top + len(sheet.rows), 1, len(sheet.rows), bold)
        worksheet.freeze_panes(top, 0)
    workbook.close()


def _write_header(worksheet: Any, top: int, columns: Sequence[str], bold: Any) -> None:
    """One row of names, or two with merged cells where some columns stand below a group."""
    if header_rows(columns) == 1:
        worksheet.write_row(top, 0, columns, bold)
        return
    place = 0
    for group, members in groupby(columns, key=lambda column: column.partition(" ")[0]):
        names = list(members)
        if " " not in names[0]:
            worksheet.merge_range(top, place, top + 1, place, group, bold)
        else:
            worksheet.merge_range(top, place, top, place + len(names) - 1, group, bold)
            worksheet.write_row(top + 1, place, [name.partition(" ")[2] for name in names], bold)
        place += len(names)


def csv_bytes(columns: Sequence[str], rows: Iterable[Row], encoding: str) -> bytes:
    """Comma-separated text in an encoding."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([["" if cell is None else cell for cell in row.cells] for row in rows])
    return stream.getvalue().encode(encoding)


def write_zip(path: Path, inner: str, content: bytes) -> None:
    """One file in a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(inner, date_time=_EPOCH.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, content)


def write_gzip(path: Path, content: bytes) -> None:
    """Gzip without a clock in it."""
    path.write_bytes(gzip.compress(content, 6, mtime=0))


def write_json_lines(
    path: Path, columns: Sequence[str], moment_column: str | None, rows: Iterable[Row]
) -> None:
    """One line per row: when it was recorded, a tab, and the row as a JSON object."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for row in rows:
            content = dict(zip(columns, row.cells, strict=True))
            if moment_column:
                content[moment_column] = row.moment.isoformat() + "+08:00"
            stream.write(f"{row.moment.isoformat()}\t{encode(content)}\n")


def write_copy(path: Path, rows: Iterable[Row]) -> None:
    """Rows in PostgreSQL's COPY text form, the moment first."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for row in rows:
            cells = "\t".join(r"\N" if cell is None else _escaped(str(cell)) for cell in row.cells)
            stream.write(f"{row.moment.isoformat()}+08:00\t{cells}\n")


def _escaped(text: str) -> str:
    if "\\" in text or "\t" in text or "\n" in text:
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    return text


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A plain csv file for the truth."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
