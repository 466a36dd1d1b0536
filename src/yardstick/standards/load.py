"""Bring the warehouse's ``ops.standards_*`` and calendars in line with the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from yardstick.standards.frozen import Loaded, frozen_problems
from yardstick.standards.load_calendars import load_calendars
from yardstick.standards.registry import registry
from yardstick.standards.release import Release, StandardsError
from yardstick.standards.rows import TABLES, digest_of, rows_of

Connection = psycopg.Connection[Any]

_LOAD_LOCK = 7_402_020


def load(connection: Connection, releases: Sequence[Release], root: Path | None = None) -> list[str]:
    """Bring ``ops.standards_*`` and the tables of calendars in line; repeatable.

    Runs in the caller's transaction, behind a lock of its own. What is the same already is not written.

    Returns:
        The names of the releases that were added, changed or taken away.

    Raises:
        StandardsError: when a release that a signed period names was changed or taken away, or when a
            new release would come into force within a signed period.
    """
    connection.execute("select pg_advisory_xact_lock(%s)", [_LOAD_LOCK])
    loaded, digests = _loaded(connection)
    given = {release.standards_release: release for release in releases}
    if problems := frozen_problems(connection, loaded, given):
        raise StandardsError(problems)
    known = registry(root)
    rows = {name: rows_of(release, known) for name, release in given.items()}
    # Not by the files alone: what the models' registry says of the measures is in the rows, too.
    changed = {name for name in given if digests.get(name) != digest_of(rows[name])}
    changed |= loaded.keys() - given.keys()
    for table in reversed(TABLES):
        statement = sql.SQL("delete from ops.{} where standards_release = any(%s)").format(
            sql.Identifier(table)
        )
        connection.execute(statement, [sorted(changed)])
    for name in sorted(changed & given.keys()):
        for table in TABLES:
            _insert_rows(connection, table, rows[name][table])
        connection.execute(
            "update ops.standards_release set rows_sha256 = %s where standards_release = %s",
            [digest_of(rows[name]), name],
        )
    load_calendars(connection, releases)
    return sorted(changed)


def _loaded(connection: Connection) -> tuple[dict[str, Loaded], dict[str, str]]:
    """What the warehouse has: the releases, and the hash of each one's rows."""
    found = connection.execute(
        "select standards_release, effective_from, content_sha256, files, rows_sha256 from ops.standards_release"
    ).fetchall()
    return {row[0]: Loaded(*row[1:4]) for row in found}, {row[0]: row[4] for row in found}


def _insert_rows(connection: Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of one shape into a table of ``ops``."""
    if not rows:
        return
    statement = sql.SQL("insert into ops.{} ({}) values ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, rows[0])),
        sql.SQL(", ").join(map(sql.Placeholder, rows[0])),
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)
