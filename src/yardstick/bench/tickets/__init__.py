"""Tickets: service minutes against the weekly expansion, stays against DuckDB, builds against ten times the history."""

from __future__ import annotations

from yardstick.bench.landing import installation
from yardstick.bench.report import Report
from yardstick.bench.tickets import builds, minutes
from yardstick.bench.tickets.company import found

PARTS = ("minutes", "growth", "builds")


def run(scale: str, tickets: int | None = None, part: str | None = None) -> Report:
    """Measure the ratios.

    Args:
        scale: ``small`` or ``full``.
        tickets: how many; default those of the scale.
        part: ``minutes``, ``growth`` or ``builds``; default all.

    Raises:
        ValueError: when there is no such part.
    """
    if part not in (None, *PARTS):
        raise ValueError(f"there is no part {part!r}; there are {', '.join(PARTS)}")
    report = Report("tickets")
    if part in (None, "minutes"):
        with installation() as made:
            minutes.measure(found(made), tickets or minutes.SCALES[scale], minutes.ROUNDS[scale], report)
    if part in (None, "growth"):
        with installation() as made:
            minutes.grow(found(made), tickets or minutes.SCALES[scale], report)
    if part in (None, "builds"):
        builds.measure(tickets or builds.SCALES[scale], report)
    return report


__all__ = ["run"]
