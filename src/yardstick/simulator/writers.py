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
        columns: the header.
        rows: below the header.
        title: stands above the header, over the whole width; empty for none.
        total: place of a column that is summed up below the rows; None for no totals row.
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Row]
    title: str = ""
    total: int | None = None


TITLE_ROWS = 2


def write_workbook(path: Path, sheets: Iterable[Sheet]) -> None:
    """A workbook as an app exports it: text as text, dates as dates, titles above, a totals row below."""
    workbook = Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    workbook.set_properties({"created": _EPOCH, "author": "simulator"})
    bold = workbook.add_format({"bold": True})
    day = workbook.add_format({"num_format": "yyyy-mm-dd"})
    for sheet in sheets:
        worksheet = workbook.add_worksheet(sheet.name)
        top = 0
        if sheet.title:
            last = len(sheet.columns) - 1
            worksheet.merge_range(0, 0, 0, last, sheet.title, bold)
            worksheet.merge_range(1, 0, 1, last, "导出人:系统管理员")
            top = TITLE_ROWS
        worksheet.write_row(top, 0, sheet.columns, bold)
        number = top
        for number, row in enumerate(sheet.rows, start=top + 1):
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
        if sheet.total is not None:
            worksheet.write_string(number + 1, 0, "合计", bold)
            values = (row.cells[sheet.total] for row in sheet.rows)
            total = sum(value for value in values if isinstance(value, (int, float)))
            worksheet.write_number(number + 1, sheet.total, total, bold)
        worksheet.freeze_panes(top + 1, 0)
    workbook.close()


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
