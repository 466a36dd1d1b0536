"""A corrected workbook of rejects becomes a delivery: what was changed in it lands, whatever the source's connector.

It is filed under the latest day that any of its rows was delivered for: a day that has been delivered anyway, so a
correction never stands for a delivery that is missing. Which row corrects which is kept (``ops.correction``), so
that a reject is closed even when it was the key that was wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import psycopg
from psycopg import sql

from yardstick import landing, warehouse
from yardstick.landing import Landed
from yardstick.rejects import APPLICATION
from yardstick.rejects.export import reference
from yardstick.settings import Settings
from yardstick.sources import correction, files, parts
from yardstick.sources.correction import OK, REF, CorrectionOptions
from yardstick.sources.delivery import UNIT, Due, RefusedError
from yardstick.sources.fold import fold
from yardstick.sources.site import Entity, Site

_HEADER_WITHIN = 20
_LIMITS = SimpleNamespace(max_uncompressed_bytes=1 << 28, max_cells=20_000_000)


class RedeliveryError(ValueError):
    """A workbook cannot be delivered again; the message says why and what to do."""


@dataclass(frozen=True)
class Redelivered:
    """What became of one sheet.

    Attributes:
        sheet: its name.
        source_id: the source its rows are of.
        entity: the entity its rows are of.
        landed: as for every delivery.
        corrected: rows that correct a rejected one.
        left: rejected rows in it that were left as they are, and so are not delivered again.
    """

    sheet: str
    source_id: str
    entity: str
    landed: Landed
    corrected: int
    left: int


@dataclass(frozen=True)
class _Known:
    """What the warehouse knows of a sheet's rows.

    Attributes:
        source_id: whose they are.
        entity: what they are.
        day: the latest day that one of them was delivered for.
        rows: header and cells of each, by reference.
    """

    source_id: str
    entity: str
    day: date
    rows: Mapping[str, tuple[list[str], list[str]]]


def redeliver(settings: Settings, path: Path, sites: Mapping[str, Site]) -> list[Redelivered]:
    """Land the changed rows of a corrected workbook.

    Args:
        settings: the installation.
        path: the workbook; its name stays its identity: the same name again is a later correction.
        sites: site files by source.

    Returns:
        One outcome per sheet with rejects. A sheet that cannot be read is refused; the others land.

    Raises:
        RedeliveryError: for a workbook that is none of ours, or whose source has no site file.
    """
    with path.open("rb") as stream:
        sheets = _references(path, stream)
    if not sheets:
        raise RedeliveryError(
            f"{path} has no sheet with a column {REF!r}: it was not made by ./scripts/yardstick rejects export."
        )
    done = []
    with warehouse.connect(settings.require_database_url(), name=APPLICATION) as connection:
        known = {sheet: _look_up(connection, path, sheet, refs) for sheet, refs in sheets.items()}
        connection.rollback()
        for sheet, found in known.items():
            site = sites.get(found.source_id)
            if site is None or found.entity not in site.entities:
                raise RedeliveryError(
                    f"{path}, sheet {sheet!r}: no site file of {found.source_id} with {found.entity}. Say --sites."
                )
            done.append(_land(settings, connection, path, sheet, found, site))
    return done


def _references(path: Path, stream: IO[bytes]) -> dict[str, list[str]]:
    """The references in each visible sheet that has any."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    size = path.stat().st_size
    try:
        parts.check(SimpleNamespace(options=_LIMITS), path.name, stream, size)  # type: ignore[arg-type] # limits only
        stream.seek(0)
        workbook = CalamineWorkbook.from_filelike(stream)
        found = {}
        for sheet in workbook.sheets_metadata:
            if sheet.visible != SheetVisibleEnum.Visible:
                continue
            place: int | None = None
            refs: list[str] = []
            for number, row in enumerate(workbook.get_sheet_by_name(sheet.name).iter_rows()):
                if place is None:
                    names = [fold(str(cell)) for cell in row]
                    place = names.index(REF) if REF in names else None
                    if place is None and number >= _HEADER_WITHIN:
                        break
                elif place < len(row) and str(row[place]).strip():
                    refs.append(str(row[place]).strip())
            if place is not None:
                found[sheet.name] = refs
    except (RefusedError, CalamineError, OSError, ValueError) as error:
        raise RedeliveryError(f"{path} cannot be read: {error}") from None
    return found


def _look_up(connection: psycopg.Connection[Any], path: Path, sheet: str, refs: list[str]) -> _Known:
    """What the references stand for.

    Raises:
        RedeliveryError: for none, for one that is not of this warehouse, or for several entities in a sheet.
    """
    places: dict[str, tuple[int, int]] = {}
    for ref in refs:
        parts_of = ref.split("-")
        if len(parts_of) != 3 or not (parts_of[0].isdecimal() and parts_of[1].isdecimal()):
            raise RedeliveryError(
                f"{path}, sheet {sheet!r}: {REF} {ref!r} was changed. Put back what stood there."
            )
        if ref in places:
            raise RedeliveryError(
                f"{path}, sheet {sheet!r}: {REF} {ref!r} stands twice. Empty it in the new row."
            )
        places[ref] = int(parts_of[0]), int(parts_of[1])
    if not places:
        raise RedeliveryError(
            f"{path}, sheet {sheet!r}: the column {REF} is empty. Put back what stood there."
        )
    of = connection.execute(
        "select distinct source_id, entity from ops.delivery where delivery_id = any(%s)",
        [[delivery for delivery, _ in places.values()]],
    ).fetchall()
    if len(of) != 1:
        what = "several entities" if of else "no delivery of this warehouse"
        raise RedeliveryError(f"{path}, sheet {sheet!r}: its rows are of {what}. Export the rejects again.")
    source_id, entity = of[0]
    query = sql.SQL(
        "select r.delivery_id, r.row_number, d.partition_date, a.header, r.cells "
        "from unnest(%s::bigint [], %s::bigint []) as w (delivery_id, row_number) "
        "inner join {} as r on r.delivery_id = w.delivery_id and r.row_number = w.row_number "
        "inner join ops.delivery as d on d.delivery_id = w.delivery_id "
        "inner join ops.arrival as a on a.arrival_id = d.arrival_id"
    ).format(sql.Identifier("raw", entity))
    rows: dict[str, tuple[list[str], list[str]]] = {}
    days = []
    for delivery_id, number, day, header, cells in connection.execute(
        query, [[each for each, _ in places.values()], [each for _, each in places.values()]]
    ):
        rows[reference(delivery_id, number, cells)] = header or [], cells.split(UNIT)
        days.append(day)
    if strange := [ref for ref in places if ref not in rows]:
        raise RedeliveryError(
            f"{path}, sheet {sheet!r}: {REF} {strange[0]!r} is of no row in this warehouse. "
            "Is it of another installation?"
        )
    return _Known(source_id, entity, max(days), rows)


class _NoProblems:
    """Takes no mistakes: what is checked with it is our own."""

    path = Path("rejects")
    content: dict[str, Any] = {}  # noqa: RUF012 (never written)

    def problem(self, place: tuple[Any, ...], text: str) -> None:
        """There is none."""
        raise AssertionError(f"{place}: {text}")


def _land(
    settings: Settings,
    connection: psycopg.Connection[Any],
    path: Path,
    sheet: str,
    found: _Known,
    site: Site,
) -> Redelivered:
    entity = site.entities[found.entity]
    given = {"folder": {"data": "."}, "files": "*.xlsx", "sheet": sheet, "header_row": "find"}
    read_as = files.options(_NoProblems(), (), given, entity.contract)
    options = CorrectionOptions(path, read_as, found.rows)
    corrected = replace(entity, options=options)
    try:
        rows = _read(corrected, path)
        if not rows:
            raise RefusedError(
                f"no row was changed, or marked with {OK.upper()}: there is nothing to deliver."
            )
    except RefusedError as error:  # of no concern to the ledger: nobody has delivered anything
        landed = Landed("refused", f"{path.name}, sheet {sheet!r}: {error}", path.name)
        return Redelivered(sheet, found.source_id, found.entity, landed, 0, len(found.rows))
    due = Due(found.day, found.day, path.name)
    landed = landing.land(
        settings,
        replace(site, connector="correction"),
        corrected,
        due,
        "rejects redeliver",
        connection=connection,
    )
    if landed.status in ("landed", "unchanged"):
        _keep_links(connection, found, path.name, options.refs)
    return Redelivered(
        sheet, found.source_id, found.entity, landed, len(options.refs), len(found.rows) - len(options.refs)
    )


def _read(entity: Entity, path: Path) -> int:
    """How many rows will be delivered; which ones they correct is noted in the options."""
    with path.open("rb") as stream:
        return sum(len(page.rows) for page in correction.read(entity, path.name, stream).pages)


def _keep_links(
    connection: psycopg.Connection[Any], found: _Known, name: str, refs: Mapping[int, str]
) -> None:
    """Note which row corrects which; safe to repeat."""
    delivery = connection.execute(
        "select delivery_id from ops.delivery where source_id = %s and entity = %s and file_name = %s "
        "and partition_date = %s order by revision desc limit 1",
        [found.source_id, found.entity, name, found.day],
    ).fetchone()
    if delivery is None:  # the same rows came under another name
        return
    connection.cursor().executemany(
        "insert into ops.correction (delivery_id, row_number, corrects_delivery_id, corrects_row_number) "
        "values (%s, %s, %s, %s) on conflict do nothing",
        [[delivery[0], number, *map(int, ref.split("-")[:2])] for number, ref in refs.items()],
    )
    connection.commit()
