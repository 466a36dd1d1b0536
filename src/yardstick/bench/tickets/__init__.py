"""Tickets: service minutes against the weekly expansion."""

from __future__ import annotations

from yardstick.bench.landing import installation
from yardstick.bench.report import Report
from yardstick.bench.tickets import minutes
from yardstick.bench.tickets.company import found


def run(scale: str, tickets: int | None = None) -> Report:
    """Measure every ratio.

    Args:
        scale: ``small`` or ``full``.
        tickets: how many; default those of the scale.
    """
    report = Report("tickets")
    with installation() as made:
        minutes.measure(found(made), tickets or minutes.SCALES[scale], minutes.ROUNDS[scale], report)
    return report


__all__ = ["run"]
