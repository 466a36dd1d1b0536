"""Releases against a real server: frozen, chained, restated, verified."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from tests.integration.release_world import PERSON, build_world, execute

from yardstick import appraisal, warehouse
from yardstick.settings import Settings

CHILDREN = (
    "score",
    "indicator",
    "person",
    "item",
    "category",
    "day",
    "reject_count",
    "difference",
    "artifact",
    "release",
)


@pytest.fixture
def world(settings: Settings) -> Settings:
    build_world(settings)
    return settings


def change_a_figure(settings: Settings) -> None:
    execute(
        settings, "update appraisal.appraisal_score set score = 70, grade = 'fail' where project_id = 'P2'"
    )


def test_release_freezes_what_was_drafted(world: Settings) -> None:
    drafted = appraisal.draft(world, "month", "2015-01")
    assert drafted.state == "unreleased"
    assert drafted.summary["projects_scored"] == 2
    release_id = appraisal.release(world, "month", "2015-01", PERSON, signed_sha256=drafted.content_sha256)
    assert release_id == "2015-01.v1"
    [(digest, tickets, deliveries)] = execute(
        world, "select content_sha256, tickets, delivery_ids from release.release"
    )
    assert (digest, tickets, deliveries) == (drafted.content_sha256, 20, [1, 2, 3, 4])
    assert execute(world, "select count(*) from release.day") == [(20,)]
    assert appraisal.verify(world) == []


def test_releasing_again_returns_the_same_release(world: Settings) -> None:
    first = appraisal.release(world, "month", "2015-01", PERSON)
    before = execute(world, "select * from release.release")
    later = replace(PERSON, signed_at=datetime(2016, 1, 1, tzinfo=UTC))
    assert appraisal.release(world, "month", "2015-01", later) == first
    assert execute(world, "select * from release.release") == before
    assert len(appraisal.chain_log(world).read_text().splitlines()) == 1


def test_same_inputs_give_the_same_hash_whatever_the_row_order(world: Settings) -> None:
    digest = appraisal.draft(world, "month", "2015-01").content_sha256
    execute(
        world,
        "create table shuffled as select * from appraisal.appraisal_day order by day desc, project_id desc",
    )
    execute(world, "truncate appraisal.appraisal_day")
    execute(world, "insert into appraisal.appraisal_day select * from shuffled")
    execute(world, "alter table appraisal.appraisal_score alter column score type numeric")
    assert appraisal.draft(world, "month", "2015-01").content_sha256 == digest


def test_late_change_only_proposes_a_restatement(world: Settings) -> None:
    appraisal.release(world, "month", "2015-01", PERSON)
    frozen = execute(world, "select * from release.score order by project_id")
    change_a_figure(world)
    assert appraisal.release(world, "month", "2015-01", PERSON) == "2015-01.v1"
    assert execute(world, "select * from release.score order by project_id") == frozen
    [proposal] = appraisal.proposals(world)
    assert proposal["period"] == "2015-01"
    assert {
        "relation": "score",
        "project_id": "P2",
        "subject": "P2",
        "field": "grade",
        "before": "pass",
        "after": "fail",
    } in proposal["differences"]


def test_proposal_is_withdrawn_when_the_figures_return(world: Settings) -> None:
    appraisal.release(world, "month", "2015-01", PERSON)
    change_a_figure(world)
    appraisal.release(world, "month", "2015-01", PERSON)
    execute(
        world,
        "update appraisal.appraisal_score set score = 1 / 3.0 * 250, grade = 'pass' where project_id = 'P2'",
    )
    appraisal.release(world, "month", "2015-01", PERSON)
    assert appraisal.proposals(world) == []
    assert execute(world, "select settled_how from ops.restatement_proposal") == [("withdrawn",)]


def test_restatement_is_a_new_version_with_its_differences(world: Settings) -> None:
    appraisal.release(world, "month", "2015-01", PERSON)
    change_a_figure(world)
    appraisal.release(world, "month", "2015-01", PERSON)
    second = appraisal.restate(world, "month", "2015-01", "late tickets of 31 January", PERSON)
    assert second == "2015-01.v2"
    assert appraisal.restate(world, "month", "2015-01", "late tickets of 31 January", PERSON) == second
    assert execute(world, "select release_id, status, reason from release.release order by version") == [
        ("2015-01.v1", "released", None),
        ("2015-01.v2", "restated", "late tickets of 31 January"),
    ]
    assert execute(
        world, "select project_id, field, before, after from release.difference where field = 'grade'"
    ) == [("P2", "grade", "pass", "fail")]
    assert execute(
        world, "select round(score) from release.score where project_id = 'P2' order by release_id"
    ) == [
        (83,),
        (70,),
    ]
    assert appraisal.proposals(world) == []
    assert appraisal.verify(world) == []


def test_nothing_to_restate_is_refused(world: Settings) -> None:
    with pytest.raises(appraisal.AppraisalError, match="never released"):
        appraisal.restate(world, "month", "2015-01", "why", PERSON)
    appraisal.release(world, "month", "2015-01", PERSON)
    with pytest.raises(appraisal.AppraisalError, match="nothing to restate"):
        appraisal.restate(world, "month", "2015-01", "why", PERSON)


def test_release_of_before_inspections_keeps_its_hash(world: Settings) -> None:
    execute(world, "truncate appraisal.appraisal_category")
    drafted = appraisal.draft(world, "month", "2015-01")
    assert "category" not in drafted.content
    texts = appraisal.canonical(drafted.content)
    assert not any(name in texts for name in ("category", "is_vetoed", "sample_effective"))
    appraisal.release(world, "month", "2015-01", PERSON)
    assert appraisal.verify(world) == []


def test_categories_and_vetoes_are_frozen_with_the_rest(world: Settings) -> None:
    calm = appraisal.draft(world, "month", "2015-01").content_sha256
    execute(
        world,
        "update appraisal.appraisal_score set is_vetoed = true, grade = 'fail', coefficient = 0.5 "
        "where project_id = 'P1'",
    )
    drafted = appraisal.draft(world, "month", "2015-01")
    assert drafted.content_sha256 != calm
    assert drafted.summary["vetoes"] == 1
    assert "Vetoed projects: 1" in appraisal.prepare(world, "2015-01")["summary"]
    appraisal.release(world, "month", "2015-01", PERSON)
    assert execute(world, "select count(*), sum(items_checked) from release.category") == [(4, 160)]
    assert execute(world, "select project_id from release.score where is_vetoed") == [("P1",)]
    assert appraisal.verify(world) == []
    with warehouse.connect(world.require_database_url()) as connection:
        connection.execute("alter table release.category disable trigger all")
        connection.execute("update release.category set nonconformities_overdue = 0 where project_id = 'P1'")
    assert [problem.what for problem in appraisal.verify(world)] == [
        "its figures are not those that were signed"
    ]


def test_figures_that_moved_after_the_signature_are_refused(world: Settings) -> None:
    shown = appraisal.draft(world, "month", "2015-01").content_sha256
    change_a_figure(world)
    with pytest.raises(appraisal.DraftChangedError, match="2015-01 changed after it was signed"):
        appraisal.release(world, "month", "2015-01", PERSON, signed_sha256=shown)
    assert execute(world, "select count(*) from release.release") == [(0,)]


def test_period_without_scores_is_refused(world: Settings) -> None:
    with pytest.raises(appraisal.NothingToReleaseError, match="2015-02 has no scores"):
        appraisal.release(world, "month", "2015-02", PERSON)


def test_facts_that_failed_their_gate_are_not_released(settings: Settings) -> None:
    build_world(settings, audited=False)
    with pytest.raises(
        appraisal.AppraisalError, match=r"delivery 3 \(demo, 2015-01.csv\) was built by build 1"
    ):
        appraisal.release(settings, "month", "2015-01", PERSON)


@pytest.mark.parametrize("relation", CHILDREN)
@pytest.mark.parametrize(
    "statement",
    [
        "update release.{} set release_id = release_id",
        "delete from release.{}",
        "truncate release.{} cascade",
    ],
)
def test_superuser_owner_and_replica_mode_cannot_change_a_release(
    world: Settings, relation: str, statement: str
) -> None:
    appraisal.release(world, "month", "2015-01", PERSON)
    file = world.reports / "2015-01" / "a.html"
    file.parent.mkdir(parents=True)
    file.write_text("page")
    appraisal.record_artifacts(world, "2015-01.v1", [file])
    has_rows = relation not in ("difference", "reject_count") or "truncate" in statement
    for mode in ("", "set session_replication_role = replica;"):
        with warehouse.connect(world.require_database_url()) as connection:
            assert connection.execute(
                "select rolsuper from pg_roles where rolname = current_user"
            ).fetchone() == (True,)
            if mode:
                connection.execute(mode.encode())
            if has_rows:
                with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                    connection.execute(statement.format(relation).encode())
            else:
                assert connection.execute(statement.format(relation).encode()).rowcount == 0
    assert appraisal.verify(world) == []


def test_rows_cannot_be_added_to_a_closed_release(world: Settings) -> None:
    appraisal.release(world, "month", "2015-01", PERSON)
    with pytest.raises(psycopg.errors.RaiseException, match=r"release 2015-01.v1 is closed"):
        execute(world, "insert into release.person values ('2015-01.v1', 'P9', 'x', 'x', 99, 'good', 1.2)")


def test_altered_figures_signature_and_standards_are_found(world: Settings) -> None:
    appraisal.release(world, "month", "2015-01", PERSON)
    with warehouse.connect(world.require_database_url()) as connection:
        for relation in ("score", "release"):
            connection.execute(f"alter table release.{relation} disable trigger all".encode())
        connection.execute("update release.score set score = score + 1 where project_id = 'P1'")
        connection.execute("update release.release set signed_by = 'somebody else'")
        connection.execute("update ops.standards_release set content_sha256 = 'bb'")
    assert [str(problem) for problem in appraisal.verify(world)] == [
        "2015-01.v1: its figures are not those that were signed",
        "2015-01.v1: its signature, reason, deliveries or place in the chain were altered",
        "2015-01.v1: standards release 2015-01 was altered after signing",
    ]


def test_release_removed_from_the_warehouse_is_found_and_stops_the_next(world: Settings) -> None:
    appraisal.release(world, "month", "2015-01", PERSON)
    with warehouse.connect(world.require_database_url()) as connection:
        connection.execute("drop schema release cascade")
        connection.execute("delete from ops.migration where file_name = '030_release.sql'")
    warehouse.migrate(world.require_database_url())
    [problem] = appraisal.verify(world)
    assert (
        str(problem) == "2015-01.v1: was released, says the chain log, but the warehouse has no such release"
    )
    with pytest.raises(appraisal.ChainBrokenError, match="restore the warehouse"):
        appraisal.release(world, "month", "2015-01", PERSON)


def test_acknowledgement_lost_after_the_commit_makes_no_second_release(world: Settings) -> None:
    appraisal.release(world, "month", "2015-01", PERSON)
    appraisal.chain_log(world).write_bytes(
        appraisal.chain_log(world).read_bytes()[:20]
    )  # the power went while writing
    assert [problem.release_id for problem in appraisal.verify(world)] == ["2015-01.v1"]
    assert appraisal.release(world, "month", "2015-01", PERSON) == "2015-01.v1"
    assert execute(world, "select count(*) from release.release") == [(1,)]
    assert appraisal.verify(world) == []


def test_two_releasers_at_once_make_one_release(world: Settings) -> None:
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda: results.append(appraisal.release(world, "month", "2015-01", PERSON)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["2015-01.v1"] * 4
    assert execute(world, "select count(*) from release.release") == [(1,)]


def test_releases_form_one_chain(world: Settings) -> None:
    for table in ("score", "indicator", "person", "item", "category", "day"):
        execute(world, f"create table copied as select * from appraisal.appraisal_{table}")
        execute(world, "update copied set period = '2015-Q1', period_kind = 'quarter'")
        execute(world, f"insert into appraisal.appraisal_{table} select * from copied")
        execute(world, "drop table copied")
    appraisal.release(world, "month", "2015-01", PERSON)
    assert appraisal.release(world, "quarter", "2015-Q1", PERSON) == "2015-Q1.v1"
    assert execute(
        world,
        "select a.release_id, b.release_id from release.release a "
        "join release.release b on b.previous_sha256 = a.release_sha256",
    ) == [("2015-01.v1", "2015-Q1.v1")]
    assert appraisal.verify(world) == []


def test_rejects_are_counted_once_per_row_and_only_of_current_deliveries(world: Settings) -> None:
    execute(
        world,
        "insert into ops.delivery (arrival_id, source_id, entity, partition_date, file_name, revision, "
        "content_sha256, rows_landed, audited_build_id) "
        "values (1, 'demo', 'ticket', '2015-01-01', '2015-01.csv', 2, 'y', 6, 1)",
    )
    execute(
        world,
        "insert into ops.reject "
        "(delivery_id, row_number, source_id, entity, field, value, rule, reason, partition_date) values "
        "(3, 2, 'demo', 'ticket', 'opened_at', 'x', 'timestamp_unreadable', 'why', '2015-01-01'),"
        "(5, 2, 'demo', 'ticket', 'opened_at', 'x', 'timestamp_unreadable', 'why', '2015-01-01'),"
        "(5, 2, 'demo', 'ticket', 'due_at', 'x', 'timestamp_unreadable', 'why', '2015-01-01')",
    )
    appraisal.release(world, "month", "2015-01", PERSON)
    assert execute(world, "select field, rows from release.reject_count order by field") == [
        ("due_at", 1),
        ("opened_at", 1),
    ]
    assert execute(world, "select rejects from release.release") == [(1,)]


def test_artifacts_are_recorded_once_and_altered_ones_found(world: Settings) -> None:
    appraisal.release(world, "month", "2015-01", PERSON)
    page: Path = world.reports / "2015-01" / "v1" / "en" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("a page")
    appraisal.record_artifacts(world, "2015-01.v1", [page])
    appraisal.record_artifacts(world, "2015-01.v1", [page])
    assert execute(world, "select path, byte_size from release.artifact") == [("2015-01/v1/en/index.html", 6)]
    assert appraisal.verify(world) == []
    page.write_text("another")
    with pytest.raises(appraisal.ArtifactChangedError, match=r"index\.html"):
        appraisal.record_artifacts(world, "2015-01.v1", [page])
    assert [problem.what for problem in appraisal.verify(world)] == [
        "the published file 2015-01/v1/en/index.html was altered"
    ]
    page.unlink()
    assert [problem.what for problem in appraisal.verify(world)] == [
        "the published file 2015-01/v1/en/index.html is gone"
    ]


def test_sign_off_releases_what_was_shown(world: Settings) -> None:
    prepared = appraisal.prepare(world, "2015-01")
    assert (prepared["state"], prepared["release_id"]) == ("new", None)
    assert "Projects scored: 2 / 2" in prepared["summary"]
    answer = {
        "chosen_options": ["Approve"],
        "responded_at": "2015-02-03T09:30:00+00:00",
        "responded_by_user": {"id": "7", "name": "auto-sign"},
    }
    first = appraisal.release_signed(world, "2015-01", prepared["content_sha256"], answer)
    assert execute(world, "select signed_by, signed_how from release.release") == [("auto-sign", "auto-sign")]
    again = appraisal.prepare(world, "2015-01")
    assert (again["state"], again["release_id"]) == ("released", first)
    assert appraisal.release_signed(world, "2015-01", again["content_sha256"], None) == first
    change_a_figure(world)
    assert appraisal.prepare(world, "2015-01")["state"] == "differs"
    assert [proposal["period"] for proposal in appraisal.proposals(world)] == ["2015-01"]


def test_unsigned_figures_are_not_released(world: Settings) -> None:
    digest = appraisal.draft(world, "month", "2015-01").content_sha256
    with pytest.raises(appraisal.AppraisalError, match="nobody signed"):
        appraisal.release_signed(world, "2015-01", digest, None)
    with pytest.raises(appraisal.AppraisalError, match="does not say who"):
        appraisal.release_signed(world, "2015-01", digest, {"responded_by_user": None, "responded_at": "x"})
