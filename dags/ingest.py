"""Land what the site systems have delivered, and say what is late.

Looks through every source for what is new or changed, lands each delivery whole or not at all, applies the
deadlines that have passed, wakes `build` and renews the page of who has delivered what. A mapped task is a
lane: the entities of one system, of several where there are many; a system has at most `at_once` lanes.
What cannot be had or used is red and named; everything else still lands.

Params: `first_day` and `last_day` (ISO dates) bound the days that deliveries may stand for; empty means the
last 45 days up to today. `sources` looks at these sources only.
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
    },
    params={
        "first_day": Param(
            None, type=["null", "string"], format="date", description="Earliest day to look for."
        ),
        "last_day": Param(
            None, type=["null", "string"], format="date", description="Latest day to look for."
        ),
        "sources": Param(
            None, type=["null", "array"], items={"type": "string"}, description="Only these sources."
        ),
    },
)
def flow() -> None:
    """Find, land, judge, announce, show."""

    @task
    def find_due(params: dict[str, Any] | None = None, run_id: str | None = None) -> list[dict[str, Any]]:
        """Register the sites and deal what has something waiting into lanes."""
        from yardstick import ingest

        return ingest.find_due(
            settings.load(),
            params["first_day"],
            params["last_day"],
            source_ids=params["sources"],
            run_id=run_id,
        )

    @task(pool="landing", retries=4, map_index_template="{{ lane['label'] }}")
    def land(lane: dict[str, Any], run_id: str | None = None, ti: Any = None) -> dict[str, int]:
        """Land what waits in one lane; fail, when all has had its turn, if anything could not be had or used."""
        from yardstick import ingest

        return ingest.land(settings.load(), lane, run_id, ti.max_tries)

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def apply_deadlines(params: dict[str, Any] | None = None, run_id: str | None = None) -> list[str]:
        """Apply the rule to every deadline that has passed without its delivery, and tell whom it concerns."""
        from yardstick import ingest

        return ingest.apply_deadlines(settings.load(), str(run_id), params["last_day"])

    @task(outlets=[assets.deliveries_landed], trigger_rule=TriggerRule.ALL_DONE)
    def announce() -> int:
        """Wake `build`; it asks the ledger itself what is new."""
        from yardstick import ingest

        return ingest.dirty_days(settings.load())

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def show_deliveries() -> list[str]:
        """Renew the page and the readers' table of who has delivered what for which day."""
        from yardstick import publish, reports

        publish.delivery_status(settings.load())
        return [str(path) for path in reports.show_deliveries(settings.load())]

    @task(retries=0, trigger_rule=TriggerRule.NONE_FAILED)
    def conclude(landed: list[dict[str, int]], late: list[str]) -> dict[str, int]:
        """Be red when a source was, or a required delivery is late: a run with missing rows is not finished."""
        from yardstick import ingest

        return ingest.conclude(landed, late)

    landed = land.expand(lane=find_due())
    late = apply_deadlines()
    landed >> late >> announce() >> show_deliveries() >> conclude(landed, late)


flow()
