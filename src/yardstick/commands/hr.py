"""``yardstick hr``: what HR takes away of a released month."""

from __future__ import annotations

import getpass
from typing import Annotated, Literal

import typer

from yardstick.commands.common import Home, open_warehouse, say

app = typer.Typer(
    no_args_is_help=True, help="A released month of every person: a workbook, and the file for payroll."
)

Period = Annotated[str, typer.Option(help="A month: 2026-01.")]
Version = Annotated[int | None, typer.Option(min=1, help="Of the release.", show_default="the newest")]
By = Annotated[
    str | None, typer.Option(help="Who writes it; kept in the ledger.", show_default="the user logged in")
]
_LANGUAGES = {"zh": ("zh-Hans",), "en": ("en",)}


@app.command("workbook")
def workbook(
    period: Period,
    lang: Annotated[
        Literal["zh", "en"] | None, typer.Option(help="Only this language.", show_default="both")
    ] = None,
    version: Version = None,
    by: By = None,
    home: Home = None,
) -> None:
    """Write the workbook of a released month."""
    from yardstick import hr

    with open_warehouse(home) as settings:
        paths = hr.workbooks(
            settings,
            period,
            written_by=by or getpass.getuser(),
            languages=_LANGUAGES[lang] if lang else hr.LANGUAGES,
            version=version,
        )
    for path in paths:
        typer.echo(path)


@app.command("payroll")
def payroll(period: Period, version: Version = None, by: By = None, home: Home = None) -> None:
    """Write the file that a released month is paid by, its control totals and checksums."""
    from yardstick import hr

    with open_warehouse(home) as settings:
        paths = hr.payroll(settings, period, written_by=by or getpass.getuser(), version=version)
    for path in paths:
        typer.echo(path)
    say(f"check it: cd {paths[-1].parent} && sha256sum -c {paths[-1].name}")
