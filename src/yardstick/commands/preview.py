"""``yardstick site preview``: what staging would make of a site's deliveries of one day."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from yardstick import settings as settings_module
from yardstick.commands.common import Home, fail, known_errors, say
from yardstick.embedded import postgres
from yardstick.sources.preview import EntityPreview, preview
from yardstick.sources.site import Site
from yardstick.sources.site_file import SiteError, load_sites

_ON_TERMINAL = 4
_CELL = 26
_MOST_ON_TERMINAL = 30


def site_preview(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The site's YAML file.")],
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The business day: 2026-01-31.")],
    entity: Annotated[
        list[str] | None, typer.Option(help="Only this entity (and what it refers to); repeat it.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, max=10_000, help="Rows to show of each entity.")] = 10,
    data: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder the deliveries lie in.")
    ] = None,
    home: Home = None,
) -> None:
    """Pull what is due for a day and show what staging would make of it; nothing lands.

    Shown are the first rows by contract field, rejects and remarks with reasons, source values and code
    tables that do not know each other, and columns that are not mapped or not delivered. On a terminal as
    tables, elsewhere as CSV, one part after the other. Personal values are masked.
    """
    try:
        (site,) = load_sites(file)
    except SiteError as error:
        raise fail(error) from None
    show(site, day.date(), entity or [], rows, home, data)


def show(
    site: Site, day: date, names: Sequence[str], rows: int, home: Path | None, data: Path | None
) -> None:
    """Preview and print; exits with 1 when a delivery was refused."""
    if unknown := [name for name in names if name not in site.entities]:
        raise fail(f"{site.source_id} has no {', '.join(unknown)}; it has {', '.join(site.entities)}", 2)
    with known_errors(), postgres.lease(settings_module.load(home=home, data=data)) as settings:
        found = preview(settings, site, day, names=names, rows=rows, say=say)
    for one in found:
        _print(one)
    if refused := [each for one in found for each in one.landed if each.status in ("refused", "waiting")]:
        raise fail("; ".join(str(each.reason) for each in refused))


def _print(found: EntityPreview) -> None:
    entity = found.entity
    names = entity.contract.names
    _part(f"{entity.name} · {names['zh']} · {names['en']}", _deliveries(found))
    if found.rows:
        _part(f"{entity.name}: first rows", _on_terminal(found) if sys.stdout.isatty() else found.rows)
    if found.problems:
        _part(f"{entity.name}: rejects and remarks", [_problem(each) for each in found.problems])
    if found.gaps:
        _part(
            f"{entity.name}: codes",
            [{"field": g.field, "value": g.value, "rows": g.rows, "is": g.becomes} for g in found.gaps],
        )
    columns = [{"column": column, "is": "delivered, not mapped", "field": ""} for column in found.unmapped]
    columns += [
        {"column": column, "is": "mapped as optional, not delivered", "field": name}
        for column, name in found.missing.items()
    ]
    if columns:
        _part(f"{entity.name}: columns", columns)
    if found.unchecked:
        _part(
            f"{entity.name}: not checked, since nobody has delivered these yet",
            [{"refers to": name, "rows": count} for name, count in found.unchecked.items()],
        )


def _deliveries(found: EntityPreview) -> list[dict[str, Any]]:
    if not found.landed:
        return [{"delivery": "", "outcome": "nothing is due", "told": ""}]
    listed: list[dict[str, Any]] = [
        {
            "delivery": each.name,
            "outcome": "read" if each.status == "landed" else each.status,
            "told": each.reason or "",
        }
        for each in found.landed
    ]
    if found.counts:
        told = ", ".join(f"{count:,} {name}" for name, count in found.counts.items() if name != "read")
        listed.append({"delivery": f"{len(found.landed)} in all", "outcome": "rows", "told": told})
    return listed


def _problem(each: Any) -> dict[str, Any]:
    return {
        "rows": each.rows,
        "is": "rejected" if each.is_reject else "kept, flagged",
        "field": each.field or "",
        "column": each.column,
        "rule": each.rule,
        "first": f"{each.file_name}, row {each.first_row}",
        "reason": each.reason,
    }


def _on_terminal(found: EntityPreview) -> list[dict[str, Any]]:
    """The rows turned on their side: a contract has more fields than a terminal has columns."""
    shown = found.rows[:_ON_TERMINAL]
    fields = found.entity.fields
    listed = []
    for name in shown[0]:
        if name in fields:
            mapping = fields[name]
            source = mapping.separator.join(mapping.labels) if mapping.labels else f"= {mapping.constant}"
        else:
            source = ""
        if name == "problem" and not any(row[name] for row in shown):
            continue
        cells = {f"{place}.": _cut(row[name]) for place, row in enumerate(shown, start=1)}
        listed.append({"field": name, "column": _cut(source), **cells})
    return listed


def _cut(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _part(title: str, rows: Sequence[dict[str, Any]]) -> None:
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
        for name in rows[0]:
            table.add_column(name, overflow="fold", justify="right" if name == "rows" else "left")
        for row in rows[:_MOST_ON_TERMINAL]:
            table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))
        console = Console()
        console.print(table)
        if len(rows) > _MOST_ON_TERMINAL:
            console.print(f"… and {len(rows) - _MOST_ON_TERMINAL:,} more: write the output to a file for all")
        console.print()
        return
    print(f"# {title}")
    writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    print()
