"""The inspection app: inspections and what was checked in them, rectifications, takeover and fit-out findings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random  # seeded on purpose: reproducible, not secret
from typing import Any

from yardstick.simulator.calendar import Day
from yardstick.simulator.people import HEADQUARTERS, Person, Staff
from yardstick.simulator.plan import Plan
from yardstick.simulator.posts import POST_KINDS
from yardstick.simulator.projects import Project, house_of
from yardstick.simulator.standards import Standard, release
from yardstick.simulator.tables import Row, Table, columns

SOURCE = "inspection_app"
INSPECTION = columns(
    "检查编号 计划日期 项目编号 检查类型 检查范围 专项类别 状态 是否预告 开始时间 结束时间 检查人工号 "
    "牵头部门 标准版本 得分 满分 一票否决 备注 记录方式"
)
ITEM = columns(
    "检查项编号 检查编号 项目编号 检查时间 标准编号 检查部位 结果 得分 满分 扣分 问题数 否决项 严重程度 "
    "照片数 照片位置 检查人工号 责任岗位 问题描述"
)
RECTIFICATION = columns(
    "整改编号 检查编号 检查项编号 项目编号 标准编号 部位 严重程度 状态 提出时间 派发时间 整改期限 "
    "整改完成时间 复查时间 复查结果 关闭时间 责任/岗位 责任/人工号 责任/部门 复查人工号 照片数 整改措施"
)
TAKEOVER = columns(
    "问题编号 项目编号 阶段 专业 标准编号 部位 设备编号 严重程度 责任方 状态 发现时间 整改期限 整改时间 "
    "复验时间 复验结果 关闭时间 查验人工号 照片数 问题描述"
)
FIT_OUT = columns(
    "巡查编号 装修许可编号 项目编号 房号 巡查时间 阶段 结果 违规类别 严重程度 状态 整改期限 整改时间 "
    "关闭时间 巡查人工号 照片数 问题描述"
)

_PLACES = ("1栋", "2栋", "3栋", "5栋", "大堂", "地库", "东门", "中心花园")
_TYPE = {"周检": "weekly", "月度": "monthly", "季度": "quarterly"}
_SAMPLE = 24
_POST_OF = {kind.department: kind.code for kind in POST_KINDS if kind.code not in ("FD",)}


@dataclass
class Inspections:
    """What the app holds, each as a table."""

    inspection: Table
    item: Table
    rectification: Table
    takeover: Table
    fit_out: Table

    def tables(self) -> list[Table]:
        """All of them."""
        return [self.inspection, self.item, self.rectification, self.takeover, self.fit_out]


@dataclass
class _Book:
    """What an inspection needs to know."""

    plan: Plan
    staff: Staff
    days: Sequence[Day]
    found: Inspections
    by_theme: dict[str, list[Standard]]
    last: datetime
    seed: int
    months: list[datetime]


def make_inspections(
    projects: Sequence[Project], days: Sequence[Day], staff: Staff, plan: Plan, seed: int
) -> Inspections:
    """Inspect every project every month, and follow what was found."""
    found = Inspections(
        *(
            Table(SOURCE, entity, columns, pace="month", is_typed_in=True)
            for entity, columns in (
                ("inspection", INSPECTION),
                ("inspection_item", ITEM),
                ("rectification", RECTIFICATION),
                ("takeover_finding", TAKEOVER),
                ("fit_out_finding", FIT_OUT),
            )
        )
    )
    by_theme: dict[str, list[Standard]] = {}
    for standard in plan.standards.values():
        by_theme.setdefault(standard.theme, []).append(standard)
    ends = [
        datetime.combine(day.date, time(23, 50))
        for day, following in zip(days, [*days[1:], None], strict=True)
        if following is None or following.month != day.month
    ]
    book = _Book(plan, staff, days, found, by_theme, ends[-1], seed, ends)
    for project in projects:
        random = Random(f"{seed}/inspections/{project.project_id}")  # noqa: S311
        for month in range(len(ends)):
            month_days = [day for day in days if day.month == month]
            for kind, scope, theme, count in _schedule(book, project, month):
                _inspect(book, project, random, month_days, kind, scope, theme, count)
            _fit_out(book, project, random, month_days)
        _takeover(book, project, random)
    return found


def _schedule(book: _Book, project: Project, month: int) -> Iterable[tuple[str, str, str, int | None]]:
    """The month's inspections: kind, scope, theme and how many standards, None for all there are."""
    yield ("季度" if month % 3 == 2 else "月度"), "综合", "", None
    themes = [
        theme
        for theme, standards in book.by_theme.items()
        if any(standard.applies_to(project) for standard in standards)
    ]
    turn = (month * 3 + project.number) % len(themes)
    for number in range(3):
        yield "专项", "专项", themes[(turn + number) % len(themes)], _SAMPLE
    for _ in range(4):
        yield "周检", "抽查", "", _SAMPLE


def _inspect(
    book: _Book,
    project: Project,
    random: Random,
    month_days: Sequence[Day],
    kind: str,
    scope: str,
    theme: str,
    count: int | None,
) -> None:
    """Plan one inspection and, most often, do it."""
    workdays = [day for day in month_days if day.is_workday] or list(month_days)
    planned = random.choice(workdays)
    level = project.level("PM", planned.month)
    chance = random.random()
    is_missed = chance > 0.97 + 0.025 * level
    day, inspector = planned, None
    if not is_missed:
        # the inspector of the project's district, or whoever is at work; on the planned day or soon after
        for candidate in [d for d in workdays if d.number >= planned.number][:4] or [planned]:
            inspector = _inspector(book, project, candidate, random)
            if inspector:
                day = candidate
                break
    number = len(book.found.inspection.rows) + 1
    inspection_id = f"JC{planned.date:%y%m}{number:07}"
    begin = datetime.combine(day.date, time(9, 30)) + timedelta(minutes=random.randrange(300))
    cells: list[Any] = [
        inspection_id, planned.date, project.project_id, kind, scope, theme or None,
        "已完成" if inspector else "未开展", "是" if random.random() < 0.3 else "否", None, None,
        inspector[1].person_id if inspector else None, "QA", None, None, None, "否", None,
        _device(book, inspection_id) if inspector else None,
    ]  # fmt: skip
    if inspector is None:
        book.found.inspection.rows.append(Row(begin, cells))
        return
    standards = _standards(book, project, kind, theme, count, random)
    score = full = 0.0
    is_vetoed = False
    moment = begin
    leniency = book.plan.leniency[inspector[0]]
    levels = {
        department: project.level(department, day.month)
        + book.plan.boost(project.project_id, department, day.month)
        - 1.6 * (1 - book.staff.ratio(project.project_id, department, day.number))
        for department in project.departments
    }
    for standard in standards:
        moment += timedelta(seconds=random.randrange(60, 240))
        place = random.choice(_PLACES)
        logit = standard.ease + standard.discrimination * levels[standard.department]
        # nobody looks away from a standard that everybody always passes
        logit += leniency
        chance = random.random()
        is_passed = chance < 1 / (1 + math.exp(-logit))
        full += standard.full_score
        deducted = 0.0
        severity = None
        if not is_passed:
            share = random.choice((0.5, 1.0)) if standard.full_score > 2 else 1.0
            deducted = standard.full_score * share
            severity = random.choices(("轻微", "一般", "严重"), (55, 38, 7))[0]
            is_vetoed = is_vetoed or standard.is_veto
        score += standard.full_score - deducted
        item_id = f"{inspection_id}-{len(book.found.item.rows) + 1:07}"
        post = f"{project.project_id}-{_POST_OF[standard.department]}"
        book.found.item.rows.append(
            Row(
                moment,
                [
                    item_id, inspection_id, project.project_id, _clock(moment), standard.code, place,
                    "合格" if is_passed else "不合格", _points(standard.full_score - deducted), standard.full_score,
                    _points(deducted), 0 if is_passed else 1, "是" if standard.is_veto else "否", severity,
                    0 if is_passed and chance < 0.6 else 1 + int(chance * 3) % 3, None, inspector[1].person_id, post,
                    None if is_passed else f"{place}:{standard.name_zh}不符合",
                ],
            )
        )  # fmt: skip
        if not is_passed:
            _rectify(book, project, random, standard, place, str(severity), inspection_id, item_id, moment, day,
                     inspector[1], levels[standard.department])  # fmt: skip
    ended = moment + timedelta(minutes=random.randrange(10, 40))
    cells[8], cells[9] = _clock(begin), _clock(ended)
    cells[12] = release().standards_release
    cells[13], cells[14], cells[15] = _points(score), _points(full), "是" if is_vetoed else "否"
    book.found.inspection.rows.append(Row(ended, cells))


def _device(book: _Book, inspection_id: str) -> str:
    """What an inspection was recorded with."""
    random = Random(f"{book.seed}/device/{inspection_id}")  # noqa: S311
    return random.choices(("手机", "电脑", "纸质"), (82, 12, 6))[0]


def _inspector(book: _Book, project: Project, day: Day, random: Random) -> tuple[int, Person] | None:
    """An inspector who is on duty; mostly not always the same for a project, so that leniency can be told."""
    on_duty = book.staff.on_duty.get((HEADQUARTERS, "HQ", day.number), ())
    present = [(number, person) for number, person in enumerate(book.staff.inspectors) if person in on_duty]
    return random.choice(present) if present else None


def _standards(
    book: _Book, project: Project, kind: str, theme: str, count: int | None, random: Random
) -> list[Standard]:
    """What is looked at: a theme, or what such an inspection looks at, as far as the project has it."""
    pool = [
        standard
        for standard in (book.by_theme[theme] if theme else book.plan.standards.values())
        if standard.applies_to(project) and (theme or _TYPE[kind] in standard.inspected)
    ]
    chosen = pool if count is None else random.sample(pool, min(count, len(pool)))
    return sorted(chosen, key=lambda standard: standard.code)


def _rectify(
    book: _Book,
    project: Project,
    random: Random,
    standard: Standard,
    place: str,
    severity: str,
    inspection_id: str,
    item_id: str,
    raised: datetime,
    day: Day,
    inspector: Person,
    level: float,
) -> None:
    """Put a finding right: in time or not, at the first try or the second."""
    allowed = {"轻微": 3, "一般": 7, "严重": 2}[severity]
    raised = raised + timedelta(minutes=random.randrange(5, 90))
    assigned = raised + timedelta(hours=random.uniform(0.5, 20))
    due = datetime.combine(raised.date() + timedelta(days=allowed), time(18))
    is_late = random.random() > 0.90 + 0.12 * level
    span = due - assigned
    rectified = assigned + span * (random.uniform(1.05, 3.2) if is_late else random.uniform(0.1, 0.95))
    again = rectified + timedelta(hours=random.uniform(2, 70))
    is_good = random.random() < 0.9 + 0.08 * level
    if not is_good:
        rectified = again + span * random.uniform(0.3, 1.2)
        again = rectified + timedelta(hours=random.uniform(2, 70))
    number = len(book.found.rectification.rows) + 1
    post = f"{project.project_id}-{_POST_OF[standard.department]}"
    unit = (
        project.project_id if standard.department == "PM" else f"{project.project_id}-{standard.department}"
    )
    people = book.staff.on_duty.get((project.project_id, standard.department, day.number))
    person = people[0].person_id if people else None
    steps: tuple[tuple[datetime, str, dict[int, Any]], ...] = (
        (raised, "待派发", {}),
        (assigned, "整改中", {9: assigned}),
        (rectified, "待复查", {11: rectified}),
        (again, "已关闭", {12: again, 13: "通过", 14: again, 18: inspector.person_id}),
    )
    cells: list[Any] = [
        f"ZG{item_id[2:]}", inspection_id, item_id, project.project_id, standard.code, place, severity, "待派发",
        _clock(raised), None, _clock(due), None, None, None, None, post, person, unit, None,
        random.randrange(3), None,
    ]  # fmt: skip
    told = 0
    for end in book.months:
        known = [step for step in steps if step[0] <= end]
        if len(known) == told:
            continue
        told = len(known)
        row = list(cells)
        for _moment, state, change in known:
            row[7] = state
            for index, value in change.items():
                row[index] = _clock(value) if isinstance(value, datetime) else value
        if row[11]:
            row[20] = "已整改并培训" if number % 3 else "现场整改"
        # a month's file brings what changed in the month, as it stood at its end
        book.found.rectification.rows.append(Row(known[-1][0], row))


def _fit_out(book: _Book, project: Project, random: Random, month_days: Sequence[Day]) -> None:
    """Visits to fit-outs; violations are followed until they are closed."""
    if project.kind != "residential":
        return
    level = project.level("ZX", month_days[0].month)
    for _ in range(max(2, project.households // 180)):
        day = random.choice(month_days)
        at = datetime.combine(day.date, time(9)) + timedelta(minutes=random.randrange(500))
        number = len(book.found.fit_out.rows) + 1
        guards = book.staff.on_duty.get((project.project_id, "ZX", day.number))
        is_bad = random.random() < 0.14 - 0.06 * level
        rectified = at + timedelta(hours=random.uniform(3, 24 * (5 - 2 * level)))
        closed = rectified + timedelta(hours=random.uniform(1, 30))
        is_over = closed <= book.last
        house = house_of(project, random)
        book.found.fit_out.rows.append(
            Row(
                at,
                [
                    f"ZX{at:%y%m%d}{number:06}", f"ZXXK{project.number:03}{random.randrange(60):03}",
                    project.project_id, house, _clock(at),
                    random.choices(("开工", "施工中", "竣工"), (20, 65, 15))[0], "违规" if is_bad else "正常",
                    random.choice(("结构", "防水", "消防", "噪声时段", "垃圾堆放", "未报批")) if is_bad else None,
                    random.choice(("轻微", "一般", "严重")) if is_bad else None,
                    "已关闭" if not is_bad or is_over else "整改中",
                    _clock(at + timedelta(days=3)) if is_bad else None,
                    _clock(rectified) if is_bad and is_over else None,
                    _clock(closed) if is_bad and is_over else _clock(at) if not is_bad else None,
                    random.choice(guards).person_id if guards else None, 1 + is_bad, None if not is_bad else "现场违规",
                ],
            )
        )  # fmt: skip


def _takeover(book: _Book, project: Project, random: Random) -> None:
    """A new phase is taken over at every sixth project: defects found and mended by the developer."""
    if project.number % 6 != 4:
        return
    standards = [standard for standard in book.plan.standards.values() if standard.root == "takeover"]
    for _ in range(random.randrange(40, 90)):
        day = random.choice(book.days)
        at = datetime.combine(day.date, time(9)) + timedelta(minutes=random.randrange(500))
        due = at + timedelta(days=random.choice((7, 15, 30)))
        rectified = at + timedelta(days=random.uniform(2, 40))
        again = rectified + timedelta(days=random.uniform(1, 6))
        number = len(book.found.takeover.rows) + 1
        workers = book.staff.on_duty.get((project.project_id, "GC", day.number))
        known = [moment for moment in (rectified, again) if moment <= book.last]
        book.found.takeover.rows.append(
            Row(
                at,
                [
                    f"CJ{at:%y%m%d}{number:06}", project.project_id,
                    random.choices(("早期介入", "承接查验", "移交"), (15, 70, 15))[0],
                    random.choice(("土建", "防水", "电气", "给排水", "电梯", "消防", "弱电", "景观", "精装")),
                    random.choice(standards).code, random.choice(_PLACES), None,
                    random.choices(("轻微", "一般", "严重", "重大"), (40, 45, 13, 2))[0],
                    random.choices(("开发商", "总包", "供应商"), (60, 30, 10))[0],
                    ("待整改", "已整改", "已关闭")[len(known)], _clock(at), _clock(due),
                    _clock(rectified) if known else None, _clock(again) if len(known) > 1 else None,
                    "通过" if len(known) > 1 else None, _clock(again) if len(known) > 1 else None,
                    random.choice(workers).person_id if workers else None, random.randrange(1, 4), "查验发现问题",
                ],
            )
        )  # fmt: skip


def _clock(moment: datetime) -> str:
    return moment.replace(second=0, microsecond=0).isoformat(sep=" ")[:16]


def _points(value: float) -> float | int:
    return int(value) if value == int(value) else value
