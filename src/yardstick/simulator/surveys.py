"""The survey platform's answers, and the ledger's costs: files of comma-separated text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from random import Random  # seeded on purpose: reproducible, not secret

from yardstick.simulator.calendar import Day
from yardstick.simulator.people import Staff
from yardstick.simulator.plan import Plan
from yardstick.simulator.projects import Project, house_of
from yardstick.simulator.tables import Row, Table, columns

SOURCE = "survey_platform"
ANSWER = columns(
    "答案编号 问卷编号 问卷类型 项目编号 受访者编号 房号 发放时间 提交时间 渠道 题号 维度 状态 得分 "
    "满分 文字意见"
)
COST = columns("凭证行号 记账日期 期间起 期间止 项目编号 部门 费用类别 金额 供应商 摘要")
_QUESTIONS = (
    ("Q1", "总体", "PM"),
    ("Q2", "客服", "KF"),
    ("Q3", "秩序", "ZX"),
    ("Q4", "保洁", "BJ"),
    ("Q5", "绿化", "LH"),
    ("Q6", "维修", "GC"),
)
_CHANNELS = (
    ("微信小程序", 55, 0.1),
    ("电话", 25, 0.0),
    ("入户", 20, 0.25),
)  # with what the channel adds to a score
_COSTS = (
    ("人工", "PM", 14.0, False),
    ("外包", "BJ", 3.2, True),
    ("物料", "BJ", 0.5, False),
    ("物料", "GC", 0.9, False),
    ("能源", "GC", 2.6, False),
    ("设备", "GC", 0.7, True),
    ("保险", "PM", 0.2, True),
)
_SUPPLIERS = ("启明人力", "洁净保洁", "安盾保安", "通力电梯", "国网电力")


def make_answers(
    projects: Sequence[Project], days: Sequence[Day], staff: Staff, plan: Plan, seed: int
) -> Table:
    """One survey a month in every project; who does not answer is a row too."""
    table = Table(SOURCE, "survey_answer", ANSWER, pace="month", is_delimited=True)
    months = days[-1].month + 1
    for project in projects:
        random = Random(f"{seed}/survey/{project.project_id}")  # noqa: S311
        for month in range(months):
            span = [day for day in days if day.month == month]
            levels = {}
            for _code, dimension, department in _QUESTIONS:
                ratios = [staff.ratio(project.project_id, department, day.number) for day in span]
                levels[dimension] = (
                    project.level(department, month)
                    + plan.boost(project.project_id, department, month)
                    - 1.2 * (1 - sum(ratios) / len(ratios))
                )
            asked_day = span[min(len(span) - 1, 17)].date
            survey = f"DC{span[0].date:%Y%m}"
            for respondent in range(max(12, min(40, project.households // 50))):
                channel, _weight, bias = random.choices(_CHANNELS, [weight for _, weight, _ in _CHANNELS])[0]
                asked = datetime.combine(asked_day, time(10)) + timedelta(minutes=respondent * 3)
                has_answered = random.random() < (0.78 if channel == "电话" else 0.6) + 0.1 * project.quality
                answered = asked + timedelta(minutes=random.randrange(2, 60 * 24 * 6))
                house = house_of(project, random)
                mood = random.gauss(0, 0.45)
                for code, dimension, _department in _QUESTIONS:
                    score = max(
                        1, min(5, round(4.15 + 0.6 * levels[dimension] + bias + mood + random.gauss(0, 0.5)))
                    )
                    table.rows.append(
                        Row(
                            min(answered, datetime.combine(span[-1].date, time(23))) if has_answered else asked,
                            [
                                f"{survey}-{project.project_id}-{respondent + 1:04}-{code}", survey, "月度",
                                project.project_id, f"U{project.number:03}{random.randrange(10**5):05}", house,
                                _clock(asked), _clock(answered) if has_answered else None, channel, code, dimension,
                                "已答" if has_answered else "未答", score if has_answered else None, 5,
                                "整体还可以" if has_answered and code == "Q1" and random.random() < 0.1 else None,
                            ],
                        )
                    )  # fmt: skip
    return table


def make_costs(projects: Sequence[Project], days: Sequence[Day], seed: int) -> Table:
    """The ledger's lines: a month's costs are booked on its last days."""
    table = Table(SOURCE, "cost", COST, pace="month", is_delimited=True, is_typed_in=True)
    number = 0
    for project in projects:
        random = Random(f"{seed}/cost/{project.project_id}")  # noqa: S311
        for month in range(days[-1].month + 1):
            span = [day for day in days if day.month == month]
            warmth = sum(day.heat + day.cold - 2 for day in span) / len(span)
            for kind, department, yuan, has_supplier in _COSTS:
                number += 1
                booked = span[-1 - random.randrange(min(3, len(span)))].date
                season = 1 + (0.6 * warmth if kind == "能源" else 0)
                amount = project.area_m2 / 12 * yuan * season * random.uniform(0.92, 1.08)
                unit = project.project_id if department == "PM" else f"{project.project_id}-{department}"
                table.rows.append(
                    Row(
                        datetime.combine(booked, time(17)),
                        [
                            f"PZ{number:08}", f"{booked:%Y/%m/%d}", f"{span[0].date:%Y/%m/%d}",
                            f"{span[-1].date:%Y/%m/%d}", project.project_id, unit, kind, f"{amount:,.2f}",
                            random.choice(_SUPPLIERS) if has_supplier else None, f"{span[0].date:%Y年%m月}{kind}",
                        ],
                    )
                )  # fmt: skip
    return table


def _clock(moment: datetime) -> str:
    return moment.isoformat(sep=" ")[:16]
