"""A workbook of plain tables. Text is written as text whatever it looks like: a name such as ``=cmd`` is a name."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

import xlsxwriter

from yardstick.reports.sheets import FONTS, Column

_INK, _RULE, _HEAD, _QUIET, _RED = "#1D2227", "#D9D4C8", "#F1EDE3", "#55585A", "#A33A24"
_TOP = 3
_A3 = 8
_PAGE_WIDTH = 300  # characters across a page that can still be read: it is printed at about two thirds
_WRAPPED = ("wrap", "name")
_MOST_LINES = 14


class Book:
    """An open workbook; the same calls give the same bytes."""

    def __init__(self, language: str, *, title: str, note: str, day: date) -> None:
        """Open a workbook.

        Args:
            language: whose font is used: ``zh-Hans``, ``zh-Hant`` or ``en``.
            title: in the file's properties and at the foot of every printed page.
            note: in the file's properties; says what it was made from.
            day: what the file gives as its own day.
        """
        self.title = title
        self.buffer = io.BytesIO()
        self.book = xlsxwriter.Workbook(
            self.buffer,
            {
                "in_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self.book.formats[0].set_font_name(FONTS[language])
        self.book.formats[0].set_font_size(10)
        self.formats = {key: self.book.add_format(look) for key, look in _looks(FONTS[language]).items()}
        self.book.set_properties({"title": title, "comments": note, "created": datetime.combine(day, time())})

    def sheet(
        self, name: str, line: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]], frozen: int
    ) -> None:
        """A sheet with a title, a heading row that stays in view, and a filter over the rows.

        Args:
            name: on the tab and as the title.
            line: below the title.
            columns: as many as each row has cells; ``style`` is a key of ``_looks``, a note stands on the heading.
            rows: cells; None stays empty, a pair is (value, style).
            frozen: columns that stay in view.
        """
        sheet = self.book.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(_A3)
        sheet.fit_to_pages(_pages_across([column.width for column in columns], frozen), 0)
        if frozen:
            sheet.repeat_columns(0, frozen - 1)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.set_footer(f"&L&8 {self.title.replace('&', '&&')}&R&8 &P / &N")
        sheet.repeat_rows(_TOP)
        sheet.set_row(0, 26)
        sheet.write_string(0, 0, name, self.formats["title"])
        sheet.write_string(1, 0, line, self.formats["quiet"])
        sheet.set_row(_TOP, 6 + 14 * max(_lines(column.title, column.width) for column in columns))
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width)
            sheet.write_string(_TOP, place, column.title, self.formats[_head_of(column.style)])
            if column.note:
                size = {"x_scale": 1.8, "y_scale": max(1, _lines(column.note, 34) / 5)}
                sheet.write_comment(_TOP, place, column.note, {"author": "Yardstick", **size})
        for number, row in enumerate(rows, start=_TOP + 1):
            height = 1
            for place, (cell, column) in enumerate(zip(row, columns, strict=True)):
                value, style = cell if isinstance(cell, tuple) else (cell, column.style)
                self._write(sheet, number, place, value, self.formats[style])
                if isinstance(value, str) and style in _WRAPPED:
                    height = max(height, min(_MOST_LINES, _lines(value, column.width - 2)))
            sheet.set_row(number, 4 + 13.5 * height)
        sheet.freeze_panes(_TOP + 1, frozen)
        if rows:
            sheet.autofilter(_TOP, 0, _TOP + len(rows), len(columns) - 1)

    @staticmethod
    def _write(sheet: Any, row: int, column: int, value: Any, style: Any) -> None:
        if value is None:
            sheet.write_blank(row, column, None, style)
        elif isinstance(value, str):
            sheet.write_string(row, column, value, style)
        elif isinstance(value, date):
            sheet.write_datetime(row, column, datetime.combine(value, time()), style)
        else:
            sheet.write_number(row, column, value, style)

    def close(self) -> bytes:
        """The finished file."""
        self.book.close()
        return self.buffer.getvalue()


def _pages_across(widths: Sequence[float], frozen: int) -> int:
    """How many pages a sheet is wide when printed; the columns that stay in view are on each of them."""
    kept = sum(widths[:frozen])
    return max(1, math.ceil((sum(widths) - kept) / (_PAGE_WIDTH - kept)))


def _looks(font: str) -> dict[str, dict[str, Any]]:
    base = {"font_name": font, "font_size": 10, "font_color": _INK, "valign": "top"}
    cell = {**base, "bottom": 1, "bottom_color": _RULE}
    text = {**cell, "align": "left", "indent": 1}
    head = {**base, "bold": True, "text_wrap": True, "valign": "bottom", "bg_color": _HEAD, "bottom": 1}
    return {
        "title": {**base, "font_size": 16, "bold": True, "valign": "vcenter"},
        "quiet": {**base, "font_color": _QUIET},
        "head": {**head, "align": "left", "indent": 1},
        "head_right": {**head, "align": "right"},
        "head_centre": {**head, "align": "center"},
        "text": text,
        "code": {**text, "font_name": "Consolas"},
        "wrap": {**text, "text_wrap": True},
        "name": {**text, "text_wrap": True, "bold": True},
        "number": {**cell, "num_format": "#,##0.####", "align": "right"},
        "whole": {**cell, "num_format": "#,##0", "align": "right"},
        "tenth": {**cell, "num_format": "0.0##", "align": "right"},
        "hundredth": {**cell, "num_format": "#,##0.00", "align": "right"},
        "ratio": {**cell, "num_format": "0.0%", "align": "right"},
        "day": {**text, "num_format": "yyyy-mm-dd"},
        "centre": {**cell, "align": "center"},
        "alert": {**cell, "align": "center", "bold": True, "font_color": _RED},
    }


def _head_of(style: str) -> str:
    if style in ("number", "whole", "tenth", "hundredth", "ratio"):
        return "head_right"
    return "head_centre" if style in ("centre", "alert") else "head"


def _lines(text: str, width: float) -> int:
    """Lines that text takes in a column: a Chinese character is as wide as two of the width's."""
    return sum(
        max(1, math.ceil(1.12 * sum(2 if ord(char) > 0x2000 else 1 for char in line) / width))
        for line in text.split("\n")
    )
