"""The words of a difference between two releases, in one language."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path as FilePath
from typing import Any, Literal, get_args

import yaml

from yardstick.standards.release import CATALOGUE
from yardstick.standards.words import amount, plain, short

Group = Literal[
    "head", "indicators", "grades", "calendars", "categories", "inspection", "data", "service", "sla"
]
GROUPS: tuple[Group, ...] = get_args(Group)
Path = tuple[str, ...]

_TEXTS = FilePath(__file__).parent / "texts"
_IN_UNIT = ("zero", "floor", "target")
_LANGUAGES = ("zh", "en", "zh-Hans", "zh-Hant")
# Below these the codes are those of the data, not of the standards: they are told as they are.
_FOREIGN = ("kwargs", "where", "filters", "priorities", "service_items", "service_groups")


@cache
def _texts(language: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((_TEXTS / f"{language}.yml").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Side:
    """One of the two releases: what its files say, by part."""

    content: Mapping[str, Any]

    @cached_property
    def categories(self) -> dict[str, Any]:
        """The categories of every file, by code."""
        return {
            code: entry
            for part, content in self.content.items()
            if part.startswith(CATALOGUE)
            for code, entry in content.get("categories", {}).items()
        }

    def unit(self, indicator: str) -> str | None:
        """The unit of an indicator."""
        unit = self.content["indicators"]["indicators"].get(indicator, {}).get("unit")
        return str(unit) if unit else None


@dataclass(frozen=True)
class Words:
    """One language, ``zh-Hans`` or ``en``."""

    language: str

    def say(self, key: str, **values: object) -> str:
        """A message with ``{values}`` put in."""
        return str(_texts(self.language)[key]).format(**values)

    def listed(self, items: Iterable[str]) -> str:
        """Items one after the other."""
        return self.say("comma").join(items) or self.say("nothing")

    def group(self, group: Group) -> str:
        """The heading of a group."""
        return str(_texts(self.language)["groups"][group])

    def name(self, entry: Mapping[str, Any], code: str) -> str:
        """The name of a thing in this language; its code when it has none."""
        names = entry.get("names", {})
        return str(names.get(self.language) or names.get(short(self.language)) or code)

    def added(self, group: Group, entry: Mapping[str, Any], name: str, new: Side) -> str:
        """That a thing is new, with what one asks first about it."""
        details = ""
        if group == "indicators":
            weights = [f"{grade} {plain(t['weight'])}" for grade, t in entry["project_grades"].items()]
            details = self.say("weights", weights=self.listed(weights))
        elif group == "inspection":
            details = self._category(entry["category"], new)
        elif group == "categories" and entry.get("parent"):
            details = self._category(entry["parent"], new)
        elif group in ("data", "service"):
            details = self._code("severity", entry["severity"])
        elif group == "sla":
            targets = [
                f"{self._label(name)} {of['minutes']} {self._code('clock', of['clock'])}"
                for name, of in entry["targets"].items()
            ]
            details = self.listed(targets)
        return self.say("added_with", name=name, details=details) if details else self.say("added", name=name)

    def changed(
        self, place: Path, path: Path, before: Sequence[Any], after: Sequence[Any], old: Side, new: Side
    ) -> str:
        """The change of one leaf.

        Args:
            place: group and code of the thing it belongs to; empty for none.
            path: the leaf's place in the thing.
            before: its value before; empty when it had none.
            after: its value now; empty when it has none.
            old: the release before.
            new: the release now.
        """
        told_before = [self._value(place, path, value, old) for value in before]
        told_after = [self._value(place, path, value, new) for value in after]
        if told_before == told_after:  # 1 and 1.0, say: the same to a reader, not to the hash
            told_before, told_after = (
                [json.dumps(v, ensure_ascii=False) for v in vs] for vs in (before, after)
            )
        if place[:1] == ("categories",) and path == ("parent",):
            root = self.say("root")
            return self.say("parent", before=(told_before or [root])[0], after=(told_after or [root])[0])
        field = self._field(path)
        if not told_before:
            return self.say("field_added", field=field, after=told_after[0])
        if not told_after:
            return self.say("field_removed", field=field, before=told_before[0])
        return self.say("field", field=field, before=told_before[0], after=told_after[0])

    def _field(self, path: Path) -> str:
        """A leaf's place as a person would say it."""
        if len(path) == 3 and path[0] == "project_grades":
            return self.say("for_grade", field=self._label(path[2]), grade=path[1])
        if path[0] == "scoring" and len(path) > 1:
            path = path[1:]
        if (whole := ".".join(path)) in _texts(self.language)["fields"]:
            return self._label(whole)
        labels = [self._label(step) for step in path]
        if path[0] == "inspection_grace_days":
            labels[1:] = [self._code("inspected", step) for step in path[1:]]
        if path[-1] in _LANGUAGES:
            *above, language = labels
            return self.say("in_language", field=self.say("within").join(above), language=language)
        return self.say("within").join(labels)

    def _label(self, step: str) -> str:
        return str(_texts(self.language)["fields"].get(step, step))

    def _value(self, place: Path, path: Path, value: Any, side: Side) -> str:
        """A value as a person would say it; never two values of one kind alike, but for how they are written."""
        group, code = place if place else ("head", "")
        unit = side.unit(code) if group == "indicators" else None
        if isinstance(value, bool):
            return self.say("yes" if value else "no")
        if isinstance(value, int | float):
            is_in_unit = unit is not None and path[-1] in _IN_UNIT
            return amount(value, unit, self.language) if is_in_unit and unit else plain(value)
        if path == ("bands",) and unit is not None:
            bands = [(amount(b["value"], unit, self.language), plain(b["points"])) for b in value]
            return self.listed(self.say("band", value=at, points=points) for at, points in bands)
        if isinstance(value, list):
            return self.listed(self._item(path, item) for item in value)
        if not isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        if (group, path) in (("inspection", ("category",)), ("categories", ("parent",))):
            return self._category(value, side)
        if len(path) > 1 and path[-1] in _LANGUAGES:
            return self.say("quoted", text=value)
        return self._item(path, value)

    def _item(self, path: Path, value: Any) -> str:
        if isinstance(value, bool):
            return self.say("yes" if value else "no")
        if isinstance(value, list):
            return self.listed(self._item(path, item) for item in value)
        if isinstance(value, dict):
            return f"({self.listed(f'{self._label(key)} {self._item((*path, key), v)}' for key, v in value.items())})"
        if not isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        return value if set(path) & set(_FOREIGN) else self._code(path[-1], value)

    def _code(self, field: str, code: str) -> str:
        return str(_texts(self.language)["codes"].get(field, {}).get(code, code))

    def _category(self, category: str, side: Side) -> str:
        """Names of a category and of those above it."""
        names: list[str] = []
        at: str | None = category
        seen: set[str] = set()
        while at is not None and at not in seen:
            seen.add(at)
            entry = side.categories.get(at, {})
            names.append(self.name(entry, at))
            at = entry.get("parent")
        return " › ".join(reversed(names))
