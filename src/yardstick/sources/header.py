"""The header of a delivered table: where its columns stand, and what is missing or doubled."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from yardstick.sources.delivery import MissingColumnsError, RefusedError
from yardstick.sources.fold import fold

if TYPE_CHECKING:
    from yardstick.sources.files import FilesOptions
    from yardstick.sources.site import Entity

FIND_WITHIN = 30
"""A header that is looked for begins in one of so many first rows."""

Merged = tuple[tuple[int, int], tuple[int, int]]
"""First and last cell of a merged range: row and column, from 0."""


class Header:
    """Where the mapped columns of one delivery stand.

    Args:
        entity: which columns it must have.
        place: file, sheet and row, for messages.
        cells: the names as delivered.

    Attributes:
        labels: the names as delivered.
        names: folded column names, without those behind the last named one.
        event: position of the event date's column; None when the entity has none.

    Raises:
        RefusedError: for a header that is empty, lacks a column or has a mapped one twice.
    """

    def __init__(self, entity: Entity, place: str, cells: Sequence[str]) -> None:
        self.labels = list(cells)
        self.names = [fold(cell) for cell in cells]
        while self.names and not self.names[-1]:
            self.names.pop()  # a trailing separator names nothing
        if not self.names:
            raise RefusedError(f"{place} is empty; a header was expected there. Check header_row.")
        wanted = entity.required_columns()
        missing = [folded for folded in wanted if folded not in self.names]
        if missing and len(missing) == len(wanted) > 1:
            raise RefusedError(
                f"{place} holds none of the {len(wanted)} declared columns ({_labels(wanted)}). "
                "Is the header row missing, or the encoding, delimiter or header_row declared wrongly?"
            )
        if missing:
            raise missing_columns(place, wanted, missing, self.names)
        for folded in wanted:
            if self.names.count(folded) > 1:
                raise RefusedError(
                    f"{place}: column {wanted[folded][0]!r} stands {self.names.count(folded)} times. "
                    "Deliver it once."
                )
        self.event = self.names.index(entity.event.columns[0]) if entity.event else None

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return len(self.names)


def depth(options: FilesOptions) -> int:
    """How many first rows of a table are needed to know its header."""
    return (options.header_row or FIND_WITHIN) + options.header_rows - 1


def locate(
    entity: Entity, place: str, leading: Sequence[Sequence[str]], merged: Sequence[Merged] = ()
) -> tuple[int, Header]:
    """The header among the first rows of a table.

    Args:
        entity: where it should be, and which columns it must have.
        place: file and sheet, for messages.
        leading: the first rows, as many as ``depth`` says or as there are.
        merged: merged ranges of the sheet.

    Returns:
        Number of the header's last row, from 1, and the header.

    Raises:
        RefusedError: when it is not there, or lacks something.
    """
    height = entity.options.header_rows
    first = entity.options.header_row or _find(entity, place, leading, merged)
    if len(leading) < first + height - 1:
        raise RefusedError(
            f"{place} has no row {first + height - 1}, where the header was expected. Check header_row."
        )
    rows = f"row {first}" if height == 1 else f"rows {first} to {first + height - 1}"
    return first + height - 1, Header(entity, f"{place}: {rows}", names(leading, first - 1, height, merged))


def _find(entity: Entity, place: str, leading: Sequence[Sequence[str]], merged: Sequence[Merged]) -> int:
    """Number of the first row that holds every declared column, or of the one that holds the most of them."""
    wanted = entity.required_columns()
    height = entity.options.header_rows
    held = [
        len(wanted.keys() & {fold(cell) for cell in names(leading, top, height, merged)})
        for top in range(min(FIND_WITHIN, len(leading) - height + 1))
    ]
    best = max(held, default=0)
    if not best:
        raise RefusedError(
            f"{place}: none of the first {len(held)} rows holds the declared columns ({_labels(wanted)}). "
            "Is the header missing or further down, or the encoding or delimiter declared wrongly?"
        )
    return held.index(best) + 1


def names(
    rows: Sequence[Sequence[str]], top: int, height: int, merged: Sequence[Merged] = ()
) -> Sequence[str]:
    """The column names that a header of one or more rows gives: from top to bottom, with a space between.

    A merged cell is every column's it spans. Where nothing is known of merged cells, an empty cell takes the
    name to its left when there is a name below it.

    Args:
        rows: first rows of the table.
        top: index of the header's first row.
        height: how many rows it has.
        merged: merged ranges of the sheet.
    """
    taken = rows[top : top + height]
    if height == 1:
        return taken[0] if taken else ()
    width = max(map(len, taken), default=0)
    cells = [[*row, *[""] * (width - len(row))] for row in taken]
    spans = [span for span in merged if span[0][0] < top + height and span[1][0] >= top]
    for (first_row, first_column), (last_row, last_column) in spans:
        if first_row < top or first_column >= width:
            continue  # a title that reaches into the header names no column
        for row in range(first_row - top, min(last_row - top, height - 1) + 1):
            for column in range(first_column, min(last_column, width - 1) + 1):
                cells[row][column] = cells[first_row - top][first_column]
    if not spans:
        _fill_right(cells)
    return [
        " ".join(
            part
            for index, part in enumerate(column)
            if part.strip() and (index == 0 or part != column[index - 1])
        )
        for column in zip(*cells, strict=True)
    ]


def _fill_right(cells: list[list[str]]) -> None:
    """Spread upper names over the empty cells to their right, as far as the name above them reaches."""
    given = [[bool(cell.strip()) for cell in row] for row in cells]
    for index, row in enumerate(cells[:-1]):
        last = ""
        for column, cell in enumerate(row):
            if given[index][column]:
                last = cell
            elif index and given[index - 1][column]:
                last = ""
            elif any(below[column] for below in given[index + 1 :]):
                row[column] = last


def missing_columns(
    place: str, wanted: Mapping[str, tuple[str, str]], missing: Iterable[str], present: Sequence[str]
) -> MissingColumnsError:
    """Says which columns are missing, what for, and under which new name they may have come.

    Args:
        place: file, sheet and row, or pull.
        wanted: label and contract field by folded name.
        missing: folded names that are not there.
        present: folded names that are.
    """
    told = []
    for folded in missing:
        label, contract_field = wanted[folded]
        close = difflib.get_close_matches(folded, [name for name in present if name not in wanted], 1)
        hint = f"; there is {close[0]!r}, renamed?" if close else ""
        told.append(f"column {label!r} (for {contract_field}) is missing{hint}")
    return MissingColumnsError(
        f"{place}: {'; '.join(told)}. Deliver the column, or correct the site file.",
        {wanted[folded][0]: wanted[folded][1] for folded in missing},
    )


def _labels(wanted: Mapping[str, tuple[str, str]]) -> str:
    return ", ".join(label for label, _ in wanted.values())
