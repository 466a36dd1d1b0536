"""What signed periods forbid: a release they name stays as it was, its base's files with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import psycopg

from yardstick.standards.release import Release


class Loaded(NamedTuple):
    """A release as the warehouse has it: its first day, the hash of its content, and of each part."""

    effective_from: date
    content_sha256: str
    file_sha256: Mapping[str, str]


def frozen_problems(
    connection: psycopg.Connection[Any], loaded: Mapping[str, Loaded], given: Mapping[str, Release]
) -> list[str]:
    """Changes that signed periods forbid.

    Args:
        connection: to the warehouse.
        loaded: what the warehouse has, by release.
        given: what the files say, by release.
    """
    signed = connection.execute(
        "select standards_release, (array_agg(period order by period_start))[1], max(period_end) "
        "from release.release group by 1"
    ).fetchall()
    problems = []
    for name, period, _ in signed:
        if name not in given:
            problems.append(f"standards release {name}: {period} was signed with it; put its folder back")
        elif name in loaded and loaded[name].content_sha256 != given[name].content_sha256:
            problems.append(_altered(loaded[name], given[name], period))
    for name, release in given.items():
        if name in loaded and loaded[name].effective_from == release.effective_from:
            continue
        within = [
            (period_end, used)
            for used, _, period_end in signed
            if used != name and period_end >= release.effective_from
        ]
        if within:
            problems.append(
                f"{release.folder}/release.yml: effective_from {release.effective_from} lies within what was "
                f"signed with {within[0][1]} (until {within[0][0]}); choose a first of month after it"
            )
    return problems


def _altered(before: Loaded, release: Release, period: str) -> str:
    """One sentence that names the files that are no longer as they were signed."""
    name = release.standards_release
    parts = [part for part in before.file_sha256 if part not in release.file_sha256]
    files = [f"{release.folder / part}.yml (taken away)" for part in parts]
    inherited = False
    for part, path in release.files.items():
        if before.file_sha256.get(part) != release.file_sha256[part]:
            is_own = path.parent == release.folder or path.parent.parent == release.folder
            inherited |= not is_own
            files.append(str(path) if is_own else f"{path} (which {name} takes over)")
    if not before.file_sha256:  # loaded before the hashes of files were kept
        files = [str(release.folder)]
    advice = (
        "put it back as it was, and make the change in a release of its own that is based on this one, with "
        "a new standards_release and a later effective_from"
    )
    return f"{', '.join(files)}: {period} was signed with {name}, so it can no longer be changed; {advice}"
