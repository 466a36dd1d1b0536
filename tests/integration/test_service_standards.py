"""Service standards at the facts gate: findings that are opened once, settled, opened again, and owned.

The relations are made as the contracts and the models' descriptions say, without dbt.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from tests.integration.release_world import execute

from yardstick import quality, standards, warehouse
from yardstick.contracts import load_contracts
from yardstick.quality.compile import Compiled, compile_for
from yardstick.quality.validator import Validator
from yardstick.settings import Settings
from yardstick.staging_models import current_model

ROOT = Path(__file__).resolve().parents[2]
FIRST = date(2026, 3, 1)
LAST = date(2026, 3, 31)
OF_LINEAGE = {"delivery_id": "bigint", "row_number": "integer", "source_id": "text", "partition_date": "date"}
NOT_DESCRIBED = {
    "intermediate.int_service__months": {"build_id": "bigint", "first_day": "date", "day": "date"},
    "intermediate.int_days__affected": {"build_id": "bigint", "day": "date"},
    "intermediate.int_people__touched": {"build_id": "bigint", "person_id": "text"},
    "appraisal.indicator_daily": {
        "project_id": "text", "indicator": "text", "day": "date", "numerator": "numeric", "denominator": "numeric",
        "squares": "numeric", "standards_release": "text",
    },
}  # fmt: skip
SAMPLES = {
    "text": "'x'", "date": "date '2026-03-31'", "timestamptz": "timestamptz '2026-03-31 09:00Z'",
    "timestamp with time zone": "timestamptz '2026-03-31 09:00Z'", "boolean": "true", "text[]": "array['x']",
    "jsonb": "'{}'", "interval": "interval '1 hour'", "time": "time '09:00'",
}  # fmt: skip


@cache
def relations() -> dict[str, dict[str, str]]:
    """Column types of every relation that a suite may read, as they are described."""
    made: dict[str, dict[str, str]] = dict(NOT_DESCRIBED)
    for contract in load_contracts().values():
        types = {"timestamp": "timestamptz"}
        made[f"staging.{current_model(contract)}"] = OF_LINEAGE | {
            name: types.get(field.type, field.type) for name, field in contract.fields.items()
        }
    for folder in ("marts", "service", "staffing"):
        for path in (ROOT / "dbt_project" / "models" / folder).glob("_*__models.yml"):
            for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
                columns = {
                    column["name"]: column["data_type"]
                    for column in model.get("columns", [])
                    if "data_type" in column
                }
                if columns:
                    made[f"marts.{model['name']}"] = columns
    return made


@pytest.fixture
def world(settings: Settings) -> Settings:
    """An installation with build 1 of March 2026, whose relations are there and empty."""
    with warehouse.connect(settings.require_database_url()) as connection:
        for schema in ("staging", "intermediate", "marts", "appraisal"):
            connection.execute(f"create schema if not exists {schema}".encode())
        for name, columns in relations().items():
            listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f"create table {name} ({listed})".encode())
        connection.execute(
            "insert into ops.source (source_id, names, site_file, time_zone, config_sha256) "
            "values ('app', '{}', 'app.yml', 'UTC', 'x')"
        )
        connection.execute(
            "insert into ops.arrival (source_id, entity, file_name, file_sha256, byte_size, rows_read, status) "
            "values ('app', 'inspection', 'a', 'x', 1, 1, 'landed')"
        )
    next_build(settings)
    return settings


def next_build(settings: Settings, day: date = LAST, *, entities: tuple[str, ...] = ()) -> int:
    """A build that brings a delivery of every entity that is judged, or of those named, for one day."""
    with warehouse.connect(settings.require_database_url()) as connection:
        connection.execute("update ops.build set status = 'audited'")
        connection.execute("update ops.delivery set audited_build_id = 1")
        made = connection.execute(
            "insert into ops.build (run_id, status, stage) values ('run', 'running', 'facts') returning build_id"
        ).fetchone()
        assert made
        build_id = int(made[0])
        for entity in entities or (
            "inspection",
            "inspection_item",
            "rectification",
            "complaint",
            "survey_answer",
        ):
            connection.execute(
                "with made as (insert into ops.delivery (arrival_id, source_id, entity, partition_date, file_name, "
                "revision, content_sha256, rows_landed, rows_staged, rows_superseded, rows_rejected, "
                "rows_duplicate) values (1, 'app', %s, %s, %s, 1, 'x', 0, 0, 0, 0, 0) returning delivery_id) "
                "insert into ops.build_delivery select %s, delivery_id from made",
                [entity, day, f"{entity}-{build_id}", build_id],
            )
        connection.execute("truncate intermediate.int_service__months")
        connection.execute(
            "insert into intermediate.int_service__months select %s, date_trunc('month', %s::date), "
            "date_trunc('month', %s::date) + interval '1 month - 1 day'",
            [build_id, day, day],
        )
        connection.execute("insert into ops.build_day values (%s, %s)", [build_id, day])
        return build_id


def judge(settings: Settings, build_id: int = 1) -> quality.Verdict:
    """Run the facts gate; what has no rows of its own to show has none expected."""
    return quality.run_gate(settings, "facts", build_id)


def findings(
    settings: Settings, columns: str = "standard_code, project_id, subject, settled_date"
) -> list[Any]:
    return execute(settings, f"select {columns} from ops.service_finding order by service_finding_id")


def open_finding(
    settings: Settings, subject: str = "F1", days: int = 9, severity: str = "ordinary", day: date = LAST
) -> None:
    execute(
        settings,
        "insert into marts.fct_nonconformity_open (project_id, subject, day, severity, days_past_due) "
        "values ('P1', %s, %s, %s, %s)",
        [subject, day, severity, days],
    )


def test_row_that_falls_short_opens_a_finding_and_stops_nothing(world: Settings) -> None:
    open_finding(world, "F1", days=9)
    open_finding(world, "F2", days=7)
    verdict = judge(world)
    assert verdict.passed
    assert [found.standard_code for found in verdict.service_failures] == ["SV-RE-01"]
    assert verdict.warnings == []
    assert findings(
        world,
        "standard_code, standards_release, project_id, subject, found_date, due_date, severity, "
        "observed ->> 'days_past_due', observed ->> 'limit', opened_build_id, settled_date, times_opened",
    ) == [("SV-RE-01", "2026-01", "P1", "F1", LAST, LAST + timedelta(5), "ordinary", "9", "≤ 7", 1, None, 1)]
    assert execute(
        world,
        "select severity, success, element_count, unexpected_count, dimension, consequence <> '', fixer <> '' "
        "from ops.audit_ledger where standard_code = 'SV-RE-01'",
    ) == [("service", False, 2, 1, "rectification", True, True)]
    assert execute(world, "select findings_opened, findings_settled from ops.gate_verdict") == [(1, 0)]


def test_same_row_is_the_same_finding_for_a_retry_and_for_a_later_build(world: Settings) -> None:
    open_finding(world)
    judge(world)
    judge(world)
    assert len(findings(world)) == 1
    assert execute(world, "select findings_opened from ops.gate_verdict") == [(1,)]
    later = next_build(world)
    execute(world, "update marts.fct_nonconformity_open set days_past_due = 12, day = day + 3")
    judge(world, later)
    assert findings(
        world, "found_date, due_date, opened_build_id, changed_build_id, observed ->> 'days_past_due'"
    ) == [(LAST, LAST + timedelta(5), 1, later, "12")]


def test_finding_is_settled_when_it_no_longer_falls_short_and_opened_again_when_it_does(
    world: Settings,
) -> None:
    open_finding(world)
    judge(world)
    second = next_build(world, date(2026, 4, 2))
    execute(world, "truncate marts.fct_nonconformity_open")
    judge(world, second)
    assert findings(world, "settled_date, settled_build_id, times_opened") == [(date(2026, 4, 2), second, 1)]
    third = next_build(world, date(2026, 4, 9))
    judge(world, third)
    assert findings(world, "settled_date, settled_build_id, times_opened") == [(date(2026, 4, 2), second, 1)]
    fourth = next_build(world, date(2026, 4, 20))
    open_finding(world, day=date(2026, 4, 20))
    judge(world, fourth)
    assert findings(world, "found_date, due_date, opened_build_id, settled_date, times_opened") == [
        (date(2026, 4, 20), date(2026, 4, 25), fourth, None, 2)
    ]


def test_build_that_brings_nothing_of_it_settles_nothing(world: Settings) -> None:
    open_finding(world)
    judge(world)
    execute(world, "drop table marts.fct_nonconformity_open")
    other = next_build(world, entities=("survey_answer",))
    judge(world, other)
    assert findings(world) == [("SV-RE-01", "P1", "F1", None)]


def planned(settings: Settings, day: date, project: str, share: float) -> None:
    execute(
        settings,
        "insert into marts.fct_inspection_monthly (project_id, day, inspection_scope, subject, "
        "inspections_planned, done_share, inspections_done, inspections_vetoed) "
        "values (%s, %s, 'comprehensive', to_char(%s::date, 'YYYY-MM') || '/comprehensive', 2, %s, 1, 0)",
        [project, day, day, share],
    )


def test_only_months_of_the_build_are_judged_and_settled(world: Settings) -> None:
    planned(world, LAST, "P1", 0.5)
    planned(world, date(2026, 2, 28), "P1", 0.5)
    judge(world)
    assert findings(world) == [("SV-IN-01", "P1", "2026-03/comprehensive", None)]
    february = next_build(world, date(2026, 2, 10))
    judge(world, february)
    execute(world, "update marts.fct_inspection_monthly set done_share = 1 where day = '2026-02-28'")
    execute(world, "update marts.fct_inspection_monthly set done_share = 1 where day = '2026-03-31'")
    again = next_build(world, date(2026, 2, 11))
    judge(world, again)
    assert findings(world) == [
        ("SV-IN-01", "P1", "2026-03/comprehensive", None),
        ("SV-IN-01", "P1", "2026-02/comprehensive", LAST),
    ]
    march = next_build(world, date(2026, 3, 2))
    judge(world, march)
    assert [row[-1] for row in findings(world)] == [LAST, LAST]


def test_rows_are_held_only_to_the_standards_that_speak_of_them(world: Settings) -> None:
    planned(world, LAST, "P1", 0.5)
    execute(world, "update marts.fct_inspection_monthly set inspection_scope = 'spot'")
    assert judge(world).service_failures == []
    assert findings(world) == []


def test_indicator_of_a_month_is_held_to_the_bound_of_the_projects_grade(world: Settings) -> None:
    release = standards.in_force(standards.read(world.standards), LAST)
    floors = {
        grade: target["floor"]
        for grade, target in release.indicators["satisfaction"]["project_grades"].items()
    }
    assert floors["A"] > floors["C"]
    between = (floors["A"] + floors["C"]) / 2
    execute(
        world,
        "insert into marts.fct_indicator_monthly (project_id, day, indicator, subject, project_grade, value, sample) "
        "select grade || size, %s, 'satisfaction', '2026-03', grade, %s, size from (values ('A'), ('C')) as g (grade), "
        "(values (1000), (1)) as s (size)",
        [LAST, between],
    )
    judge(world)
    assert findings(world, "standard_code, project_id, observed ->> 'limit'") == [
        ("IND-satisfaction", "A1000", f"≥ {floors['A']:g}")
    ]


def test_findings_are_owned_by_the_accountable_post_of_the_day(world: Settings) -> None:
    execute(
        world,
        "insert into staging.stg_delivered__posts "
        "(post_id, project_id, post_function, is_customer_manager, reports_to_post_id, valid_from, valid_to) values "
        "('P1-AA', 'P1', 'management', false, 'P1-PM', '2015-01-01', null), "
        "('P1-AB', 'P1', 'management', false, null, '2015-01-01', null), "
        "('P1-PM', 'P1', 'management', false, null, '2015-01-01', null), "
        "('P1-OLD', 'P1', 'management', false, null, '2015-01-01', '2026-03-30'), "
        "('P1-FD', 'P1', 'customer_service', false, 'P1-CM', '2015-01-01', null), "
        "('P1-CM', 'P1', 'customer_service', true, 'P1-PM', '2015-01-01', null)",
    )
    execute(
        world,
        "insert into staging.stg_delivered__projects (project_id, manager_person_id) values ('P1', 'boss')",
    )
    execute(
        world,
        "insert into staging.stg_delivered__assignments (person_id, post_id, valid_from, valid_to) values "
        "('boss', 'P1-PM', '2020-01-01', null), ('boss', 'P1-OLD', '2020-01-01', '2025-12-31')",
    )
    open_finding(world)
    execute(
        world,
        "insert into marts.fct_complaint_open (project_id, subject, day, hours_unanswered) "
        "values ('P1', 'C1', %s, 30), ('P2', 'C2', %s, 30)",
        [LAST, LAST],
    )
    judge(world)
    assert findings(world, "standard_code, project_id, accountable_post_id") == [
        ("SV-RE-01", "P1", "P1-PM"), ("SV-CO-01", "P1", "P1-CM"), ("SV-CO-01", "P2", None),
    ]  # fmt: skip


def test_more_rows_than_great_expectations_lists_are_all_found(world: Settings) -> None:
    execute(
        world,
        "insert into marts.fct_nonconformity_open (project_id, subject, day, severity, days_past_due) "
        "select 'P' || n %% 7, 'F' || n, %s, 'ordinary', 8 from generate_series(1, 350) as n",
        [LAST],
    )
    [found] = judge(world).service_failures
    assert (found.observed["unexpected_count"], len(found.observed["examples"])) == (350, 10)
    assert len(findings(world)) == 350


def test_build_that_fails_its_gate_opens_no_finding(world: Settings) -> None:
    open_finding(world)
    execute(
        world,
        "insert into marts.fct_inspection (source_id, source_inspection_id, planned_date, status, is_done) "
        "values ('app', 'I1', %s, 'done', false)",
        [LAST],
    )
    execute(world, "update marts.fct_inspection set done_date = planned_date")
    with pytest.raises(quality.GateFailed, match="DS-MI-03"):
        judge(world)
    assert findings(world) == []
    page = (world.data_docs / "build-000001-facts.html").read_text(encoding="utf-8")
    assert "opens no finding" in page


def test_gate_killed_after_it_opened_findings_leaves_none_and_the_next_opens_each_once(
    world: Settings,
) -> None:
    open_finding(world)
    with warehouse.connect(world.require_database_url()) as blocker:
        blocker.execute("lock table ops.audit_ledger in access exclusive mode")
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from yardstick import quality, settings; quality.run_gate(settings.load(), 'facts', 1)",
            ],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **world.environment()},
        )
        try:
            for _ in range(1800):
                if execute(
                    world,
                    "select 1 from pg_stat_activity where application_name = 'yardstick-gate' "
                    "and wait_event_type = 'Lock' and query like 'insert into ops.audit_ledger%%'",
                ):
                    break
                time.sleep(0.1)
            else:
                raise AssertionError("the gate never came to the ledger")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert findings(world) == []
    assert execute(world, "select count(*) from ops.gate_verdict") == [(0,)]
    judge(world)
    assert findings(world) == [("SV-RE-01", "P1", "F1", None)]


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
def test_page_shows_what_was_opened_and_settled(world: Settings, language: str) -> None:
    open_finding(world, "F1")
    judge(world)
    execute(world, "truncate marts.fct_nonconformity_open")
    open_finding(world, "<b>F2</b>")
    second = next_build(world)
    judge(replace(world, language=language), second)
    page = (world.data_docs / f"build-{second:06d}-facts.html").read_text(encoding="utf-8")
    words = {
        "en": (
            "Opened by this build",
            "Settled by this build",
            "No open non-conformity is past due",
            "rectification",
        ),
        "zh-Hans": ("本批立案", "本批销案", "未整改的问题超期不超过七日", "整改"),
    }
    for part in (*words[language], "SV-RE-01", "F1", "&lt;b&gt;F2", "days_past_due 9", "2026-04-05"):
        assert part in page, part
    assert "<b>F2" not in page


def every_batch(settings: Settings) -> list[tuple[Compiled, int, list[str]]]:
    """Every suite under every release: how many rows it had, and what could not be evaluated."""
    releases = standards.read(settings.standards)
    days = [release.effective_from for release in releases]
    found = []
    with contextlib.closing(Validator(settings)) as validator:
        for gate in quality.GATES:
            for one in compile_for(
                quality.load_suites(quality.suites_folder(settings), gate), releases, days
            ):
                if not one.rules:
                    continue
                unbounded = replace(one, first_day=None, until=None)
                _, checked = validator.check(validator.lay_out(one.suite, 1), unbounded)
                assert len(checked.outcomes) == len(one.rules)
                wrong = [
                    f"{one.suite.name} {outcome.rule.standard_code}: {outcome.exception}"
                    for outcome in checked.outcomes
                    if outcome.exception
                ]
                found.append((one, checked.rows, wrong))
    return found


def test_every_standards_query_runs_on_an_empty_and_on_a_small_filled_database(world: Settings) -> None:
    empty = every_batch(world)
    assert len({one.suite.name for one, _, _ in empty}) >= 20
    assert [wrong for _, _, wrong in empty if wrong] == []
    with warehouse.connect(world.require_database_url()) as connection:
        fill(connection)
    filled = every_batch(world)
    assert [wrong for _, _, wrong in filled if wrong] == []
    assert {one.suite.name for one, rows, _ in filled if not rows} == set()


def fill(connection: psycopg.Connection[Any]) -> None:
    """One row in every relation, and what ties it to build 1."""
    [delivery] = [
        row[0] for row in connection.execute("select min(delivery_id) from ops.build_delivery").fetchall()
    ]
    for name, columns in relations().items():
        if name == "intermediate.int_service__months":
            continue
        values = []
        for column, kind in columns.items():
            value = SAMPLES.get(kind, "1")
            if column in ("delivery_id", "build_id"):
                value = str(delivery if column == "delivery_id" else 1)
            elif column == "source_id":
                value = "'app'"
            elif column == "month":
                value = "'2026-03-01'"
            values.append(f"{value}::{kind}")
        connection.execute(f"insert into {name} values ({', '.join(values)})".encode())
    connection.execute("update appraisal.indicator_daily set standards_release = 's', indicator = 'x'")
    connection.execute(
        "insert into ops.standards_release (standards_release, effective_from, content_sha256, names) "
        "values ('s', '2015-01-01', 'x', '{}')"
    )
    connection.execute(
        "insert into ops.standards_indicator (standards_release, indicator, names, reform_part, unit, direction, "
        "kind, scoring, minimum_sample, position) "
        "values ('s', 'x', '{}', 'quality', 'ratio', 'higher', 'ratio', 'linear', 1, 1)"
    )
