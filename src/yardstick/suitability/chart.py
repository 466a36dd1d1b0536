"""Drawings of the suitability pages, as SVG made of nothing but the figures: the same figures, the same bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from yardstick.reports.language import number
from yardstick.suitability.fits import Estimate
from yardstick.suitability.verdicts import UNFIT, Judgement, Thresholds
from yardstick.suitability.words import Words, odds

COLOURS = {
    "too_strict": "#a33a24",
    "too_lax": "#8a5a0a",
    "does_not_discriminate": "#6b3a7a",
    "too_little_data": "#b9b2a3",
    "fine": "#1f5a73",
}
_SOFT, _RULE, _HAIR, _WASH = "#55585a", "#d9d4c8", "#ebe7dd", "#f6f3ec"
_WIDTH, _HEIGHT = 1000.0, 430.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 88.0, 20.0, 14.0, 92.0
_RATES = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
_OUTERMOST = 0.997
_LOWEST, _HIGHEST = -0.75, 2.5
_ROW = 20.0
_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_FOREST = 420.0


def _logit(rate: float) -> float:
    bounded = min(_OUTERMOST, max(0.05, rate))
    return math.log(bounded / (1 - bounded))


def _x(rate: float) -> float:
    low, high = _logit(0), _logit(1)
    return _LEFT + 14 + (_WIDTH - _LEFT - _RIGHT - 28) * (_logit(rate) - low) / (high - low)


def _y(value: float) -> float:
    bounded = min(_HIGHEST, max(_LOWEST, value))
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (_HIGHEST - bounded) / (_HIGHEST - _LOWEST)


def scatter(
    judged: Sequence[Judgement], names: Mapping[str, str], thresholds: Thresholds, words: Words
) -> Markup:
    """Standards by pass rate (on a logit scale, where 98 and 99 % are as far apart as 80 and 89) and discrimination.

    Args:
        judged: the standards.
        names: what each is called, by code.
        thresholds: for the lines.
        words: the language.
    """
    strip = _HEIGHT - _BOTTOM + 36
    parts = [_frame(thresholds, words, strip)]
    order = ("too_little_data", "fine", *UNFIT)
    for one in sorted(judged, key=lambda one: (order.index(one.verdict), one.part.standard)):
        part, slope = one.part, one.part.discrimination
        if part.rate.value is None:
            continue
        x = _x(part.rate.value)
        # those that cannot be placed are spread by their code, so that they do not hide each other
        y = _y(slope.value) if slope else strip - 9 + 18 * (sum(map(ord, part.standard)) % 7) / 6
        colour = COLOURS[one.verdict]
        is_unfit = one.verdict in UNFIT
        title = escape(
            f"{part.standard} {names.get(part.standard, '')}: {words.text(f'verdicts.{one.verdict}')}, "
            f"{words.text('columns.passed')} {words.percent(part.rate.value, 1)}, "
            f"{words.text('columns.discrimination')} {words.estimate(slope)[0]}"
        )
        mark = ""
        if is_unfit and slope:
            mark = (
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(slope.low):.1f}" y2="{_y(slope.high):.1f}" '
                f'stroke="{colour}" stroke-width="1.2" opacity=".55"/>'
            )
        mark += (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if is_unfit else 3.6}" fill="{colour}" '
            f'fill-opacity="{0.95 if is_unfit else 0.55}"/>'
        )
        parts.append(f"<g><title>{title}</title>{mark}</g>")
    label = words.text(
        "chart_alt",
        n=len(judged),
        parts=words.listed(
            [
                words.text(f"counted.{verdict}", n=number(n))
                for verdict in (*UNFIT, "too_little_data", "fine")
                if (n := sum(one.verdict == verdict for one in judged))
            ]
        ),
    )
    return Markup(  # noqa: S704 - everything put in is ours or escaped
        f'<svg class="scatter" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _frame(thresholds: Thresholds, words: Words, strip: float) -> str:
    floor = _HEIGHT - _BOTTOM
    right = _WIDTH - _RIGHT
    parts = [
        f'<rect x="{_LEFT}" y="{_y(thresholds.discriminates_below):.1f}" width="{right - _LEFT:.1f}" '
        f'height="{floor - _y(thresholds.discriminates_below):.1f}" fill="{_WASH}"/>',
    ]
    for value in (-0.5, 0, 0.5, 1, 1.5, 2, 2.5):
        y = _y(value)
        colour = _SOFT if value in (0, 1) else _HAIR
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" '
                     f'stroke-width="{0.9 if value in (0, 1) else 0.8}"/>')  # fmt: skip
        parts.append(_text(_LEFT - 8, y + 4, f"{value:g}".replace("-", "−"), "end"))
    for rate in _RATES:
        x = _x(rate)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{strip + 16:.1f}" stroke="{_HAIR}"/>')
        parts.append(_text(x, strip + 32, f"{100 * rate:g}%", "middle"))
    parts.append(
        f'<line x1="{_LEFT}" x2="{right}" y1="{floor + 14:.1f}" y2="{floor + 14:.1f}" stroke="{_RULE}"/>'
    )
    parts.append(_text(_LEFT - 8, strip + 4, words.text("chart_none"), "end"))
    parts.append(_text((_LEFT + right) / 2, _HEIGHT - 6, words.text("chart_x"), "middle"))
    middle = (_TOP + floor) / 2
    parts.append(
        f'<text x="14" y="{middle:.1f}" transform="rotate(-90 14 {middle:.1f})" text-anchor="middle" '
        f'font-size="12" fill="{_SOFT}">{escape(words.text("chart_y"))}</text>'
    )
    # last, so that no line of the grid runs through them
    parts += [
        _text(right - 6, _y(thresholds.discriminates_below) + 14, words.text("chart_floor"), "end"),
        _text(_LEFT + 6, _y(1) - 5, words.text("chart_typical"), "start"),
    ]
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" fill="{_SOFT}">{escape(text)}</text>'


@dataclass(frozen=True)
class Forest:
    """One scale for the odds ratios of all inspectors."""

    low: float
    high: float
    usual: float

    @classmethod
    def of(cls, estimates: Sequence[Estimate], usual_odds: float) -> Forest:
        """The scale that holds every interval and the usual span.

        Args:
            estimates: log odds with their intervals.
            usual_odds: the odds ratio up to which a difference is usual.
        """
        usual = math.log(usual_odds)
        reach = 1.15 * max([usual, *(max(abs(one.low), abs(one.high)) for one in estimates)])
        return cls(-reach, reach, usual)

    def _at(self, value: float) -> float:
        return 8 + (_FOREST - 16) * (value - self.low) / (self.high - self.low)

    def head(self) -> Markup:
        """The scale's ticks, for the head of the table."""
        shown = [tick for tick in _TICKS if self.low < math.log(tick) < self.high]
        texts = "".join(
            _text(self._at(math.log(tick)), 13, f"{tick:g}" if tick >= 1 else f"1/{1 / tick:g}", "middle")
            for tick in shown
        )
        return Markup(  # noqa: S704 - numbers only
            f'<svg class="forest" viewBox="0 0 {_FOREST:.0f} 18" aria-hidden="true">{texts}</svg>'
        )

    def row(self, one: Estimate, verdict: str) -> Markup:
        """One inspector's interval."""
        colour = {"lax": COLOURS["too_lax"], "strict": COLOURS["too_strict"]}.get(verdict, COLOURS["fine"])
        left, right = self._at(-self.usual), self._at(self.usual)
        middle = _ROW / 2
        lines = "".join(
            f'<line x1="{self._at(math.log(tick)):.1f}" x2="{self._at(math.log(tick)):.1f}" y1="0" y2="{_ROW}" '
            f'stroke="{_SOFT if tick == 1 else _RULE}" stroke-width="{1 if tick == 1 else 0.6}"/>'
            for tick in _TICKS
            if self.low < math.log(tick) < self.high
        )
        label = f"{odds(one.value)} ({odds(one.low)} – {odds(one.high)})"
        return Markup(  # noqa: S704 - numbers only
            f'<svg class="forest" viewBox="0 0 {_FOREST:.0f} {_ROW:.0f}" role="img" aria-label="{label}">'
            f"<title>{label}</title>"
            f'<rect x="{left:.1f}" y="0" width="{right - left:.1f}" height="{_ROW}" fill="{_WASH}"/>{lines}'
            f'<line x1="{self._at(one.low):.1f}" x2="{self._at(one.high):.1f}" y1="{middle}" y2="{middle}" '
            f'stroke="{colour}" stroke-width="2"/>'
            f'<circle cx="{self._at(one.value):.1f}" cy="{middle}" r="4.5" fill="{colour}"/></svg>'
        )
