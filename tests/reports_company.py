"""A made-up company of twelve projects, released for three months and a quarter, for the tests of reports."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

VETOED = "north_tower"
NASTY_ID = "../../etc/<b>"
NASTY_NAME = '=cmd|"/c calc"!A1 <script>alert(1)</script>'
TINY, UNSCORED = "tiny_court", "depot"
PERSON_NAME = "秘密姓名"

Period = tuple[str, str, date, date, str, str]

PROJECTS: list[tuple[str, str | None, str, str, str, float, float]] = [
    # code, Chinese name, English name, region, service grade, tickets a day, quality
    ("emerald_bay", "翡翠湾花园", "Emerald Bay Gardens", "东区", "A", 14, 0.97),
    ("cloud_terrace", "云栖台", "Cloud Terrace", "东区", "A", 9, 0.95),
    ("harbour_one", "海港一号", "Harbour One", "南区", "A", 11, 0.93),
    (
        "long_name",
        "中新天津生态城万科锦庐·锦绣长江滨河国际花园住宅小区三期东苑（含地下车库及商业配套）",
        "Sino-Singapore Tianjin Eco-City Riverside International Garden, Phase III East",
        "北区",
        "B",
        8,
        0.91,
    ),
    ("willow_lane", "柳巷里", "Willow Lane", "西区", "B", 7, 0.96),
    ("north_tower", "北塔写字楼", "North Tower Offices", "北区", "A", 10, 0.86),
    ("sunrise", "晨光家园", "Sunrise Homes", "西区", "C", 6, 0.83),
    ("old_mill", None, "Old Mill Quarter", "西区", "C", 5, 0.79),
    ("jade_square", "玉翠广场", "Jade Square Mall", "南区", "B", 16, 0.88),
    (NASTY_ID, NASTY_NAME, NASTY_NAME, "R&D", "B", 6, 0.74),
    (TINY, "小院", "Tiny Court", "南区", "B", 0.35, 0.9),
    (UNSCORED, "仓储中心", "Storage Depot", "北区", "C", 3, 0.9),
]
ITEMS = [
    ("lift_repair", "电梯维修", "Lift repair", 0.12, 0.9),
    ("leak_repair", "渗漏维修", "Leak repair", 0.16, 0.8),
    ("cleaning_stairs", "楼道保洁", "Stairwell cleaning", 0.2, 1.05),
    ("greening", "绿化养护", "Greening", 0.1, 1.02),
    ("parking", "停车管理", "Parking", 0.14, 1.0),
    ("noise", "噪音投诉", "Noise complaint", 0.1, 0.92),
    ("lighting", "公共照明", "Common lighting", 0.1, 1.04),
    ("access_card", "门禁卡", "Access cards", 0.08, 1.05),
]
INDICATORS: list[tuple[str, str, str, str, str, str, float, float, float, float, int]] = [
    # code, zh, en, part, unit, direction, zero, floor, target, weight, minimum sample
    (
        "ticket_on_time",
        "工单按时完成率",
        "Tickets completed on time",
        "service_centre",
        "ratio",
        "higher",
        0.4,
        0.8,
        0.95,
        35,
        30,
    ),
    (
        "ticket_close_time",
        "工单办结时长（80% 分位）",
        "Time to close (80th percentile)",
        "service_centre",
        "service_hours",
        "lower",
        180,
        60,
        24,
        15,
        30,
    ),
    (
        "ticket_overdue_open",
        "在办工单超期率",
        "Open tickets overdue",
        "service_centre",
        "ratio",
        "lower",
        0.75,
        0.2,
        0.05,
        10,
        10,
    ),
    (
        "ticket_backlog_days",
        "工单积压天数",
        "Backlog in days of arrivals",
        "organisation",
        "days",
        "lower",
        45,
        10,
        3,
        10,
        30,
    ),
    (
        "first_response_on_time",
        "首次响应及时率（60 分钟）",
        "First response within 60 service minutes",
        "service_centre",
        "ratio",
        "higher",
        0.4,
        0.85,
        0.95,
        20,
        30,
    ),
    ("reopen_rate", "工单返工率", "Tickets reopened", "quality", "ratio", "lower", 0.2, 0.06, 0.02, 10, 30),
]
QUALITY: list[tuple[str, str, str, str, str, str, float | None, float | None, float | None, float, int]] = [
    # As INDICATORS; a veto has no values.
    (
        "inspection_pass_rate",
        "品质检查合格率",
        "Inspection items passed",
        "quality",
        "ratio",
        "higher",
        0.55,
        0.85,
        0.95,
        12,
        50,
    ),
    (
        "inspection_plan_done",
        "检查计划完成率",
        "Planned inspections done",
        "quality",
        "ratio",
        "higher",
        0.5,
        0.85,
        1.0,
        4,
        3,
    ),
    (
        "inspection_deductions",
        "检查扣分率",
        "Inspection points deducted",
        "quality",
        "ratio",
        "lower",
        0.4,
        0.12,
        0.04,
        4,
        50,
    ),
    (
        "rectification_on_time",
        "整改按时完成率",
        "Findings rectified on time",
        "quality",
        "ratio",
        "higher",
        0.4,
        0.8,
        0.95,
        8,
        10,
    ),
    (
        "repeat_findings",
        "重复问题率",
        "Findings repeated",
        "quality",
        "ratio",
        "lower",
        0.35,
        0.1,
        0.03,
        3,
        10,
    ),
    (
        "satisfaction",
        "客户总体满意度",
        "Overall satisfaction",
        "service_centre",
        "ratio",
        "higher",
        0.55,
        0.8,
        0.9,
        7,
        10,
    ),
    (
        "survey_response",
        "满意度调查回收率",
        "Survey response",
        "service_centre",
        "ratio",
        "higher",
        0.1,
        0.3,
        0.55,
        2,
        15,
    ),
    ("veto", "一票否决", "Vetoes", "quality", "count", "lower", None, None, None, 0, 1),
]
CATEGORIES: list[tuple[str, str | None, str, str, int]] = [
    # code, above, zh, en, items a month; those of a category that has some below it are theirs
    ("etiquette", None, "礼仪", "Etiquette", 0),
    ("etiquette_appearance", "etiquette", "仪容仪表", "Appearance", 12),
    ("etiquette_telephone", "etiquette", "电话接听", "Telephone", 9),
    ("cleaning", None, "保洁", "Cleaning", 0),
    ("cleaning_indoor", "cleaning", "室内保洁", "Indoor cleaning", 34),
    ("cleaning_outdoor", "cleaning", "室外保洁", "Outdoor cleaning", 22),
    ("cleaning_pest", "cleaning", "有害生物防治", "Pest control", 8),
    ("security", None, "秩序维护", "Security", 0),
    ("security_access", "security", "出入管理", "Access control", 18),
    ("security_fire", "security", "消防安全", "Fire safety", 15),
    ("greening", None, "绿化", "Greening", 16),
    ("repair", None, "工程维修", "Repair and maintenance", 0),
    ("repair_lift", "repair", "电梯", "Lifts", 14),
    ("repair_electrical", "repair", "供配电", "Electrical supply", 12),
    ("complaints", None, "投诉处理", "Complaints", 7),
    ("service_centre", None, "客服中心", "Service centre", 13),
    ("takeover", None, "承接查验", "Takeover", 5),
    ("fit_out", None, "装修管理", "Fit-out", 9),
]
# Cases of weight 3 or 5, so that the sample is smaller than the denominator.
WEIGHTED = ("inspection_pass_rate", "inspection_deductions", "satisfaction")
PERIODS: list[Period] = [
    ("month", "2015-01", date(2015, 1, 1), date(2015, 1, 31), "person", "王经理"),
    ("month", "2015-02", date(2015, 2, 1), date(2015, 2, 28), "auto-sign", "demo --auto-sign"),
    ("month", "2015-03", date(2015, 3, 1), date(2015, 3, 31), "auto-sign", "demo --auto-sign"),
    ("quarter", "2015-Q1", date(2015, 1, 1), date(2015, 3, 31), "person", "王经理"),
]


@dataclass(frozen=True)
class Made:
    """Rows of one release by table."""

    release: dict[str, Any]
    tables: dict[str, list[dict[str, Any]]]


def _points(value: float, zero: float, floor: float, target: float) -> float:
    below = 60 * (value - zero) / (floor - zero)
    above = 60 + 40 * (value - floor) / (target - floor)
    return min(100.0, max(0.0, below if below < 60 else above))


def _categories(project: str, quality: float, days: int, chance: random.Random) -> list[dict[str, Any]]:
    """The categories a project was inspected on; where it is weak, one of them is weaker."""
    weak = chance.choice(["cleaning_indoor", "security_fire", "repair_lift", "greening"])
    rows: dict[str, dict[str, Any]] = {}
    for position, (code, above, zh, en, a_month) in enumerate(CATEGORIES, 1):
        checked = round(a_month * days / 30)
        share = min(0.995, quality + 0.03) - (2.2 * (1 - quality) if code == weak else 0)
        failed = sum(chance.random() > share for _ in range(checked))
        overdue = sum(chance.random() < 0.12 for _ in range(failed))
        rows[code] = {
            "project_id": project,
            "category": code,
            "parent_category": above,
            "depth": 2 if above else 1,
            "category_names": json.dumps({"zh-Hans": zh, "zh-Hant": zh, "en": en}),
            "items_checked": checked,
            "items_passed": checked - failed,
            "weight_checked": 3.0 * checked,
            "weight_passed": 3.0 * (checked - failed),
            "full_points": 3.0 * checked,
            "deducted_points": 2.5 * failed,
            "findings": failed,
            "nonconformities_open": overdue + failed // 4,
            "nonconformities_overdue": overdue,
            "position": position,
        }
        if above:
            for name, value in rows[code].items():
                if name.startswith(("items_", "weight_", "nonconf")) or name.endswith(("points", "findings")):
                    rows[above][name] += value
    for row in rows.values():
        row["pass_share"] = row["weight_passed"] / row["weight_checked"] if row["weight_checked"] else None
    return list(rows.values())


def _quality_values(
    project: str, quality: float, categories: list[dict[str, Any]], chance: random.Random, *, is_vetoed: bool
) -> list[tuple[float | None, float | None, float | None]]:
    """Value, numerator and denominator of each of QUALITY."""
    roots = [row for row in categories if row["project_id"] == project and row["depth"] == 1]
    sums = {
        name: sum(row[name] for row in roots)
        for name in ("weight_passed", "weight_checked", "deducted_points", "full_points", "findings")
    }
    due, asked = sums["findings"], 60
    answered = round(asked * chance.uniform(0.3, 0.7))
    pairs: list[tuple[float, float]] = [
        (sums["weight_passed"], sums["weight_checked"]),
        (7 if quality < 0.9 else 8, 8),
        (sums["deducted_points"], sums["full_points"]),
        (round(due * quality), due),
        (round(due * (1 - quality)), due),
        (round(answered * 5 * (quality - 0.06)), answered * 5),
        (answered, asked),
    ]
    shares = [(part / whole if whole else None, part, whole) for part, whole in pairs]
    return [*shares, (float(is_vetoed), float(is_vetoed), 8)]


def _wilson(good: float, of: float) -> tuple[float, float]:
    z, share = 1.96, good / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return centre - half, centre + half


def _grade(score: float) -> tuple[str, float]:
    for grade, least, coefficient in (("excellent", 95, 1.2), ("good", 85, 1.0), ("pass", 75, 0.8)):
        if score >= least:
            return grade, coefficient
    return "fail", 0.5


def make(
    kind: str,
    period: str,
    start: date,
    end: date,
    how: str,
    who: str,
    previous: str | None,
    *,
    version: int = 1,
    shift: float = 0,
    has_inspections: bool = True,
) -> Made:
    """Rows of one release, the same for the same arguments."""
    chance = random.Random(f"{period} {version}")
    inspected = random.Random(f"{period} {version} inspections")
    release_id = f"{period}.v{version}"
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("score", "indicator", "item", "category", "day", "person", "reject_count")
    }
    days = [start + timedelta(place) for place in range((end - start).days + 1)]
    for code, zh, en, region, service_grade, a_day, quality in PROJECTS:
        quality = min(0.985, quality + shift + chance.uniform(-0.03, 0.03))
        still_open, opened_all, closed_all, due_all, met_all = round(a_day * 3), 0, 0, 0, 0
        for day in days:
            rate = a_day * (0.55 if day.weekday() > 4 else 1.15)
            opened = max(0, round(chance.gauss(rate, math.sqrt(rate))))
            closed = min(still_open + opened, max(0, round(chance.gauss(rate, math.sqrt(rate)))))
            due = max(0, round(chance.gauss(rate, math.sqrt(rate)) * 0.9))
            met = sum(chance.random() < quality for _ in range(due))
            still_open += opened - closed
            opened_all, closed_all = opened_all + opened, closed_all + closed
            due_all, met_all = due_all + due, met_all + met
            tables["day"].append(
                {
                    "project_id": code,
                    "day": day,
                    "tickets_opened": opened,
                    "tickets_closed": closed,
                    "tickets_open": still_open,
                    "tickets_due": due,
                    "tickets_due_met": met,
                }
            )
        missed_left = due_all - met_all
        for place, (item, item_zh, item_en, share, _) in enumerate(ITEMS):
            due = round(due_all * share)
            missed = min(due, missed_left, math.ceil(missed_left * (0.42 if place == 1 else 0.25)))
            missed_left -= missed
            tables["item"].append(
                {
                    "project_id": code,
                    "service_item_id": item,
                    "service_item_names": json.dumps({"zh": item_zh, "en": item_en}),
                    "tickets_opened": round(opened_all * share),
                    "tickets_due": due,
                    "tickets_due_met": due - missed,
                    "tickets_open_at_end": round(still_open * share),
                }
            )

        opened_days = round(a_day * len(days) * chance.uniform(2, 12))
        overdue = round(opened_days * min(0.6, (1 - quality) * chance.uniform(0.8, 1.6)))
        reopened, answered = (
            round(closed_all * (1 - quality) / 3),
            round(opened_all * min(0.995, quality + 0.02)),
        )
        has_responses = code != "sunrise"
        values: list[tuple[float | None, float | None, float | None]] = [
            (met_all / due_all if due_all else None, met_all, due_all),
            (16 + (1 - quality) * 400 * chance.uniform(0.7, 1.3), None, closed_all),
            (overdue / opened_days if opened_days else None, overdue, opened_days),
            (opened_days / opened_all if opened_all else None, opened_days, opened_all),
            (answered / opened_all, answered, opened_all)
            if has_responses and opened_all
            else (None, None, None),
            (reopened / closed_all if closed_all else None, reopened, closed_all),
        ]
        definitions: list[Any] = [
            (*row[:9], row[9] * (0.6 if has_inspections else 1), row[10]) for row in INDICATORS
        ]
        is_vetoed = has_inspections and code == VETOED
        if has_inspections:
            definitions += QUALITY
            tables["category"] += _categories(code, quality, len(days), inspected)
            values += _quality_values(code, quality, tables["category"], inspected, is_vetoed=is_vetoed)
        measured = [
            of is not None and of >= least and value is not None
            for (value, _, of), (*_, least) in zip(values, definitions, strict=True)
        ]
        if code == TINY:  # ticket-days enough, open tickets on a day too few
            measured[2] = False
        weight_measured = float(
            sum(row[9] for row, counts in zip(definitions, measured, strict=True) if counts)
        )
        score = 0.0
        for place, (definition, (value, numerator, of), counts) in enumerate(
            zip(definitions, values, measured, strict=True)
        ):
            name, name_zh, name_en, part, unit, direction, zero, floor, target, weight, least = definition
            points = None
            if zero is None or floor is None or target is None:
                points = 0.0 if value else 100.0
            elif counts and value is not None:
                points = _points(value, zero, floor, target)
            effective = 100 * weight / weight_measured if counts else 0.0
            score += effective * (points or 0) / 100
            low, high = (
                _wilson(numerator, of) if unit == "ratio" and of and numerator is not None else (None, None)
            )
            tables["indicator"].append(
                {
                    "project_id": code,
                    "indicator": name,
                    "indicator_names": json.dumps({"zh": name_zh, "en": name_en}),
                    "reform_part": part,
                    "unit": unit,
                    "direction": direction,
                    "numerator": numerator,
                    "denominator": of,
                    "value": value,
                    "value_low": low,
                    "value_high": high,
                    "floor_value": floor,
                    "target_value": target,
                    "points": points,
                    "weight": weight,
                    "weight_effective": effective,
                    "is_sample_sufficient": counts,
                    "minimum_sample": least,
                    "position": place,
                    "sample_effective": of / 3 if name in WEIGHTED and of else None,
                }
            )
        is_scored = code != UNSCORED and weight_measured >= 50
        half = 240 * math.sqrt(max(quality * (1 - quality), 0.02) / max(due_all, 1))
        grade, coefficient = _grade(0 if is_vetoed else score)
        tables["score"].append(
            {
                "project_id": code,
                "project_names": json.dumps({"zh": zh, "en": en}),
                "region": region,
                "project_grade": service_grade,
                "score": score if is_scored else None,
                "score_low": max(0, score - half) if is_scored else None,
                "score_high": min(100, score + half) if is_scored else None,
                "rank": None,
                "rank_low": None,
                "rank_high": None,
                "grade": grade if is_scored else None,
                "coefficient": coefficient if is_scored else None,
                "is_vetoed": is_vetoed or None,
                "weight_measured": weight_measured,
                "tickets_opened": opened_all,
                "tickets_closed": closed_all,
            }
        )
        tables["person"].append(
            {
                "project_id": code,
                "person_id": f"P-{len(tables['person']) + 1:04d}",
                "person_name": PERSON_NAME,
                "score": score if is_scored else None,
                "grade": grade,
                "coefficient": coefficient,
            }
        )
    ranked = sorted(
        (row for row in tables["score"] if row["score"] is not None), key=lambda row: -row["score"]
    )
    for place, row in enumerate(ranked, 1):
        row["rank"] = place
        row["rank_low"] = 1 + sum(other["score_low"] > row["score_high"] for other in ranked)
        row["rank_high"] = sum(other["score_high"] >= row["score_low"] for other in ranked)
    if version == 1 and kind == "month":
        tables["reject_count"] = [
            {"source_id": "simulated_company", "entity": "ticket", "rule": rule, "field": field, "rows": rows}
            for rule, field, rows in (
                ("timestamp_unreadable", "opened_at", 14),
                ("unknown_project", "project_id", 6),
                ("key_conflict", "source_ticket_id", 2),
                ("a_new_rule", "title", 1),
            )
        ]
    content = hashlib.sha256(json.dumps(tables, default=str, sort_keys=True).encode()).hexdigest()
    signed_at = datetime(end.year, end.month, end.day, 1, 30, tzinfo=UTC) + timedelta(days=4)
    release = {
        "release_id": release_id,
        "period_kind": kind,
        "period": period,
        "period_start": start,
        "period_end": end,
        "version": version,
        "status": "released" if version == 1 else "restated",
        "reason": None if version == 1 else "late tickets of the northern region <i>arrived</i>",
        "standards_release": "2015-02" if has_inspections else "2015-01",
        "standards_sha256": "5" * 64,
        "code_version": "0.1.0+4f2c1d9",
        "delivery_ids": [1, 2, 3],
        "tickets": sum(row["tickets_opened"] for row in tables["score"]),
        "rejects": sum(row["rows"] for row in tables["reject_count"]),
        "content_sha256": content,
        "previous_sha256": previous,
        "release_sha256": hashlib.sha256(f"{content}{previous}{who}".encode()).hexdigest(),
        "signed_by": who,
        "signed_how": how,
        "signed_at": signed_at,
        "released_at": signed_at,
    }
    return Made(release, tables)


def insert(connection: psycopg.Connection[Any], made: Made) -> str:
    """Put one made release into the release tables; returns its id."""
    _insert(connection, "release", made.release)
    for table, rows in made.tables.items():
        for row in rows:
            _insert(connection, table, {"release_id": made.release["release_id"], **row})
    return made.release["release_id"]


def _insert(connection: psycopg.Connection[Any], table: str, row: dict[str, Any]) -> None:
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    connection.execute(f"insert into release.{table} ({names}) values ({marks})".encode(), list(row.values()))


def release_all(
    connection: psycopg.Connection[Any], periods: Sequence[Period] = PERIODS, *, inspected_from: int = 1
) -> list[str]:
    """Release three months and the quarter (or other periods); returns the release ids in that order.

    Args:
        connection: to a database without releases.
        periods: in order.
        inspected_from: place of the first period with inspections; those before it have tickets only.
    """
    previous, released = None, []
    for place, period in enumerate(periods):
        made = make(*period, previous, shift=0.012 * (place % 3), has_inspections=place >= inspected_from)
        released.append(insert(connection, made))
        previous = made.release["release_sha256"]
    connection.commit()
    return released


def restate(connection: psycopg.Connection[Any], place: int = 1) -> str:
    """Release one of the months a second time with other figures; returns the release id."""
    last = connection.execute(
        "select release_sha256 from release.release r where not exists "
        "(select from release.release n where n.previous_sha256 = r.release_sha256)"
    ).fetchone()
    assert last
    made = make(*PERIODS[place], last[0], version=2, shift=-0.01)
    release_id = insert(connection, made)
    connection.commit()
    return release_id
