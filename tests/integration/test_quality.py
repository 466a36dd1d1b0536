"""The gates, run by Great Expectations on a real server: what passes, what stops, what is written down."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.release_world import build_world, execute

from yardstick import publish, quality, warehouse
from yardstick.settings import Settings


@pytest.fixture
def world(settings: Settings) -> Settings:
    build_world(settings, audited=False)
    return settings


def failures(settings: Settings, gate: quality.Gate) -> quality.GateFailed:
    with pytest.raises(quality.GateFailed) as caught:
        quality.run_gate(settings, gate, 1)
    return caught.value


def verdicts(settings: Settings) -> list[tuple[object, ...]]:
    return execute(settings, "select gate, is_passed from ops.gate_verdict order by gate desc")


def test_good_build_passes_both_gates_and_is_published(world: Settings) -> None:
    staging = quality.run_gate(world, "staging", 1)
    facts = quality.run_gate(world, "facts", 1)
    assert staging.passed
    assert facts.passed
    assert (staging.expectations, facts.expectations) == (14, 33)
    assert verdicts(world) == [("staging", True), ("facts", True)]
    [counts] = execute(world, "select count(*), count(distinct suite) from ops.audit_ledger")
    assert counts == (staging.expectations + facts.expectations + 16, 16)
    assert execute(
        world, "select distinct delivery_ids from ops.audit_ledger where suite = 'staged_tickets'"
    ) == [([3, 4],)]
    publish.move(world, 1)
    assert len(publish.announce(world, 1, "run")) == 2


def test_blocking_failure_names_everything_needed_to_act(world: Settings) -> None:
    execute(
        world,
        "update staging.stg_delivered__tickets set opened_at = '1015-01-02' where source_ticket_id = 'T7'",
    )
    error = failures(world, "staging")
    [found] = error.verdict.blocking_failures
    assert found.suite == "staged_tickets"
    for part in (
        "staged_tickets",
        "DS-TK-01",
        "expect_column_values_to_meet_condition",
        "Tickets were opened after 1999",
        "T7",
        "deliveries 3, 4",
        "The build is not published",
        "Data engineer: check date format",
    ):
        assert part in str(error)
    assert verdicts(world) == [("staging", False)]
    [(success, count, examples)] = execute(
        world,
        "select success, unexpected_count, observed #>> '{examples,0,source_ticket_id}' "
        "from ops.audit_ledger where not success",
    )
    assert (success, count, examples) == (False, 1, "T7")
    with pytest.raises(publish.PublishError, match="failed gate staging"):
        publish.move(world, 1)


def test_column_expectation_shows_the_keys_of_failing_rows(world: Settings) -> None:
    execute(world, "update staging.stg_delivered__tickets set status = 'lost' where source_ticket_id = 'T2'")
    error = failures(world, "staging")
    assert "observed 1 of 11 rows" in str(error)
    assert execute(
        world,
        "select expectation, columns, element_count, unexpected_count, "
        "observed #>> '{examples,0,source_ticket_id}' from ops.audit_ledger where not success",
    ) == [("expect_column_values_to_be_in_set", ["status"], 11, 1, "T2")]


def test_warning_is_written_down_and_stops_nothing(world: Settings) -> None:
    execute(world, "update staging.stg_delivered__tickets set due_at = null")
    verdict = quality.run_gate(world, "staging", 1)
    assert [found.columns for found in verdict.warnings] == [["due_at"]]
    assert execute(world, "select severity from ops.audit_ledger where not success") == [("warning",)]


@pytest.mark.parametrize(
    ("gate", "statement", "suite"),
    [
        ("staging", "truncate staging.stg_delivered__tickets", "staged_tickets"),
        ("facts", "truncate marts.fct_ticket_backlog_daily", "backlog_daily"),
        ("facts", "truncate appraisal.indicator_daily", "indicator_daily"),
    ],
)
def test_no_rows_where_rows_were_delivered_fails(
    world: Settings, gate: quality.Gate, statement: str, suite: str
) -> None:
    execute(world, statement)
    [found] = failures(world, gate).verdict.blocking_failures
    assert (found.suite, found.expectation) == (suite, "rows_are_present")


def test_entity_that_was_not_delivered_needs_no_rows(world: Settings) -> None:
    execute(world, "delete from ops.build_delivery where delivery_id in (1, 2)")
    execute(world, "truncate staging.stg_delivered__projects, staging.stg_delivered__service_items")
    assert quality.run_gate(world, "staging", 1).passed


def test_missing_relation_fails(world: Settings) -> None:
    execute(world, "drop table appraisal.indicator_daily")
    [found] = failures(world, "facts").verdict.blocking_failures
    assert (found.suite, found.expectation) == ("indicator_daily", "suite_runs")
    assert "does not exist" in found.observed["exception"]


def test_expectation_that_raises_blocks_even_as_a_warning(world: Settings) -> None:
    execute(world, "alter table staging.stg_delivered__tickets drop column channel")
    [found] = failures(world, "staging").verdict.blocking_failures
    assert found.columns == ["channel"]
    assert "exception" in found.observed


def test_delivery_that_was_not_accounted_for_fails(world: Settings) -> None:
    execute(world, "update ops.delivery set rows_rejected = null where delivery_id = 4")
    [found] = failures(world, "staging").verdict.blocking_failures
    assert (found.suite, found.columns) == ("deliveries", ["rows_rejected"])


def test_facts_that_lost_a_staged_ticket_fail(world: Settings) -> None:
    execute(world, "delete from marts.fct_ticket where source_ticket_id = 'T9'")
    assert [found.suite for found in failures(world, "facts").verdict.blocking_failures] == [
        "build_reconciliation"
    ]


@pytest.mark.parametrize(
    ("statement", "suite"),
    [
        ("update marts.fct_ticket set is_on_time = null where source_ticket_id = 'T1'", "ticket_facts"),
        (
            "update marts.fct_ticket set opened_date = '2015-01-02' where source_ticket_id = 'T1'",
            "ticket_facts",
        ),
        (
            "update marts.fct_ticket set close_service_minutes = -1 where source_ticket_id = 'T1'",
            "ticket_facts",
        ),
        ("update marts.fct_ticket_backlog_daily set tickets_overdue = 5", "backlog_daily"),
        (
            "insert into marts.fct_sla_daily values ('2015-01-01', 'P1', 'lift', 'respond', 1, 2, 0, 0, 1, 9)",
            "sla_daily",
        ),
        ("update appraisal.indicator_daily set numerator = denominator + 1", "indicator_daily"),
        ("update marts.fct_attendance set worked_minutes = 1", "attendance_facts"),
        ("update marts.fct_post_daily set vacant_persons = 1", "post_facts"),
        ("update marts.dim_person set is_last = false", "person_history"),
        ("update marts.fct_staff_monthly set days = 1", "staff_month_facts"),
    ],
)
def test_facts_against_the_standard_fail(world: Settings, statement: str, suite: str) -> None:
    execute(world, statement)
    assert {found.suite for found in failures(world, "facts").verdict.blocking_failures} == {suite}


def test_rows_of_other_builds_are_not_looked_at(world: Settings) -> None:
    execute(
        world,
        "insert into staging.stg_delivered__tickets (delivery_id, source_ticket_id, status) "
        "values (99, 'X', 'lost')",
    )
    execute(
        world,
        "insert into appraisal.indicator_daily "
        "values ('P1', 'completed_on_time', '2014-06-01', 9, 1, '2015-01')",
    )
    assert quality.run_gate(world, "staging", 1).passed
    assert quality.run_gate(world, "facts", 1).passed


def suites_with(tmp_path: Path, name: str, change: dict[str, Any] | None) -> Path:
    folder = tmp_path / "suites"
    shutil.copytree(Path(__file__).resolve().parents[2] / "expectations" / "suites", folder)
    path = folder / f"{name}.yml"
    if change is None:
        path.unlink()
    else:
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    return folder


def test_absent_suite_gives_no_verdict(world: Settings, tmp_path: Path) -> None:
    with pytest.raises(quality.SuiteError, match="staged_projects"):
        quality.run_gate(world, "staging", 1, folder=suites_with(tmp_path, "staged_projects", None))
    assert verdicts(world) == []
    with pytest.raises(publish.PublishError, match="no verdict of gate staging"):
        publish.move(world, 1)


def test_suite_that_nothing_is_expected_of_gives_no_verdict(world: Settings, tmp_path: Path) -> None:
    folder = suites_with(tmp_path, "staged_projects", {})
    (folder / "staged_projects.yml").rename(folder / "lonely.yml")
    index = folder / "gates.yml"
    index.write_text(index.read_text().replace("- staged_projects\n", "- lonely\n"))
    with pytest.raises(quality.SuiteError, match="lonely: holds no expectation"):
        quality.run_gate(world, "staging", 1, folder=folder)
    assert verdicts(world) == []


def test_unknown_expectation_gives_no_verdict(world: Settings, tmp_path: Path) -> None:
    wonder = {"standard_code": "DS-MI-02", "type": "expect_miracles", "kwargs": {"column": "project_id"}}
    folder = suites_with(tmp_path, "staged_projects", {"expectations": [wonder]})
    with pytest.raises(quality.SuiteError, match="expect_miracles"):
        quality.run_gate(world, "staging", 1, folder=folder)
    assert verdicts(world) == []


def test_ledger_names_standard_release_consequence_and_fixer(world: Settings) -> None:
    execute(world, "update staging.stg_delivered__tickets set due_at = null")
    quality.run_gate(world, "staging", 1)
    assert execute(
        world,
        "select standard_code, standards_release, dimension, severity, means, consequence, fixer "
        "from ops.audit_ledger where not success",
    ) == [
        (
            "DS-TK-05", "2015-01", "completeness", "warning", "At least four of five tickets have a due time",
            "Tickets without one are not measured for being on time",
            "Quality department: agree a time limit for each kind of ticket",
        )
    ]  # fmt: skip
    [(without,)] = execute(
        world,
        "select count(*) from ops.audit_ledger where expectation <> 'rows_are_present' and "
        "(standard_code is null or standards_release is null or consequence is null or fixer is null)",
    )
    assert without == 0


def standards_with(tmp_path: Path, world: Settings, mostly: float) -> Settings:
    """Standards whose second release, in force from 2015-02-01, asks for a due time more often than the first."""
    folder = tmp_path / "standards"
    shutil.copytree(world.standards / "2015-01", folder / "2015-01")
    later = folder / "2015-02"
    later.mkdir()
    head = yaml.safe_load((folder / "2015-01" / "release.yml").read_text())
    head |= {"standards_release": "2015-02", "based_on": "2015-01", "effective_from": "2015-02-01"}
    (later / "release.yml").write_text(yaml.safe_dump(head, allow_unicode=True))
    data = yaml.safe_load((folder / "2015-01" / "data.yml").read_text())
    data["data_standards"]["DS-TK-05"]["expectation"]["kwargs"]["mostly"] = mostly
    (later / "data.yml").write_text(yaml.safe_dump(data, allow_unicode=True))
    return replace(world, standards=folder)


def test_build_over_two_releases_holds_each_day_to_the_release_in_force(
    world: Settings, tmp_path: Path
) -> None:
    execute(world, "alter table staging.stg_delivered__tickets add partition_date date default '2015-01-01'")
    execute(world, "alter table staging.stg_delivered__projects add partition_date date default '2015-01-01'")
    execute(
        world, "alter table staging.stg_delivered__service_items add partition_date date default '2015-01-01'"
    )
    # the second day's delivery is of February, when nine of ten tickets need a due time; four of five have one
    execute(world, "update ops.delivery set partition_date = '2015-02-01' where delivery_id = 4")
    execute(
        world,
        "update staging.stg_delivered__tickets set partition_date = '2015-02-01' where delivery_id = 4",
    )
    execute(
        world,
        "update staging.stg_delivered__tickets set due_at = null where source_ticket_id in ('T1', 'T10')",
    )
    verdict = quality.run_gate(standards_with(tmp_path, world, 0.9), "staging", 1)
    assert verdict.passed
    assert [found.standards_release for found in verdict.warnings] == ["2015-02"]
    assert execute(
        world,
        "select standards_release, success, element_count from ops.audit_ledger "
        "where standard_code = 'DS-TK-05' order by 1",
    ) == [("2015-01", True, 6), ("2015-02", False, 5)]
    assert execute(
        world, "select count(*) from ops.audit_ledger where expectation = 'rows_are_present'"
    ) == execute(world, "select count(distinct suite) from ops.audit_ledger")


def test_second_run_of_a_gate_takes_the_first_verdict_back_before_it_checks(world: Settings) -> None:
    quality.run_gate(world, "staging", 1)
    execute(world, "update staging.stg_delivered__tickets set status = 'lost'")
    failures(world, "staging")
    assert verdicts(world) == [("staging", False)]


def test_gate_killed_half_way_leaves_no_verdict_and_no_publication(world: Settings) -> None:
    quality.run_gate(world, "staging", 1)
    quality.run_gate(world, "facts", 1)
    with warehouse.connect(world.require_database_url()) as blocker:
        blocker.execute("lock table appraisal.indicator_daily in access exclusive mode")
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from yardstick import quality, settings; quality.run_gate(settings.load(), 'facts', 1)",
            ],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **world.environment()},
        )
        try:
            for _ in range(1200):
                if execute(
                    world,
                    "select 1 from pg_stat_activity "
                    "where application_name = 'yardstick-gate' and wait_event_type = 'Lock'",
                ):
                    break
                time.sleep(0.1)
            else:
                raise AssertionError("the gate never came to the locked table")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert verdicts(world) == [("staging", True)]
    with pytest.raises(publish.PublishError, match="no verdict of gate facts"):
        publish.move(world, 1)
    quality.run_gate(world, "facts", 1)
    publish.move(world, 1)
    assert len(publish.announce(world, 1, "run")) == 2


def test_results_are_readable_pages_that_need_no_other_host(world: Settings) -> None:
    execute(world, "update staging.stg_delivered__tickets set status = 'lost' where source_ticket_id = 'T2'")
    failures(world, "staging")
    quality.run_gate(world, "facts", 1)
    pages = {path.name: path.read_text(encoding="utf-8") for path in world.data_docs.iterdir()}
    assert set(pages) == {"index.html", "build-000001-staging.html", "build-000001-facts.html"}
    for name in set(pages) - {"index.html"}:
        assert f'href="{name}"' in pages["index.html"]
    failed = pages["build-000001-staging.html"]
    for part in (
        "A ticket is open, closed or cancelled",
        "状态只有",
        "1 of 11 rows",
        "T2",
        "Data engineer: map",
    ):
        assert part in failed, part
    password = world.require_database_url().split(":")[2].split("@")[0]
    for name, text in pages.items():
        for secret in (password, str(world.home), str(world.root), "http:", "https:", "<script"):
            assert secret not in text, (name, secret)


def test_delivered_text_cannot_become_markup(world: Settings) -> None:
    execute(
        world,
        "update staging.stg_delivered__tickets "
        "set status = 'x', source_ticket_id = '<script>alert(1)</script>' where source_ticket_id = 'T2'",
    )
    failures(world, "staging")
    assert "<script" not in (world.data_docs / "build-000001-staging.html").read_text(encoding="utf-8")
