"""Reading checks from the facts and writing what was found to ``ops``."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from yardstick.suitability.checks import Check, Checks
from yardstick.suitability.fits import Estimate
from yardstick.suitability.verdicts import Findings, Inspector, Judgement

Connection = psycopg.Connection[Any]
_QUERIES = Path(__file__).parent / "queries"


def _query(name: str) -> LiteralString:
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")


def last_published_day(connection: Connection) -> date | None:
    """The latest day with published figures; None when there is none."""
    found = connection.execute("select max(day) from publish.day").fetchone()
    return found[0] if found else None


def read_checks(connection: Connection, first: date, last: date) -> Checks:
    """The checks of a span of days, both ends included, summed in the database."""
    return Checks.of(
        Check(*row) for row in connection.execute(_query("checks"), {"first": first, "last": last})
    )


def write(connection: Connection, first: date, last: date, release: str, findings: Findings) -> None:
    """Put the findings of a span in the place of those of the same span."""
    for table, rows in (
        ("standard_suitability", [*map(_standard, findings.standards), *map(_standard, findings.by_grade)]),
        ("inspector_leniency", list(map(_inspector, findings.inspectors))),
    ):
        relation = sql.Identifier("ops", table)
        connection.execute(
            sql.SQL("delete from {} where first_day = %s and last_day = %s").format(relation), [first, last]
        )
        span = {"first_day": first, "last_day": last, "standards_release": release}
        for row in rows:
            whole = span | row
            connection.execute(
                sql.SQL("insert into {} ({}) values ({})").format(
                    relation,
                    sql.SQL(", ").join(map(sql.Identifier, whole)),
                    sql.SQL(", ").join(map(sql.Placeholder, whole)),
                ),
                whole,
            )


def _standard(one: Judgement) -> dict[str, Any]:
    part = one.part
    return {
        "standard_code": part.standard,
        "project_grade": part.grade,
        "verdict": one.verdict,
        "reason": one.reason,
        "adjusted_p": one.chance,
        "checks_needed": one.checks_needed,
        "projects": part.projects,
        "items_checked": round(part.rate.checked),
        "items_passed": round(part.rate.passed),
        "pass_rate": part.rate.value,
        "pass_rate_low": part.rate.low,
        "pass_rate_high": part.rate.high,
        "pass_rate_best_quarter": part.rate_best.value,
        "pass_rate_worst_quarter": part.rate_worst.value,
        "pass_rate_fair": part.rate_fair,
        **_figures("item_rest_correlation", part.agreement, "value low high"),
        **_figures("ease_log_odds", part.ease, "value error"),
        **_figures("discrimination", part.discrimination, "value error low high"),
        **_figures("drift_log_odds_per_month", part.drift, "value low high"),
        "drift_points": part.drift_points,
        "is_drifting": one.is_drifting,
    }


def _inspector(one: Inspector) -> dict[str, Any]:
    return {
        "person_id": one.person_id,
        "verdict": one.verdict,
        "adjusted_p": one.chance,
        "projects": one.projects,
        "items_checked": round(one.rate.checked),
        "items_passed": round(one.rate.passed),
        "pass_rate": one.rate.value,
        "pass_rate_expected": one.expected_rate,
        **_figures("leniency_log_odds", one.leniency, "value error"),
        **_figures("shrunken_log_odds", one.shrunken, "value low high"),
    }


def _figures(name: str, estimate: Estimate | None, which: str) -> dict[str, float | None]:
    return {
        name if part == "value" else f"{name}_{part}": getattr(estimate, part) if estimate else None
        for part in which.split()
    }
