"""The days that the facts gate judges."""

from __future__ import annotations

from typing import Any

import psycopg


def note_days(connection: psycopg.Connection[Any], build_id: int) -> None:
    """Write down the business days a build may have changed, in ``ops.build_day``.

    A build that failed after its facts leaves them to its successor, which finds nothing changed there: the
    days of the builds that failed since the last audited one count too.
    """
    connection.execute(
        "insert into ops.build_day (build_id, day) "
        "select %(build)s, d.partition_date from ops.build_delivery b "
        "inner join ops.delivery d on d.delivery_id = b.delivery_id "
        "where b.build_id = %(build)s and d.entity = 'ticket' "
        "union "
        "select %(build)s, day from intermediate.int_days__affected where build_id = %(build)s "
        "union "
        "select %(build)s, f.day from ops.build_day f "
        "where f.build_id < %(build)s and f.build_id > coalesce(("
        " select max(a.build_id) from ops.build a where a.status = 'audited' and a.build_id < %(build)s), 0) "
        "on conflict do nothing",
        {"build": build_id},
    )
