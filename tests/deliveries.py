"""Deliveries for tests of what follows landing: rows put into the ledger and ``raw`` directly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from yardstick import transform, warehouse
from yardstick.contracts import load_contracts
from yardstick.settings import Settings
from yardstick.sources.delivery import UNIT
from yardstick.staging_models import current_model, staged_models

SOURCE = "site"
QUALITY_FACTS = (
    "marts.fct_inspection",
    "marts.fct_inspection_item",
    "marts.fct_nonconformity",
    "marts.fct_survey_answer",
)
READ_BY_FACTS = {
    *("project", "service_item", "org_unit", "ticket", "inspection", "inspection_item", "rectification"),
    *("takeover_finding", "fit_out_finding", "survey_answer", "person", "roster", "attendance"),
    *("ticket_event", "call_back", "complaint"),
    *("post", "assignment", "certificate", "training", "procedure", "procedure_execution"),
}
FAMILIES = {
    "complaints": (
        *("int_complaints__*", "int_households__*", "int_tickets__households"),
        *("fct_complaint", "fct_household_history"),
    ),
    "quality": (
        *("fct_inspection", "fct_inspection_item", "fct_nonconformity", "fct_survey_answer"),
        *("int_inspections__*", "int_inspection_items__*", "int_nonconformities*"),
        "path:models/staffing,+fct_attendance",  # inspections read who was on duty
    ),
    "staff": ("path:models/staffing",),
    "resources": ("path:models/resources",),
}
"""Facts that no facts of tickets read, by family: built in the tests that are about them."""
READ_BY_FAMILIES = {"resources": {"equipment", "equipment_status", "goods_movement", "cost"}}
MARTS = (
    "marts.dim_project",
    "marts.dim_service_item",
    "marts.dim_org_unit",
    "marts.dim_calendar",
    "marts.fct_ticket",
    "marts.fct_ticket_span",
    "marts.fct_ticket_handover",
    "marts.fct_sla_event",
    "marts.fct_sla_daily",
    "marts.fct_ticket_backlog_daily",
    "ops.flag",
    "(select delivery_id, row_number, entity, partition_date, field, value, rule, reason, key, status, "
    "closed_by_delivery_id from ops.rejected)",
)


@dataclass
class Company:
    """One source in Shanghai time whose columns are named as the contract's fields.

    Attributes:
        settings: the installation.
        source_id: the source that delivers.
        families: facts that are built beside those of tickets.
        facts: what a test is about, where that is less than all of these, as dbt selects models: only that is built.
    """

    settings: Settings
    source_id: str = SOURCE
    families: tuple[str, ...] = ()
    facts: tuple[str, ...] | None = None

    def open(self) -> psycopg.Connection[Any]:
        return warehouse.connect(self.settings.require_database_url(), name="tests", autocommit=True)

    def register(self, *, with_calendar: bool = True) -> Company:
        with self.open() as connection:
            connection.execute(
                "insert into ops.source (source_id, names, site_file, time_zone, config_sha256) "
                "values (%s, '{}', 'site.yml', 'Asia/Shanghai', '')",
                [self.source_id],
            )
            for contract in load_contracts().values():
                for name in contract.fields:
                    connection.execute(
                        "insert into ops.source_field (source_id, entity, field, source_columns) "
                        "values (%s, %s, %s, %s)",
                        [self.source_id, contract.entity, name, [name]],
                    )
            if with_calendar:  # Monday to Friday, eight to six
                connection.execute(
                    "insert into ops.calendar_day "
                    "select 'standard', day, date_part('isodow', day) < 6, 480, 1080 "
                    "from generate_series(date '2026-01-01', '2026-12-31', '1 day') as day "
                    "on conflict do nothing"
                )
        return self

    def map(self, entity: str, field: str, **columns: object) -> None:
        """Change how a field is read."""
        with self.open() as connection:
            for name, value in columns.items():
                connection.execute(
                    (
                        f"update ops.source_field set {name} = %s "
                        "where (source_id, entity, field) = (%s, %s, %s)"
                    ).encode(),
                    [value, self.source_id, entity, field],
                )

    def deliver(
        self,
        entity: str,
        days: dict[str, list[dict[str, str]]],
        *,
        header: Sequence[str] | None = None,
        file_name: str | None = None,
        problems: dict[int, tuple[str, str]] | None = None,
    ) -> list[int]:
        """Land one file whose rows belong to the given days; returns the delivery ids in order of day."""
        header = list(header or load_contracts()[entity].fields)
        file_name = file_name or f"{entity}.csv"
        ids, number = [], 1
        with self.open() as connection, connection.transaction():
            arrival = _one(
                connection,
                "insert into ops.arrival "
                "(source_id, entity, file_name, file_sha256, byte_size, header, status) "
                "values (%s, %s, %s, '', 0, %s, 'landed') returning arrival_id",
                [self.source_id, entity, file_name, header],
            )
            for day, rows in sorted(days.items()):
                delivery = _one(
                    connection,
                    "insert into ops.delivery (arrival_id, source_id, entity, partition_date, file_name, "
                    "revision, content_sha256, rows_landed) "
                    "select %s, %s, %s, %s, %s, 1 + count(*), %s, %s from ops.delivery "
                    "where (source_id, entity, partition_date, file_name) = (%s, %s, %s, %s) "
                    "returning delivery_id",
                    [
                        arrival, self.source_id, entity, day, file_name,
                        hashlib.sha256(json.dumps(rows).encode()).hexdigest(), len(rows),
                        self.source_id, entity, day, file_name,
                    ],
                )  # fmt: skip
                with connection.cursor().copy(f"copy raw.{entity} from stdin".encode()) as copy:
                    for row in rows:
                        number += 1
                        rule, detail = (problems or {}).get(number, (None, None))
                        cells = UNIT.join(row.get(name, "") for name in header)
                        copy.write_row((delivery, number, cells, rule, detail))
                ids.append(delivery)
        return ids

    def deliver_master(self, *projects: str) -> None:
        """Two service items, one department and the given projects (default P1 and P2)."""
        self.deliver("project", {"2026-03-01": [project(name) for name in projects or ("P1", "P2")]})
        self.deliver(
            "service_item",
            {
                "2026-03-01": [
                    {"service_item_id": name, "service_item_name_en": name} for name in ("lift", "lobby")
                ]
            },
        )
        self.deliver("org_unit", {"2026-03-01": [{"org_unit_id": "repair", "org_unit_name_en": "Repair"}]})

    def build(self) -> int | None:
        """Plan and build both stages in one run of dbt, then what the gates do: mark the build audited."""
        planned = transform.plan_build(self.settings, "tests")
        if planned is None:
            return None
        self.run(planned.build_id)
        transform.account(self.settings, planned.build_id)
        self.audit(planned.build_id)
        return planned.build_id

    def run(self, build_id: int, *, without: Sequence[str] = ()) -> None:
        """Run the models of a build, but for those left out.

        Of staging only what was delivered is made, and what that and the marts read; of the marts what the
        company's facts, or its families of them, are.
        """
        selected = ["ops_flag", *(f"tag:entity:{name}" for name in self._to_stage(build_id))]
        if self.facts is not None:
            selected += ["int_standards__in_force", *(f"{model},tag:facts" for model in self.facts)]
            selected += ["--exclude", *without] if without else []
        else:
            selected += [
                *("int_standards__in_force", "path:models/intermediate", "path:models/marts"),
                *(model for name in self.families for model in FAMILIES[name]),
                *("--exclude", *self._left_out(), *without),
                *("fct_reject_daily", "rpt_*"),  # the first reads what the accounting says
            ]
        transform.run_dbt(self.settings, ["run", "--select", *selected], variables={"build_id": build_id})

    def _left_out(self) -> list[str]:
        """Models of the folders that are built which belong to other families."""
        wanted = {model for name in self.families for model in FAMILIES[name]}
        models = {model for models in FAMILIES.values() for model in models} - wanted
        return sorted(model for model in models if not model.startswith("path:"))

    def _to_stage(self, build_id: int) -> list[str]:
        contracts = load_contracts()
        delivered = {
            row[0]
            for row in self.rows(
                "select distinct entity from ops.delivery inner join ops.build_delivery using (delivery_id) "
                "where build_id = %s",
                [build_id],
            )
        }
        there = {row[0] for row in self.rows("select tablename from pg_tables where schemaname = 'staging'")}
        read = {
            target.partition(".")[0]
            for name in delivered
            for item in contracts[name].fields.values()
            for target in (item.references, item.refers_to)
            if target
        }
        for name in tuple(read):
            read |= {
                item.references.partition(".")[0]
                for item in contracts[name].fields.values()
                if item.references
            }
        for family in self.families:
            read |= READ_BY_FAMILIES.get(family, set())
        missing = {name for name in READ_BY_FACTS | read if current_model(contracts[name]) not in there}
        return sorted(delivered | missing)

    def audit(self, build_id: int) -> None:
        with self.open() as connection, connection.transaction():
            connection.execute(
                "update ops.delivery set audited_build_id = %s where delivery_id in "
                "(select delivery_id from ops.build_delivery where build_id = %s)",
                [build_id, build_id],
            )
            connection.execute("update ops.build set status = 'audited' where build_id = %s", [build_id])

    def forget(self) -> None:
        """Drop what dbt made of deliveries and mark every one of them dirty: the next build is from scratch."""
        contracts = load_contracts()
        with self.open() as connection, connection.transaction():
            for schema in ("intermediate", "marts", "appraisal"):
                connection.execute(f"drop schema if exists {schema} cascade".encode())
            connection.execute("drop table if exists ops.flag cascade")
            connection.execute("truncate ops.reject")
            for (entity,) in connection.execute("select distinct entity from ops.delivery").fetchall():
                for name in staged_models(contracts[entity]):
                    connection.execute(f"drop table if exists staging.{name} cascade".encode())
        transform.rebuild(self.settings)

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self.open() as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()

    def fingerprints(self, relations: Sequence[str] = MARTS) -> dict[str, str]:
        """MD5 of all rows of each relation."""
        return {
            name: self.rows(
                f"select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {name} as t"
            )[0][0]
            for name in relations
        }

    def changed_tickets(self, before: dict[str, str]) -> set[str]:
        """Tickets whose row differs from those of an earlier `tickets`."""
        now = self.tickets()
        return {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}

    def tickets(self) -> dict[str, str]:
        return dict(self.rows("select source_ticket_id, t::text from marts.fct_ticket as t"))

    def counts(self, delivery_id: int) -> tuple[int, ...]:
        """Landed, staged, superseded, rejected, duplicate."""
        return self.rows(
            "select rows_landed, rows_staged, rows_superseded, rows_rejected, rows_duplicate "
            "from ops.delivery where delivery_id = %s",
            [delivery_id],
        )[0]


def _one(connection: psycopg.Connection[Any], query: str, parameters: Sequence[object]) -> int:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return int(row[0])


def project(name: str, **fields: str) -> dict[str, str]:
    return {"project_id": name, "project_name_en": f"Project {name}", "project_grade": "A", **fields}


def ticket(name: str, day: str | date = "2026-03-02", **fields: str) -> dict[str, str]:
    """A ticket opened at nine, without due time, still open."""
    return {
        "source_ticket_id": name,
        "opened_at": f"{day} 09:00:00",
        "due_at": "",
        "status": "open",
        "project_id": "P1",
        "service_item_id": "lift",
        "channel": "app",
        **fields,
    }


def ticket_event(name: str, of: str, at: str, kind: str = "handed_over", **fields: str) -> dict[str, str]:
    """Something that happened to a ticket."""
    return {
        "source_ticket_event_id": name,
        "source_ticket_id": of,
        "occurred_at": at,
        "event_kind": kind,
        **fields,
    }
