"""``yardstick rejects``: what was rejected and why, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import psycopg
import typer

from yardstick import warehouse
from yardstick.commands.common import Home, fail, open_warehouse, say, show_table
from yardstick.rejects import APPLICATION, Which
from yardstick.settings import Settings

app = typer.Typer(
    invoke_without_command=True,
    help="Rejected rows: list them, have them corrected, read them anew.",
)

Source = Annotated[str | None, typer.Option(help="Only this source.")]
EntityName = Annotated[str | None, typer.Option(help="Only this entity.")]
Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only of business days from this one on.")
]
Sites = Annotated[
    Path | None,
    typer.Option(exists=True, help="Folder of the site files.", show_default="YARDSTICK_SITES or sites/"),
]


@app.callback()
def rejects(
    context: typer.Context,
    source: Source = None,
    entity: EntityName = None,
    since: Since = None,
    every: Annotated[
        bool, typer.Option("--all", help="Closed ones, too: replayed, or superseded by a later delivery.")
    ] = False,
    each: Annotated[bool, typer.Option("--each", help="Every rejected field, not the counts.")] = False,
    home: Home = None,
) -> None:
    """List open rejects by source and reason; values of personal fields are never shown."""
    from yardstick.rejects import counts, listing

    if context.invoked_subcommand is not None:
        if source or entity or since or every or each or home:
            raise fail(
                f"options stand behind the command: rejects {context.invoked_subcommand} --source …", 2
            )
        return
    which = Which(source, entity, since.date() if since else None, every)
    with _rejects(home, source, entity) as (_, connection):
        show_table(listing(connection, which) if each else counts(connection, which))


@app.command("export")
def export(
    source: Annotated[str, typer.Option(help="Whose rejects.")],
    entity: EntityName = None,
    since: Since = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the workbook.")] = Path(),
    lang: Annotated[
        Literal["zh-Hans", "zh-Hant", "en"] | None, typer.Option(help="Language of headings and reasons.")
    ] = None,
    sites: Sites = None,
    home: Home = None,
) -> None:
    """Write a workbook for the site to correct: its rows as delivered, the reason beside each.

    It holds the personal data that the source delivered and is for the source's own people. Corrected, it
    comes back by rejects redeliver.
    """
    from yardstick.rejects.export import export as write

    with _rejects(home, source, entity) as (settings, _):
        site = _sites(settings, sites).get(source)
        if site is None:
            say(f"no site file of {source}: column names and dates are told as the warehouse knows them")
        which = Which(source, entity, since.date() if since else None)
        done = write(settings, source, which, out, lang or settings.language, site)
    if done is None:
        say("nothing is rejected, so there is nothing to export")
        return
    for name, count in done.rows.items():
        left = done.left_out.get(name, 0)
        told = (
            f"; {left:,} more have a cell too long for a workbook: correct them at the source" if left else ""
        )
        say(f"{name}: {count - left:,} rows{told}")
    typer.echo(done.path)


@app.command("redeliver")
def redeliver(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The corrected workbook.")],
    sites: Sites = None,
    home: Home = None,
) -> None:
    """Deliver a corrected workbook of rejects: its changed rows land, and the next build takes them on."""
    from yardstick.rejects.redeliver import redeliver as deliver

    with open_warehouse(home) as settings:
        done = deliver(settings, file, _sites(settings, sites))
    show_table(
        [
            {
                "source_id": each.source_id,
                "entity": each.entity,
                "outcome": each.landed.status,
                "rows": each.landed.rows_landed,
                "corrects": each.corrected,
                "left_as_they_were": each.left,
                "told": each.landed.reason or "",
            }
            for each in done
        ]
    )
    if any(each.landed.rows_landed for each in done):
        say("the next run of the DAG build takes them on")
    if refused := [str(each.landed.reason) for each in done if each.landed.status == "refused"]:
        raise fail("; ".join(refused))


@app.command("replay")
def replay(
    source: Source = None,
    entity: EntityName = None,
    since: Since = None,
    sites: Sites = None,
    home: Home = None,
) -> None:
    """Read rejected rows anew, after a site file was mended: says what the next build takes on."""
    from yardstick.rejects import replay as read_anew

    with _rejects(home, source, entity) as (settings, _):
        done = read_anew(
            settings,
            list(_sites(settings, sites).values()),
            Which(source, entity, since.date() if since else None),
        )
    for name in done.registered:
        say(f"{name}: its site file says something new, and is registered")
    for name in done.without_file:
        say(f"{name}: no site file at hand, so its mapping stays as it is (say --sites)")
    show_table(done.rows)
    if done.rows:
        say("the next run of the DAG build takes them on")


@contextmanager
def _rejects(
    home: Path | None, source: str | None, entity: str | None
) -> Iterator[tuple[Settings, psycopg.Connection[Any]]]:
    """The warehouse after a first build; names that are not known are told."""
    from yardstick.contracts import load_contracts

    if entity is not None and entity not in load_contracts():
        raise fail(f"--entity {entity}: there is {', '.join(load_contracts())}", 2)
    with (
        open_warehouse(home) as settings,
        warehouse.connect(settings.require_database_url(), name=APPLICATION) as connection,
    ):
        if connection.execute("select not exists (select from ops.build)").fetchone() == (True,):
            raise fail(
                "no build has run yet, so no row was judged: ./scripts/demo, or the DAGs ingest and build"
            )
        known = [row[0] for row in connection.execute("select source_id from ops.source order by 1")]
        if source is not None and source not in known:
            raise fail(f"--source {source}: there is {', '.join(known) or 'none'}", 2)
        connection.rollback()
        yield settings, connection


def _sites(settings: Settings, folder: Path | None) -> dict[str, Any]:
    """Site files by source; a wrong one is told and left out."""
    from yardstick.sources.site_file import read_sites

    found, problems = read_sites(folder or settings.sites)
    for problem in problems:
        say(problem)
    return {site.source_id: site for site in found}
