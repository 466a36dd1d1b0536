"""The main job as a stranger runs it: ./scripts/demo, once, again, serving, and with a refused file."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from tests.demo_runs import ask, belongs_to, environment, fingerprints, finish, start, wait_until

from yardstick import settings as settings_module
from yardstick.embedded.postgres import Server, lease
from yardstick.simulator import simulate

ROOT = Path(__file__).resolve().parents[2]
COMPANY = ("--projects", "3", "--months", "3", "--seed", "7", "--lang", "en")
PERIODS = {"2026-07", "2026-08", "2026-09", "2026-Q3"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installation on which the demo ran through once."""
    home = tmp_path_factory.mktemp("demo") / "home"
    process = start(home, *COMPANY)
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
    with lease(settings_module.load(home=home)) as leased:
        before = fingerprints(leased)
    process = start(home, *COMPANY)
    output = finish(process)
    assert process.returncode == 0, output
    with lease(settings_module.load(home=home)) as leased:
        assert fingerprints(leased) == before
    verified = subprocess.run(
        [str(ROOT / "scripts/yardstick"), "release", "verify", "--home", str(home)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


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
    bi = re.search(r"BI tools: +(postgresql://\S+)", output)
    assert pages and airflow and bi, output  # noqa: PT018
    assert "2026-Q3" in httpx.get(pages[1], follow_redirects=True).text
    assert httpx.get(f"{airflow[1]}/api/v2/version").status_code == 200
    with psycopg.connect(bi[1]) as connection:
        assert connection.execute("select count(*) from bi.release").fetchone() == (len(PERIODS),)
    with psycopg.connect(bi[1]) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from hr.appraisal_month")
    process.send_signal(signal.SIGINT)
    finish(process)
    assert belongs_to(home) == {}
    assert Server(home).port() is None


def test_a_refused_file_makes_it_red_and_the_rest_is_released(tmp_path: Path):
    """One truncated file among good ones: named with its reason, nothing of it lands, the others do."""
    company = tmp_path / "company"
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
