"""``yardstick privacy``: keep personal data no longer than told, hand it out, erase it."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from yardstick.commands.common import Home, open_warehouse, say, show_table

app = typer.Typer(no_args_is_help=True, help="Personal data: retention, a person's extract, erasure.")

Person = Annotated[str, typer.Option(help="The person's id.")]
By = Annotated[str, typer.Option("--by", help="Login of the HR reader who answers for it.")]


@app.command()
def retain(
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day to go by; default today.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    home: Home = None,
) -> None:
    """Remove what has been kept as long as its class says (expectations/retention.yml)."""
    from yardstick import privacy

    with open_warehouse(home) as settings:
        gone = privacy.retain(settings, as_of.date() if as_of else None, is_dry=dry_run)
        show_table([each._asdict() for each in gone])
    if dry_run:
        say("nothing was removed")


@app.command()
def extract(
    person: Person,
    by: By,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File for it; default standard output.")
    ] = None,
    home: Home = None,
) -> None:
    """Write everything that is held about a person as JSON, by relation."""
    from yardstick import privacy

    with open_warehouse(home) as settings:
        text = json.dumps(privacy.extract(settings, person, by), ensure_ascii=False, indent=2) + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    # for nobody else's eyes, from its first byte on
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    say(f"wrote {out}")


@app.command()
def erase(
    person: Person,
    reason: Annotated[str, typer.Option(help="Why; kept for the record, without personal data.")],
    by: By,
    home: Home = None,
) -> None:
    """Make a person a pseudonym; every total stays, and it cannot be taken back."""
    from yardstick import privacy

    with open_warehouse(home) as settings:
        typer.echo(privacy.erase(settings, person, reason, by))
    say(
        "kept: what was released, which the views of hr show without the person (docs/privacy.md); and their own "
        "systems' data, which they must delete themselves, or it is made this pseudonym again when delivered"
    )
