"""The gates' checks of a month of inspections against count-style scans of the same columns.

Timed is all that the two gates do between the first suite and the verdict: laying the batches out, every query that
Great Expectations and the reading of failing rows send, its own work in Python. Not timed are imports, the ledger and
the pages. The scan is ``select count(*), count(a), count(b), …`` of each relation, with every column of it that an
expectation or a batch's query names, once for every suite that reads it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import psycopg
from psycopg import sql

from yardstick import quality, standards, warehouse
from yardstick.bench.landing import installation
from yardstick.bench.report import Report, alternate, median_ratio, progress
from yardstick.contracts import load_contracts
from yardstick.quality.compile import Compiled
from yardstick.quality.gate import check
from yardstick.quality.ledger import coverage
from yardstick.quality.validator import Validator
from yardstick.settings import Settings
from yardstick.staging_models import current_model

PROJECTS = 300
SCALES = {"small": (600, 167), "full": (6_000, 167)}
REPEATS = 5
SUITES = (
    "staged_inspections",
    "staged_inspection_items",
    "staged_rectifications",
    "inspection_reconciliation",
    "inspection_facts",
    "service_inspection_plan",
    "service_nonconformities",
)
_ENTITIES = ("inspection", "inspection_item", "rectification")
_LINEAGE = "delivery_id bigint, row_number integer, source_id text, partition_date date, content_md5 text"
_RELATION = re.compile(r"\b(?:staging|marts)\.[a-z_]+")


class CountingCursor(psycopg.Cursor[Any]):
    """Counts what is sent to the server."""

    sent = 0

    def execute(self, *args: Any, **kwargs: Any) -> CountingCursor:
        """Send one statement, and count it."""
        CountingCursor.sent += 1
        return super().execute(*args, **kwargs)


def run(scale: str) -> Report:
    """Measure the ratio."""
    inspections, items = SCALES[scale]
    report = Report(
        "gate", {"projects": PROJECTS, "inspections": inspections, "inspection_items": inspections * items}
    )
    with installation() as made:
        releases = standards.read(made.standards)
        _fill(made, releases[-1], inspections, items)
        with warehouse.connect(
            made.require_database_url(), name="yardstick-bench", autocommit=True
        ) as connection:
            _measure(made, connection, releases, report)
    return report


def _measure(
    made: Settings, connection: psycopg.Connection[Any], releases: list[standards.Release], report: Report
) -> None:
    folder = quality.suites_folder(made)
    suites = {
        gate: [suite for suite in quality.load_suites(folder, gate) if suite.name in SUITES]
        for gate in quality.GATES
    }
    covered = {gate: coverage(connection, 1, gate) for gate in quality.GATES}
    compiled = {
        gate: [one for one in quality.compile_for(suites[gate], releases, covered[gate].days) if one.rules]
        for gate in quality.GATES
    }
    scans = [
        (one.suite.name, statement)
        for gate in quality.GATES
        for one in compiled[gate]
        for statement in _scans(connection, one)
    ]
    seen: dict[str, Any] = {}
    with _validator(made) as validator:

        def gate_checks(_: int) -> None:
            CountingCursor.sent = 0
            found = [
                check(validator, suites[gate], compiled[gate], covered[gate], 1) for gate in quality.GATES
            ]
            seen["findings"] = [finding for findings, _, _ in found for finding in findings]
            seen["expectations"] = sum(evaluated for _, evaluated, _ in found)
            seen["queries"] = CountingCursor.sent

        def scan(_: int) -> None:
            seen["scanned"] = {
                (name, str(statement)): connection.execute(statement).fetchone() for name, statement in scans
            }

        progress("once for the caches")
        scan(0)
        gate_checks(0)
        seconds = alternate({"scan": scan, "gate": gate_checks}, REPEATS, progress)
    failed = [finding for finding in seen["findings"] if not finding.success]
    if [finding.standard_code for finding in failed if finding.severity != "warning"]:
        raise AssertionError(f"the month was to be in order; it was found otherwise: {failed[0].told('en')}")
    checked = {
        f.suite: f.observed["element_count"] for f in seen["findings"] if f.expectation == "rows_are_present"
    }
    if checked["staged_inspection_items"] != report.sizes["inspection_items"]:
        raise AssertionError(f"not every item was checked: {checked}")
    report.sizes |= {
        "suites": len({finding.suite for finding in seen["findings"]}),
        "expectations": seen["expectations"],
        "queries": seen["queries"],
        "scans": len(scans),
    }
    report.ratios["gate_vs_scan"] = median_ratio(seconds["gate"], seconds["scan"])
    report.details["seconds"] = {name: [round(one, 2) for one in each] for name, each in seconds.items()}
    report.details["failed"] = {f.standard_code: f.observed.get("unexpected_count") for f in failed}
    report.details["columns"] = {
        name: len(statement.as_string(connection).split("count(")) - 2 for name, statement in scans
    }


def _scans(connection: psycopg.Connection[Any], compiled: Compiled) -> Iterator[sql.Composed]:
    """One count-style scan of every relation that a suite reads, of the columns that it names there."""
    query = compiled.suite.query
    named = " ".join(str(value) for rule in compiled.rules for value in rule.kwargs.values())
    words = set(re.findall(r"[a-z_0-9]+", f"{query.lower()} {named.lower()}"))
    for relation in sorted(set(_RELATION.findall(query))):
        columns = connection.execute(
            "select column_name from information_schema.columns where table_schema || '.' || table_name = %s "
            "order by ordinal_position",
            [relation],
        ).fetchall()
        counted = [sql.SQL("count({})").format(sql.Identifier(name)) for (name,) in columns if name in words]
        yield sql.SQL("select {} from {}").format(
            sql.SQL(", ").join([sql.SQL("count(*)"), *counted]), sql.Identifier(*relation.split("."))
        )


@contextlib.contextmanager
def _validator(made: Settings) -> Iterator[Validator]:
    """Great Expectations, imported and with its statements counted."""
    with contextlib.closing(Validator(made)) as validator:
        validator.connection.cursor_factory = CountingCursor
        yield validator


def _fill(made: Settings, release: standards.Release, inspections: int, items: int) -> None:
    progress(f"a month of {PROJECTS} projects, {inspections:,} inspections, {inspections * items:,} items")
    contracts = load_contracts()
    text = (resources.files("yardstick.bench") / "gate_month.sql").read_text(encoding="utf-8")
    given = {
        "projects": PROJECTS, "inspections": inspections, "items": items,
        "codes": list(release.inspection_standards), "release": release.standards_release,
    }  # fmt: skip
    with psycopg.ClientCursor(warehouse.connect(made.require_database_url(), autocommit=True)) as cursor:
        for schema in ("staging", "intermediate", "marts"):
            cursor.execute(f"create schema if not exists {schema}".encode())
        for entity in _ENTITIES:
            fields = ", ".join(
                f"{name} {field.type.replace('timestamp', 'timestamptz')}"
                for name, field in contracts[entity].fields.items()
            )
            cursor.execute(
                f"create table staging.{current_model(contracts[entity])} ({_LINEAGE}, {fields})".encode()
            )
        cursor.execute(
            "create table intermediate.int_service__months (build_id bigint, first_day date, day date)"
        )
        for entity in ("inspection", "inspection_item"):
            cursor.execute(f"create table marts.fct_{entity} (like publish.{entity})".encode())
            cursor.execute(
                f"alter table marts.fct_{entity} add delivery_id bigint, add row_number integer".encode()
            )
        cursor.execute("alter table marts.fct_inspection_item add inspector_person_id text")
        cursor.execute(
            "create table marts.fct_inspection_monthly (project_id text, day date, inspection_scope text, "
            "subject text, inspections_planned integer, inspections_done_on_time integer, inspections_done integer, "
            "inspections_vetoed integer, done_share numeric)"
        )
        cursor.execute(
            "create table marts.fct_nonconformity_open (project_id text, subject text, day date, origin text, "
            "standard_code text, location text, severity text, status text, found_date date, due_date date, "
            "days_past_due integer, days_unassigned integer)"
        )
        for statement in text.split(";\n"):
            if statement.strip():
                cursor.execute(statement.encode(), given)
        cursor.execute("vacuum analyze")


__all__ = ["run"]
