"""The classes of personal data and how long each is kept: ``expectations/retention.yml``."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import jsonschema
import yaml

from yardstick.contracts import Contract, Field
from yardstick.errors import BadInputError

FILE = Path("expectations/retention.yml")

_TEXTS = {
    "type": "object",
    "properties": {"zh": {"type": "string"}, "en": {"type": "string"}},
    "required": ["zh", "en"],
    "additionalProperties": False,
}
_WAYS = {
    "remove": ("day", "leaving"),
    "key": ("day",),
    "erase": ("leaving",),
    "delete": ("arrival", "entry", "last_seen"),
}
_SCHEMA = {
    "type": "object",
    "properties": {
        "classes": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "class": {"type": "string", "pattern": "^[a-z][a-z_]*$"},
                    "names": _TEXTS,
                    "basis": _TEXTS,
                    "counted_from": {"enum": sorted({each for ways in _WAYS.values() for each in ways})},
                    "months": {"type": "integer", "minimum": 0},
                    "then": {"enum": list(_WAYS)},
                    "fields": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string"},
                        },
                    },
                },
                "required": ["class", "names", "basis", "counted_from", "months", "then"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["classes"],
    "additionalProperties": False,
}
_WITH_FIELDS = ("remove", "key")
UNDECLARED = "undeclared"


class RetentionError(BadInputError):
    """The retention file is wrong; the message names the class and what to do."""


@dataclass(frozen=True)
class DataClass:
    """One class of personal data.

    Attributes:
        name: its code.
        names: label by language.
        basis: why it is kept for so long, by language.
        counted_from: ``day``, ``leaving``, ``arrival``, ``entry`` or ``last_seen``.
        months: whole months it is kept after that.
        then: ``remove``, ``key``, ``erase`` or ``delete``.
        fields: names of contract fields by entity; empty where the class is about none.
    """

    name: str
    names: Mapping[str, str] = field(hash=False)
    basis: Mapping[str, str] = field(hash=False)
    counted_from: str
    months: int
    then: str
    fields: Mapping[str, tuple[str, ...]] = field(hash=False)

    def cut_off(self, as_of: date) -> date:
        """The first day that is kept: what is counted from a day before it goes."""
        place = as_of.year * 12 + as_of.month - 1 - self.months
        year, month = divmod(place, 12)
        return date(year, month + 1, min(as_of.day, calendar.monthrange(year, month + 1)[1]))


def load_classes(root: Path, contracts: Mapping[str, Contract]) -> dict[str, DataClass]:
    """Read the classes and hold them to the contracts.

    Args:
        root: the checkout.
        contracts: by entity.

    Returns:
        Classes by name, in the file's order.

    Raises:
        RetentionError: for a file that is none, a personal field in no class or in two, a field that is
            not personal, and one whose removal would change what is judged or counted.
    """
    path = root / FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(_SCHEMA).validate(content)
    except (OSError, yaml.YAMLError) as error:
        raise RetentionError(f"{path}: {error}") from None
    except jsonschema.ValidationError as error:
        raise RetentionError(f"{path}: {error.json_path}: {error.message}") from None
    classes = [
        DataClass(
            name=item["class"],
            names=item["names"],
            basis=item["basis"],
            counted_from=item["counted_from"],
            months=item["months"],
            then=item["then"],
            fields={entity: tuple(names) for entity, names in item.get("fields", {}).items()},
        )
        for item in content["classes"]
    ]
    for mistake in _mistakes(classes, contracts):
        raise RetentionError(f"{path}: {mistake}")
    return {each.name: each for each in classes}


def _mistakes(classes: list[DataClass], contracts: Mapping[str, Contract]) -> list[str]:
    told = []
    if len({each.name for each in classes}) != len(classes):
        told.append("a class stands twice")
    placed = [(entity, name) for each in classes for entity, names in each.fields.items() for name in names]
    personal = {
        (entity, item.name)
        for entity, contract in contracts.items()
        for item in contract.fields.values()
        if item.is_personal
    }
    told += [f"{'.'.join(one)} stands in two classes" for one in sorted(set(placed)) if placed.count(one) > 1]
    told += [f"{'.'.join(one)} is no personal field of a contract" for one in sorted({*placed} - personal)]
    told += [f"personal field {'.'.join(one)} is in no class" for one in sorted(personal - {*placed})]
    if told:
        return told
    for each in classes:
        if each.counted_from not in _WAYS[each.then]:
            told.append(f"{each.name}: {each.then} is not counted from {each.counted_from}")
        if bool(each.fields) != (each.then in _WITH_FIELDS and each.name != UNDECLARED):
            told.append(f"{each.name}: {'needs' if each.then in _WITH_FIELDS else 'takes no'} fields")
        for entity, names in each.fields.items():
            for name in names:
                told += _field_mistakes(each, contracts[entity], name)
    return told


def _field_mistakes(each: DataClass, contract: Contract, name: str) -> list[str]:
    place, item = f"{each.name}: {contract.entity}.{name}", contract.fields[name]
    told = []
    if each.counted_from == "leaving" and whose(contract, name) is None:
        told.append(f"{place}: the row does not say whose it is; count it from the day")
    if each.then == "key" and (name != "household_id" or "project_id" not in contract.fields):
        told.append(f"{place}: only a household of a project has a key")
    if not leaves_mark(item) and item.required:
        told.append(f"{place} is required and cannot be removed")
    if item.default is not None:
        told.append(f"{place} has a default, which would stand for what was removed")
    told += [
        f"{place} is read by rule {rule.rule}: what is removed would be judged"
        for rule in contract.rules
        if name in {*rule.fields, rule.low, rule.high, *(rule.when or ())[:1]}
    ]
    return told


def leaves_mark(item: Field) -> bool:
    """Whether something stands in the place of a removed value: of text it does, of a date or code it cannot."""
    return item.type == "text" and item.vocabulary is None


def person_fields(contract: Contract) -> tuple[str, ...]:
    """Fields that hold a person's id."""
    return tuple(name for name in contract.fields if name == "person_id" or name.endswith("_person_id"))


def whose(contract: Contract, name: str) -> str | None:
    """The field with the id of the person that a personal field is about; None: the row does not say."""
    of_name = f"{name.removesuffix('_name')}_person_id"
    if name.endswith("_name") and of_name in contract.fields:
        return of_name
    return "person_id" if "person_id" in contract.fields else None
