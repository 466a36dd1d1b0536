"""The line from an indicator's value to its points, as a small drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

WIDTH, HEIGHT = 260, 96
_LEFT, _RIGHT, _TOP, _BOTTOM = 26, 8, 8, 16


def draw(indicator: Mapping[str, Any], points_at_floor: float, alt: str, labels: Mapping[str, str]) -> Markup:
    """Points over value, one line per project grade; empty where points do not come from a line.

    Args:
        indicator: as in the release.
        points_at_floor: points of a value that has just passed.
        alt: what the drawing says, for those who do not see it.
        labels: the values to write below the drawing's left and right end, by ``low`` and ``high``.
    """
    if indicator["scoring"] != "linear":
        return Markup("")
    targets = indicator["project_grades"]
    low, high = ends(indicator)
    room = (high - low) * 0.06
    left, right = low - room, high + room

    def at(value: float, points: float) -> str:
        x = _LEFT + (value - left) / (right - left) * (WIDTH - _LEFT - _RIGHT)
        y = _TOP + (100 - points) / 100 * (HEIGHT - _TOP - _BOTTOM)
        return f"{x:.1f},{y:.1f}"

    lines = []
    for place, target in enumerate(targets.values()):
        bends = [(target["zero"], 0.0), (target["floor"], points_at_floor), (target["target"], 100.0)]
        outer = (left, right) if indicator["direction"] == "higher" else (right, left)
        path = [(outer[0], 0.0), *bends, (outer[1], 100.0)]
        knee = at(target["floor"], points_at_floor).split(",")
        lines.append(
            f'<polyline class="g{place}" points="{" ".join(at(*bend) for bend in path)}"/>'
            f'<circle class="g{place}" cx="{knee[0]}" cy="{knee[1]}" r="2.6"/>'
        )
    marks = "".join(
        f'<line class="rule" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        f'<text class="axis" x="{_LEFT - 5}" y="{y + 3}" text-anchor="end">{points:g}</text>'
        for points in (0, points_at_floor, 100)
        if (y := float(at(left, points).split(",")[1])) is not None
    )
    feet = "".join(
        f'<text class="axis" x="{x:.1f}" y="{HEIGHT - 3}" text-anchor="{anchor}">{Markup.escape(labels[end])}</text>'
        for end, x, anchor in (
            ("low", float(at(low, 0).split(",")[0]), "start"),
            ("high", float(at(high, 0).split(",")[0]), "end"),
        )
    )
    return Markup(  # noqa: S704 - numbers and escaped text
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{Markup.escape(alt)}">'
        f"{marks}{''.join(lines)}{feet}</svg>"
    )


def ends(indicator: Mapping[str, Any]) -> tuple[float, float]:
    """The lowest and the highest value at which anything changes."""
    values = [
        target[name]
        for target in indicator["project_grades"].values()
        for name in ("zero", "floor", "target")
    ]
    return min(values), max(values)
