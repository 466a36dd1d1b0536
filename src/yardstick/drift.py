"""Schema drift: what a source's columns are now against what they were, told as rows of ``ops.drift``.

A new column lands with the rest and is ignored until it is mapped. A lost optional column is told. A lost
required column refuses its delivery. A changed type shows in staging, as rejects (``transform``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from yardstick.sources.delivery import MissingColumnsError, RefusedError
from yardstick.sources.site import Entity, Site


@dataclass(frozen=True)
class Event:
    """One difference.

    Attributes:
        kind: ``new_column``, ``lost_column`` (nobody needs it), ``lost_optional_column`` or
            ``lost_required_column``.
        column: its name, as delivered or as the site file spells it.
        contract_field: the field it is read for; None for a column that is not mapped.
    """

    kind: str
    column: str
    contract_field: str | None = None

    @property
    def text(self) -> str:
        """The difference in words."""
        return {
            "new_column": f"new column {self.column!r}: kept in raw, not mapped",
            "lost_column": f"column {self.column!r} is no longer delivered",
            "lost_optional_column": f"column {self.column!r} (for {self.contract_field}) is no longer delivered",
            "lost_required_column": f"column {self.column!r} (for {self.contract_field}) is missing",
        }[self.kind]


def compare(
    connection: psycopg.Connection[Any], site: Site, entity: Entity, header: Sequence[str]
) -> list[Event]:
    """What is new or gone in a header, against what is declared and what the last delivery had.

    Args:
        connection: the warehouse.
        site: the site.
        entity: the entity.
        header: folded column names of the new delivery.

    Returns:
        Events, new columns first. A first delivery has none, unless the site lists its other columns; nor
        has one without rows that brings no header (JSON).
    """
    if not header:
        return []
    fields = {column: name for name, mapping in entity.fields.items() for column in mapping.columns}
    declared = {*fields, *entity.other_columns}
    row = connection.execute(
        "select header from ops.arrival where source_id = %s and entity = %s and status <> 'refused' "
        "and header <> '{}' order by arrival_id desc limit 1",
        [site.source_id, entity.name],
    ).fetchone()
    before = set(row[0] or ()) if row else None
    # Nothing to compare a first delivery with, unless the site lists what else there is.
    is_known = entity.other_columns or before is not None
    known = declared | (before or set()) if is_known else set(header)
    events = [Event("new_column", column) for column in header if column and column not in known]
    for column in sorted((before or set()) - set(header) - {""}):
        kind = "lost_optional_column" if column in fields else "lost_column"
        events.append(Event(kind, column, fields.get(column)))
    return events


def of_refusal(error: RefusedError) -> list[Event]:
    """The lost required columns that refused a delivery; none when it was refused for another reason."""
    if not isinstance(error, MissingColumnsError):
        return []
    return [Event("lost_required_column", column, name) for column, name in error.columns.items()]


def record(
    connection: psycopg.Connection[Any], site: Site, entity: Entity, arrival_id: int, events: Sequence[Event]
) -> None:
    """Write events to the ledger; the caller commits."""
    for event in events:
        connection.execute(
            "insert into ops.drift (arrival_id, source_id, entity, kind, column_name, contract_field) "
            "values (%s, %s, %s, %s, %s, %s)",
            [arrival_id, site.source_id, entity.name, event.kind, event.column, event.contract_field],
        )
