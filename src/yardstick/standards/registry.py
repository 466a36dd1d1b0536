"""The measures that indicators may name, registered where they are produced: with the dbt models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from yardstick.settings import project_root
from yardstick.standards.files import Loader

_MODELS = "dbt_project/models/appraisal"


@dataclass(frozen=True)
class Measure:
    """What the daily models count.

    Attributes:
        measure: code.
        kind: ``count``, or ``histogram`` of durations in minutes.
        is_stock: counted at the end of every day, so that one ticket counts on many days.
        part_of: the measure that this one is a share of; empty when of none.
        dimensions: what it can be filtered by.
        entities: the entities it is counted from; without one of their deliveries it is incomplete.
    """

    measure: str
    kind: str
    is_stock: bool
    part_of: tuple[str, ...]
    dimensions: frozenset[str]
    entities: tuple[str, ...]


@dataclass(frozen=True)
class Registry:
    """The measures, and the durations (minutes) at which a histogram can be cut exactly."""

    measures: Mapping[str, Measure]
    exact_minutes: frozenset[int]


def registry(root: Path | None = None) -> Registry:
    """The measures that the dbt models produce, from the models' own descriptions.

    Args:
        root: the checkout; default ``settings.project_root()``.
    """
    folder = (root or project_root()) / _MODELS
    measures: dict[str, Measure] = {}
    exact: set[int] = set()
    for path in sorted(folder.glob("_*__models.yml")):
        for model in _models(path):
            meta = model.get("config", {}).get("meta", {})
            exact.update(meta.get("exact_minutes", []))
            for code, entry in meta.get("measures", {}).items():
                measures[code] = Measure(
                    code,
                    meta["measure_kind"],
                    entry.get("stock", False),
                    tuple(entry.get("part_of", [])),
                    frozenset(entry["dimensions"]),
                    tuple(entry.get("entities", meta.get("entities", []))),
                )
    return Registry(measures, frozenset(exact))


def _models(path: Path) -> list[dict[str, Any]]:
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506 - a SafeLoader
    models: list[dict[str, Any]] = content["models"]
    return models
