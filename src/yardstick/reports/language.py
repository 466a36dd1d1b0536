"""One language of a report: its texts, and how numbers, dates and units are written in it."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup, escape

from yardstick.reports.inspections import UNCATALOGUED, Category
from yardstick.reports.rows import Indicator, Release

TEXTS = Path(__file__).parent / "texts"
NONE = "–"
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_QUARTERS = "一二三四"
_CHINESE = ("zh-Hans", "zh", "zh-CN", "zh_cn")
_NAME_KEYS = {
    "en": ("en",),
    "zh-Hans": (*_CHINESE, "zh-Hant"),
    "zh-Hant": ("zh-Hant", "zh-TW", "zh-HK", *_CHINESE),
}


@cache
def texts(code: str) -> dict[str, Any]:
    """The message file of one language."""
    return yaml.safe_load((TEXTS / f"{code}.yml").read_text(encoding="utf-8"))


def visible(text: str) -> str:
    """Text of a site as one can see it: control and direction-changing characters become ``�``."""
    return "".join(
        "�"
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn") and char not in "\t\n\u200c\u200d"
        else char
        for char in text
    )


def number(value: float | None, digits: int = 0, *, sign: bool = False) -> str:
    """A number with thousands separated by commas and a true minus; an en dash for nothing."""
    if value is None or not math.isfinite(value):
        return NONE
    rounded = round(value + 0.0, digits)
    if rounded == 0:
        return f"{0:.{digits}f}" if not sign else f"±{0:.{digits}f}"
    text = f"{abs(rounded):,.{digits}f}"
    return ("−" if rounded < 0 else "+" if sign else "") + text


@dataclass(frozen=True)
class Language:
    """A language by its BCP 47 code: ``zh-Hans``, ``zh-Hant`` or ``en``."""

    code: str

    def text(self, key: str, /, **values: object) -> str:
        """The message ``key`` (``a.b`` looks into a group), with ``{values}`` put in.

        A message with plural forms is chosen by the value ``n``.

        Raises:
            KeyError: for a message that the language file lacks.
        """
        message: Any = texts(self.code)
        for part in key.split("."):
            message = message[part]
        if isinstance(message, dict):
            message = message["one" if values.get("n") in (1, "1") else "other"]
        return str(message).format(**values) if values else str(message)

    def label(self, group: str, code: str | None) -> str:
        """The name of a code in one of the groups of labels; the code itself when it has none."""
        known: Mapping[str, str] = texts(self.code)[group]
        return known.get(code, code) if code else known.get("none", NONE)

    def how_to_read(self, *, has_inspections: bool = False) -> list[list[str]]:
        """Pairs of a term and its explanation.

        Args:
            has_inspections: also of what inspections bring.
        """
        own = texts(self.code)
        return own["how"] + (own["how_inspections"] if has_inspections else [])

    def category(self, one: Category) -> Markup:
        """A category's name as HTML; what the catalogue does not know is said to be so."""
        if one.category == UNCATALOGUED:
            return escape(self.text("uncatalogued"))
        return self.marked(one.category_names, one.category)

    def category_name(self, one: Category) -> str:
        """A category's name as plain text."""
        if one.category == UNCATALOGUED:
            return self.text("uncatalogued")
        return self.name(one.category_names, one.category)

    def rectify_category(self, path: list[Category]) -> str | None:
        """The sentence for the category that took most from the inspections.

        Args:
            path: the worst root and, where it explains most of it, the category below.

        Returns:
            None when nothing failed.
        """
        if not path:
            return None
        one = path[-1]
        sentence = self.text(
            "rectify_category",
            name=self.text("below").join(self.category_name(step) for step in path),
            failed=number(one.items_failed),
            checked=number(one.items_checked),
            share=self.percent(one.weight_passed, one.weight_checked),
        )
        if overdue := one.nonconformities_overdue:
            late = self.text("rectify_overdue", n=number(overdue))
            sentence += f" {late}" if self.code == "en" else late
        return sentence

    def name(self, names: Mapping[str, str | None], code: str) -> str:
        """A thing's name as plain text: in this language, else in any it has, else its code."""
        return self._name(names, code)[0]

    def _name(self, names: Mapping[str, str | None], code: str) -> tuple[str, str | None]:
        for key in _NAME_KEYS[self.code]:
            if text := names.get(key):
                return visible(text), "zh-Hans" if key in _CHINESE else key
        for key, text in sorted(names.items()):
            if text:
                return visible(text), "zh-Hans" if key in _CHINESE else key
        return visible(code), None

    def marked(self, names: Mapping[str, str | None], code: str) -> Markup:
        """The name as HTML, with its own ``lang`` where it is not in the page's language."""
        text, language = self._name(names, code)
        if language is None or language == self.code:
            return escape(text)
        return Markup('<span lang="{}">{}</span>').format(language, text)

    def period(self, release: Release) -> str:
        """The period in words: ``January 2015``, ``2015年第一季度``."""
        year, start = release.period_start.year, release.period_start
        if release.period_kind == "month":
            return f"{_MONTHS[start.month - 1]} {year}" if self.code == "en" else f"{year}年{start.month}月"
        if release.period_kind == "quarter":
            quarter = (start.month - 1) // 3 + 1
            return f"Q{quarter} {year}" if self.code == "en" else f"{year}年第{_QUARTERS[quarter - 1]}季度"
        return str(year) if self.code == "en" else f"{year}年"

    def day(self, day: date) -> str:
        """``3 February 2015``, ``2015年2月3日``."""
        if self.code == "en":
            return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
        return f"{day.year}年{day.month}月{day.day}日"

    def month(self, day: date) -> str:
        """The month a day is in: ``February 2015``, ``2015年2月``."""
        return f"{_MONTHS[day.month - 1]} {day.year}" if self.code == "en" else f"{day.year}年{day.month}月"

    def days(self, days: Iterable[date], most: int = 6) -> str:
        """Days without their year, neighbours as a range: ``3–5 and 8 November``, ``11月3–5日、8日``.

        Args:
            days: in any order.
            most: ranges shown; what is beyond is counted.
        """
        ranges: list[list[date]] = []
        for day in sorted(set(days)):
            if ranges and ranges[-1][1] == day - timedelta(days=1):
                ranges[-1][1] = day
            else:
                ranges.append([day, day])
        shown = [
            self._range(first, last, ranges[n - 1][1] if n else None)
            for n, (first, last) in enumerate(ranges[:most])
        ]
        more = sum((last - first).days + 1 for first, last in ranges[most:])
        text = self.text("comma").join(shown)
        return text + (self.text("days_more", n=more) if more else "")

    def _range(self, first: date, last: date, before: date | None) -> str:
        is_within = first.month == last.month
        if self.code == "en":
            end = f"{last.day}\u00a0{_MONTHS[last.month - 1][:3]}"
            if first == last:
                return end
            return (
                f"{first.day}–{end}"
                if is_within
                else f"{first.day}\u00a0{_MONTHS[first.month - 1][:3]} – {end}"
            )
        start = f"{first.day}" if before and before.month == first.month else f"{first.month}月{first.day}"
        if first == last:
            return f"{start}日"
        return f"{start}–{last.day}日" if is_within else f"{start}日–{last.month}月{last.day}日"

    def hour(self, moment: datetime, zone: tzinfo) -> str:
        """Day without its year, and minute, on a zone's clock: ``8 Nov, 06:00``, ``11月8日 06:00``."""
        moment = moment.astimezone(zone)
        return f"{self.days([moment.date()])}{',' if self.code == 'en' else ''} {moment:%H:%M}"

    def moment(self, moment: datetime) -> str:
        """Day and minute in UTC, whatever the zone of the session that read it."""
        moment = moment.astimezone(UTC)
        return f"{self.day(moment.date())} {moment:%H:%M} UTC"

    def value(self, value: float | None, unit: str) -> str:
        """An indicator's value in its unit: ratios as percentages, long minutes as hours or days."""
        if value is None:
            return NONE
        if unit in ("ratio", "share", "fraction"):
            return number(100 * value, 1) + "%"
        if unit in ("percent", "pct"):
            return number(value, 1) + "%"
        if unit in ("minutes", "service_minutes", "calendar_minutes"):
            if abs(value) < 100:
                return self._with_unit(number(value), "minutes")
            if unit == "service_minutes" or abs(value) < 72 * 60:
                return self._with_unit(
                    number(value / 60, 1), "service_hours" if unit == "service_minutes" else "hours"
                )
            return self._with_unit(number(value / 1440, 1), "days")
        if unit in ("hours", "service_hours", "days"):
            return self._with_unit(number(value, 0 if float(value).is_integer() else 1), unit)
        digits = 0 if float(value).is_integer() else 2 if abs(value) < 10 else 1
        return self._with_unit(number(value, digits), unit)

    def _with_unit(self, figure: str, unit: str) -> str:
        name = self.label("units", unit)
        return f"{figure}\u202f{name}" if name else figure

    def percent(self, part: float, whole: float, digits: int = 1) -> str:
        """Part of whole as a percentage; an en dash when there is no whole."""
        return number(100 * part / whole, digits) + "%" if whole else NONE

    def why_unmeasured(self, indicator: Indicator) -> str:
        """Why an indicator has no points: how many cases there were, how many it needs."""
        if indicator.is_sample_sufficient:
            return self.text("not_measured")
        if not indicator.denominator:
            return self.text("not_measured_empty")
        need = number(indicator.minimum_sample)
        # A measure counted every day has ticket-days for a denominator: then the count says nothing.
        if indicator.sample >= indicator.minimum_sample:
            return self.text("not_measured_sample", need=need)
        return self.text("not_measured_because", n=number(indicator.sample), need=need)

    def incomplete(self, indicators: Iterable[Indicator]) -> str | None:
        """The footnote of indicators that stand without a delivery; None when all deliveries are in."""
        days = max((one.days_incomplete or 0 for one in indicators), default=0)
        return self.text("incomplete_note", n=number(days)) if days else None

    def rectify(self, indicators: list[Indicator], lost: Mapping[str, float]) -> list[str]:
        """Sentences for the three indicators that cost most, each with what would have met the target."""
        sentences = []
        ranked = sorted(indicators, key=lambda one: (-lost[one.indicator], one.position))
        for one in [one for one in ranked if lost[one.indicator] >= 0.05][:3]:
            sentence = self.text(
                "rectify_indicator",
                name=self.name(one.indicator_names, one.indicator),
                value=self.value(one.value, one.unit),
                target=self.value(one.target_value, one.unit),
                lost=number(lost[one.indicator], 1),
            )
            if cases := one.cases_to_target:
                more = self.text("rectify_cases", n=number(cases), of=number(one.denominator))
                sentence += f" {more}" if self.code == "en" else more
            sentences.append(sentence)
        return sentences
