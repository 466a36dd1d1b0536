"""What is true of the company and stands in no delivery: shortages, lax inspectors, unfit standards, campaigns.

Everything here is written to ``truth/``, so that an analysis can be asked whether it finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random  # seeded on purpose: reproducible, not secret

from yardstick.simulator import standards
from yardstick.simulator.calendar import Day
from yardstick.simulator.projects import Project
from yardstick.simulator.standards import Standard

_SHORT_SHARE = 0.12
_CAMPAIGN = 0.35
_FADING = 0.6


@dataclass(frozen=True)
class Shortage:
    """Posts of a department that stand empty, more than people's comings and goings explain.

    Attributes:
        project_id: where.
        department: which department.
        post: code of the post.
        first_day: first day without them.
        last_day: last day without them.
        empty: how many persons of the post are missing.
    """

    project_id: str
    department: str
    post: str
    first_day: date
    last_day: date
    empty: int


@dataclass(frozen=True)
class Bounce:
    """Two departments of a project that send tickets back to each other."""

    project_id: str
    from_department: str
    to_department: str
    share: float


@dataclass
class Plan:
    """What was planted.

    Attributes:
        shortages: empty posts.
        leniency: what an inspector adds to a project's level, by number; 0 is fair.
        standards: the standards with their true difficulty and discrimination, by code.
        bounces: departments that send tickets back.
        boosts: what rectification has improved: project, department and month.
    """

    shortages: list[Shortage]
    leniency: list[float]
    standards: dict[str, Standard]
    bounces: list[Bounce]
    boosts: dict[tuple[str, str, int], float] = field(default_factory=dict)

    def boost(self, project_id: str, department: str, month: int) -> float:
        """What rectification so far has added to a department's level."""
        return self.boosts.get((project_id, department, month), 0.0)


def make_plan(
    projects: Sequence[Project], days: Sequence[Day], inspectors: int, seed: int, *, planted: bool
) -> Plan:
    """Draw what is planted.

    Args:
        projects: the company's projects.
        days: its days.
        inspectors: how many inspectors there are.
        seed: of the company.
        planted: False: no shortage, no lax or strict inspector, no unfit standard, no ping-pong.
    """
    random = Random(f"{seed}/plan")  # noqa: S311
    plan = Plan([], [0.0] * inspectors, standards.make_standards(seed, planted=planted), [])
    _campaigns(plan, projects, days[-1].month + 1)
    if not planted:
        return plan
    count = max(1, round(_SHORT_SHARE * len(projects)))
    length = max(10, min(70, len(days) // 3))
    for turn, project in enumerate(random.sample(list(projects), count)):
        department, post = (("GC", "ENG"), ("ZX", "GRD"), ("BJ", "CLN"))[turn % 3 if turn else 0]
        start = days[0].date + timedelta(days=random.randrange(3, max(4, len(days) - length)))
        last = min(start + timedelta(days=length), days[-1].date)
        plan.shortages.append(Shortage(project.project_id, department, post, start, last, 2))
    order = random.sample(range(inspectors), inspectors)
    plan.leniency[order[0]] = 2.6
    if inspectors > 3:
        plan.leniency[order[1]] = -1.3
    for project in random.sample(list(projects), max(1, len(projects) // 10)):
        plan.bounces.append(Bounce(project.project_id, "GC", random.choice(("ZX", "BJ")), 0.35))
    return plan


def _campaigns(plan: Plan, projects: Sequence[Project], months: int) -> None:
    """Bad results of a month's inspection are followed by rectification, which fades when nobody looks."""
    for project in projects:
        for department in project.departments:
            boost = 0.0
            for month in range(months):
                plan.boosts[project.project_id, department, month] = boost
                boost = _FADING * boost + _CAMPAIGN * max(0.0, -project.level(department, month) - 0.2)
