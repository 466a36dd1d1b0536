"""The only asset names: what each says, who emits it and who is woken by it.

An asset event only wakes; what is to be done is always asked of the ledger (``ops``).
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow.sdk import Asset

DAY_KEY = "%Y-%m-%d"
MONTH_KEY = "%Y-%m"


@dataclass(frozen=True)
class Entry:
    """One asset of the registry."""

    asset: Asset
    says: str
    partition: str | None
    producer: str
    consumers: tuple[str, ...]


deliveries_landed = Asset(name="deliveries_landed", uri="yardstick://ops/delivery")
audited_days = Asset(name="audited_days", uri="yardstick://publish/day")
released_months = Asset(name="released_months", uri="yardstick://release/month")
released_quarters = Asset(name="released_quarters", uri="yardstick://release/quarter")
released_years = Asset(name="released_years", uri="yardstick://release/year")

REGISTRY = (
    Entry(deliveries_landed, "something new stands in the ledger", None, "ingest", ("build",)),
    Entry(
        audited_days,
        "the day's figures passed both gates and nothing that it requires is still waited for",
        DAY_KEY,
        "build",
        ("appraise_month",),
    ),
    Entry(
        released_months,
        "the month is signed and frozen",
        MONTH_KEY,
        "appraise_month",
        ("appraise_quarter", "appraise_year", "review_standards"),
    ),
    Entry(released_quarters, "the quarter is signed and frozen", "%Y-Q{quarter}", "appraise_quarter", ()),
    Entry(released_years, "the year is signed and frozen", "%Y", "appraise_year", ()),
)
