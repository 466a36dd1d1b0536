"""What a standards release holds, as its files say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from yardstick.errors import BadInputError

REQUIRED = ("release", "indicators", "grades", "calendars")
OPTIONAL = ("data", "service", "sla")
CATALOGUE = "catalogue/"


class StandardsError(BadInputError):
    """A standards release is wrong or may not be changed.

    Attributes:
        problems: one sentence each, naming file and place and what to do.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Category:
    """A node of the tree that inspection standards hang on.

    Attributes:
        category: code.
        parent: the category above; None for a root.
        names: by language, ``zh`` and ``en``.
        function: the post_function held to it, its own or that of the nearest category above that says
            one; empty when none does (which ``check`` refuses).
    """

    category: str
    parent: str | None
    names: Mapping[str, str]
    function: str


@dataclass(frozen=True)
class InspectionStandard:
    """What an inspector checks.

    Attributes:
        standard_code: code.
        category: the leaf of the tree it hangs on.
        names: short, by language ``zh`` and ``en``.
        requirement: what must be true, by language.
        check: how the inspector checks it, by language.
        scoring: ``method`` (pass_fail, points or deduction), ``full_score`` and, for a deduction,
            ``per_finding``, both in points.
        severity: of a finding: minor, ordinary, serious or major.
        rectify_within_days: days from finding to rectification.
        evidence: what the inspector keeps, one or more of photo, record, measurement, interview, observation.
        inspected: types of inspection that look at it.
        check_every_days: the longest time between two checks at one project, in days; None when there is none.
        veto: whether failing it vetoes the inspection.
        weight: in the pass rate; the full score unless the file says another.
        applies_to: ``project_grades``, ``project_types``, ``facilities``; one that is absent: all.
    """

    standard_code: str
    category: str
    names: Mapping[str, str]
    requirement: Mapping[str, str]
    check: Mapping[str, str]
    scoring: Mapping[str, Any]
    severity: str
    rectify_within_days: int
    evidence: tuple[str, ...]
    inspected: tuple[str, ...]
    check_every_days: int | None
    veto: bool
    weight: float
    applies_to: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class DataStandard:
    """What is expected of the data.

    Attributes:
        standard_code: code.
        suite: the suite of ``expectations/suites`` that checks it.
        dimension: completeness, range, vocabulary, timeliness, plausibility, uniqueness or reconciliation.
        severity: ``blocking`` or ``warning``.
        names: what it says about the data, by language ``zh`` and ``en``.
        expectation: ``type`` in Great Expectations' snake case, and its ``kwargs``.
        consequence: what a failure does, by language.
        fixer: who puts it right and how, by language.
    """

    standard_code: str
    suite: str
    dimension: str
    severity: Literal["blocking", "warning"]
    names: Mapping[str, str]
    expectation: Mapping[str, Any]
    consequence: Mapping[str, str]
    fixer: Mapping[str, str]


@dataclass(frozen=True)
class ServiceStandard:
    """What is expected of the service; a row of the batch that falls short opens a finding.

    Attributes:
        standard_code: code.
        suite: the suite whose batch has project_id, subject, day and the columns named here.
        category: free code for grouping.
        names: by language ``zh`` and ``en``.
        requirement: what must be true, by language.
        where: columns and the value that a row must have to be held to it.
        column: the column that is judged.
        at_least: its lower limit; None when the limit is ``at_most``.
        at_most: its upper limit; None when the limit is ``at_least``.
        severity: of a finding: minor, ordinary, serious or major.
        accountable: post_function at the project that owns a finding.
        rectify_within_days: days from finding to rectification.
        consequence: what a failure does, by language.
        fixer: who puts it right and how, by language.
    """

    standard_code: str
    suite: str
    category: str
    names: Mapping[str, str]
    requirement: Mapping[str, str]
    where: Mapping[str, str | float | bool]
    column: str
    at_least: float | None
    at_most: float | None
    severity: str
    accountable: str
    rectify_within_days: int
    consequence: Mapping[str, str]
    fixer: Mapping[str, str]


@dataclass(frozen=True)
class SlaTarget:
    """What one service level promises.

    Attributes:
        target: acknowledge, respond, attend, complete, call_back, next_reply or update.
        minutes: by which it is to be done.
        clock: ``calendar``, or ``service`` for minutes of the ticket's service hours.
        paused_in: statuses of the ticket in which minutes do not count.
    """

    target: str
    minutes: int
    clock: Literal["calendar", "service"]
    paused_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class SlaPolicy:
    """Service levels of the tickets that a policy applies to; of several that apply the first counts.

    Attributes:
        policy: code.
        names: by language ``zh`` and ``en``.
        applies_to: ``service_items``, ``service_groups``, ``priorities``, ``project_grades``, ``channels``,
            ``is_emergency``; one that is absent: all.
        targets: by target, in the order of the file.
    """

    policy: str
    names: Mapping[str, str]
    applies_to: Mapping[str, Any]
    targets: Mapping[str, SlaTarget]


@dataclass(frozen=True)
class Release:
    """One standards release; what it takes over from its base is resolved, everything in file order.

    Attributes:
        standards_release: name.
        effective_from: the first day it is in force, a first of month.
        based_on: the release whose files stand in for those that its folder lacks; None for none.
        names: by language, as shipped.
        folder: its own folder.
        content: what every file says, by part: ``indicators``, ``catalogue/cleaning``, ...
        files: where every part stands, be it in the folder of a base.
        file_sha256: of what every part says; comments and spacing do not count.
        content_sha256: of all parts together.
    """

    standards_release: str
    effective_from: date
    based_on: str | None
    names: Mapping[str, str]
    folder: Path
    content: Mapping[str, Any]
    files: Mapping[str, Path]
    file_sha256: Mapping[str, str]
    content_sha256: str
    project_grades: Mapping[str, Mapping[str, str]]
    scoring: Mapping[str, Any]
    complaints: Mapping[str, Any]
    suitability: Mapping[str, Any]
    sampling: Mapping[str, Any]
    staffing: Mapping[str, Any]
    indicators: Mapping[str, Mapping[str, Any]]
    grades: Mapping[str, Mapping[str, Any]]
    calendars: Mapping[str, Any]
    categories: Mapping[str, Category]
    inspection_standards: Mapping[str, InspectionStandard]
    data_standards: Mapping[str, DataStandard]
    service_standards: Mapping[str, ServiceStandard]
    sla_policies: Mapping[str, SlaPolicy]

    def category_path(self, category: str) -> tuple[str, ...]:
        """Codes of a category and of those above it, the root first.

        Raises:
            KeyError: for a category the release does not have.
        """
        path: list[str] = []
        code: str | None = category
        while code is not None and code not in path:
            path.append(code)
            code = self.categories[code].parent
        return tuple(reversed(path))

    @cached_property
    def catalogue_parts(self) -> tuple[str, ...]:
        """The parts that hold inspection standards."""
        return tuple(part for part in self.content if part.startswith(CATALOGUE))

    @cached_property
    def standard_codes(self) -> frozenset[str]:
        """Codes of every standard of any kind, those of indicators with ``nonconformity`` among them."""
        of_indicators = frozenset(
            indicator_code(code)
            for code, indicator in self.indicators.items()
            if "nonconformity" in indicator
        )
        return of_indicators.union(self.inspection_standards, self.data_standards, self.service_standards)


def indicator_code(indicator: str) -> str:
    """The code of the service standard that an indicator with ``nonconformity`` is."""
    return f"IND-{indicator}"
