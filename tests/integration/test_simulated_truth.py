"""A whole dirty company, pulled over its real connections: every planted fault is found, and nothing else is."""

from __future__ import annotations

import csv
import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from yardstick import ingest, transform, warehouse
from yardstick.settings import Settings
from yardstick.simulator import SimulatedCompany, running, simulate

OUTCOMES = ("landed", "staged", "superseded", "rejected", "duplicate")


@pytest.fixture
def company(tmp_path: Path) -> SimulatedCompany:
    return simulate(tmp_path / "company", projects=5, months=2, seed=11, dirty=0.03)


def land(
    company: SimulatedCompany, settings: Settings, monkeypatch: pytest.MonkeyPatch, *sources: str
) -> tuple[Settings, int]:
    """Land what the company's systems, or those named, deliver; returns the build that takes it on."""
    settings = replace(settings, sites=company.sites, data=company.data)
    first, last = company.first_day.isoformat(), company.last_day.isoformat()
    with running(company, settings) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for lane in ingest.find_due(settings, first, last, source_ids=sources):
            ingest.land(settings, lane, "test")
    build = transform.plan_build(settings, "test")
    assert build
    return settings, build.build_id


@pytest.fixture
def staged(
    company: SimulatedCompany, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """A warehouse in which the company's deliveries have landed and are staged."""
    settings, build_id = land(company, settings, monkeypatch)
    transform.stage(settings, build_id)
    return settings


def planted(company: SimulatedCompany) -> list[dict[str, str]]:
    with (company.truth / "dirty_rows.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_planted_fault_is_found_and_nothing_else(staged: Settings, company: SimulatedCompany) -> None:
    faults = [row for row in planted(company) if row["kind"] not in ("correction", "redelivered")]
    assert len(faults) >= 1000, "too few to say anything"

    with warehouse.connect(staged.require_database_url()) as connection:
        found = Counter(
            tuple(row)
            for row in connection.execute(
                "select r.source_id, r.entity, d.file_name, r.row_number, r.rule "
                "from ops.rejected as r inner join ops.delivery as d using (delivery_id)"
            )
        )
        accounts = {
            (row[0], row[1]): dict(zip(OUTCOMES, row[2:], strict=True))
            for row in connection.execute(
                "select source_id, entity, sum(rows_landed), sum(rows_staged), sum(rows_superseded), "
                "sum(rows_rejected), sum(rows_duplicate) from ops.delivery group by 1, 2"
            )
        }
    # each reject stands in the very delivery and row, under the very rule, that the truth tells
    rejected = [row for row in faults if row["expected"] not in OUTCOMES]
    expected = Counter(
        (row["source_id"], row["entity"], row["delivery"], int(row["row_number"]), row["expected"])
        for row in rejected
    )
    assert found == expected
    # and by kind: as many as were planted
    kinds = {
        (row["source_id"], row["entity"], row["delivery"], int(row["row_number"])): row["kind"]
        for row in rejected
    }
    by_kind = Counter(kinds[key[:4]] for key in found.elements())
    assert by_kind == Counter(row["kind"] for row in rejected)
    assert len(by_kind) >= 9

    # what was corrected, repeated or late: the counts of every entity are those of the truth
    assert accounts == {
        (account.source_id, account.entity): {name: account.counts[name] for name in OUTCOMES}
        for account in company.accounts.values()
    }
    for kind, outcome in (("corrected", "superseded"), ("duplicate", "duplicate"), ("late", "staged")):
        assert sum(row["kind"] == kind and row["expected"] == outcome for row in faults) > 10


def test_households_that_complain_again_and_again_are_found(
    company: SimulatedCompany, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, build_id = land(company, settings, monkeypatch, "master_data", "helpdesk")
    entities = ("project", "service_item", "ticket", "complaint", "call_back")
    selected = [*(f"tag:entity:{name}" for name in entities), "+fct_complaint,tag:facts"]
    transform.run_dbt(settings, ["run", "--select", *selected], variables={"build_id": build_id})
    with warehouse.connect(settings.require_database_url()) as connection:
        [(salt,)] = connection.execute("select salt from ops.household_salt").fetchall()
        found = Counter(
            tuple(row)
            for row in connection.execute(
                "select project_id, service_item_id, household_key from marts.fct_complaint where is_repeat"
            )
        )
        complaints = Counter(
            tuple(row)
            for row in connection.execute(
                "select project_id, service_item_id, household_key from marts.fct_complaint"
            )
        )
    with (company.truth / "complainers.csv").open(encoding="utf-8", newline="") as lines:
        complainers = list(csv.DictReader(lines))

    def key(row: dict[str, str]) -> tuple[str, str, str]:
        told = f"{row['project_id']}\x1f{row['household_id']}".encode()
        digest = hmac.new(salt, told, hashlib.sha256).hexdigest()[:32]
        return row["project_id"], row["service_item_id"], digest

    again = {key(row) for row in complainers if int(row["complaints"]) >= 3}
    assert len(again) >= 3
    # of two months, three complaints cannot all lie more than thirty days apart
    assert again & complaints.keys() <= found.keys()
    assert len(again & complaints.keys()) == len(again)
    # everybody else who complains twice about the same thing is chance, and rare
    by_chance = found.keys() - {key(row) for row in complainers}
    assert len(by_chance) <= len(complaints) / 20


def test_planted_shortage_stands_in_vacant_days_and_no_night_is_lost(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    company = simulate(tmp_path / "company", projects=4, months=2, seed=11, dirty=0)
    settings, build_id = land(company, settings, monkeypatch, "master_data", "hr")
    transform.stage(settings, build_id)
    transform.run_dbt(
        settings,
        ["run", "--select", "+fct_post_daily", "--exclude", "path:models/staging"],
        variables={"build_id": build_id},
    )
    with (company.truth / "shortages.csv").open(encoding="utf-8", newline="") as lines:
        shortages = list(csv.DictReader(lines))
    assert shortages
    with warehouse.connect(settings.require_database_url()) as connection:
        for row in shortages:
            days = connection.execute(
                "select count(*), min(vacant_persons), max(established_persons) from marts.fct_post_daily "
                "where project_id = %s and post_id = %s and day between %s and %s",
                [row["project_id"], row["post_id"], row["first_day"], row["last_day"]],
            ).fetchone()
            assert days
            assert days[0] >= 20
            assert int(row["empty_persons"]) <= days[1] <= days[2]
        nights = Counter(
            dict(
                connection.execute(
                    "select status, count(*) from marts.fct_attendance "
                    "where ends_date > shift_date and shift_date < %s group by 1",
                    [company.last_day],
                ).fetchall()
            )
        )
        known = connection.execute(
            "select count(*) filter (where status in ('open', 'unclear')), count(*) from marts.fct_attendance "
            "where shift_date < %s",
            [company.last_day],
        ).fetchone()
    assert nights["present"] > 0.9 * nights.total()
    assert known
    assert known[0] == 0
    assert known[1] > 2000
