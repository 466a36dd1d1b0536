"""Score, sign and release a quarter as soon as its three months are released."""

from __future__ import annotations

from airflow.sdk import QuarterWindow, RollupMapper, StartOfQuarterMapper

from yardstick import assets
from yardstick.wiring import appraise

appraise(
    "quarter",
    waits_for=assets.released_months,
    mapper=RollupMapper(
        upstream_mapper=StartOfQuarterMapper(input_format=assets.MONTH_KEY), window=QuarterWindow()
    ),
    releases=assets.released_quarters,
    doc=__doc__,
)
