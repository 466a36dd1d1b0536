"""What changed since the release before, as the handbook tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from yardstick.handbook.words import Words
from yardstick.standards import Change, Release, diff

_LISTED = 8
# Told elsewhere on the page, names that are not in its language, and how statistics are made.
_NOT_ON_PAGE = (
    "standards_release",
    "effective_from",
    "based_on",
    "names",
    "suitability",
    "sampling",
    "staffing",
)


@dataclass(frozen=True)
class Group:
    """The changes of one sort of thing.

    Attributes:
        group: what sort, as ``yardstick.standards.diff`` has it.
        lines: pairs of a name (empty for what has none) and what changed, in words.
    """

    group: str
    lines: Sequence[tuple[str, str]]


def groups(words: Words, before: Release | None) -> list[Group]:
    """The changes as a page tells them, many new or lost things of a sort as one line.

    Args:
        words: release and language.
        before: the release before it; None for the first, which has no changes.
    """
    if before is None:
        return []
    found = [
        one
        for one in diff(before, words.release, words.code)
        if one.group != "head" or one.code.split(".")[0] not in _NOT_ON_PAGE
    ]
    return [
        Group(group, _lines(words, list(own))) for group, own in groupby(found, key=lambda one: one.group)
    ]


def every(words: Words, before: Release | None) -> list[tuple[str, str, str, str]]:
    """Every change: group, code, name, and what changed, in words."""
    if before is None:
        return []
    return [
        (words.label("change_groups", one.group), one.code, one.name, one.what)
        for one in diff(before, words.release, words.code)
    ]


def _lines(words: Words, own: Sequence[Change]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for kind in ("added", "removed"):
        of_kind = [one for one in own if one.kind == kind]
        if len(of_kind) > _LISTED:
            lines.append(("", words.text(f"many_{kind}", n=len(of_kind))))
        else:
            lines += [("", one.what) for one in of_kind]
    changed = [one for one in own if one.kind == "changed"]
    for _, of_code in groupby(changed, key=lambda one: one.code):
        several = list(of_code)
        whats = words.text("semicolon").join(one.what for one in several)
        lines.append((several[0].name, whats))
    return lines
