"""What a release holds: read live and from the frozen tables, hashed, and compared."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, LiteralString

import psycopg
from psycopg import sql

from yardstick import warehouse
from yardstick.appraisal.canonical import canonical, rounded, sha256
from yardstick.appraisal.errors import AppraisalError, NothingToReleaseError
from yardstick.periods import Kind, period_bounds
from yardstick.privacy.blanking import MARK
from yardstick.settings import Settings

Content = dict[str, Any]

RELATIONS = ("score", "indicator", "person", "staff", "item", "category", "day", "reject_count")
# Came after the first releases: without rows it is no part of the canonical text, so that their hashes hold.
_LATER = ("category", "staff")
_COMPARED = ("score", "indicator", "person", "staff", "reject_count")


@dataclass(frozen=True)
class Draft:
    """A period as it would be released now.

    Attributes:
        content: everything the hash covers: the period, the standards release, and the rows of
            ``score``, ``indicator``, ``person``, ``staff``, ``item``, ``category``, ``day`` and ``reject_count``.
        content_sha256: hash of the canonical text of ``content``.
        summary: counts for the person who signs.
        state: ``unreleased``; ``unchanged`` (the latest version holds these figures); ``differs``.
        release_id: the latest released version of the period, None when there is none.
        differences: against that version; empty unless ``state`` is ``differs``.
        delivery_ids: the deliveries the figures come from.
    """

    kind: Kind
    period: str
    period_start: date
    period_end: date
    content: Content
    content_sha256: str
    summary: dict[str, Any]
    state: Literal["unreleased", "unchanged", "differs"]
    release_id: str | None
    differences: list[dict[str, str | None]]
    delivery_ids: list[int]


def period_span(kind: Kind, period: str) -> tuple[date, date]:
    """First and last day of ``2015-01`` (month), ``2015-Q1`` (quarter) or ``2015`` (year).

    Raises:
        ValueError: when the text is not a period of that kind.
    """
    found, first, last = period_bounds(period)
    if found != kind:
        raise ValueError(f"{period!r} is not a {kind}; write 2015-01, 2015-Q1 or 2015")
    return first, last


def kind_of(period: str) -> Kind:
    """The kind of period that a text names.

    Raises:
        ValueError: when it names none.
    """
    return period_bounds(period)[0]


@functools.lru_cache
def query(name: str) -> LiteralString:
    """The text of a file of SQL in this folder."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Relation:
    """A table of ``release`` as PostgreSQL describes it, without ``release_id``."""

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """A row as the release keeps it."""
        return {column: _typed(values[column], kind) for column, kind in self.columns.items()}

    def ordered(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows as the release keeps them, by the table's key."""
        return sorted(
            (self.row(row) for row in rows), key=lambda row: tuple(str(row[part]) for part in self.key)
        )


def _typed(value: Any, kind: str) -> Any:
    """The value as the release keeps it, whatever numeric type the live table computed with."""
    if value is None:
        return None
    if kind == "double precision":
        return rounded(float(value))
    if kind in ("bigint", "integer"):
        if value != int(value):
            raise ValueError(f"{value!r} is not a whole number")
        return int(value)
    if kind == "date":
        return value.isoformat()
    return value


def release_relations(connection: psycopg.Connection[Any]) -> dict[str, Relation]:
    """The tables whose rows make up a release, by name."""
    found: dict[str, Relation] = {}
    for name in RELATIONS:
        columns = connection.execute(query("relation.sql"), {"relation": f"release.{name}"}).fetchall()
        found[name] = Relation(
            name,
            {column: kind for column, kind, _ in columns},
            tuple(column for column, _, is_key in columns if is_key),
        )
    return found


def _live_rows(
    connection: psycopg.Connection[Any], relation: Relation, kind: Kind, period: str
) -> list[dict[str, Any]]:
    statement = sql.SQL("select {} from appraisal.{} where period_kind = %s and period = %s").format(
        sql.SQL(", ").join(map(sql.Identifier, relation.columns)),
        sql.Identifier(f"appraisal_{relation.name}"),
    )
    return relation.ordered(warehouse.rows(connection, statement, [kind, period]))


def compose(connection: psycopg.Connection[Any], kind: Kind, period: str) -> Draft:
    """A period as its live figures are, compared with its latest release.

    Raises:
        NothingToReleaseError: when the period has no scores.
        AppraisalError: when a delivery of the period was built but not audited, or no standards are in force.
    """
    start, end = period_span(kind, period)
    span = {"start": start, "end": end}
    if unaudited := connection.execute(query("unaudited.sql"), span).fetchone():
        delivery_id, source_id, file_name, build_id = unaudited
        raise AppraisalError(
            f"{period} cannot be drafted: delivery {delivery_id} ({source_id}, {file_name}) was built by "
            f"build {build_id} but has not passed its gates; read its data docs and run the build again"
        )
    relations = release_relations(connection)
    content: Content = {
        name: _live_rows(connection, relation, kind, period)
        for name, relation in relations.items()
        if name != "reject_count"
    }
    if not content["score"]:
        raise NothingToReleaseError(f"{period} has no scores: run the {kind}'s scoring before its release")
    content["reject_count"] = relations["reject_count"].ordered(
        warehouse.rows(connection, query("rejects.sql"), [start, end])
    )
    _leave_out_later(content)
    standards = connection.execute(
        "select standards_release, content_sha256 from ops.standards_release "
        "where effective_from <= %s order by effective_from desc limit 1",
        [start],
    ).fetchone()
    if standards is None:
        raise AppraisalError(
            f"no standards release is in force on {start}; load one from expectations/standards"
        )
    rejected = connection.execute(query("rejected_rows.sql"), span).fetchone()
    content |= {
        "period_kind": kind,
        "period": period,
        "period_start": start.isoformat(),
        "period_end": end.isoformat(),
        "standards_release": standards[0],
        "standards_sha256": standards[1],
        "tickets": sum(row["tickets_opened"] for row in content["score"]),
        "rejects": rejected[0] if rejected else 0,
    }
    latest = latest_release(connection, period)
    released = released_content(connection, relations, latest) if latest else None
    for name in ("person", "staff"):
        if name in content:
            content[name] = relations[name].ordered(
                _as_released(connection, content[name], (released or {}).get(name, []))
            )
    digest = sha256(content)
    state: Literal["unreleased", "unchanged", "differs"] = "unreleased"
    differences: list[dict[str, str | None]] = []
    if latest and released:
        state = "unchanged" if latest["content_sha256"] == digest else "differs"
        if state == "differs":
            differences = differences_between(relations, released, content)
    return Draft(
        kind=kind,
        period=period,
        period_start=start,
        period_end=end,
        content=content,
        content_sha256=digest,
        summary=_summary(content),
        state=state,
        release_id=latest["release_id"] if latest else None,
        differences=differences,
        delivery_ids=[row[0] for row in connection.execute(query("deliveries.sql"), span)],
    )


def _as_released(
    connection: psycopg.Connection[Any], live: list[dict[str, Any]], released: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Persons of the live figures, those whose id or name was removed since as the release has them.

    A release is the record of what was paid and keeps who it was; that somebody was erased changes no figure of
    it (docs/decisions/0032).
    """
    ids = [row["person_id"] for row in released]
    pseudonyms = connection.execute(
        "select ops.erased_as(person_id), person_id from unnest(%s::text []) as named (person_id) "
        "where ops.erased_as(person_id) is not null",
        [ids],
    )
    known = dict(pseudonyms.fetchall())
    names = {(row["project_id"], row["person_id"]): row.get("person_name") for row in released}
    found = []
    for row in live:
        row = row | {"person_id": known.get(row["person_id"], row["person_id"])}
        if row.get("person_name", "") in (None, MARK):
            row["person_name"] = names.get((row["project_id"], row["person_id"]))
        found.append(row)
    return found


def _leave_out_later(content: Content) -> None:
    for name in _LATER:
        if not content[name]:
            del content[name]


def _summary(content: Content) -> dict[str, Any]:
    scores = [row["score"] for row in content["score"] if row["score"] is not None]
    return {
        "period": content["period"],
        "standards_release": content["standards_release"],
        "projects": len(content["score"]),
        "projects_scored": len(scores),
        "score_lowest": min(scores, default=None),
        "score_highest": max(scores, default=None),
        "vetoes": sum(bool(row["is_vetoed"]) for row in content["score"]),
        "grades": dict(sorted(Counter(row["grade"] for row in content["score"] if row["grade"]).items())),
        "indicators_too_small": sum(not row["is_sample_sufficient"] for row in content["indicator"]),
        "tickets": content["tickets"],
        "rejects": content["rejects"],
    }


def latest_release(connection: psycopg.Connection[Any], period: str) -> dict[str, Any] | None:
    """The header of the newest version of a period; None when it was never released."""
    found = warehouse.rows(
        connection, "select * from release.release where period = %s order by version desc limit 1", [period]
    )
    return found[0] if found else None


def released_content(
    connection: psycopg.Connection[Any], relations: dict[str, Relation], header: dict[str, Any]
) -> Content:
    """The content of a release, rebuilt from the frozen tables alone."""
    content: Content = {}
    for name, relation in relations.items():
        statement = sql.SQL("select {} from release.{} where release_id = %s").format(
            sql.SQL(", ").join(map(sql.Identifier, relation.columns)), sql.Identifier(name)
        )
        content[name] = relation.ordered(warehouse.rows(connection, statement, [header["release_id"]]))
    _leave_out_later(content)
    for column in ("period_kind", "period", "standards_release", "standards_sha256", "tickets", "rejects"):
        content[column] = header[column]
    for column in ("period_start", "period_end"):
        content[column] = header[column].isoformat()
    return content


def differences_between(
    relations: dict[str, Relation], before: Content, after: Content
) -> list[dict[str, str | None]]:
    """Every figure that differs; a person's name is never one of them."""
    found: list[dict[str, str | None]] = []
    for name in _COMPARED:
        relation = relations[name]
        old = {tuple(row[part] for part in relation.key): row for row in before.get(name, [])}
        new = {tuple(row[part] for part in relation.key): row for row in after.get(name, [])}
        fields = [
            column
            for column, kind in relation.columns.items()
            if column not in relation.key and kind != "jsonb" and column != "person_name"
        ]
        for key in sorted(old.keys() | new.keys(), key=str):
            was, is_now = old.get(key), new.get(key)
            project = dict(zip(relation.key, key, strict=True)).get("project_id")
            rest = [str(value) for part, value in zip(relation.key, key, strict=True) if part != "project_id"]
            for field in fields:
                old_text = _figure(was, field)
                new_text = _figure(is_now, field)
                if old_text != new_text:
                    found.append(
                        {
                            "relation": name,
                            "project_id": project,
                            "subject": " ".join(rest) or str(project),
                            "field": field,
                            "before": old_text,
                            "after": new_text,
                        }
                    )
    return found


def _figure(row: dict[str, Any] | None, field: str) -> str | None:
    if row is None or row[field] is None:
        return None
    return row[field] if isinstance(row[field], str) else canonical(row[field])


@contextlib.contextmanager
def session(settings: Settings, name: str) -> Iterator[psycopg.Connection[Any]]:
    """A session whose transactions each see one state of the database throughout."""
    with warehouse.connect(settings.require_database_url(), name=name, autocommit=True) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield connection
