"""``./scripts/bench sources``: a day's `ingest` and `build` of many sources under Airflow, and one source more.

Writes one site file and a small csv file a day for each source, starts PostgreSQL and Airflow in a temporary
home, and runs `ingest` twice: for all sources, and again after one site file was added.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from yardstick import settings as settings_module
from yardstick import warehouse
from yardstick.bench.report import Report, progress
from yardstick.embedded import postgres
from yardstick.embedded.airflow import Airflow
from yardstick.embedded.processes import Family
from yardstick.settings import Settings

SOURCES = {"small": 50, "full": 500}
DAY = date(2026, 3, 2)

_SITE = """\
kind: site
source_id: {source}
names: {{zh: 第{number}号小区工单, en: "Tickets of estate {number}"}}
connector: files
time_zone: Asia/Shanghai
valid_from: {first}
entities:
  ticket:
    expected: {{every: day, by: "06:00"}}
    folder: {{data: {source}}}
    files: "tickets-{{day:%Y-%m-%d}}.csv"
    fields:
      source_ticket_id: no
      opened_at: opened
      status: {{column: state, codes: {{open: open, closed: closed}}}}
      project_id: estate
      service_item_id: item
"""
_MASTERS = """\
kind: site
source_id: masters
names: {{zh: 主数据, en: Master data}}
connector: files
time_zone: Asia/Shanghai
valid_from: {first}
entities:
  project:
    folder: {{data: masters}}
    files: projects.csv
    fields: {{project_id: id, project_name_zh: name, project_name_en: name, project_grade: grade}}
  service_item:
    folder: {{data: masters}}
    files: items.csv
    fields: {{service_item_id: id, service_item_name_zh: name, service_item_name_en: name}}
"""


def write_source(sites: Path, data: Path, number: int, days: list[date], rows: int = 3) -> str:
    """Write one source's site file and its files for some days; returns its id."""
    source = f"s{number:03}"
    sites.mkdir(parents=True, exist_ok=True)
    (data / source).mkdir(parents=True, exist_ok=True)
    site = _SITE.format(source=source, number=number, first=days[0])
    (sites / f"{source}.yml").write_text(site, encoding="utf-8")
    for day in days:
        lines = [f"{day:%m%d}-{row},{day} 09:{row:02},open,P{number:03},lift" for row in range(rows)]
        text = "\n".join(["no,opened,state,estate,item", *lines, ""])
        (data / source / f"tickets-{day}.csv").write_text(text, encoding="utf-8")
    return source


def write_company(folder: Path, count: int, last: date = DAY, days: int = 1) -> tuple[Path, Path]:
    """Write so many sources with files for the days up to the last; returns the folders of sites and data."""
    sites, data = folder / "sites", folder / "data"
    span = [last - timedelta(days=number) for number in reversed(range(days))]
    for number in range(1, count + 1):
        write_source(sites, data, number, span)
    return sites, data


def write_masters(sites: Path, data: Path, projects: int) -> None:
    """Write the source that delivers the projects and the service item of the tickets."""
    (data / "masters").mkdir(parents=True, exist_ok=True)
    (sites / "masters.yml").write_text(_MASTERS.format(first=DAY), encoding="utf-8")
    lines = [f"P{number:03},Estate {number},A" for number in range(1, projects + 1)]
    (data / "masters/projects.csv").write_text("\n".join(["id,name,grade", *lines, ""]), encoding="utf-8")
    (data / "masters/items.csv").write_text("id,name\nlift,Lift\n", encoding="utf-8")


def run(scale: str) -> Report:
    """Run it; the report tells task instances, seconds and failures of every run."""
    count = SOURCES[scale]
    report = Report("sources", sizes={"sources": count + 1, "files": count + 2})
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yardstick-bench-")))
        sites, data = write_company(folder, count)
        write_masters(sites, data, count + 1)
        settings = replace(settings_module.load(home=folder / "home"), sites=sites, data=data)
        family = stack.enter_context(Family(settings.run, settings.home / "logs"))
        leased = stack.enter_context(postgres.lease(settings))
        postgres.ensure_database(leased.require_database_url(), postgres.AIRFLOW_DATABASE)
        warehouse.migrate(leased.require_database_url())
        airflow = Airflow(leased, family, say=progress)
        airflow.start()
        first = _run_day(airflow, leased)
        write_source(sites, data, count + 1, [DAY])
        second = _run_day(airflow, leased)
    report.details = {f"{count + 1} sources": first, "one site file more": second}
    report.ratios = {
        "task_instances_per_source": first["task_instances"]["ingest"] / (count + 1),
        "second_run_vs_first": second["seconds"]["ingest"] / first["seconds"]["ingest"],
    }
    if first["failures"] or second["failures"]:
        raise RuntimeError(f"tasks failed: {report.details}")
    return report


def _run_day(airflow: Airflow, settings: Settings) -> dict[str, Any]:
    """One run of `ingest` and the run of `build` it wakes."""
    span = {"first_day": DAY.isoformat(), "last_day": DAY.isoformat()}
    began = time.monotonic()
    run_id = airflow.trigger("ingest", span)
    seconds: dict[str, float] = {}
    while len(seconds) < 2:
        airflow.check_alive()
        time.sleep(1)
        if "ingest" not in seconds:
            if airflow.get(f"/dags/ingest/dagRuns/{run_id}")["state"] in ("success", "failed"):
                seconds["ingest"] = time.monotonic() - began
                progress(f"ingest took {seconds['ingest']:.0f} s")
        elif not airflow.active_runs():
            seconds["ingest and build"] = time.monotonic() - began
    states: dict[str, Counter[str]] = {}
    for dag_id in ("ingest", "build"):
        newest = airflow.get(f"/dags/{dag_id}/dagRuns", order_by="-run_after", limit=1)["dag_runs"][0]
        path = f"/dags/{dag_id}/dagRuns/{newest['dag_run_id']}/taskInstances"
        tasks = airflow.get(path, limit=1000)["task_instances"]
        states[dag_id] = Counter(str(task["state"]) for task in tasks)
        states[dag_id]["tried again"] = sum(task["try_number"] > 1 for task in tasks)
    with warehouse.connect(settings.require_database_url(), name="yardstick-bench") as connection:
        landed = warehouse.rows(
            connection,
            "select count(distinct source_id) as sources, count(*) as deliveries, sum(rows_landed) as rows, "
            "count(*) filter (where audited_build_id is null) as not_audited from ops.delivery",
        )[0]
    return {
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "task_instances": {
            name: sum(found.values()) - found["tried again"] for name, found in states.items()
        },
        "states": {name: dict(found) for name, found in states.items()},
        "failures": sum(found["failed"] + found["upstream_failed"] for found in states.values()),
        "landed": {name: int(value) for name, value in landed.items()},
    }
