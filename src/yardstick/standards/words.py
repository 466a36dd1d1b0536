"""Values of a release in words: numbers in their unit, floors as a requirement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_UNITS = {
    "zh": {
        "service_hours": "服务小时", "service_minutes": "服务分钟", "hours": "小时", "minutes": "分钟",
        "days": "天", "count": "", "ratio": "",
    },
    "en": {
        "service_hours": "service hours", "service_minutes": "service minutes", "hours": "hours",
        "minutes": "minutes", "days": "days", "count": "", "ratio": "",
    },
}  # fmt: skip


def short(language: str) -> str:
    """The language as texts of standards have it: ``zh`` or ``en``."""
    return "zh" if language.startswith("zh") else "en"


def plain(value: float) -> str:
    """A number as short as it can be written without loss."""
    return repr(round(value, 12)).removesuffix(".0")


def amount(value: float, unit: str, language: str) -> str:
    """A value of an indicator in its unit; a ratio as a percentage.

    Args:
        value: in ``unit``; a ratio as a fraction of 1.
        unit: an indicator's unit.
        language: ``zh-Hans``, ``zh`` or ``en``.
    """
    if unit == "ratio":
        return f"{plain(100 * value)}%"
    name = _UNITS[short(language)][unit]
    return f"{plain(value)} {name}" if name else plain(value)


def month_requirement(indicator: Mapping[str, Any]) -> dict[str, str]:
    """What an indicator with ``nonconformity`` asks of a month, by language ``zh`` and ``en``."""
    below = indicator["nonconformity"]["below"]
    bound = {"floor": ("底线", "floor"), "target": ("目标", "target")}[below]
    values = {
        language: [
            f"{grade} {amount(target[below], indicator['unit'], language)}"
            for grade, target in indicator["project_grades"].items()
        ]
        for language in ("zh", "en")
    }
    return {
        "zh": f"当月数值不差于项目服务等级的{bound[0]}：{'，'.join(values['zh'])}",
        "en": f"The month's value is no worse than the {bound[1]} of the project's grade: {', '.join(values['en'])}",
    }
