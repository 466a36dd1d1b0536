"""`kill -9` in the middle of a release: nothing of it stays, the next run completes, exactly once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration.release_world import PERSON, build_world, execute

from yardstick import appraisal, warehouse
from yardstick.settings import Settings

RELEASE = """
from datetime import UTC, datetime
from yardstick import appraisal, settings
signature = appraisal.Signature("Li Hua", "person", datetime(2015, 2, 3, 9, 30, tzinfo=UTC))
print(appraisal.release(settings.load(), "month", "2015-01", signature), flush=True)
"""


def start(settings: Settings) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RELEASE],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **settings.environment()},
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_until_blocked(settings: Settings) -> None:
    for _ in range(600):
        if execute(
            settings,
            "select 1 from pg_stat_activity "
            "where application_name = 'yardstick-release' and wait_event_type = 'Lock'",
        ):
            return
        time.sleep(0.05)
    raise AssertionError("the release never came to the locked table")


@pytest.mark.parametrize("relation", ["release", "indicator", "difference"])
def test_release_killed_between_its_tables_is_made_whole_by_the_next(
    settings: Settings, relation: str
) -> None:
    build_world(settings)
    with warehouse.connect(settings.require_database_url()) as blocker:
        # reading goes on, inserting waits: the tables before this one are filled by then
        blocker.execute(f"lock table release.{relation} in share mode".encode())
        process = start(settings)
        try:
            wait_until_blocked(settings)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert appraisal.release(settings, "month", "2015-01", PERSON) == "2015-01.v1"
    assert execute(settings, "select count(*) from release.release") == [(1,)]
    assert execute(settings, "select count(*) from release.day") == [(20,)]
    assert appraisal.verify(settings) == []


def test_release_killed_after_its_commit_and_before_its_log_is_not_made_twice(settings: Settings) -> None:
    build_world(settings)
    log: Path = appraisal.chain_log(settings)
    log.parent.mkdir(parents=True, exist_ok=True)
    process = start(settings)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "2015-01.v1"
    process.send_signal(signal.SIGKILL)
    process.wait()
    log.unlink()  # what the process would have left, killed one step earlier
    assert [problem.release_id for problem in appraisal.verify(settings)] == ["2015-01.v1"]
    assert start(settings).communicate()[0].strip() == "2015-01.v1"
    assert execute(settings, "select count(*) from release.release") == [(1,)]
    assert appraisal.verify(settings) == []


def test_two_processes_that_release_at_once_make_one_release(settings: Settings) -> None:
    build_world(settings)
    processes = [start(settings) for _ in range(3)]
    assert [process.communicate()[0].strip() for process in processes] == ["2015-01.v1"] * 3
    assert execute(settings, "select count(*) from release.release") == [(1,)]
    assert len(appraisal.chain_log(settings).read_text().splitlines()) == 1
