"""Score, sign and release a month as soon as every one of its days is audited."""

from __future__ import annotations

from airflow.sdk import MonthWindow, RollupMapper, StartOfMonthMapper

from yardstick import assets
from yardstick.wiring import appraise

appraise(
    "month",
    waits_for=assets.audited_days,
    mapper=RollupMapper(
        upstream_mapper=StartOfMonthMapper(input_format=assets.DAY_KEY), window=MonthWindow()
    ),
    releases=assets.released_months,
    doc=__doc__,
)
