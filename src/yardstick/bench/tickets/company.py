"""The benchmark's company: one source in Shanghai whose columns are named as the contract's fields."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from typing import Any

import jinja2
import psycopg

from yardstick import standards, transform, warehouse
from yardstick.bench.tickets import hours
from yardstick.contracts import load_contracts
from yardstick.settings import LANGUAGES, Settings, project_root
from yardstick.sources.delivery import UNIT

SOURCE = "bench"
PROJECTS = 300
DAYS = 730
FIRST_DAY = "2024-01-01"


def found(base: Settings, years: tuple[int, int] = hours.YEARS) -> Settings:
    """Give an empty installation the company's service hours, projects and service items, landed and not built."""
    made = replace(base, standards=hours.write_release(base.home / "releases", years))
    with connect(made) as connection, connection.transaction():
        standards.load(connection, standards.read(made.standards))
        connection.execute(
            "insert into ops.source (source_id, names, site_file, time_zone, config_sha256) "
            "values (%s, '{}', 'bench.yml', %s, '')",
            [SOURCE, hours.TIME_ZONE],
        )
        for entity in ("project", "service_item", "org_unit", "ticket", "ticket_event"):
            for name in load_contracts()[entity].fields:
                connection.execute(
                    "insert into ops.source_field (source_id, entity, field, source_columns) "
                    "values (%s, %s, %s, %s)",
                    [SOURCE, entity, name, [name]],
                )
        deliver(connection, "project", [_project(number) for number in range(1, PROJECTS + 1)])
        deliver(
            connection,
            "service_item",
            [{"service_item_id": item, "service_item_name_en": item} for item in hours.items()],
        )
    return made


def connect(made: Settings) -> psycopg.Connection[Any]:
    """A session that commits by itself."""
    return warehouse.connect(made.require_database_url(), name="yardstick-bench", autocommit=True)


def deliver(connection: psycopg.Connection[Any], entity: str, rows: Sequence[dict[str, str]]) -> None:
    """Put one file of rows, by field, into the ledger and ``raw``."""
    header = list(load_contracts()[entity].fields)
    delivery_id = open_delivery(connection, entity, FIRST_DAY, len(rows))
    with connection.cursor().copy(
        f"copy raw.{entity} (delivery_id, row_number, cells) from stdin".encode()
    ) as to:
        for number, row in enumerate(rows, start=1):
            to.write_row((delivery_id, number, UNIT.join(row.get(name, "") for name in header)))


def open_delivery(connection: psycopg.Connection[Any], entity: str, day: str, rows: int) -> int:
    """The ledger's rows of one file for one day; returns the delivery's id."""
    row = connection.execute(
        "with arrival as ("
        "insert into ops.arrival (source_id, entity, file_name, file_sha256, byte_size, header, status) "
        "values (%(source)s, %(entity)s, %(name)s, '', 0, %(header)s, 'landed') returning arrival_id) "
        "insert into ops.delivery (arrival_id, source_id, entity, partition_date, file_name, revision, "
        "content_sha256, rows_landed) "
        "select arrival_id, %(source)s, %(entity)s, %(day)s, %(name)s, 1, %(hash)s, %(rows)s from arrival "
        "returning delivery_id",
        {
            "source": SOURCE, "entity": entity, "name": f"{entity}_{day}.csv", "day": day, "rows": rows,
            "header": list(load_contracts()[entity].fields),
            "hash": hashlib.sha256(f"{entity} {day}".encode()).hexdigest(),
        },
    ).fetchone()  # fmt: skip
    if row is None:
        raise AssertionError(f"no delivery of {entity} for {day}")
    return int(row[0])


def build_calendar(made: Settings) -> None:
    """Build what positions are read from, and no facts; the build is the first."""
    planned = transform.plan_build(made, "bench")
    if planned is None or planned.build_id != 1:
        raise AssertionError(f"the first build was to be planned; it is {planned}")
    transform.run_dbt(made, ["run", "--select", "+dim_calendar"], variables={"build_id": planned.build_id})


def render(name: str, **given: object) -> bytes:
    """One of the statements beside this module, with the dbt project's macros for positions."""
    text = (project_root() / "dbt_project/macros/service_position.sql").read_text(encoding="utf-8")
    names = {
        "ref": lambda model: ("marts." if model.startswith("dim_") else "intermediate.") + model,
        "source": lambda schema, table: f"{schema}.{table}",
        "var": lambda variable: f"current_setting('yardstick.{variable}')::bigint",
    }
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 (SQL of ours)
    macros = environment.from_string(text, globals=names).module
    exported = {each: getattr(macros, each) for each in dir(macros) if not each.startswith("_")}
    statement = (resources.files(__package__) / f"{name}.sql").read_text(encoding="utf-8")
    return environment.from_string(statement).render(exported | given).encode()


def _project(number: int) -> dict[str, str]:
    name = f"P{number:03}"
    return {
        "project_id": name,
        **{f"project_name_{_short(each)}": name for each in LANGUAGES},
        "project_grade": "A",
    }


def _short(language: str) -> str:
    return language.split("-")[0]
