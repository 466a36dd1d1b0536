"""Two small standards releases with everything a release can hold, to spoil, compare and load."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from yardstick import standards
from yardstick.settings import project_root

SHIPPED = project_root() / "expectations/standards"
BASE = "2015-01"
SECOND = "2016-01"

HEAD = """
standards_release: "2016-01"
based_on: "2015-01"
effective_from: 2016-01-01
names: {zh-Hans: 第二版, zh-Hant: 第二版, en: Second issue}
project_grades:
  A: {zh-Hans: 一级, zh-Hant: 一級, en: Grade A}
  B: {zh-Hans: 二级, zh-Hant: 二級, en: Grade B}
  C: {zh-Hans: 三级, zh-Hant: 三級, en: Grade C}
scoring:
  points_at_floor: 60
  minimum_weight_measured: 50
  confidence: 0.95
  repeat_within_days: 90
  inspection_grace_days: {monthly: 3}
complaints: {repeat_within_days: 30}
staffing:
  late_grace_minutes: 5
  early_grace_minutes: 0
  working_days: {country: CN, rest_days: [sat, sun]}
"""
INDICATORS = """
indicators:
  pass_rate:
    names: {zh-Hans: 合格率, zh-Hant: 合格率, en: Items passed}
    reform_part: quality
    unit: ratio
    direction: higher
    kind: ratio
    numerator: inspection_items_passed
    denominator: inspection_items_checked
    filters: {standard_category: [cleaning]}
    minimum_sample: 30
    scoring: linear
    nonconformity: {below: floor, severity: serious, accountable: management, rectify_within_days: 14}
    project_grades:
      A: {weight: 80, zero: 0.5, floor: 0.9, target: 0.98}
      B: {weight: 80, zero: 0.4, floor: 0.85, target: 0.95}
      C: {weight: 80, zero: 0.3, floor: 0.8, target: 0.9}
  close_time:
    names: {zh-Hans: 办结时长, zh-Hant: 辦結時長, en: Time to close}
    reform_part: service_centre
    unit: service_hours
    direction: lower
    kind: quantile
    histogram: close_service_minutes
    quantile: 0.8
    minimum_sample: 30
    scoring: bands
    bands: [{value: 24, points: 100}, {value: 48, points: 60}]
    project_grades:
      A: {weight: 10, zero: 180, floor: 60, target: 24}
      B: {weight: 10, zero: 180, floor: 60, target: 24}
      C: {weight: 10, zero: 180, floor: 60, target: 24}
  repeats:
    names: {zh-Hans: 重复问题, zh-Hant: 重複問題, en: Findings repeated}
    reform_part: quality
    unit: count
    direction: lower
    kind: count
    numerator: nonconformities_repeated
    denominator: nonconformities_found
    minimum_sample: 1
    scoring: deduction
    points_per_event: 5
    project_grades: {A: {weight: 10}, B: {weight: 10}, C: {weight: 10}}
  vetoes:
    names: {zh-Hans: 一票否决, zh-Hant: 一票否決, en: Vetoes}
    reform_part: quality
    unit: count
    direction: lower
    kind: count
    numerator: inspection_vetoes
    denominator: inspections_held
    minimum_sample: 1
    scoring: veto
    project_grades: {A: {weight: 0}, B: {weight: 0}, C: {weight: 0}}
"""
CLEANING = """
categories:
  cleaning: {names: {zh: 保洁, en: Cleaning}, function: cleaning}
  indoor: {parent: cleaning, names: {zh: 室内, en: Indoor}}
  lobby: {parent: indoor, names: {zh: 大堂, en: Lobby}}
  outdoor: {parent: cleaning, names: {zh: 室外, en: Outdoor}}
standards:
  CL-LB-01:
    category: lobby
    names: {zh: 大堂地面洁净, en: Lobby floor clean}
    requirement: {zh: 地面无污渍, en: The floor has no stains}
    check: {zh: 目视, en: Look}
    scoring: {method: pass_fail, full_score: 3}
    severity: ordinary
    rectify_within_days: 3
    evidence: [photo]
    inspected: [weekly, monthly]
    check_every_days: 30
  CL-OD-01:
    category: outdoor
    names: {zh: 道路洁净, en: Roads clean}
    requirement: {zh: 每百米不超过两处垃圾, en: No more than two pieces of litter in 100 m}
    check: {zh: 走一百米, en: Walk 100 m}
    scoring: {method: deduction, full_score: 5, per_finding: 0.5}
    severity: minor
    rectify_within_days: 1
    evidence: [photo, observation]
    inspected: [monthly]
    check_every_days: 30
    weight: 2
    applies_to: {project_grades: [A, B], project_types: [residential], facilities: [garage]}
"""
SECURITY = """
categories:
  security: {names: {zh: 秩序维护, en: Security}, function: security}
standards:
  SE-FC-01:
    category: security
    names: {zh: 消防控制室有人值守, en: Fire control room manned}
    requirement: {zh: 全天两人在岗, en: Two persons at all hours}
    check: {zh: 现场查看, en: Look}
    scoring: {method: points, full_score: 10}
    severity: major
    rectify_within_days: 1
    evidence: [record]
    inspected: [daily, special]
    check_every_days: 7
    veto: true
    applies_to: {facilities: [fire_control_room]}
"""
DATA = """
data_standards:
  DS-TK-01:
    suite: staged_tickets
    dimension: completeness
    severity: blocking
    names: {zh: 每张工单都有开单时间, en: Every ticket has a time of opening}
    expectation: {type: expect_column_values_to_not_be_null, kwargs: {column: opened_at}}
    consequence: {zh: 当批不发布, en: The build is not published}
    fixer: {zh: 供数单位, en: Supplier of the data}
"""
SERVICE = """
service_standards:
  SV-IN-01:
    suite: indicator_daily
    category: inspection
    names: {zh: 综合检查按计划完成, en: Planned comprehensive inspections done}
    requirement: {zh: 当月计划的综合检查全部完成, en: Every planned comprehensive inspection of the month was done}
    where: {inspection_scope: comprehensive}
    column: done_share
    at_least: 1.0
    severity: serious
    accountable: management
    rectify_within_days: 5
    consequence: {zh: 立为问题, en: A finding is opened}
    fixer: {zh: 项目经理, en: Project manager}
"""
SLA = """
policies:
  emergency:
    names: {zh: 应急, en: Emergencies}
    applies_to: {is_emergency: true}
    targets:
      attend: {minutes: 30, clock: calendar}
      call_back: {minutes: 1440, clock: calendar}
  repair:
    names: {zh: 报修, en: Repairs}
    applies_to:
      service_items: ["0104"]
      service_groups: [repair]
      priorities: [急]
      project_grades: [A, B]
      channels: [phone, app]
    targets:
      complete: {minutes: 480, clock: service, paused_in: [waiting_owner, waiting_parts]}
  other:
    names: {zh: 其他, en: Everything else}
    targets:
      acknowledge: {minutes: 60, clock: service}
"""
FILES = {
    "release": HEAD,
    "indicators": INDICATORS,
    "catalogue/cleaning": CLEANING,
    "catalogue/security": SECURITY,
    "data": DATA,
    "service": SERVICE,
    "sla": SLA,
}


def write(folder: Path) -> Path:
    """Put two releases below ``folder``: the shipped first one without data standards, and a full one on it."""
    shutil.copytree(SHIPPED / BASE, folder / BASE)
    (folder / BASE / "data.yml").unlink(missing_ok=True)
    for part, text in FILES.items():
        path = folder / SECOND / f"{part}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip(), encoding="utf-8")
    return folder


def edit(folder: Path, part: str, change: Callable[[dict[str, Any]], object], release: str = SECOND) -> None:
    """Change what a file says and write it back."""
    path = folder / release / f"{part}.yml"
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=standards.Loader)
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def problems_in(folder: Path) -> list[str]:
    """What reading the folder complains about; empty when all is well."""
    try:
        standards.read(folder)
    except standards.StandardsError as error:
        return error.problems
    return []
