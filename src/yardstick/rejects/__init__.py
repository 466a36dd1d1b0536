"""Rejects and their life: what is rejected and why, exported for the site to correct, delivered again, read anew.

``listing`` and ``counts`` say what there is; ``export`` writes the workbook, ``redeliver`` lands it corrected;
``replay`` reads rows anew after a mapping was mended. A reject is never deleted: staging's account closes it
(``ops.reject.status``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from yardstick import warehouse
from yardstick.settings import Settings
from yardstick.sources.register import register
from yardstick.sources.site import Site

APPLICATION = "yardstick-rejects"


@dataclass(frozen=True)
class Which:
    """Which rejects are meant.

    Attributes:
        source_id: only this source's.
        entity: only this entity's.
        since: only those of business days from this one on.
        is_closed_too: also those that were replayed or superseded.
    """

    source_id: str | None = None
    entity: str | None = None
    since: date | None = None
    is_closed_too: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """What ``CONDITION`` asks for."""
        return {
            "source_id": self.source_id,
            "entity": self.entity,
            "since": self.since,
            "closed_too": self.is_closed_too,
        }


CONDITION = """
    (%(source_id)s::text is null or r.source_id = %(source_id)s)
    and (%(entity)s::text is null or r.entity = %(entity)s)
    and (%(since)s::date is null or r.partition_date >= %(since)s)
    and (%(closed_too)s or r.status = 'open')
"""


def counts(connection: psycopg.Connection[Any], which: Which) -> list[dict[str, Any]]:
    """Rows by source, entity and reason, most first; with the status where closed ones are asked for."""
    status = ", r.status" if which.is_closed_too else ""
    return warehouse.rows(
        connection,
        f"""
        select r.source_id, r.entity, r.field, r.rule{status},
            count(distinct (r.delivery_id, r.row_number)) as rows,
            min(r.partition_date) as first_day, max(r.partition_date) as last_day,
            (array_agg(r.reason order by r.delivery_id, r.row_number))[1] as example
        from ops.reject as r
        where {CONDITION}
        group by r.source_id, r.entity, r.field, r.rule{status}
        order by rows desc, r.source_id, r.entity, r.field, r.rule{status}
        """.encode(),  # noqa: S608 (only our own text is put together)
        which.parameters,
    )


def listing(connection: psycopg.Connection[Any], which: Which) -> list[dict[str, Any]]:
    """Every rejected field with its file and row; values of personal fields are not told."""
    return warehouse.rows(
        connection,
        f"""
        select r.source_id, r.entity, r.partition_date as day, d.file_name, r.row_number, r.key, r.field,
            r.value, r.rule, r.reason, r.status, r.first_found_at, r.closed_at
        from ops.reject as r
        inner join ops.delivery as d on d.delivery_id = r.delivery_id
        where {CONDITION}
        order by r.source_id, r.entity, r.delivery_id, r.row_number, r.field, r.rule
        """.encode(),  # noqa: S608 (only our own text is put together)
        which.parameters,
    )


@dataclass(frozen=True)
class Replay:
    """What the next build will read anew.

    Attributes:
        registered: sources whose site file says something new.
        without_file: sources with open rejects and no site file at hand; their mapping stays as it is.
        rows: by source and entity: deliveries, days and rejected rows.
    """

    registered: list[str]
    without_file: list[str]
    rows: list[dict[str, Any]]


def replay(settings: Settings, sites: list[Site], which: Which) -> Replay:
    """Register what site files say now, and mark the deliveries of open rejects dirty.

    Only sources that the warehouse knows are registered. The raw rows are never touched: the next build
    reads them by the present mapping and contracts, and closes what is right now.

    Args:
        settings: the installation.
        sites: the site files.
        which: whose rejects; closed ones are left alone.
    """
    with warehouse.connect(settings.require_database_url(), name=APPLICATION) as connection:
        known = {row[0] for row in connection.execute("select source_id from ops.source")}
        ours = [
            site for site in sites if site.source_id in known and which.source_id in (None, site.source_id)
        ]
        registered = [site.source_id for site in ours if register(connection, site)]
        open_only = Which(which.source_id, which.entity, which.since)
        connection.execute(
            f"""
            update ops.delivery as d set audited_build_id = null
            where d.audited_build_id is not null and d.delivery_id in (
                select r.delivery_id from ops.reject as r where {CONDITION}
            )
            """.encode(),  # noqa: S608 (only our own text is put together)
            open_only.parameters,
        )
        connection.commit()
        found = warehouse.rows(
            connection,
            """
            select d.source_id, d.entity, count(*) as deliveries, count(distinct d.partition_date) as days,
                min(d.partition_date) as first_day, max(d.partition_date) as last_day,
                coalesce(sum(r.rows), 0)::bigint as rejected_rows
            from ops.delivery as d
            left join (
                select delivery_id, count(distinct row_number) as rows from ops.reject
                where status = 'open' group by delivery_id
            ) as r on r.delivery_id = d.delivery_id
            where d.audited_build_id is null
            group by d.source_id, d.entity
            order by d.source_id, d.entity
            """,
        )
        with_rejects = {
            row[0]
            for row in connection.execute(
                f"select distinct r.source_id from ops.reject as r where {CONDITION}".encode(),  # noqa: S608
                open_only.parameters,
            )
        }
    return Replay(registered, sorted(with_rejects - {site.source_id for site in sites}), found)
