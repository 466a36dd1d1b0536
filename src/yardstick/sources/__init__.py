"""Sources: what a site system is, and the connectors that fetch what it delivers.

``site`` says what a source is, ``site_file`` reads the YAML, ``register`` writes it to the ledger;
``files``, ``rest`` and ``database`` are the connectors, of one shape (``delivery.Connector``).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from yardstick.sources.delivery import Connector

CONNECTORS = ("files", "rest", "database")
"""What a site file may name; ``correction`` reads rejects that come back corrected."""


def connector(name: str) -> Connector:
    """The connector of a name; loaded when first asked for, since each brings its own library."""
    if name not in (*CONNECTORS, "correction"):
        raise ValueError(f"{name!r} is not a connector; there are {', '.join(CONNECTORS)}")
    return cast("Connector", import_module(f"yardstick.sources.{name}"))
