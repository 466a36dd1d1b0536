"""Service levels of every kind, drawn at random: the content of a sla.yml."""

from __future__ import annotations

import random
from typing import Any

from tests import drawn_tickets as drawn
from tests import service_hours as hours

TARGETS = ("acknowledge", "respond", "attend", "complete", "call_back", "next_reply", "update")
PAUSES = tuple(status for status in drawn.STATUSES if status not in ("closed", "cancelled"))
APPLIES_TO: dict[str, tuple[str, ...]] = {
    "service_items": tuple(hours.ITEMS),
    "service_groups": ("equipment", "repair", "greening"),
    "priorities": drawn.PRIORITIES,
    "project_grades": ("A", "B"),
    "channels": drawn.CHANNELS,
}


def policies(draw: random.Random) -> dict[str, Any]:
    """Policies in their order: emergencies, three that ask for something, and often one for everything."""
    found = {"emergency": _policy(draw, {"is_emergency": True})}
    for name in ("one", "two", "three"):
        asked: dict[str, Any] = {}
        for field in draw.sample(list(APPLIES_TO), draw.choice([1, 1, 2])):
            asked[field] = draw.sample(APPLIES_TO[field], draw.choice([1, 2]))
        if draw.random() < 0.3:
            asked["is_emergency"] = draw.random() < 0.3
        found[name] = _policy(draw, asked)
    if draw.random() < 0.7:
        found["rest"] = _policy(draw, {})
    for code, policy in found.items():
        policy["names"] = {"zh": code, "en": code}
    return {"policies": found}


def _policy(draw: random.Random, applies_to: dict[str, Any]) -> dict[str, Any]:
    targets = {target: _target(draw, target) for target in TARGETS if draw.random() < 0.75}
    found: dict[str, Any] = {"targets": targets or {"complete": _target(draw, "complete")}}
    return found | ({"applies_to": applies_to} if applies_to else {})


def _target(draw: random.Random, target: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "minutes": draw.choice([1, 5, 30, 60, 120, 240, 480, 1_440, 2_880]),
        "clock": draw.choice(["calendar", "service"]),
    }
    if target != "call_back" and draw.random() < 0.6:
        found["paused_in"] = draw.sample(PAUSES, draw.choice([1, 2, 3]))
    return found
