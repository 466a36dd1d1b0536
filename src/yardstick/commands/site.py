"""``yardstick site``: make site files, check them, see what they would bring."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yardstick.commands.add import site_add
from yardstick.commands.common import fail, say
from yardstick.commands.from_template import site_templates
from yardstick.commands.preview import site_preview

app = typer.Typer(no_args_is_help=True, help="Site files: make one, check it, see what it would bring.")
app.command("add")(site_add)
app.command("preview")(site_preview)
app.command("templates")(site_templates)


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(exists=True, help="A site's YAML file, or a folder of them.")],
) -> None:
    """Check site files and say what each mistake is, where, and what to write."""
    from yardstick.sources.site_file import SiteError, read_sites

    try:
        sites, problems = read_sites(file)
    except SiteError as error:
        sites, problems = [], error.problems
    for found in sites:
        typer.echo(f"{found.source_id}: in order ({', '.join(found.entities)})")
        for remark in found.remarks:
            typer.echo(f"  {remark}")
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise fail("1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes")


@app.command("schema")
def schema(
    write: Annotated[
        bool, typer.Option("--write", help="Write it to sites/schema.json instead of printing it.")
    ] = False,
) -> None:
    """Print the JSON Schema of site files, for editors."""
    from yardstick.sources import site_schema

    if write:
        site_schema.path().write_text(site_schema.text(), encoding="utf-8")
        say(f"wrote {site_schema.path()}")
    else:
        typer.echo(site_schema.text(), nl=False)
