"""How good each project was and how lenient each inspector, read from all standards together.

A Rasch model with facets (Linacre, *Many-Facet Rasch Measurement*, 1989): the log odds that a check is passed are

    ease of the standard + leniency of the inspector + level of the project, of its function, and of its month

with the levels as normal random effects, so that a project seen little is drawn towards the middle. Fitted by
penalised quasi-likelihood (Breslow & Clayton, JASA 88, 1993), the variances by Schall's rule (Biometrika 78,
1991). Projects meet only through standards and inspectors, so the equations are solved project by project
(Schur complement) and the cost grows with the number of projects, not with its cube.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, logit

from yardstick.suitability.checks import Checks, Floats, Whole

_STEPS = 60
_TOLERANCE = 1e-6
_WIDE = 9.0
"""Variance of the prior of standards and inspectors: so wide that only those without a failure notice."""
_NARROWEST = 1e-4


@dataclass(frozen=True)
class Levels:
    """The fit.

    Attributes:
        checks: what it was fitted to.
        ease: of every standard: log odds that a middling project passes it before a middling inspector.
        leniency: of every inspector, in log odds, against the median of the inspectors (by information).
        leniency_error: its standard error, inspections that go together taken into account.
        effects: of every project: its level, what its functions add, what its months add; in log odds.
        spread: standard deviations of the three, in log odds.
        dispersion: how much more the results of an inspector's visits vary than the model says; at least 1.
        systems: of every project: the penalised information of its effects.
    """

    checks: Checks
    ease: Floats
    leniency: Floats
    leniency_error: Floats
    effects: Floats
    spread: tuple[float, float, float]
    dispersion: float
    systems: Floats

    @cached_property
    def score(self) -> Floats:
        """Log odds of passing for every row of the checks."""
        checks = self.checks
        levels = self.effects[checks.project[:, None], _columns(checks)].sum(axis=1)
        score: Floats = self.ease[checks.standard] + self.leniency[checks.inspector] + levels
        return score

    def without(self, rows: Whole) -> Floats:
        """The level of each row's project, function and month, told by all other rows.

        One Newton step from the fit, with these rows taken out: exact to first order (Pregibon, Annals of
        Statistics 9, 1981), and these rows are a small part of every project's.

        Args:
            rows: places of the rows left out, those of one standard.

        Returns:
            One level per row, in log odds; 0 is the middle of the company. Being drawn towards the middle as far
            as they are uncertain, the levels may serve as regressors (regression calibration: Carroll et al.,
            *Measurement Error in Nonlinear Models*, 2006, ch. 4).
        """
        checks = self.checks
        chance = expit(self.score[rows])
        project, columns = checks.project[rows], _columns(checks)[rows]
        weight = checks.checked[rows] * chance * (1 - chance)
        residual = checks.passed[rows] - checks.checked[rows] * chance
        systems = self.systems.copy()
        gradient = np.zeros_like(self.effects)
        for one in columns.T:
            np.add.at(gradient, (project, one), -residual)
            for other in columns.T:
                np.add.at(systems, (project, one, other), -weight)
        effects = self.effects + np.linalg.solve(systems, gradient[..., None])[..., 0]
        levels: Floats = effects[project[:, None], columns].sum(axis=1)
        return levels


def _columns(checks: Checks) -> Whole:
    """Places of a row's three effects among its project's."""
    functions = len(checks.functions)
    return np.stack(
        [np.zeros(len(checks), dtype=np.int64), 1 + checks.function, 1 + functions + checks.month], axis=1
    )


def fit(checks: Checks) -> Levels:
    """Fit the model.

    Args:
        checks: at least one row.

    Raises:
        ValueError: without any check.
    """
    if not len(checks):
        raise ValueError("no check with a result in these days")
    standards, inspectors = len(checks.standards), len(checks.inspectors)
    functions, months = len(checks.functions), len(checks.months)
    kinds = np.repeat([0, 1, 2], [1, functions, months])
    columns = _columns(checks)
    border = np.stack([checks.standard, standards + checks.inspector], axis=1)
    width, size = 1 + functions + months, standards + inspectors

    passed = checks.by(checks.standard, standards, checks.passed)
    checked = checks.by(checks.standard, standards, checks.checked)
    middle = float(logit((passed.sum() + 0.5) / (checked.sum() + 1)))
    centre = np.concatenate([np.full(standards, middle), np.zeros(inspectors)])
    shared = np.concatenate([logit((passed + 0.5) / (checked + 1)), np.zeros(inspectors)])
    effects = np.zeros((len(checks.projects), width))
    variances = np.array([0.25, 0.05, 0.05])

    for _ in range(_STEPS):
        system = _system(checks, columns, border, shared, effects, centre, variances[kinds], size)
        step, shared_step, spreads, covariance = system.solve()
        scale = min(1.0, 4.0 / max(np.abs(shared_step).max(), np.abs(step).max(), 1e-9))
        effects, shared = effects + scale * step, shared + scale * shared_step
        before = variances
        variances = _schall(effects, spreads, variances, kinds)
        moved = max(np.abs(shared_step).max(), np.abs(step).max(), np.abs(variances - before).max())
        if moved < _TOLERANCE:
            break
    system = _system(checks, columns, border, shared, effects, centre, variances[kinds], size)
    *_, spreads, covariance = system.solve()

    information = checks.by(checks.inspector, inspectors, system.weight)
    leniency = shared[standards:]
    shift = weighted_median(leniency, information)
    effective = float((1 - spreads / variances[kinds]).sum()) + inspectors
    dispersion = _dispersion(checks, system, effective)
    return Levels(
        checks=checks,
        ease=shared[:standards] + shift,
        leniency=leniency - shift,
        leniency_error=_contrast_errors(covariance[standards:, standards:], information)
        * np.sqrt(dispersion),
        effects=effects,
        spread=(float(variances[0] ** 0.5), float(variances[1] ** 0.5), float(variances[2] ** 0.5)),
        dispersion=dispersion,
        systems=system.blocks,
    )


@dataclass(frozen=True)
class _System:
    """The equations of one Newton step: a block per project, all bordered by what projects share."""

    blocks: Floats
    crossing: Floats
    corner: Floats
    gradient: Floats
    shared_gradient: Floats
    weight: Floats
    chance: Floats

    def solve(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Steps of effects and of the shared, variances of the effects, covariance of the shared."""
        inverse = np.linalg.inv(self.blocks)
        reduced = inverse @ self.crossing
        schur = self.corner - np.einsum("pkb,pkc->bc", self.crossing, reduced, optimize=True)
        covariance = np.linalg.inv(schur)
        shared = covariance @ (self.shared_gradient - np.einsum("pkb,pk->b", reduced, self.gradient))
        step = np.einsum("pkl,pl->pk", inverse, self.gradient) - reduced @ shared
        spreads = np.einsum("pkk->pk", inverse) + np.einsum(
            "pkb,bc,pkc->pk", reduced, covariance, reduced, optimize=True
        )
        return step, shared, spreads, covariance


def _system(
    checks: Checks,
    columns: Whole,
    border: Whole,
    shared: Floats,
    effects: Floats,
    centre: Floats,
    variances: Floats,
    size: int,
) -> _System:
    projects, width = effects.shape
    project = checks.project
    score = shared[border].sum(axis=1) + effects[project[:, None], columns].sum(axis=1)
    chance: Floats = expit(score)
    weight = checks.checked * chance * (1 - chance)
    residual = checks.passed - checks.checked * chance

    def total(shape: tuple[int, ...], places: list[Whole], values: Floats) -> Floats:
        flat = np.ravel_multi_index(tuple(places), shape)
        sums: Floats = np.bincount(flat, weights=values, minlength=int(np.prod(shape))).astype(np.float64)
        return sums.reshape(shape)

    blocks = np.zeros((projects, width, width))
    crossing = np.zeros((projects, width, size))
    corner = np.diag(np.full(size, 1 / _WIDE))
    gradient = -effects / variances
    shared_gradient = -(shared - centre) / _WIDE
    for one in columns.T:
        gradient += total((projects, width), [project, one], residual)
        for other in columns.T:
            blocks += total((projects, width, width), [project, one, other], weight)
        for other in border.T:
            crossing += total((projects, width, size), [project, one, other], weight)
    for one in border.T:
        shared_gradient += total((size,), [one], residual)
        for other in border.T:
            corner += total((size, size), [one, other], weight)
    blocks += np.diag(1 / variances)
    return _System(blocks, crossing, corner, gradient, shared_gradient, weight, chance)


def _schall(effects: Floats, spreads: Floats, variances: Floats, kinds: Whole) -> Floats:
    """Variance of each kind of effect: its squares by its effective number (Schall 1991, eq. 3.2)."""
    found = np.empty_like(variances)
    for kind, variance in enumerate(variances):
        own = kinds == kind
        effective = float((1 - spreads[:, own] / variance).sum())
        squares = float((effects[:, own] ** 2).sum())
        found[kind] = max(squares / max(effective, 1e-9), _NARROWEST) if effective > 1e-6 else _NARROWEST
    return np.minimum(found, _WIDE)


def weighted_median(values: Floats, weights: Floats) -> float:
    """The weighted median; of two middles the mean."""
    order = np.argsort(values)
    until = np.cumsum(weights[order]) / weights.sum()
    low = values[order][int(np.searchsorted(until, 0.5 - 1e-12))]
    high = values[order][min(int(np.searchsorted(until, 0.5 + 1e-12)), len(values) - 1)]
    return float((low + high) / 2)


def _contrast_errors(covariance: Floats, information: Floats) -> Floats:
    """Standard errors against the mean of the inspectors, weighted by information.

    Alone, an inspector's leniency is tied to the ease of all standards; only differences are known.
    """
    share = information / information.sum()
    contrast = np.eye(len(share)) - share[None, :]
    return np.sqrt(np.einsum("ij,jk,ik->i", contrast, covariance, contrast))


def _dispersion(checks: Checks, system: _System, effective: float) -> float:
    """Pearson's chi-square by its degrees of freedom (McCullagh & Nelder, *Generalized Linear Models*, 1989, 4.5).

    By visits, that is checks of an inspector at a project in a month: what one visit finds hangs together.

    Args:
        checks: what was fitted.
        system: the fit's last equations.
        effective: effective number of parameters fitted.
    """
    visit = np.unique(
        np.stack([checks.inspector, checks.project, checks.month], axis=1), axis=0, return_inverse=True
    )[1].ravel()
    residual = np.bincount(visit, weights=checks.passed - checks.checked * system.chance)
    weight = np.bincount(visit, weights=system.weight)
    known = weight > 1  # a visit that could hardly fail says nothing
    degrees = known.sum() - effective
    return max(1.0, float((residual[known] ** 2 / weight[known]).sum()) / degrees) if degrees > 1 else 1.0
