"""What a site is: one source system, how each of its entities is read, and when it has to deliver."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from yardstick.contracts import Contract
from yardstick.sources.dates import ISO, DateFormat, compile_format


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
class Expected:
    """When a delivery has to be there, and what happens when it is not.

    Attributes:
        every: ``day`` or ``month``: what one delivery stands for.
        by: time of day of the deadline, in the site's zone.
        after_days: days after the end of what it stands for; 1 is the next day.
        is_required: days wait for it.
        if_missing: once the deadline has passed: ``wait`` on, or ``carry_on`` without it and mark what
            lacks it as incomplete.
    """

    every: str
    by: time
    after_days: int
    is_required: bool
    if_missing: str


@dataclass(frozen=True)
class Entity:
    """How one entity of a source is delivered, and how its columns map to the contract.

    Attributes:
        name: entity name, as in its contract.
        contract: the contract, at the version that the source says it meets.
        options: the connector's own keys (``FilesOptions``, ``RestOptions``, ``DatabaseOptions``).
        other_columns: folded names of columns that are known but not mapped.
        may_be_empty: a delivery without rows is a delivery of nothing, not a fault.
        expected: when it is due; None: whenever it comes.
        fields: mapping by contract field.
    """

    name: str
    contract: Contract = field(hash=False)
    options: Any
    other_columns: tuple[str, ...]
    may_be_empty: bool
    expected: Expected | None
    fields: Mapping[str, FieldMapping] = field(hash=False)

    @property
    def event(self) -> FieldMapping | None:
        """How the date is read that decides a row's business day; None for master data."""
        name = self.contract.event_date
        return self.fields.get(name) if name else None

    def event_format(self) -> DateFormat | None:
        """The compiled format of the event date; None for master data."""
        return compile_format(self.event.format or ISO) if self.event else None

    def required_columns(self) -> dict[str, tuple[str, str]]:
        """The columns a delivery must have: label and contract field, by folded name."""
        return {
            folded: (label, name)
            for name, mapping in self.fields.items()
            if not mapping.is_optional
            for folded, label in zip(mapping.columns, mapping.labels, strict=True)
        }

    def reading_sha256(self, zone: str, valid_from: date | None) -> str:
        """Hash of everything that decides how bytes become cells, days and structural faults."""
        content = [
            self.options.reading_key(),
            [zone, str(valid_from), self.may_be_empty],
            self.event and [self.contract.event_date, self.event.columns, self.event.format],
            sorted(
                [name, *self.fields[name].columns]
                for name in self.contract.identifiers
                if name in self.fields
            ),
            sorted(self.required_columns()),
        ]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Site:
    """One source system.

    Attributes:
        source_id: its identifier.
        names: label by language.
        path: the site file.
        connector: ``files``, ``rest`` or ``database``.
        connection: id of the Airflow connection; None for files in a local folder.
        system: what shares one limit of pulls at once; the source itself unless declared.
        at_once: how many pulls of the system may run side by side.
        projects: the projects it covers; empty: all of the company's.
        time_zone: IANA name of the zone its clocks and business days are in.
        valid_from: day under which undated master data is filed, and the first day that pulls ask for.
        entities: by name, master data first.
        remarks: what is in order and still to be filled in.
    """

    source_id: str
    names: Mapping[str, str] = field(hash=False)
    path: Path
    connector: str
    connection: str | None
    system: str
    at_once: int
    projects: tuple[str, ...]
    time_zone: str
    valid_from: date | None
    entities: Mapping[str, Entity] = field(hash=False)
    remarks: tuple[str, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone, ready for use."""
        return ZoneInfo(self.time_zone)

    @property
    def folder(self) -> Path:
        """Folder of the site file."""
        return self.path.parent
