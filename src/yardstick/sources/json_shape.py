"""What a site file says of the lists and names inside JSON rows, so that they become rows and columns.

Real APIs nest: a history of changes inside each ticket, values under the name of what changed, a list of custom
fields. Five keys of an entity say how such a row is to be laid out, in this order:

``lists``
    each: every item becomes a row, beside the row's own columns, and stands where its list stood;
    first, last: only that item counts; by: the list becomes an object, by a key of its items.
``named``
    A column that holds which of several keys an object has.
``first_of``
    A column that holds the first of several that is not empty.
``keep``
    Rows whose column holds anything else are no data of this entity: told, not landed.
``spread``
    Columns whose meaning depends on another one become columns apart: ``newvalue[state]``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from yardstick.sources.delivery import RefusedError

_NAME = {"type": "string", "minLength": 1}
_NAMES = {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True}
_SETS = {"type": "object", "minProperties": 1, "additionalProperties": _NAMES}
SCHEMA: dict[str, Any] = {
    "lists": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {
            "anyOf": [
                {"enum": ["each", "first", "last"]},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["by"],
                    "properties": {"by": _NAME},
                },
            ]
        },
    },
    "named": _SETS,
    "spread": {
        "type": "object",
        "additionalProperties": False,
        "required": ["by", "columns"],
        "properties": {"by": _NAME, "columns": _NAMES},
    },
    "first_of": _SETS,
    "keep": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {
            "type": "array",
            "items": {"type": ["string", "integer", "boolean"]},
            "minItems": 1,
        },
    },
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """How the rows of an entity's pages are laid out.

    Attributes:
        lists: (path of the list, what becomes of it: ``each``, ``first``, ``last`` or the key it goes by).
        named: (path of the column made, keys of the object it stands in).
        spread: path of the column that names, and paths of those that are named; None: nothing is spread.
        first_of: (path of the column made, paths of the columns it is read from).
        keep: (path of a column, the texts that a row of this entity has there).
    """

    lists: tuple[tuple[str, str | tuple[str]], ...] = ()
    named: tuple[tuple[str, tuple[str, ...]], ...] = ()
    spread: tuple[str, tuple[str, ...]] | None = None
    first_of: tuple[tuple[str, tuple[str, ...]], ...] = ()
    keep: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lists or self.named or self.spread or self.first_of or self.keep)

    @property
    def changes_number(self) -> bool:
        """Whether a page may have more or fewer rows than records."""
        return bool(self.keep) or any(how == "each" for _, how in self.lists)

    def key(self) -> list[Any]:
        """Everything that decides how bytes become cells; empty when rows stay as they are."""
        return [self.lists, self.named, self.spread, self.first_of, self.keep] if self else []


def declared(given: Mapping[str, Any]) -> Shape:
    """The shape that an entity's keys declare, once they have passed the schema."""
    spread = given.get("spread")
    return Shape(
        lists=tuple(
            (path, how if isinstance(how, str) else (how["by"],))
            for path, how in given.get("lists", {}).items()
        ),
        named=_sets(given, "named"),
        spread=(spread["by"], tuple(spread["columns"])) if spread else None,
        first_of=_sets(given, "first_of"),
        keep=tuple(
            (path, tuple(_word(value) for value in values)) for path, values in given.get("keep", {}).items()
        ),
    )


def _sets(given: Mapping[str, Any], key: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((path, tuple(names)) for path, names in given.get(key, {}).items())


def _word(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass
class Shaper:
    """Lays out the rows of one pull.

    Attributes:
        shape: how.
        text: a value as the text of a cell.
        left_out: rows that are no data of the entity, by the column that says so.
        is_outside: whether a row happened outside the pull's window; None: nobody asks.
        outside: rows that did.
    """

    shape: Shape
    text: Callable[[Any], str]
    left_out: Counter[str] = field(default_factory=Counter)
    is_outside: Callable[[Row], bool] | None = None
    outside: int = 0

    def rows(self, records: list[Any], place: str) -> list[Any]:
        """The rows that a page's records become; what is no object passes unchanged.

        Args:
            records: of one page.
            place: the page, for messages.

        Raises:
            RefusedError: when there is no list where the site file says, or a key stands twice.
        """
        rows: Iterable[Any] = records
        for path, how in self.shape.lists:
            rows = [made for row in rows for made in self._listed(row, path, how, place)]
        return [made for row in rows if (made := self._laid_out(row)) is not None]

    def _listed(self, row: Any, path: str, how: str | tuple[str], place: str) -> list[Any]:
        value = get(row, path)
        if type(row) is not dict or (value is None and how != "each"):
            return [row]
        if value is None or value == []:
            return [] if how == "each" else [put(row, path, None)]
        if type(value) is not list:
            raise RefusedError(
                f"{place} has a row without a list at {path!r}. Correct lists in the site file."
            )
        if how == "each":
            return [put(row, path, item) for item in value]
        if isinstance(how, str):
            return [put(row, path, value[0 if how == "first" else -1])]
        items = [item for item in value if type(item) is dict and item.get(how[0]) is not None]
        keyed = {self.text(item[how[0]]): item for item in items}
        if len(keyed) < len(items):
            raise RefusedError(
                f"{place} has a row whose list at {path!r} holds one {how[0]!r} twice. Correct lists in the site "
                "file, or have the source correct its answer."
            )
        return [put(row, path, keyed)]

    def _laid_out(self, row: Any) -> Any:
        """A row with the columns made for it; None when it is no data of the entity."""
        if type(row) is not dict:
            return row
        for path, names in self.shape.named:
            outer, _, made = path.rpartition(".")
            inside = get(row, outer) if outer else row
            if type(inside) is dict:
                changed = next((name for name in names if name in inside), None)
                # the others as empty columns: on a quiet day nobody may have changed them at all
                inside = {**dict.fromkeys(names), **inside, made: changed}
                row = put(row, outer, inside) if outer else inside
        for path, names in self.shape.first_of:
            values = (get(row, name) for name in names)
            row = put(
                row, path, next((value for value in values if self.text(value) not in ("", "{}")), None)
            )
        for path, words in self.shape.keep:
            if self.text(get(row, path)) not in words:
                self.left_out[path] += 1
                return None
        if self.is_outside and self.is_outside(row):
            self.outside += 1
            return None
        if self.shape.spread:
            by, columns = self.shape.spread
            if name := self.text(get(row, by)):
                for column in columns:
                    outer, _, inner = column.rpartition(".")
                    more = {f"{inner}[{name}]": get(row, column)}
                    row = put(row, outer, {**(get(row, outer) or {}), **more}) if outer else {**row, **more}
        return row

    def told(self) -> list[str]:
        """What there is to tell of the rows that were left out."""
        told = [
            f"{count:,} row(s) hold something else in {path!r} than keep says: they are no data of this entity"
            for path, count in self.left_out.items()
        ]
        if self.outside:
            told.append(
                f"{self.outside:,} row(s) happened outside what was asked for: another pull brings them"
            )
        return told


def get(row: Any, path: str) -> Any:
    """What stands at a dotted path of a row; None when nothing does."""
    for name in path.split("."):
        if type(row) is not dict:
            return None
        row = row.get(name)
    return row


def put(row: Row, path: str, value: Any) -> Row:
    """A copy of a row with a value at a dotted path; the row itself stays as it is."""
    head, _, rest = path.partition(".")
    if not rest:
        return {**row, head: value}
    inside = row.get(head)
    return {**row, head: put(inside if type(inside) is dict else {}, rest, value)}


def made_of(name: str) -> str:
    """The column that a spread one comes from: ``newvalue`` of ``newvalue[state]``; itself when it is none."""
    return name.partition("[")[0] if name.endswith("]") else name
