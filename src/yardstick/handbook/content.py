"""What the handbook of a release holds, in the order it is told, whatever it is written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yardstick.handbook.words import Words
from yardstick.standards import DataStandard, InspectionStandard, Release, ServiceStandard, indicator_code
from yardstick.standards.words import month_requirement

_DIMENSIONS = (
    "completeness",
    "range",
    "vocabulary",
    "uniqueness",
    "plausibility",
    "timeliness",
    "reconciliation",
)


@dataclass(frozen=True)
class Section:
    """A category with what hangs on it.

    Attributes:
        code: of the category.
        names: of the category.
        function: the post function that is held to it.
        number: of the chapter, section or place: ``2``, ``2.1``, ``2.1.3``.
        sections: the categories below it.
        standards: its own, by code; only a category without others below it has any.
    """

    code: str
    names: Mapping[str, str]
    function: str
    number: str
    sections: tuple[Section, ...]
    standards: Mapping[str, InspectionStandard]

    @property
    def all(self) -> Mapping[str, InspectionStandard]:
        """Its own standards and those of the sections below, by code, in order."""
        found = dict(self.standards)
        for section in self.sections:
            found |= section.all
        return found

    @property
    def leaves(self) -> list[Section]:
        """The sections that hold standards, in order."""
        own = [self] if self.standards else []
        return own + [leaf for section in self.sections for leaf in section.leaves]


@dataclass(frozen=True)
class ServiceRule:
    """A service standard as the handbook tells it; texts are in the handbook's language.

    Attributes:
        code: such as ``SV-IN-01``, or ``IND-`` and an indicator's code.
        name: short.
        requirement: what must be true.
        limit: the number it is held to.
        severity: of the finding.
        accountable: post function.
        rectify_within_days: from the day it was found.
        consequence: what follows; None where the release does not say.
        fixer: who puts it right; None where the release does not say.
    """

    code: str
    name: str
    requirement: str
    limit: str
    severity: str
    accountable: str
    rectify_within_days: int
    consequence: str | None
    fixer: str | None


@dataclass(frozen=True)
class ServiceLevel:
    """A service level policy as the handbook tells it; texts are in the handbook's language.

    Attributes:
        policy: code.
        name: of the policy.
        asked: what a ticket must be: pairs of a label and codes, or of a label and None where it says all.
        targets: what is promised: name of the target, minutes, clock, and the statuses in which they rest.
    """

    policy: str
    name: str
    asked: Sequence[tuple[str, Sequence[str] | None]]
    targets: Sequence[tuple[str, int, str, str]]


def chapters(release: Release) -> list[Section]:
    """The categories that have standards, as a tree of numbered sections in the order of the files."""
    below: dict[str | None, list[str]] = {}
    for code, category in release.categories.items():
        below.setdefault(category.parent, []).append(code)
    held: dict[str, dict[str, InspectionStandard]] = {}
    for code, standard in release.inspection_standards.items():
        held.setdefault(standard.category, {})[code] = standard

    def sections(parent: str | None, prefix: str, function: str) -> tuple[Section, ...]:
        found: list[Section] = []
        for code in below.get(parent, []):
            category = release.categories[code]
            number = f"{prefix}{len(found) + 1}"
            own_function = category.function or function
            inner = sections(code, f"{number}.", own_function)
            if inner or code in held:
                found.append(Section(code, category.names, own_function, number, inner, held.get(code, {})))
        return tuple(found)

    return list(sections(None, "", ""))


def service_rules(words: Words) -> list[ServiceRule]:
    """The service standards, and after them the indicators whose floor or target is one."""
    release = words.release
    rules = [_of_service(words, code, one) for code, one in release.service_standards.items()]
    rules += [
        _of_indicator(words, code, one)
        for code, one in release.indicators.items()
        if one.get("nonconformity")
    ]
    return rules


def _of_service(words: Words, code: str, one: ServiceStandard) -> ServiceRule:
    return ServiceRule(
        code,
        words.say(one.names, code),
        words.say(one.requirement, code),
        words.service_limit(one),
        one.severity,
        one.accountable,
        one.rectify_within_days,
        words.say(one.consequence, ""),
        words.say(one.fixer, ""),
    )


def _of_indicator(words: Words, code: str, one: Mapping[str, Any]) -> ServiceRule:
    rule = one["nonconformity"]
    bounds = [
        f"{words.grade(grade)} {words.value(target[rule['below']], one['unit'])}"
        for grade, target in one["project_grades"].items()
    ]
    return ServiceRule(
        indicator_code(code),
        words.say(one["names"], code),
        words.say(month_requirement(one)),
        words.text("comma").join(bounds),
        rule["severity"],
        rule["accountable"],
        rule["rectify_within_days"],
        None,
        None,
    )


def service_levels(words: Words) -> list[ServiceLevel]:
    """The service level policies, in the order in which they are tried."""
    return [
        ServiceLevel(
            code,
            words.say(one.names, code),
            words.asked(one),
            [
                (
                    words.label("sla_targets", target.target),
                    target.minutes,
                    words.label("clocks", target.clock),
                    words.labels("statuses", target.paused_in),
                )
                for target in one.targets.values()
            ],
        )
        for code, one in words.release.sla_policies.items()
    ]


def data_groups(release: Release) -> list[tuple[str, Mapping[str, DataStandard]]]:
    """The data standards by dimension, each in the order of the file."""
    groups: dict[str, dict[str, DataStandard]] = {dimension: {} for dimension in _DIMENSIONS}
    for code, one in release.data_standards.items():
        groups[one.dimension][code] = one
    return [(dimension, own) for dimension, own in groups.items() if own]


def weights(release: Release) -> Mapping[str, float]:
    """The sum of the indicators' weights by project grade."""
    return {
        grade: sum(
            one["project_grades"][grade]["weight"]
            for one in release.indicators.values()
            if grade in one["project_grades"]
        )
        for grade in release.project_grades
    }


def grade_ranges(release: Release) -> Sequence[tuple[str, Mapping[str, Any], float | None]]:
    """Each grade with the score it ends below; None for the best."""
    found = []
    above: float | None = None
    for code, grade in release.grades.items():
        found.append((code, grade, above))
        above = grade["minimum_score"]
    return found
