"""``yardstick site templates`` and ``site add --template``: start from a ready mapping of a system in wide use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from yardstick.commands.common import fail, known_errors, say, show_table
from yardstick.sources import site_template
from yardstick.sources.site_file import SiteError, load_sites
from yardstick.sources.site_template import Template


def site_templates() -> None:
    """List the ready mappings: what each delivers, and what it asks for."""
    with known_errors():
        found = site_template.load()
    show_table(
        [
            {
                "template": one.name,
                "system": one.names["en"],
                "connector": one.connector,
                "delivers": ", ".join(one.entities),
                "asks for": ", ".join(one.asks),
            }
            for one in found.values()
        ]
    )


def add_from_template(
    name: str,
    out: Path | None,
    sites: Path,
    top: Mapping[str, str | None],
    answers: Sequence[str],
    address: str | None,
    *,
    yes: bool,
) -> None:
    """Write a site file from a template, ask for what differs, and say what is left to do.

    Args:
        name: of the template.
        out: the file to write; default: the site's own folder below ``sites``.
        sites: the folder of site files.
        top: values of the site's own, by ``source_id``, ``zh``, ``en``, ``connection``, ``time_zone`` and
            ``valid_from``; None: the template's, or asked for.
        answers: ``name=value`` each, to what the template asks for.
        address: of the company's system.
        yes: take every default, ask nothing.
    """
    known = site_template.load()
    if name not in known:
        raise fail(f"--template {name}: there is none of that name. Use one of {', '.join(known)}", 2)
    template = known[name]
    given = dict(_pair(text) for text in answers)
    values = {key: value for key, value in top.items() if value is not None}
    defaults = {
        "source_id": template.source_id,
        "time_zone": template.time_zone,
        "valid_from": template.valid_from,
        "connection": template.connection_id or "",
    }
    questions = {
        "source_id": "Identifier of the source (never changes)",
        "connection": "Id for its Airflow connection",
        "time_zone": "Time zone of its clock",
        "valid_from": "First day that matters",
    }
    for key, question in questions.items():
        if key not in values and defaults[key] and not yes:
            values[key] = _read(question, defaults[key])
    for key, ask in template.asks.items():
        if key not in given and not yes:
            given[key] = _read(f"{key}: {ask.meaning['zh']} · {ask.meaning['en']}", ask.default)
    path = out or sites / values.get("source_id", template.source_id) / "site.yml"
    if path.suffix not in (".yml", ".yaml"):
        path = path / "site.yml"
    if path.exists():
        raise fail(f"{path} is there already; say --out for another one")
    text = site_template.site_text(template, path, values, given)
    connection = site_template.connection_json(template, address)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    for file, header in site_template.code_files(path).items():
        file.write_text(header, encoding="utf-8")
    typer.echo(path)
    try:
        (site,) = load_sites(path)
    except SiteError as error:
        raise fail(
            f"{error}\nwritten, and not right yet: mend it, then ./scripts/yardstick site check {path}"
        ) from None
    say(f"{site.source_id}: in order ({', '.join(site.entities)})")
    _say_what_is_left(template, path, site.remarks, given, connection, site.connection)


def _say_what_is_left(
    template: Template,
    path: Path,
    remarks: Sequence[str],
    given: Mapping[str, str],
    connection: Mapping[str, object],
    connection_id: str | None,
) -> None:
    say("left to do:")
    if connection and connection_id:
        variable = f"AIRFLOW_CONN_{connection_id.upper()}"
        say(
            f"  define the connection: export {variable}='{json.dumps(dict(connection), ensure_ascii=False)}'"
        )
    for remark in remarks:
        say(f"  {remark}")
    for key, ask in template.asks.items():
        if given.get(key, ask.default) == ask.default:
            say(f"  {key} is {ask.default}: is it right here? {ask.meaning['zh']} · {ask.meaning['en']}")
    for one in template.cannot:
        say(f"  not delivered: {one['zh']} · {one['en']}")
    say(f"then see what it brings: ./scripts/yardstick site preview {path} --day DAY")


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not value:
        raise fail(f"--set {text}: write NAME=VALUE", 2)
    return name, value


def _read(question: str, default: str) -> str:
    """A line of the terminal or the pipe, or the default."""
    typer.echo(f"{question} [{default}]: ", nl=False, err=True)
    try:
        return input().strip() or default
    except EOFError:
        raise typer.Abort from None
