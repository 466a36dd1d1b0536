"""Indicators that stand without a delivery are marked: scored, released and shown so."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date

import openpyxl
from tests import reports_company as company
from tests.integration.appraisal_world import make_world
from tests.integration.test_appraisal_models import (
    FIRST,
    HORIZON,
    PROJECTS,
    prepare,
    score,
    some_tickets,
    table,
)

from yardstick import warehouse
from yardstick.reports import content, pages, workbook
from yardstick.settings import Settings


def carry_on(
    settings: Settings, source_id: str, entity: str, *days: date, project: str | None = None
) -> None:
    """Give up what a source did not deliver."""
    with warehouse.connect(settings.require_database_url()) as connection:
        connection.execute(
            "insert into ops.source (source_id, names, site_file, time_zone, config_sha256) "
            "values (%s, '{}', 'x.yml', 'Asia/Shanghai', '')",
            [source_id],
        )
        if project:
            connection.execute("insert into ops.source_project values (%s, %s)", [source_id, project])
        for day in days:
            connection.execute(
                "insert into ops.deadline (source_id, entity, period_start, period_end, deadline_at, rule, "
                "is_required, is_dated) values (%s, %s, %s, %s, %s, 'carry_on', true, true)",
                [source_id, entity, day, day, day],
            )


def test_days_that_lack_a_delivery_are_counted_with_every_indicator_of_the_projects_concerned(
    staged: Settings,
):
    make_world(staged, FIRST, HORIZON)
    prepare(staged, some_tickets(1, 300))
    carry_on(staged, "site_a", "ticket", date(2015, 1, 5), date(2015, 1, 9), project="p-a")
    carry_on(staged, "masters", "project", date(2015, 1, 9), date(2015, 2, 1))
    carry_on(staged, "hr", "attendance", date(2015, 1, 20))

    def marked(period: str) -> dict[str, set[int | None]]:
        score(staged, period)
        rows = table(staged, "appraisal_indicator", "project_id, indicator", period)
        return {
            code: {row["days_incomplete"] for row in rows if row["project_id"] == code} for code in PROJECTS
        }

    def everybody(days: int | None) -> dict[str, set[int | None]]:
        return {code: {days} for code in PROJECTS}

    assert marked("2015-01") == {**everybody(1), "p-a": {2}}
    assert marked("2015-03") == everybody(None)
    assert marked("2015-Q1") == {**everybody(2), "p-a": {3}}

    with warehouse.connect(staged.require_database_url()) as connection:  # it comes after all
        connection.execute(
            "insert into ops.delivery (arrival_id, source_id, entity, partition_date, file_name, revision, "
            "content_sha256, rows_landed) select min(arrival_id), 'site_a', 'ticket', d, 'late.csv', 1, '', 0 "
            "from ops.arrival cross join unnest(array[date '2015-01-05', '2015-01-09']) as d group by d"
        )
    assert marked("2015-01") == everybody(1)


def test_a_marked_indicator_has_a_footnote_on_its_pages_and_a_column_in_the_workbook(settings: Settings):
    with warehouse.connect(settings.require_database_url()) as connection:
        release_id = company.release_all(connection)[0]
        read = content.read(connection, release_id)
    project = read.projects[0]
    words = {"en": "Incomplete", "zh-Hans": "不完整：本期最多有 3 天", "zh-Hant": "不完整：本期最多有 3 天"}
    for code, text in words.items():
        assert text not in pages.render_project(read, project, code, None)
        assert text not in pages.render_period(read, code, None)
    project.indicators = [replace(one, days_incomplete=3) for one in project.indicators]
    for code, text in words.items():
        page = pages.render_project(read, project, code, None)
        assert text in page
        assert page.count('class="star"') == len(project.indicators)
        assert text in pages.render_period(read, code, None)
    sheet = openpyxl.load_workbook(io.BytesIO(workbook.write(read, "en")))["Indicators"]
    names = [cell.value for cell in sheet[4]]
    marked = [row[names.index("Days incomplete")].value for row in sheet.iter_rows(min_row=5)]
    assert marked.count(3) == len(project.indicators)
    assert set(marked) == {3, None}
