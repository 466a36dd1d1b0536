"""The database connector: PostgreSQL, MySQL and MariaDB, asked by a query in a read-only snapshot.

With ``incremental`` there is one pull per whole business day, of the rows changed on it; without, one pull is
the whole table as it stands. A value is the text the database itself writes, NULL an empty cell. A pull is kept
whole or not at all: a snapshot does not outlive its session, so an interrupted pull starts anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import IO, TYPE_CHECKING, Any

from yardstick.errors import CredentialsError
from yardstick.sources import connections, copy_text, mysql_source, postgres_source, query
from yardstick.sources.database_pull import WINDOW_TYPES, Pull, window
from yardstick.sources.delivery import Due, Fetched, Problems, Reading, RefusedError, day_windows
from yardstick.sources.fold import fold
from yardstick.sources.header import missing_columns

if TYPE_CHECKING:
    from yardstick.contracts import Contract
    from yardstick.settings import Settings
    from yardstick.sources.site import Entity, Site

GIB = 1 << 30
FORM = "copy text 1"
DIALECTS = {
    "postgres": postgres_source,
    "postgresql": postgres_source,
    "mysql": mysql_source,
    "mariadb": mysql_source,
}

_COUNT = {"type": "integer", "minimum": 1}
SITE_PROPERTIES: dict[str, Any] = {}
SITE_REQUIRED: tuple[str, ...] = ("connection",)
ENTITY_PROPERTIES: dict[str, Any] = {
    "query": {"type": "string", "minLength": 1},
    "incremental": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "overlap_minutes": {"type": "integer", "minimum": 0},
            "type": {"enum": list(WINDOW_TYPES)},
        },
    },
    "statement_timeout_seconds": _COUNT,
    "lock_timeout_seconds": _COUNT,
    "max_rows": _COUNT,
    "max_bytes": _COUNT,
    "max_cell_characters": _COUNT,
}
ENTITY_REQUIRED: tuple[str, ...] = ("query",)


@dataclass(frozen=True)
class Incremental:
    """How the rows changed on a day are asked for.

    Attributes:
        overlap_minutes: how far before the day a pull reaches back, for rows that were committed late.
        type: what ``{from}`` and ``{until}`` stand for: ``timestamp``, ``date`` or ``epoch`` (seconds).
    """

    overlap_minutes: int
    type: str


@dataclass(frozen=True)
class DatabaseOptions:
    """What an entity asks the database for, and within which limits.

    Attributes:
        query: as written in the site file.
        incremental: how days are asked for; None for a snapshot.
        statement_timeout_seconds: a query that takes longer is ended.
        lock_timeout_seconds: a query that waits longer for a lock is ended.
        max_rows: a pull that brings more is refused.
        max_bytes: a pull that brings more is refused.
        max_cell_characters: a pull with a longer text is refused.
    """

    query: str
    incremental: Incremental | None
    statement_timeout_seconds: int
    lock_timeout_seconds: int
    max_rows: int
    max_bytes: int
    max_cell_characters: int

    @property
    def is_incremental(self) -> bool:
        """Whether it is pulled day by day."""
        return self.incremental is not None

    @property
    def is_dated(self) -> bool:
        """Whether a pull's name says which day it stands for."""
        return self.is_incremental

    def reading_key(self) -> list[Any]:
        """Everything that decides how bytes become cells."""
        return [FORM]


def options(
    reader: Problems, place: tuple[Any, ...], given: dict[str, Any], contract: Contract
) -> DatabaseOptions:
    """Check an entity's keys; mistakes go to ``reader.problem``."""
    declared = given.get("incremental")
    found = query.placeholders(given["query"])
    absent = [name for name in query.PLACEHOLDERS if name not in found]
    if declared is not None and absent:
        reader.problem(
            (*place, "query"),
            f"has no {' and no '.join(absent)}, but incremental is declared. Ask for the rows changed from "
            "{from} on and before {until}, or remove incremental.",
        )
    if declared is None and found:
        reader.problem(
            (*place, "query"),
            f"has {' and '.join(sorted(found))}, but incremental is not declared. "
            "Add incremental: {overlap_minutes: 60}, or remove the placeholders.",
        )
    try:
        query.check_any(given["query"])
    except query.QueryError as error:
        reader.problem((*place, "query"), str(error))
    return DatabaseOptions(
        query=given["query"],
        incremental=None
        if declared is None
        else Incremental(declared.get("overlap_minutes", 60), declared.get("type", "timestamp")),
        statement_timeout_seconds=given.get("statement_timeout_seconds", 900),
        lock_timeout_seconds=given.get("lock_timeout_seconds", 10),
        max_rows=given.get("max_rows", 20_000_000),
        max_bytes=given.get("max_bytes", 4 * GIB),
        max_cell_characters=given.get("max_cell_characters", 1 << 20),
    )


def due(
    site: Site,
    entity: Entity,
    settings: Settings,
    first_day: date | None = None,
    last_day: date | None = None,
    known: Container[str] = (),
) -> list[Due]:
    """One pull per whole business day that is not known yet; without ``incremental`` one snapshot, always due.

    Args:
        site: the site; ``valid_from`` is the first day asked for.
        entity: one of its entities.
        settings: not asked.
        first_day: first day of the range; None is open.
        last_day: last day of the range; None is open.
        known: names of the pulls that have landed before.

    Returns:
        Pulls in order of days, named ``entity@2026-01-31``, or ``entity`` for a snapshot.
    """
    if not entity.options.is_incremental:
        return [Due(None, None, entity.name)]
    days = day_windows(site.zone, site.valid_from, first_day, last_day)
    pulls = [Due(day, day, f"{entity.name}@{day.isoformat()}") for day in days]
    return [pull for pull in pulls if pull.name not in known]


@contextmanager
def fetch(site: Site, entity: Entity, due: Due, settings: Settings) -> Iterator[Fetched]:
    """Run the query and keep what it returns; nothing is handed out before all of it is here.

    Raises:
        RefusedError: for a query or a result that is no delivery.
        UnreachableError: for a database that does not answer, breaks off or takes too long.
        CredentialsError: for a login that is refused or a connection that is not defined.
    """
    connection = connections.get(site.connection or "")
    dialect = DIALECTS.get(connection.kind)
    if dialect is None:
        raise CredentialsError(
            f"Connection {connection.id} is of the type {connection.kind!r}. "
            f"A database is one of {', '.join(DIALECTS)}: correct its type, or the site's connection."
        )
    if not connection.host:
        raise CredentialsError(f"Connection {connection.id} names no host. Add it.")
    if unknown := sorted(set(connection.extra) - set(dialect.EXTRA)):
        raise CredentialsError(
            f"Connection {connection.id}: {', '.join(unknown)} in extra is not known. "
            f"Use {', '.join(dialect.EXTRA)}, or remove it."
        )
    with _rows(dialect, connection, _pull(site, entity, due)) as (columns, lines):
        stream = copy_text.write(
            due.name,
            columns,
            lines,
            settings.home / "spool",
            entity.options.max_rows,
            entity.options.max_bytes,
        )
    with stream:
        yield Fetched(stream)


def _rows(
    dialect: Any, connection: connections.Connection, pull: Pull
) -> AbstractContextManager[tuple[list[str], Iterator[bytes]]]:
    found: AbstractContextManager[tuple[list[str], Iterator[bytes]]] = dialect.rows(connection, pull)
    return found


def _pull(site: Site, entity: Entity, due: Due) -> Pull:
    options = entity.options
    asked = None
    if options.incremental is not None and due.first_day is not None:
        asked = window(
            due.first_day, site.zone, options.incremental.overlap_minutes, options.incremental.type
        )
    return Pull(
        name=due.name,
        connection_id=site.connection or "",
        application=f"yardstick {site.source_id} {entity.name}"[:63],
        query=options.query,
        window=asked,
        zone=site.zone,
        statement_timeout_seconds=options.statement_timeout_seconds,
        lock_timeout_seconds=options.lock_timeout_seconds,
        max_cell_characters=options.max_cell_characters,
    )


def read(entity: Entity, name: str, stream: IO[bytes]) -> Reading:
    """Read a kept pull.

    Raises:
        RefusedError: at once or while pages are read, when the pull as a whole cannot be trusted.
    """
    header = [fold(column) for column in copy_text.read_columns(name, stream)]
    wanted = entity.required_columns()
    if missing := [column for column in wanted if column not in header]:
        raise missing_columns(f"{name}: the query's result", wanted, missing, header)
    for column, count in Counter(header).items():
        if count > 1:
            raise RefusedError(
                f"{name}: the query's result has {count} columns that read {column!r}. Name them apart with AS."
            )
    event = header.index(entity.event.columns[0]) if entity.event else None
    return Reading(header, copy_text.read_pages(name, stream, len(header), event))
