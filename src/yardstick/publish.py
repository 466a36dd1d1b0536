"""Move an audited build's changed rows to where readers see them: one transaction per business day."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import date
from importlib import resources
from typing import Any

import psycopg
from psycopg import sql

from yardstick import quality, warehouse
from yardstick.doors import DOORS, Door
from yardstick.settings import Settings

GATES = ("staging", "facts")
_LOCK = 7_402_040


class PublishError(RuntimeError):
    """The build must not be published; the message says why."""


class PublishBusyError(PublishError):
    """Another publisher is at work."""


def move(settings: Settings, build_id: int) -> None:
    """Publish a build that passed its gates and mark its deliveries audited.

    Rows that did not change are not touched, so publishing again changes nothing. Days are published one
    by one: a crash leaves whole days, and the build stays dirty until its last day is in. How many rows were
    moved stands in ``ops.model_run``, stage ``publish``.

    Raises:
        PublishBusyError: when another publisher is at work; nothing was done.
        PublishError: when a gate has not passed the build.
    """
    url = settings.require_database_url()
    with warehouse.connect(url, name="yardstick-publish", autocommit=True) as connection, _alone(connection):
        _must_have_passed(connection, build_id)
        quality.note_days(connection, build_id)
        connection.execute("set work_mem = '128MB'")
        seconds = {door.name: _compare(connection, door, build_id) for door in DOORS}
        with connection.transaction():
            for door in DOORS:
                if door.day is None:
                    _apply(connection, door, None, is_present=True)
        for day, has_figures in _changed_days(connection):
            with connection.transaction():
                for door in DOORS:
                    if door.day is not None:
                        _apply(connection, door, day)
                if has_figures:
                    connection.execute(
                        "insert into publish.day (day, build_id) values (%s, %s) "
                        "on conflict (day) do update set build_id = excluded.build_id, published_at = now()",
                        [day, build_id],
                    )
        with connection.transaction():
            for door in reversed(DOORS):
                if door.day is None:
                    _apply(connection, door, None, is_present=False)
            connection.execute(
                "update ops.delivery set audited_build_id = %s where audited_build_id is null "
                "and delivery_id in (select delivery_id from ops.build_delivery where build_id = %s)",
                [build_id, build_id],
            )
            connection.execute(
                "update ops.build set status = 'audited', stage = 'publish', finished_at = now() "
                "where build_id = %s and status <> 'audited'",
                [build_id],
            )
            connection.execute(
                "insert into publish.day (day, build_id) select b.day, b.build_id from ops.build_day as b "
                "inner join ops.delivery as d on d.partition_date = b.day and d.entity = 'ticket' "
                "where b.build_id = %s group by b.day, b.build_id having bool_and(d.audited_build_id is not null) "
                "on conflict (day) do nothing",
                [build_id],
            )
            connection.cursor().executemany(
                "insert into ops.model_run (build_id, stage, node, status, seconds, rows_affected) "
                "values (%s, 'publish', %s, 'success', %s, %s)",
                [
                    (build_id, f"publish.{door.name}", seconds[door.name], _count(connection, door))
                    for door in DOORS
                ],
            )


def announce(settings: Settings, build_id: int | None, run_id: str) -> list[date]:
    """The days that are complete now and that somebody waits for; the same again when the run asks again.

    A day is complete when its tickets are audited and every delivery that is required of it is in and
    audited, or is carried on without because its deadline has passed.

    Args:
        settings: the installation.
        build_id: the build that was just published; None when there was nothing to build.
        run_id: the run that announces.

    Returns:
        Days that became complete, complete days that the build may have changed, and those whose missing
        delivery has come since; and every day of a month that is complete with them, because a roll-up waits
        for all of its days after each firing.

    Raises:
        PublishBusyError: when another publisher is at work.
    """
    url = settings.require_database_url()
    query = (resources.files("yardstick") / "announce.sql").read_bytes()
    with warehouse.connect(url, name="yardstick-publish") as connection, _alone(connection):
        days = connection.execute(query, {"build": build_id, "run": run_id}).fetchall()
        connection.commit()
    return [row[0] for row in days]


_STATUS = """
-- The days whose status can have changed: of late, of what was landed or built of late, or all of them.
with since as (
    select case
        when not exists (select from publish.delivery_status) then '-infinity'::date
        when exists (select from ops.source where registered_at > now() - interval '3 days') then '-infinity'::date
        else least(
            current_date - 100,
            (select min(d.partition_date) from ops.delivery as d where d.landed_at > now() - interval '3 days'),
            (select min(b.first_day) from ops.build as b where b.started_at > now() - interval '3 days'),
            (select min(l.period_start) from ops.deadline as l where l.applied_at > now() - interval '3 days')
        )
    end as first_day
),

status as (
    select
        d.source_id, d.entity, d.day, s.names as source_names, ops.projects_of(s.source_id) as projects,
        d.period_start, d.is_expected, d.is_required, d.if_missing, d.deadline_at, d.delivered_at, d.status,
        d.rows_landed, d.rows_rejected, d.file_count, d.refused_count
    from since
    cross join ops.delivery_status_between(since.first_day, 'infinity'::date) as d
    inner join ops.source as s on s.source_id = d.source_id
),

gone as (
    delete from publish.delivery_status as p
    where p.day >= (select first_day from since) and not exists (
        select from status as s where s.source_id = p.source_id and s.entity = p.entity and s.day = p.day
    )
)

insert into publish.delivery_status as p
select s.* from status as s
left join publish.delivery_status as o on o.source_id = s.source_id and o.entity = s.entity and o.day = s.day
where s is distinct from o
on conflict (source_id, entity, day) do update set
    (source_names, projects, period_start, is_expected, is_required, if_missing, deadline_at, delivered_at,
        status, rows_landed, rows_rejected, file_count, refused_count)
    = (excluded.source_names, excluded.projects, excluded.period_start, excluded.is_expected, excluded.is_required,
        excluded.if_missing, excluded.deadline_at, excluded.delivered_at, excluded.status, excluded.rows_landed,
        excluded.rows_rejected, excluded.file_count, excluded.refused_count)
"""


def delivery_status(settings: Settings) -> int:
    """Bring readers' copy of who has delivered what up to date.

    Returns:
        How many rows were written.
    """
    with warehouse.connect(settings.require_database_url(), name="yardstick-publish") as connection:
        return connection.execute(_STATUS).rowcount


@contextlib.contextmanager
def _alone(connection: psycopg.Connection[Any]) -> Iterator[None]:
    got = connection.execute("select pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    if got != (True,):
        holder = connection.execute(
            "select pid from pg_locks where locktype = 'advisory' and objid = %s and granted "
            "and database = (select oid from pg_database where datname = current_database())",
            [_LOCK],
        ).fetchone()
        raise PublishBusyError(
            f"another publisher is at work (server process {holder[0] if holder else 'gone by now'}); "
            "nothing was published here, run it again when that one is done"
        )
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.execute("select pg_advisory_unlock(%s)", [_LOCK])


def _must_have_passed(connection: psycopg.Connection[Any], build_id: int) -> None:
    verdicts = dict(
        connection.execute(
            "select gate, is_passed from ops.gate_verdict where build_id = %s", [build_id]
        ).fetchall()
    )
    for gate in GATES:
        if gate not in verdicts:
            raise PublishError(f"build {build_id} has no verdict of gate {gate}: run the gate first")
        if not verdicts[gate]:
            raise PublishError(f"build {build_id} failed gate {gate}: readers keep the last audited data")


def _compare(connection: psycopg.Connection[Any], door: Door, build_id: int) -> float:
    """Collect the rows that differ in a temporary table: one look, however many days the build has.

    Returns:
        Seconds it took.
    """
    started = time.monotonic()
    columns = _columns(connection, door)
    key = sql.SQL(", ").join(map(sql.Identifier, door.key))
    looked_at: sql.Composable = sql.SQL("")
    if door.day is not None:
        _note_keys(connection, door, build_id)
        looked_at = sql.SQL(" inner join {} using ({})").format(_looked_at(door), key)
    day: sql.Composable = sql.SQL("null::date")
    if door.day is not None:
        day = sql.SQL("coalesce(s.{0}, p.{0})").format(sql.Identifier(door.day))
    connection.execute(
        sql.SQL(
            "create temporary table {moved} as "
            "with source as (select {columns} from {source}{looked_at}), "
            "published as (select {columns} from publish.{name}{looked_at}) "
            "select {day} as moved_day, s.{first_key} is not null as is_present, "
            "p.{first_key} is not null as is_published, {both} "
            "from source as s full join published as p using ({key}) "
            "where row({source_row}) is distinct from row({published_row})"
        ).format(
            moved=_moved(door),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            source=sql.Identifier(*door.source),
            looked_at=looked_at,
            name=sql.Identifier(door.name),
            day=day,
            first_key=sql.Identifier(door.key[0]),
            key=key,
            both=sql.SQL(", ").join(
                sql.Identifier(column) if column in door.key else sql.Identifier("s", column)
                for column in columns
            ),
            source_row=sql.SQL(", ").join(sql.Identifier("s", column) for column in columns),
            published_row=sql.SQL(", ").join(sql.Identifier("p", column) for column in columns),
        )
    )
    if door.day is not None:
        connection.execute(sql.SQL("create index on {} (moved_day)").format(_moved(door)))
    connection.execute(sql.SQL("analyze {}").format(_moved(door)))
    return time.monotonic() - started


def _note_keys(connection: psycopg.Connection[Any], door: Door, build_id: int) -> None:
    """Collect the keys of the rows that can differ, each part by its own index.

    They are the rows of the build's days, as they are and as they are published (a row may have moved to
    another day), and those that the build's deliveries brought. What no delivery brought has nothing that
    tells of a change, and is always looked at.
    """
    in_days = sql.SQL("{} = any(array(select b.day from ops.build_day as b where b.build_id = {}))").format(
        sql.Identifier(door.day or ""), sql.Literal(build_id)
    )
    source, published = sql.Identifier(*door.source), sql.Identifier("publish", door.name)
    parts: list[tuple[sql.Identifier, sql.Composable]] = [(source, in_days), (published, in_days)]
    if door.has_lineage:
        by_delivery = sql.SQL(
            "delivery_id = any(array(select b.delivery_id from ops.build_delivery as b where b.build_id = {}))"
        ).format(sql.Literal(build_id))
        parts += [(source, by_delivery), (source, sql.SQL("delivery_id is null"))]
    key = sql.SQL(", ").join(map(sql.Identifier, door.key))
    connection.execute(
        sql.SQL("create temporary table {} as {}").format(
            _looked_at(door),
            sql.SQL(" union ").join(
                sql.SQL("select {} from {} where {}").format(key, relation, where)
                for relation, where in parts
            ),
        )
    )
    connection.execute(sql.SQL("analyze {}").format(_looked_at(door)))


def _columns(connection: psycopg.Connection[Any], door: Door) -> list[str]:
    found = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 "
        "and not attisdropped order by attnum",
        [f"publish.{door.name}"],
    )
    return [row[0] for row in found]


def _moved(door: Door) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"moved_{door.name}")


def _looked_at(door: Door) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"looked_at_{door.name}")


def _changed_days(connection: psycopg.Connection[Any]) -> list[tuple[date, bool]]:
    """The days with rows to move, and whether figures are among them."""
    union = sql.SQL(" union all ").join(
        sql.SQL("select moved_day, {} as is_figure from {}").format(sql.Literal(door.is_figure), _moved(door))
        for door in DOORS
        if door.day is not None
    )
    query = sql.SQL("select moved_day, bool_or(is_figure) from ({}) as moved group by 1 order by 1")
    return list(connection.execute(query.format(union)))


def _count(connection: psycopg.Connection[Any], door: Door) -> int:
    found = connection.execute(sql.SQL("select count(*) from {}").format(_moved(door))).fetchone()
    return int(found[0]) if found else 0


def _apply(
    connection: psycopg.Connection[Any], door: Door, day: date | None, *, is_present: bool | None = None
) -> None:
    """Replace the rows that differ, of one day or of a dimension; only the new or the gone if so told."""
    scope = sql.SQL("moved_day is not distinct from {}").format(sql.Literal(day))
    if day is not None:
        scope = sql.SQL("moved_day = {}").format(sql.Literal(day))
    if is_present is not None:
        scope += sql.SQL(" and is_present = {}").format(sql.Literal(is_present))
    key = sql.SQL(", ").join(map(sql.Identifier, door.key))
    connection.execute(
        sql.SQL(
            "delete from publish.{name} where ({key}) in "
            "(select {key} from {moved} where {scope} and is_published)"
        ).format(name=sql.Identifier(door.name), key=key, moved=_moved(door), scope=scope)
    )
    columns = _columns(connection, door)
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    connection.execute(
        sql.SQL(
            "insert into publish.{name} ({columns}) "
            "select {columns} from {moved} where {scope} and is_present"
        ).format(name=sql.Identifier(door.name), columns=listed, moved=_moved(door), scope=scope)
    )
