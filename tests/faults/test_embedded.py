"""The embedded PostgreSQL: started on demand, closed to strangers, gone when its last user is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from yardstick import settings as settings_module
from yardstick.embedded.postgres import Server, lease
from yardstick.embedded.processes import Family, started_at, sweep

HOLD = """
import sys, time
from pathlib import Path
from yardstick import settings
from yardstick.embedded import postgres
with postgres.lease(settings.load(home=Path(sys.argv[1]))) as leased:
    print(leased.database_url, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path):
    yield tmp_path / "home"
    Server(tmp_path / "home").stop()


def hold(home: Path) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_URL")}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout
    assert process.stdout.readline().startswith("postgresql://")
    return process


def test_the_last_user_turns_it_off(home: Path):
    with lease(settings_module.load(home=home)) as first:
        with lease(settings_module.load(home=home)) as second:
            assert first.database_url == second.database_url
        assert Server(home).port() is not None
    assert Server(home).port() is None


def test_it_listens_on_loopback_only_and_asks_for_a_password(home: Path):
    with lease(settings_module.load(home=home)) as leased:
        port = Server(home).port()
        listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=True).stdout
        addresses = [
            line.split()[3] for line in listening.splitlines() if line.split()[3].endswith(f":{port}")
        ]
        assert addresses == [f"127.0.0.1:{port}"]
        assert leased.database_url
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(leased.database_url.replace(Server(home).password, "guess"))
        socket_url = f"postgresql://yardstick:guess@/yardstick?host={Server(home).sockets}&port={port}"
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(socket_url)
        psycopg.connect(socket_url.replace("guess", Server(home).password)).close()


def test_a_killed_user_does_not_keep_it_running(home: Path):
    holder = hold(home)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert Server(home).port() is not None, "a killed user cannot stop it"
    with (
        lease(settings_module.load(home=home)) as leased,
        psycopg.connect(leased.database_url or "") as connection,
    ):
        assert connection.execute("select 1").fetchone() == (1,)
    assert Server(home).port() is None


def test_data_survive_a_kill_of_the_server_itself(home: Path):
    with lease(settings_module.load(home=home)) as leased:
        with psycopg.connect(leased.database_url or "") as connection:
            connection.execute("create table kept as select generate_series(1, 1000) as n")
        pid = int((home / "postgres/data/postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while started_at(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
    with (
        lease(settings_module.load(home=home)) as leased,
        psycopg.connect(leased.database_url or "") as connection,
    ):
        assert connection.execute("select count(*) from kept").fetchone() == (1000,)


def test_a_half_made_data_folder_is_made_anew(home: Path):
    (home / "postgres/data").mkdir(parents=True)
    (home / "postgres/data/PG_VERSION").write_text("18\n")
    with (
        lease(settings_module.load(home=home)) as leased,
        psycopg.connect(leased.database_url or "") as connection,
    ):
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_given_server_is_used_and_none_is_started(home: Path, server: Server):
    given = settings_module.load(home=home, database_url=server.url())
    with lease(given) as leased:
        assert leased.database_url == server.url()
    assert not (home / "postgres").exists()


def test_children_die_with_a_killed_parent(tmp_path: Path):
    run = tmp_path / "run"
    script = (
        "import os, sys, time\nfrom pathlib import Path\nfrom yardstick.embedded.processes import Family\n"
        "family = Family(Path(sys.argv[1]), Path(sys.argv[1]))\n"
        "print(family.start('child', ['sleep', '600'], os.environ, Path('/')).process.pid, flush=True)\ntime.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(run)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert started_at(child)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while started_at(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert started_at(child) is None


def test_the_next_start_ends_what_a_killed_one_left(tmp_path: Path):
    run = tmp_path / "run"
    family = Family(run, tmp_path / "logs")
    child = family.start(
        "left", [sys.executable, "-c", "import time; time.sleep(600)"], os.environ, Path("/")
    )
    assert sweep(run) == ["left"]
    child.process.wait(10)
    assert not list(run.glob("*.json"))


def test_a_reused_process_id_is_not_touched(tmp_path: Path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "other.json").write_text(f'{{"pid": {os.getpid()}, "started_at": "1"}}')
    assert sweep(run) == []
    assert started_at(os.getpid())
