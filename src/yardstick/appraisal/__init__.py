"""Freeze a signed period, chain it to the one before, and prove later that nothing moved.

``appraisal.*`` is live and moves with every late ticket; ``release.*`` never does. A period is drafted
(read and hashed), signed by somebody, released in one transaction, and from then on only restated: a
new version beside the old, with a reason. What is hashed, and how, stands in
``docs/decisions/0008-release-hash.md``.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import math
import os
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, LiteralString

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from yardstick import warehouse
from yardstick.periods import Kind, period_bounds
from yardstick.settings import Settings

Content = dict[str, Any]

RELATIONS = ("score", "indicator", "person", "item", "day", "reject_count")
_COMPARED = ("score", "indicator", "person", "reject_count")
_DECIMALS = 9
_LOCK = 7_402_030
AUTO_SIGN = "auto-sign"
_LABELS = {
    "en": (
        "Period",
        "Standards release",
        "Projects scored",
        "Scores",
        "Grades",
        "Tickets",
        "Rejected rows",
        "Indicators with too small a sample",
        "Content",
    ),
    "zh-Hans": (
        "考核期",
        "标准版本",
        "已评分项目",
        "得分",
        "等级",
        "工单数",
        "被拒绝的行",
        "样本不足的指标",
        "内容摘要",
    ),
    "zh-Hant": (
        "考核期",
        "標準版本",
        "已評分項目",
        "得分",
        "等級",
        "工單數",
        "被拒絕的行",
        "樣本不足的指標",
        "內容摘要",
    ),
}
_CODE = ("src/yardstick", "dbt_project", "expectations")
_CODE_SUFFIXES = frozenset({".py", ".sql", ".yml", ".yaml", ".csv", ".html", ".css", ".json"})
_NOT_CODE = frozenset({"target", "logs", "dbt_packages", "__pycache__"})


class AppraisalError(RuntimeError):
    """A period cannot be released as asked; the message says what to do."""


class NothingToReleaseError(AppraisalError):
    """The period has no scores."""


class DraftChangedError(AppraisalError):
    """The figures are no longer those that were signed."""


class ChainBrokenError(AppraisalError):
    """The log beside the database knows releases that the database does not hold."""


class ArtifactChangedError(AppraisalError):
    """A file differs from the one recorded under the same name."""


@dataclass(frozen=True)
class Signature:
    """Who answers for a release.

    Attributes:
        signed_by: the person's name or login.
        signed_how: ``person`` for a human decision, ``auto-sign`` for the demo's step.
        signed_at: the moment, with a time zone.
    """

    signed_by: str
    signed_how: Literal["person", "auto-sign"]
    signed_at: datetime

    def __post_init__(self) -> None:
        if not self.signed_by.strip():
            raise ValueError("a signature needs a name")
        if self.signed_at.tzinfo is None:
            raise ValueError("signed_at needs a time zone")
        if self.signed_how not in ("person", "auto-sign"):
            raise ValueError(f"signed_how {self.signed_how!r} is neither 'person' nor 'auto-sign'")


@dataclass(frozen=True)
class Draft:
    """A period as it would be released now.

    Attributes:
        content: everything the hash covers: the period, the standards release, and the rows of
            ``score``, ``indicator``, ``person``, ``item``, ``day`` and ``reject_count``.
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


@dataclass(frozen=True)
class Problem:
    """Something ``verify`` found wrong.

    Attributes:
        release_id: the release it concerns, None for the chain as a whole.
        what: one sentence.
    """

    release_id: str | None
    what: str

    def __str__(self) -> str:
        return f"{self.release_id}: {self.what}" if self.release_id else self.what


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


def canonical(value: Any) -> str:
    """The one text of a content: JSON with sorted keys, no spaces, nulls left out, floats rounded.

    Raises:
        ValueError: for a number that is not finite.
    """
    return json.dumps(
        _plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def sha256(value: Any) -> str:
    """Hash of the canonical text."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """The value as JSON knows it; null entries are left out, so that a later column changes no old hash."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return _rounded(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return value


def _rounded(value: float) -> float:
    """Rounded so that the order in which a sum was made cannot show; -0.0 is 0.0."""
    if not math.isfinite(value):
        raise ValueError(f"{value!r} cannot be released")
    return round(value, _DECIMALS) + 0.0


@functools.lru_cache
def code_version(root: Path) -> str:
    """What made the figures: package version and commit, or the code's hash when there is no clean commit."""
    version = metadata.version("yardstick")
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        git = ["git", "-C", str(root)]
        top = _output([*git, "rev-parse", "--show-toplevel"])
        if Path(top).resolve() == root.resolve() and not _output(
            [*git, "status", "--porcelain", "--", *_CODE]
        ):
            return f"{version}+git.{_output([*git, 'rev-parse', 'HEAD'])[:12]}"
    digest = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root)
            if path.suffix in _CODE_SUFFIXES and not _NOT_CODE.intersection(name.parts) and path.is_file():
                digest.update(
                    f"{name.as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
                )
    return f"{version}+sha256.{digest.hexdigest()[:12]}"


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@functools.lru_cache
def _sql(name: str) -> LiteralString:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class _Relation:
    """A table of ``release`` as PostgreSQL describes it, without ``release_id``."""

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        return {column: _typed(values[column], kind) for column, kind in self.columns.items()}

    def ordered(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(
            (self.row(row) for row in rows), key=lambda row: tuple(str(row[part]) for part in self.key)
        )


def _typed(value: Any, kind: str) -> Any:
    """The value as the release keeps it, whatever numeric type the live table computed with."""
    if value is None:
        return None
    if kind == "double precision":
        return _rounded(float(value))
    if kind in ("bigint", "integer"):
        if value != int(value):
            raise ValueError(f"{value!r} is not a whole number")
        return int(value)
    if kind == "date":
        return value.isoformat()
    return value


def _relations(connection: psycopg.Connection[Any]) -> dict[str, _Relation]:
    found: dict[str, _Relation] = {}
    for name in RELATIONS:
        columns = connection.execute(_sql("relation.sql"), {"relation": f"release.{name}"}).fetchall()
        found[name] = _Relation(
            name,
            {column: kind for column, kind, _ in columns},
            tuple(column for column, _, is_key in columns if is_key),
        )
    return found


def _live_rows(
    connection: psycopg.Connection[Any], relation: _Relation, kind: Kind, period: str
) -> list[dict[str, Any]]:
    query = sql.SQL("select {} from appraisal.{} where period_kind = %s and period = %s").format(
        sql.SQL(", ").join(map(sql.Identifier, relation.columns)),
        sql.Identifier(f"appraisal_{relation.name}"),
    )
    return relation.ordered(warehouse.rows(connection, query, [kind, period]))


def _compose(connection: psycopg.Connection[Any], kind: Kind, period: str) -> Draft:
    start, end = period_span(kind, period)
    span = {"start": start, "end": end}
    if unaudited := connection.execute(_sql("unaudited.sql"), span).fetchone():
        delivery_id, source_id, file_name, build_id = unaudited
        raise AppraisalError(
            f"{period} cannot be drafted: delivery {delivery_id} ({source_id}, {file_name}) was built by "
            f"build {build_id} but has not passed its gates; read its data docs and run the build again"
        )
    relations = _relations(connection)
    content: Content = {
        name: _live_rows(connection, relation, kind, period)
        for name, relation in relations.items()
        if name != "reject_count"
    }
    if not content["score"]:
        raise NothingToReleaseError(f"{period} has no scores: run the {kind}'s scoring before its release")
    content["reject_count"] = relations["reject_count"].ordered(
        warehouse.rows(connection, _sql("rejects.sql"), [start, end])
    )
    standards = connection.execute(
        "select standards_release, content_sha256 from ops.standards_release "
        "where effective_from <= %s order by effective_from desc limit 1",
        [start],
    ).fetchone()
    if standards is None:
        raise AppraisalError(
            f"no standards release is in force on {start}; load one from expectations/standards"
        )
    rejected = connection.execute(_sql("rejected_rows.sql"), span).fetchone()
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
    latest = _latest(connection, period)
    digest = sha256(content)
    state: Literal["unreleased", "unchanged", "differs"] = "unreleased"
    differences: list[dict[str, str | None]] = []
    if latest:
        state = "unchanged" if latest["content_sha256"] == digest else "differs"
        if state == "differs":
            differences = _differences(relations, _released(connection, relations, latest), content)
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
        delivery_ids=[row[0] for row in connection.execute(_sql("deliveries.sql"), span)],
    )


def _summary(content: Content) -> dict[str, Any]:
    scores = [row["score"] for row in content["score"] if row["score"] is not None]
    return {
        "period": content["period"],
        "standards_release": content["standards_release"],
        "projects": len(content["score"]),
        "projects_scored": len(scores),
        "score_lowest": min(scores, default=None),
        "score_highest": max(scores, default=None),
        "grades": dict(sorted(Counter(row["grade"] for row in content["score"] if row["grade"]).items())),
        "indicators_too_small": sum(not row["is_sample_sufficient"] for row in content["indicator"]),
        "tickets": content["tickets"],
        "rejects": content["rejects"],
    }


def _latest(connection: psycopg.Connection[Any], period: str) -> dict[str, Any] | None:
    found = warehouse.rows(
        connection, "select * from release.release where period = %s order by version desc limit 1", [period]
    )
    return found[0] if found else None


def _released(
    connection: psycopg.Connection[Any], relations: dict[str, _Relation], header: dict[str, Any]
) -> Content:
    """The content of a release, rebuilt from the frozen tables alone."""
    content: Content = {}
    for name, relation in relations.items():
        query = sql.SQL("select {} from release.{} where release_id = %s").format(
            sql.SQL(", ").join(map(sql.Identifier, relation.columns)), sql.Identifier(name)
        )
        content[name] = relation.ordered(warehouse.rows(connection, query, [header["release_id"]]))
    for column in ("period_kind", "period", "standards_release", "standards_sha256", "tickets", "rejects"):
        content[column] = header[column]
    for column in ("period_start", "period_end"):
        content[column] = header[column].isoformat()
    return content


def _differences(
    relations: dict[str, _Relation], before: Content, after: Content
) -> list[dict[str, str | None]]:
    """Every figure that differs; a person's name is never one of them."""
    found: list[dict[str, str | None]] = []
    for name in _COMPARED:
        relation = relations[name]
        old = {tuple(row[part] for part in relation.key): row for row in before[name]}
        new = {tuple(row[part] for part in relation.key): row for row in after[name]}
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
def _session(settings: Settings, name: str) -> Iterator[psycopg.Connection[Any]]:
    with warehouse.connect(settings.require_database_url(), name=name, autocommit=True) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield connection


@contextlib.contextmanager
def _alone(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """One releaser at a time. The lock comes before the snapshot, so the second sees what the first did."""
    connection.execute("set lock_timeout = '10min'")
    try:
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
    except psycopg.errors.LockNotAvailable:
        raise AppraisalError(
            "another release has been at work for ten minutes; look for session 'yardstick-release'"
        ) from None
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", [_LOCK])


def draft(settings: Settings, kind: Kind, period: str) -> Draft:
    """Read a period as it would be released now; writes nothing.

    Raises:
        NothingToReleaseError: when the period has no scores.
        AppraisalError: when a delivery of the period was built but not audited.
    """
    with _session(settings, "yardstick-draft") as connection, connection.transaction():
        return _compose(connection, kind, period)


def release(
    settings: Settings, kind: Kind, period: str, signature: Signature, *, signed_sha256: str | None = None
) -> str:
    """Freeze a period, once.

    Called again with the same figures it returns the release that exists. When the figures differ from the
    released ones nothing is changed: a restatement is proposed (``proposals``) and the released id returned.

    Args:
        settings: where the warehouse is.
        kind: month, quarter or year.
        period: e.g. ``2015-01``, ``2015-Q1``, ``2015``.
        signature: who signs.
        signed_sha256: the ``content_sha256`` of the draft that was shown to who signed.

    Returns:
        The release id, ``<period>.v<version>``.

    Raises:
        DraftChangedError: when the figures are no longer those of ``signed_sha256``.
        NothingToReleaseError: when the period has no scores.
        ChainBrokenError: when the log beside the database holds releases the database lost.
    """
    with _session(settings, "yardstick-release") as connection, _alone(connection):
        _note(settings, connection)
        with connection.transaction():
            drafted = _compose(connection, kind, period)
            if drafted.state == "unreleased":
                _must_be_signed(drafted, signed_sha256)
                release_id = _freeze(settings, connection, drafted, signature, version=1, reason=None)
            else:
                _propose(connection, drafted)
                release_id = drafted.release_id or ""
        _note(settings, connection)
    return release_id


def restate(
    settings: Settings,
    kind: Kind,
    period: str,
    reason: str,
    signature: Signature,
    *,
    signed_sha256: str | None = None,
) -> str:
    """Release the figures of now as the next version, beside the old.

    Called again after it succeeded it returns the version it made.

    Args:
        settings: where the warehouse is.
        kind: month, quarter or year.
        period: a period that is released.
        reason: why, for everybody to read; without personal data.
        signature: who approves.
        signed_sha256: the ``content_sha256`` of the proposal that was approved.

    Returns:
        The id of the new version.

    Raises:
        AppraisalError: when the period was never released, nothing differs, or the reason is empty.
        DraftChangedError: when the figures are no longer those of ``signed_sha256``.
    """
    if not reason.strip():
        raise AppraisalError("a restatement needs a reason that its readers will see")
    with _session(settings, "yardstick-release") as connection, _alone(connection):
        _note(settings, connection)
        with connection.transaction():
            drafted = _compose(connection, kind, period)
            latest = _latest(connection, period)
            if latest is None:
                raise AppraisalError(f"{period} was never released: release it first")
            if drafted.state == "unchanged":
                if latest["reason"] != reason:
                    raise AppraisalError(
                        f"nothing to restate: the figures of {period} are those of {latest['release_id']}"
                    )
                release_id = str(latest["release_id"])
            else:
                _must_be_signed(drafted, signed_sha256)
                _propose(connection, drafted)
                release_id = _freeze(
                    settings, connection, drafted, signature, version=latest["version"] + 1, reason=reason
                )
                connection.execute(
                    "update ops.restatement_proposal set settled_at = now(), settled_how = 'restated' "
                    "where period = %s and content_sha256 = %s",
                    [period, drafted.content_sha256],
                )
        _note(settings, connection)
    return release_id


def prepare(settings: Settings, period: str) -> dict[str, Any]:
    """What the sign-off shows, small enough for a task's return value.

    When the figures differ from the released ones, a restatement is proposed.

    Returns:
        ``period``, ``content_sha256``, ``state`` (``new``, ``released`` or ``differs``), ``release_id`` of
        the latest version or None, and ``summary``: a few lines of Markdown in the language of the settings.
    """
    with _session(settings, "yardstick-draft") as connection, _alone(connection), connection.transaction():
        drafted = _compose(connection, kind_of(period), period)
        if drafted.state != "unreleased":
            _propose(connection, drafted)
    return {
        "period": period,
        "content_sha256": drafted.content_sha256,
        "state": {"unreleased": "new", "unchanged": "released", "differs": "differs"}[drafted.state],
        "release_id": drafted.release_id,
        "summary": _told(drafted, settings.language),
    }


def periods_to_announce(settings: Settings, period: str, *, is_new: bool) -> list[str]:
    """The partitions to emit once a period's figures were looked at.

    A new release announces itself. Figures of a released period that were computed again may have moved
    the quarter and the year as well, and a roll-up waits for every one of its months after each firing:
    so every released month of that year is announced.
    """
    if is_new or kind_of(period) != "month":
        return [period]
    with _session(settings, "yardstick-announce") as connection:
        months = connection.execute(
            "select distinct period from release.release where period_kind = 'month' and left(period, 4) = %s "
            "order by period",
            [period[:4]],
        ).fetchall()
    return [row[0] for row in months]


def release_signed(
    settings: Settings, period: str, content_sha256: str, response: Mapping[str, Any] | None
) -> str:
    """Release a period with the answer that Airflow's approval task got.

    Args:
        settings: where the warehouse is.
        period: e.g. ``2015-01``.
        content_sha256: of the draft that was shown.
        response: the approval task's return value; None when nobody was asked because the figures are
            released already.

    Returns:
        The release id.

    Raises:
        AppraisalError: when figures that are not released come without a signature.
        DraftChangedError: when they changed since they were shown.
    """
    kind = kind_of(period)
    if response is None:
        drafted = draft(settings, kind, period)
        if drafted.release_id is None or drafted.content_sha256 != content_sha256:
            raise AppraisalError(f"{period} has figures that nobody signed: run its appraisal again")
        return drafted.release_id
    user = response.get("responded_by_user") or {}
    name = str(user.get("name") or user.get("id") or "")
    if not name:
        raise AppraisalError(f"the sign-off of {period} does not say who answered it")
    at = response["responded_at"]
    signature = Signature(
        signed_by=name,
        signed_how="auto-sign" if name == AUTO_SIGN else "person",
        signed_at=at if isinstance(at, datetime) else datetime.fromisoformat(str(at)),
    )
    return release(settings, kind, period, signature, signed_sha256=content_sha256)


def _told(drafted: Draft, language: str) -> str:
    labels = _LABELS.get(language, _LABELS["en"])
    summary = drafted.summary
    scores = "–"
    if summary["score_lowest"] is not None:
        scores = f"{summary['score_lowest']:.2f} – {summary['score_highest']:.2f}"
    values = (
        summary["period"],
        summary["standards_release"],
        f"{summary['projects_scored']} / {summary['projects']}",
        scores,
        ", ".join(f"{grade} {count}" for grade, count in summary["grades"].items()) or "–",
        f"{summary['tickets']:,}",
        f"{summary['rejects']:,}",
        str(summary["indicators_too_small"]),
        f"`{drafted.content_sha256}`",
    )
    return "\n".join(f"- {label}: {value}" for label, value in zip(labels, values, strict=True))


def _must_be_signed(drafted: Draft, signed_sha256: str | None) -> None:
    if signed_sha256 not in (None, drafted.content_sha256):
        raise DraftChangedError(
            f"{drafted.period} changed after it was signed (signed {str(signed_sha256)[:12]}, "
            f"now {drafted.content_sha256[:12]}): draft it again and ask for a new signature"
        )


def _freeze(
    settings: Settings,
    connection: psycopg.Connection[Any],
    drafted: Draft,
    signature: Signature,
    *,
    version: int,
    reason: str | None,
) -> str:
    head = connection.execute(
        "select release_sha256 from release.release r "
        "where not exists (select from release.release n where n.previous_sha256 = r.release_sha256)"
    ).fetchone()
    header: dict[str, Any] = {
        "release_id": f"{drafted.period}.v{version}",
        "version": version,
        "status": "restated" if version > 1 else "released",
        "reason": reason,
        "code_version": code_version(settings.root),
        "delivery_ids": drafted.delivery_ids,
        "content_sha256": drafted.content_sha256,
        "previous_sha256": head[0] if head else None,
        "signed_by": signature.signed_by,
        "signed_how": signature.signed_how,
        "signed_at": signature.signed_at,
    }
    header["release_sha256"] = _release_sha256(header)
    header |= {
        column: drafted.content[column]
        for column in (
            "period_kind",
            "period",
            "period_start",
            "period_end",
            "standards_release",
            "standards_sha256",
            "tickets",
            "rejects",
        )
    }
    connection.execute(
        sql.SQL("insert into release.release ({}) values ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, header)), sql.SQL(", ").join(map(sql.Placeholder, header))
        ),
        header,
    )
    for name in RELATIONS:
        _insert(connection, name, header["release_id"], drafted.content[name])
    _insert(
        connection,
        "difference",
        header["release_id"],
        [{"position": position, **row} for position, row in enumerate(drafted.differences, start=1)],
    )
    return str(header["release_id"])


def _insert(
    connection: psycopg.Connection[Any], name: str, release_id: str, rows: list[dict[str, Any]]
) -> None:
    """One INSERT per table: row-level security forbids COPY to a login that is no superuser."""
    connection.execute(
        sql.SQL(
            "insert into release.{0} select * from jsonb_populate_recordset(null::release.{0}, %s)"
        ).format(sql.Identifier(name)),
        [Jsonb([{"release_id": release_id, **row} for row in rows])],
    )


def _release_sha256(header: dict[str, Any]) -> str:
    return sha256(
        {
            column: header[column]
            for column in (
                "release_id",
                "version",
                "status",
                "reason",
                "code_version",
                "delivery_ids",
                "content_sha256",
                "previous_sha256",
                "signed_by",
                "signed_how",
                "signed_at",
            )
        }
    )


def _propose(connection: psycopg.Connection[Any], drafted: Draft) -> None:
    """Keep the list of proposals true: only the live figures are open, and only while they differ."""
    connection.execute(
        "update ops.restatement_proposal set settled_at = now(), settled_how = %s "
        "where period = %s and settled_at is null and content_sha256 <> %s",
        [
            "withdrawn" if drafted.state == "unchanged" else "superseded",
            drafted.period,
            drafted.content_sha256,
        ],
    )
    if drafted.state == "differs":
        connection.execute(
            "insert into ops.restatement_proposal (period_kind, period, content_sha256, differences) "
            "values (%s, %s, %s, %s) on conflict (period, content_sha256) do update "
            "set settled_at = null, settled_how = null where ops.restatement_proposal.settled_at is not null",
            [drafted.kind, drafted.period, drafted.content_sha256, Jsonb(drafted.differences)],
        )


def proposals(settings: Settings) -> list[dict[str, Any]]:
    """Released periods whose live figures differ, oldest first.

    Returns:
        ``period_kind``, ``period``, ``content_sha256``, ``differences`` and ``proposed_at`` of each open one.
    """
    with _session(settings, "yardstick-proposals") as connection:
        return warehouse.rows(
            connection,
            "select period_kind, period, content_sha256, differences, proposed_at "
            "from ops.restatement_proposal where settled_at is null order by proposed_at, period",
        )


def record_artifacts(settings: Settings, release_id: str, paths: Iterable[Path]) -> None:
    """Name the published files in the release's manifest, under paths relative to ``settings.reports``.

    Raises:
        ArtifactChangedError: when a file of that name was recorded with other bytes; then none is recorded.
    """
    rows = []
    for path in sorted(paths):
        data = path.read_bytes()
        rows.append(
            (
                path.resolve().relative_to(settings.reports.resolve()).as_posix(),
                hashlib.sha256(data).hexdigest(),
                len(data),
            )
        )
    with _session(settings, "yardstick-artifacts") as connection, connection.transaction():
        known = dict(
            connection.execute(
                "select path, sha256 from release.artifact where release_id = %s", [release_id]
            ).fetchall()
        )
        for name, digest, size in rows:
            if known.get(name, digest) != digest:
                raise ArtifactChangedError(
                    f"{name} of {release_id} differs from the file recorded at its publication "
                    f"(recorded {known[name][:12]}, now {digest[:12]})"
                )
            connection.execute(
                "insert into release.artifact (release_id, path, sha256, byte_size) values (%s, %s, %s, %s) "
                "on conflict (release_id, path) do nothing",
                [release_id, name, digest, size],
            )


def verify(settings: Settings) -> list[Problem]:
    """Recompute every released hash, walk the chain, compare it with the log and with the published files.

    Returns:
        What is wrong, in the chain's order; empty when all holds.
    """
    with _session(settings, "yardstick-verify") as connection, connection.transaction():
        headers = _chain(connection)
        unchained = {
            row[0] for row in connection.execute("select release_id from release.release").fetchall()
        } - {header["release_id"] for header in headers}
        problems = [Problem(name, "is not linked to the chain of releases") for name in sorted(unchained)]
        relations = _relations(connection)
        standards = dict(
            connection.execute(
                "select standards_release, content_sha256 from ops.standards_release"
            ).fetchall()
        )
        before: dict[str, Content] = {}
        for header in headers:
            problems += _verify_release(connection, relations, header, before)
            if (
                standards.get(header["standards_release"], header["standards_sha256"])
                != header["standards_sha256"]
            ):
                problems.append(
                    Problem(
                        header["release_id"],
                        f"standards release {header['standards_release']} was altered after signing",
                    )
                )
        artifacts = connection.execute(
            "select release_id, path, sha256 from release.artifact order by 1, 2"
        ).fetchall()
    problems += _verify_log(settings, headers)
    for release_id, name, digest in artifacts:
        path = settings.reports / name
        if not path.is_file():
            problems.append(Problem(release_id, f"the published file {name} is gone"))
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            problems.append(Problem(release_id, f"the published file {name} was altered"))
    return problems


def _chain(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    return warehouse.rows(connection, _sql("chain.sql"))


def _verify_release(
    connection: psycopg.Connection[Any],
    relations: dict[str, _Relation],
    header: dict[str, Any],
    before: dict[str, Content],
) -> list[Problem]:
    release_id = header["release_id"]
    problems = []
    content = _released(connection, relations, header)
    if sha256(content) != header["content_sha256"]:
        problems.append(Problem(release_id, "its figures are not those that were signed"))
    if _release_sha256(header) != header["release_sha256"]:
        problems.append(
            Problem(release_id, "its signature, reason, deliveries or place in the chain were altered")
        )
    listed = warehouse.rows(
        connection,
        "select relation, project_id, subject, field, before, after from release.difference "
        "where release_id = %s order by position",
        [release_id],
    )
    previous = before.get(header["period"])
    if listed != (_differences(relations, previous, content) if previous else []):
        problems.append(
            Problem(
                release_id, "its list of differences is not what distinguishes it from the version before"
            )
        )
    before[header["period"]] = content
    return problems


def chain_log(settings: Settings) -> Path:
    """The record of releases outside the database: one JSON line each, in order."""
    return settings.home / "release_chain.log"


def _logged(settings: Settings) -> list[dict[str, str]]:
    """The log's whole lines; a line cut off by a crash was never acknowledged and does not count."""
    path = chain_log(settings)
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines if line]


def _verify_log(settings: Settings, headers: list[dict[str, Any]]) -> list[Problem]:
    try:
        logged = _logged(settings)
    except ValueError:
        return [Problem(None, f"{chain_log(settings)} holds a line that is not JSON")]
    problems = []
    for place, line in enumerate(logged):
        if place >= len(headers):
            problems.append(
                Problem(
                    line["release_id"],
                    "was released, says the chain log, but the warehouse has no such release",
                )
            )
        elif headers[place]["release_sha256"] != line["release_sha256"]:
            problems.append(Problem(line["release_id"], "differs between the warehouse and the chain log"))
    problems += [
        Problem(
            header["release_id"],
            f"is not in {chain_log(settings).name}: its writer was stopped; run its release again",
        )
        for header in headers[len(logged) :]
    ]
    return problems


def _note(settings: Settings, connection: psycopg.Connection[Any]) -> None:
    """Append what the log lacks, after a release and, for one whose writer was killed, before the next.

    Raises:
        ChainBrokenError: when the log and the database disagree on what is in both.
    """
    headers = _chain(connection)
    path = chain_log(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        data = file.read()
        if not data.endswith(b"\n") and data:
            file.truncate(data.rfind(b"\n") + 1)
        wrong = [
            problem
            for problem in _verify_log(settings, headers)
            if "its writer was stopped" not in problem.what
        ]
        if wrong:
            raise ChainBrokenError(
                f"no release while the chain is broken ({wrong[0]}): restore the warehouse from its backup, "
                f"or, when this warehouse was begun anew on purpose, move {path} away"
            )
        for header in headers[len(_logged(settings)) :]:
            file.write(
                json.dumps(
                    {
                        "release_id": header["release_id"],
                        "release_sha256": header["release_sha256"],
                        "previous_sha256": header["previous_sha256"],
                    }
                ).encode()
                + b"\n"
            )
        file.flush()
        os.fsync(file.fileno())
