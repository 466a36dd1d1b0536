"""Run the simulated systems: one child process on free loopback ports, ended with its user."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from yardstick.embedded.processes import Child, Family
from yardstick.settings import Settings
from yardstick.simulator import hr_database, servers
from yardstick.simulator.company import SimulatedCompany

_START_SECONDS = 120.0


class SystemsError(RuntimeError):
    """The simulated systems did not start; the message ends with their log."""


@contextlib.contextmanager
def running(
    company: SimulatedCompany, settings: Settings, family: Family | None = None
) -> Iterator[dict[str, str]]:
    """Serve a company's systems while the context lasts.

    Args:
        company: what to serve.
        settings: with ``database_url``: the HR database is made on that server.
        family: owns the process; default one of its own.

    Yields:
        The variables that define the connections (``AIRFLOW_CONN_…``), for whoever pulls.

    Raises:
        SystemsError: when they do not start.
    """
    with contextlib.ExitStack() as stack:
        if family is None:
            family = stack.enter_context(Family(company.folder / "run", company.folder / "logs"))
        doors = company.folder / "doors.json"
        doors.unlink(missing_ok=True)
        child = family.start(
            "simulated-systems",
            [sys.executable, "-m", "yardstick.simulator", "serve", str(company.folder)],
            {**os.environ, **settings.environment(), "DATABASE_URL": settings.require_database_url()},
            cwd=company.folder,
        )
        try:
            yield _wait(child, doors)
        finally:
            doors.unlink(missing_ok=True)
            _end(child)


def _wait(child: Child, doors: Path) -> dict[str, str]:
    deadline = time.monotonic() + _START_SECONDS
    while not doors.exists():
        if not child.alive() or time.monotonic() > deadline:
            raise SystemsError(
                f"the simulated systems did not start; the end of {child.log}:\n{child.tail()}"
            )
        time.sleep(0.05)
    variables: dict[str, str] = json.loads(doors.read_text(encoding="utf-8"))
    return variables


def _end(child: Child) -> None:
    """Ask it to end and wait; the family sees to a process that does not."""
    with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
        child.process.terminate()
        child.process.wait(10)


def serve(folder: Path, url: str) -> None:
    """Become the process that serves a company's systems, until it is told to end.

    Args:
        folder: of the company.
        url: of the warehouse, beside which the HR database is made.
    """
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    keys = {name: os.urandom(18).hex() for name in ("helpdesk", "assets")}
    apis = {
        "helpdesk": servers.open_helpdesk(folder / "systems", keys["helpdesk"]),
        "assets": servers.open_assets(folder / "systems", keys["assets"]),
    }
    threads = [threading.Thread(target=api.serve_forever, daemon=True) for api in apis.values()]
    for thread in threads:
        thread.start()
    try:
        login = hr_database.make(url, folder / "systems" / "hr")
        _announce(folder / "doors.json", _connections(apis, keys, login))
        done.wait()
    finally:
        for api in apis.values():
            api.shutdown()
            api.server_close()
        hr_database.drop(url)


def _connections(
    apis: dict[str, servers.Api], keys: dict[str, str], login: hr_database.Login
) -> dict[str, str]:
    """The variables that Airflow reads connections from."""
    found = {
        "helpdesk_api": {
            "conn_type": "http",
            "host": "127.0.0.1",
            "port": apis["helpdesk"].port,
            "login": servers.CLIENT,
            "password": keys["helpdesk"],
            "extra": {"auth": "oauth2_client_credentials", "token_url": "/oauth/token"},
        },
        "assets_api": {
            "conn_type": "http",
            "host": "127.0.0.1",
            "port": apis["assets"].port,
            "password": keys["assets"],
            "extra": {"auth": "api_key", "header": "X-API-Key"},
        },
        "hr_database": {
            "conn_type": "postgres",
            "host": login.host,
            "port": login.port,
            "schema": login.database,
            "login": login.user,
            "password": login.password,
        },
    }
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in found.items()}


def _announce(path: Path, variables: dict[str, str]) -> None:
    """Tell where the systems are, readable by their user only, whole or not at all."""
    aside = path.with_suffix(".part")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(variables, stream)
    aside.replace(path)
