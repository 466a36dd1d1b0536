"""The header of a delivered table: where its columns stand, and what is missing or doubled."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from yardstick.sources.delivery import MissingColumnsError, RefusedError
from yardstick.sources.fold import fold

if TYPE_CHECKING:
    from yardstick.sources.site import Entity


class Header:
    """Where the mapped columns of one delivery stand.

    Args:
        entity: which columns it must have.
        place: file, sheet and row, for messages.
        cells: the names as delivered.

    Attributes:
        names: folded column names, without those behind the last named one.
        event: position of the event date's column; None when the entity has none.

    Raises:
        RefusedError: for a header that is empty, lacks a column or has a mapped one twice.
    """

    def __init__(self, entity: Entity, place: str, cells: Sequence[str]) -> None:
        self.names = [fold(cell) for cell in cells]
        while self.names and not self.names[-1]:
            self.names.pop()  # a trailing separator names nothing
        if not self.names:
            raise RefusedError(f"{place} is empty; a header was expected there. Check header_row.")
        wanted = entity.required_columns()
        missing = [folded for folded in wanted if folded not in self.names]
        if missing and len(missing) == len(wanted) > 1:
            raise RefusedError(
                f"{place} holds none of the {len(wanted)} declared columns "
                f"({', '.join(label for label, _ in wanted.values())}). "
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
