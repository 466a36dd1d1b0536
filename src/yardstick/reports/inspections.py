"""What inspections found, by category of standards: a project's tree, and the company's table of roots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

UNCATALOGUED = "uncatalogued"
RATE_INDICATOR = "inspection_pass_rate"
Standing = Literal["at-target", "at-floor", "below-floor", "open"]


@dataclass(frozen=True)
class Category:
    """One row of ``release.category``: one category at a project, with those below it."""

    release_id: str
    project_id: str
    category: str
    parent_category: str | None
    depth: int
    category_names: dict[str, str]
    items_checked: int
    items_passed: int
    weight_checked: float
    weight_passed: float
    pass_share: float | None
    full_points: float
    deducted_points: float
    findings: int
    nonconformities_open: int
    nonconformities_overdue: int
    position: int | None

    @property
    def items_failed(self) -> int:
        """Checked items that did not pass."""
        return self.items_checked - self.items_passed

    @property
    def weight_lost(self) -> float:
        """Weight of the failed items: what the category took from the pass rate."""
        return self.weight_checked - self.weight_passed


def worst_first(categories: Iterable[Category]) -> list[Category]:
    """Categories by what they took from the pass rate, then by what waits overdue."""
    return sorted(
        categories,
        key=lambda one: (
            -round(one.weight_lost, 9),
            -one.nonconformities_overdue,
            -one.nonconformities_open,
            one.position or 0,
            one.category,
        ),
    )


def roots(categories: Iterable[Category]) -> list[Category]:
    """The categories that have none above them, worst first."""
    return worst_first(one for one in categories if one.depth == 1)


def below(categories: Iterable[Category], category: str) -> list[Category]:
    """The categories right below one, worst first."""
    return worst_first(one for one in categories if one.parent_category == category)


def worst(categories: Sequence[Category]) -> list[Category]:
    """Where to look first: the worst root and, when it explains most of it, the worst category below.

    Returns:
        One or two categories, the root first; none when nothing failed.
    """
    found = roots(categories)[:1]
    if not found or found[0].items_failed == 0:
        return []
    return found + [
        one for one in below(categories, found[0].category)[:1] if one.weight_lost > found[0].weight_lost / 2
    ]


def standing(share: float | None, floor: float | None, target: float | None) -> Standing:
    """How a share of passed items stands against floor and target of the whole pass rate."""
    if share is None or floor is None or target is None:
        return "open"
    return "at-target" if share >= target else "at-floor" if share >= floor else "below-floor"
