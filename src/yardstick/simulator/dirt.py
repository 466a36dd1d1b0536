"""Dirt, planted on purpose: what sites really deliver, each piece of it known.

A key is spoiled once at most, and every real row arrives sound in the end: a spoiled row is delivered
again in a later delivery when nothing newer of it comes before; where there is no later one, the spoiled
row is a broken copy beside the sound one. So the facts of a dirty company are those of a clean one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from random import Random  # seeded on purpose: reproducible, not secret
from typing import Any

from yardstick.contracts import Rule
from yardstick.simulator.tables import Calendar, Form, Planted, Row, Table

FORMULA = '=HYPERLINK("http://example.invalid","详情")'
UNKNOWN_WORD = "待核实?"
_FREE_TEXT = (
    "title",
    "closure_note",
    "note",
    "summary",
    "finding",
    "measure",
    "remark",
    "answer_text",
    "description",
)
_BREAKING = {"range": "out_of_range", "order": "times_swapped"}
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_UNREADABLE = {
    "timestamp": ("wrong_date", "2026-02-30 10:00:00", "timestamp_unreadable"),
    "date": ("wrong_date", "2026-02-30", "date_unreadable"),
    "integer": ("wrong_number", "若干", "number_unreadable"),
    "numeric": ("wrong_number", "约12", "number_unreadable"),
    "boolean": ("wrong_flag", "大概", "boolean_unreadable"),
}


def plant(table: Table, first_day: date, last_day: date, seed: int, rate: float) -> None:
    """Spoil, repeat, delay and correct some rows of a table.

    Args:
        table: its rows are changed in place and added to.
        first_day: first day of the company.
        last_day: last day of the company.
        seed: of the company.
        rate: share of the rows that are touched.
    """
    if rate <= 0:
        return
    random = Random(f"{seed}/dirt/{table.source_id}/{table.entity}")  # noqa: S311
    calendar = Calendar(first_day, last_day, table.pace)
    versions: dict[tuple[Any, ...], list[int]] = {}
    for row in table.rows:
        versions.setdefault(table.key_of(row), []).append(calendar.slot(row.moment))
    for slots in versions.values():
        slots.sort()
    choices: dict[str, list[Form | Rule | None]] = {}
    for kind, what in _kinds(table):
        choices.setdefault(kind, []).append(what)
    kinds = list(choices)
    touched: set[tuple[Any, ...]] = set()
    added: list[Row] = []
    position = -1
    turn = random.randrange(len(kinds))
    while True:
        position += 1 + int(math.log(1 - random.random()) / math.log(1 - rate))
        if position >= len(table.rows):
            break
        row = table.rows[position]
        key = table.key_of(row)
        slot = calendar.slot(row.moment)
        if key in touched or row.moment.date() > last_day or _is_repeated(row, table):
            continue
        later = _later(random, table, calendar, slot, versions[key])
        # Kinds take turns, so that a small company has every kind too; one that cannot be is passed over.
        for _ in kinds:
            kind = kinds[turn % len(kinds)]
            turn += 1
            new = _spoil(random, table, row, kind, random.choice(choices[kind]), later)
            if new is not None:
                touched.add(key)
                added += new
                break
    table.rows += added


def _is_repeated(row: Row, table: Table) -> bool:
    """Whether the next pull's overlap brings the row again; then one fault would be found twice."""
    if not table.overlap:
        return False
    return (row.moment + table.overlap).date() != row.moment.date()


def _kinds(table: Table) -> Iterator[tuple[str, Form | Rule | None]]:
    """What can be done to the rows of a table."""
    for kind in ("late", "duplicate", "corrected", "out_of_order", "conflict"):
        if table.pace != "once" or kind == "duplicate":
            yield kind, None
    if table.is_delimited:
        yield "extra_separator", None
        yield "short_row", None
    for form in table.forms:
        if form.is_required:
            yield "missing_required", form
        if form.references:
            yield "unknown_reference", form
        if form.is_coded:
            yield "wrong_code", form
        elif form.type in _UNREADABLE:
            yield _UNREADABLE[form.type][0], form
        if form.is_measured and table.is_typed_in:
            yield "full_width", form
        if form.field in _FREE_TEXT:
            yield "formula_text", form
    places = {form.field for form in table.forms}
    for rule in table.contract.rules:
        if rule.then == "reject" and rule.kind in _BREAKING and set(rule.fields) <= places:
            yield _BREAKING[rule.kind], rule


def _later(
    random: Random, table: Table, calendar: Calendar, slot: int, versions: list[int]
) -> datetime | None:
    """A moment in a later delivery before which nothing newer of the same key comes."""
    step = random.choice((1, 1, 2, 21)) if table.pace == "day" else 1
    following = versions[bisect_left(versions, slot + 1)] if versions[-1] > slot else len(calendar.starts)
    target = slot + step if slot + step < following else slot + 1
    if target >= following:
        return None
    start = datetime.combine(calendar.starts[target], time(6))
    return start + timedelta(seconds=random.randrange(14 * 3600))


def _spoil(
    random: Random, table: Table, row: Row, kind: str, what: Form | Rule | None, later: datetime | None
) -> list[Row] | None:
    """Do it: change the row in place and return the rows that come on top; None when it cannot be done."""
    sound = Row(row.moment, list(row.cells))
    if kind == "duplicate":
        return [Row(row.moment, list(row.cells), Planted(kind))]
    if kind == "out_of_order":
        end = datetime.combine(row.moment.date(), time(22, 59, 59))
        if row.moment >= end:
            return None
        row.moment += timedelta(seconds=random.randrange(1, int((end - row.moment).total_seconds()) + 1))
        row.planted = Planted(kind)
        return []
    if kind in ("late", "corrected", "conflict"):
        return _belated(random, table, row, sound, kind, later)
    if kind in ("formula_text", "full_width") and isinstance(what, Form):
        value = row.cells[what.index]
        if value is None:
            return None
        row.cells[what.index] = FORMULA if kind == "formula_text" else str(value).translate(_FULL_WIDTH)
        row.planted = Planted(kind, what.field)
        return []
    broken = Row(row.moment, list(row.cells))
    broken.planted = _break(table, broken, kind, what)
    if broken.planted is None:
        return None
    if later is None or (isinstance(what, Form) and what.is_key):
        # nothing later can mend it: a broken copy beside the sound row
        return [broken] if kind != "unknown_reference" or _renamed(table, broken, what) else None
    row.cells, row.planted = broken.cells, broken.planted
    return [Row(later, sound.cells, Planted("redelivered"))]


def _renamed(table: Table, row: Row, what: Form | Rule | None) -> bool:
    """Give a copy a key of its own; which of two rows with one key is right is not judged by what they refer to."""
    keys = [form for form in table.forms if form.is_key]
    if what in keys:
        return True
    for form in keys:
        if not form.references and form.type == "text" and isinstance(row.cells[form.index], str):
            row.cells[form.index] += "X"
            return True
    return False


def _belated(
    random: Random, table: Table, row: Row, sound: Row, kind: str, later: datetime | None
) -> list[Row] | None:
    """What is put right by a later delivery."""
    if later is None:
        return None
    if kind == "late":
        row.moment = later
        row.planted = Planted(kind)
        return []
    wrong = _wrong(random, table, row)
    if wrong is None:
        return None
    form, value = wrong
    if kind == "corrected":
        row.cells[form.index] = value
        row.planted = Planted(kind, form.field, str(value))
        return [Row(later, sound.cells, Planted("correction"))]
    other = Row(row.moment, list(row.cells), Planted(kind, form.field, str(value), "key_conflict"))
    other.cells[form.index] = value
    row.planted = Planted(kind, form.field, str(row.cells[form.index]), "key_conflict")
    return [other, Row(later, sound.cells, Planted("redelivered"))]


def _break(table: Table, row: Row, kind: str, what: Form | Rule | None) -> Planted | None:
    """Spoil a row's cells; None when it has nothing there to spoil."""
    if what is None:
        if kind == "extra_separator":
            row.cells.insert(len(row.cells) - 1, "另")
            return Planted(kind, rule="extra_cells")
        row.cells.pop()
        return Planted(kind, rule="missing_cells")
    if isinstance(what, Rule):
        places = [next(form.index for form in table.forms if form.field == name) for name in what.fields]
        cells = row.cells
        if any(cells[place] in (None, "") for place in places):
            return None
        if what.kind == "order":
            first, second = places
            if cells[first] == cells[second]:
                return None
            cells[first], cells[second] = cells[second], cells[first]
            return Planted(kind, what.fields[0], str(cells[first]), what.rule)
        is_text = isinstance(cells[places[0]], str)
        cells[places[0]] = "-1" if is_text else -1
        return Planted(kind, what.fields[0], "-1", what.rule)
    if row.cells[what.index] is None:
        return None
    if kind == "missing_required":
        value, rule = "", "required_missing"
    elif kind == "unknown_reference":
        value = {"project": "P999", "service_item": "9999"}.get(what.references, "X99999")
        rule = f"unknown_{what.references}"
    elif kind == "wrong_code":
        value, rule = UNKNOWN_WORD, "unknown_code"
    else:
        _kind, value, rule = _UNREADABLE[what.type]
    row.cells[what.index] = value or None
    return Planted(kind, what.field, "" if what.is_personal else value, rule)


def _wrong(random: Random, table: Table, row: Row) -> tuple[Form, Any] | None:
    """A field and a value that is legal but not true: what a correction corrects."""
    ruled = {
        name
        for rule in table.contract.rules
        for name in (*rule.fields, rule.low, rule.high, *(rule.when or ())[:1])
    }
    choices = [
        form
        for form in table.forms
        if not form.is_key
        and not form.references
        and form.field not in ruled
        and row.cells[form.index] is not None
        and (len(form.words) > 1 or form.type in ("integer", "numeric"))
        and form.type != "boolean"
    ]
    if not choices:
        return None
    form = random.choice(choices)
    value = row.cells[form.index]
    if form.words:
        return form, random.choice([word for word in form.words if word != value])
    return form, value + 1 if isinstance(value, (int, float)) else _plus_one(str(value))


def _plus_one(text: str) -> str:
    """The next number as text, written as before."""
    decimals = len(text.partition(".")[2])
    return (
        f"{float(text.replace(',', '')) + 1:,.{decimals}f}"
        if "," in text
        else f"{float(text) + 1:.{decimals}f}"
    )
