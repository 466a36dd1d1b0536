"""Look for a delivery as soon as its deadline has passed.

Asks the ledger every quarter of an hour; when a deadline of some sources has passed and nobody has looked at
them since, `ingest` is started for exactly these: it lands what lies ready and applies the rule to what does
not. Each deadline starts one run of `ingest`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import CronTriggerTimetable, dag, task

from yardstick import settings
from yardstick.wiring import RETRY


@dag(
    dag_id="watch",
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["land"],
    doc_md=__doc__,
    default_args={
        "owner": "data-engineering",
        "retries": 1,
        "retry_policy": RETRY,
        "retry_delay": timedelta(seconds=10),
    },
)
def flow() -> None:
    """Ask, wake."""

    @task.short_circuit
    def find_overdue() -> dict[str, Any] | None:
        """List the sources whose deadline has passed unseen; none, nothing to do."""
        from yardstick import ingest

        return ingest.find_overdue(settings.load())

    TriggerDagRunOperator(
        task_id="look",
        trigger_dag_id="ingest",
        trigger_run_id="deadline__{{ ti.xcom_pull(task_ids='find_overdue')['deadline'] }}",
        conf=find_overdue(),
        skip_when_already_exists=True,
    )


flow()
