"""What changed between two releases: every difference of their content, in words."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any, Literal

from yardstick.standards.diff_words import GROUPS, Group, Path, Side, Words
from yardstick.standards.release import CATALOGUE, Release

# Sections of the files that list things by code, and the group each is told in.
_LISTS: dict[Group, tuple[str, str]] = {
    "indicators": ("indicators", "indicators"),
    "grades": ("grades", "grades"),
    "calendars": ("calendars", "calendars"),
    "categories": (CATALOGUE, "categories"),
    "inspection": (CATALOGUE, "standards"),
    "data": ("data", "data_standards"),
    "service": ("service", "service_standards"),
    "sla": ("sla", "policies"),
}


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        group: what sort of thing changed; one of ``GROUPS``.
        kind: ``added`` and ``removed`` speak of the thing as a whole.
        code: of the indicator, grade, standard, ...; the place in the file for anything else.
        name: its name in the language asked for; empty when it has none.
        what: the change in words.
    """

    group: Group
    kind: Literal["added", "removed", "changed"]
    code: str
    name: str
    what: str


def diff(before: Release, after: Release, language: str = "en") -> list[Change]:
    """Every difference of content, in the order of the groups and of the files.

    Nothing is told when both say the same in the same order, be it in other files' comments.

    Args:
        before: one release.
        after: the other.
        language: ``zh-Hans`` or ``en``.
    """
    words = Words(language)
    old, new = Side(before.content), Side(after.content)
    changes: list[Change] = []
    for group in GROUPS:
        changes += _plain(group, old, new, words)
        if group in _LISTS:
            changes += _listed(group, old, new, words)
    if not changes and before.content_sha256 != after.content_sha256:
        files = [
            part for part in new.content if _written(old.content.get(part)) != _written(new.content[part])
        ]
        changes.append(Change("head", "changed", "", "", words.say("reordered", files=words.listed(files))))
    return changes


def _plain(group: Group, old: Side, new: Side, words: Words) -> Iterator[Change]:
    """Differences of what stands beside a group's list: the head of a release, years of the calendars."""
    part = "release" if group == "head" else group
    was, now = (_leaves(_unlisted(group, side.content.get(part, {}))) for side in (old, new))
    for path, what in _fields((), was, now, old, new, words):
        yield Change(group, "changed", ".".join(path), "", what)
    if group == "head":
        before, after = (side.content["release"].get("project_grades", {}) for side in (old, new))
        for code, what in _order(before, after, words):
            yield Change(group, "changed", f"project_grades.{code}", "", what)


def _unlisted(group: Group, content: Mapping[str, Any]) -> Mapping[str, Any]:
    section = _LISTS[group][1] if group in _LISTS else ""
    return {name: value for name, value in content.items() if name != section}


def _listed(group: Group, old: Side, new: Side, words: Words) -> Iterator[Change]:
    """Things that were added, removed, altered or moved."""
    part, section = _LISTS[group]
    was, now = (_entries(side, part, section) for side in (old, new))
    for code in chain(was, (code for code in now if code not in was)):
        if code not in now:
            name = words.name(was[code][1], code)
            yield Change(group, "removed", code, name, words.say("removed", name=name))
            continue
        file, entry = now[code]
        name = words.name(entry, code)
        if code not in was:
            yield Change(group, "added", code, name, words.added(group, entry, name, new))
            continue
        changed = list(_fields((group, code), _leaves(was[code][1]), _leaves(entry), old, new, words))
        if file != was[code][0]:
            moved = words.say("filed", before=f"{was[code][0]}.yml", after=f"{file}.yml")
            changed.append(((), moved))
        for _, what in changed:
            yield Change(group, "changed", code, name, what)
    for code, what in _order(was, now, words):
        yield Change(group, "changed", code, words.name(now[code][1], code), what)


def _entries(side: Side, part: str, section: str) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """File and content by code, over all files of a part."""
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for file, content in side.content.items():
        if file == part or (part == CATALOGUE and file.startswith(CATALOGUE)):
            for code, entry in content.get(section, {}).items():
                found.setdefault(code, (file, entry))
    return found


def _fields(
    place: Path, was: Mapping[Path, Any], now: Mapping[Path, Any], old: Side, new: Side, words: Words
) -> Iterator[tuple[Path, str]]:
    """The leaves that differ, each with its change in words."""
    for path in chain(was, (path for path in now if path not in was)):
        if path in was and path in now and _written(was[path]) == _written(now[path]):
            continue
        if _is_told_below(path, was, now) or _is_told_below(path, now, was):
            continue
        before = [was[path]] if path in was else []
        after = [now[path]] if path in now else []
        yield path, words.changed(place, path, before, after, old, new)


def _is_told_below(path: Path, one: Mapping[Path, Any], other: Mapping[Path, Any]) -> bool:
    """An empty mapping on one side, where the other side's leaves say what was in it."""
    return one.get(path) == {} and any(path == place[: len(path)] != place for place in other)


def _leaves(node: Mapping[str, Any], path: Path = ()) -> dict[Path, Any]:
    """What is no mapping, by its place; an empty mapping is a leaf, too, and so is a list."""
    found: dict[Path, Any] = {}
    for key, value in node.items():
        below = (*path, str(key))
        found |= _leaves(value, below) if isinstance(value, dict) and value else {below: value}
    return found


def _written(value: object) -> str:
    """As the hash sees it: 1, 1.0, true and "1" are four values."""
    return json.dumps(value, ensure_ascii=False)


def _order(was: Mapping[str, Any], now: Mapping[str, Any], words: Words) -> Iterator[tuple[str, str]]:
    """Codes that stand elsewhere among those that both have; as few as explain the new order."""
    position = {code: number for number, code in enumerate(code for code in was if code in now)}
    common = [code for code in now if code in was]
    kept = _longest_rising([position[code] for code in common])
    for number, code in enumerate(common):
        if number not in kept:
            what = words.say("moved_after", code=common[number - 1]) if number else words.say("moved_first")
            yield code, what


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """Places of a longest rising part of a sequence without repeats (patience sorting)."""
    ends: list[int] = []
    places: list[int] = []
    previous: list[int] = []
    for place, number in enumerate(numbers):
        at = bisect_left(ends, number)
        previous.append(places[at - 1] if at else -1)
        ends[at : at + 1] = [number]
        places[at : at + 1] = [place]
    found = set()
    place = places[-1] if places else -1
    while place >= 0:
        found.add(place)
        place = previous[place]
    return found


def told(before: Release, after: Release, language: str = "en") -> list[str]:
    """Every difference as lines of text under headings.

    Args:
        before: one release.
        after: the other.
        language: ``zh-Hans`` or ``en``.
    """
    words = Words(language)
    changes = diff(before, after, language)
    if not changes:
        return [words.say("same", before=before.standards_release, after=after.standards_release)]
    lines = [
        words.say(
            "heading",
            before=before.standards_release,
            before_day=before.effective_from,
            after=after.standards_release,
            after_day=after.effective_from,
        )
    ]
    for group in GROUPS:
        of_group = [change for change in changes if change.group == group]
        if of_group:
            lines += ["", words.group(group)]
        for code, changes_of_code in groupby(of_group, key=lambda change: change.code):
            lines += _told_of(code, list(changes_of_code))
    return lines


def _told_of(code: str, changes: list[Change]) -> list[str]:
    first = changes[0]
    if not first.name:
        return [f"  {change.what}" for change in changes]
    if first.kind != "changed":
        return [f"  {code}  {first.what}"]
    return [f"  {code}  {first.name}", *(f"    {change.what}" for change in changes)]
