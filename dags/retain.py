"""Remove what is personal once it has been kept as long as its class says.

Every night, before the first deliveries: values in old rows are blanked where they lie, persons who left long ago
become pseudonyms, old files and log entries go (`expectations/retention.yml`). Figures do not change. What was
removed stands in `ops.privacy_removal`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task

from yardstick import settings
from yardstick.wiring import RETRY


@dag(
    dag_id="retain",
    schedule=CronTriggerTimetable("30 17 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["privacy"],
    doc_md=__doc__,
    default_args={
        "owner": "data-engineering",
        "retries": 1,
        "retry_policy": RETRY,
        "retry_delay": timedelta(seconds=10),
    },
)
def flow() -> None:
    """Remove."""

    @task(pool="warehouse")
    def remove_expired(run_id: str | None = None) -> int:
        """Enforce retention; how many rows and files went."""
        from yardstick import privacy

        return sum(each.rows for each in privacy.retain(settings.load(), run_by=str(run_id)))

    remove_expired()


flow()
