"""Standards releases in the warehouse: loaded once, changed while unused, frozen once signed with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from tests import small_standards

from yardstick import standards, warehouse
from yardstick.settings import Settings, project_root

TABLES = (
    "standards_release",
    "standards_indicator",
    "standards_target",
    "standards_grade",
    "standards_category",
    "standards_inspection",
    "standards_service",
    "standards_data",
    "sla_policy",
    "sla_target",
    "calendar_day",
    "service_rule",
)


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """A copy of the first release to change."""
    shutil.copytree(settings.standards / "2015-01", tmp_path / "standards/2015-01")
    return tmp_path / "standards"


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """Two releases, the second one with everything a release can hold."""
    return small_standards.write(tmp_path / "full")


@pytest.fixture
def connection(settings: Settings):
    with warehouse.connect(settings.require_database_url(), autocommit=True) as connection:
        yield connection


def load(connection: psycopg.Connection[Any], folder: Path) -> list[str]:
    with connection.transaction():
        return standards.load(connection, standards.read(folder))


def row_versions(connection: psycopg.Connection[Any]) -> dict[str, list[tuple]]:
    """Which transaction wrote each row: equal before and after when nothing was written."""
    return {
        table: connection.execute(f"select ctid::text, xmin::text from ops.{table} order by 1").fetchall()
        for table in TABLES
    }


def edit(path: Path, change: Callable[[dict], object]) -> None:
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=standards.Loader)
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def add_release(folder: Path, name: str, effective_from: str) -> Path:
    shutil.copytree(folder / "2015-01", folder / name)
    edit(
        folder / name / "release.yml",
        lambda c: c.update(standards_release=name, effective_from=effective_from),
    )
    return folder / name


def sign(
    connection: psycopg.Connection[Any], period: str, start: str, end: str, release: str = "2015-01"
) -> None:
    connection.execute(
        """
        insert into release.release (
            release_id, period_kind, period, period_start, period_end, version, status, standards_release,
            standards_sha256, code_version, tickets, rejects, delivery_ids, content_sha256, previous_sha256,
            release_sha256, signed_by, signed_how, signed_at
        ) values (
            %(period)s || '.v1', 'month', %(period)s, %(start)s, %(end)s, 1, 'released', %(release)s,
            'x', 'x', 0, 0, '{}', 'x', null, %(period)s, 'somebody', 'person', now()
        )
        """,
        {"period": period, "start": start, "end": end, "release": release},
    )


def test_loading_again_writes_nothing(connection, full):
    assert load(connection, full) == ["2015-01", "2016-01"]
    before = row_versions(connection)
    assert all(before.values())
    assert load(connection, full) == []
    assert row_versions(connection) == before


def test_loaded_rows_say_what_the_files_say(connection, folder):
    load(connection, folder)
    row = connection.execute(
        """
        select kind, numerator_measure, denominator_measure, interval_method, weight, floor_value,
            target_value, names ->> 'zh-Hans'
        from ops.standards_indicator
        join ops.standards_target using (standards_release, indicator)
        where indicator = 'ticket_on_time' and project_grade = 'A'
        """
    ).fetchone()
    assert row == ("ratio", "tickets_due_met", "tickets_due", "wilson", 35, 0.9, 0.98, "工单按时完成率")
    stocks = connection.execute(
        "select indicator, interval_method, is_numerator_stock, is_denominator_stock "
        "from ops.standards_indicator where is_numerator_stock order by 1"
    ).fetchall()
    assert stocks == [
        ("ticket_backlog_days", "rate", True, False),
        ("ticket_overdue_open", "wilson", True, True),
    ]
    z = connection.execute("select confidence_z from ops.standards_release").fetchone()
    assert float(z[0]) == pytest.approx(1.959963985)
    rules = connection.execute("select calendar_id, source_ids, project_ids from ops.service_rule").fetchall()
    assert rules == [("boston_city", ["boston_311"], None)]


def test_unused_release_may_be_changed_and_taken_away(connection, folder):
    added = add_release(folder, "2015-04", "2015-04-01")
    assert load(connection, folder) == ["2015-01", "2015-04"]
    edit(added / "grades.yml", lambda c: c["grades"]["good"].update(coefficient=1.1))
    assert load(connection, folder) == ["2015-04"]
    found = connection.execute(
        "select coefficient from ops.standards_grade where standards_release = '2015-04' and grade = 'good'"
    ).fetchone()
    assert found == (1.1,)
    shutil.rmtree(added)
    assert load(connection, folder) == ["2015-04"]
    assert connection.execute("select standards_release from ops.standards_release").fetchall() == [
        ("2015-01",)
    ]


def test_release_a_period_was_signed_with_cannot_be_changed(connection, folder):
    load(connection, folder)
    sign(connection, "2015-01", "2015-01-01", "2015-01-31")
    edit(folder / "2015-01/grades.yml", lambda c: c["grades"]["good"].update(coefficient=1.1))
    before = row_versions(connection)
    with pytest.raises(
        standards.StandardsError, match="2015-01 was signed with 2015-01, so it can no longer be"
    ):
        load(connection, folder)
    assert row_versions(connection) == before


def test_release_a_period_was_signed_with_cannot_be_taken_away(connection, folder):
    load(connection, folder)
    sign(connection, "2015-01", "2015-01-01", "2015-01-31")
    add_release(folder, "2015-04", "2015-04-01")
    shutil.rmtree(folder / "2015-01")
    with pytest.raises(standards.StandardsError, match="put its folder back"):
        load(connection, folder)


def test_new_release_cannot_reach_into_a_signed_period(connection, folder):
    load(connection, folder)
    sign(connection, "2015-01", "2015-01-01", "2015-01-31")
    sign_later = add_release(folder, "2015-02", "2015-02-01")
    assert load(connection, folder) == ["2015-02"]
    shutil.rmtree(sign_later)
    load(connection, folder)
    add_release(folder, "late", "2015-01-01")
    edit(folder / "late/release.yml", lambda c: c.update(effective_from="2014-12-01"))
    with pytest.raises(standards.StandardsError, match="lies within what was signed with 2015-01"):
        load(connection, folder)


def rows(connection: psycopg.Connection[Any], table: str, columns: str) -> list[tuple]:
    return connection.execute(
        f"select {columns} from ops.{table} where standards_release = '2016-01' order by position"
    ).fetchall()


def test_every_kind_of_standard_is_loaded(connection, full):
    load(connection, full)
    assert rows(connection, "standards_category", "category, parent_category, function, names ->> 'zh'") == [
        ("cleaning", None, "cleaning", "保洁"),
        ("indoor", "cleaning", "cleaning", "室内"),
        ("lobby", "indoor", "cleaning", "大堂"),
        ("outdoor", "cleaning", "cleaning", "室外"),
        ("security", None, "security", "秩序维护"),
    ]
    inspection = (
        "standard_code, category, scoring_method, full_score, per_finding, weight, is_veto, inspected"
    )
    assert rows(connection, "standards_inspection", inspection) == [
        ("CL-LB-01", "lobby", "pass_fail", 3, None, 3, False, ["weekly", "monthly"]),
        ("CL-OD-01", "outdoor", "deduction", 5, Decimal("0.5"), 2, False, ["monthly"]),
        ("SE-FC-01", "security", "points", 10, None, 10, True, ["daily", "special"]),
    ]
    limits = "project_grades, project_types, facilities"
    assert rows(connection, "standards_inspection", limits) == [
        (None, None, None),
        (["A", "B"], ["residential"], ["garage"]),
        (None, None, ["fire_control_room"]),
    ]
    service = "standard_code, accountable_function, rectify_within_days, requirement ->> 'en'"
    assert rows(connection, "standards_service", service) == [
        (
            "SV-IN-01",
            "management",
            5,
            "Every planned comprehensive inspection of the month was done",
        ),
        (
            "IND-pass_rate",
            "management",
            14,
            "The month's value is no worse than the floor of the project's grade: A 90%, B 85%, C 80%",
        ),
    ]
    assert rows(connection, "standards_data", "standard_code, suite, dimension, severity") == [
        ("DS-TK-01", "staged_tickets", "completeness", "blocking")
    ]
    asked = "policy, service_items, service_groups, priorities, project_grades, channels, is_emergency"
    assert rows(connection, "sla_policy", asked) == [
        ("emergency", None, None, None, None, None, True),
        ("repair", ["0104"], ["repair"], ["急"], ["A", "B"], ["phone", "app"], None),
        ("other", None, None, None, None, None, None),
    ]
    targets = connection.execute(
        "select policy, target, minutes, clock, paused_in from ops.sla_target order by 1, 2"
    ).fetchall()
    assert targets == [
        ("emergency", "attend", 30, "calendar", []),
        ("emergency", "call_back", 1440, "calendar", []),
        ("other", "acknowledge", 60, "service", []),
        ("repair", "complete", 480, "service", ["waiting_owner", "waiting_parts"]),
    ]
    indicators = "indicator, kind, scoring, points_per_event, interval_method, filters"
    assert rows(connection, "standards_indicator", indicators) == [
        ("pass_rate", "ratio", "linear", None, "wilson", {"standard_category": ["cleaning"]}),
        ("close_time", "quantile", "bands", None, "order_statistic", {}),
        ("repeats", "count", "deduction", 5, "wilson", {}),
        ("vetoes", "count", "veto", None, "wilson", {}),
    ]
    head = connection.execute(
        "select based_on, repeat_within_days, complaint_repeat_within_days, inspection_grace_days, "
        "staffing -> 'late_grace_minutes', files ? 'catalogue/cleaning' "
        "from ops.standards_release where standards_release = '2016-01'"
    ).fetchone()
    assert head == ("2015-01", 90, 30, {"monthly": 3}, 5, True)
    kinds = "select day_kind, count(*) from ops.labour_day where day between '2016-02-06' and '2016-02-14' group by 1"
    assert dict(connection.execute(kinds).fetchall()) == {"public_holiday": 3, "rest_day": 4, "workday": 2}


def test_rows_follow_the_registry_of_measures_too(connection, full, tmp_path):
    load(connection, full)
    sign(connection, "2016-02", "2016-02-01", "2016-02-29", "2016-01")
    models = "dbt_project/models/appraisal"
    shutil.copytree(project_root() / models, tmp_path / models)
    for path in (tmp_path / models).glob("_*__models.yml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("[inspection, ", "[inspection, roster, "), encoding="utf-8")
    with connection.transaction():
        assert standards.load(connection, standards.read(full), tmp_path) == ["2016-01"]
    assert "roster" in rows(connection, "standards_indicator", "entities")[3][0]


def test_release_that_shrinks_leaves_no_row_behind(connection, full):
    load(connection, full)
    shutil.rmtree(full / "2016-01/catalogue")
    edit(full / "2016-01/sla.yml", lambda c: c["policies"].pop("repair"))
    edit(full / "2016-01/indicators.yml", lambda c: c["indicators"]["pass_rate"].pop("filters"))
    assert load(connection, full) == ["2016-01"]
    for table in ("standards_category", "standards_inspection"):
        assert rows(connection, table, "position") == []
    assert rows(connection, "standards_service", "standard_code")
    assert rows(connection, "sla_policy", "policy, position") == [("emergency", 1), ("other", 2)]


def test_signed_release_is_frozen_through_the_base_too(connection, full):
    load(connection, full)
    sign(connection, "2016-02", "2016-02-01", "2016-02-29", "2016-01")
    edit(full / "2015-01/grades.yml", lambda c: c["grades"]["good"].update(coefficient=1.1))
    before = row_versions(connection)
    with pytest.raises(standards.StandardsError) as raised:
        load(connection, full)
    assert len(raised.value.problems) == 1
    told = raised.value.problems[0]
    assert f"{full}/2015-01/grades.yml (which 2016-01 takes over): 2016-02 was signed with 2016-01" in told
    assert "2015-01/calendars.yml" not in told
    assert row_versions(connection) == before


def test_file_that_was_signed_with_cannot_be_taken_away(connection, full):
    load(connection, full)
    sign(connection, "2016-02", "2016-02-01", "2016-02-29", "2016-01")
    (full / "2016-01/catalogue/security.yml").unlink()
    with pytest.raises(standards.StandardsError) as raised:
        load(connection, full)
    told = f"{full}/2016-01/catalogue/security.yml (taken away): 2016-02 was signed with 2016-01"
    assert any(told in problem for problem in raised.value.problems)


def test_release_that_a_signed_one_is_based_on_cannot_be_taken_away(connection, full):
    load(connection, full)
    sign(connection, "2016-02", "2016-02-01", "2016-02-29", "2016-01")
    shutil.rmtree(full / "2015-01")
    with pytest.raises(standards.StandardsError, match="based_on: no release '2015-01'"):
        load(connection, full)
