"""Bring the warehouse's ``ops.standards_*`` and calendars in line with the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from yardstick.standards.calendars import calendar_days
from yardstick.standards.frozen import Loaded, frozen_problems
from yardstick.standards.registry import registry
from yardstick.standards.release import Release, StandardsError
from yardstick.standards.rows import TABLES, rows_of

Connection = psycopg.Connection[Any]

_LOAD_LOCK = 7_402_020


def load(connection: Connection, releases: Sequence[Release], root: Path | None = None) -> list[str]:
    """Bring ``ops.standards_*``, ``ops.calendar_day`` and ``ops.source_calendar`` in line; repeatable.

    Runs in the caller's transaction, behind a lock of its own. What is the same already is not written.

    Returns:
        The names of the releases that were added, changed or taken away.

    Raises:
        StandardsError: when a release that a signed period names was changed or taken away, or when a
            new release would come into force within a signed period.
    """
    connection.execute("select pg_advisory_xact_lock(%s)", [_LOAD_LOCK])
    loaded = {
        name: Loaded(first_day, digest, files)
        for name, first_day, digest, files in connection.execute(
            "select standards_release, effective_from, content_sha256, files from ops.standards_release"
        ).fetchall()
    }
    given = {release.standards_release: release for release in releases}
    changed = {
        name
        for name, release in given.items()
        if loaded.get(name) != Loaded(release.effective_from, release.content_sha256, release.file_sha256)
    }
    changed |= loaded.keys() - given.keys()
    if problems := frozen_problems(connection, loaded, given):
        raise StandardsError(problems)
    known = registry(root)
    wanted = [release for release in releases if release.standards_release in changed]
    rows = [rows_of(release, known) for release in wanted]
    for table in reversed(TABLES):
        statement = sql.SQL("delete from ops.{} where standards_release = any(%s)").format(
            sql.Identifier(table)
        )
        connection.execute(statement, [sorted(changed)])
    for of_release in rows:
        for table in TABLES:
            _insert_rows(connection, table, of_release[table])
    _load_calendars(connection, releases)
    return sorted(changed)


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


def _load_calendars(connection: Connection, releases: Sequence[Release]) -> None:
    """Make the calendar tables equal to what the releases say, writing only differences."""
    latest = max(releases, key=lambda release: release.effective_from).calendars
    connection.execute(
        "create temporary table given_calendar_day (like ops.calendar_day) on commit drop"
    )  # fmt: skip
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy given_calendar_day (calendar_id, day, is_workday, opens_minute, closes_minute) from stdin"
        ) as copy,
    ):
        for entry in calendar_days(releases):
            copy.write_row(
                (entry.calendar_id, entry.day, entry.is_workday, entry.opens_minute, entry.closes_minute)
            )
    connection.execute(
        "delete from ops.calendar_day as d where not exists "
        "(select from given_calendar_day as g where g.calendar_id = d.calendar_id and g.day = d.day)"
    )
    connection.execute(
        "insert into ops.calendar_day as d (calendar_id, day, is_workday, opens_minute, closes_minute) "
        "select calendar_id, day, is_workday, opens_minute, closes_minute from given_calendar_day "
        "on conflict (calendar_id, day) do update set is_workday = excluded.is_workday, "
        "opens_minute = excluded.opens_minute, closes_minute = excluded.closes_minute "
        "where (d.is_workday, d.opens_minute, d.closes_minute) "
        "is distinct from (excluded.is_workday, excluded.opens_minute, excluded.closes_minute)"
    )
    connection.execute("drop table given_calendar_day")
    by_source = latest.get("by_source", {})
    connection.execute("delete from ops.source_calendar where not source_id = any(%s)", [list(by_source)])
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.source_calendar as c (source_id, calendar_id) values (%s, %s) "
            "on conflict (source_id) do update set calendar_id = excluded.calendar_id "
            "where c.calendar_id <> excluded.calendar_id",
            list(by_source.items()),
        )
