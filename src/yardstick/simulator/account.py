"""What must become of every row: the simulator's own, plain model of staging.

Versions of a key follow each other in the order of deliveries and of rows in them. A version with a fault
is rejected; one that repeats the version before it is a duplicate; the last one stands, and those before
it are superseded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from yardstick.simulator.tables import Delivery, Planted, Table


@dataclass
class Account:
    """Rows of one entity from one source, by what must become of them.

    Attributes:
        source_id: the source.
        entity: the entity.
        deliveries: how many deliveries bring them.
        counts: rows ``landed``, ``staged``, ``superseded``, ``rejected`` and ``duplicate``.
        planted: every planted fault, its delivery, row number and outcome filled in, in order; with the
            text of its key.
    """

    source_id: str
    entity: str
    deliveries: int
    counts: Counter[str]
    planted: list[tuple[Planted, str]] = field(repr=False, default_factory=list)


def settle(table: Table, delivered: Iterable[Delivery]) -> Account:
    """Follow every row to its end.

    Args:
        table: what is delivered.
        delivered: its deliveries, in order.
    """
    account = Account(table.source_id, table.entity, 0, Counter())
    counts = account.counts
    mapped = tuple(form.index for form in table.forms)
    key_places = table.key
    has_moment = table.moment_column is not None
    standing: dict[tuple[Any, ...], tuple[tuple[Any, ...], Planted | None]] = {}
    for delivery in delivered:
        account.deliveries += 1
        counts["landed"] += len(delivery.rows)
        for number, row in enumerate(delivery.rows, start=table.first_row):
            planted = row.planted
            if planted is not None:
                planted.delivery, planted.row_number = delivery.name, number
                account.planted.append((planted, "/".join(str(row.cells[place]) for place in key_places)))
                if planted.rule:
                    planted.outcome = planted.rule
                    counts["rejected"] += 1
                    continue
            cells = row.cells
            key = tuple([cells[place] for place in key_places])
            content = tuple([cells[place] for place in mapped])
            if has_moment:
                content += (row.moment,)
            before = standing.get(key)
            if before is None:
                counts["staged"] += 1
            elif before[0] == content:
                counts["duplicate"] += 1
                if planted is not None:
                    planted.outcome = "duplicate"
                continue
            else:
                counts["superseded"] += 1
                if before[1] is not None:
                    before[1].outcome = "superseded"
            if planted is not None:
                planted.outcome = "staged"
            standing[key] = (content, planted)
    return account
