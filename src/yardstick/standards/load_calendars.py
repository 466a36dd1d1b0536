"""Make the calendar tables of the warehouse equal to what the releases say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from typing import Any

import psycopg
from psycopg import sql

from yardstick.standards.calendars import (
    CalendarDay,
    ServiceRule,
    calendar_days,
    labour_days,
    project_closures,
    service_rules,
)
from yardstick.standards.release import Release


def load_calendars(connection: psycopg.Connection[Any], releases: Sequence[Release]) -> None:
    """Bring ``ops.calendar_day``, ``service_rule``, ``project_closure`` and ``labour_day`` in line.

    Only differences are written.
    """
    _equalise(
        connection,
        "calendar_day",
        [field.name for field in fields(CalendarDay)],
        ["calendar_id", "day"],
        map(astuple, calendar_days(releases)),
    )
    _equalise(
        connection,
        "service_rule",
        [field.name for field in fields(ServiceRule)],
        ["rule_number"],
        map(astuple, service_rules(releases)),
    )
    _equalise(
        connection,
        "project_closure",
        ["project_id", "day"],
        ["project_id", "day"],
        project_closures(releases),
    )
    _equalise(connection, "labour_day", ["day", "day_kind"], ["day"], labour_days(releases))


def _equalise(
    connection: psycopg.Connection[Any],
    table: str,
    columns: Sequence[str],
    key: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    """Make a table of ``ops`` equal to the rows; what is the same already is not written."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    of_key = sql.SQL(", ").join(map(sql.Identifier, key))
    told = {
        "table": sql.Identifier("ops", table),
        "given": sql.Identifier(f"given_{table}"),
        "names": names,
        "key": of_key,
    }

    def run(statement: str) -> None:
        connection.execute(sql.SQL(statement).format(**told))

    run("create temporary table {given} on commit drop as select {names} from {table} with no data")
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("copy {given} ({names}) from stdin").format(**told)) as copy,
    ):
        for row in rows:
            copy.write_row(row)
    run("analyze {given}")
    run(
        "delete from {table} where ({key}) in (select {key} from "
        "(select {names} from {table} except select {names} from {given}) as stale)"
    )
    run("insert into {table} ({names}) select {names} from {given} except select {names} from {table}")
    run("drop table {given}")
