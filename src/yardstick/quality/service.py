"""Service standards: who fell short at the facts gate, and the findings that are opened and settled by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from yardstick import warehouse
from yardstick.quality.compile import INDICATORS, Compiled
from yardstick.quality.model import EXAMPLES, Gate, Rule, Suite
from yardstick.quality.validator import Checked, Outcome
from yardstick.standards import Release, indicator_code

_SHOWN = 200
_POSTS = ("posts", "projects", "assignments")


@dataclass(frozen=True)
class Judged:
    """One service suite under one release.

    Attributes:
        suite: what was judged.
        failing: its rows that fall short, as ``ops.service_finding`` wants them.
    """

    suite: Suite
    failing: list[dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """A finding that a build opened or settled, for people.

    Attributes:
        standard_code: the service standard.
        names: its name by language; empty when its release is not loaded.
        project_id: the project.
        subject: what fell short.
        found_date: the judged day.
        due_date: when it has to be rectified.
        severity: minor, ordinary, serious or major.
        accountable_post_id: who owns it, if there is such a post.
        settled_date: when it no longer fell short; None while open.
        times_opened: how often it has been opened.
        observed: what was seen.
    """

    standard_code: str
    names: dict[str, str]
    project_id: str
    subject: str
    found_date: Any
    due_date: Any
    severity: str
    accountable_post_id: str | None
    settled_date: Any
    times_opened: int
    observed: dict[str, Any]


@dataclass(frozen=True)
class Changes:
    """What a build did to the findings, and how many are open after it.

    Attributes:
        opened: the first of them, by standard and project.
        settled: the first of them, by standard and project.
        counts: how many were opened and settled, and are open now.
    """

    opened: list[Change]
    settled: list[Change]
    counts: dict[str, int]


def judge(
    connection: psycopg.Connection[Any], batch: str, compiled: Compiled, checked: Checked
) -> tuple[Checked, list[Judged]]:
    """Read the rows that fall short, by the same condition that Great Expectations was given.

    Its own lists of rows are capped; its count has to be ours, or the standard counts as not evaluated.

    Args:
        connection: the session in which the batch was laid out.
        batch: its name.
        compiled: the suite and the release.
        checked: what Great Expectations said of it.

    Returns:
        The outcomes with counts and examples of our own reading, and what to open findings for.
    """
    outcomes: list[Outcome] = []
    failing: list[dict[str, Any]] = []
    day = compiled.suite.day or "day"
    for outcome in checked.outcomes:
        if outcome.exception or outcome.rule.judgement is None:
            outcomes.append(outcome)
            continue
        judged, rows = _read(connection, batch, outcome.rule, day)
        counted = int(outcome.observed.get("unexpected_count") or 0)
        if counted != len(rows):
            message = f"{counted} rows fail by Great Expectations' count, {len(rows)} by our reading"
            observed = {**outcome.observed, "exception": message}
            outcomes.append(replace(outcome, success=False, observed=observed, exception=message))
            continue
        observed = {"element_count": judged, "unexpected_count": counted}
        if rows:
            observed["examples"] = [
                {name: row[name] for name in ("project_id", "subject")}
                | {outcome.rule.judgement.column: value}
                for row in rows[:EXAMPLES]
                for value in (row["observed"].get(outcome.rule.judgement.column),)
            ]
        outcomes.append(replace(outcome, observed=observed))
        failing += rows
    return Checked(checked.rows, outcomes), [Judged(compiled.suite, failing)]


def settle_and_open(
    connection: psycopg.Connection[Any],
    build_id: int,
    judged: Sequence[Judged],
    releases: Sequence[Release],
) -> None:
    """Settle what no longer falls short and open what does; in the caller's transaction, and repeatable."""
    if not judged:
        return
    suites = {one.suite.name: one.suite for one in judged}
    codes = {
        (standard.suite, code) for release in releases for code, standard in release.service_standards.items()
    } | {
        (INDICATORS, indicator_code(code))
        for release in releases
        for code, indicator in release.indicators.items()
        if "nonconformity" in indicator
    }
    given = {
        "build": build_id,
        "failing": Jsonb([row for one in judged for row in one.failing]),
        "codes": [code for _, code in codes],
        **{
            scope_name: [code for suite, code in codes if suite in suites and suites[suite].scope == scope]
            for scope_name, scope in (("present", "present"), ("monthly", "months"))
        },
    }
    connection.execute(_statement("settle"), given)
    are_there = connection.execute(
        "select bool_and(to_regclass('staging.stg_delivered__' || name) is not null) "
        "from unnest(%s::text []) as name",
        [list(_POSTS)],
    ).fetchone()
    post = _statement("post") if are_there == (True,) else b"null"
    connection.execute(_statement("open").replace(b"{post}", post), given)


def of_build(connection: psycopg.Connection[Any], build_id: int, gate: Gate) -> Changes | None:
    """What a build did to the findings; None at the gate that judges no service."""
    if gate != "facts":
        return None
    counts = warehouse.rows(
        connection,
        "select count(*) filter (where opened_build_id = %s) as opened, "
        "count(*) filter (where settled_build_id = %s) as settled, "
        "count(*) filter (where settled_date is null) as open from ops.service_finding",
        [build_id, build_id],
    )
    return Changes(
        _changes(connection, "opened_build_id", build_id),
        _changes(connection, "settled_build_id", build_id),
        {name: int(value) for name, value in counts[0].items()},
    )


def _changes(connection: psycopg.Connection[Any], column: str, build_id: int) -> list[Change]:
    query = sql.SQL(
        "select f.standard_code, coalesce(s.names, '{{}}') as names, f.project_id, f.subject, f.found_date, "
        "f.due_date, f.severity, f.accountable_post_id, f.settled_date, f.times_opened, f.observed "
        "from ops.service_finding as f left join ops.standards_service as s "
        "on s.standards_release = f.standards_release and s.standard_code = f.standard_code "
        "where f.{} = %s order by f.standard_code, f.project_id, f.subject limit %s"
    ).format(sql.Identifier(column))
    return [Change(**row) for row in warehouse.rows(connection, query, [build_id, _SHOWN])]


def _read(
    connection: psycopg.Connection[Any], batch: str, rule: Rule, day: str
) -> tuple[int, list[dict[str, Any]]]:
    """How many rows were held to a rule, and those that fall short of it."""
    judgement = rule.judgement
    assert judgement is not None  # noqa: S101 - the caller looked
    condition = sql.SQL(rule.kwargs["condition"])
    column, table = sql.Identifier(judgement.column), sql.Identifier(batch)
    with connection.transaction():
        counted = connection.execute(
            sql.SQL("select count({}) filter (where {}) from {}").format(
                column, sql.SQL(judgement.applies), table
            )
        ).fetchone()
        rows = connection.execute(
            sql.SQL(
                "select project_id, subject, {}::text, to_jsonb(batch) - array['project_id', 'subject'] "
                "from {} as batch where {} is not null and not coalesce(({}), true) order by 1, 2"
            ).format(sql.Identifier(day), table, column, condition)
        ).fetchall()
    return int(counted[0]) if counted else 0, [
        {
            "standards_release": rule.standards_release,
            "standard_code": rule.standard_code,
            "project_id": project_id,
            "subject": subject,
            "found_date": found_date,
            "observed": {
                **observed,
                "judged": judgement.column,
                "limit": judgement.limit_by_grade.get(observed.get("project_grade"), judgement.limit),
            },
            "severity": judgement.grade,
            "rectify_within_days": judgement.rectify_within_days,
            "accountable": judgement.accountable,
        }
        for project_id, subject, found_date, observed in rows
    ]


def _statement(name: str) -> bytes:
    """One of the statements beside this module."""
    return (resources.files("yardstick.quality") / f"service_finding_{name}.sql").read_bytes()
