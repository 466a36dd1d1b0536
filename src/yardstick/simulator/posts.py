"""The kinds of post that a project has."""

from __future__ import annotations

from typing import NamedTuple


class PostKind(NamedTuple):
    """A kind of post as the catalogue describes it."""

    code: str
    department: str
    function: str
    name_zh: str
    name_en: str
    certificate: str
    outsourced_share: float
    reports_to: str


POST_KINDS = (
    PostKind("PM", "PM", "management", "项目经理", "Project manager", "property_manager", 0, ""),
    PostKind("CM", "KF", "customer_service", "客户经理", "Customer manager", "", 0, "PM"),
    PostKind("FD", "KF", "customer_service", "前台接待", "Front desk", "", 0, "CM"),
    PostKind("ENG", "GC", "repair", "维修技工", "Repair technician", "electrician", 0.1, "PM"),
    PostKind("CLN", "BJ", "cleaning", "保洁员", "Cleaner", "", 0.7, "PM"),
    PostKind("GRD", "ZX", "security", "秩序维护员", "Guard", "fire_control", 0.4, "PM"),
    PostKind("GDN", "LH", "greening", "绿化工", "Gardener", "", 0.5, "PM"),
)
