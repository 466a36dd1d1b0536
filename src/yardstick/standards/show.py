"""The release in force on a day as rows for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Literal, get_args

from yardstick.standards.read import in_force, read
from yardstick.standards.release import Release, indicator_code
from yardstick.standards.words import month_requirement

Kind = Literal["indicators", "inspection", "data", "service", "sla"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def show(folder: Path, day: date, language: str = "en", kind: Kind = "indicators") -> list[dict[str, object]]:
    """The standards of one kind of the release in force on ``day``, one row each.

    Indicators have one row per project grade, with weight and values in the indicator's unit; service levels
    (``sla``) one per policy and target.

    Args:
        folder: the folder of standards releases.
        day: the day.
        language: ``zh-Hans``, ``zh-Hant`` or ``en``; standards other than indicators have one Chinese text.
        kind: which standards.

    Raises:
        StandardsError: when the folder's releases are wrong, or none is in force.
    """
    return _ROWS[kind](in_force(read(folder), day), language)


def _indicators(release: Release, language: str) -> list[dict[str, object]]:
    return [
        {
            "standards_release": release.standards_release,
            "indicator": code,
            "name": indicator["names"][language],
            "unit": indicator["unit"],
            "direction": indicator["direction"],
            "project_grade": grade,
            **{name: target.get(name) for name in ("weight", "zero", "floor", "target")},
            "minimum_sample": indicator["minimum_sample"],
        }
        for code, indicator in release.indicators.items()
        for grade, target in indicator["project_grades"].items()
    ]


def _inspection(release: Release, language: str) -> list[dict[str, object]]:
    text = _texts(language)
    return [
        {
            "standards_release": release.standards_release,
            "standard_code": code,
            "category": " > ".join(
                text(release.categories[above].names) for above in release.category_path(standard.category)
            ),
            "name": text(standard.names),
            "requirement": text(standard.requirement),
            "scoring": standard.scoring["method"],
            "full_score": standard.scoring["full_score"],
            "weight": standard.weight,
            "veto": standard.veto,
            "severity": standard.severity,
            "rectify_within_days": standard.rectify_within_days,
            "inspected": " ".join(standard.inspected),
            "check_every_days": standard.check_every_days,
        }
        for code, standard in release.inspection_standards.items()
    ]


def _data(release: Release, language: str) -> list[dict[str, object]]:
    text = _texts(language)
    return [
        {
            "standards_release": release.standards_release,
            "standard_code": code,
            "suite": standard.suite,
            "dimension": standard.dimension,
            "severity": standard.severity,
            "name": text(standard.names),
            "expectation": standard.expectation["type"],
            "consequence": text(standard.consequence),
            "fixer": text(standard.fixer),
        }
        for code, standard in release.data_standards.items()
    ]


def _service(release: Release, language: str) -> list[dict[str, object]]:
    text = _texts(language)
    rows: list[dict[str, object]] = [
        {
            "standards_release": release.standards_release,
            "standard_code": code,
            "name": text(standard.names),
            "requirement": text(standard.requirement),
            "severity": standard.severity,
            "accountable": standard.accountable,
            "rectify_within_days": standard.rectify_within_days,
        }
        for code, standard in release.service_standards.items()
    ]
    for code, indicator in release.indicators.items():
        if rule := indicator.get("nonconformity"):
            rows.append(
                {
                    "standards_release": release.standards_release,
                    "standard_code": indicator_code(code),
                    "name": indicator["names"][language],
                    "requirement": text(month_requirement(indicator)),
                    **{name: rule[name] for name in ("severity", "accountable", "rectify_within_days")},
                }
            )
    return rows


def _sla(release: Release, language: str) -> list[dict[str, object]]:
    text = _texts(language)
    return [
        {
            "standards_release": release.standards_release,
            "policy": policy.policy,
            "name": text(policy.names),
            "applies_to": "; ".join(f"{name} {_told(asked)}" for name, asked in policy.applies_to.items()),
            "target": target.target,
            "minutes": target.minutes,
            "clock": target.clock,
            "paused_in": " ".join(target.paused_in),
        }
        for policy in release.sla_policies.values()
        for target in policy.targets.values()
    ]


def _told(asked: bool | Sequence[str]) -> str:
    return str(asked).lower() if isinstance(asked, bool) else " ".join(asked)


def _texts(language: str) -> Callable[[Mapping[str, str]], str]:
    return lambda texts: texts["zh" if language.startswith("zh") else "en"]


_ROWS: dict[Kind, Callable[[Release, str], list[dict[str, object]]]] = {
    "indicators": _indicators,
    "inspection": _inspection,
    "data": _data,
    "service": _service,
    "sla": _sla,
}
