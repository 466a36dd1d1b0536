"""Deadlines of deliveries: which have passed without the delivery, and the rule that is applied then.

A deadline is judged only after somebody has looked for the delivery since it passed, so that what lies ready
is never called late. Whether a deadline has passed is asked of ``ops.expected_deliveries``; what was done about
it stands in ``ops.deadline``. docs/decisions/0018 says why Airflow's own deadline alerts cannot do this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from yardstick.errors import BadInputError

WATCHED = timedelta(days=62)
"""How far back `watch` looks: a month's delivery is due weeks after its first day."""


class LateDeliveriesError(BadInputError):
    """Required deliveries are not there although their deadline has passed; the message names each."""


@dataclass(frozen=True)
class Late:
    """A delivery that is not there although its deadline has passed.

    Attributes:
        source_id: who has to deliver.
        entity: what.
        period_start: first day it stands for.
        period_end: last day it stands for.
        deadline_at: when it had to be there.
        rule: ``wait``, or ``carry_on``: days are taken as complete without it.
        is_required: days wait for it, or are marked incomplete without it.
        is_alerted: somebody has been told.
        is_new: this run has applied the rule.
    """

    source_id: str
    entity: str
    period_start: date
    period_end: date
    deadline_at: datetime
    rule: str
    is_required: bool
    is_alerted: bool
    is_new: bool

    @property
    def is_red(self) -> bool:
        """A run must not look finished: a required delivery is waited for, or was given up just now."""
        return self.is_required and (self.rule == "wait" or self.is_new)


_APPLY = """
insert into ops.deadline (
    source_id, entity, period_start, period_end, deadline_at, rule, is_required, is_dated, run_id
)
select
    e.source_id, e.entity, e.period_start, e.period_end, e.deadline_at, e.if_missing, e.is_required, e.is_dated,
    %(run)s
from ops.expected_deliveries(%(first)s, %(last)s) as e
where
    e.status = 'missing'
    and exists (
        select from ops.look as l
        where
            l.source_id = e.source_id and l.entity = e.entity and l.looked_at >= e.deadline_at
            -- of days before we waited nothing is known until the source has answered
            and (not e.is_history or l.outcome in ('done', 'refused'))
    )
on conflict (source_id, entity, period_end, period_start) do update
set
    rule = excluded.rule, is_required = excluded.is_required, applied_at = now(), run_id = excluded.run_id,
    alerted_at = null
where ops.deadline.rule <> excluded.rule or ops.deadline.is_required <> excluded.is_required
"""

_LATE = """
select
    d.source_id, d.entity, d.period_start, d.period_end, d.deadline_at, d.rule, d.is_required,
    d.alerted_at is not null as is_alerted,
    d.run_id is not distinct from %(run)s as is_new
from ops.deadline as d
inner join ops.source as s on s.source_id = d.source_id
inner join ops.expected as e on e.source_id = d.source_id and e.entity = d.entity
where
    (d.rule = 'wait' or d.run_id is not distinct from %(run)s or d.alerted_at is null)
    and ops.delivered_at(d.source_id, d.entity, d.is_dated, d.period_end, s.time_zone) is null
order by d.source_id, d.entity, d.period_end
"""


def apply(
    connection: psycopg.Connection[Any],
    run_id: str,
    first_day: date = date.min,
    last_day: date = date.max,
) -> list[Late]:
    """Apply the rule to every deadline that has passed without its delivery; safe to repeat. The caller commits.

    Args:
        connection: to the warehouse.
        run_id: who asks, for the ledger.
        first_day: first day of the range that is judged.
        last_day: last day of it.

    Returns:
        What is waited for, and what this run carries on without; by source, entity and day.
    """
    connection.execute(_APPLY, {"run": run_id, "first": first_day, "last": last_day})
    with connection.cursor(row_factory=class_row(Late)) as cursor:
        return cursor.execute(_LATE, {"run": run_id}).fetchall()


def skip(connection: psycopg.Connection[Any], source_id: str, entity: str, day: date, reason: str) -> None:
    """Go on without one delivery, whatever its rule says, because a person decides so. The caller commits.

    Args:
        connection: to the warehouse.
        source_id: who did not deliver.
        entity: what.
        day: the day it stands for; of a month, any of its days.
        reason: why; kept in the ledger.

    Raises:
        ValueError: when nothing is missing there.
    """
    found = connection.execute(
        "insert into ops.deadline (source_id, entity, period_start, period_end, deadline_at, rule, is_required, "
        "is_dated, run_id, alerted_at, reason) "
        "select e.source_id, e.entity, e.period_start, e.period_end, e.deadline_at, 'carry_on', e.is_required, "
        "e.is_dated, 'by hand', now(), %(reason)s "
        "from ops.expected_deliveries(%(day)s, %(day)s) as e "
        "where e.source_id = %(source)s and e.entity = %(entity)s and e.status = 'missing' "
        "and %(day)s between e.period_start and e.period_end "
        "on conflict (source_id, entity, period_end, period_start) do update set rule = excluded.rule, "
        "applied_at = now(), run_id = excluded.run_id, alerted_at = now(), reason = excluded.reason",
        {"source": source_id, "entity": entity, "day": day, "reason": reason},
    )
    if found.rowcount == 0:
        raise ValueError(
            f"{source_id} {entity}: nothing is missing for {day}; see yardstick deliveries --late"
        )


def mark_alerted(connection: psycopg.Connection[Any], told: Sequence[Late]) -> None:
    """Write down that somebody was told, so that nobody is told twice. The caller commits."""
    connection.cursor().executemany(
        "update ops.deadline set alerted_at = now() where alerted_at is null "
        "and (source_id, entity, period_start, period_end) = (%s, %s, %s, %s)",
        [(one.source_id, one.entity, one.period_start, one.period_end) for one in told],
    )


def overdue(connection: psycopg.Connection[Any]) -> tuple[list[str], datetime] | None:
    """Sources that nobody has looked at since a deadline of theirs passed without the delivery.

    Returns:
        The sources, and the latest of these deadlines; None when there are none.
    """
    rows = connection.execute(
        "select e.source_id, max(e.deadline_at) from ops.expected_deliveries(current_date - %s, current_date) as e "
        "where e.status = 'missing' and e.rule is null and not e.is_history and not exists ("
        " select from ops.look as l"
        " where l.source_id = e.source_id and l.entity = e.entity and l.looked_at >= e.deadline_at) "
        "group by e.source_id order by e.source_id",
        [WATCHED.days],
    ).fetchall()
    return ([row[0] for row in rows], max(row[1] for row in rows)) if rows else None


def describe(late: Sequence[Late]) -> list[str]:
    """One line per source and entity, for a task's error: what is missing since when, and what follows."""
    found: dict[tuple[str, str, str], list[Late]] = {}
    for one in late:
        found.setdefault((one.source_id, one.entity, one.rule), []).append(one)
    lines = []
    for (source_id, entity, rule), missing in found.items():
        days = [
            one.period_end.isoformat() if one.period_start == one.period_end else f"{one.period_end:%Y-%m}"
            for one in missing
        ]
        shown = ", ".join(days[:5]) + (f" and {len(days) - 5} more" if len(days) > 5 else "")
        follows = "its days are marked incomplete" if rule == "carry_on" else "its days wait"
        lines.append(
            f"{source_id} {entity}: nothing for {shown}; due {missing[-1].deadline_at:%Y-%m-%d %H:%M} UTC"
            f"{', ' + follows if missing[0].is_required else ''}"
        )
    return lines
