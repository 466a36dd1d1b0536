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
from yardstick.contracts import load_contracts
from yardstick.embedded.postgres import Server, lease
from yardstick.settings import Settings
from yardstick.simulator import running, simulate

ROOT = Path(__file__).resolve().parents[2]
COMPANY = ("--projects", "3", "--months", "3", "--seed", "7", "--lang", "en")
PERIODS = {"2026-01", "2026-02", "2026-03", "2026-Q1"}


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


def test_every_system_has_delivered_over_its_own_connection(home: Path):
    with (
        lease(settings_module.load(home=home)) as leased,
        psycopg.connect(leased.database_url or "") as connection,
    ):
        entities = {
            (row[0], row[1])
            for row in connection.execute(
                "select source_id, entity from ops.delivery group by 1, 2 having sum(rows_landed) > 0"
            )
        }
        databases = {row[0] for row in connection.execute("select datname from pg_database")}
    assert {source_id for source_id, _ in entities} == {
        "assets", "helpdesk", "hr", "inspection_app", "master_data", "survey_platform",
    }  # fmt: skip
    assert {entity for _, entity in entities} >= set(load_contracts()) - {"takeover_finding"}
    assert not any(name.endswith("_hr") for name in databases)


def test_its_summary_says_where_everything_is(home: Path):
    output = (home / "output.txt").read_text()
    for period in PERIODS:
        page = home / "reports" / period / "v1" / "en" / "index.html"
        assert page.exists()
        assert str(page) in output
    for entity in ("ticket", "attendance", "inspection_item", "survey_answer", "equipment_status"):
        assert re.search(rf"^ +{entity} +[0-9,]+ +[0-9,]+", output, re.MULTILINE), entity
    assert "not yet accounted for" not in output
    assert "unknown_code" in output
    assert str(home / "reports/index.html") in output


def test_nothing_is_left_running(home: Path):
    assert belongs_to(home) == {}
    assert Server(home).port() is None


def test_a_second_run_changes_nothing_and_serves_until_it_is_interrupted(home: Path):
    with lease(settings_module.load(home=home)) as leased:
        before = fingerprints(leased)
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
    assert "2026-Q1" in httpx.get(pages[1], follow_redirects=True).text
    assert httpx.get(f"{airflow[1]}/api/v2/version", timeout=60).status_code == 200
    with psycopg.connect(bi[1]) as connection:
        assert connection.execute("select count(*) from bi.release").fetchone() == (len(PERIODS),)
    with psycopg.connect(bi[1]) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from hr.appraisal_month")
    process.send_signal(signal.SIGINT)
    finish(process)
    assert belongs_to(home) == {}
    assert Server(home).port() is None

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


def test_a_refused_file_makes_it_red_and_the_rest_is_released(tmp_path: Path, settings: Settings):
    """One truncated file among good ones: named with its reason, nothing of it lands, the others do."""
    simulated = simulate(tmp_path / "company", projects=2, months=1, seed=3)
    (victim,) = simulated.data.rglob("成本*.csv.gz")
    victim.write_bytes(victim.read_bytes()[:200])
    with running(simulated, settings) as variables:
        process = start(
            tmp_path / "home", "--sites", str(simulated.sites), "--data", str(simulated.data),
            "--from", "2026-01-01", "--to", "2026-01-31", "--lang", "en", variables=variables,
        )  # fmt: skip
        output = finish(process)
    assert process.returncode == 1, output
    assert victim.name in output
    installed = settings_module.load(home=tmp_path / "home")
    with lease(installed) as leased, psycopg.connect(leased.database_url or "") as connection:
        refused = connection.execute(
            "select distinct file_name from ops.arrival where status = 'refused'"
        ).fetchall()
        entities = {row[0] for row in connection.execute("select distinct entity from ops.delivery")}
        released = {row[0] for row in connection.execute("select period from release.release")}
    assert {Path(row[0]).name for row in refused} == {victim.name}
    assert entities == set(load_contracts()) - {"cost"}
    assert released == {"2026-01"}
