"""The DAG files as Airflow sees them: parsed, then held to policy."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import Asset

from yardstick import assets

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
    assert {Path(dag.fileloc).stem for dag in bag.dags.values() if dag.dag_id in ("ingest", "build")} == {
        "ingest",
        "build",
    }


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


@pytest.mark.parametrize("dag_id", ["ingest", "build", "appraise_month", "appraise_quarter", "appraise_year"])
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
    }
    assert edges(bag.dags["ingest"]) == {
        ("find_due", "land"),
        ("land", "announce"),
        ("land", "conclude"),
        ("announce", "conclude"),
    }
    for kind in ("month", "quarter", "year"):
        assert edges(bag.dags[f"appraise_{kind}"]) == {
            ("score", "draft"),
            ("draft", "decide"),
            ("draft", "release"),
            ("decide", "sign_off"),
            ("decide", "release"),
            ("sign_off", "release"),
            ("release", "publish"),
        }


def test_only_one_task_at_a_time_writes_the_facts(bag: DagBag):
    writers = [
        *bag.dags["build"].tasks,
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


def test_the_day_is_announced_by_the_gate(bag: DagBag):
    emitters = [task.task_id for task in bag.dags["build"].tasks if task.outlets]
    assert emitters == ["gate_facts"]
