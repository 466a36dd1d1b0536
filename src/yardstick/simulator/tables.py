"""What a simulated system keeps of one entity, and in which deliveries it leaves the house.

A row knows when its system recorded it; that moment decides which delivery brings it and where it stands
in it. What the site file maps, and what the contract asks of it, is read from those two files, so that
the dirt planted (``dirt``) and the fate of every row (``account``) follow from what a reader declares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from yardstick.contracts import Contract, load_contracts
from yardstick.simulator.calendar import add_months

SITES = Path(__file__).with_name("sites")


class Row:
    """One row as its system has recorded it.

    Attributes:
        moment: when it was recorded, in local time.
        cells: in the order of the table's columns; None is absent.
        planted: the fault in it, if any.
    """

    __slots__ = ("cells", "moment", "planted")

    def __init__(self, moment: datetime, cells: list[Any], planted: Planted | None = None) -> None:
        self.moment = moment
        self.cells = cells
        self.planted = planted


@dataclass
class Planted:
    """One planted fault, or the row that mends it.

    Attributes:
        kind: what was done.
        field: contract field it was done to; empty when it concerns the row.
        value: the text that stands there now.
        rule: rule of the reject that must follow; empty when the row is sound.
        delivery: name of the delivery that brings the row.
        row_number: its number in it.
        outcome: what must become of it: the rule, or ``staged``, ``superseded`` or ``duplicate``.
    """

    kind: str
    field: str = ""
    value: str = ""
    rule: str = ""
    delivery: str = ""
    row_number: int = 0
    outcome: str = ""


@dataclass(frozen=True)
class Form:
    """What is asked of one mapped column.

    Attributes:
        field: the contract's field.
        index: place of the column among the table's.
        type: type of the field.
        is_required: a row without it is a reject: nothing stands in for it.
        references: entity that must know the value; empty when none.
        is_coded: only declared words are taken.
        words: the words the site file translates; empty when it has none.
        is_key: part of what identifies the row.
        is_personal: free text or a person's own data.
        is_measured: a number with a unit, which may be written as people write numbers.
    """

    field: str
    index: int
    type: str
    is_required: bool
    references: str
    is_coded: bool
    words: tuple[str, ...]
    is_key: bool
    is_personal: bool
    is_measured: bool


@dataclass
class Table:
    """What a system keeps of one entity.

    Attributes:
        source_id: the system's site.
        entity: the contract.
        columns: column names as the system calls them.
        rows: every version of every row.
        pace: ``day`` (a pull or file a day), ``month`` (a file a month) or ``once`` (a snapshot).
        first_row: number of the first row of a delivery, as a reader counts it.
        delivery_name: name of the delivery that stands for a period, given its first day.
        is_delimited: a row may have too many cells.
        is_typed_in: people type into it: full-width digits happen.
        overlap: how far a pull reaches back before its day.
        is_set: a pull is a set of rows, kept in the order of their text, whatever order they came in.
        moment_column: column that holds the row's moment; None when the system keeps it to itself.
    """

    source_id: str
    entity: str
    columns: Sequence[str]
    rows: list[Row] = field(default_factory=list, repr=False)
    pace: str = "day"
    first_row: int = 1
    delivery_name: Callable[[date], str] = lambda _day: ""
    is_delimited: bool = False
    is_typed_in: bool = False
    overlap: timedelta = timedelta()
    is_set: bool = False
    moment_column: str | None = None

    @cached_property
    def contract(self) -> Contract:
        """What a row must look like."""
        return _contracts()[self.entity]

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """What is asked of every mapped column.

        Raises:
            KeyError: for a mapped column that the table does not have.
        """
        mapping = site(self.source_id)["entities"][self.entity]["fields"]
        places = {name: index for index, name in enumerate(self.columns)}
        forms = []
        for name, item in self.contract.fields.items():
            given = mapping.get(name)
            if given is None:
                continue
            given = {"column": given} if isinstance(given, str) else given
            if given.get("column") in (None, self.moment_column):
                continue
            codes = given.get("codes", {})
            forms.append(
                Form(
                    field=name,
                    index=places[given["column"]],
                    type=item.type,
                    is_required=item.required and item.default is None,
                    references=(item.references or "").partition(".")[0],
                    is_coded=bool(item.vocabulary) or bool(codes and given.get("unmapped") != "keep"),
                    words=tuple(str(word) for word in codes),
                    is_key=name in self.contract.key,
                    is_personal=item.is_personal,
                    is_measured=bool(item.unit) and item.type in ("integer", "numeric"),
                )
            )
        return tuple(forms)

    @cached_property
    def key(self) -> tuple[int, ...]:
        """Places of the columns that identify a row."""
        places = {form.field: form.index for form in self.forms}
        return tuple(places[name] for name in self.contract.key if name in places)

    def key_of(self, row: Row) -> tuple[Any, ...]:
        """What identifies a row."""
        return tuple(row.cells[index] for index in self.key)


@dataclass
class Delivery:
    """The rows that one file or pull brings, in order.

    Attributes:
        name: its name.
        first_day: first day of its period.
        last_day: last day of its period.
        rows: what it brings.
    """

    name: str
    first_day: date
    last_day: date
    rows: list[Row]


@dataclass(frozen=True)
class Calendar:
    """The periods a table's deliveries stand for.

    Attributes:
        first_day: first day of the company.
        last_day: last day of the company.
        pace: as in `Table`.
    """

    first_day: date
    last_day: date
    pace: str

    @cached_property
    def starts(self) -> list[date]:
        """First day of every period."""
        if self.pace == "day":
            count = (self.last_day - self.first_day).days + 1
            return [self.first_day + timedelta(days=number) for number in range(count)]
        if self.pace == "month":
            months = (
                (self.last_day.year - self.first_day.year) * 12 + self.last_day.month - self.first_day.month
            )
            return [add_months(self.first_day, number) for number in range(months + 1)]
        return [self.first_day]

    def slot(self, moment: datetime) -> int:
        """Which period a moment belongs to; what was known before the first day belongs to the first."""
        day = max(moment.date(), self.first_day)
        if self.pace == "day":
            return (day - self.first_day).days
        if self.pace == "month":
            return (day.year - self.first_day.year) * 12 + day.month - self.first_day.month
        return 0

    def period(self, slot: int) -> tuple[date, date]:
        """First and last day of a period."""
        start = self.starts[slot]
        following = (
            self.starts[slot + 1] if slot + 1 < len(self.starts) else self.last_day + timedelta(days=1)
        )
        return start, following - timedelta(days=1)


def columns(names: str) -> tuple[str, ...]:
    """Column names that stand in one text with spaces between them; ``group/name`` is a column below a group."""
    return tuple(name.replace("/", " ") for name in names.split())


def ordered(table: Table, last_day: date) -> list[Row]:
    """The rows recorded up to the last day, in the order of their moments and keys."""
    key = table.key
    return sorted(
        (row for row in table.rows if row.moment.date() <= last_day),
        key=lambda row: (row.moment, *(str(row.cells[index]) for index in key)),
    )


def deliveries(table: Table, first_day: date, last_day: date) -> list[Delivery]:
    """Every delivery of a table, empty ones too."""
    calendar = Calendar(first_day, last_day, table.pace)
    slots: list[list[Row]] = [[] for _ in calendar.starts]
    for row in ordered(table, last_day):
        slots[calendar.slot(row.moment)].append(row)
    found = []
    for number, rows in enumerate(slots):
        first, last = calendar.period(number)
        delivered = rows
        if table.overlap and number:
            since = datetime.combine(first, time()) - table.overlap
            delivered = [*(row for row in slots[number - 1] if row.moment >= since), *rows]
        if table.is_set:
            delivered = sorted(delivered, key=_line)
        found.append(Delivery(table.delivery_name(first), first, last, delivered))
    return found


def _line(row: Row) -> bytes:
    """A row as PostgreSQL's COPY writes it, NULL as nothing."""
    return ("\t".join("" if cell is None else str(cell) for cell in row.cells) + "\n").encode()


@lru_cache(maxsize=1)
def _contracts() -> dict[str, Contract]:
    return load_contracts()


@lru_cache
def site(source_id: str) -> dict[str, Any]:
    """A simulated system's site file, parsed."""
    text = (SITES / f"{source_id}.yml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 (text only)
    return content
