"""`kill -9` of the process that runs dbt, while its sessions live on in the server."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from tests.deliveries import Company, ticket

from yardstick import transform
from yardstick.settings import Settings

_RUN = """
from pathlib import Path
from yardstick import settings, transform
transform.{stage}(settings.load(), {build_id})
"""


@pytest.mark.parametrize(
    ("stage", "relation"),
    [("stage", "staging.stg_delivered__tickets"), ("facts", "marts.fct_ticket_backlog_daily")],
)
def test_killed_dbt_is_made_good_by_the_next_run(staged: Settings, stage: str, relation: str) -> None:
    company = Company(staged).register()
    company.deliver_master()
    company.deliver("ticket", {"2026-03-02": [ticket("T1"), ticket("T2")], "2026-03-04": []})
    company.build()
    corrected = [
        ticket("T1", project_id="P2", closed_at="2026-03-03 10:00:00", status="closed"),
        ticket("T2"),
    ]
    company.deliver("ticket", {"2026-03-02": corrected})
    planned = transform.plan_build(staged, "tests")
    assert planned
    if stage == "facts":
        transform.stage(staged, planned.build_id)

    with company.open() as holder, holder.transaction():
        holder.execute(f"lock table {relation} in access share mode".encode())
        holder.execute(f"lock table {relation} in share mode".encode())  # dbt can read it and not write it
        process = subprocess.Popen(
            [sys.executable, "-c", _RUN.format(stage=stage, build_id=planned.build_id)],
            env={"PATH": "/usr/bin:/bin", **staged.environment()},
        )
        _until(company, "select count(*) > 0 from pg_stat_activity where application_name = 'yardstick-dbt' "
                        "and datname = current_database() and wait_event_type = 'Lock'")  # fmt: skip
        process.kill()
        process.wait()
        assert company.rows(
            "select count(*) > 0 from pg_stat_activity "
            "where application_name = 'yardstick-dbt' and datname = current_database()"
        ) == [(True,)], "the killed run's session lives on"
        again = transform.plan_build(staged, "tests")
        assert again
        assert company.rows(
            "select count(*) from pg_stat_activity "
            "where application_name = 'yardstick-dbt' and datname = current_database()"
        ) == [(0,)]
    assert company.rows("select status from ops.build where build_id = %s", [planned.build_id]) == [
        ("failed",)
    ]
    assert company.build()
    after = company.fingerprints()
    assert company.rows(
        "select project_id, closed_date::text from marts.fct_ticket order by source_ticket_id"
    ) == [
        ("P2", "2026-03-03"),
        ("P1", None),
    ]
    company.forget()
    company.build()
    assert company.fingerprints() == after


def _until(company: Company, question: str) -> None:
    for _ in range(1200):
        if company.rows(question) == [(True,)]:
            return
        time.sleep(0.05)
    pytest.fail(f"never so: {question}")
