"""Daily charts as SVG, drawn by Vega-Lite once for all languages: words stand beside them in HTML.

One drawing holds three panels side by side. A page shows each through a window of its own (see
``Drawing.windows``), so that captions and layout belong to the page. All sizes, ticks and labels are
given, none is measured: the same figures give the same bytes on a machine with other fonts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import vl_convert

from yardstick.reports.rows import Day

INK = "#23282d"
OPENED = "#b9b2a3"
CLOSED = "#1f5a73"
MISSED = "#b4472f"
GRID = "#e4dfd4"
QUIET = "#6b6a64"

_PLOT_WIDTH = 232
_PLOT_HEIGHT = 104
_LEFT = 34
_SPACING = 12
_BELOW = 22
_ABOVE = 8
_WEEKLY_FROM_DAYS = 100


@dataclass(frozen=True)
class Drawing:
    """An SVG group with three panels, and the view box through which each is seen."""

    group: str
    windows: tuple[str, str, str]
    is_weekly: bool


def by_week(days: Sequence[Day]) -> list[Day]:
    """Days added up to weeks that start on Monday; open tickets are those of the week's last day."""
    weeks: list[Day] = []
    for one in days:
        monday = one.day - timedelta(days=one.day.weekday())
        if weeks and weeks[-1].day == monday:
            last = weeks.pop()
            weeks.append(
                Day(
                    monday,
                    last.tickets_opened + one.tickets_opened,
                    last.tickets_closed + one.tickets_closed,
                    one.tickets_open,
                    last.tickets_due + one.tickets_due,
                    last.tickets_due_met + one.tickets_due_met,
                )
            )
        else:
            weeks.append(
                Day(
                    monday,
                    one.tickets_opened,
                    one.tickets_closed,
                    one.tickets_open,
                    one.tickets_due,
                    one.tickets_due_met,
                )
            )
    return weeks


def ticks(most: float, *, wanted: int = 3) -> list[int]:
    """Round whole numbers from 0 to at least ``most``, about ``wanted`` steps of 1, 2 or 5 × 10ⁿ."""
    if most <= 0:
        return [0, 1]
    rough = max(most / wanted, 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(int(factor * power) for factor in (1, 2, 5, 10) if factor * power >= rough - 1e-9)
    return list(range(0, math.ceil(most / step) * step + 1, step))


def _day_labels(days: Sequence[Day], *, is_weekly: bool) -> dict[int, str]:
    if not is_weekly and len(days) <= 31:
        return {
            place: str(one.day.day) for place, one in enumerate(days) if one.day.day in (1, 8, 15, 22, 29)
        }
    labels: dict[int, str] = {}
    for place, one in enumerate(days):
        if place == 0 or one.day.month != days[place - 1].day.month:
            labels[place] = f"{one.day:%m}" if is_weekly else f"{one.day:%m-%d}"
    return labels


def _panel(
    marks: list[dict[str, Any]], scale: list[int], labels: dict[int, str], count: int
) -> dict[str, Any]:
    shown = ", ".join(f"'{place}': '{label}'" for place, label in labels.items())
    x = {
        "field": "place",
        "type": "quantitative",
        "scale": {"domain": [-0.6, count - 0.4], "nice": False, "zero": False},
        "axis": {
            "values": list(labels),
            "tickCount": len(labels),  # Vega drops given values beyond its own count
            "labelExpr": "({" + shown + "})[toString(datum.value)]",
            "grid": False,
            "title": None,
            "labelOverlap": False,
            "labelFlush": False,
            "minExtent": _BELOW,
            "maxExtent": _BELOW,
        },
    }
    y_axis = {
        "values": scale,
        "tickCount": len(scale),
        "labelExpr": "format(abs(datum.value), ',')",
        "title": None,
        "labelOverlap": False,
        "minExtent": _LEFT,
        "maxExtent": _LEFT,
    }
    layers = []
    for mark in marks:
        field = mark.pop("field")
        y = {
            "field": field,
            "type": "quantitative",
            "scale": {"domain": [scale[0], scale[-1]], "nice": False},
            "axis": y_axis,
            "stack": None,
        }
        layers.append({"mark": mark, "encoding": {"x": x, "y": y}})
    zero = {
        "data": {"values": [{"zero": 0}]},
        "mark": {"type": "rule", "color": INK, "strokeWidth": 0.8},
        "encoding": {"y": {"field": "zero", "type": "quantitative"}},
    }
    return {"width": _PLOT_WIDTH, "height": _PLOT_HEIGHT, "layer": [*layers, zero]}


def specification(days: Sequence[Day]) -> dict[str, Any]:
    """The Vega-Lite specification of three panels: flow, open tickets, promises kept and missed."""
    is_weekly = len(days) > _WEEKLY_FROM_DAYS
    shown = by_week(days) if is_weekly else list(days)
    labels = _day_labels(shown, is_weekly=is_weekly)
    values = [
        {
            "place": place,
            "opened": one.tickets_opened,
            "closed": one.tickets_closed,
            "open": one.tickets_open,
            "met": one.tickets_due_met,
            "missed": one.tickets_due_met - one.tickets_due,
        }
        for place, one in enumerate(shown)
    ]
    count = len(shown)
    bar = {"type": "bar", "width": round(_PLOT_WIDTH / (count + 0.2) * 0.72, 2)}
    flow = ticks(max(max(one["opened"], one["closed"]) for one in values))
    open_scale = ticks(max(one["open"] for one in values))
    most_met, most_missed = (max(one["met"] for one in values), max(-one["missed"] for one in values))
    step = ticks(most_met + most_missed)[1]
    low, high = -math.ceil(most_missed / step) * step, max(1, math.ceil(most_met / step)) * step
    due_scale = list(range(low, high + 1, step))
    panels = [
        _panel(
            [
                {**bar, "field": "opened", "color": OPENED},
                {
                    "type": "line",
                    "field": "closed",
                    "color": CLOSED,
                    "strokeWidth": 1.8 if count < 40 else 1.2,
                },
            ],
            flow,
            labels,
            count,
        ),
        _panel(
            [
                {"type": "area", "field": "open", "color": CLOSED, "opacity": 0.16, "line": False},
                {"type": "line", "field": "open", "color": CLOSED, "strokeWidth": 1.8},
            ],
            open_scale,
            labels,
            count,
        ),
        _panel(
            [{**bar, "field": "met", "color": CLOSED}, {**bar, "field": "missed", "color": MISSED}],
            due_scale,
            labels,
            count,
        ),
    ]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": None,
        "padding": {"left": 0, "top": _ABOVE, "right": 0, "bottom": 0},
        "data": {"values": values},
        "bounds": "flush",
        "spacing": _LEFT + _SPACING,
        "hconcat": panels,
        "config": {
            "font": "sans-serif",
            "view": {"stroke": None},
            "axis": {
                "domain": False,
                "ticks": False,
                "gridColor": GRID,
                "gridWidth": 0.8,
                "labelColor": QUIET,
                "labelFontSize": 10,
                "labelPadding": 5,
            },
        },
    }


def draw(days: Sequence[Day]) -> Drawing | None:
    """Draw the days of one project (or of all); None when there are none.

    Args:
        days: one per calendar day, in order; more than 100 are shown as weeks.
    """
    if not days:
        return None
    svg = vl_convert.vegalite_to_svg(specification(days), vl_version="6.4")
    group = svg[svg.index(">") + 1 : svg.rindex("</svg>")]
    # The outer offset is the one thing that Vega measures from text: put our own in its place.
    group = re.sub(r'transform="translate\([^)]*\)"', f'transform="translate(0,{_ABOVE})"', group, count=1)
    # Roles and descriptions of the inner marks are noise to a screen reader: the figure has its own words.
    group = re.sub(r' (?:aria-[a-z]+|role|aria-hidden)="[^"]*"', "", group)
    group = re.sub(r' class="[^"]*"', "", group).replace(' pointer-events="none"', "")
    step = _PLOT_WIDTH + _LEFT + _SPACING
    height = _PLOT_HEIGHT + _ABOVE + _BELOW
    windows = tuple(f"{place * step - _LEFT} 0 {_PLOT_WIDTH + _LEFT + 6} {height}" for place in range(3))
    return Drawing(group, (windows[0], windows[1], windows[2]), len(days) > _WEEKLY_FROM_DAYS)
