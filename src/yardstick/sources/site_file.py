"""Site files: one YAML file per source system, read and checked against a schema.

Every problem of a file is collected and told at once, each with file, line, place and what to do.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Mapping
from datetime import date, time
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import available_timezones

import jsonschema
import yaml

from yardstick import contracts as contracts_module
from yardstick import sources
from yardstick.contracts import Contract
from yardstick.errors import BadInputError
from yardstick.sources import site_mistakes
from yardstick.sources.dates import ISO, DateFormatError, compile_format
from yardstick.sources.fold import fold
from yardstick.sources.site import Entity, Expected, FieldMapping, Site
from yardstick.sources.site_mistakes import choices, one_of

KIND = "site"

_TEXT = {"type": "string"}
_NON_EMPTY = {"type": "string", "minLength": 1}
_CODES = {"type": "object", "additionalProperties": {"type": ["string", "integer"]}, "minProperties": 1}
FIELD = {
    "anyOf": [
        _NON_EMPTY,
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "column": _NON_EMPTY,
                "columns": {"type": "array", "items": _NON_EMPTY, "minItems": 2},
                "separator": _TEXT,
                "constant": _NON_EMPTY,
                "format": _NON_EMPTY,
                "time_zone": _NON_EMPTY,
                "codes": _CODES,
                "codes_file": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["file", "value", "code"],
                    "properties": {"file": _NON_EMPTY, "value": _NON_EMPTY, "code": _NON_EMPTY},
                },
                "unmapped": {"enum": ["reject", "keep"]},
                "null_values": {"type": "array", "items": _TEXT},
                "optional": {"type": "boolean"},
            },
        },
    ]
}
_EXPECTED = {
    "type": "object",
    "additionalProperties": False,
    "required": ["every", "by"],
    "properties": {
        "every": {"enum": ["day", "month"]},
        "by": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
        "after_days": {"type": "integer", "minimum": 0},
        "required": {"type": "boolean"},
        "if_missing": {"enum": ["wait", "carry_on"]},
    },
}
_ENTITY_PROPERTIES = {
    "contract": {"type": "integer", "minimum": 1},
    "null_values": {"type": "array", "items": _TEXT},
    "other_columns": {"type": "array", "items": _TEXT},
    "may_be_empty": {"type": "boolean"},
    "expected": _EXPECTED,
    "fields": {"type": "object", "additionalProperties": FIELD, "minProperties": 1},
}
_SITE_PROPERTIES = {
    "kind": {"const": KIND},
    "source_id": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"},
    "names": {"type": "object", "required": ["zh", "en"], "additionalProperties": _NON_EMPTY},
    "connector": {"enum": list(sources.CONNECTORS)},
    "connection": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_.-]*$"},
    "system": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"},
    "at_once": {"type": "integer", "minimum": 1},
    "projects": {"type": "array", "items": _NON_EMPTY, "minItems": 1, "uniqueItems": True},
    "time_zone": _NON_EMPTY,
    "valid_from": _NON_EMPTY,
    "notes": _TEXT,
}


def schema(connector: str) -> dict[str, Any]:
    """The JSON Schema of a site file with that connector."""
    own = sources.connector(connector)
    entity = {
        "type": "object",
        "additionalProperties": False,
        "required": ["fields", *own.ENTITY_REQUIRED],
        "properties": {**_ENTITY_PROPERTIES, **own.ENTITY_PROPERTIES},
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["kind", "source_id", "names", "connector", "time_zone", "entities", *own.SITE_REQUIRED],
        "properties": {
            **_SITE_PROPERTIES,
            **own.SITE_PROPERTIES,
            "entities": {"type": "object", "additionalProperties": entity, "minProperties": 1},
        },
    }


class SiteError(BadInputError, ValueError):
    """One or more site files are wrong.

    Attributes:
        problems: one line each: ``file:line: place: what is wrong. What to do.``
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars: ``no``, ``on``, ``012``, ``1_000`` and dates stay text, as a person reads them."""


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])


def load_sites(folder: Path, contracts: Mapping[str, Contract] | None = None) -> list[Site]:
    """Read every site file (``*.yml``, ``*.yaml`` with ``kind: site``) of a folder and below.

    Args:
        folder: a folder, or one site file.
        contracts: contracts by entity; default: those of the checkout.

    Returns:
        Sites in order of ``source_id``.

    Raises:
        SiteError: with every problem of every file; also when there is no site at all, or two files
            claim the same ``source_id``.
    """
    sites, problems = read_sites(folder, contracts)
    if problems:
        raise SiteError(problems)
    return sites


def read_sites(folder: Path, contracts: Mapping[str, Contract] | None = None) -> tuple[list[Site], list[str]]:
    """The same, but a wrong file stops no other: the sites that are in order, and every problem."""
    contracts = contracts or contracts_module.load_contracts()
    paths = [folder] if folder.is_file() else sorted({*folder.rglob("*.yml"), *folder.rglob("*.yaml")})
    sites: list[Site] = []
    problems: list[str] = []
    seen: dict[str, Path] = {}
    for path in paths:
        try:
            site = _read(path, contracts, required=folder.is_file())
        except SiteError as error:
            problems += error.problems
            continue
        if site is None:
            continue
        if site.source_id in seen:
            problems.append(
                f"{path}: source_id {site.source_id} is already taken by {seen[site.source_id]}. "
                "Choose another one."
            )
            continue
        seen[site.source_id] = path
        sites.append(site)
    if not sites and not problems:
        problems.append(f"{folder}: no site file here. Put a YAML file with 'kind: site' into it.")
    return sorted(sites, key=lambda site: site.source_id), problems


def document(path: Path) -> tuple[yaml.Node | None, Any]:
    """A YAML file as a person reads it (``no`` and ``012`` stay text), with where everything stands.

    Raises:
        SiteError: when it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, _Loader)
        # apart: making the content takes merged keys (<<) into the nodes
        content = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        advice = "Indent it with spaces" if "\\t" in str(error.problem) else "Correct it, or the indentation"
        raise SiteError([f"{path}:{line}: not YAML: {error.problem}. {advice}."]) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        told = " ".join(str(error).split())
        raise SiteError([f"{path}: cannot be read: {told}. Save it as UTF-8 YAML."]) from None
    return node, content


def _read(path: Path, contracts: Mapping[str, Contract], *, required: bool) -> Site | None:
    node, content = document(path)
    if not isinstance(content, dict) or content.get("kind") != KIND:
        if required:
            raise SiteError([f"{path}: not a site file. Its first line must be 'kind: site'."])
        return None
    return _Reader(path, node, content, contracts).site()


class _Reader:
    """Turns one parsed YAML document into a site, collecting problems on the way."""

    def __init__(
        self, path: Path, node: yaml.Node | None, content: dict[str, Any], contracts: Mapping[str, Contract]
    ):
        self.path = path
        self.node = node
        self.content = content
        self.contracts = contracts
        self.problems: list[str] = []
        self.remarks: dict[str, None] = {}

    def problem(self, place: tuple[Any, ...], text: str) -> None:
        where = ".".join(str(part) for part in place)
        self.problems.append(f"{self.path}:{self._line(place)}: {where or 'file'}: {text}")

    def _line(self, place: tuple[Any, ...]) -> int:
        node, line = self.node, 1
        for part in place:
            following: yaml.Node | None = None
            if isinstance(node, yaml.MappingNode):
                for key, value in node.value:
                    if key.value == str(part):
                        following, line = value, key.start_mark.line + 1
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                following = node.value[part]
                line = following.start_mark.line + 1
            if following is None:
                break
            node = following
        return line

    def _repeated(self, node: yaml.Node | None, place: tuple[Any, ...] = ()) -> None:
        """A key that stands twice: the parser would keep the last one in silence."""
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                if key.value in seen:
                    self.problem((*place, key.value), "stands twice. Remove one of them.")
                seen.add(key.value)
                self._repeated(value, (*place, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._repeated(value, (*place, index))

    def site(self) -> Site:
        self._repeated(self.node)
        content = self.content
        connector: Any = content.get("connector")
        if connector not in sources.CONNECTORS:
            self.problem(
                ("connector",) if connector else (),
                f"{connector!r} is no connector. Use {choices(str(connector), sources.CONNECTORS)}."
                if connector
                else f"connector is missing. Add it: {one_of(sources.CONNECTORS)}.",
            )
            self._stop()
        validator = jsonschema.Draft202012Validator(schema(connector))
        wrong: set[Any] = set()  # entities that are not looked at any closer
        for error in sorted(validator.iter_errors(content), key=str):
            for place, text in site_mistakes.found(error):
                self.problem(place, text)
                wrong.add(place[1] if len(place) > 1 and place[0] == "entities" else place[:1])
        if not {(), ("entities",), ("time_zone",), ("connector",)}.isdisjoint(wrong):
            self._stop()
        zone = content["time_zone"]
        self._check_zone(("time_zone",), zone)
        valid_from = None
        if "valid_from" in content and ("valid_from",) not in wrong:
            try:
                valid_from = date.fromisoformat(content["valid_from"])
            except ValueError:
                self.problem(
                    ("valid_from",), f"{content['valid_from']!r} is not a day. Write it as 2026-01-31."
                )
        entities: dict[str, Entity] = {}
        order = {name: index for index, name in enumerate(self.contracts)}
        # Master data first: tickets refer to it. Contracts without an event date are master data.
        for name in sorted(
            content["entities"],
            key=lambda key: (key in order and self.contracts[key].event_date is not None, order.get(key, 99)),
        ):
            if name not in self.contracts:
                self.problem(
                    ("entities", name), f"there is no such contract. Use {choices(name, self.contracts)}."
                )
                continue
            if name in wrong:
                continue
            entity = self._entity(connector, name, content["entities"][name], zone)
            if entity:
                entities[name] = entity
                if "valid_from" not in content and (problem := self._needs_start(entity)):
                    self.problem(("entities", name), problem)
        self._stop()
        return Site(
            source_id=content["source_id"],
            names=content["names"],
            path=self.path,
            connector=connector,
            connection=content.get("connection"),
            system=content.get("system", content["source_id"]),
            at_once=content.get("at_once", 2),
            projects=tuple(content.get("projects", [])),
            time_zone=zone,
            valid_from=valid_from,
            entities=entities,
            remarks=tuple(self.remarks),
        )

    @staticmethod
    def _needs_start(entity: Entity) -> str | None:
        """Why the site has to say since when it is valid, or None when it need not."""
        if entity.options.is_incremental:
            return "is pulled day by day. Add valid_from: YYYY-MM-DD, the first day to ask for, to the site."
        if entity.contract.event_date is None and not entity.options.is_dated:
            return (
                "its deliveries carry no day or month. Add valid_from: YYYY-MM-DD to the site, "
                "or {day:%Y-%m-%d} to the name of its files."
            )
        return None

    def _stop(self) -> None:
        if self.problems:
            raise SiteError(self.problems)

    def _check_zone(self, place: tuple[Any, ...], zone: str) -> None:
        if zone not in _time_zones():
            known = difflib.get_close_matches(zone, sorted(_time_zones()), 1)
            self.problem(
                place,
                f"{zone!r} is not a time zone. "
                f"Write an IANA name such as {known[0] if known else 'Asia/Shanghai'}.",
            )

    def _entity(self, connector: str, name: str, given: dict[str, Any], zone: str) -> Entity | None:
        place: tuple[Any, ...] = ("entities", name)
        before = len(self.problems)
        latest = self.contracts[name]
        version = given.get("contract", latest.version)
        if version not in latest.versions:
            self.problem(
                (*place, "contract"),
                f"the contract {name} has no version {version}. "
                f"Use {one_of(map(str, latest.versions))}, or remove the line.",
            )
            version = latest.version
        contract = latest.at(version)
        options = sources.connector(connector).options(self, place, given, contract)
        nulls = tuple(given.get("null_values", [""]))
        fields = {}
        for field_name, mapping in given["fields"].items():
            if field_name not in contract.fields:
                self.problem((*place, "fields", field_name), self._no_field(contract, latest, field_name))
                continue
            fields[field_name] = self._field(contract, field_name, mapping, zone, nulls)
        for required in (item.name for item in contract.fields.values() if item.required):
            if required not in given["fields"]:
                self.problem(
                    (*place, "fields"),
                    f"{required} is missing, which the contract requires. Map it to a column.",
                )
        event = contract.event_date
        if event and event in fields and len(fields[event].columns) != 1:
            self.problem((*place, "fields", event), "the event date must come from exactly one column.")
        if event and event in fields and fields[event].is_optional:
            self.problem((*place, "fields", event), "the event date cannot be optional. Remove optional.")
        if len(self.problems) > before:
            return None
        return Entity(
            name=name,
            contract=contract,
            options=options,
            other_columns=tuple(fold(column) for column in given.get("other_columns", [])),
            may_be_empty=given.get("may_be_empty", options.is_incremental),
            expected=_expected(given["expected"]) if "expected" in given else None,
            fields=fields,
        )

    @staticmethod
    def _no_field(contract: Contract, latest: Contract, name: str) -> str:
        """Why a field cannot be mapped."""
        if name in latest.fields:
            return (
                f"came with version {latest.fields[name].since} of the contract, and the deliveries are said to "
                f"meet version {contract.version}. Raise contract, or remove the field."
            )
        return f"the contract {contract.entity} has no such field. Use {choices(name, contract.fields)}."

    def _field(
        self, contract: Contract, name: str, given: str | dict[str, Any], zone: str, nulls: tuple[str, ...]
    ) -> FieldMapping:
        place = ("entities", contract.entity, "fields", name)
        mapping: dict[str, Any] = {"column": given} if isinstance(given, str) else given
        kinds = [key for key in ("column", "columns", "constant") if key in mapping]
        if len(kinds) != 1:
            self.problem(place, "needs exactly one of column, columns and constant.")
        labels = tuple(
            mapping.get("columns") or [mapping["column"]] if "constant" not in mapping and kinds else ()
        )
        spec = contract.fields[name]
        is_moment = spec.type in ("timestamp", "date")
        pattern = template = declared = None
        own_zone: str | None = None
        if is_moment and labels:
            declared = mapping.get("format", ISO)
            own_zone = mapping.get("time_zone", zone)
            if "time_zone" in mapping:
                self._check_zone((*place, "time_zone"), own_zone)
            try:
                compiled = compile_format(declared)
                pattern, template = compiled.pattern, compiled.template
                own_zone = None if compiled.has_offset else own_zone
            except DateFormatError as error:
                self.problem((*place, "format"), f"{error}.")
        elif "format" in mapping:
            self.problem(
                (*place, "format"), f"{name} is of type {spec.type}; only dates have a format. Remove it."
            )
        codes = self._codes(place, mapping)
        for value, code in codes.items():
            if spec.vocabulary and code not in spec.vocabulary:
                self.problem(
                    (*place, "codes", value),
                    f"{code!r} is not in the contract's vocabulary {list(spec.vocabulary)}.",
                )
        constant = mapping.get("constant")
        if constant is not None and spec.vocabulary and constant not in spec.vocabulary:
            self.problem(
                (*place, "constant"),
                f"{constant!r} is not in the contract's vocabulary {list(spec.vocabulary)}.",
            )
        # A value with a code of its own is not "absent", even when it is empty.
        absent = tuple(value for value in mapping.get("null_values", nulls) if value not in codes)
        return FieldMapping(
            columns=tuple(fold(label) for label in labels),
            labels=labels,
            separator=mapping.get("separator", " "),
            constant=constant,
            format=declared,
            pattern=pattern,
            template=template,
            time_zone=own_zone,
            null_values=absent,
            codes=codes,
            is_open_code=mapping.get("unmapped", "reject") == "keep",
            is_optional=mapping.get("optional", False),
        )

    def _codes(self, place: tuple[Any, ...], mapping: dict[str, Any]) -> dict[str, str]:
        codes = {str(value).strip(): str(code) for value, code in mapping.get("codes", {}).items()}
        given = mapping.get("codes_file")
        if not given:
            return codes
        place = (*place, "codes_file")
        relative = PurePosixPath(given["file"])
        path = self.path.parent / relative
        if relative.is_absolute() or ".." in relative.parts or path.is_symlink():
            self.problem(
                place, f"{given['file']!r} leaves the site's folder. Put the file beside the site file."
            )
            return codes
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.DictReader(stream)
                absent = [
                    given[key] for key in ("value", "code") if given[key] not in (reader.fieldnames or [])
                ]
                if absent:
                    self.problem(
                        place, f"{path} has no column {', '.join(absent)}. It has {reader.fieldnames}."
                    )
                    return codes
                for row in reader:
                    value, code = (row[given["value"]] or "").strip(), (row[given["code"]] or "").strip()
                    if codes.setdefault(value, code) != code:
                        self.problem(
                            place,
                            f"{path}: {value!r} has two codes, {codes[value]!r} and {code!r}. Keep one.",
                        )
            if not codes:
                self.remarks[
                    f"{path} holds no codes yet: values pass as they are. Add a line per value of the source."
                ] = None
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            self.problem(place, f"{path} cannot be read: {error}.")
        return codes


def _expected(given: dict[str, Any]) -> Expected:
    return Expected(
        every=given["every"],
        by=time.fromisoformat(given["by"]),
        after_days=given.get("after_days", 1),
        is_required=given.get("required", True),
        if_missing=given.get("if_missing", "wait"),
    )


@cache
def _time_zones() -> set[str]:
    """Every zone there is; asked for once, since it walks a folder."""
    return available_timezones()
