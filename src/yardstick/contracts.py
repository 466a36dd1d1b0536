"""Contracts: what each delivered entity must look like, read from ``expectations/contracts/*.yml``.

A contract is the only place that says which fields, keys, references and row rules an entity has:
staging (``yardstick.staging_models``), the tables of ``raw`` and the check of site files follow it.

**Versions.** A change that a site has to know raises ``version``, gets a line in ``changes``, and fields that
came with it say ``since``. Changes add; what would take away or re-define a field is a new field. So a site
that still meets version 1 of a contract at version 3 goes on delivering unchanged: it may not map a field of
a later version (``Contract.at`` does not show it), such a field is null in its rows or has its default, and
is not required of it, even where it is required of everybody who meets the present version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from yardstick.settings import project_root

TYPES = ("text", "integer", "numeric", "timestamp", "date", "boolean")

_STAGED = ("source_id", "delivery_id", "row_number", "partition_date", "content_md5", "problems")
_MOMENTS = ("timestamp", "date")
_NUMBERS = ("integer", "numeric")
_NAMES = {
    "type": "object",
    "required": ["zh", "en"],
    "additionalProperties": False,
    "properties": {"zh": {"type": "string", "minLength": 1}, "en": {"type": "string", "minLength": 1}},
}
_IDENTIFIER = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
_FIELD_OF = {"type": "string", "pattern": r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"}
_CODES = {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}
_BOUND = {"anyOf": [{"type": "number"}, _IDENTIFIER]}
_OUTCOME = {"then": {"enum": ["flag", "reject"]}, "rule": _IDENTIFIER}


def _rule(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [*required, "then", "rule"],
        "additionalProperties": False,
        "properties": properties | _OUTCOME,
    }


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["entity", "version", "changes", "names", "key", "key_scope", "event_date", "fields"],
    "additionalProperties": False,
    "properties": {
        "entity": _IDENTIFIER,
        "plural": _IDENTIFIER,
        "version": {"type": "integer", "minimum": 1},
        "changes": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["version", "date", "zh", "en"],
                "additionalProperties": False,
                "properties": {
                    "version": {"type": "integer", "minimum": 1},
                    "date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
                    **_NAMES["properties"],  # type: ignore[dict-item]
                },
            },
        },
        "names": _NAMES,
        "key": {"type": "array", "items": _IDENTIFIER, "minItems": 1, "uniqueItems": True},
        "key_scope": {"enum": ["company", "source"]},
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
                    "since": {"type": "integer", "minimum": 2},
                    "personal": {"type": "boolean"},
                    "default": {"type": "string"},
                    "vocabulary": _CODES,
                    "references": _FIELD_OF,
                    "refers_to": _FIELD_OF,
                    "meaning": _NAMES,
                },
            },
        },
        "rules": {
            "type": "array",
            "minItems": 1,
            "items": {
                "anyOf": [
                    _rule(["earlier", "later"], {"earlier": _IDENTIFIER, "later": _IDENTIFIER}),
                    _rule(["not_negative"], {"not_negative": _IDENTIFIER}),
                    _rule(
                        ["between"],
                        {
                            "between": {
                                "type": "array",
                                "prefixItems": [_IDENTIFIER, _BOUND, _BOUND],
                                "minItems": 3,
                                "maxItems": 3,
                            }
                        },
                    ),
                    _rule(
                        ["when", "required"],
                        {
                            "when": {
                                "type": "object",
                                "minProperties": 1,
                                "maxProperties": 1,
                                "additionalProperties": _CODES,
                            },
                            "required": _IDENTIFIER,
                        },
                    ),
                ]
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
        references: ``entity.field`` that must hold the value, or the row is a reject until it does.
        refers_to: ``entity.field`` that should hold the value; the row is kept and flagged until it does.
        is_personal: never quoted in an error or reject.
        default: value of a delivery that has none, as text.
        since: version of the contract it came with.
    """

    name: str
    type: str
    required: bool
    meaning: Mapping[str, str] = field(hash=False)
    unit: str | None = None
    vocabulary: tuple[str, ...] | None = None
    references: str | None = None
    refers_to: str | None = None
    is_personal: bool = False
    default: str | None = None
    since: int = 1


@dataclass(frozen=True)
class Rule:
    """What must hold between the fields of one row; nothing is asked of a field that is empty.

    Attributes:
        rule: its code in ``ops.reject`` or ``ops.flag``.
        then: ``reject``, or ``flag`` (the row is kept and told).
        kind: ``order`` (fields: earlier, later), ``range`` (fields: one; ``low`` and ``high``) or
            ``needed`` (fields: one; must not be empty when field ``when[0]`` has one of ``when[1]``).
        fields: the fields it is about.
        low: lowest value allowed: a number, or the name of a field.
        high: highest value allowed; None for no bound.
        when: field and values.
    """

    rule: str
    then: str
    kind: str
    fields: tuple[str, ...]
    low: float | str | None = None
    high: float | str | None = None
    when: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True)
class Change:
    """What a version brought.

    Attributes:
        version: the version.
        day: when it was issued.
        texts: what changed, by language.
    """

    version: int
    day: date
    texts: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class Contract:
    """What one row of an entity must look like.

    Attributes:
        entity: name of the entity and of its table in ``raw``.
        plural: what more than one of it is called, for the staged relation.
        version: the present version.
        changes: what each version brought, oldest first.
        names: label by language.
        key: fields that identify a row, in the order of the index.
        key_scope: ``company`` (the key means the same whoever delivers it) or ``source`` (it is the
            source's own).
        event_date: field whose business day decides the partition; None for master data.
        fields: by name, in order.
        rules: what must hold between fields.
    """

    entity: str
    plural: str
    version: int
    changes: tuple[Change, ...]
    names: Mapping[str, str] = field(hash=False)
    key: tuple[str, ...]
    key_scope: str
    event_date: str | None
    fields: Mapping[str, Field] = field(hash=False)
    rules: tuple[Rule, ...] = ()

    @property
    def identifiers(self) -> frozenset[str]:
        """Text fields that hold an id: of the key, and every reference. An id is text, never a number."""
        return frozenset(
            name
            for name, item in self.fields.items()
            if item.type == "text" and (name in self.key or item.references or item.refers_to)
        )

    @property
    def versions(self) -> tuple[int, ...]:
        """Every version a site may say it meets."""
        return tuple(change.version for change in self.changes)

    @property
    def staged_key(self) -> tuple[str, ...]:
        """What identifies a staged row."""
        return self.key if self.key_scope == "company" else ("source_id", *self.key)

    def at(self, version: int) -> Contract:
        """The contract as a site sees it that meets an earlier version.

        Args:
            version: one of ``versions``.

        Returns:
            This contract without the fields that came later, and without rules about them.

        Raises:
            ValueError: for a version that was never issued.
        """
        if version not in self.versions:
            raise ValueError(
                f"contract {self.entity} has no version {version}; use {', '.join(map(str, self.versions))}"
            )
        fields = {name: item for name, item in self.fields.items() if item.since <= version}
        return replace(
            self,
            version=version,
            changes=self.changes[:version],
            fields=fields,
            rules=tuple(rule for rule in self.rules if _names_in(rule) <= fields.keys()),
        )


def load_contracts(folder: Path | None = None) -> dict[str, Contract]:
    """Read every contract.

    Args:
        folder: default ``expectations/contracts`` of the checkout.

    Returns:
        Contracts by entity, in order of file name.

    Raises:
        ContractError: for a folder without contracts, a wrong one, or contracts whose references run in
            a circle.
    """
    folder = folder or project_root() / "expectations/contracts"
    contracts: dict[str, Contract] = {}
    for path in sorted(folder.glob("*.yml")):
        contract = _read(path, path.read_text(encoding="utf-8"))
        if contract.entity != path.stem:
            raise ContractError(f"{path}: entity is {contract.entity!r}; name the file {contract.entity}.yml")
        contracts[contract.entity] = contract
    if not contracts:
        raise ContractError(f"{folder}: no contracts (*.yml) here")
    _check_references(folder, contracts)
    return contracts


def staging_order(contracts: Mapping[str, Contract]) -> list[str]:
    """Entities so that each stands after those it references."""
    return list(TopologicalSorter(_referenced(contracts)).static_order())


def _referenced(contracts: Mapping[str, Contract]) -> dict[str, list[str]]:
    return {
        name: sorted({item.references.split(".")[0] for item in contract.fields.values() if item.references})
        for name, contract in contracts.items()
    }


def _check_references(folder: Path, contracts: Mapping[str, Contract]) -> None:
    for contract in contracts.values():
        for item in contract.fields.values():
            place = f"{folder / contract.entity}.yml: {item.name}"
            for target in filter(None, (item.references, item.refers_to)):
                entity, _, name = target.partition(".")
                if entity not in contracts or name not in contracts[entity].key:
                    raise ContractError(f"{place} refers to {target}, which is in the key of no contract")
            if item.references and item.refers_to:
                raise ContractError(f"{place} has references and refers_to; keep one")
    try:
        staging_order(contracts)
    except CycleError as error:
        raise ContractError(
            f"{folder}: references run in a circle ({' → '.join(reversed(error.args[1]))}); "
            "make one of them refers_to"
        ) from None


def _names_in(rule: Rule) -> set[str]:
    """Every field a rule reads."""
    bounds = {bound for bound in (rule.low, rule.high) if isinstance(bound, str)}
    return {*rule.fields, *bounds, *([rule.when[0]] if rule.when else [])}


_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):
    """YAML whose dates stay text."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, expression) for tag, expression in resolvers if not tag.endswith(":timestamp")]
    for letter, resolvers in _SafeLoader.yaml_implicit_resolvers.items()
}


@lru_cache(maxsize=256)  # every stage, gate and page asks for all of them
def _read(path: Path, text: str) -> Contract:
    try:
        content = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
        jsonschema.Draft202012Validator(_SCHEMA).validate(content)
        changes = tuple(
            Change(each["version"], date.fromisoformat(each["date"]), {"zh": each["zh"], "en": each["en"]})
            for each in content["changes"]
        )
    except yaml.YAMLError as error:
        raise ContractError(f"{path}: not YAML: {error}") from None
    except jsonschema.ValidationError as error:
        raise ContractError(f"{path}: {error.json_path}: {error.message}") from None
    except ValueError as error:
        raise ContractError(f"{path}: changes: {error}") from None
    fields = {
        item["name"]: Field(
            name=item["name"],
            type=item["type"],
            required=item["required"],
            meaning=item["meaning"],
            unit=item.get("unit"),
            vocabulary=tuple(item["vocabulary"]) if "vocabulary" in item else None,
            references=item.get("references"),
            refers_to=item.get("refers_to"),
            is_personal=item.get("personal", False),
            default=item.get("default"),
            since=item.get("since", 1),
        )
        for item in content["fields"]
    }
    contract = Contract(
        entity=content["entity"],
        plural=content.get("plural", f"{content['entity']}s"),
        version=content["version"],
        changes=changes,
        names=content["names"],
        key=tuple(content["key"]),
        key_scope=content["key_scope"],
        event_date=content["event_date"],
        fields=fields,
        rules=tuple(_as_rule(item) for item in content.get("rules", [])),
    )
    if len(fields) != len(content["fields"]):
        raise ContractError(f"{path}: a field name stands twice")
    for mistake in _mistakes(contract):
        raise ContractError(f"{path}: {mistake}")
    return contract


def _as_rule(item: Mapping[str, Any]) -> Rule:
    code, then = item["rule"], item["then"]
    if "earlier" in item:
        return Rule(code, then, "order", (item["earlier"], item["later"]))
    if "between" in item:
        name, low, high = item["between"]
        return Rule(code, then, "range", (name,), low, high)
    if "not_negative" in item:
        return Rule(code, then, "range", (item["not_negative"],), 0)
    ((name, values),) = item["when"].items()
    return Rule(code, then, "needed", (item["required"],), when=(name, tuple(values)))


def _mistakes(contract: Contract) -> list[str]:
    """What a schema cannot say."""
    fields, told = contract.fields, []
    if unknown := [name for name in [*contract.key, contract.event_date] if name and name not in fields]:
        return [f"{', '.join(unknown)} in key or event_date is not among the fields"]
    if contract.event_date and fields[contract.event_date].type not in _MOMENTS:
        told.append(f"event_date {contract.event_date} is not a date or timestamp")
    if contract.event_date and not fields[contract.event_date].required:
        told.append(f"event_date {contract.event_date} must be required")
    if [change.version for change in contract.changes] != list(range(1, contract.version + 1)):
        told.append(f"changes must tell versions 1 to {contract.version}, each once, in order")
    for name in contract.key:
        item = fields[name]
        if not item.required or item.is_personal or item.since > 1:
            told.append(f"{name} is in the key: it must be required, not personal, and of version 1")
    for item in fields.values():
        if item.name in _STAGED:
            told.append(f"{item.name} is a name that staging uses; choose another")
        if (item.type in _NUMBERS) != (item.unit is not None):
            told.append(f"{item.name}: a number has a unit, and nothing else has one")
        if item.since > contract.version:
            told.append(f"{item.name} is since version {item.since}, the contract is at {contract.version}")
        if item.vocabulary and item.default and item.default not in item.vocabulary:
            told.append(f"{item.name}: the default {item.default!r} is not in the vocabulary")
        if item.vocabulary and item.type != "text":
            told.append(f"{item.name}: only text has a vocabulary")
        if wrong := [code for code in item.vocabulary or () if not re.fullmatch(r"[A-Za-z0-9_]+", code)]:
            told.append(f"{item.name}: {', '.join(wrong)} in the vocabulary is no code")
    for rule in contract.rules:
        told += _rule_mistakes(contract, rule)
    return told


def _rule_mistakes(contract: Contract, rule: Rule) -> list[str]:
    fields = contract.fields
    if unknown := sorted(_names_in(rule) - fields.keys()):
        return [f"rule {rule.rule}: {', '.join(unknown)} is not among the fields"]
    types = {fields[name].type for name in _names_in(rule)}
    if rule.kind == "order" and (len(types) > 1 or not types <= set(_MOMENTS)):
        return [f"rule {rule.rule}: {' and '.join(rule.fields)} must both be dates or both timestamps"]
    if rule.kind == "range" and not types <= set(_NUMBERS):
        return [f"rule {rule.rule}: {', '.join(sorted(_names_in(rule)))} must be numbers"]
    if rule.when and not set(rule.when[1]) <= set(fields[rule.when[0]].vocabulary or ()):
        return [f"rule {rule.rule}: {rule.when[0]} has not all of {', '.join(rule.when[1])}"]
    return []
