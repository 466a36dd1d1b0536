"""Score, sign and release a year as soon as its twelve months are released."""

from __future__ import annotations

from airflow.sdk import RollupMapper, StartOfYearMapper, YearWindow

from yardstick import assets
from yardstick.wiring import appraise

appraise(
    "year",
    waits_for=assets.released_months,
    mapper=RollupMapper(
        upstream_mapper=StartOfYearMapper(input_format=assets.MONTH_KEY), window=YearWindow()
    ),
    releases=assets.released_years,
    doc=__doc__,
)
