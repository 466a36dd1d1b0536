"""Connections to the warehouse, and the schemas that dbt does not own (``schema/*.sql``)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.abc import QueryNoTemplate

from yardstick.contracts import load_contracts

SCHEMA = Path(__file__).parent / "schema"
_MIGRATION_LOCK = 7_402_001
STAGING_LOCK, SCORE_LOCK = 7_402_010, 7_402_011
"""Held by whoever writes what dbt owns."""
_RAW = "020_raw.sql"


def connect(url: str, *, name: str = "yardstick", autocommit: bool = False) -> psycopg.Connection[Any]:
    """Open a session that carries ``name`` as its application name and works in UTC.

    Raises:
        psycopg.OperationalError: when the server cannot be reached.
    """
    return psycopg.connect(
        url, application_name=name, autocommit=autocommit, options="-c timezone=UTC", connect_timeout=10
    )


def migrate(url: str) -> list[str]:
    """Create or update our own schemas; safe to repeat and to run twice at once.

    Each file of ``schema/`` is written to be applied again (``if not exists``, ``create or replace``);
    a file whose content was applied already is passed over. Every contract has its table in ``raw``, and
    every view of ``hr`` is read through its log.

    Returns:
        The names of the files applied now.
    """
    applied: list[str] = []
    with connect(url, name="yardstick-migrate") as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])
        connection.execute("create schema if not exists ops")
        connection.execute(
            "create table if not exists ops.migration "
            "(file_name text primary key, sha256 text not null, applied_at timestamptz not null default now())"
        )
        known = dict(connection.execute("select file_name, sha256 from ops.migration").fetchall())
        for path in sorted(SCHEMA.glob("*.sql")):
            text = path.read_text(encoding="utf-8")
            digest = hashlib.sha256(text.encode()).hexdigest()
            if known.get(path.name) == digest:
                continue
            connection.execute(text.encode())
            connection.execute(
                "insert into ops.migration (file_name, sha256) values (%s, %s) "
                "on conflict (file_name) do update set sha256 = excluded.sha256, applied_at = now()",
                [path.name, digest],
            )
            applied.append(path.name)
        connection.execute(
            "select raw.create_entity(entity) from unnest(%s::text []) as entity "
            "where %s or to_regclass(format('raw.%%I', entity)) is null",
            [list(load_contracts()), _RAW in applied],
        )
        connection.execute("select ops.log_hr_views()")
    return applied


def rows(
    connection: psycopg.Connection[Any],
    query: QueryNoTemplate,
    parameters: Sequence[Any] | Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """All rows of a query as dictionaries by column name."""
    cursor = connection.execute(query, parameters)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def exists(connection: psycopg.Connection[Any], relation: str) -> bool:
    """Whether there is a relation of that name, ``schema.name``."""
    return connection.execute("select to_regclass(%s)", [relation]).fetchone() != (None,)
