"""An open workbook of a release: its cell formats, and sheets of one shape."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import xlsxwriter

from yardstick.reports.content import Content
from yardstick.reports.language import Language, visible

FONTS = {"zh-Hans": "Microsoft YaHei", "zh-Hant": "Microsoft JhengHei", "en": "Calibri"}
_INK = "#1D2227"
_RULE = "#D9D4C8"
_HEAD = "#F1EDE3"
_HEADS = {"text": "head", "wrap": "head", "name": "head", "centre": "head_centre"}
_WRAPPED = ("name", "wrap", "unmeasured")
_CELL_LIMIT = 32_000


@dataclass(frozen=True)
class Column:
    """One column of a sheet.

    Attributes:
        title: heading, already in the sheet's language.
        width: in characters.
        style: key of a cell format, see ``Book``.
        note: shown when one points at the heading.
    """

    title: str
    width: float
    style: str = "text"
    note: str | None = None


class Book:
    """An open workbook with its cell formats.

    Attributes:
        book: the workbook of xlsxwriter.
        lang: its language.
        content: the release.
        formats: cell formats by name.
    """

    def __init__(self, content: Content, code: str) -> None:
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
        self.lang = Language(code)
        self.content = content
        base = {"font_name": FONTS[code], "font_size": 10, "font_color": _INK, "valign": "vcenter"}
        self.book.formats[0].set_font_name(FONTS[code])
        self.book.formats[0].set_font_size(10)
        cell = {**base, "bottom": 1, "bottom_color": _RULE}
        head = {**base, "bold": True, "text_wrap": True, "valign": "bottom", "bg_color": _HEAD, "bottom": 1}
        looks: dict[str, dict[str, Any]] = {
            "title": {**base, "font_size": 16, "bold": True},
            "quiet": {**base, "font_color": "#55585A"},
            "head": {**head, "indent": 1},
            "head_number": {**head, "align": "right"},
            "head_centre": {**head, "align": "center"},
            "text": {**cell, "indent": 1},
            "wrap": {**cell, "indent": 1, "text_wrap": True},
            "unmeasured": {
                **cell,
                "font_size": 8,
                "font_color": "#55585A",
                "text_wrap": True,
                "align": "right",
            },
            "name": {**cell, "bold": True, "indent": 1, "text_wrap": True},
            "whole": {**cell, "num_format": "#,##0"},
            "score": {**cell, "num_format": "0.0", "bold": True},
            "tenth": {**cell, "num_format": "0.0"},
            "signed": {**cell, "num_format": '+0.0;"−"0.0;0.0'},
            "ratio": {**cell, "num_format": "0.0%"},
            "plain": {**cell, "num_format": "#,##0.0##"},
            "centre": {**cell, "align": "center"},
            "day": {**cell, "num_format": "yyyy-mm-dd", "align": "left"},
        }
        self.formats = {key: self.book.add_format(look) for key, look in looks.items()}
        release = content.release
        self.book.set_properties(
            {
                "title": f"{self.lang.text('title')} {self.lang.period(release)}",
                "subject": release.release_id,
                "comments": f"sha256 {release.content_sha256}",
                "created": release.signed_at.astimezone(UTC).replace(tzinfo=None, microsecond=0),
            }
        )

    def sheet(
        self, key: str, title: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]], *, frozen: int
    ) -> Any:
        """A sheet with a title line, a heading row that stays in view, and a filter over the rows.

        Args:
            key: which of the sheets, for its name on the tab.
            title: first line.
            columns: as many as each row has cells.
            rows: cells; None stays empty, a pair is (value, style).
            frozen: columns that stay in view.
        """
        sheet = self.book.add_worksheet(self.lang.text(f"sheets.{key}"))
        release = self.content.release
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.set_footer(
            f"&L&8 {_header_safe(release.release_id)}  {release.content_sha256[:12]}&R&8 &P / &N"
        )
        sheet.repeat_rows(3)
        sheet.set_row(0, 26)
        sheet.write_string(0, 0, title, self.formats["title"])
        signed = "signed_auto" if release.is_auto_signed else "signed_person"
        line = [
            self.lang.text("version", n=release.version),
            self.lang.text(signed, who=visible(release.signed_by)),
            self.lang.moment(release.signed_at),
            f"{self.lang.text('standards')} {release.standards_release}",
        ]
        sheet.write_string(1, 0, cut(" · ".join(line)), self.formats["quiet"])
        sheet.set_row(3, 6 + 14 * max(lines_of(column.title, column.width) for column in columns))
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width)
            sheet.write_string(
                3, place, cut(column.title), self.formats[_HEADS.get(column.style, "head_number")]
            )
            if column.note:
                sheet.write_comment(3, place, column.note, {"author": "Yardstick", "x_scale": 1.6})
        for line_number, row in enumerate(rows, start=4):
            for place, (cell, column) in enumerate(zip(row, columns, strict=True)):
                value, style = cell if isinstance(cell, tuple) else (cell, column.style)
                self._write(sheet, line_number, place, value, self.formats[style])
            sheet.set_row(line_number, 4 + 13 * self._height(row, columns))
        sheet.freeze_panes(4, frozen)
        sheet.autofilter(3, 0, max(4, 3 + len(rows)), len(columns) - 1)
        return sheet

    @staticmethod
    def _height(row: Sequence[Any], columns: Sequence[Column]) -> int:
        """Lines that the row's wrapped cells need."""
        lines = [1]
        for cell, column in zip(row, columns, strict=True):
            value, style = cell if isinstance(cell, tuple) else (cell, column.style)
            if isinstance(value, str) and style in _WRAPPED:
                lines.append(min(6, lines_of(value, column.width - 1)))
        return max(lines)

    @staticmethod
    def _write(sheet: Any, row: int, column: int, value: Any, style: Any) -> None:
        if value is None:
            sheet.write_blank(row, column, None, style)
        elif isinstance(value, str):
            sheet.write_string(row, column, cut(value), style)
        elif isinstance(value, bool):
            sheet.write_boolean(row, column, value, style)
        else:
            sheet.write_number(row, column, value, style)

    def close(self) -> bytes:
        """The finished file."""
        self.book.close()
        return self.buffer.getvalue()


def cut(text: str) -> str:
    """Text that a cell can hold."""
    return text if len(text) <= _CELL_LIMIT else text[:_CELL_LIMIT] + "…"


def lines_of(text: str, width: float) -> int:
    """Lines that text takes in a column: a Chinese character is as wide as two of the width's."""
    return sum(
        max(1, math.ceil(1.15 * sum(2 if ord(char) > 0x2000 else 1 for char in line) / width))
        for line in text.split("\n")
    )


def _header_safe(text: str) -> str:
    return text.replace("&", "&&")[:80]
