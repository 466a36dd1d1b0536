"""``./scripts/bench suitability``: are the planted unfit standards and odd inspectors found, and nothing else?

For every seed one company with planted faults and one without, lived through in memory as far as inspections need
it, judged with the thresholds of the shipped release. Thresholds were chosen on seeds 1 to 10; this starts at 11.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta

from scipy import stats

from yardstick.bench.report import Report, progress
from yardstick.settings import project_root
from yardstick.simulator import duty, inspections, people
from yardstick.simulator import standards as planted_standards
from yardstick.simulator.calendar import add_months, days_of
from yardstick.simulator.company import FIRST_MONTH
from yardstick.simulator.plan import make_plan
from yardstick.simulator.projects import make_projects
from yardstick.standards import read
from yardstick.suitability.checks import Check, Checks
from yardstick.suitability.verdicts import UNFIT, Findings, Judgement, Thresholds, judge

SEEDS = {"small": 20, "full": 40}
FIRST_SEED = 11
PROJECTS = 30
MONTHS = (12, 6)
_BANDS = (("400 and more", 400), ("200 to 399", 200), ("less than 200", 0))
KINDS = (*UNFIT, "lax_inspector", "strict_inspector")


@dataclass(frozen=True)
class Company:
    """A company's checks and what was planted.

    Attributes:
        checks: what the inspectors found.
        vetoes: codes of standards with a veto.
        planted: what was planted, as pairs of kind and standard code or person id.
    """

    checks: Checks
    vetoes: frozenset[str]
    planted: frozenset[tuple[str, str]]


@dataclass
class Tally:
    """What was planted and found over companies of one length, by kind."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    false_unplanted: Counter[str] = field(default_factory=Counter)
    companies: int = 0
    checks: int = 0
    standards: int = 0
    too_little_data: int = 0
    drifting: int = 0
    called_fine: Counter[str] = field(default_factory=Counter)
    by_checks: dict[str, Counter[str]] = field(default_factory=dict)
    power: list[float] = field(default_factory=list)


def make_company(seed: int, months: int, *, planted: bool, projects: int = PROJECTS) -> Company:
    """Live through a company as far as its inspections need it."""
    last = add_months(FIRST_MONTH, months) - timedelta(days=1)
    days = days_of(FIRST_MONTH, last, seed)
    company = make_projects(projects, seed)
    plan = make_plan(company, days, people.inspectors_needed(projects), seed, planted=planted)
    staff = people.make_staff(company, days, plan, seed)
    duty.live(staff, days, plan, seed)
    items = inspections.make_inspections(company, days, staff, plan, seed).item
    place = {name: number for number, name in enumerate(inspections.ITEM)}
    at = [place[name] for name in ("标准编号", "检查人工号", "项目编号", "检查时间", "结果")]
    grades = {project.project_id: project.grade for project in company}
    checked: Counter[tuple[str, str, str, date]] = Counter()
    passed: Counter[tuple[str, str, str, date]] = Counter()
    for row in items.rows:
        code, person, project, moment, result = (row.cells[number] for number in at)
        key = code, person, project, date.fromisoformat(moment[:10]).replace(day=1)
        checked[key] += 1
        passed[key] += result == "合格"
    odd = {1: "lax_inspector", -1: "strict_inspector"}
    return Company(
        checks=Checks.of(
            Check(code, person, project, grades[project], plan.standards[code].department, month, n, passed[key])
            for key, n in checked.items()
            for code, person, project, month in [key]
        ),
        vetoes=frozenset(code for code, one in plan.standards.items() if one.is_veto),
        planted=frozenset(
            [
                *((one.verdict, code) for code, one in plan.standards.items() if one.verdict in UNFIT),
                *(
                    (odd[1 if leniency > 0 else -1], person.person_id)
                    for person, leniency in zip(staff.inspectors, plan.leniency, strict=True)
                    if leniency
                ),
            ]
        ),
    )  # fmt: skip


def thresholds() -> Thresholds:
    """Those of the release that the simulated company inspects by."""
    release = planted_standards.release()
    known = {one.standards_release: one for one in read(project_root() / "expectations/standards")}
    return Thresholds.of(known[release.standards_release].suitability)


def found_in(findings: Findings) -> frozenset[tuple[str, str]]:
    """What was found, as pairs of kind and standard code or person id."""
    return frozenset(
        [
            *((one.verdict, one.part.standard) for one in findings.standards if one.verdict in UNFIT),
            *(
                (f"{one.verdict}_inspector", one.person_id)
                for one in findings.inspectors
                if one.verdict in ("lax", "strict")
            ),
        ]
    )


def expected_power(findings: Findings, flat: frozenset[str], limits: Thresholds) -> list[float]:
    """Chance that each standard that tells nothing is found, by calculation, were all levels and inspectors known.

    The slope's standard error is 1 / sqrt(n · p · (1 − p) · variance of the levels) (Hsieh, Bloch & Larsen 1998); it
    has to stay below the bound with the p-value that Benjamini and Hochberg ask of so many true findings.

    Args:
        findings: what the company's judgement came to.
        flat: codes of the standards that tell nothing.
        limits: the thresholds.
    """
    fitted = sum(one.part.discrimination is not None for one in findings.standards)
    level = limits.error_rate * len(flat) / max(fitted, 1)
    reach = float(stats.t.isf(level, findings.projects - 1))

    def power(one: Judgement) -> float:
        rate = one.part.rate.value or 0.0
        information = one.part.rate.checked * rate * (1 - rate) * findings.spread**2
        return float(stats.norm.cdf(limits.surely_below * math.sqrt(information) - reach))

    return [power(one) for one in findings.standards if one.part.standard in flat]


def _judge(task: tuple[int, int, bool]) -> tuple[tuple[int, int, bool], Company, Findings]:
    seed, months, planted = task
    company = make_company(seed, months, planted=planted)
    return task, company, judge(company.checks, company.vetoes, thresholds(), by_grade=False)


def run(scale: str, seeds: int | None = None) -> Report:
    """Judge the companies.

    Args:
        scale: ``small`` or ``full``.
        seeds: how many seeds; default that of the scale.
    """
    count = seeds or SEEDS[scale]
    tasks = [
        (seed, months, planted)
        for months in MONTHS
        for seed in range(FIRST_SEED, FIRST_SEED + count)
        for planted in (True, False)
    ]
    tallies = {months: Tally() for months in MONTHS}
    limits = thresholds()
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for number, (task, company, findings) in enumerate(pool.map(_judge, tasks), start=1):
            add(tallies[task[1]], company, findings, limits, is_planted=task[2])
            progress(f"{number} of {len(tasks)}: seed {task[0]}, {task[1]} months, planted {task[2]}")
    return _report(tallies, count)


def add(tally: Tally, company: Company, findings: Findings, limits: Thresholds, *, is_planted: bool) -> None:
    """Count one company."""
    found = found_in(findings)
    if not is_planted:
        tally.false_unplanted.update(kind for kind, _ in found)
        tally.drifting += sum(one.is_drifting for one in findings.standards)
        return
    tally.companies += 1
    tally.checks += round(findings.rate.checked)
    tally.standards += len(findings.standards)
    tally.too_little_data += sum(one.verdict == "too_little_data" for one in findings.standards)
    tally.planted.update(kind for kind, _ in company.planted)
    tally.found.update(kind for kind, _ in found)
    tally.right.update(kind for kind, _ in found & company.planted)
    fine = {one.part.standard for one in findings.standards if one.verdict == "fine"}
    tally.called_fine.update(kind for kind, code in company.planted if code in fine)
    checks = {one.part.standard: one.part.rate.checked for one in findings.standards}
    for kind, code in company.planted:
        if code in checks:
            of = next(name for name, least in _BANDS if checks[code] >= least)
            tally.by_checks.setdefault(f"{kind}, {of} checks", Counter()).update(
                planted=1, found=(kind, code) in found
            )
    flat = frozenset(code for kind, code in company.planted if kind == "does_not_discriminate")
    tally.power += expected_power(findings, flat, limits)


def _report(tallies: Mapping[int, Tally], seeds: int) -> Report:
    report = Report("suitability", sizes={"seeds": seeds, "first_seed": FIRST_SEED, "projects": PROJECTS})
    for months, tally in tallies.items():
        suffix = "" if months == MONTHS[0] else f"_{months}_months"
        for kind in KINDS:
            if tally.found[kind]:
                report.ratios[f"suitability_precision_{kind}{suffix}"] = tally.right[kind] / tally.found[kind]
            report.ratios[f"suitability_recall_{kind}{suffix}"] = tally.right[kind] / tally.planted[kind]
        report.ratios[f"suitability_unfit_called_fine{suffix}"] = sum(tally.called_fine.values()) / sum(
            tally.planted[kind] for kind in UNFIT
        )
        report.ratios[f"suitability_power_does_not_discriminate{suffix}"] = sum(tally.power) / len(
            tally.power
        )
        report.ratios[f"suitability_false_findings_per_unplanted_company{suffix}"] = (
            sum(tally.false_unplanted.values()) / tally.companies
        )
        report.ratios[f"suitability_too_little_data{suffix}"] = tally.too_little_data / tally.standards
        report.details[f"{months} months"] = {
            "checks_per_company": round(tally.checks / tally.companies),
            "planted": dict(tally.planted),
            "found": dict(tally.found),
            "found_and_planted": dict(tally.right),
            "called_fine": dict(tally.called_fine),
            "by_checks": {
                name: f"{one['found']} of {one['planted']}" for name, one in sorted(tally.by_checks.items())
            },
            "found_in_unplanted_companies": dict(tally.false_unplanted),
            "drifting_in_unplanted_companies": tally.drifting,
        }
    return report
