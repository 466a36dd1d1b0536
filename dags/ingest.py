"""Land what the site systems have delivered.

Looks through every source for files that are new or changed, lands each whole or not at all, and wakes
`build`. One mapped task per source and entity; a refused file is red and named, the others still land.

Params: `first_day` and `last_day` (ISO dates) bound the days that files may stand for; empty means the
last 45 days up to yesterday.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, Param, TriggerRule, dag, task

from yardstick import assets, settings
from yardstick.wiring import RETRY


@dag(
    dag_id="ingest",
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["land"],
    doc_md=__doc__,
    default_args={
        "owner": "data-engineering",
        "retries": 2,
        "retry_policy": RETRY,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
    },
    params={
        "first_day": Param(
            None, type=["null", "string"], format="date", description="Earliest day to look for."
        ),
        "last_day": Param(
            None, type=["null", "string"], format="date", description="Latest day to look for."
        ),
    },
)
def flow() -> None:
    """Find, land, announce."""

    @task
    def find_due(params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Register the sites and list what each source and entity has waiting."""
        from yardstick import ingest

        return ingest.find_due(settings.load(), params["first_day"], params["last_day"])

    @task(map_index_template="{{ item['source_id'] }} · {{ item['entity'] }}")
    def land(item: dict[str, Any], run_id: str | None = None) -> dict[str, Any]:
        """Land the waiting files of one source and entity; fail when any was refused."""
        from yardstick import ingest

        return ingest.land(settings.load(), item, run_id)

    @task(outlets=[assets.deliveries_landed], trigger_rule=TriggerRule.ALL_DONE)
    def announce() -> int:
        """Wake `build`; it asks the ledger itself what is new."""
        from yardstick import ingest

        return ingest.dirty_days(settings.load())

    @task(retries=0)
    def conclude(landed: list[dict[str, Any]]) -> dict[str, int]:
        """Be red when any source was: a run with missing rows must not look finished."""
        from yardstick import ingest

        return ingest.totals(landed)

    landed = land.expand(item=find_due())
    landed >> announce() >> conclude(landed)


flow()
