"""The equipment platform: what every project has, and what state it was in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from random import Random  # seeded on purpose: reproducible, not secret
from typing import Any, NamedTuple

from yardstick.simulator.calendar import Day
from yardstick.simulator.goods import register_rows
from yardstick.simulator.people import Staff
from yardstick.simulator.plan import Plan
from yardstick.simulator.projects import Project
from yardstick.simulator.tables import Row, Table, columns
from yardstick.simulator.tickets import Breakdown

SOURCE = "assets"
EQUIPMENT = columns(
    "code name name_en project category place maker model quantity installed life_years price "
    "service_interval statutory statutory_last statutory_due service_by owner_post"
)
STATUS = columns("id asset type state from to planned outcome in_use hours fault ticket worker note")


class Kind(NamedTuple):
    """A kind of equipment: how it is looked after, and how many a project has per 50,000 m²."""

    code: str
    name_zh: str
    name_en: str
    per_size: float
    interval_days: int
    life_years: int
    price: int
    is_statutory: bool
    outsourced: bool


KINDS = (
    Kind("lift", "电梯", "Lift", 3.2, 15, 15, 280_000, True, True),
    Kind("fire_alarm", "火灾报警主机", "Fire alarm", 0.4, 30, 12, 90_000, True, True),
    Kind("fire_pump", "消防水泵", "Fire pump", 0.6, 30, 15, 38_000, True, False),
    Kind("water_pump", "生活水泵", "Water pump", 0.8, 30, 12, 26_000, False, False),
    Kind("switchgear", "配电柜", "Switchgear", 0.9, 90, 20, 120_000, False, False),
    Kind("access_control", "门禁", "Access control", 2.4, 60, 8, 6_000, False, False),
    Kind("cctv", "监控", "CCTV", 1.5, 60, 6, 12_000, False, False),
    Kind("parking_gate", "道闸", "Parking gate", 0.5, 30, 8, 22_000, False, False),
    Kind("lighting", "公共照明回路", "Public lighting", 1.6, 90, 10, 4_000, False, False),
    Kind("drainage", "排污泵", "Drainage pump", 0.6, 60, 8, 8_000, False, False),
)
_SHORT = {"lift": "DT", "fire_alarm": "XH", "fire_pump": "XB", "water_pump": "SB", "switchgear": "PD",
          "access_control": "MJ", "cctv": "JK", "parking_gate": "DZ", "lighting": "ZM", "drainage": "PW"}  # fmt: skip
_MAKERS = ("通力", "日立", "格兰富", "海康", "正泰", "青鸟", "捷顺")


def make_register(projects: Sequence[Project], days: Sequence[Day], seed: int) -> Table:
    """The register: one row per piece."""
    table = Table(SOURCE, "equipment", EQUIPMENT, pace="once")
    first, last = days[0].date, days[-1].date
    begin = datetime.combine(first, time())
    for project in projects:
        random = Random(f"{seed}/equipment/{project.project_id}")  # noqa: S311
        age = random.uniform(1, 14)
        for kind in KINDS:
            for number in range(1, max(1, round(kind.per_size * project.area_m2 / 50_000)) + 1):
                installed = first - timedelta(days=round(365 * max(0.3, age + random.uniform(-0.5, 0.5))))
                # the next inspection is due within the year; bad projects let it pass
                due = first + timedelta(days=random.randrange(20, 380))
                inspected = due - timedelta(days=365)
                if due < last and random.random() < 0.75 + 0.25 * project.quality:
                    inspected, due = due - timedelta(days=10), due + timedelta(days=355)
                table.rows.append(
                    Row(
                        begin,
                        [
                            f"{project.project_id}-{_SHORT[kind.code]}{number:02}", f"{kind.name_zh}{number}号",
                            f"{kind.name_en} {number}", project.project_id, kind.code,
                            random.choice(("地下一层", "1栋", "2栋", "3栋", "大门")), random.choice(_MAKERS),
                            f"{_SHORT[kind.code]}-{random.randrange(100, 999)}", 1, installed.isoformat(),
                            kind.life_years, kind.price + random.randrange(kind.price // 5), kind.interval_days,
                            kind.is_statutory, inspected.isoformat() if kind.is_statutory else None,
                            due.isoformat() if kind.is_statutory else None,
                            "外包" if kind.outsourced else "自有", f"{project.project_id}-ENG",
                        ],
                    )
                )  # fmt: skip
        table.rows.extend(register_rows(project, begin))
    return table


def by_kind(register: Table) -> dict[str, dict[str, list[str]]]:
    """Ids of equipment by project and kind."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in register.rows:
        found.setdefault(row.cells[3], {}).setdefault(row.cells[4], []).append(row.cells[0])
    return found


def make_status(
    register: Table,
    projects: Sequence[Project],
    days: Sequence[Day],
    staff: Staff,
    plan: Plan,
    breakdowns: Iterable[Breakdown],
    seed: int,
) -> Table:
    """States, maintenance, repairs and readings; breakdowns are those that tickets tell of.

    Args:
        register: the equipment.
        projects: the projects.
        days: the days.
        staff: who maintains.
        plan: what is planted.
        breakdowns: from the ticket system.
        seed: of the company.
    """
    table = Table(SOURCE, "equipment_status", STATUS, overlap=timedelta(hours=1))
    by_id = {project.project_id: project for project in projects}
    counter = 0

    def tell(moment: datetime, *cells: Any) -> None:
        nonlocal counter
        if moment.date() <= days[-1].date:
            counter += 1
            table.rows.append(Row(moment, [f"S{counter:08}", *cells]))

    begin = datetime.combine(days[0].date, time(0, 10))
    for row in register.rows:
        asset, project_id = row.cells[0], row.cells[3]
        if row.cells[12] is None:  # goods are in no state
            continue
        project = by_id[project_id]
        random = Random(f"{seed}/status/{asset}")  # noqa: S311
        tell(begin, asset, "state", "运行", _iso(begin), None, None, None, True, None, None, None, None, None)
        interval = int(row.cells[12])
        day_number = random.randrange(interval)
        hours = random.randrange(2_000, 40_000)
        while day_number < len(days):
            day = days[day_number]
            level = project.level("GC", day.month) + plan.boost(project_id, "GC", day.month)
            ratio = staff.ratio(project_id, "GC", day.number)
            at = datetime.combine(day.date, time(9)) + timedelta(minutes=random.randrange(420))
            workers = staff.on_duty.get((project_id, "GC", day.number))
            is_done = random.random() < 0.93 + 0.06 * level - 0.5 * (1 - ratio)
            end = at + timedelta(minutes=random.randrange(20, 120))
            tell(
                at if not is_done else end, asset, "maintenance", None, _iso(at), _iso(end) if is_done else None,
                day.date.isoformat(), "完成" if is_done else "未做", None, hours if is_done else None, None, None,
                random.choice(workers).person_id if workers and is_done else None, None,
            )  # fmt: skip
            hours += 14 * interval
            day_number += interval
        if (
            row.cells[13]
            and row.cells[14]
            and days[0].date.isoformat() <= row.cells[14] <= days[-1].date.isoformat()
        ):
            at = datetime.combine(date.fromisoformat(row.cells[14]), time(10))
            tell(at, asset, "statutory", None, _iso(at), _iso(at + timedelta(hours=2)), row.cells[14],
                 "合格" if random.random() < 0.97 else "不合格", None, None, None, None, None, None)  # fmt: skip
    random = Random(f"{seed}/faults")  # noqa: S311
    for item in breakdowns:
        fault = random.choice(("机械", "电气", "控制", "磨损", "人为"))
        tell(item.began, item.asset, "state", "停用", _iso(item.began), None, None, None, False, None, fault,
             item.ticket, None, None)  # fmt: skip
        tell(item.ended, item.asset, "repair", None, _iso(item.attended), _iso(item.ended), None, "完成", None, None,
             fault, item.ticket, item.handler, "更换配件后恢复" if random.random() < 0.3 else None)  # fmt: skip
        tell(item.ended + timedelta(seconds=5), item.asset, "state", "运行", _iso(item.ended), None, None, None, True,
             None, None, item.ticket, None, None)  # fmt: skip
    return table


def _iso(moment: datetime) -> str:
    return moment.isoformat(sep=" ")
