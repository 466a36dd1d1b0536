"""The stays of tickets, by the project's own models, against the same statements in DuckDB on the same rows."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import psycopg
import sqlglot

from yardstick.bench.report import Report, alternate, progress
from yardstick.settings import Settings

REPEATS = 5
MODELS = ("int_tickets__profiled", "int_ticket_events", "int_ticket_spans")
_READ = {
    "staging.stg_delivered__tickets": None,
    "staging.stg_delivered__ticket_events": None,
    "marts.dim_calendar": None,
    "intermediate.int_tickets__touched": None,
    "intermediate.int_service_keys": ("build_id", "kind", "key_id", "told_emergency", "class"),
    "intermediate.int_service_profiles": (
        "build_id", "source_class", "project_class", "service_item_class", "profile_number", "time_zone",
    ),
    "ops.source": ("source_id", "time_zone"),
    "ops.source_field": ("source_id", "entity", "field"),
}  # fmt: skip
_BUILD = "coalesce(nullif(current_setting('yardstick.build_id', true), ''), '0')::bigint"


def measure(made: Settings, connection: psycopg.Connection[Any], build_id: int, report: Report) -> None:
    """The ratio, after every row of both was compared.

    Args:
        made: an installation whose last build touched every ticket.
        connection: to its warehouse.
        build_id: of that build.
        report: to be filled.

    Raises:
        AssertionError: when a row differs.
    """
    import duckdb

    folder = made.home / "dbt/yardstick-dbt/target/compiled/yardstick/models/intermediate"
    statements = {
        name: _placed((folder / f"{name}.sql").read_text(encoding="utf-8"), build_id) for name in MODELS
    }
    other_words = {
        name: sqlglot.transpile(statement, read="postgres", write="duckdb")[0]
        for name, statement in statements.items()
    }
    connection.execute(b"create schema facts")
    with duckdb.connect() as duck:
        duck.execute("set timezone = 'UTC'; create schema facts")
        progress("the same rows to DuckDB")
        for relation, columns in _READ.items():
            _copy(connection, duck, relation, relation, columns)

        def postgres(_: int) -> None:
            for name, statement in statements.items():
                connection.execute(f"drop table if exists facts.{name} cascade".encode())
                connection.execute(f"create table facts.{name} as {statement}".encode())
                connection.execute(f"analyze facts.{name}".encode())

        def duckdb_(_: int) -> None:
            for name, statement in other_words.items():
                duck.execute(f"create or replace table facts.{name} as {statement}")

        seconds = alternate({"postgres": postgres, "duckdb": duckdb_}, REPEATS, progress)
        compared, differing = _differences(connection, duck)
        threads = duck.execute("select current_setting('threads')").fetchone()
    report.details["facts"] = {
        "spans": compared,
        "differences": differing,
        "duckdb": duckdb.__version__,
        "threads": threads[0] if threads else None,
    }
    if differing or not compared:
        raise AssertionError(f"stays differ: {report.details['facts']}")
    report.add(
        "facts_vs_duckdb",
        [one / other for one, other in zip(seconds["postgres"], seconds["duckdb"], strict=True)],
    )
    report.details["facts_seconds"] = {
        name: [round(one, 2) for one in each] for name, each in seconds.items()
    }


def _placed(statement: str, build_id: int) -> str:
    """A compiled model that reads the benchmark's copy of the models before it."""
    statement = statement.replace(_BUILD, f"{build_id}::bigint").replace('"yardstick".', "")
    for name in MODELS:
        statement = statement.replace(f'"intermediate"."{name}"', f"facts.{name}")
    return statement


def _copy(
    connection: psycopg.Connection[Any],
    duck: Any,
    relation: str,
    target: str,
    columns: tuple[str, ...] | None,
) -> None:
    """Copy columns of a relation, all when none are named, to DuckDB with their types."""
    schema, table = relation.split(".")
    types = dict(
        connection.execute(
            "select column_name, case data_type when 'timestamp with time zone' then 'timestamptz' "
            "when 'text' then 'varchar' else data_type end from information_schema.columns "
            "where table_schema = %s and table_name = %s order by ordinal_position",
            [schema, table],
        ).fetchall()
    )
    wanted = {name: types[name] for name in columns or types}
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        query = f"copy (select {', '.join(wanted)} from {relation}) to stdout (format csv, force_quote *)"  # noqa: S608
        with connection.cursor().copy(query.encode()) as rows:
            for block in rows:
                file.write(block)
        file.flush()
        duck.execute(f"create schema if not exists {target.split('.')[0]}")
        duck.execute(
            f"create table {target} as select * from read_csv('{Path(file.name)}', header = false, "  # noqa: S608
            f"columns = {wanted}, nullstr = '', allow_quoted_nulls = false)"
        )


def _differences(connection: psycopg.Connection[Any], duck: Any) -> tuple[int, int]:
    """Stays compared, and rows that only one of the two has."""
    _copy(connection, duck, "facts.int_ticket_spans", "postgres.int_ticket_spans", None)
    columns = ", ".join(row[0] for row in duck.execute("describe postgres.int_ticket_spans").fetchall())
    pair = [f"select {columns} from {schema}.int_ticket_spans" for schema in ("postgres", "facts")]  # noqa: S608
    counted = duck.execute(
        f"select (select count(*) from ({pair[0]})), "  # noqa: S608
        f"(select count(*) from ({pair[0]} except all {pair[1]})) "
        f"+ (select count(*) from ({pair[1]} except all {pair[0]}))"
    ).fetchone()
    return int(counted[0]), int(counted[1])
