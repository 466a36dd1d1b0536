"""The handbook as a workbook, to be filtered and worked with. Text is written as text whatever it looks like."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

import xlsxwriter

from yardstick.handbook import content
from yardstick.handbook.words import Words, plain
from yardstick.reports.workbook import FONTS, Column
from yardstick.standards import Release

_INK, _RULE, _HEAD = "#1D2227", "#D9D4C8", "#F1EDE3"
_TOP = 3
_A3 = 8
_WRAPPED = ("wrap", "name")
_MOST_LINES = 14
_TYPES = ("daily", "weekly", "monthly", "quarterly", "yearly", "special")


class _Book:
    """An open workbook with its cell formats."""

    def __init__(self, words: Words) -> None:
        self.words = words
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
        font = FONTS[words.code]
        self.book.formats[0].set_font_name(font)
        self.book.formats[0].set_font_size(10)
        base = {"font_name": font, "font_size": 10, "font_color": _INK, "valign": "top"}
        cell = {**base, "bottom": 1, "bottom_color": _RULE}
        head = {**base, "bold": True, "text_wrap": True, "valign": "bottom", "bg_color": _HEAD, "bottom": 1}
        looks: dict[str, dict[str, Any]] = {
            "title": {**base, "font_size": 16, "bold": True, "valign": "vcenter"},
            "quiet": {**base, "font_color": "#55585A"},
            "head": {**head, "align": "left", "indent": 1},
            "head_number": {**head, "align": "right"},
            "head_centre": {**head, "align": "center"},
            "text": {**cell, "align": "left", "indent": 1},
            "code": {**cell, "font_name": "Consolas", "align": "left", "indent": 1},
            "wrap": {**cell, "text_wrap": True, "align": "left", "indent": 1},
            "name": {**cell, "text_wrap": True, "bold": True, "align": "left", "indent": 1},
            "number": {**cell, "num_format": "#,##0.####", "align": "right"},
            "whole": {**cell, "num_format": "#,##0", "align": "right"},
            "tenth": {**cell, "num_format": "0.0##", "align": "right"},
            "ratio": {**cell, "num_format": "0.0%", "align": "right"},
            "centre": {**cell, "align": "center"},
            "day": {**cell, "num_format": "yyyy-mm-dd", "align": "left"},
            "veto": {**cell, "align": "center", "bold": True, "font_color": "#A33A24"},
        }
        self.formats = {key: self.book.add_format(look) for key, look in looks.items()}
        release = words.release
        self.book.set_properties(
            {
                "title": f"{words.text('title')} {release.standards_release}",
                "comments": f"sha256 {release.content_sha256}",
                "created": datetime.combine(release.effective_from, time()),
            }
        )

    def sheet(self, key: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]], frozen: int) -> None:
        """A sheet with a title, a heading row that stays in view, and a filter over the rows.

        Args:
            key: which of the sheets.
            columns: as many as each row has cells.
            rows: cells; None stays empty, a pair is (value, style).
            frozen: columns that stay in view.
        """
        words, release = self.words, self.words.release
        sheet = self.book.add_worksheet(words.text(f"sheets.{key}"))
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(_A3)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        footer = f"{words.text('title')} {release.standards_release}".replace("&", "&&")
        sheet.set_footer(f"&L&8 {footer}  {release.content_sha256[:12]}&R&8 &P / &N")
        sheet.repeat_rows(_TOP)
        sheet.set_row(0, 26)
        sheet.write_string(0, 0, words.text(f"sheets.{key}"), self.formats["title"])
        line = [
            words.say(release.names, release.standards_release),
            release.standards_release,
            f"{words.text('effective_from')} {release.effective_from}",
        ]
        sheet.write_string(1, 0, " · ".join(line), self.formats["quiet"])
        heads = {
            "number": "head_number",
            "whole": "head_number",
            "tenth": "head_number",
            "ratio": "head_number",
            "centre": "head_centre",
            "veto": "head_centre",
        }
        sheet.set_row(_TOP, 6 + 14 * max(_lines(column.title, column.width) for column in columns))
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width)
            sheet.write_string(_TOP, place, column.title, self.formats[heads.get(column.style, "head")])
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
        else:
            sheet.write_number(row, column, value, style)

    def close(self) -> bytes:
        """The finished file."""
        self.book.close()
        return self.buffer.getvalue()


def _lines(text: str, width: float) -> int:
    """Lines that text takes in a column: a Chinese character is as wide as two of the width's."""
    return sum(
        max(1, math.ceil(1.12 * sum(2 if ord(char) > 0x2000 else 1 for char in line) / width))
        for line in text.split("\n")
    )


def write(words: Words, before: Release | None, changes: Sequence[str]) -> bytes:
    """The workbook of one release in one language.

    Args:
        words: release and language.
        before: the release that was in force before it; None for the first.
        changes: what changed since then, in the workbook's language.

    Returns:
        The bytes of an xlsx file: inspection standards, indicators, grades, data standards, service
        standards, and a sheet about the release.
    """
    book = _Book(words)
    _inspection(book)
    _indicators(book)
    _grades(book)
    _data(book)
    _service(book)
    _about(book, before, changes)
    return book.close()


def _inspection(book: _Book) -> None:
    words, t = book.words, book.words.text
    columns = [
        Column(t("code"), 13, "code"),
        Column(t("standard"), 24, "name"),
        Column(t("chapter"), 12, "wrap"),
        Column(t("section"), 14, "wrap"),
        Column(t("place"), 14, "wrap"),
        Column(t("requirement"), 44, "wrap"),
        Column(t("check"), 44, "wrap"),
        Column(t("scoring"), 24, "wrap"),
        Column(t("full_score"), 7, "number"),
        Column(t("weight"), 7, "number"),
        Column(t("veto"), 9, "veto"),
        Column(t("severity"), 10, "centre"),
        Column(t("rectify_days"), 9, "whole"),
        *(Column(words.label("inspection_types", type_), 9, "centre") for type_ in _TYPES),
        Column(t("check_every_days"), 11, "whole"),
        Column(t("evidence"), 14, "wrap"),
        Column(t("applies_grades"), 14, "wrap"),
        Column(t("applies_types"), 14, "wrap"),
        Column(t("applies_facilities"), 14, "wrap"),
        Column(t("held_to"), 13, "wrap"),
    ]
    rows = []
    for chapter in content.chapters(words.release):
        for code, one in chapter.all.items():
            path = [words.category(category) for category in words.release.category_path(one.category)]
            limits = one.applies_to
            rows.append(
                [
                    code,
                    words.say(one.names, code),
                    *[path[depth] if depth < len(path) else None for depth in range(3)],
                    words.say(one.requirement),
                    words.say(one.check),
                    words.scoring(one),
                    one.scoring["full_score"],
                    one.weight,
                    t("veto") if one.veto else None,
                    words.label("severities", one.severity),
                    one.rectify_within_days,
                    *("●" if type_ in one.inspected else None for type_ in _TYPES),
                    one.check_every_days,
                    words.labels("evidence_kinds", one.evidence),
                    words.listed([words.grade(grade) for grade in limits.get("project_grades", ())])
                    or t("all"),
                    words.labels("project_types", limits.get("project_types", ())) or t("all"),
                    words.labels("facilities", limits.get("facilities", ())) or None,
                    words.label("functions", words.release.categories[one.category].function),
                ]
            )
    book.sheet("inspection", columns, rows, frozen=2)


def _indicators(book: _Book) -> None:
    words, t = book.words, book.words.text
    columns = [
        Column(t("indicator_code"), 28, "code"),
        Column(t("indicator"), 30, "name"),
        Column(t("reform_part"), 16, "wrap"),
        Column(t("project_grade"), 16, "wrap"),
        Column(t("weight"), 8, "number"),
        Column(t("zero"), 10, "number"),
        Column(t("floor"), 10, "number"),
        Column(t("target"), 10, "number"),
        Column(t("unit"), 12, "text"),
        Column(t("direction"), 11, "text"),
        Column(t("minimum_sample"), 10, "whole"),
        Column(t("counted"), 42, "wrap"),
        Column(t("points_rule"), 60, "wrap"),
        Column(t("finding"), 44, "wrap"),
    ]
    rows = []
    for code, one in words.release.indicators.items():
        style = "ratio" if one["unit"] == "ratio" else "number"
        for grade, target in one["project_grades"].items():
            rows.append(
                [
                    code,
                    words.say(one["names"], code),
                    words.label("reform_parts", one["reform_part"]),
                    words.grade(grade),
                    target["weight"],
                    *((target.get(name), style) for name in ("zero", "floor", "target")),
                    "%" if one["unit"] == "ratio" else words.label("units", one["unit"]),
                    t(one["direction"]),
                    one["minimum_sample"],
                    words.counted(one),
                    words.points(one, target),
                    words.nonconformity(code, one),
                ]
            )
    book.sheet("indicators", columns, rows, frozen=2)


def _grades(book: _Book) -> None:
    words, t = book.words, book.words.text
    columns = [
        Column(t("grade"), 20, "name"),
        Column(t("score_from"), 14, "number"),
        Column(t("score_below"), 14, "number"),
        Column(t("coefficient"), 14, "tenth"),
    ]
    rows = [
        [words.say(grade["names"], code), grade["minimum_score"], above, grade["coefficient"]]
        for code, grade, above in content.grade_ranges(words.release)
    ]
    book.sheet("grades", columns, rows, frozen=1)


def _data(book: _Book) -> None:
    words, t = book.words, book.words.text
    columns = [
        Column(t("code"), 12, "code"),
        Column(t("what"), 46, "name"),
        Column(t("dimension"), 15, "text"),
        Column(t("blocks"), 12, "centre"),
        Column(t("consequence"), 46, "wrap"),
        Column(t("fixer"), 46, "wrap"),
        Column(t("suite"), 24, "code"),
    ]
    rows = [
        [
            code,
            words.say(one.names, code),
            words.label("dimensions", one.dimension),
            t(one.severity),
            words.say(one.consequence),
            words.say(one.fixer),
            one.suite,
        ]
        for _, group in content.data_groups(words.release)
        for code, one in group.items()
    ]
    book.sheet("data", columns, rows, frozen=2)


def _service(book: _Book) -> None:
    words, t = book.words, book.words.text
    columns = [
        Column(t("code"), 28, "code"),
        Column(t("standard"), 34, "name"),
        Column(t("requirement"), 52, "wrap"),
        Column(t("limit"), 26, "wrap"),
        Column(t("severity"), 10, "centre"),
        Column(t("accountable"), 18, "wrap"),
        Column(t("rectify_days"), 10, "whole"),
        Column(t("consequence"), 40, "wrap"),
        Column(t("fixer"), 40, "wrap"),
    ]
    rows = [
        [
            one.code,
            one.name,
            one.requirement,
            one.limit,
            words.label("severities", one.severity),
            words.label("functions", one.accountable),
            one.rectify_within_days,
            one.consequence,
            one.fixer,
        ]
        for one in content.service_rules(words)
    ]
    book.sheet("service", columns, rows, frozen=2)


def _about(book: _Book, before: Release | None, changes: Sequence[str]) -> None:
    words, t = book.words, book.words.text
    release = words.release
    rows: list[list[Any]] = [
        [t("release"), release.standards_release],
        [t("effective_from"), words.day(release.effective_from)],
        [t("about.hash"), release.content_sha256],
        [
            t("total"),
            t("semicolon").join(f"{words.grade(g)} {plain(n)}" for g, n in content.weights(release).items()),
        ],
    ]
    if before is None:
        rows.append([t("changes"), t("changes_first")])
    else:
        since = t("changes_since", release=before.standards_release, day=words.day(before.effective_from))
        rows.append([t("changes"), since])
        rows += [[None, change] for change in changes or [t("changes_none")]]
    columns = [Column(t("sheets.about"), 22, "name"), Column(t("about.title"), 110, "wrap")]
    book.sheet("about", columns, rows, frozen=0)
