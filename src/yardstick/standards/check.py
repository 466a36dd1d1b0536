"""What the shape of the files cannot say: does a release agree with itself and with what it names?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

from yardstick.standards.check_calendars import calendar_problems
from yardstick.standards.check_catalogue import catalogue_problems, code_problems
from yardstick.standards.check_expected import expected_problems
from yardstick.standards.check_indicators import indicator_problems
from yardstick.standards.check_sla import sla_problems
from yardstick.standards.registry import Registry
from yardstick.standards.release import Release


def problems_of(release: Release, known: Registry, root: Path | None = None) -> list[str]:
    """Problems of one release whose files are all of their shape, each naming file and place.

    Args:
        release: the release.
        known: the measures that indicators may name.
        root: the checkout that has the suites; default ``settings.project_root()``.
    """
    return [
        *indicator_problems(release, known, root),
        *_grade_problems(release),
        *calendar_problems(release),
        *catalogue_problems(release),
        *code_problems(release),
        *expected_problems(release, root),
        *sla_problems(release, root),
    ]


def collisions(releases: Sequence[Release]) -> list[str]:
    """Names and effective dates that two releases share."""
    problems = []
    names: dict[str, Release] = {}
    starts: dict[date, Release] = {}
    for release in releases:
        if (other := names.setdefault(release.standards_release, release)) is not release:
            problems.append(
                f"{release.folder}/release.yml: standards_release {release.standards_release!r} is that "
                f"of {other.folder} too; give it another name"
            )
        if (other := starts.setdefault(release.effective_from, release)) is not release:
            problems.append(
                f"{release.folder}/release.yml: effective_from {release.effective_from} is that of "
                f"{other.folder} too; only one release can come into force on a day"
            )
    return problems


def _grade_problems(release: Release) -> list[str]:
    path = release.files["grades"]
    minima = [grade["minimum_score"] for grade in release.grades.values()]
    problems = []
    if any(low >= high for high, low in pairwise(minima)):
        problems.append(
            f"{path}: grades: list them from the highest minimum_score to the lowest, no two alike"
        )
    if minima[-1] != 0:
        problems.append(
            f"{path}: grades.{list(release.grades)[-1]}.minimum_score: the last grade must start at 0"
        )
    return problems
