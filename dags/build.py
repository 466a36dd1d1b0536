"""Turn every dirty day into checked, published figures.

`plan` asks the ledger which deliveries no audited build has covered and takes on all of their days in
one run; `stage` and `facts` are one dbt build each; a Great Expectations gate stands after both. The
second gate moves the changed rows to where readers see them. `announce` emits one partition for every audited
day whose required deliveries are all in, or were given up at their deadline; days that wait are announced by
a later run. A failed gate leaves readers with the last good data.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import TriggerRule, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from yardstick import assets, settings
from yardstick.wiring import RETRY


@dag(
    schedule=[assets.deliveries_landed],
    catchup=False,
    max_active_runs=1,
    tags=["stage", "gate", "facts"],
    doc_md=__doc__,
    default_args={
        "owner": "data-engineering",
        "retries": 1,
        "retry_policy": RETRY,
        "retry_delay": timedelta(seconds=10),
        "pool": "warehouse",
    },
)
def build() -> None:
    """Plan, stage, gate, facts, gate, announce."""

    @task.short_circuit(ignore_downstream_trigger_rules=False)
    def plan(run_id: str | None = None) -> int | None:
        """Take on the dirty deliveries; nothing dirty, nothing to do."""
        from yardstick import transform

        planned = transform.plan_build(settings.load(), run_id)
        return planned.build_id if planned else None

    @task
    def stage(build_id: int) -> int:
        """Type, check and deduplicate the delivered rows; account for every one."""
        from yardstick import transform

        transform.stage(settings.load(), build_id)
        return build_id

    @task
    def gate_staging(build_id: int) -> int:
        """Hold the staged rows to the data standards."""
        from yardstick import quality

        quality.run_gate(settings.load(), "staging", build_id)
        return build_id

    @task
    def facts(build_id: int) -> int:
        """Rebuild exactly the facts that the changed rows touch."""
        from yardstick import transform

        transform.facts(settings.load(), build_id)
        return build_id

    @task
    def gate_facts(build_id: int) -> int:
        """Hold the facts to the standards and open them to readers."""
        from yardstick import publish, quality

        quality.run_gate(settings.load(), "facts", build_id)
        publish.move(settings.load(), build_id)
        return build_id

    @task(outlets=[assets.audited_days], trigger_rule=TriggerRule.NONE_FAILED)
    def announce(build_id: int | None, run_id: str | None = None, outlet_events: Any = None) -> list[str]:
        """Announce the days that are complete now, also those that only waited for a deadline."""
        from yardstick import publish

        days = publish.announce(settings.load(), build_id, str(run_id))
        if not days:
            raise AirflowSkipException("no day is complete that was not announced before")
        keys = [day.strftime(assets.DAY_KEY) for day in days]
        outlet_events[assets.audited_days].add_partitions(keys)
        return keys

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def show_deliveries() -> list[str]:
        """Renew the page and the readers' table of who has delivered what: rejected rows are known by now."""
        from yardstick import publish, reports

        publish.delivery_status(settings.load())
        return [str(path) for path in reports.show_deliveries(settings.load())]

    announce(gate_facts(facts(gate_staging(stage(plan()))))) >> show_deliveries()


build()
