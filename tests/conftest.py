"""Shared fixtures: one embedded PostgreSQL per worker, one fresh database per test.

The database always has the same name, and dbt's folder is the worker's: dbt parses the whole project anew for
another database, which takes longer than most builds here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from yardstick import settings as settings_module
from yardstick import warehouse
from yardstick.embedded.postgres import Server
from yardstick.settings import Settings, with_database

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "test"
# Nothing here has to outlive the machine: `kill -9` of the server is survived without these.
NOT_DURABLE = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with the name of its folder below ``tests/``."""
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        item.add_marker(getattr(pytest.mark, folder))


@pytest.fixture(scope="session", autouse=True)
def quiet_dbt() -> Iterator[None]:
    """Dbt in this process writes no log: making text of its events is a quarter of a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_LOG_LEVEL", "none")
        patch.setenv("DBT_LOG_LEVEL_FILE", "none")
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running PostgreSQL in a temporary folder, stopped at the end."""
    server = Server(tmp_path_factory.mktemp("server"))
    server.initialise()
    with (server.data / "postgresql.auto.conf").open("a") as conf:
        conf.write(NOT_DURABLE)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """Name of a database that holds our schemas and nothing else."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("create database template_yardstick")
    warehouse.migrate(server.url("template_yardstick"))
    return "template_yardstick"


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of dbt for every test: what it has parsed of the project."""
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture
def settings(server: Server, template: str, parsed: Path, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty installation: a fresh database and a temporary home."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database if exists {DATABASE} with (force)".encode())
        connection.execute(f"create database {DATABASE} template {template}".encode())
    base = settings_module.load(home=tmp_path / "home", language="en")
    base.home.mkdir()
    (base.home / "dbt").symlink_to(parsed)
    yield replace(base, database_url=with_database(server.url(), DATABASE), data=tmp_path / "data")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {DATABASE} with (force)".encode())
