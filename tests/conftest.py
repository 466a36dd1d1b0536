"""Shared fixtures: one embedded PostgreSQL per test session, one fresh database per test."""

from __future__ import annotations

import secrets
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with the name of its folder below ``tests/``."""
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        item.add_marker(getattr(pytest.mark, folder))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running PostgreSQL in a temporary folder, stopped at the end."""
    server = Server(tmp_path_factory.mktemp("server"))
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


@pytest.fixture
def settings(server: Server, template: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty installation: a fresh database and a temporary home."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'create database "{name}" template "{template}"'.encode())
    base = settings_module.load(home=tmp_path / "home", language="en")
    yield replace(base, database_url=with_database(server.url(), name), data=tmp_path / "data")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)'.encode())
