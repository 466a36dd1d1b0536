"""Databases of a site system for tests: an HR system on PostgreSQL or MariaDB, with a login that may only read."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import yaml

from tests.mariadb_server import MariaDB
from yardstick.embedded.postgres import Server, ensure_database
from yardstick.settings import Settings
from yardstick.sources import database
from yardstick.sources.delivery import Due, Reading
from yardstick.sources.site import Site
from yardstick.sources.site_file import load_sites

CONNECTION = "hr_database"
VARIABLE = "AIRFLOW_CONN_HR_DATABASE"
FIELDS = {"source_attendance_id": "att_no", "person_id": "emp_no", "work_date": "work_date"}
SECRET = "s3cret-word"


@dataclass
class Hr:
    """An HR system.

    Attributes:
        kind: ``postgres`` or ``mariadb``.
        run: execute a statement as its administrator; returns rows.
        login: the reading login.
        host: its address.
        port: its port.
        schema: its database.
    """

    kind: str
    run: Callable[..., Sequence[tuple[Any, ...]]]
    login: str
    port: int
    schema: str
    host: str = "127.0.0.1"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def is_postgres(self) -> bool:
        return self.kind == "postgres"

    def connection(self, **changed: Any) -> str:
        """The value of the Airflow variable, with parts replaced."""
        parts = {
            "conn_type": self.kind, "host": self.host, "port": self.port, "login": self.login, "password": SECRET,
            "schema": self.schema, "extra": self.extra,
        }  # fmt: skip
        return json.dumps({**parts, **changed})

    def waiting(self) -> int | None:
        """The session that stands still inside the query of a pull, or None."""
        if self.is_postgres:
            statement = (
                "select pid from pg_stat_activity where usename = %s and query ilike 'copy%%' "
                "and wait_event in ('PgSleep', 'advisory')"
            )
        else:
            statement = (
                "select id from information_schema.processlist where user = %s and state in ('User sleep', "
                "'User lock')"
            )
        found = self.run(statement, [self.login])
        return int(found[0][0]) if found else None

    def end(self, session: int) -> None:
        """End a session as an administrator does."""
        if self.is_postgres:
            self.run("select pg_terminate_backend(%s)", [session])
        else:
            self.run(f"kill connection {session}")

    def sleeping(self, rows: int, seconds: int = 60) -> str:
        """A query of two columns that sends rows and then stands still."""
        if self.is_postgres:
            return (
                f"select i as att_no, case when i = {rows} then pg_sleep({seconds})::text else 'x' end as emp_no, "
                f"date '2026-01-01' as work_date from generate_series(1, {rows}) as i"
            )
        return (
            f"select seq as att_no, if(seq = {rows}, sleep({seconds}), 'x') as emp_no, "
            f"date'2026-01-01' as work_date from seq_1_to_{rows}"
        )


@contextmanager
def on_postgres(server: Server) -> Iterator[Hr]:
    """A schema of its own in a database beside the warehouse."""
    ensure_database(server.url("postgres"), "hr_systems")
    name = f"hr_{secrets.token_hex(4)}"
    port = server.port()
    assert port is not None
    with psycopg.connect(server.url("hr_systems"), autocommit=True) as connection:

        def run(statement: str, parameters: Sequence[Any] | None = None) -> Sequence[tuple[Any, ...]]:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

        run(f"create role {name} login password '{SECRET}'")
        run(f"grant connect on database hr_systems to {name}")  # making readers closes it to everybody else
        run(f"create schema {name}")
        run(f"grant usage on schema {name} to {name}")
        run(f"alter default privileges in schema {name} grant select on tables to {name}")
        run(f"alter role {name} set search_path = {name}")
        run(f"set search_path = {name}")
        yield Hr("postgres", run, name, port, "hr_systems")
        run(f"drop owned by {name}")
        run(f"drop schema {name} cascade")
        run(f"drop role {name}")


@contextmanager
def on_mariadb(server: MariaDB) -> Iterator[Hr]:
    """A database of its own on the server."""
    name = f"hr_{secrets.token_hex(4)}"
    with server.admin() as connection, connection.cursor() as cursor:

        def run(statement: str, parameters: Sequence[Any] | None = None) -> Sequence[tuple[Any, ...]]:
            cursor.execute(statement, parameters)
            return cursor.fetchall()

        run(f"create database {name} character set utf8mb4")
        run(f"create user {name}@'127.0.0.1' identified by '{SECRET}'")
        run(f"grant select, execute on {name}.* to {name}@'127.0.0.1'")
        run(f"use {name}")
        yield Hr("mariadb", run, name, server.port, name)
        run(f"drop database {name}")
        run(f"drop user {name}@'127.0.0.1'")


def write_site(folder: Path, query: str, entity: str = "attendance", **given: Any) -> Path:
    """Write a site file of one entity and say where."""
    site = given.pop("site", {})
    content = {
        "kind": "site",
        "source_id": "hr",
        "names": {"zh": "人力资源系统", "en": "HR system"},
        "connector": "database",
        "connection": CONNECTION,
        "time_zone": "Asia/Shanghai",
        "valid_from": "2026-01-01",
        **site,
        "entities": {entity: {"query": query, "fields": FIELDS, **given}},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "hr.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def make_site(folder: Path, query: str, entity: str = "attendance", **given: Any) -> Site:
    """A site of one entity."""
    (site,) = load_sites(write_site(folder, query, entity, **given))
    return site


@dataclass
class Pulled:
    """What came of a pull.

    Attributes:
        header: folded column names.
        rows: cells.
        content: the kept bytes.
        problems: rule by row number.
        reading: the reading.
    """

    header: list[str]
    rows: list[list[str]]
    content: bytes
    problems: dict[int, str]
    reading: Reading


def pull(site: Site, settings: Settings, due: Due | None = None) -> Pulled:
    """Fetch and read the pull of a site's only entity; default the first that is due."""
    (entity,) = site.entities.values()
    due = due or database.due(site, entity, settings)[0]
    with database.fetch(site, entity, due, settings) as fetched:
        content = fetched.stream.read()
        fetched.stream.seek(0)
        reading = database.read(entity, due.name, fetched.stream)
        rows: list[list[str]] = []
        problems: dict[int, str] = {}
        for page in reading.pages:
            assert list(page.numbers) == list(range(len(rows) + 1, len(rows) + len(page.rows) + 1))
            problems |= {page.numbers[index]: rule for index, (rule, _) in page.problems.items()}
            rows += [row.split("\x1f") for row in page.rows]
    return Pulled(reading.header, rows, content, problems, reading)
