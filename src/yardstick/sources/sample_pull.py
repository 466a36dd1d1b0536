"""A sample from a running system: one page of an API, or the first rows of a query."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from yardstick.errors import CredentialsError
from yardstick.sources import connections
from yardstick.sources.connections import Connection
from yardstick.sources.delivery import UNIT, RefusedError
from yardstick.sources.sample import Table, from_json

ROWS = 500
_MAX_BYTES = 16 << 20
_SECONDS = 60
_WINDOW_MINUTES = 30 * 24 * 60


def of_url(connection_id: str, url: str) -> tuple[Connection, str]:
    """A connection without a login, and the path to ask for, from an address.

    Raises:
        RefusedError: when it is no address of an HTTP API.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise RefusedError(
            f"{url!r} is not an address such as https://host/api/v1/tickets, without a login in it. "
            "With a login, define a connection and say --connection ID --path /api/v1/tickets."
        )
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    made = Connection(connection_id, "http", host=parts.hostname, port=port, schema=parts.scheme)
    return made, path or "/"


def of_api(connection: Connection, path: str) -> tuple[Table, dict[str, Any]]:
    """One page of an API.

    Args:
        connection: where it is, and the login.
        path: below the connection's address, with its query parameters.

    Returns:
        The page's rows, and the keys of a site file that ask for them: ``path``, ``params``, ``records``
        and ``pagination``, the latter as far as the answer shows it.

    Raises:
        RefusedError: when the answer is no page of rows.
        UnreachableError: when it does not answer.
        CredentialsError: when it refuses the login.
    """
    from yardstick.sources import http, json_rows, login

    endpoint = http.endpoint(connection)
    session, auth = login.session(
        endpoint, connection, max_bytes=_MAX_BYTES, max_wait_seconds=_SECONDS, read_seconds=_SECONDS
    )
    parts = urlsplit(path)
    with session:
        answer = session.get(f"{endpoint.base_url}/{path.lstrip('/')}", auth=auth)
    if answer.status_code != 200:
        raise RefusedError(f"{parts.path} answers HTTP {answer.status_code}. Check the path.")
    table = from_json(parts.path, answer.content)
    params = dict(parse_qsl(parts.query))
    document = json_rows.decode(answer.content)
    paging = guess_pagination(document, dict(answer.links), params, len(table.rows))
    own = {paging.get("param"), paging.get("limit_param", "limit") if paging["kind"] == "offset" else None}
    keys: dict[str, Any] = {"path": parts.path}
    if kept := {name: value for name, value in params.items() if name not in own}:
        keys["params"] = kept
    return table, {**keys, **table.reading, "pagination": paging}


def guess_pagination(
    document: Any, links: dict[str, Any], params: dict[str, str], rows: int
) -> dict[str, Any]:
    """How an answer seems to lead on to the next page; ``{"kind": "none"}`` when nothing in it does."""
    if "next" in links:
        return {"kind": "link_header"}
    leaves = dict(_leaves(document, ""))
    for place, value in leaves.items():
        name = place.rsplit(".", 1)[-1].casefold()
        if not re.search(r"next|cursor|continuation", name) or isinstance(value, bool):
            continue
        if isinstance(value, str) and re.match(r"https?://|/", value):
            return {"kind": "next_url", "next": place}
        if value is None and re.search(r"url|link|href", name):
            return {"kind": "next_url", "next": place}
        if re.search(r"cursor|token|continuation", name) or (isinstance(value, str) and value):
            given = next((each for each in params if re.search(r"cursor|token|after", each)), "cursor")
            return {"kind": "cursor", "param": given, "next": place}
    names = {place.rsplit(".", 1)[-1].casefold(): place for place in leaves}
    pages = next(
        (names[each] for each in ("total_pages", "pages", "page_count", "totalpages") if each in names), None
    )
    if pages or "page" in names or "page" in params:
        given = next(
            (each for each in params if each.casefold() in ("page", "page_no", "pageno", "p")), "page"
        )
        return {"kind": "page", "param": given} | ({"pages": pages} if pages else {})
    if "offset" in names or "offset" in params:
        limit = leaves.get(names.get("limit", ""), params.get("limit"))
        number = int(str(limit)) if str(limit).isdecimal() else max(rows, 1)
        return {"kind": "offset", "limit": number}
    return {"kind": "none"}


def _leaves(document: Any, place: str) -> Any:
    if not isinstance(document, dict):
        return
    for key, value in document.items():
        here = f"{place}.{key}" if place else str(key)
        if isinstance(value, dict):
            yield from _leaves(value, here)
        elif not isinstance(value, list):
            yield here, value


def of_query(connection_id: str, query: str, folder: Path, zone: ZoneInfo) -> tuple[Table, dict[str, Any]]:
    """The first rows of a query, and the keys of a site file that ask for all of them.

    Args:
        connection_id: the database's connection.
        query: one SELECT; with ``{from}`` and ``{until}``, those of the last 30 days.
        folder: for the time being.
        zone: time zone of the source.

    Raises:
        RefusedError: when the query cannot be used, or brings no rows.
        UnreachableError: when the database does not answer.
        CredentialsError: when it refuses the login, or is no database.
    """
    from yardstick.sources import copy_text, database
    from yardstick.sources import query as query_module
    from yardstick.sources.database_pull import Pull, window

    connection = connections.get(connection_id)
    dialect: Any = database.DIALECTS.get(connection.kind)
    if dialect is None:
        raise CredentialsError(
            f"Connection {connection_id} is of the type {connection.kind!r}. "
            f"A database is one of {', '.join(database.DIALECTS)}."
        )
    is_incremental = bool(query_module.placeholders(query))
    bare = query.strip().rstrip(";").rstrip()
    pull = Pull(
        name="the query",
        connection_id=connection_id,
        application="yardstick sample",
        query=f"select * from (\n{bare}\n) as sample limit {ROWS}",  # noqa: S608 (checked before it is asked)
        window=window(datetime.now(zone).date(), zone, _WINDOW_MINUTES, "timestamp")
        if is_incremental
        else None,
        zone=zone,
        statement_timeout_seconds=_SECONDS,
        lock_timeout_seconds=10,
        max_cell_characters=1 << 20,
    )
    with dialect.rows(connection, pull) as (columns, lines):
        stream = copy_text.write(pull.name, columns, lines, folder, ROWS, _MAX_BYTES)
    with stream:
        header = copy_text.read_columns(pull.name, stream)
        pages = copy_text.read_pages(pull.name, stream, len(header), None)
        rows = [row.split(UNIT) for page in pages for row in page.rows]
    keys: dict[str, Any] = {"query": " ".join(bare.split())}
    if is_incremental:
        keys["incremental"] = {"overlap_minutes": 60}
    return Table("the query's result", header, rows, {}), keys
