"""Shared fixtures: one embedded PostgreSQL per worker, one fresh database per test.

The database always has the same name, and dbt's folder is the worker's: dbt parses the whole project anew for
another database, which takes longer than most builds here.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from dbt_common.behavior_flags import BehaviorFlagRendered

from tests.deliveries import READ_BY_FACTS
from yardstick import settings as settings_module
from yardstick import transform, warehouse
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


def pytest_collection_finish() -> None:
    """Half a million objects of what is imported by now need not be looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def quiet() -> Iterator[None]:
    """Dbt in this process writes no log: making text of its events is a quarter of a run.

    Nor does it look up where each of its behaviour flags was declared, by a walk through all of the stack: it
    has one more of them after every run of the same process. Great Expectations is quiet as well: what it says
    of its own making hides what failed.
    """
    logging.getLogger("great_expectations._docs_decorators").setLevel(logging.WARNING)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_LOG_LEVEL", "none")
        patch.setenv("DBT_LOG_LEVEL_FILE", "none")
        patch.setattr(BehaviorFlagRendered, "_default_source", staticmethod(lambda: "dbt"))
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


@pytest.fixture(scope="session")
def staged_template(
    server: Server, template: str, parsed: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Name of a database in which the staged relations that facts read are there, and empty."""
    with installation(server, template, parsed, tmp_path_factory.mktemp("staged")) as made:
        selected = ["ops_flag", *(f"tag:entity:{name}" for name in sorted(READ_BY_FACTS))]
        transform.run_dbt(made, ["run", "--select", *selected], variables={"build_id": 0})
        return keep(server, "template_staged")


@pytest.fixture
def settings(server: Server, template: str, parsed: Path, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty installation: a fresh database and a temporary home."""
    with installation(server, template, parsed, tmp_path) as made:
        yield made


@pytest.fixture
def staged(server: Server, staged_template: str, parsed: Path, tmp_path: Path) -> Iterator[Settings]:
    """The same, but it has been built before: a build stages what is delivered and no other entity."""
    with installation(server, staged_template, parsed, tmp_path) as made:
        yield made


def keep(server: Server, name: str) -> str:
    """Make the tests' database one that others are copied from; returns its name."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database if exists {name}".encode())
        connection.execute(f"alter database {DATABASE} rename to {name}".encode())
    return name


@contextmanager
def installation(server: Server, template: str, parsed: Path, folder: Path) -> Iterator[Settings]:
    """A copy of a database and a home below the folder."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database if exists {DATABASE} with (force)".encode())
        connection.execute(f"create database {DATABASE} template {template}".encode())
    base = settings_module.load(home=folder / "home", language="en")
    base.home.mkdir()
    (base.home / "dbt").symlink_to(parsed)
    yield replace(base, database_url=with_database(server.url(), DATABASE), data=folder / "data")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database if exists {DATABASE} with (force)".encode())
