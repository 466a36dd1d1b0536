"""One standard's statistics: pass rate, agreement with the rest, item-response fit, drift.

Everything is asked of the standard against a level that was told by all *other* standards (``Levels.without``), so
no standard is measured by itself.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats
from scipy.special import expit, logit
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.stats.proportion import proportion_confint
from statsmodels.tools.sm_exceptions import ModelWarning

from yardstick.suitability.checks import Checks, Flags, Floats, Whole

DAYS_OF_MONTH = 30.4375
_FEWEST_PROJECTS = 5
_FEWEST_MONTHS = 3
_QUARTER = 0.25
_ENDLESS = 30.0
"""Log odds that only a fit without an end comes to: failures and passes wholly apart."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its standard error and interval."""

    value: float
    error: float
    low: float
    high: float
    degrees: float

    def chance_if(self, bound: float, *, above: bool) -> float:
        """One-sided p-value of the hypothesis that the truth is on the far side of a bound.

        Args:
            bound: the hypothesis' limit.
            above: the evidence sought is for a value above the bound; else for one below.
        """
        if self.error <= 0:
            return 1.0
        distance = (self.value - bound) / self.error
        return float(stats.t.sf(distance if above else -distance, self.degrees))

    def chance_if_zero(self) -> float:
        """Two-sided p-value of the hypothesis that the truth is 0."""
        return min(1.0, 2 * min(self.chance_if(0, above=True), self.chance_if(0, above=False)))


@dataclass(frozen=True)
class Share:
    """Passed by checked, with Wilson's interval (JASA 22, 1927)."""

    passed: float
    checked: float
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """The pass rate; None without any check."""
        return self.passed / self.checked if self.checked else None


@dataclass(frozen=True)
class Part:
    """What is known of one standard, of all projects or those of one grade.

    Attributes:
        standard: its code.
        grade: service grade of the projects; None for all.
        projects: projects where it was checked.
        rate: its checks.
        rate_best: the quarter of its checks made where the rest was best.
        rate_worst: the quarter made where the rest was worst.
        rate_fair: pass rate that a middling inspector would have found; None without any check.
        chance_passable: p-value of the hypothesis that before a middling inspector the best quarter passes it
            as often as it must.
        chance_failable: p-value of the hypothesis that it is failed as often as it must before a middling inspector.
        agreement: corrected item-total correlation.
        ease: item-response fit: log odds that a middling project passes it before a middling inspector.
        discrimination: item-response fit: slope on the level of the rest; 1 is the typical standard's.
        drift: of all grades together: change of the log odds per month beyond what levels and inspectors explain.
        drift_points: the drift over the span, as percentage points of the pass rate at a middling project.
    """

    standard: str
    grade: str | None
    projects: int
    rate: Share
    rate_best: Share
    rate_worst: Share
    rate_fair: float | None
    chance_passable: float
    chance_failable: float
    agreement: Estimate | None
    ease: Estimate | None
    discrimination: Estimate | None
    drift: Estimate | None
    drift_points: float | None


def share(passed: float, checked: float, confidence: float) -> Share:
    """A pass rate with its interval; 0 to 1 without any check."""
    if not checked:
        return Share(0, 0, 0, 1)
    low, high = proportion_confint(passed, checked, alpha=1 - confidence, method="wilson")
    return Share(float(passed), float(checked), float(low), float(high))


def agreement(
    beyond: Floats, checked: Floats, level: Floats, project: Whole, confidence: float
) -> Estimate | None:
    """Correlation of a standard's results with the level of the rest, the item left out.

    The corrected item-total correlation (Henrysson, Psychometrika 28, 1963), between what a check gave beyond
    what its inspector would give a middling project, and the level told by all other standards. The interval is
    the delete-one-project jackknife's on Fisher's z (Miller, Biometrika 61, 1974): checks of one project hang
    together.

    Args:
        beyond: passed checks of every row, less those that its inspector would have passed at a middling project.
        checked: checks of every row.
        level: level of every row.
        project: project of every row.
        confidence: of the interval.

    Returns:
        The correlation; its error is that of Fisher's z. None where nothing varies.
    """
    known = np.unique(project)
    if len(known) < _FEWEST_PROJECTS:
        return None
    place = np.searchsorted(known, project)
    mean = beyond / checked
    moments = np.stack(
        [
            np.bincount(place, weights=weights)
            for weights in (
                checked, checked * level, checked * level**2, beyond, beyond * level, checked * mean**2
            )
        ]
    )  # fmt: skip
    whole = moments.sum(axis=1, keepdims=True)
    all_together = _correlation(whole)[0]
    if not math.isfinite(all_together):
        return None
    left_out = _correlation(whole - moments)
    if not np.isfinite(left_out).all():
        return None
    count = len(known)
    middle = math.atanh(max(-0.999, min(0.999, all_together)))
    others = np.arctanh(np.clip(left_out, -0.999, 0.999))
    error = math.sqrt((count - 1) / count * float(((others - others.mean()) ** 2).sum()))
    reach = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * error
    return Estimate(all_together, error, math.tanh(middle - reach), math.tanh(middle + reach), count - 1)


def _correlation(moments: Floats) -> Floats:
    n, x, xx, y, xy, yy = moments
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = (xy - x * y / n) / np.sqrt((xx - x * x / n) * (yy - y * y / n))
    return found


def regress(
    passed: Floats,
    checked: Floats,
    columns: list[Floats],
    offset: Floats,
    project: Whole,
    confidence: float,
) -> list[Estimate] | None:
    """Logistic regression of a standard's results, errors clustered by project.

    With the level of the rest as regressor this is the two-parameter logistic model (Birnbaum, in Lord & Novick
    1968, ch. 17) in slope-intercept form, calibrated on fixed levels (Stocking, *Scale drift in on-line
    calibration*, 1988, method A). The errors are the larger of the model's and the sandwich's (Liang & Zeger,
    Biometrika 73, 1986), which is too small where few projects hold the failures; t with projects − 1 degrees of
    freedom (Cameron & Miller, J. Human Resources 50, 2015).

    Args:
        passed: passed checks of every row.
        checked: checks of every row.
        columns: regressors.
        offset: log odds known beforehand: the inspector's leniency.
        project: project of every row.
        confidence: of the intervals.

    Returns:
        Estimates of the intercept and of each column's slope; None where the fit has no end.
    """
    count = len(np.unique(project))
    if count < _FEWEST_PROJECTS:
        return None
    design = np.column_stack([np.ones(len(passed)), *columns])
    model = GLM(np.column_stack([passed, checked - passed]), design, Binomial(), offset=offset)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", ModelWarning)
        fitted = model.fit(maxiter=50, cov_type="cluster", cov_kwds={"groups": project})
    if not fitted.converged or not np.isfinite(fitted.params).all() or np.abs(fitted.params).max() > _ENDLESS:
        return None
    errors = np.fmax(np.sqrt(np.diag(fitted.normalized_cov_params)), fitted.bse)
    if not np.isfinite(errors).all():
        return None
    reach = float(stats.t.ppf((1 + confidence) / 2, count - 1))
    return [
        Estimate(float(value), float(error), float(value - reach * error), float(value + reach * error), count - 1)
        for value, error in zip(fitted.params, errors, strict=True)
    ]  # fmt: skip


def fair_rate(passed: Floats, checked: Floats, leniency: Floats) -> float | None:
    """The pass rate that, shifted by each inspector's leniency, gives the passes seen.

    A logistic regression with the leniency as offset and nothing but an intercept.

    Args:
        passed: passed checks of every row.
        checked: checks of every row.
        leniency: of every row's inspector, in log odds.
    """
    total, seen = float(checked.sum()), float(passed.sum())
    if not total:
        return None
    if seen in (0.0, total):
        return seen / total
    return float(
        expit(optimize.brentq(lambda at: float((checked * expit(at + leniency)).sum()) - seen, -40, 40))
    )


def chance_passable(passed: Floats, checked: Floats, leniency: Floats, rate: float) -> float:
    """p-value, one-sided, of the hypothesis that at least ``rate`` pass before a middling inspector.

    The score test of a standardised rate; with one inspector it is the test that Wilson's interval inverts.
    """
    chance = expit(logit(rate) + leniency)
    spread = math.sqrt(float((checked * chance * (1 - chance)).sum()))
    if not spread:
        return 1.0
    return float(stats.norm.cdf((float(passed.sum()) - float((checked * chance).sum())) / spread))


def chance_failable(failed: Floats, checked: Floats, leniency: Floats, rate: float) -> float:
    """p-value, one-sided, of the hypothesis that no more than ``rate`` pass before a middling inspector.

    Failures against those expected, by Poisson (Breslow & Day, *Statistical Methods in Cancer Research* II, 1987,
    ch. 2): a pass given by an inspector who passes everything counts for next to nothing.
    """
    expected = float((checked * expit(-(logit(rate) + leniency))).sum())
    return float(stats.poisson.cdf(round(float(failed.sum())), expected)) if expected else 1.0


@dataclass(frozen=True)
class Limits:
    """What the fits have to know of the release's thresholds.

    Attributes:
        confidence: of every interval.
        fewest: failures, and passes, that an item-response fit asks for.
        best_pass: a standard that the best quarter passes less often is too strict.
        sure_pass: a standard passed more often than this, surely, is too lax.
    """

    confidence: float
    fewest: int
    best_pass: float
    sure_pass: float


def examine(
    checks: Checks, rows: Whole, level: Floats, leniency: Floats, limits: Limits, grade: str | None
) -> Part:
    """Everything about one standard.

    Args:
        checks: all checks.
        rows: places of the standard's rows, at least one.
        level: level of the rest for these rows.
        leniency: of every inspector, by place.
        limits: what it is held against.
        grade: the grade that the rows are of; None for all.
    """
    checked, passed, project = checks.checked[rows], checks.passed[rows], checks.project[rows]
    failed = checked - passed
    offset = leniency[checks.inspector[rows]]
    best, worst = quarters(level, checked)

    def rate(own: Flags) -> Share:
        return share(float(passed[own].sum()), float(checked[own].sum()), limits.confidence)

    found = agreed = drifted = points = None
    if min(passed.sum(), failed.sum()) >= limits.fewest:
        found = regress(passed, checked, [level], offset, project, limits.confidence)
    if found:
        beyond = passed - checked * expit(found[0].value + offset)
        agreed = agreement(beyond, checked, level, project, limits.confidence)
        if grade is None:
            drifted, points = _drift(checks, rows, level, offset, limits.confidence)
    return Part(
        standard=checks.standards[int(checks.standard[rows[0]])],
        grade=grade,
        projects=len(np.unique(project)),
        rate=rate(np.ones(len(rows), dtype=bool)),
        rate_best=rate(best),
        rate_worst=rate(worst),
        rate_fair=fair_rate(passed, checked, offset),
        chance_passable=chance_passable(passed[best], checked[best], offset[best], limits.best_pass),
        chance_failable=chance_failable(failed, checked, offset, limits.sure_pass),
        agreement=agreed,
        ease=found[0] if found else None,
        discrimination=found[1] if found else None,
        drift=drifted,
        drift_points=points,
    )


def _drift(
    checks: Checks, rows: Whole, level: Floats, offset: Floats, confidence: float
) -> tuple[Estimate | None, float | None]:
    """Slope on time beside the level of the rest, and what it makes of the pass rate over the span."""
    starts = np.array([(month - checks.months[0]).days / DAYS_OF_MONTH for month in checks.months])
    month = starts[checks.month[rows]]
    if len(np.unique(month)) < _FEWEST_MONTHS:
        return None, None
    checked, passed = checks.checked[rows], checks.passed[rows]
    month = month - np.average(month, weights=checked)
    fitted = regress(passed, checked, [level, month], offset, checks.project[rows], confidence)
    if fitted is None:
        return None, None
    ease, _level, slope = fitted
    first, last = (expit(ease.value + slope.value * end) for end in (month.min(), month.max()))
    return slope, float(100 * (last - first))


def quarters(level: Floats, weight: Floats) -> tuple[Flags, Flags]:
    """The quarter of the checks with the highest level, and the one with the lowest; rows are not split.

    Args:
        level: of every row.
        weight: checks of every row.
    """
    order = np.argsort(level, kind="stable")
    until = np.cumsum(weight[order]) / weight.sum()
    low, high = np.zeros(len(level), dtype=bool), np.zeros(len(level), dtype=bool)
    low[order[until <= _QUARTER]] = True
    high[order[until - weight[order] / weight.sum() >= 1 - _QUARTER]] = True
    return high, low
