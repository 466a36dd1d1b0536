"""Look at the standards themselves when a month is released, and say where to look next.

`judge_standards` asks which standards are fit: too strict, too lax, telling nothing, and which inspectors judge
unlike the others. `plan_inspections` draws up next month's inspections from risk and staleness.
`print_handbook` renews the handbook of the release in force. All three write pages and workbooks for the quality
department; nobody's score depends on them. Of several months released one after the other only the last is
looked at. Without inspections there is nothing to judge and to plan: skipped.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import IdentityMapper, PartitionedAssetTimetable, TriggerRule, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from yardstick import assets, settings
from yardstick.wiring import RETRY


@dag(
    schedule=PartitionedAssetTimetable(
        assets=assets.released_months, default_partition_mapper=IdentityMapper()
    ),
    catchup=False,
    max_active_runs=16,
    tags=["review", "publish"],
    doc_md=__doc__,
    default_args={
        "owner": "quality-department",
        "retries": 1,
        "retry_policy": RETRY,
        "retry_delay": timedelta(seconds=10),
    },
)
def review_standards() -> None:
    """Judge, plan, print."""

    @task.short_circuit
    def is_newest(dag_run: Any = None) -> bool:
        """Go on for the newest month only."""
        from yardstick import review

        return review.is_newest(settings.load(), dag_run.partition_key)

    @task(pool="warehouse")
    def judge_standards() -> list[str]:
        """Hold standards and inspectors against a year of inspections."""
        from yardstick import review

        if not (paths := review.judge_standards(settings.load())):
            raise AirflowSkipException("no inspections to judge the standards by")
        return [str(path) for path in paths]

    @task(pool="warehouse", trigger_rule=TriggerRule.NONE_FAILED)
    def plan_inspections() -> list[str]:
        """Say which standards to inspect at which project next month."""
        from yardstick import review

        if not (paths := review.plan_inspections(settings.load())):
            raise AirflowSkipException("the standards in force do not say how inspections are chosen")
        return [str(path) for path in paths]

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def print_handbook() -> list[str]:
        """Renew the handbook of the release in force."""
        from yardstick import review

        return [str(path) for path in review.print_handbook(settings.load())]

    is_newest() >> judge_standards() >> plan_inspections() >> print_handbook()


review_standards()
