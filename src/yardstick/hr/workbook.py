"""A month of every person as a workbook, made to be worked with: filters, and a note on every heading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from yardstick import warehouse
from yardstick.handbook.book import Book
from yardstick.hr.words import Words
from yardstick.reports.language import Language, visible
from yardstick.reports.sheets import Column

Row = dict[str, Any]

_APPRAISAL = ("status", "score", "grade", "coefficient", "veto")
_ADJUSTMENTS = ("score_adjustment", "coefficient_adjustment", "adjustment_reason")
_ATTENDANCE = (
    "days_due", "days_present", "days_on_leave", "days_absent", "late_shifts", "late_minutes", "early_shifts",
    "early_minutes", "absent_shifts", "unclear_shifts", "planned_hours", "worked_hours", "overtime_hours",
    "overtime_workday_hours", "overtime_rest_day_hours", "overtime_public_holiday_hours", "leave_hours",
    "leave_annual_hours", "leave_sick_hours", "leave_personal_hours", "leave_compensatory_hours",
    "leave_other_hours", "trainings_planned", "trainings_done", "trainings_passed", "training_hours",
    "certificates_held", "certificates_expiring", "certificates_expired",
)  # fmt: skip
_RELEASE = ("release_id", "version")
_PERSONS = (
    *("person_id", "person", "project", "projects", "post_id", "function", "job_grade", "department"),
    *_APPRAISAL,
    *("indicators_measured", "indicators_below_target"),
    *_ADJUSTMENTS,
    "service_days",
    *_ATTENDANCE,
    *_RELEASE,
)
_PARTS = (
    *(
        "person_id",
        "person",
        "project_id",
        "project",
        "days",
        "service_days",
        "month_share",
        "post_id",
        "function",
    ),
    *_APPRAISAL,
    *_ADJUSTMENTS,
    *_ATTENDANCE[: _ATTENDANCE.index("certificates_held")],
    *_RELEASE,
)
_INDICATORS = (
    *("person_id", "person", "project_id", "project", "indicator_id", "indicator", "value", "target"),
    *("points", "weight", "release_id"),
)
# Widths in characters and styles; what is not named is a count.
_LOOKS: dict[str, tuple[float, str]] = {
    "person_id": (13, "code"),
    "person": (14, "name"),
    "project_id": (14, "code"),
    "project": (24, "name"),
    "post_id": (16, "code"),
    "function": (13, "text"),
    "job_grade": (9, "centre"),
    "department": (20, "wrap"),
    "status": (15, "text"),
    "score": (9, "hundredth"),
    "grade": (11, "centre"),
    "coefficient": (10, "hundredth"),
    "veto": (8, "alert"),
    "score_adjustment": (11, "hundredth"),
    "coefficient_adjustment": (11, "hundredth"),
    "adjustment_reason": (30, "wrap"),
    "days": (10, "number"),
    "month_share": (10, "ratio"),
    "release_id": (13, "code"),
    "version": (8, "centre"),
    "indicator_id": (26, "code"),
    "indicator": (30, "name"),
    "value": (11, "number"),
    "target": (11, "number"),
    "points": (9, "hundredth"),
    "weight": (9, "hundredth"),
}
_COUNT = (10, "whole")
_HOURS = (10, "hundredth")
_RATIOS = ("ratio", "share", "fraction")


@dataclass(frozen=True)
class Month:
    """A released month of every person.

    Attributes:
        release: its header.
        persons: rows of ``hr.person_month``.
        parts: rows of ``hr.person_month_part``.
    """

    release: Row
    persons: Sequence[Row]
    parts: Sequence[Row]


@cache
def query(name: str) -> LiteralString:
    """The text of a file of SQL in this folder."""
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")


def read(connection: psycopg.Connection[Any], release: Row) -> Month:
    """What the views of HR say of a release."""
    which = {"release_id": release["release_id"]}
    return Month(
        release,
        warehouse.rows(connection, query("persons"), which),
        warehouse.rows(connection, query("parts"), which),
    )


def write(month: Month, code: str) -> bytes:
    """The workbook in one language: persons, their months by project, their indicators, how to read.

    Args:
        month: what is told.
        code: the language.
    """
    words, language, release = Words(code), Language(code), month.release
    title = words.text("title", period=release["period"])
    book = Book(
        code, title=title, note=f"{release['release_id']} sha256 {release['content_sha256']}",
        day=release["signed_at"].date(),
    )  # fmt: skip
    signed = "signed_auto" if release["signed_how"] == "auto-sign" else "signed_person"
    line = " · ".join(
        [
            title,
            language.text("version", n=release["version"]),
            language.text(signed, who=visible(release["signed_by"])),
            words.text("confidential"),
        ]
    )
    if month.parts and not any(part["is_frozen"] for part in month.parts):
        line += " · " + words.text("facts_of_now")
    for key, names, rows, frozen in (
        ("persons", _PERSONS, month.persons, 2),
        ("parts", _PARTS, month.parts, 4),
        ("indicators", _INDICATORS, [*_indicators(month.parts, words)], 4),
    ):
        columns = [_column(name, words) for name in names]
        cells = [[_cell(name, row, words) for name in names] for row in rows]
        book.sheet(words.text(f"sheets.{key}"), line, columns, cells, frozen)
    how = [Column(words.text("sheets.how"), 24, "name"), Column(words.text("meaning"), 110, "wrap")]
    book.sheet(words.text("sheets.how"), line, how, words.pairs("how"), 0)
    return book.close()


def _column(name: str, words: Words) -> Column:
    width, style = _LOOKS.get(name, _HOURS if name.endswith("_hours") else _COUNT)
    heading, note = words.column(name)
    return Column(heading, width, style, note)


def _cell(name: str, row: Row, words: Words) -> Any:
    """What stands in a column: most are the view's own, names and codes are put into words."""
    match name:
        case "person":
            return _text(row["person_name"])
        case "project" | "department":
            return _text(words.name(row, name))
        case "function":
            return words.label("functions", row["post_function"]) if row["post_function"] else None
        case "status":
            return words.label("statuses", row["appraisal_status"])
        case "grade":
            grades = (row["grade"] or "").split(", ")
            labels = [Language(words.code).label("grades", grade) for grade in grades if grade]
            return words.text("comma").join(labels) or None
        case "veto":
            return words.text("vetoed") if row["is_vetoed"] else None
        case "value" | "target" if row["unit"] in _RATIOS:
            return row[name], "ratio"
        case "training_hours":
            return row[name]
        case _ if name.endswith("_hours"):
            minutes = row[name.removesuffix("hours") + "minutes"]
            return None if minutes is None else minutes / 60
    value = row[name]
    return _text(value) if isinstance(value, str) else value


def _text(value: str | None) -> str | None:
    return visible(value) if value else None


def _indicators(parts: Iterable[Row], words: Words) -> Iterable[Row]:
    """One row an indicator of everybody who answers for a project."""
    for part in parts:
        for one in part["indicators"] or ():
            yield {
                **part,
                "indicator_id": one["indicator"],
                "indicator": Language(words.code).name(one["names"], one["indicator"]),
                **{name: one[name] for name in ("unit", "value", "target", "points", "weight")},
            }
