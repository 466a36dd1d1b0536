"""Checked standards as arrays: how often each inspector passed each standard at each project in each month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
NOBODY = ""
"""The inspector of checks that name none: taken into account together, never judged."""


class Check(NamedTuple):
    """Checks of one standard by one inspector at one project in one month.

    Attributes:
        standard: code of the standard.
        inspector: person id of the inspector; ``NOBODY`` where the check names none.
        project: project id.
        grade: service grade of the project.
        function: function of the posts that are held to the standard.
        month: first day of the month.
        checked: checks with a result.
        passed: how many of them were passed.
    """

    standard: str
    inspector: str
    project: str
    grade: str
    function: str
    month: date
    checked: int
    passed: int


@dataclass(frozen=True)
class Checks:
    """Checks as columns; what a column's number stands for is in the tuple of the same name.

    Attributes:
        standards: codes, sorted.
        inspectors: person ids, sorted.
        projects: ids, sorted.
        functions: functions, sorted.
        months: first days of months, sorted.
        grades: service grades, sorted.
        standard: place of the standard in ``standards``; the following likewise.
        inspector: place of the inspector.
        project: place of the project.
        function: place of the function.
        month: place of the month.
        grade: place of the project's grade.
        checked: checks with a result.
        passed: checks passed.
    """

    standards: tuple[str, ...]
    inspectors: tuple[str, ...]
    projects: tuple[str, ...]
    functions: tuple[str, ...]
    months: tuple[date, ...]
    grades: tuple[str, ...]
    standard: Whole
    inspector: Whole
    project: Whole
    function: Whole
    month: Whole
    grade: Whole
    checked: Floats
    passed: Floats

    def __len__(self) -> int:
        return len(self.checked)

    @classmethod
    def of(cls, rows: Iterable[Check]) -> Checks:
        """Make columns of rows, in any order."""
        found = sorted(rows)
        columns: list[Sequence[Any]] = list(zip(*found, strict=True)) if found else [()] * len(Check._fields)
        names: dict[str, tuple[Any, ...]] = {}
        places: dict[str, Whole] = {}
        for field, column in zip(Check._fields[:6], columns[:6], strict=True):
            known = sorted(set(column))
            where = {value: place for place, value in enumerate(known)}
            names[field] = tuple(known)
            places[field] = np.array([where[value] for value in column], dtype=np.int64)
        return cls(
            standards=names["standard"],
            inspectors=names["inspector"],
            projects=names["project"],
            functions=names["function"],
            months=names["month"],
            grades=names["grade"],
            **places,
            checked=np.array(columns[6], dtype=np.float64),
            passed=np.array(columns[7], dtype=np.float64),
        )

    def by(self, places: Whole, size: int, values: Floats) -> Floats:
        """Sums of ``values`` by place."""
        sums: Floats = np.bincount(places, weights=values, minlength=size).astype(np.float64)
        return sums
