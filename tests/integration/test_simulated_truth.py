"""Every dirty row that the simulator planted is found under its rule, and nothing else is rejected."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

from yardstick import ingest, transform, warehouse
from yardstick.settings import Settings
from yardstick.simulator import simulate

KEPT = {"staged", "superseded", "duplicate"}


def test_rejects_are_exactly_the_planted_ones(settings: Settings, tmp_path: Path):
    company = simulate(tmp_path / "company", projects=6, months=2, seed=11)
    settings = replace(settings, sites=company.sites, data=company.data)
    first, last = company.first_day.isoformat(), company.last_day.isoformat()
    for item in ingest.find_due(settings, first, last):
        ingest.land(settings, item, "test")
    build = transform.plan_build(settings, "test")
    assert build
    transform.stage(settings, build.build_id)

    truth = company.truth if company.truth.is_file() else company.truth / "dirty_rows.csv"
    with truth.open(encoding="utf-8", newline="") as lines:
        planted = list(csv.DictReader(lines))
    expected = Counter(
        (row["file_name"], int(row["row_number"]), row["expected"])
        for row in planted
        if row["expected"] not in KEPT
    )
    assert expected, "the simulator planted nothing"
    with warehouse.connect(settings.require_database_url()) as connection:
        found = Counter(
            tuple(row)
            for row in connection.execute(
                "select d.file_name, r.row_number, r.rule from ops.reject as r "
                "inner join ops.delivery as d using (delivery_id)"
            )
        )
        staged, rejected, duplicate = connection.execute(
            "select sum(rows_staged), sum(rows_rejected), sum(rows_duplicate) from ops.delivery "
            "where entity = 'ticket'"
        ).fetchone() or (0, 0, 0)
    assert found == expected
    assert rejected == len({(name, number) for name, number, _rule in expected})
    assert duplicate == sum(row["expected"] == "duplicate" for row in planted)
    assert staged == company.tickets
