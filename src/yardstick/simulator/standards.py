"""The inspection standards of the simulated company: what is checked, and how each really behaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random  # seeded on purpose: reproducible, not secret

# Category: code, department that is held to it, names, areas, and what is looked at in each.
_TREE = (
    ("ET", "KF", "服务礼仪", ("仪容仪表", "行为举止", "语言规范", "电话接听", "着装工牌"),
     ("整洁得体", "主动问候", "使用规范用语", "记录完整")),
    ("CI", "BJ", "室内保洁", ("大堂", "楼道", "卫生间", "电梯轿厢", "地下车库", "信报箱间"),
     ("地面无污渍", "墙面无积灰", "无异味", "设施表面洁净")),
    ("CO", "BJ", "室外保洁", ("道路广场", "绿地", "垃圾投放点", "排水沟", "休闲设施"),
     ("无垃圾杂物", "清运及时", "无积水")),
    ("PC", "BJ", "消杀", ("鼠害", "蚊蝇", "蟑螂", "白蚁"), ("投放点完好", "有作业记录")),
    ("SE", "ZX", "秩序维护", ("大门岗", "巡逻岗", "监控室", "消防控制室", "停车场"),
     ("在岗履职", "记录齐全", "器材完好", "交接清楚")),
    ("GR", "LH", "绿化养护", ("乔木", "灌木", "草坪", "花坛", "室内绿植"), ("长势良好", "修剪及时", "无病虫害")),
    ("RE", "GC", "设施维护", ("电梯机房", "水泵房", "配电室", "公共照明", "消防设施", "门禁道闸"),
     ("运行正常", "巡检记录完整", "标识清晰", "环境整洁")),
    ("CP", "KF", "投诉处理", ("受理", "回复", "回访"), ("时限达标", "记录完整", "分析到位")),
    ("SC", "KF", "服务中心", ("前台", "公告栏", "档案", "收费公示"), ("信息准确", "更新及时", "环境整洁")),
    ("TK", "GC", "承接查验", ("资料移交", "共用部位", "共用设备"), ("查验记录完整", "问题跟踪闭环")),
    ("FO", "ZX", "装修管理", ("装修许可", "现场巡查", "垃圾清运"), ("手续齐全", "巡查到位", "违规处置")),
)  # fmt: skip
_VETO = ("SE-04-01", "RE-05-01", "RE-01-01")  # fire control room manned; fire equipment and lifts in order
_UNFIT_SHARE = 0.05


@dataclass(frozen=True)
class Standard:
    """One standard and how it behaves.

    Attributes:
        code: its code.
        category: code of its category.
        department: department that is held to it.
        name_zh: what is looked at.
        full_score: points it is worth.
        is_veto: whether failing it vetoes the inspection.
        ease: log odds that a middling department passes it.
        discrimination: how much of a department's level shows in it.
        verdict: what is planted: ``fine``, ``too_strict``, ``too_lax`` or ``does_not_discriminate``.
    """

    code: str
    category: str
    department: str
    name_zh: str
    full_score: int
    is_veto: bool
    ease: float
    discrimination: float
    verdict: str = "fine"


CATEGORIES = {code: (department, name) for code, department, name, _areas, _aspects in _TREE}


def make_standards(seed: int, *, planted: bool) -> dict[str, Standard]:
    """The standards by code; some of them unfit when ``planted``."""
    random = Random(f"{seed}/standards")  # noqa: S311
    found: dict[str, Standard] = {}
    for category, department, name, areas, aspects in _TREE:
        for number, area in enumerate(areas, start=1):
            for place, aspect in enumerate(aspects, start=1):
                code = f"{category}-{number:02}-{place:02}"
                is_veto = code in _VETO
                found[code] = Standard(
                    code=code,
                    category=category,
                    department=department,
                    name_zh=f"{name}:{area}{aspect}",
                    full_score=random.choice((2, 3, 5)),
                    is_veto=is_veto,
                    ease=6.0 if is_veto else random.uniform(2.1, 3.4),
                    discrimination=random.uniform(1.2, 2.2),
                )
    if planted:
        ordinary = [code for code, standard in found.items() if not standard.is_veto]
        each = max(2, round(_UNFIT_SHARE * len(ordinary) / 2))
        chosen = random.sample(ordinary, 3 * each)
        for codes, verdict, ease, discrimination in (
            (chosen[:each], "too_strict", -2.6, 0.8),
            (chosen[each : 2 * each], "too_lax", 8.0, 0.0),
            (chosen[2 * each :], "does_not_discriminate", 1.4, 0.0),
        ):
            for code in codes:
                found[code] = replace(found[code], ease=ease, discrimination=discrimination, verdict=verdict)
    return found
