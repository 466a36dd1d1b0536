"""The DAG files as Airflow sees them: parsed, then held to policy."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import Asset, RetryAction, TriggerRule

from yardstick import assets, orchestrator
from yardstick.deadlines import LateDeliveriesError
from yardstick.errors import CredentialsError, UnreachableError
from yardstick.ingest import RefusedDeliveriesError
from yardstick.sources.site_file import SiteError
from yardstick.wiring import RETRY

DAGS = Path(__file__).resolve().parents[2] / "dags"


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> DagBag:
    return DagBag(dag_folder=str(DAGS), bundle_name="dags")


def assets_in(condition) -> list[Asset]:
    if isinstance(condition, Asset):
        return [condition]
    return [asset for part in getattr(condition, "objects", ()) for asset in assets_in(part)]


def edges(dag) -> set[tuple[str, str]]:
    return {(task.task_id, below) for task in dag.tasks for below in task.downstream_task_ids}


def test_every_file_is_one_dag_of_its_own_name(bag: DagBag):
    assert bag.dags, "Airflow saw no DAG"
    assert bag.import_errors == {}
    assert set(bag.dags) == {path.stem for path in DAGS.glob("*.py")}
    files = {Path(dag.fileloc).stem for dag in bag.dags.values() if not dag.dag_id.startswith("appraise_")}
    assert files == {"ingest", "build", "watch", "review_standards", "retain"}


def test_dag_files_hold_wiring_only():
    for path in DAGS.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 120, path.name
        assert "airflow" in text, f"Airflow would skip {path.name} silently"
        top_level = {
            name.split(".")[0]
            for node in ast.parse(text).body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            )
        }
        assert top_level <= {"__future__", "airflow", "yardstick", "datetime", "typing"}, path.name


@pytest.mark.parametrize(
    "dag_id",
    [
        *("ingest", "watch", "build", "appraise_month", "appraise_quarter", "appraise_year"),
        *("review_standards", "retain"),
    ],
)
def test_policy(bag: DagBag, dag_id: str):
    dag = bag.dags[dag_id]
    assert dag.doc_md
    assert dag.tags
    assert dag.catchup is False
    assert dag.tasks
    for task in dag.tasks:
        assert task.owner != "airflow", task.task_id
        assert task.retries > 0 or task.task_id == "conclude", task.task_id


def test_no_step_can_be_passed_by(bag: DagBag):
    assert edges(bag.dags["build"]) == {
        ("plan", "stage"),
        ("stage", "gate_staging"),
        ("gate_staging", "facts"),
        ("facts", "gate_facts"),
        ("gate_facts", "announce"),
        ("announce", "show_deliveries"),
    }
    assert edges(bag.dags["ingest"]) == {
        ("find_due", "land"),
        ("land", "apply_deadlines"),
        ("apply_deadlines", "announce"),
        ("announce", "show_deliveries"),
        ("show_deliveries", "conclude"),
        ("land", "conclude"),
        ("apply_deadlines", "conclude"),
    }
    assert edges(bag.dags["watch"]) == {("find_overdue", "look")}
    for kind in ("month", "quarter", "year"):
        assert edges(bag.dags[f"appraise_{kind}"]) == {
            ("score", "draft"),
            ("draft", "decide"),
            ("draft", "release"),
            ("decide", "sign_off"),
            ("decide", "release"),
            ("sign_off", "release"),
            ("release", "publish"),
            *([("release", "hand_to_hr")] if kind == "month" else []),
        }


def test_only_one_task_at_a_time_writes_the_facts(bag: DagBag):
    writers = [
        *bag.dags["build"].tasks,
        *bag.dags["retain"].tasks,
        *(bag.dags[f"appraise_{k}"].get_task("score") for k in ("month", "quarter", "year")),
    ]
    assert {task.pool for task in writers} == {"warehouse"}


def test_assets_are_the_registered_ones(bag: DagBag):
    produced, consumed = {}, {}
    for dag in bag.dags.values():
        for task in dag.tasks:
            for outlet in task.outlets:
                produced.setdefault(outlet.name, set()).add(dag.dag_id)
        for asset in assets_in(getattr(dag.timetable, "asset_condition", None)):
            consumed.setdefault(asset.name, set()).add(dag.dag_id)
    assert produced == {entry.asset.name: {entry.producer} for entry in assets.REGISTRY}
    assert {name: tuple(sorted(dags)) for name, dags in consumed.items()} == {
        entry.asset.name: tuple(sorted(entry.consumers)) for entry in assets.REGISTRY if entry.consumers
    }


def test_days_are_announced_behind_both_gates_and_never_past_a_failed_one(bag: DagBag):
    build = bag.dags["build"]
    assert [task.task_id for task in build.tasks if task.outlets] == ["announce"]
    assert build.get_task("announce").trigger_rule == TriggerRule.NONE_FAILED


def test_no_failure_is_hidden_by_what_comes_after_it(bag: DagBag):
    """A run is as red as its last tasks: one that runs whatever happened must not be last."""
    whatever = [
        (dag.dag_id, task)
        for dag in bag.dags.values()
        for task in dag.tasks
        if task.trigger_rule == TriggerRule.ALL_DONE
    ]
    assert whatever
    for dag_id, task in whatever:
        assert task.downstream_task_ids, f"{dag_id}.{task.task_id}"
    conclude = bag.dags["ingest"].get_task("conclude")
    assert {"land", "apply_deadlines"} <= conclude.upstream_task_ids
    assert conclude.trigger_rule == TriggerRule.NONE_FAILED


def test_every_pool_is_made_by_the_installation(bag: DagBag):
    used = {task.pool for dag in bag.dags.values() for task in dag.tasks}
    assert used == {"default_pool", *orchestrator.POOLS}
    assert bag.dags["ingest"].get_task("land").pool == "landing"


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (CredentialsError("refused"), [None]),
        (RefusedDeliveriesError("bad file"), [None]),
        (LateDeliveriesError("missing"), [None]),
        (SiteError(["site.yml:3: wrong"]), [None]),
        (UnreachableError("no answer"), [30, 60, 120, 240, 480, 600, 600]),
        (psycopg.OperationalError("server closed the connection"), [10, 20, 40, 80, 120, 120]),
        (ZeroDivisionError(), ["task's own", None]),
    ],
)
def test_a_failure_is_tried_again_as_its_cause_says(error: Exception, tries: list[int | str | None]):
    """None: never again; a number: after so many seconds."""
    for number, wanted in enumerate(tries, 1):
        decision = RETRY.evaluate(error, number, max_tries=9)
        if wanted is None:
            assert decision.action == RetryAction.FAIL
        elif isinstance(wanted, int):
            assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(seconds=wanted))
        else:
            assert decision.action == RetryAction.DEFAULT
