"""One language of the suitability pages: texts, figures and the sentence behind every verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from yardstick.reports.language import NONE, Language, number
from yardstick.standards import Release
from yardstick.suitability.fits import Estimate, Share
from yardstick.suitability.verdicts import UNFIT, Findings, Judgement, Thresholds

LANGUAGES = ("zh-Hans", "en")
_TEXTS = Path(__file__).parent / "texts"
_FEW = 3
"""Inspectors of whom the odd one can be told."""


@cache
def texts(code: str) -> dict[str, Any]:
    """The message file of one language."""
    return yaml.safe_load((_TEXTS / f"{code}.yml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Named:
    """What a standard is called: by language its name and the names of its categories, the root first."""

    names: Mapping[str, str]
    categories: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Review:
    """Everything the pages say.

    Attributes:
        first: first day looked at.
        last: last day.
        release: the standards release in force on the last day, whose thresholds were used.
        thresholds: its block ``suitability``.
        named: names of every standard checked.
        findings: what was found.
    """

    first: date
    last: date
    release: Release
    thresholds: Thresholds
    named: Mapping[str, Named]
    findings: Findings

    @property
    def unfit(self) -> list[Judgement]:
        """Standards unfit over all grades, by verdict, the most checked first."""
        found = [one for one in self.findings.standards if one.verdict in UNFIT]
        return sorted(
            found, key=lambda one: (UNFIT.index(one.verdict), -one.part.rate.checked, one.part.standard)
        )

    @property
    def unfit_at_grade(self) -> list[Judgement]:
        """Standards that are unfit at a grade and not over all."""
        over_all = {one.part.standard for one in self.unfit}
        return [
            one
            for one in self.findings.by_grade
            if one.verdict in UNFIT and one.part.standard not in over_all
        ]

    @property
    def drifting(self) -> list[Judgement]:
        """Standards whose pass rate drifts, the largest change first."""
        found = [one for one in self.findings.standards if one.is_drifting]
        return sorted(found, key=lambda one: (-abs(one.part.drift_points or 0), one.part.standard))


@dataclass(frozen=True)
class Words:
    """One language: ``zh-Hans`` or ``en``."""

    code: str

    def text(self, key: str, /, **values: object) -> str:
        """The message ``key`` (``a.b`` looks into a group) with ``{values}`` put in; plural by the value ``n``.

        Raises:
            KeyError: for a message that the language file lacks.
        """
        message: Any = texts(self.code)
        for part in key.split("."):
            message = message[part]
        if isinstance(message, dict):
            message = message["one" if values.get("n") in (1, "1") else "other"]
        return str(message).format(**values) if values else str(message)

    def name(self, review: Review, standard: str) -> str:
        """A standard's name; its code when no release names it."""
        known = review.named.get(standard)
        return Language(self.code).name(known.names, standard) if known else standard

    def category(self, review: Review, standard: str) -> str:
        """The names of a standard's categories below the root, or of the root where there is nothing below."""
        known = review.named.get(standard)
        if not known:
            return ""
        path = [Language(self.code).name(names, "") for names in known.categories]
        return " / ".join(path)

    def day(self, day: date) -> str:
        """A day in words."""
        return Language(self.code).day(day)

    def percent(self, value: float | None, digits: int = 0) -> str:
        """A share as a percentage; of one near 0 or 1 a digit more, so that 99.6 % is not 100 %."""
        if value is None:
            return NONE
        if digits == 0 and 0 < min(value, 1 - value) < 0.015:
            digits = 1
        return number(100 * value, digits) + "%"

    def span(self, share: Share) -> str:
        """A pass rate's interval."""
        return f"{self.percent(share.low)}–{self.percent(share.high)}"

    def estimate(self, one: Estimate | None) -> tuple[str, str]:
        """An estimate and its interval, two digits; dashes for none."""
        if one is None:
            return NONE, ""
        return number(one.value, 2), f"{number(one.low, 2)} – {number(one.high, 2)}"

    def said(self, one: Judgement, thresholds: Thresholds) -> str:
        """What the figures of a standard say, in one or two sentences."""
        part = one.part
        slope = part.discrimination
        sentence = self.text(
            f"said.{one.reason}",
            checked=number(part.rate.checked),
            failed=number(part.rate.checked - part.rate.passed),
            minimum=number(thresholds.minimum_checks),
            best=self.percent(part.rate_best.value),
            best_low=self.percent(part.rate_best.low),
            best_high=self.percent(part.rate_best.high),
            worst=self.percent(part.rate_worst.value),
            discrimination=self.percent(max(0.0, slope.value)) if slope else NONE,
            low=self.percent(max(0.0, slope.low)) if slope else NONE,
            high=self.percent(max(0.0, slope.high)) if slope else NONE,
            surely=self.percent(thresholds.surely_below),
        )
        if one.checks_needed:
            more = self.text("said.needed", n=number(_rounded(one.checks_needed)))
            sentence += f" {more}" if self.code == "en" else more
        return sentence

    def todo(self, one: Judgement) -> str:
        """What to do about an unfit standard; nothing for the others."""
        return self.text(f"todo.{one.verdict}") if one.verdict in UNFIT else ""

    def summary(self, review: Review) -> list[str]:
        """The findings in a few sentences."""
        findings, text = review.findings, self.text
        count = {
            verdict: sum(one.verdict == verdict for one in findings.standards)
            for verdict in (*UNFIT, "fine", "too_little_data")
        }
        unfit, everything = len(review.unfit), number(len(findings.standards))
        parts = [
            text(f"counted.{verdict}", n=number(n)) for verdict, n in count.items() if n and verdict in UNFIT
        ]
        fine = number(count["fine"])
        first = (
            text("summary.unfit", unfit=unfit, all=everything, parts=self.listed(parts), fine=fine)
            if unfit
            else text("summary.nothing_unfit", fine=fine, all=everything)
        )
        unclear = count["too_little_data"]
        sentences = [
            first,
            text("summary.too_little", n=number(unclear)) if unclear else text("summary.too_little_none"),
            *([text("summary.chance", rate=self.percent(review.thresholds.error_rate))] if unfit else []),
            *self._about_inspectors(findings),
        ]
        drifting = len(review.drifting)
        sentences.append(
            text("summary.drift", n=number(drifting)) if drifting else text("summary.drift_none")
        )
        return sentences

    def _about_inspectors(self, findings: Findings) -> list[str]:
        if not findings.inspectors:
            return []
        judged = [one for one in findings.inspectors if one.verdict != "too_little_data"]
        parts = [
            self.text(f"summary.{verdict}", ids=self.listed(ids))
            for verdict in ("lax", "strict")
            if (ids := [one.person_id for one in judged if one.verdict == verdict])
        ]
        if not parts:
            return [self.text("summary.inspectors_none")]
        said = [
            self.text(
                "summary.inspectors",
                parts=("; " if self.code == "en" else "；").join(parts),
                all=number(len(findings.inspectors)),
            )
        ]
        return [*said, self.text("summary.inspectors_few")] if len(judged) < _FEW else said

    def listed(self, parts: Sequence[str]) -> str:
        """One after the other."""
        return self.text("comma").join(parts)

    def how(self, thresholds: Thresholds) -> list[tuple[str, str]]:
        """Terms and what they mean, with the release's thresholds."""
        values = {
            "best": self.percent(thresholds.best_quarter_passes),
            "lax": self.percent(thresholds.passes_at_least),
            "sure": self.percent(thresholds.surely_passes),
            "below": self.percent(thresholds.discriminates_below),
            "surely": self.percent(thresholds.surely_below),
            "rate": self.percent(thresholds.error_rate),
        }
        return [(term, meaning.format(**values)) for term, meaning in texts(self.code)["how_list"]]


def _rounded(count: int) -> int:
    """A number of checks to two figures: more is not known."""
    digits = max(0, math.floor(math.log10(count)) - 1) if count > 0 else 0
    return int(math.ceil(count / 10**digits) * 10**digits)


def odds(log_odds: float) -> str:
    """Log odds as an odds ratio."""
    ratio = math.exp(log_odds)
    return number(ratio, 2 if ratio < 10 else 1)
