"""A company moves one target: the score, the suite, the handbook and the report follow, and nothing before it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from yardstick import appraisal, handbook, ingest, publish, quality, reports, standards, transform, warehouse
from yardstick.settings import Settings
from yardstick.simulator import running, simulate

MONTHS = ("2026-01", "2026-02", "2026-03")
CHANGED = "inspection_pass_rate"
TARGET = 0.995
SIGNED = appraisal.Signature("quality department", "person", datetime(2026, 4, 2, tzinfo=UTC))


@pytest.fixture(scope="module")
def monkeymodule() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def build(settings: Settings) -> None:
    """One run of the DAG build."""
    planned = transform.plan_build(settings, "test")
    assert planned
    transform.stage(settings, planned.build_id)
    quality.run_gate(settings, "staging", planned.build_id)
    transform.facts(settings, planned.build_id)
    quality.run_gate(settings, "facts", planned.build_id)
    publish.move(settings, planned.build_id)


def scores(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Scores and indicators of every month as they stand now."""
    for month in MONTHS:
        transform.score(settings, month)
    with warehouse.connect(settings.require_database_url(), name="test") as connection:
        return {
            month: warehouse.rows(
                connection,
                "select project_id, indicator, value, points, weight_effective, floor_value, target_value, "
                "s.score, s.grade "
                "from appraisal.appraisal_indicator as i "
                "inner join appraisal.appraisal_score as s using (period_kind, period, project_id) "
                "where period = %s order by 1, 2",
                [month],
            )
            for month in MONTHS
        }


def compiled(settings: Settings, day: date) -> str:
    """What the gate of the facts would hold a day to."""
    suites = quality.load_suites(quality.suites_folder(settings), "facts")
    return str(quality.as_data(quality.compile_for(suites, standards.read(settings.standards), [day])))


def hold_to_the_target(path: Path) -> None:
    """A month short of the target is a finding in this company, not only one worse than the floor."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["indicators"][CHANGED]["nonconformity"]["below"] = "target"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), "utf-8")


def new_release(settings: Settings) -> Path:
    """A folder beside the shipped ones: one target is another from March on."""
    base = settings.standards / "2026-01"
    folder = settings.standards / "2026-03"
    folder.mkdir()
    head = yaml.safe_load((base / "release.yml").read_text(encoding="utf-8"))
    head |= {"standards_release": "2026-03", "based_on": "2026-01", "effective_from": "2026-03-01"}
    content = yaml.safe_load((base / "indicators.yml").read_text(encoding="utf-8"))
    for grade in content["indicators"][CHANGED]["project_grades"].values():
        assert grade["target"] != TARGET
        grade["target"] = TARGET
    for name, data in (("release", head), ("indicators", content)):
        (folder / f"{name}.yml").write_text(
            yaml.safe_dump(data, allow_unicode=True, sort_keys=False), "utf-8"
        )
    return folder


@pytest.fixture(scope="module")
def worlds(
    server: Any, template: str, tmp_path_factory: pytest.TempPathFactory, monkeymodule: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """The same company before and after."""
    import psycopg

    from yardstick import settings as settings_module
    from yardstick.settings import project_root, with_database

    folder = tmp_path_factory.mktemp("company")
    company = simulate(folder, projects=2, months=len(MONTHS), seed=5)
    shutil.copytree(project_root() / "expectations/standards", folder / "standards")
    hold_to_the_target(folder / "standards/2026-01/indicators.yml")
    shutil.copytree(folder / "standards", folder / "as_it_was")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'create database new_release template "{template}"'.encode())
    settings = replace(
        settings_module.load(home=folder / "home", language="en"),
        database_url=with_database(server.url(), "new_release"),
        sites=company.sites,
        data=company.data,
        standards=folder / "standards",
    )
    first, last = company.first_day.isoformat(), company.last_day.isoformat()
    with running(company, settings) as variables:
        for name, value in variables.items():
            monkeymodule.setenv(name, value)
        for lane in ingest.find_due(settings, first, last):
            ingest.land(settings, lane, "test")
        build(settings)
        before = scores(settings)
        for month in MONTHS[:2]:
            appraisal.release(settings, "month", month, SIGNED)
        folder_of_release = new_release(settings)
        ingest.find_due(settings, first, last)  # which loads what the releases say now
    transform.rebuild(settings, company.last_day, company.last_day)
    build(settings)
    yield {
        "settings": settings,
        "before": before,
        "after": scores(settings),
        "folder": folder_of_release,
    }
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("drop database new_release with (force)")


def test_months_before_it_keep_their_numbers(worlds: dict[str, Any]) -> None:
    before, after = worlds["before"], worlds["after"]
    assert all(before[month] for month in MONTHS)
    assert after["2026-01"] == before["2026-01"]
    assert after["2026-02"] == before["2026-02"]
    assert not appraisal.proposals(worlds["settings"]), "no released month asks to be restated"
    assert not appraisal.verify(worlds["settings"])


def test_the_score_follows(worlds: dict[str, Any]) -> None:
    rows = list(zip(worlds["before"]["2026-03"], worlds["after"]["2026-03"], strict=True))
    changed = [(old, new) for old, new in rows if old["indicator"] == CHANGED]
    assert changed
    for old, new in changed:
        assert new["target_value"] == TARGET
        assert new["value"] == old["value"]
        assert new["points"] <= old["points"]
    moved = [(old, new) for old, new in changed if old["value"] > old["floor_value"]]
    assert moved, "every project failed: the target moves nothing"
    assert all(new["points"] < old["points"] and new["score"] < old["score"] for old, new in moved)
    for old, new in rows:
        if old["indicator"] != CHANGED:
            assert {**old, "score": None, "grade": None} == {**new, "score": None, "grade": None}


def test_the_suite_follows_from_its_first_day(worlds: dict[str, Any]) -> None:
    settings = worlds["settings"]
    february, march = (compiled(settings, day) for day in (date(2026, 2, 28), date(2026, 3, 1)))
    assert str(TARGET) not in february
    assert str(TARGET) in march


def test_handbook_and_report_follow(worlds: dict[str, Any], tmp_path: Path) -> None:
    settings = worlds["settings"]
    releases = {release.standards_release: release for release in standards.read(settings.standards)}
    pages = handbook.render(releases["2026-03"], releases["2026-01"])
    page = next(body.decode() for name, body in pages.items() if name.endswith("en.html"))
    assert "99.5" in page
    release_id = appraisal.release(settings, "month", "2026-03", SIGNED)
    paths = [Path(path) for path in reports.publish(settings, release_id)]
    english = [path for path in paths if "en" in path.parts and path.suffix == ".html"]
    assert english
    assert any("99.5" in path.read_text(encoding="utf-8") for path in english)
    shown = "".join(path.read_text(encoding="utf-8") for path in english)
    assert "2026-03" in shown
    with warehouse.connect(settings.require_database_url(), name="test") as connection:
        of_release = dict(
            connection.execute("select period, standards_release from release.release order by 1").fetchall()
        )
    assert of_release == {"2026-01": "2026-01", "2026-02": "2026-01", "2026-03": "2026-03"}


def test_no_other_file_was_touched(worlds: dict[str, Any]) -> None:
    used = worlds["settings"].standards
    as_it_was = used.parent / "as_it_was"
    files = [path for path in as_it_was.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert (used / path.relative_to(as_it_was)).read_bytes() == path.read_bytes(), path
    assert {path.name for path in worlds["folder"].iterdir()} == {"release.yml", "indicators.yml"}
