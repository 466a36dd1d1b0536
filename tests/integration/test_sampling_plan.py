"""The sampling plan on a real server against the same rule in plain Python, and what must hold of any plan."""

from __future__ import annotations

import csv
import io
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random  # seeded: the same company every time
from typing import Any

import openpyxl
import psycopg
import pytest

from yardstick import sampling, standards, transform, warehouse
from yardstick import settings as settings_module
from yardstick.embedded.postgres import Server
from yardstick.errors import BadInputError
from yardstick.settings import Settings, project_root, with_database
from yardstick.standards import InspectionStandard, Release

MONTH = date(2026, 5, 1)
MONTH_END = date(2026, 5, 31)
RELEASE: Release = standards.read(project_root() / "expectations/standards")[-1]
FACILITIES = {
    "lift": "lifts", "garage": "has_garage", "public_washroom": "has_public_washroom", "pool": "has_pool",
    "fire_control_room": "has_fire_control_room", "green_area": "green_area_m2",
}  # fmt: skip


@dataclass(frozen=True)
class Project:
    name: str
    grade: str
    kind: str | None = "residential"
    facilities: frozenset[str] = frozenset()
    stage: str | None = None
    takeover: date | None = None
    ended: date | None = None


@dataclass(frozen=True)
class Check:
    project: str
    code: str
    day: date
    is_passed: bool | None


PROJECTS = (
    Project("A1", "A", facilities=frozenset(FACILITIES)),
    Project("A2", "A", facilities=frozenset({"lift", "garage"}), takeover=date(2020, 1, 1)),
    Project("B1", "B", "office", frozenset({"lift", "fire_control_room"})),
    Project("B2", "B", None),
    Project("C1", "C", facilities=frozenset({"green_area"}), ended=date(2026, 5, 1)),
    Project("C2", "C", stage="operating"),
    Project("GONE", "A", ended=date(2026, 4, 30)),
    Project("LEFT", "A", stage="ended"),
    Project("SOON", "A", takeover=date(2026, 6, 1)),
)
ACTIVE = {"A1", "A2", "B1", "B2", "C1", "C2"}


@pytest.fixture(scope="module")
def home(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A warehouse with the shipped standards, the made-up projects and the view; checks are put in by tests."""
    name = f"plan_{secrets.token_hex(6)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'create database "{name}" template "{template}"'.encode())
    folder = tmp_path_factory.mktemp("home")
    settings = replace(
        settings_module.load(home=folder, language="en"), database_url=with_database(server.url(), name)
    )
    with warehouse.connect(settings.require_database_url(), autocommit=True) as connection:
        with connection.transaction():
            standards.load(connection, standards.read(settings.standards))
        connection.execute(
            b"create schema if not exists intermediate; create schema if not exists marts;"
            b"create view intermediate.int_sources__entity_horizons as select 'site' as source_id, "
            b"'inspection_item' as entity, date '2026-01-01' as first_date, date '2026-04-17' as horizon_date;"
            b"create table marts.dim_project (project_id text, project_name_zh text, project_name_en text, "
            b"project_grade text, project_type text, project_stage text, takeover_date date, ended_date date, "
            b"green_area_m2 numeric, lifts integer, has_public_washroom boolean, has_garage boolean, "
            b"has_pool boolean, has_fire_control_room boolean);"
            b"create table marts.fct_inspection_item (project_id text, standard_code text, checked_date date, "
            b"is_passed boolean)"
        )
        for one in PROJECTS:
            counted = {"lift", "green_area"}
            columns = {
                column: (3 if facility in one.facilities else 0) if facility in counted else facility in one.facilities
                for facility, column in FACILITIES.items()
            } | {
                "project_id": one.name, "project_name_en": f"=Project {one.name}", "project_grade": one.grade,
                "project_type": one.kind, "project_stage": one.stage, "takeover_date": one.takeover,
                "ended_date": one.ended,
            }  # fmt: skip
            names = ", ".join(columns)
            marks = ", ".join(["%s"] * len(columns))
            connection.execute(
                f"insert into marts.dim_project ({names}) values ({marks})".encode(), list(columns.values())
            )
    transform.run_dbt(
        settings,
        [
            "run",
            "--select",
            "int_standards__in_force",
            "dim_standard_category",
            "dim_standard",
            "rpt_sampling_plan",
        ],
        variables={"build_id": 0},
    )
    yield settings
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)'.encode())


@pytest.fixture
def connection(home: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A session whose checks are undone afterwards."""
    with warehouse.connect(home.require_database_url()) as connection:
        yield connection
        connection.rollback()


def put(connection: psycopg.Connection[Any], checks: Sequence[Check]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into marts.fct_inspection_item values (%s, %s, %s, %s)",
            [(one.project, one.code, one.day, one.is_passed) for one in checks],
        )


def view(
    connection: psycopg.Connection[Any], month: date | None = MONTH
) -> dict[tuple[str, str], dict[str, Any]]:
    """Every row of the view by project and standard."""
    connection.execute(
        "select set_config('yardstick.plan_month', %s, true)", [month.isoformat() if month else ""]
    )
    rows = warehouse.rows(connection, "select * from marts.rpt_sampling_plan")
    return {(row["project_id"], row["standard_code"]): row for row in rows}


def history(seed: int) -> list[Check]:
    """A year of checks: some standards often, some rarely, some never; some in the planned month.

    A2 and B1 were looked at in April as a whole, so that little of theirs is due.
    """
    random = Random(seed)
    codes = random.sample(sorted(RELEASE.inspection_standards), 220)
    bad = {code: random.choice((0.02, 0.1, 0.4)) for code in codes}
    checks = []
    for one in PROJECTS:
        for code in codes:
            for _ in range(random.choice((0, 0, 1, 2, 9))):
                day = date(2025, 6, 1) + timedelta(days=random.randrange(350))
                result = None if random.random() < 0.1 else random.random() > bad[code]
                checks.append(Check(one.name, code, day, result))
    for name in ("A2", "B1"):
        for code in codes:
            day = date(2026, 4, random.randrange(20, 31))
            checks.append(Check(name, code, day, random.random() > bad[code]))
    return checks


def applies(project: Project, standard: InspectionStandard) -> bool:
    limits = standard.applies_to
    return (
        standard.check_every_days is not None
        and project.grade in limits.get("project_grades", [project.grade])
        and ("project_types" not in limits or project.kind in limits["project_types"])
        and set(limits.get("facilities", ())) <= project.facilities
    )


def reference(checks: Sequence[Check]) -> dict[tuple[str, str], dict[str, Any]]:
    """The rule, as the release and the documentation say it."""
    rule = RELEASE.sampling
    grade_of = {one.name: one.grade for one in PROJECTS}
    own: dict[tuple[str, str], list[Check]] = defaultdict(list)
    of_grade: dict[tuple[str, str], list[Check]] = defaultdict(list)
    for check in checks:
        if check.is_passed is not None and check.day < MONTH:
            own[check.project, check.code].append(check)
            of_grade[grade_of[check.project], check.code].append(check)

    def mean(found: Sequence[Check], prior: float) -> float:
        weights = [(0.5 ** ((MONTH - one.day).days / rule["half_life_days"]), one) for one in found]
        failed = sum(weight for weight, one in weights if not one.is_passed)
        every = sum(weight for weight, _ in weights)
        return (failed + rule["prior_checks"] * prior) / (every + rule["prior_checks"])

    found: dict[tuple[str, str], dict[str, Any]] = {}
    for project in (one for one in PROJECTS if one.name in ACTIVE):
        rows = []
        for code, standard in RELEASE.inspection_standards.items():
            if not applies(project, standard):
                continue
            mine = own[project.name, code]
            last = max((one.day for one in mine), default=None)
            chance = mean(mine, mean(of_grade[project.grade, code], rule["prior_chance"]))
            staleness = (MONTH_END - last).days / standard.check_every_days if last else 1.0
            loss = chance * standard.weight * (rule["veto_factor"] if standard.veto else 1)
            rows.append(
                {
                    "code": code,
                    "times_checked": len(mine),
                    "times_failed": sum(not one.is_passed for one in mine),
                    "last_checked_date": last,
                    "chance_of_failing": chance,
                    "staleness": staleness,
                    "expected_loss": loss,
                    "is_due": staleness >= 1,
                    "priority": round(loss * staleness, 9),
                }
            )
        rows.sort(key=lambda row: (not row["is_due"], -row["priority"], row["code"]))
        budget = rule["inspections_per_month"] * rule["standards_per_inspection"]
        for rank, row in enumerate(rows, start=1):
            row |= {"priority_rank": rank, "is_chosen": row["is_due"] or rank <= budget}
            found[project.name, row.pop("code")] = row
    return found


@pytest.mark.parametrize("seed", range(3))
def test_view_and_rule_agree(connection: psycopg.Connection[Any], seed: int) -> None:
    checks = history(seed)
    put(connection, checks)
    seen, wanted = view(connection), reference(checks)
    assert len(wanted) > 500
    assert seen.keys() == wanted.keys()
    for key, row in wanted.items():
        for name, value in row.items():
            got = seen[key][name]
            if isinstance(value, float):
                assert got == pytest.approx(value, rel=1e-9), (key, name)
            else:
                assert got == value, (key, name)
    chosen = [row for row in seen.values() if row["is_chosen"]]
    assert {row["reason"] for row in chosen} == {"never_checked", "stale", "risk"}
    assert len(chosen) < len(seen)


def test_standards_that_do_not_apply_and_projects_that_are_not_active_never_appear(
    connection: psycopg.Connection[Any],
) -> None:
    put(connection, history(7))
    seen = view(connection)
    projects = {one.name: one for one in PROJECTS}
    assert {name for name, _ in seen} == ACTIVE
    assert all(applies(projects[name], RELEASE.inspection_standards[code]) for name, code in seen)
    lifts = {
        code
        for code, one in RELEASE.inspection_standards.items()
        if one.applies_to.get("facilities") == ["lift"]
    }
    assert lifts
    assert {name for name, code in seen if code in lifts} <= {"A1", "A2", "B1"}


def test_what_is_stale_or_was_never_checked_is_always_chosen_and_comes_first(
    connection: psycopg.Connection[Any],
) -> None:
    put(connection, history(8))
    for row in view(connection).values():
        interval = timedelta(days=row["check_every_days"])
        is_stale = row["last_checked_date"] is None or row["last_checked_date"] + interval <= MONTH_END
        assert row["is_due"] == is_stale
        if is_stale:
            assert row["is_chosen"]
            assert row["reason"] == ("stale" if row["last_checked_date"] else "never_checked")
        if row["is_chosen"]:
            assert MONTH <= row["suggested_by_date"] <= MONTH_END
        else:
            assert row["suggested_by_date"] is None
    by_project = defaultdict(list)
    for row in view(connection).values():
        by_project[row["project_id"]].append(row)
    for rows in by_project.values():
        rows.sort(key=lambda row: row["priority_rank"])
        assert [row["is_due"] for row in rows] == sorted((row["is_due"] for row in rows), reverse=True)


@pytest.mark.parametrize("seed", range(4))
def test_one_more_failure_never_lowers_a_rank_other_things_equal(
    connection: psycopg.Connection[Any], seed: int
) -> None:
    random = Random(seed)
    checks = history(20 + seed)
    before_month = [
        place
        for place, one in enumerate(checks)
        if one.is_passed and one.day < MONTH and one.project in ACTIVE
    ]
    put(connection, checks)
    before = view(connection)
    changed = 0
    for place in random.sample(before_month, 12):
        one = checks[place]
        if (key := (one.project, one.code)) not in before:
            continue
        worse = list(checks)
        worse[place] = replace(one, is_passed=False)
        connection.execute("truncate marts.fct_inspection_item")
        put(connection, worse)
        after = view(connection)[key]
        assert after["priority_rank"] <= before[key]["priority_rank"]
        assert after["chance_of_failing"] > before[key]["chance_of_failing"]
        changed += 1
    assert changed > 3


def test_a_month_is_planned_by_what_was_known_when_it_began(connection: psycopg.Connection[Any]) -> None:
    early = [one for one in history(5) if one.day < MONTH]
    late = [one for one in history(5) if one.day >= MONTH]
    assert late
    put(connection, early)
    before = view(connection)
    put(connection, late)
    assert view(connection) == before


def test_without_a_month_it_is_the_one_after_the_last_inspections_came(
    connection: psycopg.Connection[Any],
) -> None:
    assert {row["month_start"] for row in view(connection, None).values()} == {MONTH}


def test_no_plan_under_a_release_without_inspection_standards(connection: psycopg.Connection[Any]) -> None:
    assert view(connection, date(2025, 5, 1)) == {}
    with pytest.raises(BadInputError, match="2015-01, in force in 2025-05, does not say"):
        sampling.plan(connection, date(2025, 5, 1))


def test_plan_tells_why_in_both_languages_and_an_app_can_import_it(
    connection: psycopg.Connection[Any],
) -> None:
    put(connection, history(1))
    plan = sampling.plan(connection, date(2026, 5, 19))
    rows = list(csv.DictReader(io.StringIO(sampling.to_csv(plan))))
    chosen = {key for key, row in view(connection).items() if row["is_chosen"]}
    assert {(row["project_id"], row["standard_code"]) for row in rows} == chosen
    assert {row["month"] for row in rows} == {"2026-05"}
    assert all(row["reason_zh"] and row["reason_en"] and row["category_zh"] for row in rows)
    assert {"Never checked", "从未检查"} <= {row[name] for row in rows for name in ("reason_en", "reason_zh")}
    stale = next(row for row in rows if row["reason"] == "stale")
    assert "days apart: due by" in stale["reason_en"]
    assert date.fromisoformat(stale["suggested_by_date"]) <= MONTH_END
    lobby = next(row for row in rows if row["standard_code"].startswith("CL-LB-"))
    assert lobby["category_en"] == "Cleaning / Indoor cleaning / Lobby"
    only = sampling.plan(connection, MONTH, "A1")
    assert {row["project_id"] for row in only.rows} == {"A1"}
    with pytest.raises(BadInputError, match="no active project NOBODY"):
        sampling.plan(connection, MONTH, "NOBODY")


def test_workbook_of_the_plan_is_the_same_every_time_and_has_no_formula(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    put(connection, history(1))
    plan = sampling.plan(connection, MONTH)
    body = sampling.to_workbook(plan)
    assert sampling.to_workbook(plan) == body
    sheet = openpyxl.load_workbook(io.BytesIO(body)).active
    assert sheet.max_row == 4 + len(plan.rows)
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert "=Project A1" in {cell.value for cell in cells}
    assert not [cell for cell in cells if cell.data_type == "f"]


def test_default_month_follows_the_last_published_day(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(BadInputError, match="say for which month"):
        sampling.next_month(connection)
    connection.execute("insert into publish.day (day, build_id) values ('2026-03-31', 1), ('2026-02-01', 1)")
    assert sampling.next_month(connection) == date(2026, 4, 1)
