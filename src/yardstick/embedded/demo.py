"""The main job on one machine: from delivered files to signed, published appraisal reports.

Nothing here computes anything: it starts PostgreSQL and Airflow, triggers `ingest`, answers sign-offs
when asked to, and tells what the ledger says until every complete period is released.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from yardstick import ingest, readers, warehouse
from yardstick.embedded import postgres
from yardstick.embedded.airflow import Airflow
from yardstick.embedded.pages import serve_pages
from yardstick.embedded.processes import Family
from yardstick.settings import Settings
from yardstick.sources.site_file import SiteError

if TYPE_CHECKING:
    from yardstick.simulator import SimulatedCompany

_STALLED_SECONDS = 900.0
_BI_LOGIN = "demo_bi"


@dataclass(frozen=True)
class Options:
    """What the demo was asked for.

    Attributes:
        first_day: earliest day that deliveries may stand for; None: no bound, or the simulated company's.
        last_day: latest such day; None: no bound, or the simulated company's.
        projects: size of the simulated company.
        months: how many months of it.
        seed: of the simulated company.
        simulated: no data at hand: make a company first.
        auto_sign: answer sign-offs through Airflow's API; recorded as such in the release.
        serve: leave Airflow and the reports up until interrupted.
    """

    first_day: date | None
    last_day: date | None
    projects: int
    months: int
    seed: int
    simulated: bool
    auto_sign: bool
    serve: bool


@dataclass
class State:
    """What the ledger says at one moment."""

    days_expected: int = 0
    days_landed: int = 0
    days_audited: int = 0
    deliveries_dirty: int = 0
    stage: str = ""
    models_done: int = 0
    periods: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)

    @property
    def signature(self) -> tuple[Any, ...]:
        """Changes whenever anything moved."""
        return (
            self.days_landed,
            self.days_audited,
            self.deliveries_dirty,
            self.stage,
            self.models_done,
            len(self.released),
            len(self.published),
        )


_STATE = """
with days as (
    select
        partition_date as day,
        bool_and(audited_build_id is not null) as is_audited
    from ops.delivery
    where entity = 'ticket'
    group by partition_date
),

months as (
    select date_trunc('month', day)::date as month_start
    from days
    where is_audited
    group by 1
    having count(*) = extract(day from date_trunc('month', min(day)) + interval '1 month - 1 day')
),

periods as (
    select to_char(month_start, 'YYYY-MM') as period from months
    union all
    select to_char(month_start, 'YYYY-"Q"Q') from months group by 1 having count(*) = 3
    union all
    select to_char(month_start, 'YYYY') from months group by 1 having count(*) = 12
)

select
    (select count(*) from days) as days_landed,
    (select count(*) from days where is_audited) as days_audited,
    (select count(*) from ops.delivery where audited_build_id is null) as deliveries_dirty,
    (select stage from ops.build where status = 'running' order by build_id desc limit 1) as stage,
    (select count(*) from ops.model_run) as models_done,
    array(select period from periods order by length(period) = 4, period like '%Q%', period) as periods,
    array(select period from release.release order by period) as released,
    array(
        select r.period from release.release as r
        where exists (select 1 from release.artifact as a where a.release_id = r.release_id)
    ) as published
"""


def read_state(connection: psycopg.Connection[Any], days_expected: int) -> State:
    """Ask the ledger."""
    row = warehouse.rows(connection, _STATE.encode())[0]
    return State(
        **{**row, "stage": row["stage"] or "", "days_expected": max(days_expected, row["days_landed"])}
    )


class Display:
    """Bars on a terminal; one line per change elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = console.is_terminal
        self.progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not self.live,
        )
        self.bars = {
            name: self.progress.add_task(name, total=None, note="")
            for name in ("land", "build", "release", "publish")
        }
        self._last: tuple[Any, ...] = ()

    def say(self, text: str) -> None:
        """One line of news."""
        if self.live:
            self.progress.update(self.bars["land"], note=text)
        else:
            self.console.print(text, highlight=False)

    def show(self, state: State) -> None:
        """Draw the state."""
        dirty = f"{state.stage}, {state.models_done} models run" if state.stage else ""
        figures = {
            "land": (state.days_landed, state.days_expected, "days"),
            "build": (state.days_audited, state.days_expected, dirty or "audited days"),
            "release": (len(set(state.released)), len(set(state.periods) | set(state.released)), "periods"),
            "publish": (len(set(state.published)), len(set(state.periods) | set(state.released)), "reports"),
        }
        for name, (done, total, note) in figures.items():
            self.progress.update(self.bars[name], completed=done, total=total or None, note=note)
        if not self.live and state.signature[:1] + state.signature[3:4] + state.signature[5:] != self._last:
            self._last = state.signature[:1] + state.signature[3:4] + state.signature[5:]
            parts = [f"{name} {done}/{total or '?'}" for name, (done, total, _note) in figures.items()]
            self.console.print(
                "  ".join(parts) + (f"  ({state.stage})" if state.stage else ""), highlight=False
            )


@dataclass
class Job:
    """One run of the main job, watched to its end."""

    settings: Settings
    airflow: Airflow
    options: Options
    display: Display
    began_at: datetime

    def run(self) -> list[str]:
        """Trigger `ingest` and watch until nothing is left to do.

        Returns:
            What went wrong, in words; empty when every complete period is released and published.
        """
        bounds = (
            self.options.first_day.isoformat() if self.options.first_day else "0001-01-01",
            self.options.last_day.isoformat() if self.options.last_day else "9999-12-31",
        )
        expected = ingest.expected_days(self.settings, *bounds)
        run_id = self.airflow.trigger("ingest", {"first_day": bounds[0], "last_day": bounds[1]})
        last_change, before = time.monotonic(), ()
        url = self.settings.require_database_url()
        with warehouse.connect(url, name="yardstick-demo", autocommit=True) as connection:
            while True:
                self.airflow.check_alive()
                state = read_state(connection, expected)
                self.display.show(state)
                failures = self._failures()
                if self.options.auto_sign:
                    self._sign(state, failures)
                if self._finished(run_id, state, failures):
                    return failures
                if state.signature != before:
                    last_change, before = time.monotonic(), state.signature
                elif time.monotonic() - last_change > _STALLED_SECONDS:
                    return [
                        *failures,
                        f"nothing moved for {_STALLED_SECONDS / 60:.0f} minutes; see {self.airflow.url}",
                    ]
                time.sleep(1)

    def _sign(self, state: State, failures: list[str]) -> None:
        """Answer sign-offs in the order of their periods, as a person would: each stands on those before."""
        missing = [period for period in state.periods if period not in state.released]
        for approval in self.airflow.pending_approvals():
            period = approval["subject"].rpartition(" ")[2]
            earlier = [other for other in missing if len(other) == len(period) and other < period]
            if failures or not earlier:
                self.airflow.approve(approval, note="signed by the demo's auto-sign step, seen by nobody")

    def _failures(self) -> list[str]:
        since = self.began_at.isoformat()
        return [f"{dag_id}: {reason}" for dag_id, _run, reason in self.airflow.failed_runs(since)]

    def _finished(self, run_id: str, state: State, failures: list[str]) -> bool:
        if self.airflow.get(f"/dags/ingest/dagRuns/{run_id}")["state"] in ("queued", "running"):
            return False
        failed_dags = {failure.partition(":")[0] for failure in failures}
        if state.deliveries_dirty and "build" not in failed_dags:
            return False
        active = self.airflow.active_runs()
        if active and not self.options.auto_sign:
            active = [run for run in active if not run["dag_id"].startswith("appraise_")]
        if active:
            return False
        waiting = set(state.periods) - set(state.published)
        return not waiting or bool(failed_dags) or not self.options.auto_sign


def run(settings: Settings, options: Options) -> int:
    """Run the whole job; returns the exit code (0: every complete period is released)."""
    console = Console(stderr=True)
    began = datetime.now(UTC)
    with contextlib.ExitStack() as stack:
        display = Display(console)
        stack.enter_context(_quiet_interrupt(console))
        with display.progress:
            making = _Making(settings, options, display) if options.simulated else None
            family = stack.enter_context(Family(settings.run, settings.home / "logs"))
            display.say("starting PostgreSQL")
            leased = stack.enter_context(postgres.lease(settings))
            postgres.ensure_database(leased.require_database_url(), postgres.AIRFLOW_DATABASE)
            warehouse.migrate(leased.require_database_url())
            airflow = Airflow(leased, family, say=display.say)
            try:
                airflow.prepare()
                if making:
                    from yardstick.simulator import running

                    company = making.result()
                    display.say("starting the site systems")
                    airflow.connections = stack.enter_context(running(company, leased, family))
                    airflow.settings = leased = replace(leased, sites=company.sites, data=company.data)
                    options = replace(
                        options,
                        first_day=options.first_day or company.first_day,
                        last_day=options.last_day or company.last_day,
                    )
                airflow.start()
                failures = Job(leased, airflow, options, display, began).run()
            except (RuntimeError, SiteError) as error:  # what cannot start says so in one line
                failures = [str(error)]
        summarise(leased, Console(), failures)
        if options.serve:
            with serve_pages(leased.reports) as pages:
                print_doors(leased, airflow, pages, Console())
                _wait_for_interrupt(airflow)
        return 1 if failures else 0
    return 130


class _Making:
    """Makes the company that is asked for while Airflow's metadata is prepared; ends with the process."""

    def __init__(self, settings: Settings, options: Options, display: Display) -> None:
        display.say(f"simulating a company: {options.projects} projects, {options.months} months")
        self._made: queue.Queue[SimulatedCompany | BaseException] = queue.Queue()
        threading.Thread(target=self._make, args=(settings, options), daemon=True).start()

    def _make(self, settings: Settings, options: Options) -> None:
        from yardstick.simulator import simulate

        try:
            self._made.put(
                simulate(
                    settings.home / "simulated",
                    projects=options.projects,
                    months=options.months,
                    seed=options.seed,
                )
            )
        except BaseException as error:
            self._made.put(error)

    def result(self) -> SimulatedCompany:
        """The company, once it is made."""
        made = self._made.get()
        if isinstance(made, BaseException):
            raise made
        return made


@contextlib.contextmanager
def _quiet_interrupt(console: Console) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        console.print("stopped", highlight=False)


def _wait_for_interrupt(airflow: Airflow) -> None:
    while True:
        airflow.check_alive()
        time.sleep(1)


_ACCOUNTS = """
select
    source_id,
    entity,
    count(distinct file_name) as deliveries,
    sum(rows_landed) as landed,
    sum(rows_staged) as staged,
    sum(rows_superseded) as superseded,
    sum(rows_rejected) as rejected,
    sum(rows_duplicate) as duplicate
from ops.delivery
group by source_id, entity
order by source_id, entity
"""
_OUTCOMES = ("staged", "superseded", "rejected", "duplicate")
_REASONS_SHOWN = 12
_NOTICES_SHOWN = 8


def summarise(settings: Settings, console: Console, failures: list[str]) -> None:
    """Print what was released, what became of every row and where the reports are."""
    with warehouse.connect(settings.require_database_url(), name="yardstick-demo") as connection:
        releases = warehouse.rows(
            connection,
            "select release_id, tickets, rejects, signed_by, left(release_sha256, 12) as hash, "
            "period, version from release.release order by period_end, period_start desc, version",
        )
        accounts = warehouse.rows(connection, _ACCOUNTS.encode())
        reasons = (
            warehouse.rows(
                connection,
                "select rule, count(*) as rows, count(distinct entity) as entities, min(entity) as entity, "
                "min(field) as field, count(distinct field) as fields from ops.rejected "
                "group by rule order by rows desc, rule",
            )
            if warehouse.exists(connection, "ops.rejected")
            else []
        )
        notices = warehouse.rows(
            connection,
            "select distinct on (source_id, entity, file_name) file_name, reason from ops.arrival "
            "where status = 'landed' and reason is not null and reason !~ '^row [0-9]+ of totals: not data$' "
            "order by source_id, entity, file_name, arrival_id desc",
        )
        proposals = [
            row["period"]
            for row in warehouse.rows(
                connection,
                "select distinct period from ops.restatement_proposal where settled_at is null order by 1",
            )
        ]
    if releases:
        console.print("\nReleased periods", style="bold")
    for row in releases:
        page = settings.reports / row["period"] / f"v{row['version']}" / settings.language / "index.html"
        console.print(
            f"  {row['release_id']:<12}{row['tickets']:>9,} tickets {row['rejects']:>6,} rejects  signed by "
            f"{row['signed_by']}  {row['hash']}  {page}",
            highlight=False,
            soft_wrap=True,
        )
    _print_accounts(console, accounts)
    _print_reasons(console, reasons)
    for row in notices[:_NOTICES_SHOWN]:
        console.print(f"note: {row['file_name']}: {row['reason']}", highlight=False, soft_wrap=True)
    if len(notices) > _NOTICES_SHOWN:
        console.print(f"… and {len(notices) - _NOTICES_SHOWN} more notes in ops.arrival", highlight=False)
    if proposals:
        console.print(
            f"Figures of {', '.join(proposals)} differ from their release: see ./scripts/yardstick release proposals, "
            "then restate with a reason.",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"Reports:   {settings.reports / 'index.html'}", highlight=False, soft_wrap=True)
    console.print(f"Data docs: {settings.data_docs / 'index.html'}", highlight=False, soft_wrap=True)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)


def _print_accounts(console: Console, accounts: list[dict[str, Any]]) -> None:
    """Every entity's rows: landed = staged + superseded + rejected + duplicate."""
    if not accounts:
        return
    console.print("\nEvery row accounted for", style="bold")
    columns = ("deliveries", "landed", *_OUTCOMES)
    source = None
    total = dict.fromkeys(columns, 0)
    console.print(f"  {'':<24}" + "".join(f"{name:>12}" for name in columns), highlight=False, soft_wrap=True)
    for row in accounts:
        if row["source_id"] != source:
            source = row["source_id"]
            console.print(f"  {source}", style="bold", highlight=False)
        figures = {name: int(row[name] or 0) for name in columns}
        for name, value in figures.items():
            total[name] += value
        console.print(_figures(f"  {row['entity']}", figures), highlight=False, soft_wrap=True)
    console.print(_figures("total", total), style="bold", highlight=False, soft_wrap=True)


def _figures(name: str, figures: dict[str, int]) -> str:
    missing = figures["landed"] - sum(figures[outcome] for outcome in _OUTCOMES)
    return (
        f"  {name:<24}"
        + "".join(f"{value:>12,}" for value in figures.values())
        + (f"  (not yet accounted for: {missing:,})" if missing else "")
    )


def _print_reasons(console: Console, reasons: list[dict[str, Any]]) -> None:
    if reasons:
        console.print("\nRejected, by rule (./scripts/yardstick rejects tells each row)", style="bold")
    for row in reasons[:_REASONS_SHOWN]:
        where = row["entity"] if row["entities"] == 1 else f"{row['entities']} entities"
        if row["entities"] == 1 and row["fields"] == 1 and row["field"]:
            where += f".{row['field']}"
        console.print(f"  {row['rows']:>8,} × {row['rule']} ({where})", highlight=False)
    if len(reasons) > _REASONS_SHOWN:
        console.print(f"  … and {len(reasons) - _REASONS_SHOWN} more rules", highlight=False)


def print_doors(settings: Settings, airflow: Airflow, pages: str, console: Console) -> None:
    """Print where a person or a BI tool gets in."""
    url = urlsplit(settings.require_database_url())
    if any(reader["login"] == _BI_LOGIN for reader in readers.list_readers(settings)):
        readers.remove(settings, _BI_LOGIN)
    password = readers.add(settings, _BI_LOGIN, "hq")
    bi_url = url._replace(
        netloc=f"{_BI_LOGIN}:{quote(password, safe='')}@{url.netloc.rpartition('@')[2]}"
    ).geturl()
    for line in (
        "",
        f"Reports page: {pages}",
        f"Airflow:      {airflow.url}  (user admin, password {airflow.admin_password})",
        f"BI tools:     {bi_url}  (headquarters' login: schema bi, read-only)",
        f"Warehouse:    {settings.require_database_url()}  (the owner: everything)",
        "Ctrl-C stops everything.",
    ):
        console.print(line, highlight=False, soft_wrap=True)
