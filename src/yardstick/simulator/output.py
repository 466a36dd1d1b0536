"""Where each system keeps or drops its rows: books for the APIs, tables for the database, files for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from yardstick.simulator import dirt, writers
from yardstick.simulator.account import Account, settle
from yardstick.simulator.tables import Delivery, Row, Table, deliveries, ordered

_PATHS = {
    "ticket": "api/v2/tickets",
    "ticket_event": "api/v2/ticket-events",
    "complaint": "api/v2/complaints",
    "call_back": "api/v2/call-backs",
    "equipment": "api/equipment",
    "equipment_status": "api/status-records",
    "goods_movement": "api/goods-movements",
}
# Workbooks by name: folder, and the entities in it with their sheets.
_WORKBOOKS = {
    "主数据_{:%Y-%m}.xlsx": ("master", {"project": "项目", "service_item": "服务事项"}),
    "检查_{:%Y-%m}.xlsx": (
        "inspections",
        {"inspection": "检查", "inspection_item": "检查项", "rectification": "整改"},
    ),
    "作业_{:%Y-%m}.xlsx": (
        "procedures",
        {"procedure": "作业指导书", "procedure_execution": "作业执行", "procedure_step": "作业步骤"},
    ),
    "承接与装修_{:%Y-%m}.xlsx": ("handover", {"takeover_finding": "承接查验", "fit_out_finding": "装修巡查"}),
}
_BOOK_OF = {entity: name for name, (_folder, sheets) in _WORKBOOKS.items() for entity in sheets}


def _sheet(table: Table, title: str, rows: list[Row], name: str = "") -> writers.Sheet:
    """A table's sheet; only the inspection app puts titles above and totals below."""
    title = (title or "明细表") if table.source_id == "inspection_app" else ""
    return writers.Sheet(name, table.columns, rows, title)


@dataclass
class Output:
    """Spoils, follows and writes one table after the other.

    Attributes:
        folder: of the company.
        first_day: its first day.
        last_day: its last day.
        seed: its seed.
        dirty: share of the rows that are touched.
    """

    folder: Path
    first_day: date
    last_day: date
    seed: int
    dirty: float
    _books: dict[str, dict[str, list[Delivery]]] = field(default_factory=dict)
    _tables: dict[str, Table] = field(default_factory=dict)

    def write(self, table: Table) -> Account:
        """Write a table, or keep it until its workbook is complete.

        Returns:
            What must become of its rows.
        """
        table.delivery_name = self._name(table)
        if table.entity in _BOOK_OF:
            table.first_row = _sheet(table, "", []).first_row
        elif table.is_delimited:
            table.first_row = 2
        dirt.plant(table, self.first_day, self.last_day, self.seed, self.dirty)
        delivered = deliveries(table, self.first_day, self.last_day)
        account = settle(table, delivered)
        if table.entity in _BOOK_OF:
            name = _BOOK_OF[table.entity]
            self._tables[table.entity] = table
            self._books.setdefault(name, {})[table.entity] = delivered
            if len(self._books[name]) == len(_WORKBOOKS[name][1]):
                self._write_books(name)
        elif table.entity == "survey_answer":
            self._write_files(
                delivered,
                "surveys",
                lambda path, rows: writers.write_zip(
                    path, path.with_suffix(".csv").name, writers.csv_bytes(table.columns, rows, "gb18030")
                ),
            )
        elif table.entity == "cost":
            self._write_files(
                delivered,
                "costs",
                lambda path, rows: writers.write_gzip(
                    path, writers.csv_bytes(table.columns, rows, "utf-8-sig")
                ),
            )
        else:
            folder = self.folder / "systems" / table.source_id
            folder.mkdir(exist_ok=True)
            rows = ordered(table, self.last_day)
            if table.source_id == "hr":
                writers.write_copy(folder / f"{table.entity}.copy", rows)
                (folder / f"{table.entity}.columns").write_text(
                    "\n".join(table.columns) + "\n", encoding="utf-8"
                )
            else:
                path = folder / f"{_PATHS[table.entity].rpartition('/')[2]}.jsonl"
                writers.write_json_lines(path, table.columns, table.moment_column, rows)
        return account

    def _name(self, table: Table) -> Callable[[date], str]:
        if table.entity in _BOOK_OF:
            return _BOOK_OF[table.entity].format
        if table.entity == "survey_answer":
            return "满意度_{:%Y%m}.zip".format
        if table.entity == "cost":
            return "成本_{:%Y%m}.csv.gz".format
        name = _PATHS.get(table.entity, table.entity)
        return (lambda day: f"{name}@{day}") if table.pace == "day" else (lambda _day: name)

    def _write_files(
        self, delivered: Iterable[Delivery], folder: str, write: Callable[[Path, list[Row]], None]
    ) -> None:
        (self.folder / "data" / folder).mkdir(exist_ok=True)
        for delivery in delivered:
            write(self.folder / "data" / folder / delivery.name, delivery.rows)

    def _write_books(self, name: str) -> None:
        folder, sheets = _WORKBOOKS[name]
        (self.folder / "data" / folder).mkdir(exist_ok=True)
        by_entity = self._books.pop(name)
        for number in range(len(next(iter(by_entity.values())))):
            found = []
            for entity, sheet in sheets.items():
                delivery, table = by_entity[entity][number], self._tables[entity]
                found.append(
                    _sheet(table, f"{sheet}明细表({delivery.first_day:%Y年%m月})", delivery.rows, sheet)
                )
            writers.write_workbook(self.folder / "data" / folder / delivery.name, found)
        for entity in sheets:
            del self._tables[entity]

    def finish(self) -> None:
        """Make sure that nothing waits.

        Raises:
            RuntimeError: when a workbook lacks a sheet.
        """
        if self._books:
            raise RuntimeError(f"workbooks without all their sheets: {', '.join(self._books)}")
