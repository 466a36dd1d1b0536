"""Work guides and how they are followed: routine work planned and done, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random  # seeded on purpose: reproducible, not secret
from typing import Any, NamedTuple

from yardstick.simulator import catalogue
from yardstick.simulator.calendar import Day
from yardstick.simulator.people import Staff
from yardstick.simulator.plan import Plan
from yardstick.simulator.projects import Project
from yardstick.simulator.tables import Row, Table, columns

SOURCE = "inspection_app"
PROCEDURE = columns(
    "文件编号 版本 文件名称 英文名称 类别 服务事项 服务类别 归口部门 状态 批准日期 批准岗位 生效日期 "
    "失效日期 复审日期 步骤数 是否留痕 文件存放"
)
EXECUTION = columns(
    "作业编号 文件编号 版本 项目编号 计划日期 是否计划内 要求完成时间 开始时间 结束时间 状态 地点 "
    "执行人工号 执行岗位 照片数 备注"
)
STEP = columns(
    "步骤编号 作业编号 作业日期 步骤序号 步骤名称 结果 开始时间 结束时间 是否留痕 照片数 执行人工号"
)


class Guide(NamedTuple):
    """A work guide: who does it, how often, at what hour, and in which steps."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    group: str
    department: str
    post: str
    every_days: int
    hour: int
    minutes: int
    steps: tuple[str, ...]


GUIDES = (
    Guide("WI-BJ-01", "大堂保洁作业指导书", "Lobby cleaning", "cleaning", "cleaning", "BJ", "CLN", 1, 7, 70,
          ("清扫地面", "擦拭台面", "清理垃圾", "检查记录")),
    Guide("WI-BJ-02", "垃圾清运作业指导书", "Refuse removal", "cleaning", "cleaning", "BJ", "CLN", 2, 9, 60,
          ("收集", "转运", "冲洗消毒")),
    Guide("WI-ZX-01", "巡逻作业指导书", "Patrol", "security", "security", "ZX", "GRD", 1, 10, 60,
          ("领取设备", "按路线打点", "异常上报", "归还设备")),
    Guide("WI-LH-01", "绿化养护作业指导书", "Care of greenery", "greening", "greening", "LH", "GDN", 7, 9, 150,
          ("浇水", "修剪", "病虫检查", "清理现场")),
    Guide("WI-GC-01", "水泵房巡检作业指导书", "Pump room round", "equipment", "equipment", "GC", "ENG", 3, 9, 40,
          ("检查压力", "检查密封", "抄表", "签字")),
    Guide("WI-GC-02", "配电室巡检作业指导书", "Switch room round", "equipment", "equipment", "GC", "ENG", 3, 14, 40,
          ("检查温度", "检查仪表", "清洁", "签字")),
    Guide("WI-KF-01", "投诉处理作业指导书", "Handling a complaint", "complaints", "complaint", "KF", "CM", 7, 15, 60,
          ("汇总投诉", "逐条回访", "分析原因", "制定措施")),
)  # fmt: skip
_MORE = (
    ("WI-QQ-01", "早期介入作业指导书", "Early involvement", "early_involvement"),
    ("WI-CJ-01", "承接查验作业指导书", "Takeover inspection", "takeover"),
    ("WI-RH-01", "入伙作业指导书", "Move-in", "move_in"),
    ("WI-ZX-02", "装修管理作业指导书", "Fit-out management", "fit_out"),
    ("WI-WX-01", "入户维修作业指导书", "Repair at home", "repair"),
    ("WI-FW-01", "前台接待作业指导书", "Front desk", "service_centre"),
)


@dataclass
class Procedures:
    """The guides, their executions and the executions' steps."""

    procedure: Table
    execution: Table
    step: Table

    def tables(self) -> list[Table]:
        """All of them."""
        return [self.procedure, self.execution, self.step]


def make_procedures(
    projects: Sequence[Project], days: Sequence[Day], staff: Staff, plan: Plan, seed: int
) -> Procedures:
    """Plan the routine work of every project and do it, as well as staff and level allow."""
    found = Procedures(
        Table(SOURCE, "procedure", PROCEDURE, pace="month", is_typed_in=True),
        Table(SOURCE, "procedure_execution", EXECUTION, pace="month", is_typed_in=True),
        Table(SOURCE, "procedure_step", STEP, pace="month", is_typed_in=True),
    )
    _register(found.procedure, days)
    last = datetime.combine(days[-1].date, time(23, 59))
    for project in projects:
        random = Random(f"{seed}/procedures/{project.project_id}")  # noqa: S311
        for guide in GUIDES:
            for day in days[project.number % guide.every_days :: guide.every_days]:
                _execute(found, project, guide, day, staff, plan, random, last)
    _set_versions(found.execution, days)
    return found


def _register(table: Table, days: Sequence[Day]) -> None:
    """One version of every guide, and a second one of some from the middle of the time on."""
    first = days[0].date
    begin = datetime.combine(first, time(8))
    middle = days[len(days) // 2].date.replace(day=1)
    since = first - timedelta(days=400)
    items = {item.group: item for item in catalogue.ITEMS}
    rows: list[tuple[str, str, str, str, str, int]] = [
        (guide.code, guide.name_zh, guide.name_en, guide.kind, guide.group, len(guide.steps))
        for guide in GUIDES
    ] + [(code, zh, en, kind, "", 5) for code, zh, en, kind in _MORE]
    for number, (code, zh, en, kind, group, steps) in enumerate(rows):
        is_renewed = number % 4 == 0 and middle > first
        cells: list[Any] = [
            code, "A/0", zh, en, kind, None, group if group in items else None, "QA", "生效",
            since - timedelta(days=10), "HQ-QM", since, None, since + timedelta(days=730), steps, "是",
            f"docs/{code}-A0.pdf",
        ]  # fmt: skip
        table.rows.append(Row(begin, cells))
        if is_renewed:
            closing = list(cells)
            closing[12] = middle - timedelta(days=1)
            renewed = list(cells)
            renewed[1], renewed[9], renewed[11] = "B/0", middle - timedelta(days=10), middle
            renewed[13], renewed[16] = middle + timedelta(days=730), f"docs/{code}-B0.pdf"
            moment = datetime.combine(middle, time(8))
            table.rows += [Row(moment, closing), Row(moment, renewed)]


def _version_on(code: str, day: date, days: Sequence[Day]) -> str:
    """The version in force on a day."""
    middle = days[len(days) // 2].date.replace(day=1)
    codes = [guide.code for guide in GUIDES] + [each[0] for each in _MORE]
    return "B/0" if codes.index(code) % 4 == 0 and days[0].date < middle <= day else "A/0"


def _execute(
    found: Procedures,
    project: Project,
    guide: Guide,
    day: Day,
    staff: Staff,
    plan: Plan,
    random: Random,
    last: datetime,
) -> None:
    level = project.level(guide.department, day.month) + plan.boost(
        project.project_id, guide.department, day.month
    )
    ratio = staff.ratio(project.project_id, guide.department, day.number)
    people = staff.on_duty.get((project.project_id, guide.department, day.number))
    planned = datetime.combine(day.date, time(guide.hour))
    due = planned + timedelta(minutes=3 * guide.minutes)
    is_done = bool(people) and random.random() < 0.965 + 0.03 * level - 0.55 * (1 - ratio)
    if day.is_storm and guide.department == "LH":
        is_done = False
    number = len(found.execution.rows) + 1
    execution_id = f"ZY{day.date:%y%m%d}{number:07}"
    person = random.choice(people).person_id if people and is_done else None
    late = random.random() < 0.06 - 0.04 * level + 0.25 * (1 - ratio)
    begin = planned + timedelta(minutes=random.randrange(40) + (4 * guide.minutes if late else 0))
    step_ids = []
    moment = begin
    skip = 0.035 - 0.025 * level + 0.25 * (1 - ratio)
    photos_of = 0.93 + 0.06 * level
    if is_done:
        for step_number, step in enumerate(guide.steps, start=1):
            spent = timedelta(
                minutes=max(1, round(guide.minutes / len(guide.steps) * random.uniform(0.6, 1.3)))
            )
            is_skipped = random.random() < skip
            photos = int(not is_skipped and random.random() < photos_of)
            step_ids.append(photos)
            found.step.rows.append(
                Row(
                    moment,
                    [
                        f"{execution_id}-{step_number}", execution_id, day.date, step_number, step,
                        "未做" if is_skipped else "完成", None if is_skipped else _clock(moment),
                        None if is_skipped else _clock(moment + spent), "是", photos, person,
                    ],
                )
            )  # fmt: skip
            if not is_skipped:
                moment += spent
    found.execution.rows.append(
        Row(
            min(moment if is_done else due, last),
            [
                execution_id, guide.code, None, project.project_id, day.date, "是", _clock(due),
                _clock(begin) if is_done else None, _clock(moment) if is_done else None,
                "已完成" if is_done else "未做", None, person, f"{project.project_id}-{guide.post}",
                sum(step_ids), None,
            ],
        )
    )  # fmt: skip


def _set_versions(executions: Table, days: Sequence[Day]) -> None:
    """Fill in the version in force on the day of every execution."""
    versions = {
        (guide.code, day.date): _version_on(guide.code, day.date, days) for guide in GUIDES for day in days
    }
    for row in executions.rows:
        row.cells[2] = versions[row.cells[1], row.cells[4]]


def _clock(moment: datetime) -> str:
    return moment.isoformat(sep=" ")[:16]
