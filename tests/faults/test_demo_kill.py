"""The main job killed again and again: workers in landing, staging and facts, then everything at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.demo_runs import ask, belongs_to, fingerprints, finish, kill, start, tasks, wait_until, workers

from yardstick import appraisal, ingest, publish, quality, transform
from yardstick import settings as settings_module
from yardstick.embedded.postgres import lease
from yardstick.settings import Settings
from yardstick.simulator import running, simulate

COMPANY = ("--projects", "3", "--months", "1", "--seed", "7", "--lang", "en")
PERIOD = "2026-01"


def undisturbed(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same company through the same verbs, called one after the other without Airflow."""
    company = simulate(folder, projects=3, months=1, seed=7)
    settings = replace(settings, sites=company.sites, data=company.data)
    with running(company, settings) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for lane in ingest.find_due(settings, company.first_day.isoformat(), company.last_day.isoformat()):
            ingest.land(settings, lane, "test")
    build = transform.plan_build(settings, "test")
    assert build
    transform.stage(settings, build.build_id)
    quality.run_gate(settings, "staging", build.build_id)
    transform.facts(settings, build.build_id)
    quality.run_gate(settings, "facts", build.build_id)
    publish.move(settings, build.build_id)
    transform.score(settings, PERIOD)
    signature = appraisal.Signature("auto-sign", "auto-sign", datetime.now(UTC))
    appraisal.release(settings, "month", PERIOD, signature)
    return settings


def test_what_was_killed_ends_like_what_was_not(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = tmp_path / "killed"
    process = start(home, *COMPANY)
    for what, query, victims in (
        ("landing", "select 1 from ops.arrival", tasks),
        ("staging", "select 1 from ops.build where stage = 'stage'", tasks),
        ("facts", "select 1 from ops.build where stage = 'facts'", workers),
    ):
        wait_until(lambda query=query: ask(home, query), process, what)
        wait_until(lambda victims=victims: kill(victims(home)), process, f"a worker to kill in {what}")
    wait_until(lambda: ask(home, "select 1 from release.release"), process, "the first release")
    process.kill()
    process.communicate()

    again = start(home, *COMPANY)
    output = finish(again)
    assert again.returncode == 0, output
    assert belongs_to(home) == {}

    expected = fingerprints(undisturbed(settings, tmp_path / "company", monkeypatch))
    with lease(settings_module.load(home=home)) as leased:
        assert fingerprints(leased) == expected
        assert appraisal.verify(leased) == []
