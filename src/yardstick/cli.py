"""The command line: ``./scripts/yardstick`` from any folder."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from yardstick import settings as settings_module
from yardstick import warehouse
from yardstick.embedded import postgres

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Yardstick: service quality of every project, every month, and who is accountable for it.",
)

Home = Annotated[Path | None, typer.Option("--home", help="Installation folder (default ~/.local/share/yardstick).")]


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SQL statement.")],
    home: Home = None,
) -> None:
    """Run one statement on the warehouse and print CSV with a header."""
    import psycopg

    with postgres.lease(settings_module.load(home=home)) as settings:
        warehouse.migrate(settings.require_database_url())
        with warehouse.connect(settings.require_database_url(), name="yardstick-sql") as connection:
            try:
                cursor = connection.execute(query.encode())
            except psycopg.Error as error:
                typer.echo(f"sql: {error}", err=True)
                raise typer.Exit(1) from None
            if cursor.description:
                writer = csv.writer(sys.stdout, lineterminator="\n")
                writer.writerow([column.name for column in cursor.description])
                writer.writerows(cursor)


@app.callback()
def main() -> None:
    """Keep `sql` a sub-command while it is the only one."""
