"""The JSON Schema of site files for editors: ``sites/schema.json``.

It says more than the check of a file does (``site_file``): what each key and field means, which codes a
field takes. It is written by ``yardstick site schema``; a test holds the file to the code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yardstick import contracts as contracts_module
from yardstick import sources
from yardstick.contracts import Contract, Field
from yardstick.settings import project_root
from yardstick.sources import site_file

TEMPLATE_KIND = "site_template"
_TEXT = {"type": "string", "minLength": 1}
_BILINGUAL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["zh", "en"],
    "properties": {"zh": _TEXT, "en": _TEXT},
}
TEMPLATE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["documentation", "cannot"],
    "properties": {
        "documentation": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["title", "url"],
                "properties": {"title": _TEXT, "url": {"type": "string", "pattern": "^https://"}},
            },
        },
        "connection": {"type": "object"},
        "asks": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z][a-z_]*$"},
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["default", "zh", "en"],
                "properties": {"default": {"type": ["string", "integer"]}, "zh": _TEXT, "en": _TEXT},
            },
        },
        "cannot": {"type": "array", "items": _BILINGUAL},
    },
}
"""The block ``template`` of a site template (``site_template``)."""

_MEANINGS = {
    "kind": "site; or site_template, which no installation takes for one of its sites.",
    "source_id": "Identifier of the source: small letters, digits, _. It never changes.",
    "names": "Name of the source in zh and en.",
    "connector": "How deliveries come: files, rest or database.",
    "connection": "Id of the Airflow connection that knows the address and the login. No secret stands here.",
    "system": "What shares one limit of pulls at once; the source itself unless named.",
    "at_once": "How many pulls of the system may run side by side (default 2).",
    "projects": "The projects it covers; left out: every project of the company.",
    "time_zone": "IANA name of the zone its clocks and business days are in, such as Asia/Shanghai.",
    "valid_from": "First day (2026-01-31) that pulls ask for, and the day undated master data is filed under.",
    "notes": "Remarks for people.",
    "entities": "What it delivers, by contract (expectations/contracts/).",
    # an entity
    "contract": "Version of the contract that the deliveries meet; left out: the present one.",
    "expected": "When a delivery has to be there, and what happens when it is not.",
    "may_be_empty": "true: a delivery without rows says that nothing happened, and is no fault.",
    "null_values": "Texts that mean that there is no value (default: the empty one).",
    "other_columns": "Columns that are known and not read; any further one is told as new.",
    "fields": "Contract field: how it is read. A column's name, or a mapping.",
    "expected.every": "What one delivery stands for: a day or a month.",
    "expected.by": 'Time of day of the deadline in the source\'s zone, quoted: "06:00".',
    "expected.after_days": "Days after the end of what it stands for (default 1: the next day).",
    "expected.required": "Whether days wait for it (default true).",
    "expected.if_missing": "Past the deadline: wait on, or carry_on without it; what lacks it is marked.",
    # a field
    "field.column": "The source's column.",
    "field.columns": "Several columns, joined in this order.",
    "field.separator": "Stands between the values of several columns (default: a space).",
    "field.constant": "The value of every row, instead of a column.",
    "field.format": "How a date is written: %Y-%m-%d %H:%M and the like, iso_offset (ISO 8601 with its offset) "
    "or excel_serial; left out: ISO 8601 without one.",
    "field.codes": "Source value: the contract's code.",
    "field.codes_file": "A csv file beside the site file that holds the codes.",
    "field.unmapped": "A value without a code: reject the row (default), or keep the value.",
    "field.optional": "true: deliveries without the column land all the same.",
    "codes_file.file": "The csv file, beside the site file.",
    "codes_file.value": "Its column with the source's values.",
    "codes_file.code": "Its column with the contract's codes.",
    # connector files
    "folder": "Where they lie; one of data, site and remote.",
    "folder.data": "Path below the data folder.",
    "folder.site": "Path beside this file.",
    "folder.remote": "Path below the connection's.",
    "files": "Name of the files, with at most one {day:%Y-%m-%d} or {month:%Y-%m}, and * for anything.",
    "manifest": "Name of the lists of what was delivered, dates as in files: only what they list is taken.",
    "member": "Name of the file inside a zip archive, * for anything; needed where more than one could be meant.",
    "members": "one (default): exactly one member is the delivery; all: every one that matches, as one table.",
    "format": "csv, tsv or xlsx, also inside an archive; left out: by their name.",
    "encoding": "Declared encoding of text files: utf-8 (default), gb18030, …",
    "delimiter": "Separates the cells of a text file (default: a comma; of tsv: a tab).",
    "quote": 'Quotation mark of a text file (default "); empty: none.',
    "header_row": "Number of the row with the column names, from 1; find: the first of 30 that holds them all.",
    "header_rows": "How many rows the column names take up (default 1); upper and lower names are joined.",
    "totals": "How rows of totals begin (合计, 共{rows}条; * for anything, {rows} is checked): no data, told.",
    "skip_last_rows": "So many rows at the end are remarks: no data, told.",
    "sheet": "Name of the sheet; left out: the only visible one.",
    "settle_seconds": "A file changed more recently than this is left for the next look.",
    "max_uncompressed_bytes": "A file that unpacks to more is refused.",
    "max_cells": "A sheet that spans more cells is refused.",
    # a template
    "template": "What a site template says of itself; a site made from it has none of this.",
    "template.documentation": "The vendor's pages it was made by.",
    "template.connection": "The Airflow connection to define, as its JSON.",
    "template.asks": "What differs from company to company; <name> in the file stands for the answer.",
    "template.cannot": "What the system has and this mapping does not bring.",
    # connector rest
    "path": "Path below the connection's address, such as /api/v1/tickets.",
    "params": "Query parameters of the first request; with incremental they may hold {from} and {until}.",
    "records": "JSONPath of the rows in a page, such as data.items (default: the page is the list).",
    "records_may_be_null": "true: null in that place is a page without rows.",
    "total": "JSONPath of the number of rows in the whole pull, when the API tells it.",
    "pagination": "How to get from page to page.",
    "pagination.kind": "cursor, offset, page, link_header, next_url or none.",
    "pagination.param": "Query parameter of the cursor, offset or page number.",
    "pagination.next": "JSONPath of the next cursor or address.",
    "pagination.more": "JSONPath of a boolean that is false on the last page.",
    "pagination.last": "JSONPath of a boolean that is true on the last page.",
    "pagination.limit": "Rows asked for per page.",
    "pagination.limit_param": "Query parameter of the limit (default limit).",
    "pagination.first": "Number of the first page (default 1).",
    "pagination.pages": "JSONPath of the number of pages.",
    "pagination.rel": "Relation of the next link in the header Link (default next).",
    "incremental": "One pull per whole day, of the rows changed on it; left out: everything, every time.",
    "incremental.from": "Query parameter of the window's start; or write {from} in params.",
    "incremental.until": "Query parameter of its end, which is not in the window; or write {until} in params.",
    "incremental.format": "How a moment is written: iso, utc, epoch, epoch_ms, or strptime notation.",
    "incremental.overlap_minutes": "How much earlier than its day a window starts (default 60).",
    "incremental.column": "Column that says when a row was changed; rows outside the window are told.",
    "incremental.ordered": "true: rows come in the order of column; a pull ends with the page past its window.",
    "incremental.within": "When a row happened, where histories come whole: rows outside the window are left out.",
    "incremental.type": "What {from} and {until} stand for: timestamp (default), date or epoch.",
    "lists": "Lists in a row, by path: each item a row; first, last: that item alone; by: an object by a key.",
    "lists.by": "Key of the items: custom_fields by id gives the column custom_fields.36001.value.",
    "named": "Column made: which of these keys the object that it stands in has.",
    "spread": "Columns whose meaning another one names become columns apart, such as newvalue[state].",
    "spread.by": "Column that names what changed.",
    "spread.columns": "Columns to be told apart.",
    "first_of": "Column made: the first of these columns that is not empty.",
    "keep": "Rows whose column holds anything else are no data of this entity: told, not landed.",
    "max_pages": "A pull of more pages is refused.",
    "max_page_bytes": "A longer answer is refused.",
    "max_wait_seconds": "Longest wait that the source may ask for.",
    "timeout_seconds": "Longest silence while waiting for an answer.",
    "resume_hours": "An interrupted pull that began longer ago starts again.",
    # connector database
    "query": "One SELECT; with incremental it asks for rows changed from {from} on and before {until}.",
    "statement_timeout_seconds": "A query that takes longer is ended.",
    "lock_timeout_seconds": "A query that waits longer for a lock is ended.",
    "max_rows": "A pull that brings more is refused.",
    "max_bytes": "A pull that brings more is refused.",
    "max_cell_characters": "A pull with a longer text is refused.",
}
"""What each key means: of what it stands in (``pagination.kind``) first, else wherever it stands."""


def editor_schema(contracts: Mapping[str, Contract] | None = None) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of any site file.

    Args:
        contracts: contracts by entity; default: those of the checkout.
    """
    contracts = contracts or contracts_module.load_contracts()
    definitions: dict[str, Any] = {name: _own(contract) for name, contract in contracts.items()}
    definitions["field"] = _explained(site_file.FIELD, "field")
    definitions["template"] = _explained(TEMPLATE, "template")
    for connector in sources.CONNECTORS:
        whole = _explained(site_file.schema(connector))
        whole["properties"]["kind"] = {"description": _MEANINGS["kind"]}  # what it may be is said once, below
        whole["properties"]["template"] = {
            "description": _MEANINGS["template"],
            "$ref": "#/$defs/template",
        }
        entities = whole["properties"]["entities"]
        definitions[f"{connector}_entity"] = _open_fields(entities.pop("additionalProperties"))
        entities["properties"] = {
            name: {"allOf": [{"$ref": f"#/$defs/{connector}_entity"}, {"$ref": f"#/$defs/{name}"}]}
            for name in contracts
        }
        entities["additionalProperties"] = False
        definitions[connector] = whole
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Site file",
        "description": "One source system: how its deliveries come and how their columns map to the contracts.",
        "type": "object",
        "required": ["kind", "connector"],
        "properties": {
            "kind": {"enum": [site_file.KIND, TEMPLATE_KIND], "description": _MEANINGS["kind"]},
            "connector": {"enum": list(sources.CONNECTORS), "description": _MEANINGS["connector"]},
        },
        "allOf": [
            {
                "if": {"properties": {"connector": {"const": name}}, "required": ["connector"]},
                "then": {"$ref": f"#/$defs/{name}"},
            }
            for name in sources.CONNECTORS
        ],
        "$defs": definitions,
    }


def text() -> str:
    """The schema as it stands in ``sites/schema.json``."""
    return json.dumps(editor_schema(), ensure_ascii=False, indent=1) + "\n"


def path() -> Path:
    """Where the schema of the checkout stands."""
    return project_root() / "sites/schema.json"


def _own(contract: Contract) -> dict[str, Any]:
    """What an entity has of its own, whatever the connector."""
    first = contract.at(contract.versions[0])
    return {
        "description": _meaning(contract.names),
        "properties": {
            "contract": {"enum": list(contract.versions)},
            "fields": {
                "additionalProperties": False,
                "required": [item.name for item in first.fields.values() if item.required],
                "properties": {name: _field(item) for name, item in contract.fields.items()},
            },
        },
    }


def _field(item: Field) -> dict[str, Any]:
    told = [_meaning(item.meaning), item.type + (f", {item.unit}" if item.unit else "")]
    if item.required:
        told.append("required")
    if item.references or item.refers_to:
        told.append(f"refers to {item.references or item.refers_to}")
    if item.vocabulary:
        told.append("one of " + ", ".join(item.vocabulary))
    if item.since > 1:
        told.append(f"since version {item.since}")
    more: dict[str, Any] = {}
    if item.vocabulary:
        codes = {"enum": list(item.vocabulary)}
        more = {"codes": {"additionalProperties": codes}, "constant": codes}
    if item.type not in ("date", "timestamp"):
        more["format"] = False
    described: dict[str, Any] = {"description": " · ".join(told), "$ref": "#/$defs/field"}
    return {**described, "properties": more} if more else described


def _open_fields(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity whose fields are told by its contract instead."""
    fields = {"description": _MEANINGS["fields"], "type": "object"}
    return {**entity, "properties": {**entity["properties"], "fields": fields}}


def _meaning(names: Mapping[str, str]) -> str:
    return f"{names['zh']} · {names['en']}"


def _explained(schema: Any, inside: str = "") -> Any:
    """The schema with what each of its keys means.

    Args:
        schema: a JSON Schema, or a part of one.
        inside: the key that it is the schema of.
    """
    if isinstance(schema, list):
        return [_explained(part, inside) for part in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: _explained(part, inside) for key, part in schema.items() if key != "properties"}
    if "properties" in schema:
        copy["properties"] = {key: _told(key, part, inside) for key, part in schema["properties"].items()}
    return copy


def _told(key: str, schema: Any, inside: str) -> Any:
    meaning = _MEANINGS.get(f"{inside}.{key}", _MEANINGS.get(key))
    return {**({"description": meaning} if meaning else {}), **_explained(schema, key)}
