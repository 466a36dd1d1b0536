"""Benchmarks: speed as ratios against a named peer or limit, measured in the same run on the same machine.

Nothing imports it but ``scripts/bench``. Every benchmark first checks that both sides did the same work.
"""

from yardstick.bench.report import Report, alternate

__all__ = ["Report", "alternate"]
