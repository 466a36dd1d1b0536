"""Verdicts on standards and inspectors: what the statistics mean under the release's thresholds.

Many standards are judged at once, so a verdict asks for a p-value adjusted for their number: Benjamini & Hochberg's
(JRSS B 57, 1995) for standards, Holm's (Scand. J. Statistics 6, 1979) for inspectors, where a name is at stake.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize, stats
from scipy.special import expit
from statsmodels.stats.multitest import multipletests

from yardstick.suitability.checks import NOBODY, Checks, Floats
from yardstick.suitability.fits import Estimate, Limits, Part, Share, examine, share
from yardstick.suitability.levels import Levels, fit, weighted_median

VERDICTS = ("too_strict", "too_lax", "does_not_discriminate", "too_little_data", "fine")
UNFIT = VERDICTS[:3]
_POWER = 0.8


@dataclass(frozen=True)
class Thresholds:
    """The block ``suitability`` of a standards release.

    Attributes:
        confidence: of every interval.
        error_rate: share of false findings that is put up with.
        minimum_checks: with fewer checks a standard is not judged.
        minimum_failures: failures, and passes, that an item-response fit asks for.
        best_quarter_passes: a standard that the best quarter passes less often is too strict.
        passes_at_least: a standard passed so often ...
        surely_passes: ... and surely more often than this is too lax.
        discriminates_below: a standard whose discrimination is less than this share of the typical one's ...
        surely_below: ... and surely less than this share does not discriminate.
        inspector_checks: with fewer checks an inspector is not judged.
        inspector_odds: odds of passing, against the median inspector's, that are still usual.
        drift_points: change of a pass rate over the span that is worth a line, in percentage points.
    """

    confidence: float
    error_rate: float
    minimum_checks: int
    minimum_failures: int
    best_quarter_passes: float
    passes_at_least: float
    surely_passes: float
    discriminates_below: float
    surely_below: float
    inspector_checks: int
    inspector_odds: float
    drift_points: float

    @classmethod
    def of(cls, block: Mapping[str, Any]) -> Thresholds:
        """The thresholds of a release's block ``suitability``, which the schema has checked."""
        return cls(
            confidence=block["confidence"],
            error_rate=block["error_rate"],
            minimum_checks=block["minimum_checks"],
            minimum_failures=block["minimum_failures"],
            best_quarter_passes=block["too_strict"]["best_quarter_passes_below"],
            passes_at_least=block["too_lax"]["passes_at_least"],
            surely_passes=block["too_lax"]["surely_above"],
            discriminates_below=block["does_not_discriminate"]["below"],
            surely_below=block["does_not_discriminate"]["surely_below"],
            inspector_checks=block["inspectors"]["minimum_checks"],
            inspector_odds=block["inspectors"]["odds_ratio"],
            drift_points=block["drift"]["points"],
        )


@dataclass(frozen=True)
class Judgement:
    """One standard's statistics and what they come to.

    Attributes:
        part: the statistics; discrimination is a share of the typical standard's.
        is_veto: failing it vetoes an inspection: that it is always passed is as it should be.
        verdict: one of ``VERDICTS``.
        reason: what decided: of ``too_little_data`` ``checks``, ``failures`` or ``unclear``; of ``fine``
            ``discriminates`` or ``veto``; else the verdict itself.
        chance: adjusted p-value behind an unfit verdict; None for the others.
        checks_needed: further checks with which the discrimination could be told; None when not asked.
        drift_chance: adjusted p-value of no drift.
        is_drifting: whether the drift is sure and large enough for a line.
    """

    part: Part
    is_veto: bool
    verdict: str
    reason: str
    chance: float | None
    checks_needed: int | None
    drift_chance: float | None
    is_drifting: bool


@dataclass(frozen=True)
class Inspector:
    """One inspector's leniency.

    Attributes:
        person_id: who.
        rate: checks passed.
        expected_rate: pass rate that a middling inspector would have found at these projects and standards.
        projects: projects seen.
        leniency: log odds against the median inspector.
        shrunken: the same, drawn towards the median as far as it is uncertain.
        chance: adjusted p-value of being no more than usually lax or strict.
        verdict: ``lax``, ``strict``, ``usual`` or ``too_little_data``.
    """

    person_id: str
    rate: Share
    expected_rate: float
    projects: int
    leniency: Estimate
    shrunken: Estimate
    chance: float
    verdict: str


@dataclass(frozen=True)
class Findings:
    """Everything that was found.

    Attributes:
        standards: every standard over all grades, by code.
        by_grade: every standard at every grade, by code and grade.
        inspectors: by leniency, the laxest first.
        rate: all checks.
        projects: projects checked.
        spread: standard deviation of projects' levels in log odds of the typical standard: what there is to tell.
    """

    standards: tuple[Judgement, ...]
    by_grade: tuple[Judgement, ...]
    inspectors: tuple[Inspector, ...]
    rate: Share
    projects: int
    spread: float


def judge(
    checks: Checks, vetoes: Collection[str], thresholds: Thresholds, *, by_grade: bool = True
) -> Findings:
    """Fit, test and judge.

    Args:
        checks: at least one.
        vetoes: codes of standards with a veto.
        thresholds: of the release.
        by_grade: also judge every standard at every project grade.

    Raises:
        ValueError: without any check.
    """
    levels = fit(checks)
    limits = Limits(
        thresholds.confidence,
        thresholds.minimum_failures,
        thresholds.best_quarter_passes,
        thresholds.surely_passes,
    )
    whole: list[Part] = []
    graded: list[Part] = []
    order = np.argsort(checks.standard, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(checks.standard[order])) + 1):
        level = levels.without(rows)
        whole.append(examine(checks, rows, level, levels.leniency, limits, None))
        for place, grade in enumerate(checks.grades if by_grade else ()):
            own = checks.grade[rows] == place
            if own.any():
                graded.append(examine(checks, rows[own], level[own], levels.leniency, limits, grade))
    typical = typical_slope([part.discrimination for part in whole if part.discrimination])
    spread = math.sqrt(sum(one**2 for one in levels.spread)) * typical
    judged = [
        _judge([_scaled(part, typical) for part in parts], vetoes, thresholds, spread)
        for parts in (whole, graded)
    ]
    return Findings(
        standards=judged[0],
        by_grade=judged[1],
        inspectors=_inspectors(levels, thresholds),
        rate=share(checks.passed.sum(), checks.checked.sum(), thresholds.confidence),
        projects=len(checks.projects),
        spread=spread,
    )


def typical_slope(slopes: Sequence[Estimate]) -> float:
    """The median of the standards' slopes, each counting by its information; unmoved by a few unfit ones.

    Returns:
        1 where no standard could be fitted or the median is not above 0: then there is no typical one.
    """
    if not slopes:
        return 1.0
    middle = weighted_median(
        np.array([one.value for one in slopes]), np.array([one.error**-2.0 for one in slopes])
    )
    return middle if middle > 0 else 1.0


def _scaled(part: Part, typical: float) -> Part:
    """The part with its discrimination as a share of the typical standard's."""
    if part.discrimination is None:
        return part
    one = part.discrimination
    return replace(
        part,
        discrimination=Estimate(
            one.value / typical, one.error / typical, one.low / typical, one.high / typical, one.degrees
        ),
    )


def adjusted(chances: Sequence[float], method: str) -> list[float]:
    """p-values adjusted for their number."""
    return [float(one) for one in multipletests(chances, method=method)[1]] if len(chances) else []


def _judge(
    parts: Sequence[Part], vetoes: Collection[str], thresholds: Thresholds, spread: float
) -> tuple[Judgement, ...]:
    told = [part for part in parts if part.rate.checked >= thresholds.minimum_checks]
    fitted = [part for part in told if part.discrimination]
    drifting = [part for part in told if part.drift]

    def corrected(which: Sequence[Part], chances: Sequence[float]) -> dict[int, float]:
        return dict(zip(map(id, which), adjusted(chances, "fdr_bh"), strict=True))

    strict = corrected(told, [part.chance_passable for part in told])
    lax = corrected(told, [part.chance_failable for part in told])
    flat = corrected(
        fitted,
        [
            part.discrimination.chance_if(thresholds.surely_below, above=False)
            for part in fitted
            if part.discrimination
        ],
    )
    drift = corrected(drifting, [part.drift.chance_if_zero() for part in drifting if part.drift])

    def verdict(part: Part) -> tuple[str, str, float | None]:
        is_veto = part.standard in vetoes
        if id(part) not in strict:
            return "too_little_data", "checks", None
        if strict[id(part)] < thresholds.error_rate:
            return "too_strict", "too_strict", strict[id(part)]
        slope = part.discrimination
        is_telling = slope is not None and slope.low > 0 and slope.value >= thresholds.discriminates_below
        if (
            not is_veto
            and not is_telling
            and lax[id(part)] < thresholds.error_rate
            and (part.rate_fair or 0) >= thresholds.passes_at_least
        ):
            return "too_lax", "too_lax", lax[id(part)]
        if (
            slope is not None
            and slope.value < thresholds.discriminates_below
            and flat[id(part)] < thresholds.error_rate
        ):
            return "does_not_discriminate", "does_not_discriminate", flat[id(part)]
        if is_telling and (part.rate_best.value or 0) >= thresholds.best_quarter_passes:
            return "fine", "discriminates", None
        if is_veto and (part.rate.value or 0) >= thresholds.passes_at_least:
            return "fine", "veto", None
        return "too_little_data", "failures" if slope is None else "unclear", None

    found = []
    for part in parts:
        name, reason, chance = verdict(part)
        drift_chance = drift.get(id(part))
        found.append(
            Judgement(
                part=part,
                is_veto=part.standard in vetoes,
                verdict=name,
                reason=reason,
                chance=chance,
                checks_needed=_needed(part, spread, thresholds) if name == "too_little_data" else None,
                drift_chance=drift_chance,
                is_drifting=drift_chance is not None
                and drift_chance < thresholds.error_rate
                and abs(part.drift_points or 0) >= thresholds.drift_points,
            )
        )
    return tuple(sorted(found, key=lambda one: (one.part.standard, one.part.grade or "")))


def _needed(part: Part, spread: float, thresholds: Thresholds) -> int | None:
    """Further checks until a typical standard of this pass rate would be told to discriminate, four times in five.

    The slope's variance after n checks is 1 / (n · p · (1 − p) · variance of the levels), the level being known
    (Hsieh, Bloch & Larsen, Statistics in Medicine 17, 1998); what was lost so far to uncertain levels and
    inspectors will be lost again.
    """
    checked = part.rate.checked
    if not checked or spread <= 0:
        return None
    error = 1 / (float(stats.norm.ppf((1 + thresholds.confidence) / 2)) + float(stats.norm.ppf(_POWER)))
    if part.discrimination:
        wanted = checked * (part.discrimination.error / error) ** 2
    else:
        rate = (part.rate.passed + 0.5) / (checked + 1)
        wanted = 1 / (error**2 * rate * (1 - rate) * spread**2)
    wanted = max(wanted, thresholds.minimum_checks)
    return math.ceil(wanted - checked) if wanted > checked else None


def _inspectors(levels: Levels, thresholds: Thresholds) -> tuple[Inspector, ...]:
    checks = levels.checks
    expected = _expected_of_the_median(levels)
    reach = float(stats.norm.ppf((1 + thresholds.confidence) / 2))
    usual = math.log(thresholds.inspector_odds)
    count = len(checks.inspectors)
    checked = checks.by(checks.inspector, count, checks.checked)
    passed = checks.by(checks.inspector, count, checks.passed)
    told = [
        place
        for place, person_id in enumerate(checks.inspectors)
        if person_id != NOBODY and checked[place] >= thresholds.inspector_checks
    ]
    if len(told) < 2:
        told = []  # there is nobody to be compared with
    value, error = levels.leniency, levels.leniency_error
    # a minimum-effect test: usual differences are no finding, however surely they are there
    chances = [float(stats.norm.sf((abs(value[place]) - usual) / error[place])) for place in told]
    corrected = dict(zip(told, adjusted([min(1.0, one) for one in chances], "holm"), strict=True))
    between = variance_between(value[told], error[told])
    found = []
    for place, person_id in enumerate(checks.inspectors):
        if person_id == NOBODY:
            continue
        chance = corrected.get(place, 1.0)
        verdict = "usual" if place in corrected else "too_little_data"
        if chance < thresholds.error_rate:
            verdict = "lax" if value[place] > 0 else "strict"
        weight = between / (between + error[place] ** 2) if between else 0.0
        found.append(
            Inspector(
                person_id=person_id,
                rate=share(passed[place], checked[place], thresholds.confidence),
                expected_rate=float(expected[place] / checked[place]),
                projects=len(np.unique(checks.project[checks.inspector == place])),
                leniency=_normal(float(value[place]), float(error[place]), reach),
                shrunken=_normal(
                    float(weight * value[place]), float(math.sqrt(weight) * error[place]), reach
                ),
                chance=chance,
                verdict=verdict,
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.leniency.value, one.person_id)))


def _expected_of_the_median(levels: Levels) -> Floats:
    """Passes of every inspector's checks, had the median inspector made them."""
    checks = levels.checks
    chance = expit(levels.score - levels.leniency[checks.inspector])
    return checks.by(checks.inspector, len(checks.inspectors), checks.checked * chance)


def variance_between(values: Floats, errors: Floats) -> float:
    """Variance of true values around 0 behind uncertain ones (Paule & Mandel, J. Research NBS 87, 1982).

    The median being the origin, all values count for degrees of freedom but one.
    """
    if len(values) < 2:
        return 0.0

    def excess(at: float) -> float:
        return float((values**2 / (errors**2 + at)).sum()) - (len(values) - 1)

    return float(optimize.brentq(excess, 0, 100)) if excess(0) > 0 else 0.0


def _normal(value: float, error: float, reach: float) -> Estimate:
    return Estimate(value, error, value - reach * error, value + reach * error, math.inf)
