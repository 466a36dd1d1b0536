"""Indicators: measures that exist, targets in order, weights that add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from yardstick.contracts import load_contracts
from yardstick.settings import project_root
from yardstick.standards.registry import Registry
from yardstick.standards.release import Release

MINUTES_PER_UNIT = {"minutes": 1, "service_minutes": 1, "hours": 60, "service_hours": 60, "days": 1440}
_ROLES = (("numerator", "count"), ("denominator", "count"), ("histogram", "histogram"))
_OF_KIND = {
    "quantile": ("histogram", "quantile"),
    "ratio": ("numerator", "denominator", "histogram", "below_minutes"),
    "count": ("numerator", "denominator"),
}
_OF_SCORING = {
    "linear": (),
    "bands": ("bands",),
    "deduction": ("points_per_event",),
    "veto": (),
}
_EVENTS = ("deduction", "veto")
# Where the codes that a filter may name are defined.
_VOCABULARIES = {
    "channel": (("ticket", "channel"), ("survey_answer", "channel")),
    "dimension": (("survey_answer", "dimension"),),
    "inspection_type": (("inspection", "inspection_type"),),
    "inspection_scope": (("inspection", "inspection_scope"),),
}


def indicator_problems(release: Release, known: Registry, root: Path | None) -> list[str]:
    """Problems of the indicators and their weights."""
    path = release.files["indicators"]
    choices = _choices(release, root or project_root())
    problems = []
    for code, indicator in release.indicators.items():
        found = [
            *_foreign(indicator),
            *_measure_problems(indicator, known),
            *_filter_problems(indicator, known, choices),
            *_event_problems(indicator),
            *_target_problems(indicator, release.project_grades),
            *_band_problems(indicator),
        ]
        problems += [f"{path}: indicators.{code}.{problem}" for problem in found]
    for grade in release.project_grades:
        weights = [
            indicator["project_grades"][grade]["weight"]
            for indicator in release.indicators.values()
            if grade in indicator["project_grades"]
        ]
        if abs(sum(weights) - 100) > 1e-9:
            problems.append(
                f"{path}: weights of project grade {grade} add up to {sum(weights):g}; make it 100"
            )
    return problems


def _foreign(indicator: Mapping[str, Any]) -> list[str]:
    """Fields that do not go with the indicator's kind or scoring."""
    kind, scoring = indicator["kind"], indicator["scoring"]
    own = {*_OF_KIND[kind], *_OF_SCORING[scoring]}
    all_fields = [name for names in (*_OF_KIND.values(), *_OF_SCORING.values()) for name in names]
    return [
        f"{name}: does not belong to a {kind} with {scoring} scoring; remove it"
        for name in dict.fromkeys(all_fields)
        if name in indicator and name not in own
    ]


def _measure_problems(indicator: Mapping[str, Any], known: Registry) -> list[str]:
    problems = []
    for role, kind in _ROLES:
        name = indicator.get(role)
        measure = known.measures.get(name or "")
        if name is not None and (measure is None or measure.kind != kind):
            have = ", ".join(m.measure for m in known.measures.values() if m.kind == kind)
            problems.append(f"{role}: {name!r} is no measure of kind {kind}; choose one of {have}")
    cut = indicator.get("below_minutes")
    if cut is not None and cut not in known.exact_minutes:
        have = ", ".join(map(str, sorted(known.exact_minutes)))
        problems.append(f"below_minutes: histograms cannot be cut at {cut}; choose one of {have}")
    if indicator["kind"] == "quantile" and indicator["unit"] not in MINUTES_PER_UNIT:
        problems.append(
            f"unit: a duration is given in {', '.join(MINUTES_PER_UNIT)}, not {indicator['unit']}"
        )
    return problems


def _filter_problems(
    indicator: Mapping[str, Any], known: Registry, choices: Mapping[str, Iterable[str]]
) -> list[str]:
    named = [indicator[role] for role, _ in _ROLES if role in indicator]
    used = [known.measures[name] for name in named if name in known.measures]
    problems = []
    for field, codes in indicator.get("filters", {}).items():
        problems += [
            f"filters.{field}: measure {measure.measure} is not kept by {field}; remove the filter"
            for measure in used
            if field not in measure.dimensions
        ]
        if field not in choices:
            continue
        for code in codes:
            if code not in choices[field]:
                have = ", ".join(choices[field]) or "none: the release has no catalogue"
                problems.append(f"filters.{field}: no {field} {code!r}; those known are {have}")
    return problems


def _choices(release: Release, root: Path) -> dict[str, Iterable[str]]:
    """The codes that each filter may name; a filter by service items or groups may name any."""
    return {
        "standard_category": release.categories,
        "standard_code": release.inspection_standards,
        **_vocabularies(root),
    }


@cache
def _vocabularies(root: Path) -> dict[str, tuple[str, ...]]:
    contracts = load_contracts(root / "expectations/contracts")
    found: dict[str, tuple[str, ...]] = {}
    for name, places in _VOCABULARIES.items():
        codes = [
            code for entity, wanted in places for code in contracts[entity].fields[wanted].vocabulary or ()
        ]
        found[name] = tuple(dict.fromkeys(codes))
    return found


def _event_problems(indicator: Mapping[str, Any]) -> list[str]:
    """A deduction and a veto count events, and fewer are better."""
    scoring = indicator["scoring"]
    if scoring not in _EVENTS:
        return []
    problems = []
    if indicator["kind"] != "count":
        problems.append(f"kind: a {scoring} looks at single events; write count")
    if indicator["direction"] != "lower":
        problems.append(f"direction: every event of a {scoring} is one too many; write lower")
    if scoring == "veto":
        problems += [
            f"project_grades.{grade}.weight: a veto has no share in the score, it overrules it; write 0"
            for grade, target in indicator["project_grades"].items()
            if target["weight"]
        ]
    return problems


def _target_problems(indicator: Mapping[str, Any], grades: Iterable[str]) -> list[str]:
    problems = []
    targets = indicator["project_grades"]
    missing = [grade for grade in grades if grade not in targets]
    unknown = [grade for grade in targets if grade not in grades]
    if missing:
        problems.append(f"project_grades: add {', '.join(missing)}")
    if unknown:
        problems.append(
            f"project_grades: {', '.join(unknown)} is not among the project_grades of release.yml"
        )
    sign = 1 if indicator["direction"] == "higher" else -1
    without = [grade for grade, target in targets.items() if "floor" not in target]
    for grade, target in targets.items():
        if grade in without:
            continue
        if not sign * target["zero"] < sign * target["floor"] < sign * target["target"]:
            order = "zero < floor < target" if sign > 0 else "zero > floor > target"
            problems.append(f"project_grades.{grade}: {indicator['direction']} is better, so write {order}")
    if "nonconformity" in indicator and without:
        problems.append(
            f"nonconformity: worse than what? give project_grades {', '.join(without)} "
            "zero, floor and target, or remove it"
        )
    return problems


def _band_problems(indicator: Mapping[str, Any]) -> list[str]:
    sign = 1 if indicator["direction"] == "higher" else -1
    ordered = sorted(indicator.get("bands", []), key=lambda band: sign * band["value"])
    if any(low["points"] >= high["points"] for low, high in pairwise(ordered)):
        return ["bands: a better value must bring more points"]
    return []
