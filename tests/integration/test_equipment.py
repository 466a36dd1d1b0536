"""Equipment day by day on a real server, held to a slow reference and to small cases."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

from tests.deliveries import Company
from tests.drawn_equipment import Drawn
from tests.drawn_rosters import ZONES
from tests.integration.test_attendance import two_sources
from tests.integration.test_posts import build
from tests.reference.equipment import Equipment

from yardstick.settings import Settings

FIRST, LAST = date(2026, 3, 8), date(2026, 4, 6)  # the turn of the clock in Berlin
MODELS = (
    *("tag:entity:equipment", "tag:entity:equipment_status", "tag:entity:project"),
    *("int_equipment*", "dim_equipment", "fct_equipment*"),
)


def deliver(
    companies: dict[str, Company], drawn: Drawn, keys: set[tuple[str, str]], day: date | None
) -> None:
    """Records by the day they begin on, or all of them as one pull."""
    for source, company in companies.items():
        days: dict[str, list[dict[str, str]]] = {}
        for key in sorted(keys):
            if key[0] == source:
                row = drawn.records[key]
                days.setdefault(str(day or datetime.fromisoformat(row["started_at"]).date()), []).append(row)
        company.deliver("equipment_status", days, file_name=f"{day}.csv")


def tell(companies: dict[str, Company], drawn: Drawn, days: set[date]) -> None:
    for day in sorted(days):
        for source, company in companies.items():
            rows = [
                row
                for (name, told), row in drawn.register.items()
                if told == day and drawn.sources[name] == source
            ]
            if rows:
                company.deliver("equipment", {str(day): rows}, file_name=f"register-{day}.csv")


def differences(company: Company, reference: Equipment) -> list[object]:
    expected = reference.rows()
    with company.open() as connection:
        cursor = connection.execute("select * from marts.fct_equipment_daily")
        names = [column.name for column in cursor.description or ()]
        found = {(row[0], row[1]): dict(zip(names, row, strict=True)) for row in cursor}
    wrong: list[Any] = sorted(expected.keys() ^ found.keys())
    for place in sorted(expected.keys() & found.keys()):
        wanted, told = expected[place], found[place]
        if any(told[name] != value for name, value in wanted.items()):
            wrong.append((place, {n: (v, told[n]) for n, v in wanted.items() if told[n] != v}))
    return wrong


def test_agrees_with_a_minute_by_minute_reference_before_and_after_corrections(settings: Settings) -> None:
    companies = two_sources(settings)
    company = companies["site"]
    drawn = Drawn(random.Random(20260330), 40, 800, FIRST, LAST)
    tell(companies, drawn, {day for _, day in drawn.register})
    deliver(companies, drawn, set(drawn.records), None)
    build(company, *MODELS)
    days = [datetime.fromisoformat(row["started_at"]).date() for row in drawn.records.values()]
    reference = Equipment(
        ZONES, drawn.sources, min(FIRST, *days), max(days), dict(drawn.register), dict(drawn.records)
    )
    rows = reference.rows().values()
    assert sum(row["failures"] for row in rows) > 100
    assert sum(row["restorations"] for row in rows) > 50
    for name in ("is_in_order", "is_maintenance_overdue", "is_statutory_overdue", "is_past_service_life"):
        assert {row[name] for row in rows} >= {True, False, None}, name
    assert differences(company, reference)[:5] == []

    pulled = max(days) + timedelta(days=1)
    keys = drawn.alter(6)
    deliver(companies, drawn, keys, pulled)
    for name in sorted(drawn.sources)[:4]:
        drawn.told_anew(name, pulled)
    tell(companies, drawn, {pulled})
    build(company, *MODELS)
    reference.records, reference.register, reference.last = drawn.records, drawn.register, pulled
    assert differences(company, reference)[:5] == []
    every, touched = company.rows(
        "select (select count(*) from marts.fct_equipment_daily), count(*) "
        "from intermediate.int_equipment_days__affected"
    )[0]
    assert 0 < touched < 0.6 * every  # and not everything was looked at again

    # a month's figures are those of its days
    assert company.rows(
        "select month::text, sum(up_minutes), sum(failures), sum(restorations), sum(maintenance_due), sum(pieces) "
        "from marts.fct_equipment_monthly group by month order by month"
    ) == company.rows(
        "select date_trunc('month', day)::date::text, sum(up_minutes), sum(failures), sum(restorations), "
        "sum(is_maintenance_due::integer), count(*) filter (where day in "
        "(select max(day) from marts.fct_equipment_daily group by date_trunc('month', day))) "
        "from marts.fct_equipment_daily group by date_trunc('month', day) order by 1"
    )
