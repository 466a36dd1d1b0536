"""Make the simulated company: what its systems keep and deliver, the site files, and the truth about it.

Seeded: the same arguments give the same bytes. The company is lived through once (`people`, `tickets`,
`inspections` …), table by table spoiled a little (`dirt`), followed to its end (`account`) and written.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from yardstick.simulator import (
    duty,
    equipment,
    goods,
    hr,
    inspections,
    master,
    people,
    procedures,
    surveys,
    tickets,
    truth,
)
from yardstick.simulator.account import Account
from yardstick.simulator.calendar import add_months, days_of
from yardstick.simulator.output import Output
from yardstick.simulator.plan import make_plan
from yardstick.simulator.projects import make_projects
from yardstick.simulator.tables import SITES, Table

FIRST_MONTH = date(2026, 1, 1)
DIRT = 0.004


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
    duty.live(staff, days, plan, seed)

    for name in ("sites", "data", "systems", "truth"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    _write_sites(folder / "sites", first_day)
    output = Output(folder, first_day, last_day, seed, dirty)
    gaps: dict[str, int] = {}
    desk_count = 0
    effects: dict[tuple[str, str], tickets.Effect] = {}
    missing: dict[tuple[str, str, date], tickets.Effect] = {}
    complainers: Counter[tuple[str, str, str]] = Counter()

    def tables() -> Iterator[Table]:
        nonlocal desk_count, effects, missing, complainers
        yield master.make_projects(company, days, staff)
        yield master.make_items(days)
        yield from hr.make_tables(staff, company, days, seed, gaps=gaps)
        register = equipment.make_register(company, days, seed)
        desk = tickets.make_helpdesk(company, days, staff, plan, equipment.by_kind(register), seed)
        status = equipment.make_status(register, company, days, staff, plan, desk.breakdowns, seed)
        desk_count, effects, missing = desk.count, desk.effects, desk.missing
        complainers = desk.complainers
        yield from (desk.ticket, desk.event, desk.complaint, desk.call_back, register, status)
        yield goods.make_movements(company, days, staff, seed)
        del desk, register, status
        yield from inspections.make_inspections(company, days, staff, plan, seed).tables()
        yield from procedures.make_procedures(company, days, staff, plan, seed).tables()
        yield surveys.make_answers(company, days, staff, plan, seed)
        yield surveys.make_costs(company, days, seed)

    accounts = {table.entity: output.write(table) for table in tables()}
    output.finish()
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
        missing=missing,
        complainers=complainers,
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
