"""Read the releases of a folder: each with what it takes over from the release it is based on."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from yardstick.standards.check import collisions, problems_of
from yardstick.standards.check_calendars import gap_problems
from yardstick.standards.files import Folder, read_folder, schema_text
from yardstick.standards.registry import registry
from yardstick.standards.release import (
    CATALOGUE,
    OPTIONAL,
    REQUIRED,
    Category,
    DataStandard,
    InspectionStandard,
    Release,
    ServiceStandard,
    SlaPolicy,
    SlaTarget,
    StandardsError,
)


def read(folder: Path, root: Path | None = None) -> list[Release]:
    """Read and check every release below ``folder``, in the order they come into force.

    Args:
        folder: the folder of standards releases, one folder each.
        root: the checkout that has the models' registry and the suites; default
            ``settings.project_root()``.

    Raises:
        StandardsError: with every problem found in any file.
    """
    if not folder.is_dir():
        raise StandardsError(
            [f"{folder}: no such folder; YARDSTICK_STANDARDS names the folder of standards releases"]
        )
    if (folder / "release.yml").is_file():
        raise StandardsError([f"{folder}: is one release; name the folder that holds it, {folder.parent}"])
    shapes = schema_text(root)
    paths = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    folders = [read_folder(path, shapes) for path in paths if (path / "release.yml").is_file()]
    problems = [problem for one in folders for problem in one.problems]
    problems += [
        f"{path / 'release.yml'}: missing; every folder here is a release, and its release.yml says which"
        for path in paths
        if not (path / "release.yml").is_file()
    ]
    if not paths:
        problems.append(f"{folder}: holds no standards release; a release is a folder with a release.yml")
    releases = _resolved(folders, problems)
    releases.sort(key=lambda release: (release.effective_from, release.standards_release))
    known = registry(root)
    for release in releases:
        problems += _own(problems_of(release, known, root), release, problems)
    problems += collisions(releases) + gap_problems(releases)
    if problems:
        raise StandardsError(problems)
    return releases


def in_force(releases: Iterable[Release], day: date) -> Release:
    """The release whose ``effective_from`` is the latest not after ``day``.

    Raises:
        StandardsError: when none is in force yet.
    """
    ordered = sorted(releases, key=lambda release: release.effective_from)
    position = bisect_right([release.effective_from for release in ordered], day)
    if not position:
        raise StandardsError(
            [f"no standards release is in force on {day}; the first starts on "
             f"{ordered[0].effective_from if ordered else 'no day'}: add one with an earlier effective_from"]
        )  # fmt: skip
    return ordered[position - 1]


def _resolved(folders: list[Folder], problems: list[str]) -> list[Release]:
    """The releases whose files are all of their shape, each with its bases' files."""
    by_name = {one.name: one for one in reversed(folders)}
    releases = []
    for one in folders:
        line = _line(one, by_name, problems)
        if line is None or any(other.problems or "release" not in other.content for other in line):
            continue
        sources: dict[str, Folder] = {}
        for other in reversed(line):
            sources.update(dict.fromkeys(other.content, other))
        sources["release"] = one
        if missing := [part for part in REQUIRED if part not in sources]:
            problems += [
                f"{one.file(part)}: missing; a release has {', '.join(f'{name}.yml' for name in REQUIRED)}, "
                "or says in release.yml which it is based_on"
                for part in missing
            ]
            continue
        releases.append(_release(one, sources))
    return releases


def _line(one: Folder, by_name: Mapping[str, Folder], problems: list[str]) -> list[Folder] | None:
    """A folder and the folders it is based on, nearest first; None (and the problem) when there is no such line."""
    line = [one]
    problem = None
    while not problem and (base := _head(line[-1]).get("based_on")) is not None:
        told_of = line[-1]
        found = by_name.get(base)
        if found is None:
            problem = f"no release {base!r}; the releases are {', '.join(sorted(by_name))}"
        elif found in line:
            names = [other.name for other in line[line.index(found) :]]
            problem = f"goes round: {' → '.join([*names, base])}; let the first of them be based on none"
        else:
            line.append(found)
    if not problem:
        for told_of, base in pairwise(line):
            start = _head(told_of)["effective_from"]
            if _head(base).get("effective_from", "") >= start:
                problem = (
                    f"{base.name} does not come into force before {start}; "
                    "a release is based on one that is earlier in force"
                )
                break
    if problem:
        told = f"{told_of.file('release')}: based_on: {problem}"
        if told not in problems:
            problems.append(told)
        return None
    return line


def _head(folder: Folder) -> Mapping[str, Any]:
    head: Mapping[str, Any] = folder.content.get("release", {})
    return head


def _own(found: list[str], release: Release, told: list[str]) -> list[str]:
    """Problems not told of a base already; of an inherited file, whose release they are."""
    own = []
    for problem in found:
        inherited = not problem.startswith(f"{release.folder}/")
        if problem not in told:
            own.append(f"{problem} (as {release.standards_release} takes it over)" if inherited else problem)
    return own


def _release(folder: Folder, sources: Mapping[str, Folder]) -> Release:
    catalogue = sorted(part for part in sources if part.startswith(CATALOGUE))
    parts = [part for part in (*REQUIRED, *catalogue, *OPTIONAL) if part in sources]
    content = {part: sources[part].content[part] for part in parts}
    head = content["release"]
    categories: dict[str, Any] = {}
    inspection: dict[str, Any] = {}
    for part in catalogue:  # of a code that stands twice, which is a problem, the first counts
        for code, entry in content[part]["categories"].items():
            categories.setdefault(code, entry)
        for code, entry in content[part]["standards"].items():
            inspection.setdefault(code, entry)
    return Release(
        standards_release=head["standards_release"],
        effective_from=date.fromisoformat(head["effective_from"]),
        based_on=head.get("based_on"),
        names=head["names"],
        folder=folder.path,
        content=content,
        files={part: sources[part].file(part) for part in parts},
        file_sha256={part: _sha256(content[part]) for part in parts},
        content_sha256=_sha256(content),
        project_grades=head["project_grades"],
        scoring=head["scoring"],
        complaints=head.get("complaints", {}),
        suitability=head.get("suitability", {}),
        sampling=head.get("sampling", {}),
        staffing=head.get("staffing", {}),
        indicators=content["indicators"]["indicators"],
        grades=content["grades"]["grades"],
        calendars=content["calendars"],
        categories={
            code: Category(code, entry.get("parent"), entry["names"], _function(code, categories))
            for code, entry in categories.items()
        },
        inspection_standards={code: _inspection(code, entry) for code, entry in inspection.items()},
        data_standards={
            code: DataStandard(standard_code=code, **entry)
            for code, entry in content.get("data", {}).get("data_standards", {}).items()
        },
        service_standards={
            code: ServiceStandard(
                standard_code=code, **({"where": {}, "at_least": None, "at_most": None} | entry)
            )
            for code, entry in content.get("service", {}).get("service_standards", {}).items()
        },
        sla_policies={
            code: _policy(code, entry) for code, entry in content.get("sla", {}).get("policies", {}).items()
        },
    )


def _sha256(content: object) -> str:
    # Order is meaning here: the table shows indicators and grades as the files list them.
    canonical = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _function(code: str, categories: Mapping[str, Any]) -> str:
    """The post_function of the nearest category that says one, from ``code`` upwards."""
    seen: set[str] = set()
    at: str | None = code
    while at is not None and at in categories and at not in seen:
        if function := categories[at].get("function"):
            return str(function)
        seen.add(at)
        at = categories[at].get("parent")
    return ""


def _policy(code: str, entry: Mapping[str, Any]) -> SlaPolicy:
    targets = {
        target: SlaTarget(target, of["minutes"], of["clock"], tuple(of.get("paused_in", ())))
        for target, of in entry["targets"].items()
    }
    return SlaPolicy(code, entry["names"], entry.get("applies_to", {}), targets)


def _inspection(code: str, entry: Mapping[str, Any]) -> InspectionStandard:
    fields = {
        "check_every_days": None,
        "veto": False,
        "weight": entry["scoring"]["full_score"],
        "applies_to": {},
        **entry,
        "evidence": tuple(entry["evidence"]),
        "inspected": tuple(entry["inspected"]),
    }
    return InspectionStandard(standard_code=code, **fields)
