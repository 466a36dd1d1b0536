"""Publication against a real server: only changed rows, whole days, one publisher, one version per reader."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from tests.integration.release_world import build_world, execute

from yardstick import publish, quality, warehouse
from yardstick.doors import DOORS
from yardstick.embedded.postgres import Server
from yardstick.settings import Settings

STAFFING = (
    *("person", "person_history", "certificate", "staff_monthly", "turnover_monthly", "staffing_monthly"),
    *("workload_hourly", "staffing_hourly", "understaffing_monthly", "overtime_monthly"),
    *("attendance", "post_daily", "training"),
)
RESOURCES = (
    *("equipment", "equipment_daily", "equipment_monthly", "goods_monthly"),
    *("digital_monthly", "cost_monthly"),
)
TABLES = (*(door.name for door in DOORS), "day")


def pass_gates(settings: Settings, build_id: int = 1) -> None:
    execute(
        settings,
        "insert into ops.gate_verdict (build_id, gate, is_passed, expectations, blocking_failures, warnings) "
        "select %s, gate, true, 9, 0, 0 from unnest(array['staging', 'facts']) as gate",
        [build_id],
    )


def publish_days(settings: Settings, build_id: int) -> list[str]:
    """Publish a build and say which days it announces."""
    publish.move(settings, build_id)
    return [str(day) for day in publish.announce(settings, build_id, f"run-{build_id}")]


def rows_moved(settings: Settings) -> dict[str, int]:
    """What the last publication wrote down about itself."""
    found = execute(
        settings,
        "select node, rows_affected from ops.model_run "
        "where ran_at = (select max(ran_at) from ops.model_run)",
    )
    return {str(node).removeprefix("publish."): int(str(rows)) for node, rows in found}


def snapshot(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    """Every published row with the transaction that wrote it."""
    return {
        name: execute(settings, f"select t.xmin::text, t.* from publish.{name} t order by t::text")
        for name in TABLES
    }


def written(settings: Settings, name: str) -> set[tuple[object, ...]]:
    """The rows of one table, each by its key, with the transaction that wrote it and all it says."""
    key = next(door.key[-1] for door in DOORS if door.name == name)
    return set(execute(settings, f"select {key}, t.xmin::text, t::text from publish.{name} t"))


def next_build(settings: Settings, days: list[str]) -> None:
    """Build 2: a correction of the first day's ticket delivery."""
    execute(
        settings,
        "insert into ops.delivery (arrival_id, source_id, entity, partition_date, file_name, revision, "
        "content_sha256, rows_landed) values (1, 'demo', 'ticket', '2015-01-01', '2015-01.csv', 2, 'y', 1)",
    )
    execute(settings, "insert into ops.build (run_id, status, stage) values ('run-2', 'running', 'facts')")
    execute(settings, "insert into ops.build_delivery values (2, 5)")
    for day in days:
        execute(settings, "insert into intermediate.int_days__affected values (2, %s)", [day])
    pass_gates(settings, 2)


@pytest.fixture
def world(settings: Settings) -> Settings:
    build_world(settings, audited=False)
    pass_gates(settings)
    return settings


def test_first_publication_moves_everything_and_marks_the_deliveries(world: Settings) -> None:
    assert publish_days(world, 1) == ["2015-01-01", "2015-01-02"]
    assert rows_moved(world) == {
        "project": 2,
        "service_item": 1,
        "org_unit": 1,
        "standard": 1,
        "standard_category": 1,
        "ticket": 11,
        "ticket_span": 4,
        "ticket_handover": 2,
        "sla_event": 11,
        "sla_daily": 4,
        "inspection": 2,
        "inspection_item": 2,
        "nonconformity": 2,
        "survey_answer": 2,
        "complaint": 2,
        "household_history": 2,
        **dict.fromkeys((*STAFFING, *RESOURCES), 2),
        "backlog_daily": 4,
        "indicator_daily": 4,
    }
    assert execute(world, "select count(*) from ops.delivery where audited_build_id = 1") == [(4,)]
    assert execute(world, "select status, finished_at is not null from ops.build") == [("audited", True)]


def test_publishing_again_touches_no_row(world: Settings) -> None:
    publish_days(world, 1)
    before = snapshot(world)
    assert publish_days(world, 1) == ["2015-01-01", "2015-01-02"]
    assert sum(rows_moved(world).values()) == 0
    assert snapshot(world) == before


def test_correction_touches_exactly_the_corrected_rows(world: Settings) -> None:
    publish.move(world, 1)
    before = snapshot(world)
    next_build(world, ["2015-01-01"])
    execute(
        world, "update marts.fct_ticket set status = 'open', delivery_id = 5 where source_ticket_id = 'T3'"
    )
    execute(world, "delete from marts.fct_ticket where source_ticket_id = 'T4'")
    publish.move(world, 2)
    assert rows_moved(world)["ticket"] == 2
    after = snapshot(world)
    changed = {row[2] for row in set(before["ticket"]) ^ set(after["ticket"])}
    assert changed == {"T3", "T4"}
    assert before["indicator_daily"] == after["indicator_daily"]


def test_ticket_that_moves_to_another_day_is_never_missing_or_doubled(world: Settings) -> None:
    publish.move(world, 1)
    next_build(world, [])
    execute(
        world,
        "update marts.fct_ticket "
        "set opened_at = '2015-01-09 08:00Z', opened_date = '2015-01-09', delivery_id = 5 "
        "where source_ticket_id = 'T3'",
    )
    publish.move(world, 2)
    assert execute(world, "select opened_date::text from publish.ticket where source_ticket_id = 'T3'") == [
        ("2015-01-09",)
    ]
    assert execute(world, "select count(*) from publish.ticket") == [(11,)]


def test_corrected_inspection_is_moved_with_what_differs_and_leaves_both_days(world: Settings) -> None:
    publish.move(world, 1)
    before = {name: written(world, name) for name in ("inspection", "inspection_item")}
    next_build(world, [])
    # the items say so on a day that the build changed, though no delivery of it brought them
    execute(world, "insert into ops.build_day values (2, '2015-01-01')")
    execute(
        world,
        "update marts.fct_inspection set planned_date = '2015-01-09', inspection_type = 'weekly', delivery_id = 5 "
        "where project_id = 'P1'",
    )
    execute(world, "update marts.fct_inspection_item set inspection_type = 'weekly' where project_id = 'P1'")
    publish.move(world, 2)
    moved = rows_moved(world)
    assert {name: moved[name] for name in moved if moved[name]} == {"inspection": 1, "inspection_item": 1}
    changed = {name: {row[0] for row in rows ^ written(world, name)} for name, rows in before.items()}
    assert changed == {"inspection": {"I-P1"}, "inspection_item": {"N-P1"}}
    assert execute(world, "select day::text from publish.day order by 1") == [
        ("2015-01-01",),
        ("2015-01-02",),
    ]


def test_automatic_finding_is_published_when_it_is_opened_and_when_it_is_settled(world: Settings) -> None:
    publish_days(world, 1)
    before = written(world, "nonconformity")
    execute(
        world,
        "insert into marts.fct_nonconformity (nonconformity_id, origin, project_id, standard_code, status, "
        "found_date, observed) values "
        """('service_finding:1', 'automatic', 'P1', 'SV-IN-01', 'found', '2014-11-30', '{"done_share": 0.5}')""",
    )
    next_build(world, [])
    assert publish_days(world, 2) == ["2015-01-01"]  # its own day is announced by nothing but tickets
    assert rows_moved(world)["nonconformity"] == 1
    execute(
        world,
        "update marts.fct_nonconformity set status = 'closed', closed_date = '2015-01-02' where origin = 'automatic'",
    )
    execute(world, "insert into ops.build (run_id, status, stage) values ('run-3', 'running', 'facts')")
    pass_gates(world, 3)
    publish.move(world, 3)
    moved = rows_moved(world)
    assert {name: moved[name] for name in moved if moved[name]} == {"nonconformity": 1}
    query = "select status, observed->>'done_share' from publish.nonconformity where origin = 'automatic'"
    assert execute(world, query) == [("closed", "0.5")]
    assert {row[0] for row in before ^ written(world, "nonconformity")} == {"service_finding:1"}
    assert execute(world, "select max(day)::text, count(*) from publish.day") == [("2015-01-02", 2)]


def test_days_of_a_build_that_failed_are_published_by_its_successor(world: Settings) -> None:
    execute(world, "update ops.build set status = 'failed'")
    execute(world, "insert into intermediate.int_days__affected values (1, '2015-01-20')")
    with warehouse.connect(world.require_database_url()) as connection:
        quality.note_days(connection, 1)  # its gate noted them, and failed
    execute(world, "truncate intermediate.int_days__affected")
    execute(
        world,
        "insert into marts.fct_ticket_backlog_daily "
        "values ('P1', 'lift', '', '2015-01-20', 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0)",
    )
    next_build(world, [])
    audited = publish_days(world, 2)
    assert execute(world, "select build_id from publish.day where day = '2015-01-20'") == [(2,)]
    assert "2015-01-20" not in audited  # nobody delivered that day yet


@pytest.mark.parametrize("gate", publish.GATES)
def test_build_without_a_passing_verdict_is_not_published(world: Settings, gate: str) -> None:
    execute(world, "update ops.gate_verdict set is_passed = false where gate = %s", [gate])
    with pytest.raises(publish.PublishError, match=f"build 1 failed gate {gate}"):
        publish.move(world, 1)
    execute(world, "delete from ops.gate_verdict where gate = %s", [gate])
    with pytest.raises(publish.PublishError, match=f"no verdict of gate {gate}"):
        publish.move(world, 1)
    assert execute(world, "select count(*) from publish.ticket") == [(0,)]
    assert execute(world, "select count(*) from ops.delivery where audited_build_id is not null") == [(0,)]


def wait_until_blocked(settings: Settings) -> None:
    """Until the publisher waits for a lock."""
    for _ in range(600):
        if execute(
            settings,
            "select 1 from pg_stat_activity "
            "where application_name = 'yardstick-publish' and wait_event_type = 'Lock'",
        ):
            return
        time.sleep(0.05)
    raise AssertionError("the publisher never came to the lock")


def test_second_publisher_says_that_one_is_at_work(world: Settings) -> None:
    results: list[None] = []
    with warehouse.connect(world.require_database_url()) as blocker:
        blocker.execute("lock table publish.indicator_daily in access exclusive mode")
        first = threading.Thread(target=lambda: results.append(publish.move(world, 1)))
        first.start()
        wait_until_blocked(world)
        with pytest.raises(publish.PublishBusyError, match="another publisher is at work"):
            publish.move(world, 1)
    first.join()
    assert len(results) == 1
    assert rows_moved(world)["ticket"] == 11


def test_reader_sees_one_version_throughout(world: Settings) -> None:
    publish.move(world, 1)
    next_build(world, ["2015-01-01", "2015-01-02"])
    execute(world, "update marts.fct_ticket set status = 'open'")
    with warehouse.connect(world.require_database_url()) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        query = "select status, count(*) from publish.ticket group by 1"
        before = reader.execute(query).fetchall()
        publish.move(world, 2)
        assert reader.execute(query).fetchall() == before == [("closed", 11)]
        reader.commit()
        assert reader.execute(query).fetchall() == [("open", 11)]


def test_server_crash_in_the_middle_of_a_day_leaves_all_or_none_of_it(
    settings: Settings, tmp_path: Path
) -> None:
    server = Server(tmp_path / "crash")
    server.start()
    try:
        crashed = replace(settings, database_url=server.url(), home=tmp_path / "crash")
        warehouse.migrate(server.url())
        build_world(crashed, audited=False)
        pass_gates(crashed)
        blocker = warehouse.connect(server.url())
        # The day's tickets are in by then, its indicators not.
        blocker.execute("lock table publish.indicator_daily in share mode")
        errors: list[BaseException] = []

        def run() -> None:
            try:
                publish.move(crashed, 1)
            except psycopg.OperationalError as error:
                errors.append(error)

        publisher = threading.Thread(target=run)
        publisher.start()
        wait_until_blocked(crashed)
        os.kill(int((server.data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
        os.kill(blocker.info.backend_pid, signal.SIGKILL)
        publisher.join()
        assert errors
        blocker.close()
        for _ in range(100):
            if server.port() is None:
                break
            time.sleep(0.1)
        server.start()
        crashed = replace(crashed, database_url=server.url())
        assert execute(crashed, "select count(*) from publish.ticket") == [(0,)]
        assert execute(crashed, "select count(*) from ops.delivery where audited_build_id is not null") == [
            (0,)
        ]
        assert len(publish_days(crashed, 1)) == 2
        assert execute(crashed, "select count(*) from publish.ticket") == [(11,)]
    finally:
        server.stop()
