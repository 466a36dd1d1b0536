"""What a build covers, and the audit ledger with the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from yardstick import warehouse
from yardstick.quality.model import Gate, SuiteError, Verdict


@dataclass(frozen=True)
class Coverage:
    """The deliveries of a build, how many of their rows should be found again, and its days.

    Attributes:
        by_entity: delivery ids.
        rows_expected: rows by entity, without those that a later delivery superseded.
        first_day: of the deliveries.
        last_day: of the deliveries.
        days: at the facts gate those that the build may have changed, otherwise those of the deliveries.
    """

    by_entity: dict[str, list[int]]
    rows_expected: dict[str, int]
    first_day: date
    last_day: date
    days: list[date]

    def deliveries(self, entities: Iterable[str]) -> list[int]:
        """Ids of the deliveries of some entities; of all when none is named."""
        wanted = set(entities) or set(self.by_entity)
        return sorted(
            delivery
            for entity, deliveries in self.by_entity.items()
            if entity in wanted
            for delivery in deliveries
        )

    def has(self, entities: Iterable[str]) -> bool:
        """The build brought a delivery of one of the entities, or none is named."""
        named = set(entities)
        return not named or bool(named & set(self.by_entity))

    def expected(self, entities: Iterable[str]) -> int | None:
        """Rows of the entities that should be found again; None when none is named."""
        named = list(entities)
        return sum(self.rows_expected.get(entity, 0) for entity in named) if named else None


def coverage(connection: psycopg.Connection[Any], build_id: int, gate: Gate) -> Coverage:
    """What the build covers.

    Raises:
        SuiteError: when it has no delivery.
    """
    rows = warehouse.rows(
        connection,
        "select d.entity, array_agg(d.delivery_id order by d.delivery_id) as deliveries, "
        "sum(d.rows_landed - coalesce(d.rows_superseded, 0) - coalesce(d.rows_duplicate, 0)) as expected, "
        "array_agg(distinct d.partition_date) as days "
        "from ops.build_delivery b inner join ops.delivery d on d.delivery_id = b.delivery_id "
        "where b.build_id = %s group by 1",
        [build_id],
    )
    if not rows:
        raise SuiteError(f"build {build_id} covers no delivery: there is nothing to decide on")
    delivered = sorted({day for row in rows for day in row["days"]})
    days = delivered
    if gate == "facts":
        changed = connection.execute("select day from ops.build_day where build_id = %s", [build_id])
        days = sorted(day for (day,) in changed.fetchall()) or delivered
    return Coverage(
        {row["entity"]: row["deliveries"] for row in rows},
        {row["entity"]: int(row["expected"]) for row in rows},
        delivered[0],
        delivered[-1],
        days,
    )


def write(
    connection: psycopg.Connection[Any],
    verdict: Verdict,
    covered: Coverage,
    findings: Mapping[str, int],
    language: str,
) -> None:
    """The ledger and the verdict; the caller's transaction makes them one.

    Args:
        connection: in a transaction.
        verdict: what was found.
        covered: by the build.
        findings: how many service findings were ``opened`` and ``settled``; empty where none is judged.
        language: of the texts.
    """
    connection.cursor().executemany(
        "insert into ops.audit_ledger (build_id, gate, suite, relation, expectation, columns, "
        "standard_code, standards_release, dimension, severity, success, observed, element_count, "
        "unexpected_count, means, consequence, fixer, delivery_ids, first_day, last_day) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (
                verdict.build_id,
                verdict.gate,
                found.suite,
                found.relation,
                found.expectation,
                found.columns,
                found.standard_code,
                found.standards_release,
                found.dimension,
                found.severity,
                found.success,
                Jsonb(found.observed),
                found.observed.get("element_count"),
                found.observed.get("unexpected_count"),
                found.means.of(language),
                found.consequence.of(language),
                found.fixer.of(language),
                found.delivery_ids,
                covered.first_day,
                covered.last_day,
            )
            for found in verdict.findings
        ],
    )
    connection.execute(
        "insert into ops.gate_verdict "
        "(build_id, gate, is_passed, expectations, blocking_failures, warnings, "
        "findings_opened, findings_settled) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            verdict.build_id,
            verdict.gate,
            verdict.passed,
            verdict.expectations,
            len(verdict.blocking_failures),
            len(verdict.warnings),
            findings.get("opened"),
            findings.get("settled"),
        ],
    )
