"""A release as rows of the warehouse's ``ops.standards_*``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import Any

from psycopg.types.json import Jsonb

from yardstick.standards.check_indicators import MINUTES_PER_UNIT
from yardstick.standards.registry import Registry
from yardstick.standards.release import InspectionStandard, Release, SlaPolicy, indicator_code
from yardstick.standards.words import month_requirement

# In the order of their references: what is named comes before what names it.
TABLES = (
    "standards_release",
    "standards_indicator",
    "standards_target",
    "standards_grade",
    "standards_category",
    "standards_inspection",
    "standards_service",
    "standards_data",
    "sla_policy",
    "sla_target",
)

Row = dict[str, Any]


def rows_of(release: Release, known: Registry) -> dict[str, list[Row]]:
    """Rows of every table in ``TABLES``, by table; the rows of one table have the same columns."""
    found = {
        "standards_release": [_head(release)],
        "standards_indicator": _positioned(
            {"indicator": code, **_indicator(indicator, known)}
            for code, indicator in release.indicators.items()
        ),
        "standards_target": [
            {"indicator": code, "project_grade": grade, "weight": target["weight"]}
            | {f"{name}_value": target.get(name) for name in ("zero", "floor", "target")}
            for code, indicator in release.indicators.items()
            for grade, target in indicator["project_grades"].items()
        ],
        "standards_grade": [
            {"grade": code, **grade, "names": Jsonb(grade["names"])} for code, grade in release.grades.items()
        ],
        "standards_category": _positioned(
            {
                "category": code,
                "parent_category": category.parent,
                "names": Jsonb(category.names),
                "function": category.function,
            }
            for code, category in release.categories.items()
        ),
        "standards_inspection": _positioned(map(_inspection, release.inspection_standards.values())),
        "standards_service": _positioned([*_service(release), *_of_indicators(release)]),
        "standards_data": _positioned(
            {
                "standard_code": code,
                "suite": standard.suite,
                "dimension": standard.dimension,
                "names": Jsonb(standard.names),
                "severity": standard.severity,
            }
            for code, standard in release.data_standards.items()
        ),
        "sla_policy": _positioned(map(_policy, release.sla_policies.values())),
        "sla_target": [
            {
                "policy": policy.policy,
                "target": target.target,
                "minutes": target.minutes,
                "clock": target.clock,
                "paused_in": list(target.paused_in),
            }
            for policy in release.sla_policies.values()
            for target in policy.targets.values()
        ],
    }
    of_release = {"standards_release": release.standards_release}
    return {table: [of_release | row for row in rows] for table, rows in found.items()}


def digest_of(rows: Mapping[str, list[Row]]) -> str:
    """The hash of all rows of a release."""
    written = json.dumps(
        rows, ensure_ascii=False, default=lambda it: it.obj if isinstance(it, Jsonb) else str(it)
    )
    return hashlib.sha256(written.encode()).hexdigest()


def _positioned(rows: Iterable[Row]) -> list[Row]:
    return [row | {"position": position} for position, row in enumerate(rows, start=1)]


def _head(release: Release) -> Row:
    scoring = release.scoring
    return {
        "effective_from": release.effective_from,
        "based_on": release.based_on,
        "content_sha256": release.content_sha256,
        "files": Jsonb(release.file_sha256),
        "names": Jsonb(release.names),
        "points_at_floor": scoring["points_at_floor"],
        "minimum_weight_measured": scoring["minimum_weight_measured"],
        "confidence": scoring["confidence"],
        "confidence_z": round(NormalDist().inv_cdf((1 + scoring["confidence"]) / 2), 9),
        "repeat_within_days": scoring.get("repeat_within_days"),
        "complaint_repeat_within_days": release.complaints.get("repeat_within_days"),
        "inspection_grace_days": Jsonb(scoring.get("inspection_grace_days", {})),
        "sampling": Jsonb(release.sampling),
        "staffing": Jsonb(release.staffing),
    }


def _indicator(indicator: Mapping[str, Any], known: Registry) -> Row:
    """What ops.standards_indicator holds of one indicator beyond its key and position."""
    top = known.measures.get(indicator.get("numerator") or indicator.get("histogram") or "")
    bottom = known.measures.get(indicator.get("denominator") or "")
    used = [measure for measure in (top, bottom) if measure is not None]
    is_quantile = indicator["kind"] == "quantile"
    is_share = top is not None and bottom is not None and bottom.measure in top.part_of
    plain = ("reform_part", "unit", "direction", "kind", "scoring", "minimum_sample")
    optional = ("quantile", "below_minutes", "points_per_event")
    return {name: indicator[name] for name in plain} | {
        **{name: indicator.get(name) for name in optional},
        "names": Jsonb(indicator["names"]),
        "numerator_measure": indicator.get("numerator"),
        "denominator_measure": indicator.get("denominator"),
        "histogram_measure": indicator.get("histogram"),
        "minutes_per_unit": MINUTES_PER_UNIT[indicator["unit"]] if is_quantile else None,
        "filters": Jsonb(indicator.get("filters", {})),
        "bands": Jsonb(indicator["bands"]) if "bands" in indicator else None,
        "interval_method": "order_statistic" if is_quantile else "wilson" if is_share else "rate",
        "entities": Jsonb(sorted({entity for measure in used for entity in measure.entities})),
        "is_numerator_stock": bool(top and top.is_stock),
        "is_denominator_stock": bool(bottom and bottom.is_stock),
    }


def _inspection(standard: InspectionStandard) -> Row:
    limits = {
        name: standard.applies_to.get(name) for name in ("project_grades", "project_types", "facilities")
    }
    return {
        "standard_code": standard.standard_code,
        "category": standard.category,
        "names": Jsonb(standard.names),
        "requirement": Jsonb(standard.requirement),
        "check_text": Jsonb(standard.check),
        "scoring_method": standard.scoring["method"],
        "full_score": standard.scoring["full_score"],
        "per_finding": standard.scoring.get("per_finding"),
        "weight": standard.weight,
        "severity": standard.severity,
        "rectify_within_days": standard.rectify_within_days,
        "is_veto": standard.veto,
        "evidence": list(standard.evidence),
        "inspected": list(standard.inspected),
        "check_every_days": standard.check_every_days,
        **limits,
    }


def _policy(policy: SlaPolicy) -> Row:
    asked = ("service_items", "service_groups", "priorities", "project_grades", "channels", "is_emergency")
    return {"policy": policy.policy, "names": Jsonb(policy.names)} | {
        name: policy.applies_to.get(name) for name in asked
    }


def _service(release: Release) -> list[Row]:
    return [
        {
            "standard_code": code,
            "category": standard.category,
            "names": Jsonb(standard.names),
            "requirement": Jsonb(standard.requirement),
            "severity": standard.severity,
            "accountable_function": standard.accountable,
            "rectify_within_days": standard.rectify_within_days,
        }
        for code, standard in release.service_standards.items()
    ]


def _of_indicators(release: Release) -> list[Row]:
    """Indicators of which a month worse than its bound is a finding."""
    return [
        {
            "standard_code": indicator_code(code),
            "category": "indicator",
            "names": Jsonb({"zh": indicator["names"]["zh-Hans"], "en": indicator["names"]["en"]}),
            "requirement": Jsonb(month_requirement(indicator)),
            "severity": indicator["nonconformity"]["severity"],
            "accountable_function": indicator["nonconformity"]["accountable"],
            "rectify_within_days": indicator["nonconformity"]["rectify_within_days"],
        }
        for code, indicator in release.indicators.items()
        if "nonconformity" in indicator
    ]
