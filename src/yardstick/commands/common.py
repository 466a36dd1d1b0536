"""What every command shares: how it fails, how it shows rows, how it reaches the warehouse."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from yardstick import settings as settings_module
from yardstick import warehouse
from yardstick.embedded import postgres
from yardstick.settings import Settings

Home = Annotated[
    Path | None, typer.Option("--home", help="Installation folder.", show_default="~/.local/share/yardstick")
]


class Mistake(typer.Exit):
    """Leaves with one line instead of a stack."""


def fail(message: object, code: int = 1) -> Mistake:
    """Tell what is wrong; raise what this returns.

    Args:
        message: what is wrong and what to do.
        code: 1 for trouble, 2 for wrong arguments.
    """
    typer.echo(f"yardstick: {message}", err=True)
    return Mistake(code)


def say(message: object) -> None:
    """Tell what is being done, where it is in nobody's way."""
    typer.echo(message, err=True)


@contextmanager
def known_errors() -> Iterator[None]:
    """Errors that a person can do something about become one line."""
    import psycopg

    from yardstick.appraisal import AppraisalError
    from yardstick.errors import BadInputError, UnreachableError
    from yardstick.readers import ReaderError
    from yardstick.standards import StandardsError
    from yardstick.transform import TransformError

    try:
        yield
    except (
        psycopg.Error,
        postgres.EmbeddedServerError,
        AppraisalError,
        BadInputError,
        ReaderError,
        StandardsError,
        TransformError,
        UnreachableError,
        ValueError,
    ) as error:
        raise fail(str(error).strip()) from None


@contextmanager
def open_warehouse(home: Path | None) -> Iterator[Settings]:
    """Settings with a reachable, migrated warehouse; known errors become one line."""
    with known_errors(), postgres.lease(settings_module.load(home=home)) as settings:
        warehouse.migrate(settings.require_database_url())
        yield settings


def show_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Rows as an aligned table on a terminal, as CSV elsewhere."""
    if not rows:
        typer.echo("nothing", err=True)
        return
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(show_edge=False)
        for name in rows[0]:
            table.add_column(name)
        for row in rows:
            # Text: a delivered value with [brackets] is no markup
            table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))
        Console().print(table)
        return
    writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
