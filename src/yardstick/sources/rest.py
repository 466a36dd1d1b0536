"""The REST connector: JSON over HTTP, page by page, one pull per business day or one whole snapshot.

``pull`` asks and keeps, ``json_rows`` reads what was kept; ``http`` and ``login`` are the line, ``spool`` is
the place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, TYPE_CHECKING, Any

from yardstick.sources import connections, json_rows, json_shape, pagination
from yardstick.sources.dates import DateFormatError, compile_format
from yardstick.sources.delivery import Due, Fetched, Problems, Reading, day_windows, window
from yardstick.sources.json_shape import Shape
from yardstick.sources.pagination import Pagination
from yardstick.sources.skew import Skew
from yardstick.sources.spool import Spool, folder_of

if TYPE_CHECKING:
    from yardstick.contracts import Contract
    from yardstick.settings import Settings
    from yardstick.sources.site import Entity, Site

MIB = 1 << 20
FORMATS = ("iso", "utc", "epoch", "epoch_ms")
PLACEHOLDERS = ("{from}", "{until}")

_NON_EMPTY = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 1}
SITE_PROPERTIES: dict[str, Any] = {}
SITE_REQUIRED = ("connection",)
ENTITY_PROPERTIES: dict[str, Any] = {
    "path": {"type": "string", "pattern": r"^/?[^\s?#]+$"},
    "params": {
        "type": "object",
        "additionalProperties": {"type": ["string", "integer", "boolean"]},
    },
    "records": _NON_EMPTY,
    "records_may_be_null": {"type": "boolean"},
    "total": _NON_EMPTY,
    "pagination": pagination.SCHEMA,
    "incremental": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "from": _NON_EMPTY,
            "until": _NON_EMPTY,
            "format": _NON_EMPTY,
            "overlap_minutes": {"type": "integer", "minimum": 0},
            "column": _NON_EMPTY,
            "ordered": {"type": "boolean"},
            "within": _NON_EMPTY,
        },
    },
    **json_shape.SCHEMA,
    "max_pages": _COUNT,
    "max_page_bytes": _COUNT,
    "max_wait_seconds": _COUNT,
    "timeout_seconds": _COUNT,
    "resume_hours": {"type": "integer", "minimum": 0},
}
ENTITY_REQUIRED = ("path", "pagination")


@dataclass(frozen=True)
class Incremental:
    """How to ask for the rows that were changed within a window.

    Attributes:
        since: query parameter of the window's start; empty when ``{from}`` stands in ``params``.
        until: query parameter of its end, which is not in the window; empty when the API has none, or
            ``{until}`` stands in ``params``.
        format: how a moment is written: one of ``FORMATS`` or strptime notation in the source's zone.
        overlap_minutes: how much earlier than its day a window starts, for rows that show late.
        column: when a row was changed; rows outside the window are told. Empty: not looked at.
        is_bounded: the API is asked for an end.
        is_ordered: rows come in the order of ``column``: a pull ends with the page that goes past its window.
        within: when a row happened, where histories come whole; rows outside the window are left out. Empty:
            every row counts.
    """

    since: str
    until: str
    format: str
    overlap_minutes: int
    column: str
    is_bounded: bool
    is_ordered: bool
    within: str

    def written(self, moment: datetime) -> str:
        """A moment as the API reads it."""
        if self.format == "iso":
            return moment.isoformat()
        if self.format == "utc":
            return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if self.format in ("epoch", "epoch_ms"):
            return str(int(moment.timestamp()) * (1 if self.format == "epoch" else 1000))
        return moment.strftime(self.format)


@dataclass(frozen=True)
class RestOptions:
    """What an entity asks an API for.

    Attributes:
        path: below the connection's base URL.
        params: query parameters of the first request.
        records: JSONPath of the list of rows in a page.
        records_may_be_null: null in that place is a page without rows.
        total: JSONPath of the number of rows in the whole pull; empty when the API does not tell it.
        pagination: how to get from page to page.
        incremental: how to ask for a window; None: everything, every time.
        shape: how lists and names inside the rows are laid out.
        max_pages: a pull of more pages is refused.
        max_page_bytes: a longer answer is refused.
        max_wait_seconds: longest wait that the source may ask for.
        timeout_seconds: longest silence while waiting for an answer.
        resume_hours: an interrupted pull that began longer ago starts again.
    """

    path: str
    params: tuple[tuple[str, str], ...]
    records: str
    records_may_be_null: bool
    total: str
    pagination: Pagination
    incremental: Incremental | None
    shape: Shape
    max_pages: int
    max_page_bytes: int
    max_wait_seconds: int
    timeout_seconds: int
    resume_hours: int

    @property
    def is_incremental(self) -> bool:
        """Whether it is pulled day by day."""
        return self.incremental is not None

    @property
    def is_dated(self) -> bool:
        """Whether the name of a pull says which day it stands for."""
        return self.is_incremental

    def reading_key(self) -> list[Any]:
        """Everything that decides how bytes become cells."""
        watched = self.incremental and [
            self.incremental.column, self.incremental.format, self.incremental.overlap_minutes,
            *([self.incremental.within] if self.incremental.within else []),
        ]  # fmt: skip
        shape = self.shape.key()
        return [
            "rest",
            self.records,
            self.records_may_be_null,
            self.total,
            watched,
            *([shape] if shape else []),
        ]


def options(
    reader: Problems, place: tuple[Any, ...], given: dict[str, Any], contract: Contract
) -> RestOptions:
    """Check an entity's keys; mistakes go to ``reader.problem``."""
    path = given["path"]
    if "://" in path or "//" in path or {".", ".."} & set(path.split("/")):
        reader.problem(
            (*place, "path"),
            f"{path!r} is not a path below the connection's address. Write it as /api/v1/tickets; the host "
            "belongs to the connection.",
        )
    for key in ("records", "total"):
        if key in given:
            pagination.check_path(reader, (*place, key), given[key])
    paging = pagination.declared(reader, (*place, "pagination"), given["pagination"])
    params = {name: _param(value) for name, value in given.get("params", {}).items()}
    incremental = _incremental(reader, place, given.get("incremental"), params)
    own = {*paging.own_params, *((incremental.since, incremental.until) if incremental else ())}
    for name in params.keys() & own:
        reader.problem(
            (*place, "params", name), "is set by pagination or incremental for every request. Remove it."
        )
    return RestOptions(
        path=path,
        params=tuple(params.items()),
        records=given.get("records", "$"),
        records_may_be_null=given.get("records_may_be_null", False),
        total=given.get("total", ""),
        pagination=paging,
        incremental=incremental,
        shape=json_shape.declared(given),
        max_pages=given.get("max_pages", 10_000),
        max_page_bytes=given.get("max_page_bytes", 64 * MIB),
        max_wait_seconds=given.get("max_wait_seconds", 120),
        timeout_seconds=given.get("timeout_seconds", 60),
        resume_hours=given.get("resume_hours", 24),
    )


def _param(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _incremental(
    reader: Problems, place: tuple[Any, ...], given: Mapping[str, Any] | None, params: Mapping[str, str]
) -> Incremental | None:
    found = {each for each in PLACEHOLDERS for value in params.values() if each in value}
    if given is None:
        if found:
            reader.problem(
                (*place, "params"),
                f"has {' and '.join(sorted(found))}, but incremental is not declared. "
                "Add incremental: {overlap_minutes: 60}, or remove the placeholders.",
            )
        return None
    place = (*place, "incremental")
    for key, placeholder in zip(("from", "until"), PLACEHOLDERS, strict=True):
        if key in given and placeholder in found:
            reader.problem((*place, key), f"is said twice: {placeholder} stands in params. Keep one of them.")
    if "from" not in given and "{from}" not in found:
        reader.problem(
            place,
            "from is missing: the query parameter of the window's start. Add it, or write {from} in params.",
        )
    if given.get("ordered") and "column" not in given:
        reader.problem(place, "ordered needs column: when a row was changed. Add it, or remove ordered.")
    form = given.get("format", "iso")
    if form not in FORMATS:
        try:
            compile_format(form)
        except DateFormatError as error:
            reader.problem((*place, "format"), f"{error}. Or write one of {', '.join(FORMATS)}.")
    if "within" in given and ("until" in given or "{until}" in found):
        reader.problem(
            (*place, "within"),
            "loses what happened in a window and was changed once more after it: the API is not asked for that. "
            "Remove until.",
        )
    return Incremental(
        since=given.get("from", ""),
        until=given.get("until", ""),
        format=form,
        overlap_minutes=given.get("overlap_minutes", 60),
        column=given.get("column", ""),
        is_bounded="until" in given or "{until}" in found,
        is_ordered=given.get("ordered", False),
        within=given.get("within", ""),
    )


def due(
    site: Site,
    entity: Entity,
    settings: Settings,
    first_day: date | None = None,
    last_day: date | None = None,
    known: Container[str] = (),
    *,
    now: datetime | None = None,
) -> list[Due]:
    """The pulls that wait: one per whole day that is not known yet, or the one snapshot.

    Args:
        site: the site.
        entity: one of its entities.
        settings: not asked.
        first_day: first day of the range; None is open.
        last_day: last day of the range; None is open.
        known: names of the pulls that have landed.
        now: default the clock.
    """
    path = entity.options.path.strip("/")
    if not entity.options.is_incremental:
        return [Due(None, None, path)]
    days = day_windows(site.zone, site.valid_from, first_day, last_day, now)
    return [Due(day, day, name) for day in days if (name := f"{path}@{day}") not in known]


@dataclass
class _Pulled(Fetched):
    """The pages of a pull; they go once they have landed."""

    spool: Spool

    def landed(self) -> None:
        """Remove what was kept to go on with."""
        self.spool.clear()


@contextmanager
def fetch(site: Site, entity: Entity, due: Due, settings: Settings) -> Iterator[Fetched]:
    """Pull every page, going on where an interrupted pull stood.

    Raises:
        RefusedError: for what is no delivery.
        UnreachableError: when the source does not serve; the next call goes on.
        CredentialsError: when the connection is not defined, or the login refused.
    """
    from yardstick.sources import http  # with dlt, which takes a second or two to load
    from yardstick.sources.pull import pull

    made: RestOptions = entity.options
    connection = connections.get(site.connection or "")
    params = dict(made.params)
    first_frame: dict[str, Any] = {"name": due.name}
    ordered: Skew | None = None
    if made.incremental and due.first_day and due.last_day:
        start, end = window(site.zone, due.first_day, due.last_day, made.incremental.overlap_minutes)
        params = _asked_for(params, made.incremental, start, end)
        first_frame |= {"from": start.isoformat(), "until": end.isoformat(), "zone": site.time_zone}
        if made.incremental.is_ordered:
            ordered = Skew.of(first_frame, made.incremental)
    definition = [http.endpoint(connection).base_url, str(made), params]
    with Spool(
        folder_of(settings.home / "spool", site.source_id, entity.name, due.name),
        first_frame,
        hashlib.sha256(json.dumps(definition).encode()).hexdigest(),
        made.resume_hours * 3600,
    ) as spool:
        pull(connection, due.name, made, params, spool, ordered.is_past if ordered else None)
        with spool.reopen() as stream:
            yield _Pulled(stream, spool)


def _asked_for(
    params: Mapping[str, str], incremental: Incremental, start: datetime, end: datetime
) -> dict[str, str]:
    """The query parameters that ask for a window."""
    written = dict(zip(PLACEHOLDERS, (incremental.written(start), incremental.written(end)), strict=True))
    asked = {}
    for name, value in params.items():
        for placeholder, moment in written.items():
            value = value.replace(placeholder, moment)
        asked[name] = value
    if incremental.since:
        asked[incremental.since] = written["{from}"]
    if incremental.until:
        asked[incremental.until] = written["{until}"]
    return asked


def read(entity: Entity, name: str, stream: IO[bytes]) -> Reading:
    """Read a pull's pages.

    Raises:
        RefusedError: while pages are read, when the pull as a whole cannot be trusted.
    """
    return json_rows.read(entity, name, stream)
