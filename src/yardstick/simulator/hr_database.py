"""The HR system's database: made anew beside the warehouse on the same server, with a login that only reads."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from yardstick.settings import with_database

SCHEMA = "hr"


@dataclass(frozen=True)
class Login:
    """How to reach the database.

    Attributes:
        host: its host.
        port: its port.
        database: its name.
        user: the login, which may only read.
        password: its password, made for this start.
    """

    host: str
    port: int
    database: str
    user: str
    password: str


def make(url: str, folder: Path) -> Login:
    """Make the database from the kept tables; one of the same name goes.

    Args:
        url: of the warehouse; the new database stands beside it and is named after it.
        folder: ``<table>.copy`` and ``<table>.columns`` of every table.
    """
    parts = urlsplit(url)
    name = _name(url)
    login = Login(
        parts.hostname or "127.0.0.1", parts.port or 5432, name, f"{name}_reader", secrets.token_urlsafe(18)
    )
    drop(url)
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        server.execute(
            sql.SQL("revoke connect, temporary on database {} from public").format(sql.Identifier(name))
        )
        server.execute(
            sql.SQL("create role {} login password {}").format(
                sql.Identifier(login.user), sql.Literal(login.password)
            )
        )
        server.execute(
            sql.SQL("alter role {} set default_transaction_read_only = on").format(sql.Identifier(login.user))
        )
        server.execute(
            sql.SQL("grant connect on database {} to {}").format(
                sql.Identifier(name), sql.Identifier(login.user)
            )
        )
    with psycopg.connect(with_database(url, name)) as database:
        database.execute(sql.SQL("create schema {}").format(sql.Identifier(SCHEMA)))
        for path in sorted(folder.glob("*.copy")):
            columns = path.with_suffix(".columns").read_text(encoding="utf-8").split()
            _load(database, path, columns)
        database.execute(
            sql.SQL(
                "grant usage on schema {0} to {1}; grant select on all tables in schema {0} to {1}"
            ).format(sql.Identifier(SCHEMA), sql.Identifier(login.user))
        )
    return login


def _load(database: psycopg.Connection[tuple[object, ...]], path: Path, columns: list[str]) -> None:
    """One table: every column is text, as the old system has it; the order of the rows is kept."""
    table = sql.Identifier(SCHEMA, path.stem)
    names = [sql.Identifier(column) for column in columns]
    database.execute(
        sql.SQL(
            "create table {} (row_id bigint generated always as identity primary key, "
            "updated_at timestamptz not null, {})"
        ).format(table, sql.SQL(", ").join(sql.SQL("{} text").format(name) for name in names))
    )
    statement = sql.SQL("copy {} (updated_at, {}) from stdin").format(table, sql.SQL(", ").join(names))
    with path.open("rb") as lines, database.cursor().copy(statement) as copy:
        while chunk := lines.read(1 << 20):
            copy.write(chunk)
    database.execute(sql.SQL("create index on {} (updated_at)").format(table))
    database.execute(sql.SQL("analyze {}").format(table))


def drop(url: str) -> None:
    """Remove the database and its login."""
    name = _name(url)
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        server.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(f"{name}_reader")))


def _name(url: str) -> str:
    return unquote(urlsplit(url).path.lstrip("/"))[:50] + "_hr"
