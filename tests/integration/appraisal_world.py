"""A small installation for the tests of the appraisal models: projects, service items, a source, no facts yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
import psycopg

from yardstick import standards, transform, warehouse
from yardstick.settings import Settings

BASE = (
    "fct_ticket",
    "fct_ticket_backlog_daily",
    "dim_project",
    "dim_service_item",
    "int_days__affected",
    "int_project_days__affected",
    "int_sources__horizons",
    "int_sources__entity_horizons",
    "fct_inspection",
    "fct_inspection_item",
    "fct_nonconformity",
    "fct_survey_answer",
    "dim_standard_category",
)
PROJECTS = {
    "p-a": ("A", True),
    "p-b": ("B", True),
    "p-c": ("C", True),
    "p-free": ("B", False),
    "p-small": ("C", True),
}
ITEMS = {"lamp": "repair", "lift": "repair", "leaves": "green", "noise": "order"}


def fill(connection: psycopg.Connection[Any], relation: str, frame: pd.DataFrame) -> None:
    """Replace a table's rows; columns the table does not have are left out."""
    schema, table = relation.split(".")
    known = {
        row[0]
        for row in connection.execute(
            "select column_name from information_schema.columns where table_schema = %s and table_name = %s",
            [schema, table],
        )
    }
    columns = [column for column in frame if column in known]
    assert columns
    connection.execute(f"truncate {relation}".encode())
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy {relation} ({', '.join(columns)}) from stdin".encode()) as copy,
    ):
        for row in frame[columns].itertuples(index=False):
            copy.write_row(
                [None if value is None or value is pd.NaT or value != value else value for value in row]
            )


def build(settings: Settings, *arguments: str) -> None:
    transform.run_dbt(
        settings,
        ["run", "--select", "path:models/appraisal,tag:facts", *arguments],
        variables={"build_id": 1},
    )


def score(settings: Settings, period: str) -> None:
    kind, first, last = transform.period_bounds(period)
    transform.run_dbt(
        settings,
        ["run", "--select", "path:models/appraisal,tag:score", "--exclude", "appraisal_staff"],
        variables={"period_kind": kind, "period": period, "period_start": first, "period_end": last},
    )


def table(settings: Settings, name: str, order: str, period: str | None = None) -> list[dict[str, Any]]:
    with warehouse.connect(settings.require_database_url()) as connection:
        where = "where period = %s" if period else ""
        return warehouse.rows(
            connection,
            f"select * from appraisal.{name} {where} order by {order}".encode(),
            [period] if period else None,
        )


def make_world(
    settings: Settings, first: date, horizon: date, *, entities: Sequence[str] = ("ticket",)
) -> None:
    """Load standards, one source that has delivered, and master data; the models below the appraisal are built.

    Args:
        settings: an installation in which nothing was delivered yet.
        first: the first day delivered.
        horizon: the last day delivered.
        entities: what the source has delivered.
    """
    with warehouse.connect(settings.require_database_url()) as connection:
        standards.load(connection, standards.read(settings.standards))
        connection.execute(
            "insert into ops.source (source_id, names, site_file, time_zone, config_sha256) "
            "values ('site', '{}', 'site.yml', 'Asia/Shanghai', '')"
        )
        connection.execute(
            "insert into ops.source_field (source_id, entity, field, source_columns) "
            "values ('site', 'ticket', 'first_response_at', '{answered}')"
        )
        connection.execute(
            "insert into ops.arrival (source_id, entity, file_name, file_sha256, byte_size, status) "
            "values ('site', 'ticket', 'f', '', 0, 'landed')"
        )
        connection.execute(
            "insert into ops.delivery (arrival_id, source_id, entity, partition_date, file_name, revision, "
            "content_sha256, rows_landed, rows_staged, audited_build_id) "
            "select arrival_id, 'site', e, d, 'f', 1, d, 0, 0, 0 from ops.arrival, "
            "unnest(array[%s, %s]::date[]) as d, unnest(%s::text[]) as e",
            [first, horizon, list(entities)],
        )
        connection.execute(
            "insert into ops.build (build_id, run_id, status, stage, first_day, last_day) "
            "overriding system value values (1, 'by hand', 'running', 'facts', %s, %s)",
            [first, horizon],
        )
    transform.run_dbt(
        settings,
        ["run", "--select", "ops_flag", "int_standards__in_force", *(f"+{name},tag:facts" for name in BASE)],
        variables={"build_id": 1},
    )
    with warehouse.connect(settings.require_database_url()) as connection:
        fill(
            connection,
            "marts.dim_project",
            pd.DataFrame(
                [
                    {
                        "project_id": code,
                        "project_name_en": code.upper(),
                        "project_grade": grade,
                        "region": "north",
                        "manager_person_id": f"m-{code}",
                        "manager_name": "Somebody",
                        "is_appraised": is_appraised,
                        "source_id": "site",
                        "delivery_id": 1,
                        "row_number": 2,
                    }
                    for code, (grade, is_appraised) in PROJECTS.items()
                ],
                dtype=object,
            ),
        )
        fill(
            connection,
            "marts.dim_service_item",
            pd.DataFrame(
                [
                    {
                        "service_item_id": code,
                        "service_item_name_en": code,
                        "service_group_id": group,
                        "source_id": "site",
                        "delivery_id": 1,
                        "row_number": 2,
                    }
                    for code, group in ITEMS.items()
                ]
            ),
        )
