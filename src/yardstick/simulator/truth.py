"""Writes what is true of the company and stands in no delivery, for tests and analyses to be measured by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from yardstick.simulator import writers
from yardstick.simulator.account import Account
from yardstick.simulator.calendar import Day
from yardstick.simulator.people import Staff
from yardstick.simulator.plan import Plan
from yardstick.simulator.projects import Project
from yardstick.simulator.tickets import Effect

OUTCOMES = ("landed", "staged", "superseded", "rejected", "duplicate")


def write(
    folder: Path,
    *,
    seed: int,
    days: Sequence[Day],
    projects: Sequence[Project],
    plan: Plan,
    staff: Staff,
    effects: Mapping[tuple[str, str], Effect],
    missing: Mapping[tuple[str, str, date], Effect],
    complainers: Mapping[tuple[str, str, str], int],
    gaps: Mapping[str, int],
    accounts: Mapping[str, Account],
    tickets: int,
) -> None:
    """Write every file of ``truth/``.

    ``dirty_rows.csv``: every planted fault, where it stands and what must become of it.
    ``accounts.csv``: per entity, rows by what must become of them.
    ``missing_staff.csv``: what missing staff has cost, day by day, planted or by chance.
    ``shortages.csv``, ``inspectors.csv``, ``standards.csv``, ``bounces.csv``, ``complainers.csv``,
    ``improvements.csv``, ``responsibility_gaps.csv``, ``projects.csv``: what was planted.
    ``summary.json``: the company in a few figures.
    """
    write_table = writers.write_table
    write_table(
        folder / "dirty_rows.csv",
        ["kind", "source_id", "entity", "delivery", "row_number", "key", "field", "value", "expected"],
        (
            [
                planted.kind, account.source_id, account.entity, planted.delivery, planted.row_number, key,
                planted.field, planted.value, planted.outcome,
            ]
            for account in accounts.values()
            for planted, key in account.planted
        ),
    )  # fmt: skip
    write_table(
        folder / "accounts.csv",
        ["source_id", "entity", "deliveries", *(f"rows_{name}" for name in OUTCOMES)],
        (
            [
                account.source_id,
                account.entity,
                account.deliveries,
                *(account.counts[name] for name in OUTCOMES),
            ]
            for account in accounts.values()
        ),
    )
    write_table(
        folder / "shortages.csv",
        ["project_id", "department", "post_id", "first_day", "last_day", "empty_persons", "tickets",
         "extra_response_minutes", "extra_close_minutes", "extra_late_tickets"],
        (
            [
                shortage.project_id, shortage.department, f"{shortage.project_id}-{shortage.post}",
                shortage.first_day, shortage.last_day, shortage.empty, effect.tickets,
                round(effect.response_minutes, 1), round(effect.close_minutes, 1), effect.late,
            ]
            for shortage in plan.shortages
            for effect in [effects.get((shortage.project_id, shortage.department), Effect())]
        ),
    )  # fmt: skip
    write_table(
        folder / "missing_staff.csv",
        ["project_id", "service_item_id", "day", "tickets", "extra_response_minutes", "extra_close_minutes",
         "extra_late_tickets"],
        (
            [
                *place, effect.tickets, round(effect.response_minutes, 1), round(effect.close_minutes, 1),
                effect.late,
            ]
            for place, effect in sorted(missing.items())
        ),
    )  # fmt: skip
    write_table(
        folder / "inspectors.csv",
        ["person_id", "leniency", "verdict"],
        (
            [person.person_id, leniency, "lax" if leniency > 0 else "strict" if leniency < 0 else "fair"]
            for person, leniency in zip(staff.inspectors, plan.leniency, strict=True)
        ),
    )
    write_table(
        folder / "standards.csv",
        ["standard_code", "theme", "name_zh", "full_score", "is_veto", "ease", "discrimination", "verdict"],
        (
            [
                each.code, each.theme, each.name_zh, each.full_score, each.is_veto, round(each.ease, 3),
                round(each.discrimination, 3), each.verdict,
            ]
            for each in plan.standards.values()
        ),
    )  # fmt: skip
    write_table(
        folder / "bounces.csv",
        ["project_id", "from_department", "to_department", "share"],
        ([each.project_id, each.from_department, each.to_department, each.share] for each in plan.bounces),
    )
    write_table(
        folder / "complainers.csv",
        ["project_id", "service_item_id", "household_id", "complaints"],
        ([*of, count] for of, count in sorted(complainers.items())),
    )
    write_table(
        folder / "improvements.csv",
        ["project_id", "department", "month", "added_level"],
        ([*place, round(boost, 4)] for place, boost in plan.boosts.items() if boost > 0),
    )
    write_table(
        folder / "responsibility_gaps.csv",
        ["project_id", "items_without_post"],
        ([project_id, count] for project_id, count in gaps.items()),
    )
    write_table(
        folder / "projects.csv",
        ["project_id", "quality", "drift_per_month", *(f"added_{code}" for code in projects[0].departments)],
        (
            [each.project_id, round(each.quality, 4), round(each.drift, 4),
             *(round(added, 4) for added in each.departments.values())]
            for each in projects
        ),
    )  # fmt: skip
    kinds: dict[str, int] = {}
    for account in accounts.values():
        for planted, _key in account.planted:
            kinds[planted.kind] = kinds.get(planted.kind, 0) + 1
    summary = {
        "seed": seed,
        "first_day": days[0].date.isoformat(),
        "last_day": days[-1].date.isoformat(),
        "projects": {project.project_id: round(project.quality, 3) for project in projects},
        "people": len(staff.people),
        "tickets": tickets,
        "rows": sum(account.counts["landed"] for account in accounts.values()),
        "dirty": dict(sorted(kinds.items())),
    }
    (folder / "summary.json").write_text(
        json.dumps(summary, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
