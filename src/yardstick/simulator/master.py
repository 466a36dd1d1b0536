"""The master data that the quality department keeps in a workbook a month: projects and service items."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from yardstick.simulator import catalogue
from yardstick.simulator.calendar import Day
from yardstick.simulator.people import Staff
from yardstick.simulator.posts import POST_KINDS
from yardstick.simulator.projects import Project
from yardstick.simulator.tables import Row, Table, columns

SOURCE = "master_data"
PROJECT = columns(
    "项目编号 项目名称 英文名称 区域 城市 服务等级 业态 管理面积 户数 项目经理工号 项目经理 参与考核 "
    "组织单元 阶段 接管日期 收费方式 绿化面积 车库面积 楼栋数 电梯数 公共卫生间 地下车库 泳池 "
    "消防控制室"
)
ITEM = columns("事项编号 事项名称 英文名称 类别编号 类别名称 类别英文 改革部分 职能 应急事项")


def make_projects(projects: Sequence[Project], days: Sequence[Day], staff: Staff) -> Table:
    """Every project in every month's workbook, with the manager of the month's last day."""
    table = Table(SOURCE, "project", PROJECT, pace="month")
    vacant: dict[str, tuple[str, str]] = {}
    for last in _month_ends(days):
        moment = datetime.combine(last.replace(day=1), time(8))
        for project in projects:
            manager = staff.manager(project.project_id, last)
            if manager:
                vacant[project.project_id] = (manager.person_id, manager.name)
            buildings = 3 + project.households // 200
            table.rows.append(
                Row(
                    moment,
                    [
                        project.project_id, project.name_zh, project.name_en, catalogue.REGIONS[project.region], "杭州",
                        project.grade, catalogue.KINDS[project.kind], project.area_m2, project.households,
                        *vacant.get(project.project_id, (None, None)), "是", project.project_id,
                        "在管", f"{days[0].date - timedelta(days=400 + 37 * project.number % 3000):%Y-%m-%d}",
                        "包干制" if project.grade != "A" else "酬金制", project.area_m2 * 3 // 10,
                        project.area_m2 // 5, buildings, max(1, round(3.2 * project.area_m2 / 50_000)),
                        *(
                            "有" if facility in project.facilities else "无"
                            for facility in ("public_washroom", "garage", "pool", "fire_control_room")
                        ),
                    ],
                )
            )  # fmt: skip
    return table


def make_items(days: Sequence[Day]) -> Table:
    """Every service item in every month's workbook."""
    table = Table(SOURCE, "service_item", ITEM, pace="month")
    functions = {kind.department: kind.function for kind in POST_KINDS}
    for last in _month_ends(days):
        moment = datetime.combine(last.replace(day=1), time(8))
        for item in catalogue.ITEMS:
            table.rows.append(
                Row(
                    moment,
                    [
                        item.code, item.name_zh, item.name_en, item.group, *catalogue.GROUPS[item.group],
                        functions[item.department], "是" if item.due_hours <= 1 else "否",
                    ],
                )
            )  # fmt: skip
    return table


def _month_ends(days: Sequence[Day]) -> list[date]:
    ends: dict[int, date] = {}
    for day in days:
        ends[day.month] = day.date
    return list(ends.values())
