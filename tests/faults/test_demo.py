"""The main job as a stranger runs it: ./scripts/demo, undisturbed, repeated, and killed in the middle."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from yardstick import settings as settings_module
from yardstick.embedded.postgres import EmbeddedServerError, Server, lease

ROOT = Path(__file__).resolve().parents[2]
COMPANY = ("--projects", "3", "--months", "3", "--seed", "7", "--lang", "en")
PERIODS = {"2026-07", "2026-08", "2026-09", "2026-Q3"}


def environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "DATABASE_URL", "YARDSTICK"))
    }


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(ROOT / "scripts/demo"), "--home", str(home), *(arguments or COMPANY)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    try:
        output, _ = process.communicate(timeout=600)
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
    deadline = time.monotonic() + 400
    while not check():
        if process.poll() is not None:
            pytest.fail(f"the demo ended before {what}:\n{process.stdout.read() if process.stdout else ''}")
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.3)


def ask(home: Path, query: str) -> list[tuple]:
    """Rows of a query while the server runs; nothing while it, or the table, is not there yet."""
    try:
        with psycopg.connect(Server(home).url(), connect_timeout=5) as connection:
            return connection.execute(query).fetchall()
    except (EmbeddedServerError, OSError, psycopg.Error):
        return []


def fingerprints(home: Path) -> dict[str, tuple[int, str]]:
    """Row count and hash of every table that an honest re-run must not change.

    Left out is what a clock, a hash chain or an identity column makes different between two homes.
    """
    left_out = {
        "release.release": ("signed_at", "released_at", "previous_sha256", "release_sha256", "delivery_ids")
    }
    prints = {}
    with (
        lease(settings_module.load(home=home)) as leased,
        psycopg.connect(leased.database_url or "") as connection,
    ):
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_schema in ('marts', 'appraisal', 'release') and table_type = 'BASE TABLE' order by 1"
        ).fetchall()
        for (table,) in tables:
            if table in ("release.artifact", "appraisal.int_days__to_figure"):
                continue
            drop = "".join(f" - '{column}'" for column in (*left_out.get(table, ()), "delivery_id"))
            rows = connection.execute(f"select (to_jsonb(t){drop})::text from {table} as t").fetchall()
            text = "\n".join(sorted(row[0] for row in rows))
            prints[table] = (len(rows), hashlib.sha256(text.encode()).hexdigest())
    return prints


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installation on which the demo ran through once."""
    home = tmp_path_factory.mktemp("demo") / "home"
    process = start(home)
    listening: set[str] = set()

    def sample() -> bool:
        text = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout
        ours = belongs_to(home)
        for line in text.splitlines():
            if any(int(pid) in ours for pid in re.findall(r"pid=(\d+)", line)):
                listening.add(line.split()[3])
        return len(listening) >= 2 and bool(ask(home, "select 1 from release.release"))

    wait_until(sample, process, "the first release")
    output = finish(process)
    assert process.returncode == 0, output
    assert all(address.startswith("127.0.0.1:") for address in listening), listening
    (home / "output.txt").write_text(output)
    return home


def test_it_releases_every_month_and_the_quarter(home: Path):
    with (
        lease(settings_module.load(home=home)) as leased,
        psycopg.connect(leased.database_url or "") as connection,
    ):
        released = connection.execute(
            "select period, version, signed_by, signed_how from release.release order by period"
        ).fetchall()
        landed, accounted = connection.execute(
            "select sum(rows_landed), sum(rows_staged + rows_superseded + rows_rejected + rows_duplicate) "
            "from ops.delivery"
        ).fetchone() or (0, 1)
    assert {row[0] for row in released} == PERIODS
    assert {row[1:] for row in released} == {(1, "auto-sign", "auto-sign")}
    assert landed == accounted > 0


def test_its_summary_says_where_everything_is(home: Path):
    output = (home / "output.txt").read_text()
    for period in PERIODS:
        page = home / "reports" / period / "v1" / "en" / "index.html"
        assert page.exists()
        assert str(page) in output
    assert "landed" in output
    assert "rejected" in output
    assert str(home / "reports/index.html") in output


def test_nothing_is_left_running(home: Path):
    assert belongs_to(home) == {}
    assert Server(home).port() is None


def test_a_second_run_changes_nothing(home: Path):
    before = fingerprints(home)
    process = start(home)
    output = finish(process)
    assert process.returncode == 0, output
    assert fingerprints(home) == before
    verified = subprocess.run(
        [str(ROOT / "scripts/yardstick"), "release", "verify", "--home", str(home)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_killed_workers_and_a_killed_parent_change_nothing_in_the_end(home: Path, tmp_path: Path):
    other = tmp_path / "home"
    process = start(other)
    for what, query, victims in (
        ("landing", "select 1 from ops.arrival", tasks),
        ("staging", "select 1 from ops.build where stage = 'stage'", tasks),
        ("facts", "select 1 from ops.build where stage = 'facts'", workers),
    ):
        wait_until(lambda query=query: ask(other, query), process, what)
        wait_until(lambda victims=victims: kill(victims(other)), process, f"a worker to kill in {what}")
    wait_until(lambda: ask(other, "select 1 from release.release"), process, "the first release")
    process.kill()
    process.communicate()
    again = start(other)
    output = finish(again)
    assert again.returncode == 0, output
    assert fingerprints(other) == fingerprints(home)
    assert belongs_to(other) == {}


def test_serve_stays_up_and_ends_with_its_interruption(home: Path):
    process = start(home, *COMPANY, "--serve")
    lines: list[str] = []
    assert process.stdout
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    output = "".join(lines)
    pages = re.search(r"Reports page: (http://127\.0\.0\.1:\d+/)", output)
    airflow = re.search(r"Airflow: +(http://127\.0\.0\.1:\d+)", output)
    warehouse = re.search(r"Warehouse: +(postgresql://\S+)", output)
    assert pages and airflow and warehouse, output  # noqa: PT018
    assert "2026-Q3" in httpx.get(pages[1], follow_redirects=True).text
    assert httpx.get(f"{airflow[1]}/api/v2/version").status_code == 200
    with psycopg.connect(warehouse[1]) as connection:
        assert connection.execute("select count(*) from bi.release").fetchone() == (len(PERIODS),)
    process.send_signal(signal.SIGINT)
    finish(process)
    assert belongs_to(home) == {}
    assert Server(home).port() is None


def test_a_refused_file_makes_it_red_and_the_rest_is_released(tmp_path: Path):
    """One truncated file among good ones: named with its reason, nothing of it lands, the others do."""
    company = tmp_path / "company"
    from yardstick.simulator import simulate

    simulated = simulate(company, projects=2, months=1, seed=3)
    whole = sorted(simulated.data.rglob("*.csv*"))
    victim = whole[len(whole) // 2]
    victim.write_bytes(victim.read_bytes().replace(b"\n", b"\n\xff\xfe", 1)[:400] + b"\xff" * 400)
    process = start(
        tmp_path / "home", "--sites", str(simulated.sites), "--data", str(simulated.data),
        "--from", "2026-07-01", "--to", "2026-07-31", "--lang", "en",
    )  # fmt: skip
    output = finish(process)
    assert process.returncode == 1, output
    assert victim.name in output
    installed = settings_module.load(home=tmp_path / "home")
    with lease(installed) as leased, psycopg.connect(leased.database_url or "") as connection:
        refused = connection.execute("select file_name from ops.arrival where status = 'refused'").fetchall()
        landed = connection.execute("select count(distinct file_name) from ops.delivery").fetchone()
    assert {Path(row[0]).name for row in refused} == {victim.name}
    assert landed
    assert landed[0] >= len(whole) - 1
