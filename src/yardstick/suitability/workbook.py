"""The suitability of standards as a workbook, to be filtered and worked with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yardstick.handbook.book import Book
from yardstick.reports.sheets import Column
from yardstick.suitability.fits import Estimate
from yardstick.suitability.verdicts import Judgement
from yardstick.suitability.words import Review, Words

_P = "p"


def write(review: Review, code: str) -> bytes:
    """The workbook in one language: standards, standards by grade, inspectors, how to read.

    Args:
        review: what was found.
        code: the language.
    """
    words = Words(code)
    text = words.text
    book = Book(
        code,
        title=text("title"),
        note=f"sha256 {review.release.content_sha256}",
        day=review.last,
    )
    book.formats[_P] = book.book.add_format({**_cell(book), "num_format": "0.0000", "align": "right"})
    line = text(
        "over",
        first=words.day(review.first),
        last=words.day(review.last),
        release=review.release.standards_release,
    )
    findings = review.findings
    everything = [_standard(one, review, words) for one in findings.standards]
    _sheet(book, words, "standards", line, _columns(words, with_grade=False), everything, frozen=2)
    graded = [_standard(one, review, words) for one in findings.by_grade]
    _sheet(book, words, "grades", line, _columns(words, with_grade=True), graded, frozen=3)
    _inspectors(book, review, words, line)
    terms = [list(pair) for pair in words.how(review.thresholds)]
    columns = [Column(text("sheets.how"), 26, "name"), Column(text("columns.what"), 110, "wrap")]
    _sheet(book, words, "how", line, columns, terms, frozen=0)
    return book.close()


def _cell(book: Book) -> dict[str, Any]:
    """The looks that every cell has, as the book's own formats have them."""
    shown = book.formats["ratio"]
    return {
        "font_name": shown.font_name,
        "font_size": shown.font_size,
        "font_color": "#1D2227",
        "valign": "top",
        "bottom": 1,
        "bottom_color": "#D9D4C8",
    }


def _sheet(
    book: Book,
    words: Words,
    key: str,
    line: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Any]],
    *,
    frozen: int,
) -> None:
    book.sheet(words.text(f"sheets.{key}"), line, columns, rows, frozen)


def _columns(words: Words, *, with_grade: bool) -> list[Column]:
    def column(key: str, width: float, style: str = "tenth", note: str | None = None) -> Column:
        return Column(
            words.text(f"columns.{key}"), width, style, words.text(f"notes.{note}") if note else None
        )

    def bounds(width: float, style: str, note: str) -> list[Column]:
        return [column("low", width, style, note), column("high", width, style, note)]

    return [
        column("standard", 13, "code"),
        Column(words.text("columns.standard"), 34, "name"),
        *([column("grade", 9, "centre")] if with_grade else []),
        column("category", 34, "wrap"),
        column("veto", 9, "alert"),
        column("verdict", 20, "name"),
        column("chance", 11, _P, "chance"),
        column("needed", 12, "whole", "needed"),
        column("projects", 9, "whole"),
        column("checks", 10, "whole"),
        column("passed", 10, "ratio", "passed"),
        *bounds(9, "ratio", "passed"),
        column("fair", 12, "ratio", "fair"),
        column("best", 11, "ratio", "best"),
        column("worst", 11, "ratio", "worst"),
        column("discrimination", 14, "tenth", "discrimination"),
        column("error", 10, "tenth", "discrimination"),
        *bounds(9, "tenth", "discrimination"),
        column("correlation", 12, "tenth", "correlation"),
        *bounds(9, "tenth", "correlation"),
        column("ease", 11, "tenth", "ease"),
        column("error", 10, "tenth", "ease"),
        column("drift", 11, "tenth", "drift"),
        column("per_month", 11, "tenth", "drift"),
        *bounds(9, "tenth", "drift"),
        column("what", 60, "wrap"),
        column("todo", 44, "wrap"),
    ]


def _values(one: Estimate | None, parts: str) -> list[float | None]:
    return [getattr(one, part) if one else None for part in parts.split()]


def _standard(one: Judgement, review: Review, words: Words) -> list[Any]:
    part = one.part
    return [
        part.standard,
        words.name(review, part.standard),
        *([part.grade] if part.grade is not None else []),
        words.category(review, part.standard),
        words.text("affirmed") if one.is_veto else None,
        words.text(f"verdicts.{one.verdict}"),
        one.chance,
        one.checks_needed,
        part.projects,
        part.rate.checked,
        part.rate.value,
        part.rate.low,
        part.rate.high,
        part.rate_fair,
        part.rate_best.value,
        part.rate_worst.value,
        *_values(part.discrimination, "value error low high"),
        *_values(part.agreement, "value low high"),
        *_values(part.ease, "value error"),
        part.drift_points,
        *_values(part.drift, "value low high"),
        words.said(one, review.thresholds),
        words.todo(one) or None,
    ]


def _inspectors(book: Book, review: Review, words: Words, line: str) -> None:
    text = words.text
    shrunken = text("notes.shrunken")
    columns = [
        Column(text("columns.inspector"), 14, "code"),
        Column(text("columns.verdict"), 14, "name"),
        Column(text("columns.chance"), 12, _P, text("notes.chance")),
        Column(text("columns.projects"), 10, "whole"),
        Column(text("columns.checks"), 11, "whole"),
        Column(text("columns.passed"), 11, "ratio"),
        Column(text("columns.expected"), 12, "ratio", text("notes.expected")),
        Column(text("columns.log_odds"), 12, "tenth"),
        Column(text("columns.error"), 11, "tenth"),
        Column(text("columns.shrunken"), 12, "tenth", shrunken),
        Column(text("columns.low"), 10, "tenth", shrunken),
        Column(text("columns.high"), 10, "tenth", shrunken),
    ]
    rows = [
        [
            one.person_id,
            text(f"people.{one.verdict}"),
            one.chance,
            one.projects,
            one.rate.checked,
            one.rate.value,
            one.expected_rate,
            one.leniency.value,
            one.leniency.error,
            one.shrunken.value,
            one.shrunken.low,
            one.shrunken.high,
        ]
        for one in review.findings.inspectors
    ]
    _sheet(book, words, "inspectors", line, columns, rows, frozen=1)
