"""The sampling plan: which standards to inspect at which project next month, for people and for an app.

The rule stands in ``marts.rpt_sampling_plan`` and its numbers in the release in force in the planned month.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from typing import Any

import psycopg

from yardstick import warehouse
from yardstick.errors import BadInputError
from yardstick.handbook.book import Book
from yardstick.reports.language import Language, visible
from yardstick.reports.sheets import Column

Connection = psycopg.Connection[Any]

_REASONS = {
    "zh-Hans": {
        "never_checked": "从未检查",
        "stale": "上次检查为{last}，最长间隔 {every} 天，应于{due}前检查",
        "risk": "已检查 {checked} 次，{failed} 次不合格，预计不合格的可能为 {chance}",
        "veto": "；一票否决项",
    },
    "en": {
        "never_checked": "Never checked",
        "stale": "Last checked on {last}, at most {every} days apart: due by {due}",
        "risk": "{failed} of {checked} checks failed, chance of failing {chance}",
        "veto": "; a veto",
    },
}
# Name in the file, heading in the workbook, its width and the look of its cells.
_COLUMNS = (
    ("month", "月份 Month", 10, "text"),
    ("project_id", "项目编号 Project", 12, "code"),
    ("project_name_zh", "项目", 20, "name"),
    ("project_name_en", "Project name", 24, "wrap"),
    ("priority", "次序 Order", 8, "whole"),
    ("standard_code", "标准编码 Standard", 13, "code"),
    ("standard_name_zh", "标准", 24, "name"),
    ("standard_name_en", "Standard name", 30, "wrap"),
    ("category_zh", "类别", 26, "wrap"),
    ("category_en", "Category", 32, "wrap"),
    ("reason", "原因代码 Reason code", 15, "code"),
    ("reason_zh", "原因", 40, "wrap"),
    ("reason_en", "Reason", 46, "wrap"),
    ("chance_of_failing", "不合格可能 Chance of failing", 12, "ratio"),
    ("last_checked_date", "上次检查 Last checked", 13, "day"),
    ("suggested_by_date", "建议完成日 Suggested by", 13, "day"),
)


@dataclass(frozen=True)
class Plan:
    """What to inspect in one month.

    Attributes:
        month: its first day.
        standards_release: the release in force in it.
        rows: chosen standards, by project and priority; keys are the columns of the file.
    """

    month: date
    standards_release: str
    rows: Sequence[Mapping[str, Any]]


def next_month(connection: Connection) -> date:
    """The first day of the month after the last published day.

    Raises:
        BadInputError: when nothing is published yet.
    """
    found = connection.execute("select max(day) from publish.day").fetchone()
    last: date | None = found[0] if found else None
    if last is None:
        raise BadInputError("no day is published yet; say for which month (--month 2026-04)")
    return (last.replace(day=1) + timedelta(days=32)).replace(day=1)


def plan(connection: Connection, month: date, project: str | None = None) -> Plan:
    """What to inspect in a month, by what was known when it began.

    Args:
        connection: to the warehouse, outside a transaction of its own or in one; nothing is written.
        month: any day of it.
        project: only this project; None for all.

    Raises:
        BadInputError: when the release in force does not say how inspections are chosen, when nothing was
            built yet, or when no standard applies to the project.
    """
    month = month.replace(day=1)
    query = resources.files(__package__).joinpath("plan.sql").read_text(encoding="utf-8")
    with connection.transaction():
        name, sampling = _in_force(connection, month)
        if not sampling:
            raise BadInputError(
                f"standards release {name}, in force in {month:%Y-%m}, does not say how inspections are chosen; "
                "add a block `sampling` to its release.yml"
            )
        if not warehouse.exists(connection, "marts.rpt_sampling_plan"):
            raise BadInputError("nothing is built yet; run the DAG build (./scripts/demo) first")
        connection.execute("select set_config('yardstick.plan_month', %s, true)", [month.isoformat()])
        rows = [
            _row(found)
            for found in warehouse.rows(connection, query)
            if project is None or found["project_id"] == project
        ]
    if not rows:
        raise BadInputError(
            f"nothing to inspect in {month:%Y-%m}: no active project"
            f"{f' {project}' if project else ''} has a standard of {name} that applies to it"
        )
    return Plan(month, name, rows)


def _in_force(connection: Connection, month: date) -> tuple[str, Mapping[str, Any]]:
    found = connection.execute(
        "select standards_release, sampling from ops.standards_release where effective_from <= %s "
        "order by effective_from desc limit 1",
        [month],
    ).fetchone()
    if found is None:
        raise BadInputError(f"no standards release is in force in {month:%Y-%m}; is one loaded?")
    return found[0], found[1]


def _row(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "month": f"{found['month_start']:%Y-%m}",
        **{name: found[name] for name in ("project_id", "project_name_zh", "project_name_en")},
        "priority": found["priority_rank"],
        **{name: found[name] for name in ("standard_code", "standard_name_zh", "standard_name_en")},
        "category_zh": " / ".join(found["categories_zh"] or []),
        "category_en": " / ".join(found["categories_en"] or []),
        "reason": found["reason"],
        "reason_zh": _reason(found, "zh-Hans"),
        "reason_en": _reason(found, "en"),
        "chance_of_failing": round(found["chance_of_failing"], 4),
        "last_checked_date": found["last_checked_date"],
        "suggested_by_date": found["suggested_by_date"],
    }


def _reason(found: Mapping[str, Any], code: str) -> str:
    language, words = Language(code), _REASONS[code]
    last, due = found["last_checked_date"], found["due_date"]
    said = words[found["reason"]].format(
        last=language.day(last) if last else "",
        due=language.day(due) if due else "",
        every=found["check_every_days"],
        checked=found["times_checked"],
        failed=found["times_failed"],
        chance=f"{100 * found['chance_of_failing']:.0f}%",
    )
    return said + words["veto"] if found["is_veto"] else said


def to_csv(plan: Plan) -> str:
    """The plan as CSV with a heading; dates as ``2026-04-30``, chances as fractions."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [name for name, *_ in _COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(plan.rows)
    return text.getvalue()


def to_workbook(plan: Plan) -> bytes:
    """The plan as an xlsx file with one sheet; headings in Chinese and English."""
    month = f"{plan.month:%Y-%m}"
    book = Book(
        "zh-Hans", title=f"检查计划 Sampling plan {month}", note=plan.standards_release, day=plan.month
    )
    columns = [Column(heading, width, style) for _, heading, width, style in _COLUMNS]
    rows = [[_cell(row[name]) for name, *_ in _COLUMNS] for row in plan.rows]
    line = f"{month} · {plan.standards_release} · {len(rows)}"
    book.sheet("检查计划 Sampling plan", line, columns, rows, frozen=2)
    return book.close()


def _cell(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value
