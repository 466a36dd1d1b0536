"""Inspection standards: their tree, their scoring, and codes that stand once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from yardstick.standards.release import Release


def catalogue_problems(release: Release) -> list[str]:
    """Problems of the tree and of the standards that hang on it."""
    parents = {category.parent for category in release.categories.values()}
    problems = []
    for part in release.catalogue_parts:
        path = release.files[part]
        for code in release.content[part]["categories"]:
            problems += [f"{path}: categories.{code}.{found}" for found in _category_problems(code, release)]
        for code, standard in release.content[part]["standards"].items():
            found = [
                *_place_problems(standard["category"], release, parents),
                *_scoring_problems(standard["scoring"]),
                *_grade_problems(standard, release),
            ]
            problems += [f"{path}: standards.{code}.{problem}" for problem in found]
    return problems


def code_problems(release: Release) -> list[str]:
    """Codes that stand twice in the release, in whatever files."""
    problems = []
    first: dict[tuple[str, str], tuple[Path, str]] = {}
    for path, section, code in _codes(release):
        kind = "category" if section == "categories" else "standard"
        if other := first.get((kind, code)):
            problems.append(
                f"{path}: {section}.{code}: the code is taken by {other[1]} in {other[0]}; give it another"
            )
        first.setdefault((kind, code), (path, f"{section}.{code}"))
    return problems


def _codes(release: Release) -> Iterator[tuple[Path, str, str]]:
    for part in release.content:
        for section in ("categories", "standards", "data_standards", "service_standards"):
            content = release.content[part]
            if isinstance(content.get(section), dict):
                for code in content[section]:
                    yield release.files[part], section, code


def _category_problems(code: str, release: Release) -> list[str]:
    categories = release.categories
    parent = categories[code].parent
    if parent is None:
        if not categories[code].function:
            return ["function: whose work is it? a category without a parent must say"]
        return []
    if parent not in categories:
        return [f"parent: no category {parent!r}; those known are {', '.join(categories)}"]
    path = [code]
    while (above := categories[path[-1]].parent) in categories and above is not None:
        if above in path:
            if above != code:
                return []  # told of the categories of the circle itself
            return [f"parent: goes round: {' → '.join([*path, code])}; let one of them have no parent"]
        path.append(above)
    return []


def _place_problems(category: str, release: Release, parents: set[str | None]) -> list[str]:
    if category not in release.categories:
        return [f"category: no category {category!r}; those known are {', '.join(release.categories)}"]
    if category in parents:
        below = [code for code, other in release.categories.items() if other.parent == category]
        return [f"category: {category} has categories below it; choose one of {', '.join(below)}"]
    return []


def _scoring_problems(scoring: Mapping[str, Any]) -> list[str]:
    is_deduction = scoring["method"] == "deduction"
    if is_deduction and "per_finding" not in scoring:
        return ["scoring: add per_finding, the points that one finding costs"]
    if not is_deduction and "per_finding" in scoring:
        return [f"scoring.per_finding: does not belong to {scoring['method']}; remove it"]
    if is_deduction and scoring["per_finding"] > scoring["full_score"]:
        return [
            f"scoring.per_finding: {scoring['per_finding']:g} is more than the full score of "
            f"{scoring['full_score']:g}; write less"
        ]
    return []


def _grade_problems(standard: Mapping[str, Any], release: Release) -> list[str]:
    unknown = [
        grade
        for grade in standard.get("applies_to", {}).get("project_grades", [])
        if grade not in release.project_grades
    ]
    if unknown:
        return [
            f"applies_to.project_grades: {', '.join(unknown)} is not among the project_grades of release.yml"
        ]
    return []
