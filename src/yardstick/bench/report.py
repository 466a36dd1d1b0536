"""How a benchmark measures and what it tells."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("apache-airflow", "dbt-core", "great-expectations", "pandas", "psycopg", "dlt")


@dataclass
class Report:
    """The outcome of one benchmark.

    Attributes:
        name: of the benchmark.
        sizes: what was worked on, in counts.
        ratios: by name, ``a_vs_b``: how many times as fast a is as b, or a's time over b's for times.
        details: the seconds of every run behind the ratios, and what was checked.
    """

    name: str
    sizes: dict[str, Any] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, values: Sequence[float]) -> None:
        """A ratio of several runs: their median, and beside it the least and the greatest."""
        self.ratios[name] = statistics.median(values)
        self.details.setdefault("spread", {})[name] = [round(min(values), 3), round(max(values), 3)]

    def divide(self, name: str, longer: Sequence[float], shorter: Sequence[float]) -> None:
        """A ratio of runs that did not take turns: of their medians, and the farthest apart that two of them are."""
        self.ratios[name] = statistics.median(longer) / statistics.median(shorter)
        self.details.setdefault("spread", {})[name] = [
            round(min(longer) / max(shorter), 3),
            round(max(longer) / min(shorter), 3),
        ]

    def as_json(self) -> dict[str, Any]:
        """The report with the machine and the versions it was made on."""
        return {
            "name": self.name,
            "machine": machine(),
            "sizes": self.sizes,
            "ratios": {name: round(value, 3) for name, value in self.ratios.items()},
            "details": self.details,
        }

    def print(self, path: Path | None) -> None:
        """Print the ratios for a person and write the JSON when asked to."""
        whole = self.as_json()
        print(f"{self.name}: {', '.join(f'{name} {value}' for name, value in self.sizes.items())}")
        for name, value in whole["ratios"].items():
            print(f"  {name:<40}{value:>10.3f}")
        for name, value in self.details.items():
            print(f"    {name}: {value}")
        print(
            f"  on {whole['machine']['cpu']}, {whole['machine']['cores']} cores, {whole['machine']['system']}"
        )
        if path:
            path.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """What it ran on."""
    cpu = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def alternate(
    sides: Mapping[str, Callable[[int], None]], repeats: int, say: Callable[[str], None] | None = None
) -> dict[str, list[float]]:
    """Time several ways of doing the same, taking turns so that a noisy moment hits all of them.

    Args:
        sides: what to do by name; told the number of the repeat, from 0.
        repeats: how often each is done; one more, untimed, goes before for the first side's caches.
        say: told about every run.

    Returns:
        Seconds of every run by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(repeats):
        for name, work in sides.items():
            began = time.perf_counter()
            work(repeat)
            seconds[name].append(time.perf_counter() - began)
            if say:
                say(f"{name}, run {repeat + 1} of {repeats}: {seconds[name][-1]:.2f} s")
    return seconds


def median_ratio(numerator: list[float], denominator: list[float]) -> float:
    """The median of the ratios of runs that took turns."""
    return statistics.median(a / b for a, b in zip(numerator, denominator, strict=True))


def progress(text: str) -> None:
    """One line of news on stderr."""
    print(f"  … {text}", file=sys.stderr, flush=True)
