"""The indicators of inspections, findings and surveys against a recomputation from the facts alone."""

from __future__ import annotations

import math
import random
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from tests.conftest import installation, keep
from tests.integration.appraisal_world import PROJECTS, build, fill, make_world, score, table

from yardstick import standards, transform, warehouse
from yardstick.embedded.postgres import Server
from yardstick.settings import Settings

FIRST, HORIZON = date(2026, 1, 1), date(2026, 3, 31)
UNKNOWN = "XX-XX-01"
ENTITIES = ("ticket", "inspection", "inspection_item", "rectification", "survey_answer")
SHARES = (
    "inspection_pass_rate",
    "inspection_plan_done",
    "inspection_deductions",
    "rectification_on_time",
    "repeat_findings",
    "satisfaction",
    "survey_response",
)


@dataclass(frozen=True)
class Facts:
    """Rows of the four facts, as their models have them."""

    inspections: pd.DataFrame
    items: pd.DataFrame
    findings: pd.DataFrame
    answers: pd.DataFrame


def _day(draw: random.Random) -> date:
    return FIRST + timedelta(days=draw.randrange((HORIZON - FIRST).days + 1))


@pytest.fixture(scope="module")
def world(
    server: Server, staged_template: str, parsed: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Name of a database that holds the small world: each test has a copy."""
    with installation(server, staged_template, parsed, tmp_path_factory.mktemp("world")) as made:
        make_world(made, FIRST, HORIZON, entities=ENTITIES)
        return keep(server, "template_world")


@pytest.fixture
def settings(server: Server, world: str, parsed: Path, tmp_path: Path) -> Iterator[Settings]:
    with installation(server, world, parsed, tmp_path) as made:
        yield made


def some_facts(seed: int, release: standards.Release) -> Facts:
    """A quarter of inspections, findings and answers at every project but the last, which has few."""
    draw = random.Random(seed)
    grace = release.scoring["inspection_grace_days"]
    codes = [*draw.sample(sorted(release.inspection_standards), 60), UNKNOWN]
    inspections, items, findings, answers = [], [], [], []
    for number in range(160):
        project = "p-small" if number < 2 else draw.choice(list(PROJECTS)[:4])
        kind = draw.choice(["weekly", "monthly", "quarterly", "special"])
        planned = _day(draw)
        status = draw.choice(["done"] * 8 + ["missed", "cancelled"])
        done = planned + timedelta(days=draw.randrange(0, 9)) if status == "done" else None
        inspections.append(
            {
                "source_inspection_id": f"i{number:04}",
                "project_id": project,
                "inspection_type": kind,
                "inspection_scope": draw.choice(["comprehensive", "thematic", "spot"]),
                "status": status,
                "planned_date": planned,
                "due_date": planned + timedelta(days=grace[kind]),
                "done_date": done,
                "is_done": done is not None,
                "standards_release": release.standards_release,
                "items_checked": 0,
                "items_failed": 0,
                "findings": 0,
                "is_vetoed": False,
                "veto_codes": "{}",
            }
        )
        for place in range(15 if done is not None and done <= HORIZON else 0):
            code = draw.choice(codes)
            passed = draw.choice([True] * 18 + [False, None])
            full = None if draw.random() < 0.2 else draw.choice([2, 3, 5])
            lost = 0 if passed else draw.choice([1, 2, 9])
            items.append(
                {
                    "source_inspection_item_id": f"i{number:04}-{place}",
                    "source_inspection_id": f"i{number:04}",
                    "project_id": project,
                    "checked_at": done,
                    "checked_date": done,
                    "standard_code": code,
                    "result": {True: "passed", False: "failed", None: "not_applicable"}[passed],
                    "is_passed": passed,
                    "full_score": full,
                    "score": None if full is None or draw.random() < 0.3 else max(full - lost, 0),
                    "deduction_points": None if draw.random() < 0.4 else lost,
                    "findings": None if draw.random() < 0.4 else int(not passed),
                    "is_veto": False,
                    "inspection_type": kind,
                    "inspection_scope": inspections[-1]["inspection_scope"],
                }
            )
    for number in range(500):
        found = _day(draw)
        due = found + timedelta(days=draw.randrange(1, 12))
        mended = None if draw.random() < 0.2 else found + timedelta(days=draw.randrange(0, 15))
        closed = None if mended is None or draw.random() < 0.2 else mended + timedelta(days=3)
        origin = "takeover" if draw.random() < 0.1 else "inspection"
        findings.append(
            {
                "nonconformity_id": f"n{number:04}",
                "origin": origin,
                "source_kind": "rectification",
                "source_nonconformity_id": f"n{number:04}",
                "project_id": draw.choice(list(PROJECTS)[:4]),
                "standard_code": draw.choice(codes),
                "severity": "ordinary",
                "status": "cancelled" if draw.random() < 0.05 else "closed" if closed else "found",
                "found_at": found,
                "found_date": found,
                "due_at": due,
                "due_date": due,
                "rectified_at": mended,
                "rectified_date": mended,
                "closed_at": closed,
                "closed_date": closed,
                "is_overdue": False,
                "is_rectified_on_time": (mended is not None and mended <= due) if due <= HORIZON else None,
                "is_repeated": draw.random() < 0.1,
            }
        )
    for number in range(1200):
        asked = _day(draw)
        answered = None if draw.random() < 0.4 else asked + timedelta(days=draw.randrange(0, 4))
        answers.append(
            {
                "source_survey_answer_id": f"a{number:05}",
                "survey_id": "s",
                "project_id": draw.choice(list(PROJECTS)[:4]),
                "dimension": draw.choice(["overall", "repair"]),
                "question_code": "q",
                "channel": draw.choice(["phone", "app"]),
                "status": "answered" if answered else "not_answered",
                "asked_at": asked,
                "asked_date": asked,
                "answered_at": answered,
                "answered_date": answered,
                "is_answered": answered is not None,
                "score": draw.choice([2, 3, 4, 5, None]) if answered else None,
                "full_score": draw.choice([5, 10]),
                "has_verbatim": False,
            }
        )
    lineage = {"source_id": "site", "delivery_id": 1, "row_number": 2}
    return Facts(
        *(
            pd.DataFrame([row | lineage for row in rows], dtype=object)
            for rows in (inspections, items, findings, answers)
        )
    )


def fill_facts(settings: Settings, facts: Facts, affected: Iterable[date] | None = None) -> None:
    """Put the facts in the place of what is there; every day is affected unless told otherwise."""
    days = (FIRST + timedelta(days=n) for n in range((HORIZON - FIRST).days + 1))
    with warehouse.connect(settings.require_database_url()) as connection:
        fill(connection, "marts.fct_inspection", facts.inspections)
        fill(connection, "marts.fct_inspection_item", facts.items)
        fill(connection, "intermediate.int_nonconformities", facts.findings)
        fill(connection, "marts.fct_survey_answer", facts.answers)
        noted = pd.DataFrame({"day": sorted(days if affected is None else affected)})
        fill(connection, "intermediate.int_days__affected", noted.assign(build_id=1))


def prepare(settings: Settings, seed: int) -> Facts:
    """The small world with a quarter of quality facts and no ticket; the daily models are built."""
    facts = some_facts(seed, standards.in_force(standards.read(settings.standards), FIRST))
    fill_facts(settings, facts)
    build(settings)
    return facts


Sums = dict[tuple[str, str], list[float]]


def weight_of(release: standards.Release, item: Mapping[str, Any]) -> float:
    known = release.inspection_standards.get(item["standard_code"])
    return known.weight if known else item["full_score"] or 1


def points_of(release: standards.Release, item: Mapping[str, Any]) -> tuple[float, float] | None:
    """Points that could be had and points deducted; None where neither app nor standard says the first."""
    known = release.inspection_standards.get(item["standard_code"])
    full = item["full_score"] or (known.scoring["full_score"] if known else None)
    if full is None:
        return None
    lost = item["deduction_points"]
    if lost is None:
        lost = full - item["score"] if item["score"] is not None else 0 if item["is_passed"] else full
    return full, min(lost, full)


def recomputed(facts: Facts, release: standards.Release, start: date, end: date) -> Sums:
    """(project, indicator) → numerator, denominator, sum of squared weights."""
    sums: Sums = defaultdict(lambda: [0.0, 0.0, 0.0])

    def add(project: str, indicator: str, numerator: float, weight: float = 1) -> None:
        total = sums[project, indicator]
        total[0] += numerator
        total[1] += weight
        total[2] += weight * weight

    for one in facts.inspections.to_dict("records"):
        if one["status"] != "cancelled" and start <= one["due_date"] <= min(end, HORIZON):
            add(
                one["project_id"],
                "inspection_plan_done",
                one["is_done"] and one["done_date"] <= one["due_date"],
            )
        if one["is_done"] and start <= one["done_date"] <= end:
            add(one["project_id"], "veto", one["is_vetoed"])
    for one in facts.items.to_dict("records"):
        if one["is_passed"] is not None and start <= one["checked_date"] <= end:
            weight = weight_of(release, one)
            add(one["project_id"], "inspection_pass_rate", weight * one["is_passed"], weight)
            if points := points_of(release, one):
                add(one["project_id"], "inspection_deductions", points[1], points[0])
    for one in facts.findings.to_dict("records"):
        if one["origin"] != "inspection" or one["status"] == "cancelled":
            continue
        if start <= one["found_date"] <= end:
            add(one["project_id"], "repeat_findings", one["is_repeated"])
        if start <= one["due_date"] <= min(end, HORIZON):
            add(one["project_id"], "rectification_on_time", one["is_rectified_on_time"])
    for one in facts.answers.to_dict("records"):
        if one["dimension"] != "overall":
            continue
        if start <= one["asked_date"] <= end:
            add(one["project_id"], "survey_response", one["is_answered"])
        if one["is_answered"] and one["score"] is not None and start <= one["answered_date"] <= end:
            add(one["project_id"], "satisfaction", one["score"], one["full_score"])
    return sums


def quality_rows(settings: Settings, period: str) -> dict[tuple[str, str], dict[str, Any]]:
    rows = table(settings, "appraisal_indicator", "project_id, indicator", period)
    return {
        (row["project_id"], row["indicator"]): row for row in rows if row["indicator"] in {*SHARES, "veto"}
    }


def test_quality_indicators_equal_a_recomputation_from_the_facts(settings: Settings) -> None:
    facts = prepare(settings, seed=1)
    release = standards.in_force(standards.read(settings.standards), FIRST)
    score(settings, "2026-02")
    rows = quality_rows(settings, "2026-02")
    expected = recomputed(facts, release, date(2026, 2, 1), date(2026, 2, 28))
    assert {key for key in rows if key[0] in list(PROJECTS)[:4]} == {
        (project, indicator) for project in list(PROJECTS)[:4] for indicator in (*SHARES, "veto")
    }
    weighted = 0
    z = 1.959963985
    for key, row in rows.items():
        if key not in expected:
            assert (row["denominator"], row["value"], row["points"]) == (0, None, None), key
            continue
        numerator, denominator, squares = expected[key]
        definition = release.indicators[key[1]]
        assert row["numerator"] == pytest.approx(numerator), key
        assert row["denominator"] == pytest.approx(denominator), key
        sample = denominator**2 / squares
        assert row["is_sample_sufficient"] == (sample >= definition["minimum_sample"]), key
        if key[1] == "veto":
            assert (row["value"], row["points"], row["weight"], row["value_low"]) == (0, 100, 0, None)
            continue
        share = numerator / denominator
        assert row["value"] == pytest.approx(share, abs=1e-6), key
        if squares == denominator:
            assert row["sample_effective"] is None, key
        else:
            assert row["sample_effective"] == pytest.approx(sample, abs=1e-5), key
            weighted += 1
        half = z * math.sqrt(share * (1 - share) / sample + z * z / (4 * sample * sample))
        low = (share + z * z / (2 * sample) - half) / (1 + z * z / sample)
        assert row["value_low"] == pytest.approx(max(low, 0), abs=1e-5), key
        assert row["value_low"] <= row["value"] <= row["value_high"], key
    assert weighted >= 12


def test_days_add_up_to_months_and_months_to_the_quarter(settings: Settings) -> None:
    facts = prepare(settings, seed=2)
    release = standards.in_force(standards.read(settings.standards), FIRST)
    whole = recomputed(facts, release, FIRST, HORIZON)
    daily: Sums = defaultdict(lambda: [0.0, 0.0, 0.0])
    for row in table(settings, "indicator_daily", "day, project_id, indicator"):
        total = daily[row["project_id"], row["indicator"]]
        for place, name in enumerate(("numerator", "denominator", "squares")):
            total[place] += float(row[name])
    assert len(whole) > 30
    assert daily.keys() == whole.keys()
    for key, total in daily.items():
        assert total == pytest.approx(whole[key]), key
    months: Sums = defaultdict(lambda: [0.0, 0.0])
    for period in ("2026-01", "2026-02", "2026-03", "2026-Q1"):
        score(settings, period)
        for key, row in quality_rows(settings, period).items():
            if period == "2026-Q1":
                assert [row["numerator"] or 0, row["denominator"]] == pytest.approx(months[key]), key
            else:
                months[key][0] += row["numerator"] or 0
                months[key][1] += row["denominator"]
    before = table(settings, "indicator_daily", "day, project_id, indicator")
    build(settings, "--full-refresh")
    assert table(settings, "indicator_daily", "day, project_id, indicator") == before


def test_categories_roll_up_and_hold_what_waits_at_the_end(settings: Settings) -> None:
    facts = prepare(settings, seed=3)
    release = standards.in_force(standards.read(settings.standards), FIRST)
    score(settings, "2026-01")
    start, end = date(2026, 1, 1), date(2026, 1, 31)

    def path(code: str) -> tuple[str, ...]:
        known = release.inspection_standards.get(code)
        return release.category_path(known.category) if known else ("uncatalogued",)

    wanted: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * 6)
    for one in facts.items.to_dict("records"):
        if one["is_passed"] is not None and start <= one["checked_date"] <= end:
            weight, points = weight_of(release, one), points_of(release, one) or (0, 0)
            for category in path(one["standard_code"]):
                sums = wanted[one["project_id"], category]
                sums[0] += 1
                sums[1] += one["is_passed"]
                sums[2] += weight
                sums[3] += points[1]
    for one in facts.findings.to_dict("records"):
        is_open = one["found_date"] <= end and (one["closed_date"] is None or one["closed_date"] > end)
        if one["origin"] == "inspection" and one["status"] != "cancelled" and is_open:
            is_late = one["due_date"] <= end and (
                one["rectified_date"] is None or one["rectified_date"] > end
            )
            for category in path(one["standard_code"]):
                wanted[one["project_id"], category][4] += 1
                wanted[one["project_id"], category][5] += is_late
    rows = table(settings, "appraisal_category", "project_id, category", "2026-01")
    assert {(row["project_id"], row["category"]) for row in rows} == wanted.keys()
    names = ("items_checked", "items_passed", "weight_checked", "deducted_points")
    waiting = ("nonconformities_open", "nonconformities_overdue")
    for row in rows:
        key = row["project_id"], row["category"]
        assert [row[name] for name in (*names, *waiting)] == pytest.approx(wanted[key]), key
        if row["category"] != "uncatalogued":
            assert row["depth"] == len(release.category_path(row["category"]))
            assert row["parent_category"] == release.categories[row["category"]].parent
            assert row["category_names"]["en"] == release.categories[row["category"]].names["en"]
    assert {row["depth"] for row in rows} == {1, 2, 3}
    assert any(row["category"] == "uncatalogued" for row in rows)


def change(path: Path, block: str | None, values: Mapping[str, Any]) -> None:
    """Put other values into a file of standards, or into a block of it."""
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=standards.Loader)
    (content[block] if block else content).update(values)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def release_after(folder: Path, name: str, base: str) -> Path:
    """A folder for a release that is based on another, in force from the first of the month it is named for."""
    made = folder / name
    made.mkdir()
    shutil.copy(folder / base / "release.yml", made / "release.yml")
    head = {"standards_release": name, "based_on": base, "effective_from": f"{name}-01"}
    change(made / "release.yml", None, head)
    return made


def test_a_standards_weight_changes_from_its_release_on_and_nothing_before(
    settings: Settings, tmp_path: Path
) -> None:
    facts = prepare(settings, seed=4)
    folder = Path(shutil.copytree(settings.standards, tmp_path / "standards"))
    made = release_after(folder, "2026-03", "2026-01")
    (made / "catalogue").mkdir()
    shutil.copy(folder / "2026-01/catalogue/cleaning.yml", made / "catalogue/cleaning.yml")
    cleaning = yaml.load(
        (made / "catalogue/cleaning.yml").read_text(encoding="utf-8"), Loader=standards.Loader
    )
    heavier = {code: standard | {"weight": 40} for code, standard in cleaning["standards"].items()}
    change(made / "catalogue/cleaning.yml", "standards", heavier)
    before = table(settings, "indicator_daily", "day, project_id, indicator")
    releases = standards.read(folder)
    with warehouse.connect(settings.require_database_url()) as connection:
        standards.load(connection, releases)
        connection.execute("truncate intermediate.int_days__affected")
    transform.run_dbt(
        settings, ["run", "--select", "dim_standard_category", "dim_standard"], variables={"build_id": 1}
    )
    build(settings)
    after = table(settings, "indicator_daily", "day, project_id, indicator")

    def of(rows: list[dict[str, Any]], months: set[int]) -> list[dict[str, Any]]:
        return [row for row in rows if row["day"].month in months]

    assert of(after, {1, 2}) == of(before, {1, 2})
    score(settings, "2026-03")
    rows = quality_rows(settings, "2026-03")
    old, new = (
        recomputed(facts, release, date(2026, 3, 1), HORIZON)
        for release in (standards.in_force(releases, FIRST), standards.in_force(releases, HORIZON))
    )
    key = "p-a", "inspection_pass_rate"
    assert old[key] != new[key]
    for project in list(PROJECTS)[:4]:
        key = project, "inspection_pass_rate"
        assert [rows[key]["numerator"], rows[key]["denominator"]] == pytest.approx(new[key][:2])
    with warehouse.connect(settings.require_database_url()) as connection:
        noted = connection.execute("select min(day), max(day) from ops.build_day where build_id = 1")
        assert noted.fetchone() == (min(row["day"] for row in after), max(row["day"] for row in after))


def test_one_veto_takes_the_last_grade_and_leaves_the_score(settings: Settings, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(settings.standards, tmp_path / "standards"))
    # There are no tickets here: let the quality indicators be enough for a score, and any score for a grade.
    change(folder / "2026-01/release.yml", "scoring", {"minimum_weight_measured": 20})
    shutil.copy(folder / "2015-01/grades.yml", folder / "2026-01/grades.yml")
    names = {"zh-Hans": "合格", "zh-Hant": "合格", "en": "Pass"}
    change(
        folder / "2026-01/grades.yml",
        "grades",
        {"pass": {"minimum_score": 1, "coefficient": 0.8, "names": names}},
    )
    release = standards.in_force(standards.read(folder), FIRST)
    with warehouse.connect(settings.require_database_url()) as connection:
        standards.load(connection, standards.read(folder))
    facts = some_facts(5, release)
    fill_facts(settings, facts)
    build(settings)
    score(settings, "2026-02")
    calm = {row["project_id"]: row for row in table(settings, "appraisal_score", "project_id", "2026-02")}
    assert {calm[project]["is_vetoed"] for project in PROJECTS} == {None}
    assert {row["is_sample_sufficient"] for row in quality_rows(settings, "2026-02").values()} == {
        True,
        False,
    }
    good = max(("p-a", "p-b", "p-c"), key=lambda project: calm[project]["score"])
    assert calm[good]["grade"] != list(release.grades)[-1]

    vetoed = facts.inspections.copy()
    for project in (good, "p-free"):
        held = vetoed[
            (vetoed.project_id == project)
            & vetoed.done_date.map(lambda day: day is not None and day.month == 2)
        ]
        assert len(held)
        vetoed.loc[held.index[0], "is_vetoed"] = True
    fill_facts(settings, replace(facts, inspections=vetoed))
    build(settings)
    score(settings, "2026-02")
    scores = {row["project_id"]: row for row in table(settings, "appraisal_score", "project_id", "2026-02")}
    worst = list(release.grades.values())[-1]
    assert scores[good]["is_vetoed"] is True
    assert scores[good]["grade"] == list(release.grades)[-1] != calm[good]["grade"]
    assert scores[good]["coefficient"] == worst["coefficient"]
    for figure in ("score", "score_low", "score_high", "rank", "weight_measured"):
        assert {project: row[figure] for project, row in scores.items()} == {
            project: row[figure] for project, row in calm.items()
        }
    # Not appraised: no grade, and nothing to take away.
    assert (scores["p-free"]["is_vetoed"], scores["p-free"]["grade"]) == (None, None)
    assert {scores[project]["is_vetoed"] for project in PROJECTS if project != good} == {None}
    row = quality_rows(settings, "2026-02")[good, "veto"]
    assert (row["numerator"], row["value"], row["points"], row["weight_effective"]) == (1, 1, 0, 0)
    people = {row["project_id"]: row for row in table(settings, "appraisal_person", "project_id", "2026-02")}
    assert (people[good]["grade"], people[good]["coefficient"]) == (
        scores[good]["grade"],
        worst["coefficient"],
    )
