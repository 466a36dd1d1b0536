"""Sites: one YAML file per source system, read, checked against a schema, and registered.

Every problem of a file is collected and told at once, each with file, line, place and what to do.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import jsonschema
import psycopg
import yaml

from yardstick import contracts as contracts_module
from yardstick.contracts import Contract
from yardstick.sources import pattern as pattern_module
from yardstick.sources.dates import ISO, DateFormatError, compile_format
from yardstick.sources.fold import fold

KIND = "site"
GIB = 1 << 30

_TEXT = {"type": "string"}
_NON_EMPTY = {"type": "string", "minLength": 1}
_CODES = {"type": "object", "additionalProperties": {"type": ["string", "integer"]}, "minProperties": 1}
_FIELD = {
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
_ENTITY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["folder", "files", "fields"],
    "properties": {
        "folder": {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {"data": _NON_EMPTY, "site": _NON_EMPTY},
        },
        "files": _NON_EMPTY,
        "format": {"enum": ["csv", "xlsx"]},
        "encoding": _NON_EMPTY,
        "delimiter": {"type": "string", "minLength": 1, "maxLength": 1},
        "quote": {"type": "string", "maxLength": 1},
        "header_row": {"type": "integer", "minimum": 1},
        "sheet": _NON_EMPTY,
        "null_values": {"type": "array", "items": _TEXT},
        "other_columns": {"type": "array", "items": _TEXT},
        "may_be_empty": {"type": "boolean"},
        "settle_seconds": {"type": "number", "minimum": 0},
        "max_uncompressed_bytes": {"type": "integer", "minimum": 1},
        "max_cells": {"type": "integer", "minimum": 1},
        "fields": {"type": "object", "additionalProperties": _FIELD, "minProperties": 1},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["kind", "source_id", "names", "connector", "time_zone", "entities"],
    "properties": {
        "kind": {"const": KIND},
        "source_id": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"},
        "names": {
            "type": "object",
            "required": ["zh", "en"],
            "additionalProperties": _NON_EMPTY,
        },
        "connector": {"const": "files"},
        "time_zone": _NON_EMPTY,
        "valid_from": _NON_EMPTY,
        "notes": _TEXT,
        "entities": {"type": "object", "additionalProperties": _ENTITY, "minProperties": 1},
    },
}


class SiteError(ValueError):
    """One or more site files are wrong.

    Attributes:
        problems: one line each: ``file:line: place: what is wrong. What to do.``
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class FieldMapping:
    """How one contract field is read from the source's columns.

    Attributes:
        columns: folded column names; empty for a constant.
        labels: the same columns as the site file spells them, for messages.
        separator: stands between the values of several columns.
        constant: the value of every row, instead of columns.
        format: declared date format (``iso`` or strptime notation); None for other types.
        pattern: the format as a regular expression.
        template: replacement that turns a match into text PostgreSQL reads.
        time_zone: zone of a value without offset; None when the value carries one or is no time.
        null_values: texts that mean "absent".
        codes: code by source value; empty when the field is not coded.
        is_open_code: values without a code pass unchanged.
        is_optional: a file without the column still lands.
    """

    columns: tuple[str, ...]
    labels: tuple[str, ...]
    separator: str
    constant: str | None
    format: str | None
    pattern: str | None
    template: str | None
    time_zone: str | None
    null_values: tuple[str, ...]
    codes: Mapping[str, str] = field(hash=False)
    is_open_code: bool
    is_optional: bool


@dataclass(frozen=True)
class Entity:
    """Where one entity's files are, how they are read, and how their columns map to the contract.

    Attributes:
        name: entity name, as in its contract.
        contract: the contract.
        base: ``data`` (below the data folder) or ``site`` (below the site file's folder).
        folder: folder relative to the base.
        pattern: which file names belong to it and which days a name vouches for.
        format: ``csv`` or ``xlsx``.
        encoding: declared encoding of a csv file.
        delimiter: cell separator of a csv file.
        quote: quotation mark of a csv file; empty for none.
        header_row: number of the header row, from 1.
        sheet: name of the sheet; None for the only visible one.
        other_columns: folded names of columns that are known but not mapped.
        may_be_empty: a file with a header and no rows is a delivery of nothing, not a fault.
        settle_seconds: a file changed more recently than this is left alone.
        max_uncompressed_bytes: a file that unpacks to more is refused.
        max_cells: a sheet that spans more cells is refused.
        fields: mapping by contract field.
    """

    name: str
    contract: Contract = field(hash=False)
    base: str
    folder: str
    pattern: pattern_module.FilePattern
    format: str
    encoding: str
    delimiter: str
    quote: str
    header_row: int
    sheet: str | None
    other_columns: tuple[str, ...]
    may_be_empty: bool
    settle_seconds: float
    max_uncompressed_bytes: int
    max_cells: int
    fields: Mapping[str, FieldMapping] = field(hash=False)

    def reading_sha256(self, zone: str, valid_from: date | None) -> str:
        """Hash of everything that decides how bytes become cells, days and structural faults."""
        event = self.contract.event_date
        mapping = self.fields[event] if event else None
        content = [
            [self.format, self.encoding, self.delimiter, self.quote, self.header_row, self.sheet],
            [self.pattern.text, zone, str(valid_from), self.may_be_empty],
            mapping and [event, mapping.columns, mapping.format],
            sorted(
                [name, *self.fields[name].columns]
                for name in self.contract.identifiers
                if name in self.fields
            ),
            sorted(column for m in self.fields.values() if not m.is_optional for column in m.columns),
            [self.max_uncompressed_bytes, self.max_cells],
        ]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Site:
    """One source system.

    Attributes:
        source_id: its identifier.
        names: label by language.
        path: the site file.
        time_zone: IANA name of the zone its clocks and business days are in.
        valid_from: day under which undated master data is filed; None when nothing needs it.
        entities: by name, master data first.
        config_sha256: hash of all that is registered.
    """

    source_id: str
    names: Mapping[str, str] = field(hash=False)
    path: Path
    time_zone: str
    valid_from: date | None
    entities: Mapping[str, Entity] = field(hash=False)
    config_sha256: str

    @property
    def zone(self) -> ZoneInfo:
        """The time zone, ready for use."""
        return ZoneInfo(self.time_zone)

    @property
    def folder(self) -> Path:
        """Folder of the site file."""
        return self.path.parent


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
        seen[site.source_id] = path
        sites.append(site)
    if not sites and not problems:
        problems.append(f"{folder}: no site file here. Put a YAML file with 'kind: site' into it.")
    if problems:
        raise SiteError(problems)
    return sorted(sites, key=lambda site: site.source_id)


def _read(path: Path, contracts: Mapping[str, Contract], *, required: bool) -> Site | None:
    try:
        text = path.read_text(encoding="utf-8")
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            content = loader.construct_document(node) if node else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SiteError([f"{path}:{line}: not YAML: {error.problem}. Correct the line."]) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SiteError([f"{path}: cannot be read: {error}. Save it as UTF-8 YAML."]) from None
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
        for error in sorted(jsonschema.Draft202012Validator(SCHEMA).iter_errors(self.content), key=str):
            self._schema_problem(error)
        self._stop()
        content = self.content
        zone = content["time_zone"]
        self._check_zone(("time_zone",), zone)
        valid_from = None
        if "valid_from" in content:
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
                    ("entities", name), f"there is no such contract. Use {_choices(name, self.contracts)}."
                )
                continue
            entity = self._entity(name, content["entities"][name], zone)
            if entity:
                entities[name] = entity
                undated = entity.pattern.kind is None and entity.contract.event_date is None
                if undated and "valid_from" not in content:
                    self.problem(
                        ("entities", name, "files"),
                        "the file name carries no day or month. Add valid_from: YYYY-MM-DD to the site, "
                        "or {day:%Y-%m-%d} to the name.",
                    )
        self._stop()
        return Site(
            source_id=content["source_id"],
            names=content["names"],
            path=self.path,
            time_zone=zone,
            valid_from=valid_from,
            entities=entities,
            config_sha256=_config_sha256(content["names"], zone, entities),
        )

    def _stop(self) -> None:
        if self.problems:
            raise SiteError(self.problems)

    def _schema_problem(self, error: jsonschema.ValidationError) -> None:
        place = tuple(error.absolute_path)
        if error.validator == "anyOf" and error.context:
            # Of "a name or a mapping", tell what is wrong with the one that was meant.
            meant = [inner for inner in error.context if inner.validator != "type"]
            for inner in meant or [error.context[0]]:
                self._schema_problem(inner)
            return
        if error.validator == "additionalProperties" and isinstance(error.instance, dict):
            known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
            for key in error.instance:
                if known and key not in known:
                    self.problem((*place, key), f"is not known here. Use {_choices(str(key), known)}.")
            return
        if error.validator == "required":
            missing = re.sub(r"' is a required property.*", "", error.message).lstrip("'")
            self.problem(place, f"{missing} is missing. Add it.")
            return
        hints = {
            "type": f"must be of type {error.validator_value}",
            "enum": f"must be one of {error.validator_value}",
            "const": f"must be {error.validator_value!r}",
            "pattern": f"must match {error.validator_value}",
            "minLength": "must not be empty",
            "maxLength": f"must be at most {error.validator_value} character(s) long",
            "minItems": f"needs at least {error.validator_value} entries",
            "minProperties": "must not be empty",
            "maxProperties": "names more than one folder",
            "minimum": f"must be at least {error.validator_value}",
        }
        shown = error.instance if isinstance(error.instance, (str, int, float, bool, type(None))) else "this"
        self.problem(place, f"{shown!r} {hints.get(str(error.validator), error.message)}.")

    def _check_zone(self, place: tuple[Any, ...], zone: str) -> None:
        if zone not in available_timezones():
            known = difflib.get_close_matches(zone, sorted(available_timezones()), 1)
            self.problem(
                place,
                f"{zone!r} is not a time zone. "
                f"Write an IANA name such as {known[0] if known else 'Asia/Shanghai'}.",
            )

    def _entity(self, name: str, given: dict[str, Any], zone: str) -> Entity | None:
        place: tuple[Any, ...] = ("entities", name)
        before = len(self.problems)
        contract = self.contracts[name]
        ((base, folder),) = given["folder"].items()
        if PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts:
            self.problem(
                (*place, "folder", base),
                f"{folder!r} leaves its base folder. Write a path below it, without ..",
            )
        try:
            pattern = pattern_module.compile_pattern(given["files"])
        except pattern_module.FilePatternError as error:
            self.problem((*place, "files"), str(error))
            pattern = None
        kind = given.get("format") or (
            "xlsx" if given["files"].lower().endswith((".xlsx", ".xlsm")) else "csv"
        )
        encoding = given.get("encoding", "utf-8")
        try:
            "".encode(encoding)
            b"".decode(encoding)
        except (LookupError, UnicodeError, TypeError):
            self.problem((*place, "encoding"), f"{encoding!r} is not an encoding. Write utf-8, gb18030, …")
        nulls = tuple(given.get("null_values", [""]))
        fields = {}
        for field_name, mapping in given["fields"].items():
            if field_name not in contract.fields:
                self.problem(
                    (*place, "fields", field_name),
                    f"the contract {name} has no such field. Use {_choices(field_name, contract.fields)}.",
                )
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
        if len(self.problems) > before or pattern is None:
            return None
        return Entity(
            name=name,
            contract=contract,
            base=base,
            folder=folder,
            pattern=pattern,
            format=kind,
            encoding=encoding,
            delimiter=given.get("delimiter", ","),
            quote=given.get("quote", '"'),
            header_row=given.get("header_row", 1),
            sheet=given.get("sheet"),
            other_columns=tuple(fold(column) for column in given.get("other_columns", [])),
            may_be_empty=given.get("may_be_empty", False),
            settle_seconds=float(given.get("settle_seconds", 0)),
            max_uncompressed_bytes=given.get("max_uncompressed_bytes", GIB if kind == "xlsx" else 4 * GIB),
            max_cells=given.get("max_cells", 20_000_000),
            fields=fields,
        )

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
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            self.problem(place, f"{path} cannot be read: {error}.")
        return codes


def _choices(given: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(given, list(known), 1)
    return f"{close[0]!r}" if close else "one of " + ", ".join(known)


def _registered_fields(entities: Mapping[str, Entity]) -> Iterator[tuple[str, str, FieldMapping]]:
    for entity in entities.values():
        for name, mapping in entity.fields.items():
            yield entity.name, name, mapping


def _config_sha256(names: Mapping[str, str], zone: str, entities: Mapping[str, Entity]) -> str:
    content = [
        dict(sorted(names.items())),
        zone,
        sorted(
            (_row(entity, name, mapping), sorted(mapping.codes.items()))
            for entity, name, mapping in _registered_fields(entities)
        ),
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def _row(entity: str, name: str, mapping: FieldMapping) -> list[Any]:
    return [
        entity,
        name,
        list(mapping.columns),
        mapping.separator,
        mapping.constant,
        mapping.format,
        mapping.pattern,
        mapping.template,
        mapping.time_zone,
        list(mapping.null_values),
        bool(mapping.codes),
        mapping.is_open_code,
    ]


def register(connection: psycopg.Connection[Any], site: Site) -> bool:
    """Write a site into ``ops.source``, ``ops.source_field`` and ``ops.source_code``.

    Rewritten only when the site file changed what is registered. A changed mapping gives old rows a
    new reading, so every delivery of an entity whose mapping changed becomes dirty and is built again.
    The caller commits.

    Returns:
        True when something was written.
    """
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"source {site.source_id}"])
    known = connection.execute(
        "select config_sha256, site_file from ops.source where source_id = %s", [site.source_id]
    ).fetchone()
    if known and known[0] == site.config_sha256:
        return False
    before = _registered(connection, site.source_id)
    connection.execute(
        "insert into ops.source (source_id, names, site_file, time_zone, config_sha256) "
        "values (%s, %s, %s, %s, %s) "
        "on conflict (source_id) do update set names = excluded.names, site_file = excluded.site_file, "
        "time_zone = excluded.time_zone, config_sha256 = excluded.config_sha256, registered_at = now()",
        [
            site.source_id,
            json.dumps(dict(site.names), ensure_ascii=False),
            site.path.name,
            site.time_zone,
            site.config_sha256,
        ],
    )
    connection.execute("delete from ops.source_field where source_id = %s", [site.source_id])
    with connection.cursor().copy(
        "copy ops.source_field (source_id, entity, field, source_columns, separator, constant, format, "
        "pattern, template, time_zone, null_values, is_coded, is_open_code) from stdin"
    ) as copy:
        for entity, name, mapping in _registered_fields(site.entities):
            copy.write_row([site.source_id, *_row(entity, name, mapping)])
    with connection.cursor().copy(
        "copy ops.source_code (source_id, entity, field, source_value, code) from stdin"
    ) as copy:
        for entity, name, mapping in _registered_fields(site.entities):
            for value, code in mapping.codes.items():
                copy.write_row([site.source_id, entity, name, value, code])
    if known:
        after = _registered(connection, site.source_id)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        connection.execute(
            "update ops.delivery set audited_build_id = null "
            "where source_id = %s and entity = any(%s) and audited_build_id is not null",
            [site.source_id, changed],
        )
    return True


def _registered(connection: psycopg.Connection[Any], source_id: str) -> dict[str, str]:
    """What is registered of each entity, as text that can be compared."""
    return dict(
        connection.execute(
            """
            select f.entity, string_agg(f::text || coalesce(c.codes, ''), E'\\n' order by f.field)
            from ops.source_field as f
            left join lateral (
                select string_agg(c::text, ',' order by c.source_value) as codes
                from ops.source_code as c
                where (c.source_id, c.entity, c.field) = (f.source_id, f.entity, f.field)
            ) as c on true
            where f.source_id = %s
            group by f.entity
            """,
            [source_id],
        ).fetchall()
    )
