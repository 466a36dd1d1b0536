"""What the DAGs share: when to try again, and the graph of the three appraisals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.exceptions import HITLRejectException
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import (
    Asset,
    Param,
    PartitionedAssetTimetable,
    RetryDecision,
    RetryPolicy,
    RollupMapper,
    TriggerRule,
    dag,
    task,
)

from yardstick import settings
from yardstick.errors import BadInputError, UnreachableError

_UNREACHABLE = (timedelta(seconds=30), timedelta(minutes=10))
_DATABASE = (timedelta(seconds=10), timedelta(minutes=2))


class ByCause(RetryPolicy):
    """Try again as the cause of a failure says, at most as often as the task's ``retries``.

    A source that does not answer gets ever longer pauses (30 s, doubled, up to 10 min), the warehouse shorter
    ones; bad input, refused logins and rejections wait for a person; what nobody foresaw gets one more try.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        """Decide by the type of the exception."""
        import psycopg

        if isinstance(exception, (BadInputError, HITLRejectException)):
            return RetryDecision.fail("trying again changes nothing")
        if isinstance(exception, UnreachableError):
            return RetryDecision.retry(_pause(*_UNREACHABLE, try_number), "the source may answer later")
        if isinstance(exception, psycopg.OperationalError):
            return RetryDecision.retry(_pause(*_DATABASE, try_number), "the database may be back soon")
        return (
            RetryDecision.default() if try_number == 1 else RetryDecision.fail("it failed the same way twice")
        )


def _pause(first: timedelta, longest: timedelta, try_number: int) -> timedelta:
    return min(first * 2 ** min(try_number - 1, 16), longest)


RETRY = ByCause()

_SIGN_OFF = """\
{{ ti.xcom_pull(task_ids='draft')['summary'] }}

Approve to freeze these figures for good; a later change is a restatement beside them.
Reject to leave the period unreleased."""


def appraise(kind: str, *, waits_for: Asset, mapper: RollupMapper, releases: Asset, doc: str) -> Any:
    """Declare the DAG ``appraise_<kind>``.

    Args:
        kind: ``month``, ``quarter`` or ``year``.
        waits_for: the partitioned asset whose partitions make up the period.
        mapper: which of its partitions the period needs.
        releases: the asset that is emitted, one partition per released period.
        doc: shown in Airflow's UI.
    """

    @dag(
        dag_id=f"appraise_{kind}",
        schedule=PartitionedAssetTimetable(assets=waits_for, default_partition_mapper=mapper),
        catchup=False,
        max_active_runs=16,
        tags=["score", "sign-off", "release", "publish"],
        doc_md=doc,
        default_args={
            "owner": "quality-department",
            "retries": 1,
            "retry_delay": timedelta(seconds=10),
            "retry_policy": RETRY,
        },
    )
    def flow() -> None:
        @task(pool="warehouse")
        def score(dag_run: Any = None) -> str:
            """Compute the period's indicators and scores from the audited days."""
            from yardstick import transform

            transform.score(settings.load(), dag_run.partition_key)
            return str(dag_run.partition_key)

        @task
        def draft(period: str) -> dict[str, Any]:
            """Put the figures together for those who sign; say when there is nothing new to sign."""
            from yardstick import appraisal

            return appraisal.prepare(settings.load(), period)

        @task.branch
        def decide(prepared: dict[str, Any]) -> list[str]:
            """New figures need a signature; a released period stays, whether or not its figures differ now."""
            return ["sign_off"] if prepared["state"] == "new" else ["release"]

        sign_off = ApprovalOperator(
            task_id="sign_off",
            subject="Sign the appraisal of {{ dag_run.partition_key }}",
            body=_SIGN_OFF,
            fail_on_reject=True,
            params={"note": Param("", type=["string", "null"], description="Stands beside the signature.")},
        )

        @task(outlets=[releases], trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
        def release(prepared: dict[str, Any], ti: Any = None, outlet_events: Any = None) -> str:
            """Freeze the signed figures, hash and chain them."""
            from yardstick import appraisal

            released = appraisal.release_signed(
                settings.load(),
                prepared["period"],
                prepared["content_sha256"],
                ti.xcom_pull(task_ids="sign_off"),
            )
            outlet_events[releases].add_partitions(
                appraisal.periods_to_announce(
                    settings.load(), prepared["period"], is_new=prepared["state"] == "new"
                )
            )
            return released

        @task
        def publish(release_id: str) -> list[str]:
            """Render pages and workbooks from the release and record their checksums."""
            from yardstick import appraisal, reports

            paths = reports.publish(settings.load(), release_id)
            appraisal.record_artifacts(settings.load(), release_id, paths)
            return [str(path) for path in paths]

        @task
        def hand_to_hr(release_id: str, dag_run: Any = None) -> list[str]:
            """Write the workbooks of every person's month where HR alone may read them."""
            from yardstick import hr

            period, _, version = release_id.rpartition(".v")
            paths = hr.workbooks(
                settings.load(), period, written_by=f"Airflow {dag_run.run_id}", version=int(version)
            )
            return [str(path) for path in paths]

        prepared = draft(score())
        released = release(prepared)
        decide(prepared) >> [sign_off, released]
        sign_off >> released
        publish(released)
        if kind == "month":
            hand_to_hr(released)

    return flow()
