"""Uniforms and office goods: what a project has, and what comes in and goes out of its store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from random import Random  # seeded on purpose: reproducible, not secret
from typing import Any, NamedTuple

from yardstick.simulator.calendar import Day
from yardstick.simulator.people import Staff
from yardstick.simulator.projects import Project
from yardstick.simulator.tables import Row, Table, columns

SOURCE = "assets"
MOVEMENT = columns("id date item project type quantity holder replace_by")


class Goods(NamedTuple):
    """A kind of goods: how it is called, how long it lasts, and what share of the staff gets one."""

    code: str
    kind: str
    name_zh: str
    name_en: str
    life_years: int
    price: int
    share: float


GOODS = (
    Goods("GF", "uniform", "工服", "Uniform", 1, 320, 1.0),
    Goods("DN", "office", "办公电脑", "Office computer", 5, 4_200, 0.15),
)


def register_rows(project: Project, begin: datetime) -> Iterator[Row]:
    """What the equipment register says of a project's goods."""
    for goods in GOODS:
        yield Row(
            begin,
            [
                f"{project.project_id}-{goods.code}", goods.name_zh, goods.name_en, project.project_id, goods.kind,
                "库房", None, None, None, None, goods.life_years, goods.price, None, False, None, None, None,
                f"{project.project_id}-PM",
            ],
        )  # fmt: skip


def make_movements(projects: Sequence[Project], days: Sequence[Day], staff: Staff, seed: int) -> Table:
    """The store's book: a count at the beginning, what was issued by then, and what happens from then on."""
    table = Table(SOURCE, "goods_movement", MOVEMENT)
    first, last = days[0].date, days[-1].date
    number = 0

    def tell(project: Project, goods: Goods, day: date, *cells: Any) -> None:
        nonlocal number
        if day <= last:
            number += 1
            item = f"{project.project_id}-{goods.code}"
            table.rows.append(
                Row(
                    datetime.combine(day, time(9)) + timedelta(seconds=number % 30_000),
                    [f"W{number:08}", day.isoformat(), item, project.project_id, *cells],
                )
            )

    for project in projects:
        random = Random(f"{seed}/goods/{project.project_id}")  # noqa: S311
        stints = [
            stint for stint in staff.stints
            if stint.post.project == project and stint.kind == "primary" and (stint.last is None or stint.last >= first)
        ]  # fmt: skip
        for goods in GOODS:
            tell(project, goods, first, "盘点", random.randrange(8, 20), None, None)
            for month in range(0, days[-1].month + 1, 3):
                begun = next(day.date for day in days if day.month == month)
                tell(project, goods, begun + timedelta(days=4), "入库", random.randrange(10, 25), None, None)
            for stint in stints:
                if random.random() > goods.share:
                    continue
                issued = max(first, stint.first) + timedelta(days=1)
                # who was there before has had it for some time; bad projects replace late
                old = 0 if stint.first >= first else random.randrange(365 * goods.life_years)
                due = issued + timedelta(days=365 * goods.life_years - old)
                holder = stint.person.person_id
                tell(project, goods, issued, "领用", 1, holder, due.isoformat())
                replaced = due + timedelta(days=random.randrange(20 if project.quality > 0 else 90))
                if replaced > issued and (stint.last is None or replaced < stint.last):
                    tell(project, goods, replaced, "归还", 1, holder, None)
                    tell(project, goods, replaced, "报废", 1, None, None)
                    again = replaced + timedelta(days=365 * goods.life_years)
                    tell(project, goods, replaced, "领用", 1, holder, again.isoformat())
                if stint.last is not None and stint.last > issued and random.random() < 0.9:
                    tell(project, goods, stint.last, "归还", 1, holder, None)
    return table
