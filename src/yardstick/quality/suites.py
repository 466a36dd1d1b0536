"""Read the suites: what of which relation a gate looks at, and the invariants of its model.

``gates.yml`` says which suites make a gate. What is expected of the data and of the service stands in the
standards releases and is compiled onto the suites (:mod:`yardstick.quality.compile`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import yaml

from yardstick.quality.model import Gate, Invariant, Scope, Suite, SuiteError, Text
from yardstick.settings import Settings

GATES: tuple[Gate, ...] = get_args(Gate)

_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")
_OF_BUILD = "(select b.{column} from ops.build_{table} as b where b.build_id = {{build_id}})"
_DELIVERIES = _OF_BUILD.format(column="delivery_id", table="delivery")
_DAYS = _OF_BUILD.format(column="day", table="day")
_MONTHS = "(select m.day from intermediate.int_service__months as m where m.build_id = {build_id})"
_SCOPES: dict[Scope, str] = {
    "deliveries": f"{{column}} in {_DELIVERIES}",
    "days": f"{{column}} in {_DAYS}",
    "months": f"{{column}} in {_MONTHS}",
    "present": "{column} is not null",
}
_FIELDS = {
    "gate",
    "relation",
    "names",
    "entity",
    "scope",
    "query",
    "day",
    "materialised",
    "key",
    "expectations",
}
_RULE_FIELDS = {"standard_code", "type", "kwargs", "severity", "means", "consequence", "fixer"}


def suites_folder(settings: Settings) -> Path:
    """Where the suites are."""
    return settings.root / "expectations" / "suites"


def gate_suites(folder: Path, gate: Gate) -> list[str]:
    """The names of a gate's suites, in the order they are checked.

    Raises:
        SuiteError: when ``gates.yml`` names none.
    """
    index = folder / "gates.yml"
    try:
        names = yaml.safe_load(index.read_text(encoding="utf-8"))["gates"][gate]
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise SuiteError(f"{index} names no suites for gate {gate} ({error!r})") from None
    if not names:
        raise SuiteError(f"{index} names no suites for gate {gate}")
    return list(names)


def load_suites(folder: Path, gate: Gate) -> list[Suite]:
    """Read the suites that ``gates.yml`` names for a gate, in its order.

    Raises:
        SuiteError: naming the file and what is wrong or absent.
    """
    return [load_suite(folder / f"{name}.yml", gate) for name in gate_suites(folder, gate)]


def load_suite(path: Path, gate: Gate) -> Suite:
    """Read one suite.

    Raises:
        SuiteError: naming the file and what is wrong.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SuiteError(f"{path} is absent, but gate {gate} needs it") from None
    except yaml.YAMLError as error:
        raise SuiteError(f"{path} is not YAML: {error}") from None
    if not isinstance(data, dict):
        raise SuiteError(f"{path}: holds no fields; write {', '.join(sorted(_FIELDS))}")
    if unknown := set(data) - _FIELDS:
        raise SuiteError(f"{path}: unknown fields {', '.join(sorted(unknown))}")
    try:
        if data["gate"] != gate:
            raise SuiteError(f"{path}: gate is {data['gate']!r}, but gates.yml has it in {gate}")
        scope, query, day = _batch(path, data)
        return Suite(
            name=path.stem,
            names=Text(**data["names"]),
            gate=gate,
            relation=_name(path, data["relation"]),
            scope=scope,
            query=query,
            day=day,
            entities=_entities(data.get("entity")),
            key=list(data["key"]),
            invariants=[
                _invariant(path, number, item)
                for number, item in enumerate(data.get("expectations") or [], start=1)
            ],
            is_materialised=bool(data.get("materialised", scope in ("months", "present"))),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, SuiteError):
            raise
        raise SuiteError(f"{path}: {error!r} is missing or malformed") from None


def _entities(given: str | list[str] | None) -> tuple[str, ...]:
    return () if given is None else (given,) if isinstance(given, str) else tuple(given)


def _invariant(path: Path, number: int, item: Mapping[str, Any]) -> Invariant:
    place = f"{path}: expectation {number}"
    if unknown := set(item) - _RULE_FIELDS:
        raise SuiteError(f"{place} has unknown fields {', '.join(sorted(unknown))}")
    if item.get("severity") not in (None, "blocking", "warning"):
        raise SuiteError(f"{place}: severity {item['severity']!r} is neither blocking nor warning")
    if wrong := [name for name in item.get("kwargs") or {} if not _NAME.fullmatch(str(name).lower())]:
        raise SuiteError(
            f"{place}: kwargs: {wrong[0]!r} is no name; a value with a comma in {{braces}} stands in quotes"
        )
    try:
        texts = {
            name: Text(**item[name]) if name in item else None for name in ("means", "consequence", "fixer")
        }
        return Invariant(
            standard_code=item["standard_code"],
            type=item["type"],
            kwargs=item.get("kwargs") or {},
            severity=item.get("severity"),
            **texts,
        )
    except (KeyError, TypeError) as error:
        raise SuiteError(f"{place}: {error} is missing or malformed") from None


def _batch(path: Path, data: Mapping[str, Any]) -> tuple[Scope, str, str | None]:
    """The batch: a query of the file's own, or what the scope takes of the relation's rows."""
    day = _name(path, data["day"]) if "day" in data else None
    if "query" in data:
        query = str(data["query"]).strip()
        if "{build_id}" not in query:
            raise SuiteError(f"{path}: query is not scoped to the build, it lacks {{build_id}}")
        return "query", query, day
    ((scope, column),) = data["scope"].items()
    if scope not in _SCOPES:
        raise SuiteError(f"{path}: scope {scope!r} is none of {', '.join(_SCOPES)}")
    where = _SCOPES[scope].replace("{column}", _name(path, column))
    query = f"select * from {_name(path, data['relation'])} where {where}"  # noqa: S608 - both are names
    return scope, query, day or ("partition_date" if scope == "deliveries" else column)


def _name(path: Path, value: str) -> str:
    if not _NAME.fullmatch(value):
        raise SuiteError(f"{path}: {value!r} is not a name")
    return value
