"""The command line: ``./scripts/yardstick`` from any folder."""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated, Literal

import typer

from yardstick import settings as settings_module
from yardstick import warehouse
from yardstick.commands import deliveries as deliveries_commands
from yardstick.commands import hr as hr_commands
from yardstick.commands import privacy as privacy_commands
from yardstick.commands import rejects as rejects_commands
from yardstick.commands import site as site_commands
from yardstick.commands import staffing as staffing_commands
from yardstick.commands import standards as standards_commands
from yardstick.commands.common import Home, fail, open_warehouse, show_table

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
app.add_typer(release_app, name="release")
app.add_typer(reader_app, name="reader")
app.add_typer(site_commands.app, name="site")
app.add_typer(rejects_commands.app, name="rejects")
app.add_typer(deliveries_commands.app, name="deliveries")
app.add_typer(standards_commands.app, name="standards")
app.add_typer(privacy_commands.app, name="privacy")
app.add_typer(staffing_commands.app, name="staffing")
app.add_typer(hr_commands.app, name="hr")


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
    projects: Annotated[int, typer.Option(min=1, help="Projects of the simulated company.")] = 30,
    months: Annotated[int, typer.Option(min=1, help="Months of the simulated company.")] = 6,
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
        raise fail(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}", 2)
    if data is not None and sites is None:
        raise fail(
            "--data needs --sites: which site files describe it? (./scripts/yardstick site check FILE)", 2
        )
    if not _has_sites(sites):
        raise fail(f"no site file in {sites}: a YAML file with 'kind: site'", 2)
    try:
        settings = settings_module.load(home=home, sites=sites, data=data, language=lang)
    except ValueError as error:
        raise fail(error, 2) from None
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
        open_warehouse(home) as settings,
        warehouse.connect(settings.require_database_url(), name="yardstick-sql") as connection,
    ):
        try:
            cursor = connection.execute(query.encode())
        except psycopg.Error as error:
            raise fail(str(error).strip()) from None
        if cursor.description:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow([column.name for column in cursor.description])
            writer.writerows(cursor)


@app.command()
def rebuild(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    home: Home = None,
) -> None:
    """Mark days as dirty: the next build takes them on again (after a mapping was corrected, say)."""
    if first > last:
        raise fail(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}", 2)
    from yardstick import transform

    with open_warehouse(home) as settings:
        count = transform.rebuild(settings, first.date(), last.date())
    typer.echo(f"{count} deliveries are dirty now; the next run of the DAG build takes them on")


@release_app.command("list")
def release_list(home: Home = None) -> None:
    """Every release with its hash and signature."""
    with (
        open_warehouse(home) as settings,
        warehouse.connect(settings.require_database_url(), name="yardstick-release") as connection,
    ):
        show_table(
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

    with open_warehouse(home) as settings:
        problems = appraisal.verify(settings)
        with warehouse.connect(settings.require_database_url(), name="yardstick-release") as connection:
            count = warehouse.rows(connection, "select count(*) as n from release.release")[0]["n"]
    for problem in problems:
        typer.echo(str(problem))
    if problems:
        raise fail(f"{len(problems)} problems in {count} releases")
    typer.echo(f"{count} releases verified: contents, chain and published files are as signed")


@release_app.command("proposals")
def release_proposals(home: Home = None) -> None:
    """Released periods whose figures differ now, with every difference."""
    from yardstick import appraisal

    with open_warehouse(home) as settings:
        show_table(
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
    from yardstick import appraisal, hr, reports

    with open_warehouse(home) as settings:
        signature = appraisal.Signature(approved_by, "person", datetime.now(UTC))
        kind = appraisal.kind_of(period)
        release_id = appraisal.restate(settings, kind, period, reason, signature)
        appraisal.record_artifacts(settings, release_id, reports.publish(settings, release_id))
        if kind == "month":
            hr.workbooks(settings, period, written_by=approved_by)
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

    with open_warehouse(home) as settings:
        typer.echo(readers.add(settings, name, role, project or []))


@reader_app.command("remove")
def reader_remove(name: Annotated[str, typer.Argument(help="Login name.")], home: Home = None) -> None:
    """Take a login away."""
    from yardstick import readers

    with open_warehouse(home) as settings:
        readers.remove(settings, name)


@reader_app.command("list")
def reader_list(home: Home = None) -> None:
    """Logins, their roles and projects."""
    from yardstick import readers

    with open_warehouse(home) as settings:
        show_table(readers.list_readers(settings))


@app.command(hidden=True)
def serve(role: str) -> None:
    """Become one process of the server deployment (scripts/serve)."""
    from yardstick import deployment

    try:
        deployment.serve(role, settings_module.load(), *deployment.from_environment())
    except deployment.DeploymentError as error:
        raise fail(error) from None


@app.command("make-secrets", hidden=True)
def make_secrets(folder: Annotated[Path, typer.Argument()] = Path("secrets")) -> None:
    """Write the deployment's missing secrets (scripts/make-secrets)."""
    from yardstick import deployment

    written = deployment.make_secrets(folder)
    typer.echo("\n".join(f"wrote {path}" for path in written) or f"{folder}: every secret is there already")
