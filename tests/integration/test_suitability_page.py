"""A review of the standards on a real server: from the facts to tables, pages and workbooks."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from yardstick import settings as settings_module
from yardstick import standards, suitability, transform, warehouse
from yardstick.bench.suitability import Company, make_company
from yardstick.cli import app
from yardstick.embedded.postgres import Server
from yardstick.errors import BadInputError
from yardstick.settings import Settings, with_database

MONTHS = 3
LAST = date(2026, 3, 31)
TABLES = ("standard_suitability", "inspector_leniency")


@pytest.fixture(scope="module")
def company() -> Company:
    return make_company(4, MONTHS, planted=True, projects=12)


@pytest.fixture(scope="module")
def filled(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory, company: Company
) -> Iterator[Settings]:
    """A warehouse with the shipped standards and the checks of a company, one fact per check."""
    name = f"suitability_{secrets.token_hex(6)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'create database "{name}" template "{template}"'.encode())
    settings = replace(
        settings_module.load(home=tmp_path_factory.mktemp("home"), language="en"),
        database_url=with_database(server.url(), name),
    )
    checks = company.checks
    grades = {
        checks.projects[project]: checks.grades[grade]
        for project, grade in zip(checks.project, checks.grade, strict=True)
    }
    with warehouse.connect(settings.require_database_url()) as connection:
        standards.load(connection, standards.read(settings.standards))
        connection.execute(
            b"create schema marts; create table marts.dim_project (project_id text, project_grade text);"
            b"create table marts.fct_inspection_item (standard_code text, inspector_person_id text, project_id text, "
            b"checked_date date, is_passed boolean)"
        )
        with connection.cursor().copy("copy marts.dim_project from stdin") as copy:
            for row in grades.items():
                copy.write_row(row)
        with connection.cursor().copy("copy marts.fct_inspection_item from stdin") as copy:
            for n in range(len(checks)):
                who = (
                    checks.standards[checks.standard[n]],
                    checks.inspectors[checks.inspector[n]],
                    checks.projects[checks.project[n]],
                )
                month = checks.months[checks.month[n]]
                for turn in range(int(checks.checked[n])):
                    copy.write_row((*who, month.replace(day=turn + 1), turn < checks.passed[n]))
            copy.write_row(("CL-LB-01", "000003", "P001", date(2025, 12, 31), False))  # before the catalogue
            copy.write_row(("CL-LB-01", "000003", "P001", LAST, None))  # not applicable
            copy.write_row(("XX-XX-99", "000003", "P001", LAST, False))  # no such standard
        connection.execute("insert into publish.day (day, build_id) values (%s, 1)", [LAST])
    transform.run_dbt(
        settings,
        ["run", "--select", "int_standards__in_force", "dim_standard_category", "dim_standard"],
        variables={"build_id": 0},
    )
    yield settings
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)'.encode())


@pytest.fixture
def inspected(filled: Settings, tmp_path: Path) -> Settings:
    """The warehouse before any review, with a home of its own."""
    with warehouse.connect(filled.require_database_url()) as connection:
        connection.execute(b"truncate ops.standard_suitability, ops.inspector_leniency")
    return replace(filled, home=tmp_path / "home")


def contents(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    with warehouse.connect(settings.require_database_url()) as connection:
        return {
            table: connection.execute(f"select * from ops.{table} as t order by t::text".encode()).fetchall()
            for table in TABLES
        }


def test_review_writes_tables_and_pages_and_again_the_same(
    inspected: Settings, company: Company, tmp_path: Path
) -> None:
    written = suitability.review(inspected)
    assert [path.relative_to(inspected.reports / "suitability").as_posix() for path in written] == [
        "zh-Hans/index.html", "zh-Hans/suitability.xlsx", "en/index.html", "en/suitability.xlsx",
    ]  # fmt: skip
    before = contents(inspected)
    with warehouse.connect(inspected.require_database_url()) as connection:
        found = connection.execute(
            "select first_day, last_day, standards_release, sum(items_checked), sum(items_passed), count(*) "
            "from ops.standard_suitability where project_grade is null group by 1, 2, 3"
        ).fetchall()
        odd = connection.execute(
            "select verdict || '_inspector', person_id from ops.inspector_leniency "
            "where verdict in ('lax', 'strict')"
        ).fetchall()
        by_grade = connection.execute(
            "select sum(items_checked) from ops.standard_suitability where project_grade is not null"
        ).fetchone()
    checks = company.checks
    total = int(checks.checked.sum())
    assert total > 5_000
    assert found == [
        (date(2025, 4, 1), LAST, "2026-01", total, int(checks.passed.sum()), len(checks.standards))
    ]
    assert by_grade == (total,)
    assert odd
    assert set(odd) == {one for one in company.planted if one[0].endswith("inspector")}

    again = suitability.review(inspected, out=tmp_path / "elsewhere")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in written]
    assert contents(inspected) == before


def test_another_span_stands_beside_the_first(inspected: Settings) -> None:
    suitability.review(inspected, date(2026, 1, 1), date(2026, 1, 31))
    one = len(contents(inspected)["inspector_leniency"])
    suitability.review(inspected, date(2026, 2, 1), date(2026, 2, 28))
    assert len(contents(inspected)["inspector_leniency"]) > one > 0


def test_nothing_to_look_at_is_told_and_nothing_written(inspected: Settings) -> None:
    with pytest.raises(BadInputError, match="no inspection item with a result was checked from 2026-06-01"):
        suitability.review(inspected, date(2026, 6, 1), date(2026, 6, 30))
    with pytest.raises(BadInputError, match="2015-01, in force on 2020-12-31, has no block 'suitability'"):
        suitability.review(inspected, date(2020, 1, 1), date(2020, 12, 31))
    with pytest.raises(BadInputError, match="is after"):
        suitability.review(inspected, date(2026, 6, 1), date(2026, 5, 1))
    with warehouse.connect(inspected.require_database_url()) as connection:
        connection.execute("delete from publish.day")
    with pytest.raises(BadInputError, match="no day is published yet"):
        suitability.review(inspected)
    with warehouse.connect(inspected.require_database_url()) as connection:
        connection.execute("insert into publish.day (day, build_id) values (%s, 1)", [LAST])
    assert not (inspected.reports / "suitability").exists()
    assert contents(inspected) == {table: [] for table in TABLES}


def test_command_names_the_files(
    inspected: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", inspected.require_database_url())
    outcome = CliRunner().invoke(
        app,
        ["standards", "suitability", "--from", "2026-01-01", "--to", "2026-02-28", "--out", str(tmp_path / "out")],
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    assert (tmp_path / "out/en/index.html").exists()
    assert str(tmp_path / "out/zh-Hans/suitability.xlsx") in outcome.output
    late = CliRunner().invoke(app, ["standards", "suitability", "--from", "2026-06-01", "--to", "2026-06-30"])
    assert late.exit_code == 1
    assert "no inspection item with a result" in late.output
