"""Make the simulated company: what its systems keep and deliver, the site files, and the truth about it.

Seeded: the same arguments give the same bytes. The company is lived through once (`people`, `tickets`,
`inspections` …), table by table spoiled a little (`dirt`), followed to its end (`account`) and written.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from yardstick.simulator import (
    dirt,
    equipment,
    hr,
    inspections,
    master,
    people,
    procedures,
    surveys,
    tickets,
    truth,
    writers,
)
from yardstick.simulator.account import Account, settle
from yardstick.simulator.calendar import add_months, days_of
from yardstick.simulator.plan import make_plan
from yardstick.simulator.projects import make_projects
from yardstick.simulator.tables import SITES, Delivery, Row, Table, deliveries, ordered

FIRST_MONTH = date(2026, 1, 1)
DIRT = 0.004
_PATHS = {
    "ticket": "api/v2/tickets",
    "ticket_event": "api/v2/ticket-events",
    "complaint": "api/v2/complaints",
    "call_back": "api/v2/call-backs",
    "equipment": "api/equipment",
    "equipment_status": "api/status-records",
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


@dataclass(frozen=True)
class SimulatedCompany:
    """What was made.

    Attributes:
        folder: everything below.
        sites: folder of site files, one system each.
        data: the data folder that the files' site files start from.
        systems: what the ticket, equipment and HR systems keep.
        truth: what was planted and what must become of it; not part of any delivery.
        first_day: first day delivered.
        last_day: last day delivered.
        tickets: tickets that exist.
        rows: rows delivered, all versions and dirty rows included.
        dirty: planted faults by kind.
        accounts: by entity, rows by what must become of them.
    """

    folder: Path
    sites: Path
    data: Path
    systems: Path
    truth: Path
    first_day: date
    last_day: date
    tickets: int
    rows: int
    dirty: dict[str, int] = field(hash=False)
    accounts: dict[str, Account] = field(hash=False, repr=False)


def simulate(
    folder: Path,
    *,
    projects: int = 30,
    months: int = 6,
    seed: int = 1,
    first_month: date = FIRST_MONTH,
    dirty: float = DIRT,
    planted: bool = True,
) -> SimulatedCompany:
    """Make a company.

    Args:
        folder: gets ``sites/``, ``data/``, ``systems/`` and ``truth/``; what stood in them goes.
        projects: number of projects, at least 1.
        months: number of whole months, at least 1.
        seed: another seed is another company.
        first_month: any day of the first month.
        dirty: share of the rows that are spoiled, repeated, delayed or corrected.
        planted: False: no shortage, no lax inspector, no unfit standard: nothing for an analysis to find.

    Returns:
        Where everything is and how much there is.

    Raises:
        ValueError: for fewer than one project or month, or a share that is none.
    """
    if projects < 1 or months < 1:
        raise ValueError(f"a company needs at least 1 project and 1 month, not {projects} and {months}")
    if not 0 <= dirty <= 0.5:
        raise ValueError(f"dirty is a share of the rows between 0 and 0.5, not {dirty}")
    first_day = first_month.replace(day=1)
    last_day = add_months(first_day, months) - timedelta(days=1)
    days = days_of(first_day, last_day, seed)
    company = make_projects(projects, seed)
    plan = make_plan(company, days, people.inspectors_needed(projects), seed, planted=planted)
    staff = people.make_staff(company, days, plan, seed)

    for name in ("sites", "data", "systems", "truth"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    _write_sites(folder / "sites", first_day)
    writer = _Writer(folder, first_day, last_day, seed, dirty)
    gaps: dict[str, int] = {}
    desk_count = 0
    effects: dict[tuple[str, str], tickets.Effect] = {}

    def tables() -> Iterator[Table]:
        nonlocal desk_count, effects
        yield master.make_projects(company, days, staff)
        yield master.make_items(days)
        yield from hr.make_tables(staff, company, days, seed, gaps=gaps)
        register = equipment.make_register(company, days, seed)
        desk = tickets.make_helpdesk(company, days, staff, plan, equipment.by_kind(register), seed)
        status = equipment.make_status(register, company, days, staff, plan, desk.breakdowns, seed)
        desk_count, effects = desk.count, desk.effects
        yield from (desk.ticket, desk.event, desk.complaint, desk.call_back, register, status)
        del desk, register, status
        yield from inspections.make_inspections(company, days, staff, plan, seed).tables()
        yield from procedures.make_procedures(company, days, staff, plan, seed).tables()
        yield surveys.make_answers(company, days, staff, plan, seed)
        yield surveys.make_costs(company, days, seed)

    accounts = {table.entity: writer.write(table) for table in tables()}
    writer.finish()
    faults: Counter[str] = Counter()
    for account in accounts.values():
        faults.update(planted.kind for planted, _key in account.planted)
    truth.write(
        folder / "truth",
        seed=seed,
        days=days,
        projects=company,
        plan=plan,
        staff=staff,
        effects=effects,
        gaps=gaps,
        accounts=accounts,
        tickets=desk_count,
    )
    return SimulatedCompany(
        folder=folder,
        sites=folder / "sites",
        data=folder / "data",
        systems=folder / "systems",
        truth=folder / "truth",
        first_day=first_day,
        last_day=last_day,
        tickets=desk_count,
        rows=sum(account.counts["landed"] for account in accounts.values()),
        dirty=dict(sorted(faults.items())),
        accounts=accounts,
    )


def _write_sites(folder: Path, first_day: date) -> None:
    """The site files as the company wrote them, valid from its first day."""
    for path in sorted(SITES.glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        text = text.replace("valid_from: 2026-01-01", f"valid_from: {first_day}")
        (folder / path.stem).mkdir()
        (folder / path.stem / "site.yml").write_text(text, encoding="utf-8")


def _sheet(table: Table, title: str, rows: list[Row], name: str = "") -> writers.Sheet:
    """A table's sheet; only the inspection app puts titles above and totals below."""
    title = (title or "明细表") if table.source_id == inspections.SOURCE else ""
    return writers.Sheet(name, table.columns, rows, title)


@dataclass
class _Writer:
    """Spoils, follows and writes one table after the other."""

    folder: Path
    first_day: date
    last_day: date
    seed: int
    dirty: float
    books: dict[str, dict[str, list[Delivery]]] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)

    def write(self, table: Table) -> Account:
        """Write a table, or keep it until its workbook is complete."""
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
            self.tables[table.entity] = table
            self.books.setdefault(name, {})[table.entity] = delivered
            if len(self.books[name]) == len(_WORKBOOKS[name][1]):
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
            if table.source_id == hr.SOURCE:
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
        by_entity = self.books.pop(name)
        for number in range(len(next(iter(by_entity.values())))):
            found = []
            for entity, sheet in sheets.items():
                delivery, table = by_entity[entity][number], self.tables[entity]
                found.append(
                    _sheet(table, f"{sheet}明细表({delivery.first_day:%Y年%m月})", delivery.rows, sheet)
                )
            writers.write_workbook(self.folder / "data" / folder / delivery.name, found)
        for entity in sheets:
            del self.tables[entity]

    def finish(self) -> None:
        """Make sure that nothing waits.

        Raises:
            RuntimeError: when a workbook lacks a sheet.
        """
        if self.books:
            raise RuntimeError(f"workbooks without all their sheets: {', '.join(self.books)}")
