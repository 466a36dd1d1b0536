"""The workbook of rejects: the rows as the site delivered them, the reason beside each, made to be corrected.

Cells are the delivered text under the source's own column names, personal data included: the site delivered it
itself, and the file is for its own people. Text is written as text whatever it looks like. The same rejects give
the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import xlsxwriter
import yaml
from psycopg import sql

from yardstick import contracts as contracts_module
from yardstick import warehouse
from yardstick.contracts import Contract
from yardstick.rejects import APPLICATION, CONDITION, Which
from yardstick.settings import Settings
from yardstick.sources.correction import EXTRA, HEADER_ROW, MARK, OK, REF
from yardstick.sources.dates import EXCEL_SERIAL, excel_serial
from yardstick.sources.delivery import UNIT
from yardstick.sources.fold import fold
from yardstick.sources.site import Entity, Site

MAX_ROWS = 200_000
_CELL_LIMIT = 32_767
_OWN = 2  # where the source's own columns begin
_TEXTS = Path(__file__).with_name("texts.yml")
_FONTS = {"zh-Hans": "Microsoft YaHei", "zh-Hant": "Microsoft JhengHei", "en": "Calibri"}
_INK, _QUIET, _RULE, _HEAD, _OURS, _WRONG = "#1D2227", "#55585A", "#D9D4C8", "#F1EDE3", "#F7F5F0", "#F9D9CF"


class ExportError(ValueError):
    """Rejects cannot be exported; the message says why and what to do."""


@dataclass(frozen=True)
class Exported:
    """A workbook that was written.

    Attributes:
        path: where.
        rows: how many rows by entity.
        left_out: rows by entity with a cell longer than a workbook's can be.
    """

    path: Path
    rows: dict[str, int]
    left_out: dict[str, int]


@dataclass
class _Row:
    """One rejected row.

    Attributes:
        delivery_id: the delivery that brought it.
        number: its number there.
        file_name: the delivery's name.
        header: folded column names of the delivery.
        cells: its cells.
        text: the cells as they stand in ``raw``.
        rejects: field, value, rule and reason of everything that is wrong with it.
    """

    delivery_id: int
    number: int
    file_name: str
    header: list[str]
    cells: list[str]
    text: str
    rejects: list[tuple[str | None, str | None, str, str]] = field(default_factory=list)

    @property
    def ref(self) -> str:
        """What names the row when it comes back: delivery, row, and a few digits of what it held."""
        return reference(self.delivery_id, self.number, self.text)


def reference(delivery_id: int, row_number: int, text: str) -> str:
    """The name of a delivered row in a workbook of rejects."""
    return f"{delivery_id}-{row_number}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def export(
    settings: Settings, source_id: str, which: Which, folder: Path, language: str, site: Site | None
) -> Exported | None:
    """Write the open rejects of a source as one workbook, a sheet per entity.

    Args:
        settings: the installation.
        source_id: the source.
        which: which of its rejects.
        folder: where the file goes; its name tells source, day and content.
        language: of headings and reasons: ``zh-Hans``, ``zh-Hant`` or ``en``.
        site: the source's site file, for its own spelling of column names and its code tables; None when
            it is not at hand.

    Returns:
        What was written; None when there is nothing to export.

    Raises:
        ExportError: for a source that is not known, or more rows than a person can correct.
    """
    with warehouse.connect(settings.require_database_url(), name=APPLICATION) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        names = connection.execute(
            "select names from ops.source where source_id = %s", [source_id]
        ).fetchone()
        if names is None:
            known = [row[0] for row in connection.execute("select source_id from ops.source order by 1")]
            raise ExportError(f"there is no source {source_id!r}. There is {', '.join(known) or 'none'}.")
        found, stamp = _rows(connection, Which(source_id, which.entity, which.since))
        codes = _codes(connection, source_id)
    if not found:
        return None
    book = _Book(language, names[0].get("zh" if language.startswith("zh") else "en", source_id), stamp)
    contracts = contracts_module.load_contracts()
    left_out: dict[str, int] = {}
    for entity in sorted(found, key=list(contracts).index):
        rows = [row for row in found[entity] if all(len(cell) <= _CELL_LIMIT for cell in row.cells)]
        if len(rows) < len(found[entity]):
            left_out[entity] = len(found[entity]) - len(rows)
        mapped = site.entities.get(entity) if site else None
        order = list(contracts[entity].fields)
        for row in rows:  # reasons in the order of the fields
            row.rejects.sort(key=lambda each: (order.index(each[0]) if each[0] in order else -1, each[2]))
        book.sheet(
            _Sheet(contracts, contracts[entity], mapped, codes.get(entity, {}), book.texts, language), rows
        )
    book.explain()
    content = book.close()
    digest = hashlib.sha256(content).hexdigest()[:8]
    path = folder / f"rejects-{source_id}-{stamp:%Y%m%d}-{digest}.xlsx"
    folder.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    return Exported(path, {entity: len(rows) for entity, rows in found.items()}, left_out)


def _rows(connection: psycopg.Connection[Any], which: Which) -> tuple[dict[str, list[_Row]], datetime]:
    """The rejected rows by entity in order of delivery and row, and when the last of them was found."""
    by_entity: dict[str, dict[tuple[int, int], list[tuple[Any, ...]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    stamp = datetime.min.replace(tzinfo=UTC)
    for entity, delivery_id, number, name, value, rule, reason, found_at in connection.execute(
        f"""
        select r.entity, r.delivery_id, r.row_number, r.field, r.value, r.rule, r.reason, r.first_found_at
        from ops.reject as r where {CONDITION}
        order by r.entity, r.delivery_id, r.row_number, r.field, r.rule
        """.encode(),  # noqa: S608 (only our own text is put together)
        which.parameters,
    ):
        by_entity[entity][delivery_id, number].append((name, value, rule, reason))
        stamp = max(stamp, found_at)
    count = sum(map(len, by_entity.values()))
    if count > MAX_ROWS:
        raise ExportError(
            f"{count:,} rows are rejected, more than {MAX_ROWS:,}: correct the mapping or the export at the "
            "source, or say --entity or --since."
        )
    return {entity: _delivered(connection, entity, rejects) for entity, rejects in by_entity.items()}, stamp


def _delivered(
    connection: psycopg.Connection[Any],
    entity: str,
    rejects: Mapping[tuple[int, int], list[tuple[Any, ...]]],
) -> list[_Row]:
    query = sql.SQL(
        "select r.delivery_id, r.row_number, d.file_name, a.header, r.cells "
        "from unnest(%s::bigint [], %s::bigint []) as w (delivery_id, row_number) "
        "inner join {} as r on r.delivery_id = w.delivery_id and r.row_number = w.row_number "
        "inner join ops.delivery as d on d.delivery_id = w.delivery_id "
        "inner join ops.arrival as a on a.arrival_id = d.arrival_id "
        "order by r.delivery_id, r.row_number"
    ).format(sql.Identifier("raw", entity))
    places = [[place[0] for place in rejects], [place[1] for place in rejects]]
    return [
        _Row(delivery_id, number, name, header or [], cells.split(UNIT), cells, rejects[delivery_id, number])
        for delivery_id, number, name, header, cells in connection.execute(query, places)
    ]


def _codes(connection: psycopg.Connection[Any], source_id: str) -> dict[str, dict[str, list[str]]]:
    """The values that the code tables know, by entity and field."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for entity, name, value in connection.execute(
        "select entity, field, source_value from ops.source_code where source_id = %s order by 1, 2, 3",
        [source_id],
    ):
        if value:
            found[entity][name].append(value)
    return found


@cache
def _texts() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(_TEXTS.read_text(encoding="utf-8"))
    return content


class _Sheet:
    """The words of one sheet: columns, and reasons as the site's people understand them."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        contract: Contract,
        entity: Entity | None,
        codes: Mapping[str, list[str]],
        texts: Mapping[str, Any],
        language: str,
    ) -> None:
        self.contracts = contracts
        self.contract = contract
        self.entity = entity
        self.codes = codes
        self.texts = texts
        self.language = "zh" if language.startswith("zh") else "en"
        fields = entity.fields if entity else {}
        self.labels = {
            folded: label
            for mapping in fields.values()
            for folded, label in zip(mapping.columns, mapping.labels, strict=True)
        }

    @property
    def name(self) -> str:
        """What the entity is called."""
        return self.contract.names[self.language]

    def columns_of(self, name: str | None) -> tuple[str, ...]:
        """The folded columns that fields (joined by commas) are read from."""
        fields = self.entity.fields if self.entity else {}
        return tuple(
            column for each in (name or "").split(", ") if each in fields for column in fields[each].columns
        )

    def label(self, name: str | None) -> str:
        """The columns of fields as the site knows them, else the fields' meanings."""
        columns = self.columns_of(name)
        if columns:
            return self.texts["comma"].join(self.labels.get(column, column) for column in columns)
        meanings = [
            self.contract.fields[each].meaning[self.language] if each in self.contract.fields else each
            for each in (name or "").split(", ")
        ]
        return self.texts["comma"].join(meanings)

    def reason(self, row: _Row, name: str | None, value: str | None, rule: str, reason: str) -> str:
        """Why, in the site's words."""
        known: Mapping[str, str] = self.texts["reasons"]
        item = self.contract.fields.get(name or "")
        told: dict[str, Any] = {"column": self.label(name), "value": value or "", "reason": reason}
        if item and item.is_personal:
            columns = self.columns_of(name)
            places = [row.header.index(column) for column in columns if column in row.header]
            told["value"] = " ".join(row.cells[place] for place in places if place < len(row.cells))
        if rule in ("timestamp_unreadable", "date_unreadable"):
            mapping = self.entity.fields.get(name or "") if self.entity else None
            example = _written(mapping.format if mapping else None, rule.startswith("timestamp"))
            return known["unreadable_date"].format(**told, example=example)
        if rule == "unknown_code" and self.codes.get(name or ""):
            return known["unknown_code_of"].format(
                **told, choices=self.texts["comma"].join(self.codes[name or ""][:12])
            )
        if rule.startswith("unknown_") and rule.removeprefix("unknown_") in self.contracts:
            target = self.contracts[rule.removeprefix("unknown_")].names[self.language]
            return known["unknown_reference"].format(**told, target=target)
        for each in self.contract.rules:
            if each.rule == rule and name in each.fields:
                return self._rule(each, known, told)
        return known.get(rule, known["other"]).format(**told)

    def _rule(self, rule: Any, known: Mapping[str, str], told: Mapping[str, Any]) -> str:
        if rule.kind == "order":
            return known["order"].format(earlier=self.label(rule.fields[0]), later=self.label(rule.fields[1]))
        if rule.kind == "needed":
            return known["needed"].format(**told)
        low, high = (
            self.label(bound) if isinstance(bound, str) else f"{bound:g}" if bound is not None else ""
            for bound in (rule.low, rule.high)
        )
        return known["range" if high else "range_low"].format(**told, low=low, high=high)


class _Book:
    """An open workbook."""

    def __init__(self, language: str, source: str, stamp: datetime) -> None:
        self.language = language
        self.texts = _texts()[language]
        self.source = source
        self.counts: list[tuple[str, int, str, str]] = []
        self.buffer = io.BytesIO()
        self.book = xlsxwriter.Workbook(
            self.buffer,
            {
                "in_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        font = _FONTS[language]
        self.book.formats[0].set_font_name(font)
        self.book.formats[0].set_font_size(10)
        base = {"font_name": font, "font_size": 10, "font_color": _INK, "valign": "top"}
        cell = {**base, "bottom": 1, "bottom_color": _RULE, "num_format": "@"}
        head = {**base, "bold": True, "bg_color": _HEAD, "bottom": 1, "valign": "vcenter", "text_wrap": True}
        looks: dict[str, dict[str, Any]] = {
            "title": {**base, "font_size": 15, "bold": True, "valign": "vcenter"},
            "quiet": {**base, "font_color": _QUIET, "valign": "vcenter"},
            "head": head,
            "our_head": {**head, "font_color": _QUIET},
            "text": cell,
            "typed": {**base, "num_format": "@"},
            "wrong": {**cell, "bg_color": _WRONG, "border": 1, "border_color": "#C4553A"},
            "reason": {**cell, "bg_color": _OURS, "text_wrap": True},
            "ours": {**cell, "bg_color": _OURS, "font_color": _QUIET},
            "term": {**base, "bold": True},
            "words": {**base, "text_wrap": True},
            "number": {**base, "num_format": "#,##0", "align": "left"},
        }
        self.formats = {key: self.book.add_format(look) for key, look in looks.items()}
        self.book.set_properties(
            {
                "title": f"{source} · rejects",
                "created": stamp.astimezone(UTC).replace(tzinfo=None, microsecond=0),
            }
        )

    def sheet(self, words: _Sheet, rows: Sequence[_Row]) -> None:
        """One entity's sheet: its reason first, the row as delivered, and at the right where it stood."""
        texts, formats = self.texts, self.formats
        columns = _columns(rows)
        extra = max((len(row.cells) - len(row.header) for row in rows), default=0)
        titles = [
            texts["reason"], OK.upper(),
            *(words.labels.get(folded, folded) for folded, _ in columns),
            *[EXTRA] * max(extra, 0),
            texts["file"], texts["row"], REF,
        ]  # fmt: skip
        sheet = self.book.add_worksheet(words.contract.entity[:31])
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.set_footer("&R&8&P / &N")
        sheet.repeat_rows(HEADER_ROW - 1)
        sheet.set_row(0, 26)
        title = texts["title"].format(source=self.source, entity=words.name)
        sheet.write_string(0, 0, title, formats["title"])
        sheet.write_string(1, 0, texts["line"].format(rows=f"{len(rows):,}"), formats["quiet"])
        sheet.set_row(HEADER_ROW - 1, 20)
        widths = [44.0, 7.0, *(max(9.0, _width(title) + 4) for title in titles[2:])]
        for place, text in enumerate(titles):
            look = "our_head" if text.startswith(MARK) else "head"
            sheet.write_string(HEADER_ROW - 1, place, text, formats[look])
        first_extra = _OWN + len(columns)
        for line, row in enumerate(rows, start=HEADER_ROW):
            reasons = [words.reason(row, *reject) for reject in row.rejects]
            wrong = {column for name, *_ in row.rejects for column in words.columns_of(name)}
            # What concerns the row as a whole, or no column at all, marks all of it.
            is_all = any(not words.columns_of(name) for name, *_ in row.rejects)
            sheet.write_string(line, 0, _cut("\n".join(dict.fromkeys(reasons))), formats["reason"])
            sheet.write_blank(line, 1, None, formats["ours"])
            places = _places(row.header)
            for place, (folded, occurrence) in enumerate(columns, start=_OWN):
                at = places.get((folded, occurrence))
                value = row.cells[at] if at is not None and at < len(row.cells) else ""
                look = "wrong" if is_all or folded in wrong else "text"
                _write(sheet, line, place, value, formats[look])
                widths[place] = max(widths[place], min(40.0, _width(value) + 2))
            for place, value in enumerate(row.cells[len(row.header) :], start=first_extra):
                _write(sheet, line, place, value, formats["wrong"])
            for place, value in enumerate((row.file_name, str(row.number), row.ref), start=len(titles) - 3):
                sheet.write_string(line, place, _cut(value), formats["ours"])
                widths[place] = max(widths[place], min(36.0, _width(value) + 2))
            sheet.set_row(line, 4 + 13 * sum(_lines(text, 43) for text in dict.fromkeys(reasons)))
        for place, width in enumerate(widths):
            sheet.set_column(
                place, place, width, formats["typed"] if _OWN <= place < len(titles) - 3 else None
            )
        self._choices(sheet, words, columns, len(rows))
        sheet.freeze_panes(HEADER_ROW, _OWN)
        sheet.autofilter(HEADER_ROW - 1, 0, HEADER_ROW - 1 + len(rows), len(titles) - 1)
        self._count(words, rows)

    def _choices(self, sheet: Any, words: _Sheet, columns: Sequence[tuple[str, int]], count: int) -> None:
        """Offer the known values where there is a code table; another one is warned of, not forbidden."""
        for name, values in words.codes.items():
            mapped = words.columns_of(name)
            if len(mapped) != 1 or len(",".join(values)) > 255 or any("," in value for value in values):
                continue
            for place, (folded, _) in enumerate(columns, start=_OWN):
                if folded == mapped[0]:
                    sheet.data_validation(
                        HEADER_ROW, place, HEADER_ROW - 1 + count + 500, place,
                        {"validate": "list", "source": values, "error_type": "warning"},
                    )  # fmt: skip

    def _count(self, words: _Sheet, rows: Sequence[_Row]) -> None:
        count: Counter[tuple[str, str]] = Counter()
        examples: dict[tuple[str, str], str] = {}
        for row in rows:
            for name, value, rule, reason in row.rejects:
                key = (rule, name or "")
                count[key] += 1
                examples.setdefault(key, words.reason(row, name, value, rule, reason))
        for (rule, name), number in sorted(count.items(), key=lambda each: (-each[1], each[0])):
            is_personal = name in words.contract.fields and words.contract.fields[name].is_personal
            example = rule if is_personal else examples[rule, name]
            self.counts.append((words.contract.entity, number, example, words.label(name) if name else ""))

    def explain(self) -> None:
        """The sheet that says what this is and how to correct it, in Chinese and in English."""
        first = self.texts
        second = _texts()["en" if self.language.startswith("zh") else "zh-Hans"]
        sheet = self.book.add_worksheet(first["explain_sheet"])
        sheet.hide_gridlines(2)
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_column(0, 0, 20)
        sheet.set_column(1, 1, 9)
        sheet.set_column(2, 2, 62)
        sheet.set_column(3, 3, 24)
        line = 0
        for texts in (first, second):
            sheet.set_row(line, 26)
            sheet.write_string(line, 0, texts["explain_title"], self.formats["title"])
            for each in texts["explain"]:
                line += 1
                text = each["text"].format(source=self.source)
                sheet.write_string(line, 0, each["term"], self.formats["term"])
                sheet.merge_range(line, 1, line, 3, "", self.formats["words"])
                sheet.write_string(line, 1, text, self.formats["words"])
                sheet.set_row(line, 4 + 13 * _lines(text, 94))
            line += 2
        for place, text in enumerate(first["counts"]):
            sheet.write_string(line, place, text, self.formats["head"])
        for entity, number, reason, columns in self.counts:
            line += 1
            sheet.write_string(line, 0, entity, self.formats["term"])
            sheet.write_number(line, 1, number, self.formats["number"])
            sheet.write_string(line, 2, _cut(reason), self.formats["words"])
            sheet.write_string(line, 3, columns, self.formats["words"])
            sheet.set_row(line, 4 + 13 * max(_lines(reason, 61), _lines(columns, 23)))

    def close(self) -> bytes:
        """The finished file."""
        self.book.close()
        return self.buffer.getvalue()


def _written(form: str | None, has_clock: bool) -> str:
    """A day that tells how dates are written: one whose day can be no month."""
    moment = datetime(2026, 1, 31, 8, 30)
    if form == EXCEL_SERIAL:
        return excel_serial(moment)
    if form and "%" in form:
        return moment.replace(tzinfo=UTC).strftime(form)
    return f"{moment:%Y-%m-%d %H:%M}" if has_clock else f"{moment:%Y-%m-%d}"


def _columns(rows: Sequence[_Row]) -> list[tuple[str, int]]:
    """Every delivered column, the latest delivery's first: folded name, and which of its namesakes it is."""
    found: dict[tuple[str, int], None] = {}
    for header in dict.fromkeys(tuple(row.header) for row in reversed(rows)):
        found.update(dict.fromkeys(_places(header)))
    return list(found)


def _places(header: Sequence[str]) -> dict[tuple[str, int], int]:
    seen: Counter[str] = Counter()
    places = {}
    for place, name in enumerate(header):
        folded = fold(name)
        places[folded, seen[folded]] = place
        seen[folded] += 1
    return places


def _write(sheet: Any, line: int, place: int, value: str, look: Any) -> None:
    if value:
        sheet.write_string(line, place, value, look)
    else:
        sheet.write_blank(line, place, None, look)


def _cut(text: str) -> str:
    return text if len(text) <= _CELL_LIMIT else text[: _CELL_LIMIT - 1] + "…"


def _width(text: str) -> float:
    """Characters that the longest line of a text takes: a Chinese one is as wide as two."""
    return max((sum(2 if ord(char) > 0x2000 else 1 for char in line) for line in text.split("\n")), default=0)


def _lines(text: str, width: float) -> int:
    return sum(max(1, math.ceil(1.1 * _width(line) / width)) for line in text.split("\n"))
