"""Make the simulated company's files: seeded, so the same arguments give the same bytes.

The latent quality of a project decides how fast it answers, how often it keeps its promise and how
often a ticket comes back. A few rows in a thousand are dirty; ``truth/`` tells which and what should
become of them, so that a test can ask for exactly that.
"""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random  # seeded on purpose: reproducible, not secret
from typing import Any

from yardstick.simulator import catalogue
from yardstick.simulator.catalogue import Item

FIRST_MONTH = date(2026, 7, 1)
SITE = Path(__file__).with_name("site.yml")
_TICKETS_PER_HOUSEHOLD_DAY = 0.0042
_DIRTY_PER_ROW = 0.006
_HOURS = (1, 1, 1, 1, 1, 2, 5, 12, 20, 24, 22, 16, 14, 15, 17, 18, 17, 18, 22, 24, 20, 13, 6, 3)


@dataclass(frozen=True)
class SimulatedCompany:
    """What was written.

    Attributes:
        sites: folder of site files.
        data: the data folder the site's paths start from.
        truth: folder with ``dirty_rows.csv`` and ``summary.json``; not part of any delivery.
        first_day: first day delivered.
        last_day: last day delivered.
        tickets: tickets that exist.
        rows: ticket rows delivered, all versions and dirty rows included.
        dirty: dirty rows by kind.
    """

    sites: Path
    data: Path
    truth: Path
    first_day: date
    last_day: date
    tickets: int
    rows: int
    dirty: dict[str, int] = field(hash=False)


@dataclass(frozen=True)
class _Project:
    project_id: str
    name_zh: str
    name_en: str
    region: str
    grade: str
    kind: str
    households: int
    area_m2: int
    quality: float  # -1 bad … +1 good
    drift: float  # change of quality per month
    managers: tuple[tuple[str, str], ...]  # by month
    is_appraised: bool


@dataclass(frozen=True)
class _Row:
    """A ticket as it stood at the end of one day."""

    ticket_id: str
    opened_at: datetime
    due_at: datetime
    first_response_at: datetime | None
    closed_at: datetime | None
    status: str
    project: _Project
    item: Item
    channel: str
    reopened: int
    title: str
    note: str

    def cells(self) -> list[str]:
        hours = self.item.due_hours
        priority = next(name for limit, name in catalogue.PRIORITIES.items() if hours <= limit)
        return [
            self.ticket_id,
            _moment(self.opened_at),
            _moment(self.due_at),
            _moment(self.first_response_at),
            _moment(self.closed_at),
            catalogue.STATUS[self.status],
            self.project.project_id,
            self.item.code,
            self.item.department,
            f"{self.project.project_id}-{self.item.department}",
            self.channel,
            priority,
            str(self.reopened),
            self.title,
            self.note,
        ]


def simulate(
    folder: Path,
    *,
    projects: int = 12,
    months: int = 3,
    seed: int = 1,
    first_month: date = FIRST_MONTH,
) -> SimulatedCompany:
    """Write the files of a made-up company.

    Args:
        folder: gets ``sites/``, ``data/`` and ``truth/``.
        projects: number of projects, at least 1.
        months: number of whole months, at least 1.
        seed: another seed is another company.
        first_month: any day of the first month.

    Returns:
        Where the files are and how much is in them.

    Raises:
        ValueError: for fewer than one project or month.
    """
    if projects < 1 or months < 1:
        raise ValueError(f"a company needs at least 1 project and 1 month, not {projects} and {months}")
    first_day = first_month.replace(day=1)
    starts = [_add_months(first_day, number) for number in range(months + 1)]
    last_day = starts[-1] - timedelta(days=1)
    company = _projects(projects, months, seed)
    sites, data, truth = folder / "sites", folder / "data", folder / "truth"
    for path in (sites / "simulated_company", data / "master", data / "tickets", truth):
        path.mkdir(parents=True, exist_ok=True)
    (sites / "simulated_company" / "site.yml").write_bytes(SITE.read_bytes())
    for number, start in enumerate(starts[:-1]):
        _write_master(data / "master" / f"主数据_{start:%Y-%m}.xlsx", company, number)

    files: dict[tuple[str, date], list[_Row]] = {
        (region, first_day + timedelta(days=number)): []
        for region in sorted({project.region for project in company})
        for number in range((last_day - first_day).days + 1)
    }
    tickets = 0
    for project in company:
        for day in _days(first_day, last_day):
            for states in _tickets(project, day, first_day, seed):
                tickets += 1
                for state_day, row in states:
                    if state_day <= last_day:
                        files[project.region, state_day].append(row)
    dirty = _write_tickets(data / "tickets", files, last_day, seed)
    _write_table(
        truth / "dirty_rows.csv",
        ["kind", "file_name", "row_number", "source_ticket_id", "field", "value", "expected"],
        dirty.rows,
    )
    counts = {
        kind: sum(row[0] == kind for row in dirty.rows) for kind in sorted({row[0] for row in dirty.rows})
    }
    summary = {
        "seed": seed,
        "first_day": first_day.isoformat(),
        "last_day": last_day.isoformat(),
        "projects": {project.project_id: round(project.quality, 3) for project in company},
        "tickets": tickets,
        "rows": dirty.written,
        "dirty": counts,
    }
    (truth / "summary.json").write_text(
        json.dumps(summary, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    return SimulatedCompany(sites, data, truth, first_day, last_day, tickets, dirty.written, counts)


# --- the company -------------------------------------------------------------------------------


def _projects(count: int, months: int, seed: int) -> list[_Project]:
    regions = list(catalogue.REGIONS)
    found = []
    for number in range(count):
        random = Random(f"{seed}/project/{number}")  # noqa: S311
        if number < len(catalogue.PROJECTS):
            name_zh, name_en, grade, kind, households, area_m2 = catalogue.PROJECTS[number]
        else:
            extra = number - len(catalogue.PROJECTS)
            first = catalogue.MORE_FIRST[extra % len(catalogue.MORE_FIRST)]
            last = catalogue.MORE_LAST[extra // len(catalogue.MORE_FIRST) % len(catalogue.MORE_LAST)]
            phase = extra // (len(catalogue.MORE_FIRST) * len(catalogue.MORE_LAST)) + 1
            name_zh = first[0] + last[0] + (f"{phase}期" if phase > 1 else "")
            name_en = f"{first[1]} {last[1]}" + (f" Phase {phase}" if phase > 1 else "")
            grade, kind = random.choice("ABBCC"), "residential"
            households = random.randrange(400, 2400, 20)
            area_m2 = households * random.randrange(85, 130)
        # Qualities are spread evenly, then shuffled by the seed: every company has good and bad projects.
        rank = (number * 7 + seed * 3) % max(count, 1)
        quality = (2 * (rank + 0.5) / count - 1) * 0.9 + random.uniform(-0.1, 0.1)
        manager = _person(seed, number, 0)
        follower = _person(seed, number, 1)
        change = random.randrange(1, max(months, 2)) if random.random() < 0.25 and months > 1 else months
        found.append(
            _Project(
                project_id=f"P{number + 1:03}",
                name_zh=name_zh,
                name_en=name_en,
                region=regions[number % len(regions)],
                grade=grade,
                kind=kind,
                households=households,
                area_m2=area_m2,
                quality=max(-1.0, min(1.0, quality)),
                drift=random.uniform(-0.12, 0.12),
                managers=tuple(manager if month < change else follower for month in range(months)),
                is_appraised=True,
            )
        )
    return found


def _person(seed: int, number: int, turn: int) -> tuple[str, str]:
    random = Random(f"{seed}/person/{number}/{turn}")  # noqa: S311
    return f"{number * 2 + turn + 1:06}", random.choice(catalogue.SURNAMES) + random.choice(catalogue.GIVEN)


def _write_master(path: Path, company: Sequence[_Project], month: int) -> None:
    from xlsxwriter import Workbook

    workbook = Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    # A fixed moment: the file's bytes depend on the arguments alone.
    workbook.set_properties({"created": datetime(2020, 1, 1), "author": "simulator"})
    bold = workbook.add_format({"bold": True})

    def sheet(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        worksheet = workbook.add_worksheet(name)
        worksheet.write_row(0, 0, columns, bold)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    worksheet.write_string(number, column, value)
                else:
                    worksheet.write_number(number, column, value)
        worksheet.freeze_panes(1, 0)

    sheet(
        "项目",
        catalogue.PROJECT_COLUMNS,
        (
            [
                p.project_id, p.name_zh, p.name_en, catalogue.REGIONS[p.region], "杭州", p.grade,
                catalogue.KINDS[p.kind], p.area_m2, p.households, *p.managers[month],
                "是" if p.is_appraised else "否",
            ]
            for p in company
        ),
    )  # fmt: skip
    sheet(
        "服务事项",
        catalogue.ITEM_COLUMNS,
        (
            [item.code, item.name_zh, item.name_en, item.group, *catalogue.GROUPS[item.group]]
            for item in catalogue.ITEMS
        ),
    )
    sheet("组织", catalogue.UNIT_COLUMNS, _units(company))
    workbook.close()


def _units(company: Sequence[_Project]) -> Iterator[list[str]]:
    kinds = catalogue.UNIT_KINDS
    yield ["HQ", "总部", "Headquarters", "", kinds["headquarters"]]
    for code, (zh, en) in catalogue.DEPARTMENTS.items():
        yield [code, zh, en, "HQ", kinds["department"]]
    for region in sorted({project.region for project in company}):
        yield [region, catalogue.REGIONS[region], f"Region {region}", "HQ", kinds["region"]]
    for project in company:
        yield [project.project_id, project.name_zh, project.name_en, project.region, kinds["project"]]
        for code, (zh, en) in catalogue.DEPARTMENTS.items():
            unit = f"{project.project_id}-{code}"
            yield [
                unit,
                f"{project.name_zh}{zh}",
                f"{project.name_en} {en}",
                project.project_id,
                kinds["team"],
            ]


# --- the tickets -------------------------------------------------------------------------------


def _weather(day: date, seed: int) -> dict[str, float]:
    """How the day presses on the items: heat by season, rain in storms that strike all projects at once."""
    random = Random(f"{seed}/weather/{day}")  # noqa: S311
    heat = 1 + 0.6 * max(0.0, math.cos((day.timetuple().tm_yday - 205) / 365 * 2 * math.pi)) ** 3
    storm = random.random() < (0.09 if 5 <= day.month <= 9 else 0.04)
    return {
        "": 1.0,
        "heat": heat * random.uniform(0.9, 1.15),
        "rain": random.uniform(2.5, 5) if storm else 1.0,
    }


def _tickets(project: _Project, day: date, first_day: date, seed: int) -> Iterator[list[tuple[date, _Row]]]:
    """The tickets opened on a day, each as its state at the end of every day on which it changed."""
    random = Random(f"{seed}/{project.project_id}/{day}")  # noqa: S311
    weather = _weather(day, seed)
    weights = [item.share * weather[item.season] for item in catalogue.ITEMS]
    if project.kind != "residential":
        weights = [
            w * (0.4 if item.group == "fit_out" else 1)
            for w, item in zip(weights, catalogue.ITEMS, strict=True)
        ]
    pressure = sum(weights) / sum(item.share for item in catalogue.ITEMS)
    weekday = (1.12, 1.0, 0.97, 0.98, 1.0, 1.15, 1.05)[day.weekday()]
    if project.kind == "office":
        weekday = (1.3, 1.2, 1.2, 1.2, 1.1, 0.3, 0.2)[day.weekday()]
    size = project.households if project.kind == "residential" else project.area_m2 / 90
    expected = size * _TICKETS_PER_HOUSEHOLD_DAY * weekday * pressure
    months = (day.year - first_day.year) * 12 + day.month - first_day.month
    quality = max(-1.0, min(1.0, project.quality + project.drift * months))
    # A storm day overwhelms a weak team more than a strong one.
    quality -= max(0.0, pressure - 1.15) * (0.5 - 0.3 * quality)
    for number in range(_poisson(random, expected)):
        yield _ticket(random, project, day, number, weights, max(-1.2, quality))


def _ticket(
    random: Random, project: _Project, day: date, number: int, weights: Sequence[float], quality: float
) -> list[tuple[date, _Row]]:
    item = random.choices(catalogue.ITEMS, weights)[0]
    hour = random.choices(range(24), _HOURS)[0]
    opened = datetime.combine(day, time(hour, random.randrange(60), random.randrange(60)))
    due = opened + timedelta(hours=item.due_hours)
    channels = catalogue.CHANNELS
    channel = random.choices(list(channels), [share for _, share in channels.values()])[0]
    response = item.response_minutes * math.exp(random.gauss(-0.25 - 0.45 * quality, 0.6))
    responded = opened + timedelta(seconds=round(60 * min(response, 60 * item.due_hours * 2)))
    is_late = random.random() > 0.945 + 0.05 * quality - (0.03 if item.group == "complaint" else 0)
    share = random.uniform(1.05, 3.5) if is_late else min(0.98, random.betavariate(2.2, 3 + 1.5 * quality))
    closed = max(opened + timedelta(hours=item.due_hours * share), responded + timedelta(minutes=3))
    closed = closed.replace(microsecond=0)
    place = f"{random.randrange(1, 19)}栋{random.randrange(1, 4)}单元"
    place += f"{random.randrange(1, 27)}{random.randrange(1, 5):02}"
    base = _Row(
        ticket_id=f"{day:%Y%m%d}{project.project_id[1:]}{number:07}",
        opened_at=opened,
        due_at=due,
        first_response_at=None,
        closed_at=None,
        status="open",
        project=project,
        item=item,
        channel=channel,
        reopened=0,
        title=f"{place} {item.name_zh}",
        note="",
    )
    events = [(opened, base)]
    if random.random() < 0.02:
        at = opened + timedelta(minutes=random.randrange(5, 240))
        events.append((at, replace(base, status="cancelled", closed_at=at, note="业主取消")))
    else:
        answered = replace(base, first_response_at=responded)
        done = replace(answered, status="closed", closed_at=closed, note=random.choice(catalogue.CLOSING))
        events += [(responded, answered), (closed, done)]
        if random.random() < 0.045 - 0.035 * quality:
            again = closed + timedelta(hours=random.uniform(2, 60))
            final = (again + timedelta(hours=item.due_hours * random.uniform(0.2, 1.2))).replace(
                microsecond=0
            )
            events.append((again, replace(answered, reopened=1)))
            events.append((final, replace(done, reopened=1, closed_at=final)))
    by_day: dict[date, _Row] = {}
    for moment, row in sorted(events, key=lambda event: event[0]):
        by_day[moment.date()] = row
    return sorted(by_day.items())


def _poisson(random: Random, expected: float) -> int:
    limit, product, count = math.exp(-min(expected, 500)), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count


# --- the files, with a little dirt -------------------------------------------------------------


@dataclass
class _Dirt:
    """Dirty rows as written: kind, file, row number, ticket, field, value, what should become of it."""

    rows: list[list[Any]] = field(default_factory=list)
    written: int = 0


def _write_tickets(
    folder: Path, files: dict[tuple[str, date], list[_Row]], last_day: date, seed: int
) -> _Dirt:
    changes: dict[str, list[date]] = defaultdict(list)
    for (_, day), rows in files.items():
        for row in rows:
            changes[row.ticket_id].append(day)
    dirt = _Dirt()
    # Rows that a later file brings: (kind, cells, what should become of it).
    coming: dict[tuple[str, date], list[tuple[str, list[str], str]]] = defaultdict(list)
    for (region, day), rows in sorted(files.items()):
        random = Random(f"{seed}/dirt/{region}/{day}")  # noqa: S311
        name = f"工单_{region}_{day:%Y-%m-%d}.csv"
        lines: list[list[str]] = []

        def tell(kind: str, ticket: str, column: str, value: str, expected: str) -> None:
            dirt.rows.append([kind, name, len(lines) + 2, ticket, column, value, expected])  # noqa: B023

        for kind, cells, expected in coming.pop((region, day), []):
            tell(kind, cells[0], "", "", expected)
            lines.append(cells)
        for row in sorted(rows, key=lambda row: (row.opened_at, row.ticket_id)):
            cells = row.cells()
            if random.random() >= _DIRTY_PER_ROW:
                lines.append(cells)
                continue
            later = day + timedelta(days=random.choice((1, 1, 2)))
            # A row may be delivered late or again only when nothing newer arrives before it.
            is_free = later <= last_day and not any(day < other <= later for other in changes[row.ticket_id])
            kind = random.choice(_KINDS)
            if kind == "late":
                if is_free:
                    coming[region, later].append(("late", cells, "staged"))
                else:
                    lines.append(cells)
            elif kind == "duplicate":
                lines.append(cells)
                tell("duplicate", cells[0], "", "", "duplicate")
                lines.append(list(cells))
            elif kind == "corrected":
                if is_free:
                    wrong = random.choice([item.code for item in catalogue.ITEMS if item is not row.item])
                    tell("corrected", cells[0], "service_item_id", wrong, "superseded")
                    lines.append(_with(cells, 7, wrong))
                    coming[region, later].append(("correction", cells, "staged"))
                else:
                    lines.append(cells)
            else:
                column, label, value, rule = _FAULTS[kind]
                if kind == "extra_separator":
                    tell(kind, cells[0], "", "", rule)
                    lines.append([*cells[:13], "漏水", *cells[13:]])
                else:
                    tell(kind, cells[0], label, value, rule)
                    lines.append(_with(cells, column, value))
                if is_free:
                    coming[region, later].append(("redelivered", cells, "staged"))
        _write_table(folder / name, catalogue.TICKET_COLUMNS, lines)
        dirt.written += len(lines)
    return dirt


# Kind -> (cell, contract field, value, rule of the reject or what else becomes of it).
_FAULTS = {
    "wrong_channel": (10, "channel", "传真", "unknown_code"),
    "wrong_status": (5, "status", "完结?", "unknown_code"),
    "wrong_project": (6, "project_id", "P999", "unknown_project"),
    "wrong_item": (7, "service_item_id", "9999", "unknown_service_item"),
    "wrong_date": (1, "opened_at", "2026-02-30 10:00:00", "timestamp_unreadable"),
    "missing_status": (5, "status", "", "required_missing"),
    "extra_separator": (-1, "", "", "extra_cells"),
    "formula_text": (13, "title", '=HYPERLINK("http://example.invalid","报修")', "staged"),
}
_KINDS = ("late", "late", "duplicate", "duplicate", "corrected", "corrected", *_FAULTS)


def _with(cells: Sequence[str], index: int, value: str) -> list[str]:
    changed = list(cells)
    changed[index] = value
    return changed


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _moment(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else ""


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _add_months(day: date, count: int) -> date:
    months = day.year * 12 + day.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)
