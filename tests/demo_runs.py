"""Starting, watching and killing ./scripts/demo as a stranger would."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
import pytest

from yardstick.embedded.postgres import EmbeddedServerError, Server
from yardstick.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


def environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "DATABASE_URL", "DBT", "YARDSTICK"))
    }


def start(home: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the demo, with variables that define connections where it does not simulate the systems itself."""
    return subprocess.Popen(
        [str(ROOT / "scripts/demo"), "--home", str(home), *arguments],
        env={**environment(), **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Who runs the tests in the background ignores interruptions, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(process: subprocess.Popen[str]) -> str:
    try:
        output, _ = process.communicate(timeout=900)
    except subprocess.TimeoutExpired:
        process.terminate()
        output, _ = process.communicate()
        pytest.fail(f"the demo did not end:\n{output}")
    return output


def belongs_to(home: Path) -> dict[int, str]:
    """Living processes of an installation: pid and command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if command and ((entry / "cwd").readlink().is_relative_to(home) or str(home) in command):
                found[int(entry.name)] = command
    return found


def workers(home: Path) -> list[int]:
    """Busy Airflow workers: each supervisor and the task it runs."""
    return [
        pid for pid, text in belongs_to(home).items() if "airflow worker -- " in text and "idle" not in text
    ]


def tasks(home: Path) -> list[int]:
    """Only the running tasks."""
    commands = belongs_to(home)
    return [pid for pid in workers(home) if "LocalExecutor" not in commands.get(pid, "")]


def kill(pids: list[int]) -> bool:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(pids)


def wait_until(check: Callable[[], object], process: subprocess.Popen[str], what: str) -> None:
    deadline = time.monotonic() + 900
    while not check():
        if process.poll() is not None:
            pytest.fail(f"the demo ended before {what}:\n{process.stdout.read() if process.stdout else ''}")
        if time.monotonic() > deadline:
            process.terminate()
            pytest.fail(f"waited in vain for {what}:\n{process.communicate()[0]}")
        time.sleep(0.3)


def ask(home: Path, query: str) -> list[tuple]:
    """Rows of a query while the server runs; nothing while it, or the table, is not there yet."""
    try:
        with psycopg.connect(Server(home).url(), connect_timeout=5) as connection:
            return connection.execute(query).fetchall()
    except (EmbeddedServerError, OSError, psycopg.Error):
        return []


def fingerprints(settings: Settings) -> dict[str, tuple[int, str]]:
    """Row count and hash of every table that an honest re-run must not change.

    Left out is what a clock, a hash chain, an identity column or the secret that hides households makes different
    between two homes.
    """
    left_out = {
        "release.release": ("signed_at", "released_at", "previous_sha256", "release_sha256", "delivery_ids"),
        "marts.fct_complaint": ("household_key", "call_back_delivery_id"),
        "marts.fct_household_history": ("household_key",),
    }
    prints = {}
    with psycopg.connect(settings.require_database_url()) as connection:
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_schema in ('marts', 'appraisal', 'release') and table_type = 'BASE TABLE' order by 1"
        ).fetchall()
        for (table,) in tables:
            if table in ("release.artifact", "release.hand_off", "appraisal.int_days__to_figure"):
                continue
            drop = "".join(f" - '{column}'" for column in (*left_out.get(table, ()), "delivery_id"))
            rows = connection.execute(f"select (to_jsonb(t){drop})::text from {table} as t").fetchall()
            text = "\n".join(sorted(row[0] for row in rows))
            prints[table] = (len(rows), hashlib.sha256(text.encode()).hexdigest())
    return prints
