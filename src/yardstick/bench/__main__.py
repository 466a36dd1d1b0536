"""``./scripts/bench NAME``: one benchmark, as ratios."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

BENCHMARKS = ("landing", "sources", "suitability", "gate", "tickets")


def main(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(BENCHMARKS)}.")],
    scale: Annotated[Literal["small", "full"], typer.Option(help="How much data.")] = "small",
    seeds: Annotated[int | None, typer.Option(help="How many simulated companies (suitability).")] = None,
    tickets: Annotated[int | None, typer.Option(help="How many tickets (tickets).")] = None,
    part: Annotated[str | None, typer.Option(help="minutes, growth or builds, only that (tickets).")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the whole report to this file.")] = None,
) -> None:
    """Measure ratios against a named peer in one run; absolute seconds are told for orientation only."""
    if name not in BENCHMARKS:
        typer.echo(f"bench: there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}", err=True)
        raise typer.Exit(2)
    given = {"seeds": seeds, "tickets": tickets, "part": part}
    options = {option: value for option, value in given.items() if value is not None}
    import_module(f"yardstick.bench.{name}").run(scale, **options).print(json)


if __name__ == "__main__":
    typer.run(main)
