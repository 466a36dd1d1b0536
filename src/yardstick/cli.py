"""The command line: ``./scripts/yardstick`` from any folder."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated, Literal

import typer

from yardstick import settings as settings_module
from yardstick import warehouse
from yardstick.embedded import postgres
from yardstick.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Yardstick: service quality of every project, every month, and who is accountable for it.",
)
release_app = typer.Typer(no_args_is_help=True, help="Released periods: list, verify, restate.")
reader_app = typer.Typer(
    no_args_is_help=True, help="Logins that may read: headquarters, HR, project managers."
)
standards_app = typer.Typer(
    no_args_is_help=True, help="The company's standards: check them, see what is in force."
)
site_app = typer.Typer(no_args_is_help=True, help="Site files: check what they say.")
app.add_typer(release_app, name="release")
app.add_typer(reader_app, name="reader")
app.add_typer(standards_app, name="standards")
app.add_typer(site_app, name="site")

Home = Annotated[
    Path | None, typer.Option("--home", help="Installation folder.", show_default="~/.local/share/yardstick")
]


class _Mistake(typer.Exit):
    """Leaves with one line instead of a stack."""


def _fail(message: object, code: int = 1) -> _Mistake:
    typer.echo(f"yardstick: {message}", err=True)
    return _Mistake(code)


@contextmanager
def _warehouse(home: Path | None) -> Iterator[Settings]:
    """Settings with a reachable, migrated warehouse; known errors become one line."""
    import psycopg

    from yardstick.appraisal import AppraisalError
    from yardstick.readers import ReaderError
    from yardstick.sources.site_file import SiteError
    from yardstick.standards import StandardsError

    try:
        with postgres.lease(settings_module.load(home=home)) as settings:
            warehouse.migrate(settings.require_database_url())
            yield settings
    except (
        psycopg.Error,
        postgres.EmbeddedServerError,
        AppraisalError,
        ReaderError,
        SiteError,
        StandardsError,
        ValueError,
    ) as error:
        raise _fail(str(error).strip()) from None


def _table(rows: list[dict[str, object]]) -> None:
    """Rows as an aligned table on a terminal, as CSV elsewhere."""
    if not rows:
        typer.echo("nothing", err=True)
        return
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(show_edge=False)
        for name in rows[0]:
            table.add_column(name)
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        Console().print(table)
        return
    writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"yardstick {package_version('yardstick')}")
        raise typer.Exit


@app.callback()
def main(
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Yardstick: service quality of every project, every month, and who is accountable for it."""


@app.command()
def demo(
    home: Home = None,
    sites: Annotated[
        Path | None, typer.Option(exists=True, help="Site files; without it a company is simulated.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder the site files' deliveries lie in."),
    ] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")] = None,
    projects: Annotated[int, typer.Option(min=1, help="Projects of the simulated company.")] = 12,
    months: Annotated[int, typer.Option(min=1, help="Months of the simulated company.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of the simulated company.")] = 1,
    lang: Annotated[
        str, typer.Option(help="Language of the summary's links: zh-Hans, zh-Hant or en.")
    ] = "zh-Hans",
    auto_sign: Annotated[
        bool,
        typer.Option(help="Answer sign-offs through Airflow's API; the release says that nobody looked."),
    ] = True,
    serve: Annotated[
        bool, typer.Option("--serve", help="Leave Airflow and the reports up until Ctrl-C.")
    ] = False,
) -> None:
    """Run the main job: from delivered files to signed, published appraisal reports."""
    if first and last and first > last:
        raise _fail(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}", 2)
    if data is not None and sites is None:
        raise _fail(
            "--data needs --sites: which site files describe it? (./scripts/yardstick site check FILE)", 2
        )
    if not _has_sites(sites):
        raise _fail(f"no site file in {sites}: a YAML file with 'kind: site'", 2)
    try:
        settings = settings_module.load(home=home, sites=sites, data=data, language=lang)
    except ValueError as error:
        raise _fail(error, 2) from None
    from yardstick.embedded import demo as job

    options = job.Options(
        first_day=first.date() if first else None,
        last_day=last.date() if last else None,
        projects=projects,
        months=months,
        seed=seed,
        simulated=sites is None,
        auto_sign=auto_sign,
        serve=serve,
    )
    raise typer.Exit(job.run(settings, options))


def _has_sites(folder: Path | None) -> bool:
    return folder is None or folder.is_file() or any(folder.rglob("*.yml")) or any(folder.rglob("*.yaml"))


@app.command()
def sql(query: Annotated[str, typer.Argument(help="One SQL statement.")], home: Home = None) -> None:
    """Run one statement on the warehouse and print CSV with a header."""
    import psycopg

    with (
        _warehouse(home) as settings,
        warehouse.connect(settings.require_database_url(), name="yardstick-sql") as connection,
    ):
        try:
            cursor = connection.execute(query.encode())
        except psycopg.Error as error:
            raise _fail(str(error).strip()) from None
        if cursor.description:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow([column.name for column in cursor.description])
            writer.writerows(cursor)


@app.command()
def rejects(
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    each: Annotated[bool, typer.Option("--each", help="Every rejected field, not the counts.")] = False,
    home: Home = None,
) -> None:
    """List rejected rows by source and reason."""
    counts = (
        "select source_id, entity, field, rule, count(*) as rows, min(reason) as example from ops.reject "
        "where %s::text is null or source_id = %s group by 1, 2, 3, 4 order by rows desc"
    )
    rows = (
        "select d.file_name, r.row_number, r.source_id, r.entity, r.field, r.value, r.rule, r.reason "
        "from ops.reject as r join ops.delivery as d using (delivery_id) "
        "where %s::text is null or r.source_id = %s order by 1, 2"
    )
    with (
        _warehouse(home) as settings,
        warehouse.connect(settings.require_database_url(), name="yardstick-rejects") as connection,
    ):
        if connection.execute("select to_regclass('ops.reject') is null").fetchone() == (True,):
            raise _fail(
                "no build has run yet, so no row was judged: ./scripts/demo, or the DAGs ingest and build"
            )
        _table(warehouse.rows(connection, (rows if each else counts).encode(), [source, source]))


@app.command()
def rebuild(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    home: Home = None,
) -> None:
    """Mark days as dirty: the next build takes them on again (after a mapping was corrected, say)."""
    if first > last:
        raise _fail(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}", 2)
    from yardstick import transform

    with _warehouse(home) as settings:
        count = transform.rebuild(settings, first.date(), last.date())
    typer.echo(f"{count} deliveries are dirty now; the next run of the DAG build takes them on")


@release_app.command("list")
def release_list(home: Home = None) -> None:
    """Every release with its hash and signature."""
    with (
        _warehouse(home) as settings,
        warehouse.connect(settings.require_database_url(), name="yardstick-release") as connection,
    ):
        _table(
            warehouse.rows(
                connection,
                "select release_id, period_kind, period, version, status, tickets, rejects, signed_by, signed_how, "
                "signed_at, content_sha256, release_sha256, reason from release.release order by signed_at, release_id",
            )
        )


@release_app.command("verify")
def release_verify(home: Home = None) -> None:
    """Recompute every released hash, the chain and the published files; exit 1 when anything differs."""
    from yardstick import appraisal

    with _warehouse(home) as settings:
        problems = appraisal.verify(settings)
        with warehouse.connect(settings.require_database_url(), name="yardstick-release") as connection:
            count = warehouse.rows(connection, "select count(*) as n from release.release")[0]["n"]
    for problem in problems:
        typer.echo(str(problem))
    if problems:
        raise _fail(f"{len(problems)} problems in {count} releases")
    typer.echo(f"{count} releases verified: contents, chain and published files are as signed")


@release_app.command("proposals")
def release_proposals(home: Home = None) -> None:
    """Released periods whose figures differ now, with every difference."""
    from yardstick import appraisal

    with _warehouse(home) as settings:
        _table(
            [
                {"period": proposal["period"], "proposed_at": proposal["proposed_at"], **difference}
                for proposal in appraisal.proposals(settings)
                for difference in proposal["differences"]
            ]
        )


@release_app.command("restate")
def release_restate(
    period: Annotated[str, typer.Argument(help="2015-01, 2015-Q1 or 2015.")],
    reason: Annotated[str, typer.Option(help="Why; every reader will see it.")],
    approved_by: Annotated[str, typer.Option(help="Who approves.")],
    home: Home = None,
) -> None:
    """Release the figures of now as a new version beside the old one."""
    from yardstick import appraisal, reports

    with _warehouse(home) as settings:
        signature = appraisal.Signature(approved_by, "person", datetime.now(UTC))
        release_id = appraisal.restate(settings, appraisal.kind_of(period), period, reason, signature)
        appraisal.record_artifacts(settings, release_id, reports.publish(settings, release_id))
    typer.echo(f"{release_id} stands beside the version before it; {settings.reports / 'index.html'}")


@reader_app.command("add")
def reader_add(
    name: Annotated[str, typer.Argument(help="Login name.")],
    role: Annotated[Literal["hq", "hr", "pm"], typer.Option(help="Who it is for.")],
    project: Annotated[list[str] | None, typer.Option(help="A project manager's project; repeat it.")] = None,
    home: Home = None,
) -> None:
    """Create a login and print its password, once."""
    from yardstick import readers

    with _warehouse(home) as settings:
        typer.echo(readers.add(settings, name, role, project or []))


@reader_app.command("remove")
def reader_remove(name: Annotated[str, typer.Argument(help="Login name.")], home: Home = None) -> None:
    """Take a login away."""
    from yardstick import readers

    with _warehouse(home) as settings:
        readers.remove(settings, name)


@reader_app.command("list")
def reader_list(home: Home = None) -> None:
    """Logins, their roles and projects."""
    from yardstick import readers

    with _warehouse(home) as settings:
        _table(readers.list_readers(settings))


@standards_app.command("check")
def standards_check(
    folder: Annotated[Path | None, typer.Argument(help="Folder of standards releases.", exists=True)] = None,
) -> None:
    """Check every standards release: form, unique codes, weights, targets, grades, measures."""
    from yardstick import standards

    settings = settings_module.load()
    problems = standards.check(folder or settings.standards)
    for problem in problems:
        typer.echo(str(problem))
    if problems:
        raise _fail(f"{len(problems)} problems in {folder or settings.standards}")
    typer.echo(f"{folder or settings.standards}: every release is in order")


@standards_app.command("show")
def standards_show(
    day: Annotated[
        datetime | None, typer.Argument(formats=["%Y-%m-%d"], help="In force on this day.")
    ] = None,
) -> None:
    """The indicators in force on a day (default: today), with weights, floors and targets by project grade."""
    from yardstick import standards

    settings = settings_module.load()
    _table(standards.show(settings.standards, day.date() if day else date.today()))


@site_app.command("check")
def site_check(
    file: Annotated[Path, typer.Argument(exists=True, help="A site's YAML file, or a folder of them.")],
) -> None:
    """Check site files and say what each mistake is and where."""
    from yardstick.sources.site_file import SiteError, load_sites

    try:
        sites = load_sites(file)
    except SiteError as error:
        raise _fail(str(error)) from None
    for found in sites:
        typer.echo(f"{found.source_id}: in order ({', '.join(found.entities)})")
    if not sites:
        raise _fail(f"{file} holds no site file (a YAML file with 'kind: site')")


@app.command(hidden=True)
def serve(role: str) -> None:
    """Become one process of the server deployment (scripts/serve)."""
    from yardstick import deployment

    try:
        deployment.serve(role, settings_module.load(), *deployment.from_environment())
    except deployment.DeploymentError as error:
        raise _fail(error) from None


@app.command("make-secrets", hidden=True)
def make_secrets(folder: Annotated[Path, typer.Argument()] = Path("secrets")) -> None:
    """Write the deployment's missing secrets (scripts/make-secrets)."""
    from yardstick import deployment

    written = deployment.make_secrets(folder)
    typer.echo("\n".join(f"wrote {path}" for path in written) or f"{folder}: every secret is there already")
