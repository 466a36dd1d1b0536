"""``yardstick standards``: the company's standards as files."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from yardstick import settings as settings_module
from yardstick.commands.common import Home, fail, known_errors, open_warehouse, show_table

app = typer.Typer(no_args_is_help=True, help="The company's standards: check them, see what is in force.")

Kind = Literal["indicators", "inspection", "data", "service", "sla"]
Folder = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="Folder of standards releases.",
        show_default="expectations/standards",
    ),
]
Language = Annotated[Literal["zh-Hans", "en"], typer.Option("--lang", help="Language of what is said.")]


@app.command("check")
def check(
    folder: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="Folder of standards releases.",
            show_default="expectations/standards",
        ),
    ] = None,
) -> None:
    """Check every release: form, codes, tree, weights, targets, measures, suites, and codes used elsewhere."""
    from yardstick import quality, standards

    settings = settings_module.load()
    where = folder or settings.standards
    problems = standards.check(where, sites=settings.sites)
    if not problems:
        problems = quality.problems(quality.suites_folder(settings), standards.read(where))
    for problem in problems:
        typer.echo(problem)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise fail(f"{count} in {where}")
    typer.echo(f"{where}: every release is in order")


@app.command("show")
def show(
    day: Annotated[
        datetime | None,
        typer.Argument(formats=["%Y-%m-%d"], help="In force on this day.", show_default="today"),
    ] = None,
    kind: Annotated[Kind, typer.Option(help="Which standards.")] = "indicators",
    lang: Language = "en",
    folder: Folder = None,
) -> None:
    """The standards in force on a day, one row each; indicators with weights and targets by project grade."""
    from yardstick import standards

    with known_errors():
        where = folder or settings_module.load().standards
        show_table(standards.show(where, day.date() if day else date.today(), lang, kind))


@app.command("catalogue")
def catalogue(
    release: Annotated[
        str | None, typer.Argument(help="A release by its name.", show_default="the one in force today")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Folder to write to.", show_default="<reports>/standards/<release>"
        ),
    ] = None,
    folder: Folder = None,
    home: Home = None,
) -> None:
    """Write the handbook of a release: in Chinese and in English, a page and a workbook each."""
    from yardstick import handbook, standards

    with known_errors():
        settings = settings_module.load(home=home)
        releases = standards.read(folder or settings.standards)
        if release is None:
            wanted = standards.in_force(releases, date.today())
        else:
            known = {one.standards_release: one for one in releases}
            if release not in known:
                raise fail(f"no standards release {release!r}; choose one of {', '.join(known)}", 2)
            wanted = known[release]
        place = releases.index(wanted)
        where = out or settings.reports / "standards" / wanted.standards_release
        for path in handbook.write(where, wanted, releases[place - 1] if place else None):
            typer.echo(path)


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="Name of a release, such as 2015-01.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Name of the release to compare with it.")],
    lang: Language = "en",
    folder: Folder = None,
) -> None:
    """What changed from release A to release B, in words."""
    from yardstick import standards

    where = folder or settings_module.load().standards
    with known_errors():
        releases = {release.standards_release: release for release in standards.read(where)}
    if unknown := [name for name in dict.fromkeys((before, after)) if name not in releases]:
        raise fail(
            f"no release {' and no release '.join(unknown)} in {where}; there are {', '.join(releases)}", 2
        )
    for line in standards.told(releases[before], releases[after], lang):
        typer.echo(line)


@app.command("plan")
def plan(
    month: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m"], help="Month to plan.", show_default="the one after the last published day"
        ),
    ] = None,
    project: Annotated[str | None, typer.Option(help="Only this project.")] = None,
    form: Annotated[
        Literal["csv", "xlsx"], typer.Option("--format", help="For an app, or for people.")
    ] = "csv",
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to write.", show_default="csv: the terminal")
    ] = None,
    home: Home = None,
) -> None:
    """Which standards to inspect at which project in a month: what is due first, then the riskiest."""
    from yardstick import sampling, warehouse

    if form == "xlsx" and out is None:
        raise fail("--format xlsx needs --out FILE", 2)
    with (
        open_warehouse(home) as settings,
        warehouse.connect(settings.require_database_url(), name="yardstick-plan") as connection,
    ):
        wanted = month.date() if month else sampling.next_month(connection)
        found = sampling.plan(connection, wanted, project)
    if out is None:
        typer.echo(sampling.to_csv(found), nl=False)
        return
    body = sampling.to_workbook(found) if form == "xlsx" else sampling.to_csv(found).encode()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(body)
    typer.echo(f"{out}: {len(found.rows)} checks in {found.month:%Y-%m}")


@app.command("suites")
def suites(
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Compiled as on this day.", show_default="today"),
    ] = None,
    format: Annotated[
        Literal["yaml", "table"], typer.Option(help="Everything, or one line for each expectation.")
    ] = "table",
    lang: Language = "en",
    folder: Folder = None,
) -> None:
    """What the gates check on a day: every suite with the standards compiled onto it and the release's numbers."""
    import yaml

    from yardstick import quality, standards

    settings = settings_module.load()
    with known_errors():
        where = quality.suites_folder(settings)
        releases = standards.read(folder or settings.standards)
        if problems := quality.problems(where, releases):
            raise fail("\n".join(problems))
        on = day.date() if day else date.today()
        release = standards.in_force(releases, on)
        compiled = [
            one
            for gate in quality.GATES
            for one in quality.compile_for(quality.load_suites(where, gate), [release], [on])
        ]
    if format == "yaml":
        typer.echo(yaml.safe_dump(quality.as_data(compiled), allow_unicode=True, sort_keys=False, width=110))
        return
    show_table(
        [
            {
                "gate": one.suite.gate,
                "suite": one.suite.name,
                "standards_release": rule.standards_release,
                "standard_code": rule.standard_code,
                "severity": rule.severity,
                "says": rule.means.of(lang),
                "expectation": rule.argued,
            }
            for one in compiled
            for rule in one.rules
        ]
    )


@app.command("suitability")
def suitability(
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], help="First day.", show_default="twelve months before the last"
        ),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.", show_default="the last published day"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder to write to.", show_default="<reports>/suitability"),
    ] = None,
    home: Home = None,
) -> None:
    """Which standards are too strict, too lax or tell nothing, and which inspectors judge unlike the others."""
    from yardstick import suitability

    with open_warehouse(home) as settings:
        for path in suitability.review(
            settings, first.date() if first else None, last.date() if last else None, out
        ):
            typer.echo(path)
