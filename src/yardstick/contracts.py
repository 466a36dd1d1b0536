"""Contracts: what each delivered entity must look like, read from ``expectations/contracts/*.yml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from yardstick.settings import project_root

TYPES = ("text", "integer", "numeric", "timestamp", "date", "boolean")

_NAMES = {
    "type": "object",
    "required": ["zh", "en"],
    "additionalProperties": False,
    "properties": {"zh": {"type": "string", "minLength": 1}, "en": {"type": "string", "minLength": 1}},
}
_IDENTIFIER = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["entity", "version", "names", "key", "event_date", "fields"],
    "additionalProperties": False,
    "properties": {
        "entity": _IDENTIFIER,
        "version": {"type": "integer", "minimum": 1},
        "names": _NAMES,
        "key": {"type": "array", "items": _IDENTIFIER, "minItems": 1, "uniqueItems": True},
        "event_date": {"anyOf": [_IDENTIFIER, {"type": "null"}]},
        "fields": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "type", "required", "meaning"],
                "additionalProperties": False,
                "properties": {
                    "name": _IDENTIFIER,
                    "type": {"enum": list(TYPES)},
                    "unit": {"type": "string"},
                    "required": {"type": "boolean"},
                    "personal": {"type": "boolean"},
                    "default": {"type": "string"},
                    "vocabulary": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                    "references": {"type": "string", "pattern": "^[a-z0-9_]+\\.[a-z0-9_]+$"},
                    "meaning": _NAMES,
                },
            },
        },
    },
}


class ContractError(ValueError):
    """A contract file is wrong; the message names the file and the place in it."""


@dataclass(frozen=True)
class Field:
    """One field of an entity.

    Attributes:
        name: identifier, the unit last.
        type: one of ``TYPES``.
        required: a row without it is a reject.
        meaning: label by language (``zh``, ``en``).
        unit: unit of a number.
        vocabulary: the values allowed; None when open.
        references: ``entity.field`` that must hold the value.
        is_personal: never quoted in an error or reject.
        default: value of a delivery that has none, as text.
    """

    name: str
    type: str
    required: bool
    meaning: Mapping[str, str] = field(hash=False)
    unit: str | None = None
    vocabulary: tuple[str, ...] | None = None
    references: str | None = None
    is_personal: bool = False
    default: str | None = None


@dataclass(frozen=True)
class Contract:
    """What one row of an entity must look like.

    Attributes:
        entity: name of the entity and of its table in ``raw``.
        version: raised when the meaning of a field changes.
        names: label by language.
        key: fields that identify a row.
        event_date: field whose business day decides the partition; None for master data.
        fields: by name, in order.
    """

    entity: str
    version: int
    names: Mapping[str, str] = field(hash=False)
    key: tuple[str, ...]
    event_date: str | None
    fields: Mapping[str, Field] = field(hash=False)

    @property
    def identifiers(self) -> frozenset[str]:
        """Fields that hold an id: the key and every reference. An id is text, never a number."""
        return frozenset(self.key) | {name for name, item in self.fields.items() if item.references}


def load_contracts(folder: Path | None = None) -> dict[str, Contract]:
    """Read every contract.

    Args:
        folder: default ``expectations/contracts`` of the checkout.

    Returns:
        Contracts by entity, in order of file name.

    Raises:
        ContractError: for a folder without contracts or a wrong one.
    """
    folder = folder or project_root() / "expectations/contracts"
    contracts = {}
    for path in sorted(folder.glob("*.yml")):
        contract = _read(path)
        if contract.entity != path.stem:
            raise ContractError(f"{path}: entity is {contract.entity!r}; name the file {contract.entity}.yml")
        contracts[contract.entity] = contract
    if not contracts:
        raise ContractError(f"{folder}: no contracts (*.yml) here")
    for contract in contracts.values():
        for item in contract.fields.values():
            entity, _, name = (item.references or "").partition(".")
            if item.references and (entity not in contracts or name not in contracts[entity].fields):
                raise ContractError(
                    f"{folder / contract.entity}.yml: {item.name} references {item.references}, "
                    "which no contract has"
                )
    return contracts


def _read(path: Path) -> Contract:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        jsonschema.validate(content, _SCHEMA)
    except yaml.YAMLError as error:
        raise ContractError(f"{path}: not YAML: {error}") from None
    except jsonschema.ValidationError as error:
        raise ContractError(f"{path}: {error.json_path}: {error.message}") from None
    fields = {
        item["name"]: Field(
            name=item["name"],
            type=item["type"],
            required=item["required"],
            meaning=item["meaning"],
            unit=item.get("unit"),
            vocabulary=tuple(item["vocabulary"]) if "vocabulary" in item else None,
            references=item.get("references"),
            is_personal=item.get("personal", False),
            default=item.get("default"),
        )
        for item in content["fields"]
    }
    if len(fields) != len(content["fields"]):
        raise ContractError(f"{path}: a field name stands twice")
    if unknown := [name for name in [*content["key"], content["event_date"]] if name and name not in fields]:
        raise ContractError(f"{path}: {', '.join(unknown)} in key or event_date is not among the fields")
    if content["event_date"] and fields[content["event_date"]].type not in ("date", "timestamp"):
        raise ContractError(f"{path}: event_date {content['event_date']} is not a date or timestamp")
    return Contract(
        entity=content["entity"],
        version=content["version"],
        names=content["names"],
        key=tuple(content["key"]),
        event_date=content["event_date"],
        fields=fields,
    )
