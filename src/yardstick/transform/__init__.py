"""Run dbt, one `dbt build` per stage, and keep the ledger of what it built.

A build takes on every dirty delivery in one go: `plan_build` → `stage` → (gate) → `facts` → (gate); the
periods are scored by `score`. One dbt run at a time writes a stage; what a killed run left behind in the
server is ended by name before the next one starts.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg

from yardstick import privacy, staging_models, warehouse
from yardstick.contracts import Contract, load_contracts
from yardstick.periods import period_bounds
from yardstick.settings import Settings

OnEvent = Callable[[str, str], None]

_LOCKS = {"yardstick-dbt": warehouse.STAGING_LOCK, "yardstick-dbt-score": warehouse.SCORE_LOCK}
_PLAN_LOCK = 7_402_012

_OLDEST, _NEWEST = date.min, date.max


class TransformError(RuntimeError):
    """A model or test failed; the message names it and says what the server said."""


class ReconciliationError(TransformError):
    """A delivery's rows do not add up; the message names the delivery and the counts."""


@dataclass(frozen=True)
class Build:
    """What one run of the build took on.

    Attributes:
        build_id: its id in ``ops.build``.
        delivery_ids: the deliveries, in order.
        first_day: first partition date among them.
        last_day: last partition date among them.
    """

    build_id: int
    delivery_ids: tuple[int, ...]
    first_day: date
    last_day: date


def plan_build(settings: Settings, run_id: str | None) -> Build | None:
    """Take on everything that no audited build has covered.

    Deliveries that hold rows rejected for a reference nobody had delivered are taken on again as soon as
    rows of the entity it names arrive; an arrival in which one key came twice with different content is
    judged whole.

    Args:
        settings: the installation.
        run_id: who asks, for the ledger.

    Returns:
        The build, or None when nothing is dirty.
    """
    with warehouse.connect(settings.require_database_url(), name="yardstick-transform") as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [_PLAN_LOCK])
        _end_orphans(connection, "yardstick-dbt")
        delivery_ids = [row[0] for row in connection.execute(_query("dirty"))]
        if not delivery_ids:
            return None
        row = connection.execute(
            _query("open_build"), {"run_id": run_id or "by hand", "ids": delivery_ids}
        ).fetchone()
        assert row is not None  # noqa: S101 - an insert returning always gives a row
        return Build(row[0], tuple(delivery_ids), row[1], row[2])


def stage(settings: Settings, build_id: int, on_event: OnEvent | None = None) -> None:
    """Type, check and deduplicate the build's rows, then account for every one of them.

    Persons who were erased and are delivered again are made their pseudonyms first.

    Raises:
        TransformError: when a model or test failed.
        ReconciliationError: when a delivery's rows do not add up.
    """
    privacy.keep_erased(settings, build_id)
    run_stage(settings, "stage", build_id, on_event=on_event)
    account(settings, build_id)


def facts(settings: Settings, build_id: int, on_event: OnEvent | None = None) -> None:
    """Rebuild exactly the facts that the build's rows touch.

    Raises:
        TransformError: when a model or test failed.
    """
    run_stage(settings, "facts", build_id, on_event=on_event)


def score(settings: Settings, period: str, on_event: OnEvent | None = None) -> None:
    """Compute indicators and scores of one period from the audited days.

    Args:
        settings: the installation.
        period: ``2015-01``, ``2015-Q1`` or ``2015``.
        on_event: told about every model as it ends.

    Raises:
        ValueError: when the period is written otherwise.
        TransformError: when a model or test failed.
    """
    kind, first, last = period_bounds(period)
    run_stage(
        settings,
        "score",
        variables={"period_kind": kind, "period": period, "period_start": first, "period_end": last},
        on_event=on_event,
    )


def run_stage(
    settings: Settings,
    stage: str,
    build_id: int | None = None,
    *,
    variables: Mapping[str, object] | None = None,
    on_event: OnEvent | None = None,
) -> None:
    """Run one stage: every model with the tag, and their tests, in one `dbt build`.

    Of staging only the models of entities that the build has deliveries of are run, and those whose
    relations do not exist yet.

    Args:
        settings: the installation; dbt's artifacts and logs go to ``home/dbt``.
        stage: tag of the models: ``stage``, ``facts`` or ``score``.
        build_id: the build whose deliveries are read; its models' results go to ``ops.model_run``.
        variables: further values, read in SQL by ``var()`` (see ``dbt_project.yml``).
        on_event: called with node name and status as each node ends.

    Raises:
        TransformError: naming the first model or test that failed and why.
    """
    session = "yardstick-dbt-score" if build_id is None else "yardstick-dbt"
    given = {"build_id": build_id or 0, **(variables or {})}
    with _only_run(settings, session) as connection:
        if build_id is not None:
            connection.execute(
                "update ops.build set stage = %s, status = 'running', detail = null, finished_at = null "
                "where build_id = %s and status <> 'audited'",
                [stage, build_id],
            )
        selection = [f"tag:{stage}"]
        if stage == "stage":
            selection = [
                "ops_flag",
                *(f"tag:entity:{name}" for name in _entities_to_stage(connection, build_id)),
            ]

        def record(node: str, status: str, seconds: float, rows: int | None, message: str) -> None:
            if build_id is not None:
                connection.execute(
                    "insert into ops.model_run "
                    "(build_id, stage, node, status, seconds, rows_affected, message) "
                    "values (%s, %s, %s, %s, %s, %s, %s)",
                    [build_id, stage, node, status, seconds, rows, message],
                )
            if on_event:
                on_event(node, status)

        try:
            run_dbt(
                settings,
                ["build", "--select", *selection, "--exclude-resource-type", "unit_test"],
                variables=given,
                session=session,
                on_node=record,
            )
        except TransformError as error:
            if build_id is not None:
                fail_build(settings, build_id, stage, str(error))
            raise


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    *,
    variables: Mapping[str, object] | None = None,
    session: str = "yardstick-dbt",
    on_node: Callable[[str, str, float, int | None, str], None] | None = None,
) -> None:
    """Invoke dbt in this process against the installation's warehouse.

    Args:
        settings: the installation.
        arguments: command and options, without flags that say where files go.
        variables: session settings ``yardstick.<name>`` that the SQL reads.
        session: application name of dbt's sessions.
        on_node: told name, status, seconds, rows and message of each node as it ends.

    Raises:
        TransformError: when dbt cannot start, or naming the nodes that failed.
    """
    from dbt.cli.main import dbtRunner

    folder = settings.home / "dbt" / session
    folder.mkdir(parents=True, exist_ok=True)
    project = settings.root / "dbt_project"
    failures: list[str] = []

    def hear(event: Any) -> None:
        if event.info.name != "NodeFinished":
            return
        node, result = event.data.node_info, event.data.run_result
        rows = dict(result.adapter_response).get("rows_affected")
        status, message = node.node_status, result.message
        if status in ("error", "fail"):
            failures.append(f"{node.node_name}: {' '.join(message.split())}")
        if on_node:
            on_node(
                node.node_name,
                status,
                result.execution_time,
                int(rows) if rows is not None else None,
                message,
            )

    runner = dbtRunner(callbacks=[hear])
    with _environment(_dbt_environment(settings, session, variables or {})):
        result = runner.invoke(
            [
                "--no-use-colors",
                "--quiet",
                "--log-path",
                str(folder / "logs"),
                "--no-write-json" if arguments[0] != "docs" else "--write-json",
                *arguments,
                "--project-dir",
                str(project),
                "--profiles-dir",
                str(project),
                "--target-path",
                str(folder / "target"),
            ]
        )
    if failures:
        raise TransformError("dbt: " + "; ".join(failures[:5]))
    if not result.success:
        raise TransformError(f"dbt {arguments[0]}: {result.exception!r}")


def account(settings: Settings, build_id: int) -> None:
    """Say what became of every delivered row, and insist that the counts add up.

    Rejects are opened, closed as replayed (the row read anew has no such problem any more) or superseded (a
    later delivery brought a valid row of the same key), and opened again; none is ever deleted. A remark
    about something nobody had delivered goes when it is. Counts are written to ``ops.delivery`` for the
    build's deliveries, which are counted, and for those whose rows they superseded, by as much as has changed.

    Raises:
        ReconciliationError: naming the first delivery where landed differs from the sum, or where rows of
            the delivery are missing from ``raw``. The build is marked failed.
    """
    contracts = load_contracts()
    given = {"build_id": build_id}
    with warehouse.connect(settings.require_database_url(), name="yardstick-transform") as connection:
        built = [contracts[name] for name in _entities_of(connection, build_id) if name in contracts]
        connection.execute(_query("found_reject"))
        connection.execute(_query("found_fate"))
        for contract in built:
            connection.execute(_of(contract, "rejects_found"))
        connection.execute(_query("rejects_closed"), given)
        connection.execute(_query("rejects_opened"), given)
        for contract in built:
            connection.execute(_of(contract, "rejects_superseded"), given)
            connection.execute(_of(contract, "recounted"), given)
            connection.execute("analyze recounted")
            connection.execute(_of(contract, "row_fates"))
        connection.execute("analyze row_fate")
        connection.execute(_query("account"), given)
        for name in ("outdated_recounted", "outdated_gone", "outdated_new"):
            connection.execute(_query(name))
        # Remarks by the thousand, each looked for in all of the rows, is what a planner without numbers would do.
        connection.execute("set local enable_nestloop = off")
        resolved = [
            row[0]
            for contract in built
            if (referring := _referring_to(contract, contracts))
            for row in connection.execute(_of(contract, "flags_resolved"), {"referring": referring})
        ]
        connection.execute("set local enable_nestloop to default")
        connection.execute(_query("flags_counted"), given | {"delivery_ids": resolved})
        wrong = connection.execute(_query("unaccounted"), {"build_id": build_id}).fetchone()
    if wrong:
        message = (
            f"delivery {wrong[0]} ({wrong[1]} {wrong[2]} of {wrong[3]}, file {wrong[4]}): "
            f"{wrong[5]} rows landed but {wrong[6]} staged + {wrong[7]} superseded + "
            f"{wrong[8]} rejected + {wrong[9]} duplicate"
        )
        fail_build(settings, build_id, "account", message)
        raise ReconciliationError(message)


def fail_build(settings: Settings, build_id: int, stage: str, detail: str) -> None:
    """Mark a build as failed; its deliveries stay dirty and the next build takes them on again."""
    with warehouse.connect(settings.require_database_url(), name="yardstick-transform") as connection:
        connection.execute(
            "update ops.build set status = 'failed', stage = %s, detail = %s, finished_at = now() "
            "where build_id = %s and status = 'running'",
            [stage, detail[:4000], build_id],
        )


def rebuild(settings: Settings, first_day: date | None = None, last_day: date | None = None) -> int:
    """Mark every delivery of a range of days dirty, so that the next build does them again.

    Args:
        settings: the installation.
        first_day: first partition date; None for the beginning.
        last_day: last partition date; None for the end.

    Returns:
        How many deliveries were marked.
    """
    with warehouse.connect(settings.require_database_url(), name="yardstick-transform") as connection:
        return connection.execute(
            "update ops.delivery set audited_build_id = null "
            "where partition_date between %s and %s and audited_build_id is not null",
            [first_day or _OLDEST, last_day or _NEWEST],
        ).rowcount


def _query(name: str) -> bytes:
    """One of the statements beside this module."""
    return (resources.files(__name__) / f"{name}.sql").read_bytes()


def _of(contract: Contract, name: str) -> bytes:
    """One of the statements that are the same for every entity, for this one."""
    typed = {
        key: "" if contract.fields[key].type == "text" else f"::{contract.fields[key].type}"
        for key in contract.key
    }
    per_source = contract.key_scope == "source"
    return (
        _query(name)
        .decode()
        .format(
            entity=contract.entity,
            rows=f"staging.{staging_models.rows_model(contract)}",
            versions=f"staging.{staging_models.versions_model(contract)}",
            current=f"staging.{staging_models.current_model(contract)}",
            staged_key=", ".join(contract.staged_key),
            key_values=", ".join(f"r.{key}::text" for key in contract.key),
            is_readable=" and ".join(f"r.{key} is not null" for key in contract.key),
            is_same_key=" and ".join(
                [
                    *(
                        f"v.{key} = t.key_values[{place}]{typed[key]}"
                        for place, key in enumerate(contract.key, 1)
                    ),
                    *(["v.source_id = t.source_id"] if per_source else []),
                ]
            ),
            source_too="source_id, " if per_source else "",
            same_source="and f.source_id = r.source_id" if per_source else "",
            field=contract.key[0],
        )
        .encode()
    )


def _entities_of(connection: psycopg.Connection[Any], build_id: int | None) -> list[str]:
    """Entities that the build has deliveries of."""
    found = connection.execute(
        "select distinct d.entity from ops.build_delivery as b "
        "inner join ops.delivery as d on d.delivery_id = b.delivery_id where b.build_id = %s order by 1",
        [build_id],
    )
    return [row[0] for row in found]


def _entities_to_stage(connection: psycopg.Connection[Any], build_id: int | None) -> list[str]:
    """Entities whose staged relations the build has to make."""
    delivered = set(_entities_of(connection, build_id))
    there = {
        row[0]
        for row in connection.execute(
            "select c.relname from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace "
            "where n.nspname = 'staging'"
        )
    }
    return [
        name
        for name, contract in load_contracts().items()
        if name in delivered or not there.issuperset(staging_models.staged_models(contract))
    ]


def _referring_to(target: Contract, contracts: Mapping[str, Contract]) -> list[str]:
    """``entity.field`` of every field that should, but need not, hold the first of the target's key."""
    return [
        f"{contract.entity}.{item.name}"
        for contract in contracts.values()
        for item in contract.fields.values()
        if item.refers_to == f"{target.entity}.{target.key[0]}"
    ]


@contextlib.contextmanager
def _only_run(settings: Settings, session: str) -> Iterator[psycopg.Connection[Any]]:
    """The right to run dbt under this session name; sessions of an earlier, killed run are ended first.

    A run that is still alive although its task was given up loses its sessions, fails, and frees the lock.
    """
    url = settings.require_database_url()
    with warehouse.connect(url, name="yardstick-transform", autocommit=True) as connection:
        while True:
            _end_orphans(connection, session)
            if connection.execute("select pg_try_advisory_lock(%s)", [_LOCKS[session]]).fetchone() == (True,):
                break
            time.sleep(0.5)
        _end_orphans(connection, session)
        yield connection


def _end_orphans(connection: psycopg.Connection[Any], session: str) -> None:
    """End dbt sessions of that name and wait until they are gone."""
    for _ in range(200):
        left = connection.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity "
            "where application_name = %s and datname = current_database()",
            [session],
        ).fetchone()
        if left == (0,):
            return
        time.sleep(0.05)


def _dbt_environment(settings: Settings, session: str, variables: Mapping[str, object]) -> dict[str, str]:
    url = urlsplit(settings.require_database_url())
    options = ["timezone=UTC", *(f"yardstick.{name}={value}" for name, value in variables.items())]
    return {
        "YARDSTICK_DBT_HOST": unquote(url.hostname or "127.0.0.1"),
        "YARDSTICK_DBT_PORT": str(url.port or 5432),
        "YARDSTICK_DBT_USER": unquote(url.username or "yardstick"),
        "YARDSTICK_DBT_DATABASE": unquote(url.path.lstrip("/")) or "yardstick",
        "YARDSTICK_DBT_SESSION": session,
        "DBT_ENV_SECRET_PASSWORD": unquote(url.password or ""),
        "PGOPTIONS": " ".join("-c " + re.sub(r"([\\ ])", r"\\\1", option) for option in options),
    }


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables for dbt, which can be told its connection in no other way, and put them back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
