"""Standards releases in the warehouse: loaded once, changed while unused, frozen once signed with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from yardstick import standards, warehouse
from yardstick.settings import Settings

TABLES = (
    "standards_release",
    "standards_indicator",
    "standards_target",
    "standards_grade",
    "calendar_day",
    "source_calendar",
)


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """A copy of the first release to change."""
    shutil.copytree(settings.standards / "2015-01", tmp_path / "standards/2015-01")
    return tmp_path / "standards"


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


def sign(connection: psycopg.Connection[Any], period: str, start: str, end: str) -> None:
    connection.execute(
        """
        insert into release.release (
            release_id, period_kind, period, period_start, period_end, version, status, standards_release,
            standards_sha256, code_version, tickets, rejects, delivery_ids, content_sha256, previous_sha256,
            release_sha256, signed_by, signed_how, signed_at
        ) values (
            %(period)s || '.v1', 'month', %(period)s, %(start)s, %(end)s, 1, 'released', '2015-01',
            'x', 'x', 0, 0, '{}', 'x', null, %(period)s, 'somebody', 'person', now()
        )
        """,
        {"period": period, "start": start, "end": end},
    )


def test_loading_again_writes_nothing(connection, folder):
    assert load(connection, folder) == ["2015-01"]
    before = row_versions(connection)
    assert all(before.values())
    assert load(connection, folder) == []
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
    assert connection.execute("select * from ops.source_calendar").fetchall() == [
        ("boston_311", "boston_city")
    ]


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
