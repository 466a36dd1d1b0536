"""A site file being made: what was guessed and what a person said, and the YAML they become."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from yardstick.contracts import Contract, Field
from yardstick.sources import guess as guess_module
from yardstick.sources.fold import fold
from yardstick.sources.guess import EntityGuess, FieldGuess
from yardstick.sources.sample import Table

_CODES_ON_ONE_LINE = 100
_TOLD_VALUES = 12


class DraftError(ValueError):
    """What a person said cannot be used; the message says why and what to say."""


@dataclass
class EntityDraft:
    """One entity of the file.

    Attributes:
        contract: its contract.
        table: the sample it was guessed from.
        keys: the connector's keys, in the order they are written.
        fields: how each mapped field is read, by name.
    """

    contract: Contract
    table: Table
    keys: dict[str, Any]
    fields: dict[str, FieldGuess] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Table, contract: Contract, keys: dict[str, Any], found: EntityGuess) -> EntityDraft:
        """The draft that a guess proposes."""
        by_field = {name: (column, score) for column, (name, score) in found.columns.items()}
        made = cls(contract, table, keys)
        for name, item in contract.fields.items():
            if name in by_field:
                column, score = by_field[name]
                made.fields[name] = guess_module.describe(contract, item, table, column, score)
        return made

    def settle_empty_dates(self) -> None:
        """Give a date that the sample never shows the format of the event date, or of the first of its kind."""
        for name, one in self.fields.items():
            kind = self.contract.fields[name].type
            if kind not in ("date", "timestamp") or one.format or one.readings or one.column is None:
                continue
            order = [self.contract.event_date, *self.fields]
            sister = next(
                (
                    each
                    for each in order
                    if each in self.fields
                    and self.contract.fields[each].type == kind
                    and self.fields[each].format
                ),
                None,
            )
            if sister and not any(self.table.column(one.column)):
                one.format = self.fields[sister].format
                one.note = f"empty in the sample: the format is that of {sister}"

    def say(self, text: str) -> None:
        """Take what a person says of a field.

        Args:
            text: ``field=column``, ``field==constant``, ``field=-`` (not delivered) or
                ``field~date format``.

        Raises:
            DraftError: for an unknown field, column or format.
        """
        said = re.fullmatch(r"\s*([A-Za-z0-9_]+)\s*(==|=|~)\s*(.*?)\s*", text)
        if said is None:
            raise DraftError(f"{text!r}: write field=column, field==constant, field=- or field~date format.")
        name, sign, value = said.groups()
        item = self._item(name)
        if sign == "==":
            self._check_constant(item, value)
            self.fields[name] = FieldGuess(None, constant=value)
        elif sign == "~":
            self.set_format(name, value)
        elif value in ("-", ""):
            self.fields.pop(name, None)
        else:
            column = self._column(value)
            for other in [each for each, one in self.fields.items() if one.column == column and each != name]:
                if self.fields[other].score < 1:  # a guess makes way for what is known
                    del self.fields[other]
            self.fields[name] = guess_module.describe(self.contract, item, self.table, column)

    def _item(self, name: str) -> Field:
        if name not in self.contract.fields:
            close = guess_module.closest(name, self.contract.fields)
            raise DraftError(f"{self.contract.entity} has no field {name!r}. {close}")
        return self.contract.fields[name]

    def _column(self, value: str) -> str:
        for column in self.table.header:
            if fold(column) == fold(value):
                return column
        raise DraftError(
            f"the sample has no column {value!r}. {guess_module.closest(value, self.table.header)}"
        )

    @staticmethod
    def _check_constant(item: Field, value: str) -> None:
        if not value:
            raise DraftError(f"{item.name}==: say the constant.")
        if item.vocabulary and value not in item.vocabulary:
            raise DraftError(f"{item.name}: {value!r} is not one of {', '.join(item.vocabulary)}.")

    def set_format(self, name: str, text: str) -> None:
        """Settle how a date is written.

        Raises:
            DraftError: for a field that is no mapped date, or a format that fits no value.
        """
        from yardstick.sources.dates import DateFormatError, compile_format

        item = self._item(name)
        one = self.fields.get(name)
        if item.type not in ("date", "timestamp") or one is None or one.column is None:
            raise DraftError(f"{name} is no date that is read from a column.")
        try:
            form = compile_format(text)
        except DateFormatError as error:
            raise DraftError(f"{error}.") from None
        values = [value for value in self.table.column(one.column) if value and value not in one.null_values]
        unread: dict[str, int] = {}
        for value in values:
            if form.day(value, _UTC) is None:
                unread[value] = unread.get(value, 0) + 1
        if values and sum(unread.values()) == len(values):
            raise DraftError(f"{name}: {text} fits no value of {one.column!r}, such as {values[0]!r}.")
        one.format, one.readings, one.unread = text, (), unread

    @property
    def lacking(self) -> list[Field]:
        """Required fields that are not mapped."""
        return [
            item for item in self.contract.fields.values() if item.required and item.name not in self.fields
        ]

    @property
    def undecided(self) -> list[str]:
        """Dates whose format is open: several fit, or none."""
        return [
            name
            for name, one in self.fields.items()
            if one.column is not None
            and self.contract.fields[name].type in ("date", "timestamp")
            and one.format is None
            and (one.readings or any(self.table.column(one.column)))
        ]

    @property
    def other_columns(self) -> list[str]:
        """Columns that no field is read from."""
        mapped = {one.column for one in self.fields.values()}
        return [column for column in self.table.header if column and column not in mapped]


@dataclass
class Draft:
    """The whole file.

    Attributes:
        source_id: identifier.
        names: in zh and en.
        connector: ``files``, ``rest`` or ``database``.
        time_zone: IANA name.
        connection: id of the Airflow connection, if any.
        valid_from: first day, ISO; None when it is not needed.
        entities: the entities.
        schema: path or URL of the JSON Schema, as seen from the file.
    """

    source_id: str
    names: Mapping[str, str]
    connector: str
    time_zone: str
    connection: str | None = None
    valid_from: str | None = None
    entities: list[EntityDraft] = field(default_factory=list)
    schema: str | None = None

    def text(self) -> str:
        """The file's YAML."""
        lines = [f"# yaml-language-server: $schema={self.schema}"] if self.schema else []
        lines += [
            "kind: site",
            f"source_id: {self.source_id}",
            f"names: {_flow(dict(self.names))}",
            f"connector: {self.connector}",
        ]
        if self.connection:
            lines.append(f"connection: {self.connection}  # of Airflow: address and login")
        lines.append(f"time_zone: {self.time_zone}")
        if self.valid_from:
            lines.append(f"valid_from: {self.valid_from}")
        lines += ["", "entities:"]
        return "\n".join(lines) + "\n" + "\n".join(entity_text(entity) for entity in self.entities)


def append(text: str, entity: EntityDraft) -> str:
    """A site file's text with one more entity, everything else as it was.

    Raises:
        DraftError: when the file has no block of entities to add it to.
    """
    node = yaml.compose(text, yaml.SafeLoader)
    keys = (
        {key.value: (key, value) for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
    )
    if "entities" not in keys or keys["entities"][1].flow_style:
        raise DraftError("the file has no block 'entities:' with one entity a line. Add the entity by hand.")
    lines = text.splitlines(keepends=True)
    starts = sorted(key.start_mark.line for key, _ in keys.values())
    after = [line for line in starts if line > keys["entities"][0].start_mark.line]
    place = after[0] if after else len(lines)
    while place > 0 and not lines[place - 1].strip():
        place -= 1
    before = "".join(lines[:place])
    before += "" if before.endswith("\n") else "\n"
    rest = "".join(lines[place:])
    return before + "\n" + entity_text(entity) + rest


def entity_text(entity: EntityDraft) -> str:
    """An entity's block."""
    contract, table = entity.contract, entity.table
    lines = [
        f"  # {contract.names['zh']} · {contract.names['en']}; guessed from {table.name}",
        f"  {contract.entity}:",
    ]
    if len(contract.versions) > 1:
        lines.append(f"    contract: {contract.version}")
    lines += [f"    {key}: {_flow(value)}" for key, value in entity.keys.items()]
    lines.append("    fields:")
    for name, item in contract.fields.items():
        if name in entity.fields:
            lines += _field(item, entity.fields[name])
        elif item.required:
            lines.append(f"      # {name}: ?  # required: {_meaning(item)}")
    absent = [
        name for name, item in contract.fields.items() if name not in entity.fields and not item.required
    ]
    if absent:
        lines += _comment("      # not in the sample: ", absent)
    if others := entity.other_columns:
        lines += _comment("    # ", others, flow="other_columns")
    return "\n".join(lines) + "\n"


def _field(item: Field, one: FieldGuess) -> list[str]:
    mapping: dict[str, Any] = {"column": one.column} if one.column is not None else {"constant": one.constant}
    if one.format and one.format != "iso":
        mapping["format"] = one.format
    if one.null_values:
        mapping["null_values"] = ["", *one.null_values]
    codes = one.codes if not item.is_personal else {}
    lines: list[str] = []
    comment = f"  # {_meaning(item)}"
    short = _flow({**mapping, "codes": codes}) if codes else ""
    if codes and len(short) > _CODES_ON_ONE_LINE:
        lines.append(f"      {item.name}:{comment}")
        lines += [f"        {key}: {_flow(value)}" for key, value in mapping.items()]
        lines.append("        codes:")
        lines += [f"          {_flow(value)}: {_flow(code)}" for value, code in codes.items()]
    elif codes:
        lines.append(f"      {item.name}: {short}{comment}")
    elif list(mapping) == ["column"]:
        lines.append(f"      {item.name}: {_flow(one.column)}{comment}")
    else:
        lines.append(f"      {item.name}: {_flow(mapping)}{comment}")
    if one.note:
        lines.append(f"        # {one.note}")
    if item.is_personal:
        return lines
    if one.uncoded:
        told = [f"{value} ({count:,})" for value, count in list(one.uncoded.items())[:_TOLD_VALUES]]
        more = len(one.uncoded) - len(told)
        lines += _comment(
            "        # without a code, so rejected: ", [*told, *([f"… and {more} more"] if more > 0 else [])]
        )
    if one.unread:
        count = sum(one.unread.values())
        lines += _comment(f"        # {count:,} values are written otherwise: ", list(one.unread)[:3])
    return lines


def _meaning(item: Field) -> str:
    return f"{item.meaning['zh']} · {item.meaning['en']}"


def _comment(start: str, words: list[str], *, flow: str = "") -> list[str]:
    """Words as a comment, or as a key with a list, in lines of bearable length."""
    words = [" ".join(word.split()) for word in words]
    if flow:
        shown = ", ".join(_flow(word) for word in words)
        return [f"    {flow}: [{shown}]"]
    return [start + ", ".join(words)]


def _flow(value: Any) -> str:
    """A value as YAML on one line, every text such that it stays one."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    if isinstance(value, bool | int):
        return str(value).lower()
    shown = yaml.safe_dump([str(value)], default_flow_style=True, allow_unicode=True, width=1 << 30)
    text = shown.strip()[1:-1]
    if text.startswith("'") and not re.search(r'["\\]', str(value)) and str(value).isprintable():
        return f'"{value}"'
    return text


def _utc() -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo("UTC")


_UTC = _utc()
