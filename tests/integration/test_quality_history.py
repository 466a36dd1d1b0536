"""Facts of inspections and non-conformities over many builds: corrected, failed, replayed, built anew."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random  # seeded: the same history every time
from typing import Any

import pytest
from tests.deliveries import QUALITY_FACTS, Company
from tests.quality_deliveries import (
    FACTS_AND_DAYS,
    affected,
    answer,
    inspection,
    item,
    know_all_of_march,
    one,
    quality_company,
    rectification,
)

from yardstick import quality, transform
from yardstick.settings import Settings


@pytest.fixture
def company(staged: Settings) -> Company:
    return quality_company(staged)


def test_row_that_means_something_else_now_leaves_nothing_behind(company: Company) -> None:
    company.deliver("inspection", {"2026-03-02": [inspection("I1", "2026-03-02")]})
    company.deliver("inspection_item", {"2026-03-02": [item("N1", "2026-03-02", evidence_reference="N2")]})
    company.deliver("rectification", {"2026-03-02": [rectification("R1", "2026-03-02", measure="R2")]})
    company.build()
    company.map("inspection_item", "source_inspection_item_id", source_columns=["evidence_reference"])
    company.map("rectification", "source_rectification_id", source_columns=["measure"])
    transform.rebuild(company.settings)
    company.build()
    assert one(company, "select source_inspection_item_id from marts.fct_inspection_item") == ("N2",)
    # R2 is of item N1, which is gone: the failed item N2 has nobody who puts it right
    assert company.rows("select nonconformity_id, standard_code from marts.fct_nonconformity order by 1") == [
        ("inspection_item:site:N2", "CL-LB-01"),
        ("rectification:site:R2", None),
    ]
    assert one(company, "select items_failed from marts.fct_inspection") == (1,)


def test_days_changed_by_a_build_that_failed_are_computed_by_its_successor(company: Company) -> None:
    company.facts = FACTS_AND_DAYS
    know_all_of_march(company)
    company.deliver("inspection_item", {"2026-03-02": [item("N1", "2026-03-02")]})
    company.build()
    company.deliver("inspection_item", {"2026-03-02": [], "2026-03-04": [item("N1", "2026-03-04")]})
    failed = company.build()
    with company.open() as connection:  # as if it had ended after its facts
        connection.execute("update ops.build set status = 'failed' where build_id = %s", [failed])
        connection.execute(
            "update ops.delivery set audited_build_id = null where audited_build_id = %s", [failed]
        )
    successor = company.build()
    assert failed
    assert successor
    assert successor > failed
    assert affected(company) == ["02", "04", "05", "07"]
    with company.open() as connection:
        quality.note_days(connection, successor)
    noted = company.rows("select day::text from ops.build_day where build_id = %s order by 1", [successor])
    assert [day for (day,) in noted] == ["2026-03-02", "2026-03-04", "2026-03-05", "2026-03-07"]


def history(company: Company, *, day_by_day: bool) -> None:
    """A week of inspections, findings and their life, with corrections, from one seed."""
    random = Random(7)
    known: dict[str, dict[str, dict[str, str]]] = {
        "inspection": {},
        "inspection_item": {},
        "rectification": {},
    }
    for number in range(7):
        day = str(date(2026, 3, 1) + timedelta(days=number))
        rows: dict[str, dict[str, list[dict[str, str]]]] = {name: {day: []} for name in known}

        def put(entity: str, key: str, at: str, row: dict[str, str], rows: Any = rows) -> None:
            known[entity][key] = row
            rows[entity].setdefault(at, []).append(row)

        for count in range(2):
            name = f"I{number}-{count}"
            if random.random() < 0.8:  # the other inspections come a day late, their items do not
                put("inspection", name, day, inspection(name, day))
            for place in ("lobby", "lift"):
                key = f"{name}-{place}"
                code = random.choice(["CL-LB-01", "CL-LB-02"])
                passed = random.random() < 0.5
                row = item(key, day, source_inspection_id=name, location=place, standard_code=code)
                put("inspection_item", key, day, {**row, "result": "passed" if passed else "failed"})
                if not passed and random.random() < 0.7:
                    put(
                        "rectification",
                        f"R-{key}",
                        day,
                        rectification(f"R-{key}", day, source_inspection_item_id=key),
                    )
        for entity, names in (("inspection_item", 1), ("rectification", 2)):
            for key in random.sample(sorted(known[entity]), min(names, len(known[entity]))):
                row = known[entity][key]
                at = row.get("checked_at", row.get("raised_at", ""))[:10]
                change = (
                    {"result": random.choice(["passed", "failed"])}
                    if entity == "inspection_item"
                    else {"status": "rectified", "rectified_at": f"{day} 17:00:00"}
                )
                if row not in rows[entity].get(at, []):
                    put(entity, key, at, {**row, **change})
        missing = f"I{number - 1}-0"
        if number and missing not in known["inspection"]:
            before = str(date(2026, 3, 1) + timedelta(days=number - 1))
            put("inspection", missing, before, inspection(missing, before))
        for entity, days in rows.items():
            company.deliver(entity, days, file_name=f"{entity}_{day}.csv")
        if day_by_day:
            company.build()


def test_history_in_one_build_and_day_by_day_give_the_same_facts(company: Company) -> None:
    history(company, day_by_day=True)
    before = company.fingerprints(QUALITY_FACTS)
    counted = one(
        company,
        "select count(*) filter (where is_repeated), count(*) filter (where is_overdue), "
        "count(*) filter (where is_rectified_on_time), "
        "count(*) filter (where nonconformity_id like 'inspection_item:%') from marts.fct_nonconformity",
    )
    assert all(count > 2 for count in counted), counted
    company.forget()
    company.build()
    assert company.fingerprints(QUALITY_FACTS) == before

    # a second look at the same rows changes nothing, and no day
    transform.rebuild(company.settings)
    last = company.build()
    assert company.fingerprints(QUALITY_FACTS) == before
    assert company.rows("select day from ops.build_day where build_id = %s", [last]) == []


def test_day_on_which_a_missed_inspection_falls_due_is_computed_when_it_has_come(company: Company) -> None:
    company.facts = FACTS_AND_DAYS
    planned = inspection("I1", "2026-03-02", status="planned", started_at="")
    company.deliver("inspection", {"2026-03-02": [planned]})
    company.build()
    assert one(company, "select due_date::text, is_done from marts.fct_inspection") == ("2026-03-04", False)
    assert affected(company) == ["02"]
    company.deliver("survey_answer", {"2026-03-05": [answer("A1", "2026-03-05")]})
    company.build()
    assert affected(company) == ["03", "04", "05"]
