"""Asks an API for page after page and keeps each before it asks for the next; dlt's client walks the pages."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
import requests
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.detector import find_response_page_data
from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    SinglePagePaginator,
)
from dlt.sources.helpers.rest_client.redaction import sanitize_url

from yardstick.sources import http, json_rows, login
from yardstick.sources.connections import Connection
from yardstick.sources.delivery import RefusedError
from yardstick.sources.pagination import Pagination, found
from yardstick.sources.spool import Request, Spool

if TYPE_CHECKING:
    from yardstick.sources.rest import RestOptions

PULLS = 3
IsPast = Callable[[list[Any]], bool]
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


class ShiftedError(RefusedError):
    """The source's rows changed while they were pulled."""


class _Offset(OffsetPaginator):
    """Goes on by as many rows as came: a server that gives fewer than were asked for loses none."""

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        self.value_step = len(data or ())
        super().update_state(response, data)


class _NextUrl(JSONLinkPaginator):
    """Takes an empty link for none, and ends where the source says so, whatever link it gives.

    Args:
        path: JSONPath of the link.
        last: JSONPath of a boolean that is true on the last page; empty when there is none.
    """

    def __init__(self, path: str, last: str) -> None:
        super().__init__(path)
        self.last = last

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        self._next_reference = None if _is_last(self.last, response) else self._next_reference or None


class _Cursor(JSONResponseCursorPaginator):
    """The same for a cursor: some sources give one for the next pull on the last page."""

    last = ""

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        if _is_last(self.last, response):
            self._next_reference = None


def _is_last(path: str, response: requests.Response) -> bool:
    return bool(path) and str(found(path, response.json())[0]).lower() == "true"


def _paginator(pagination: Pagination, total: str, params: Mapping[str, Any]) -> BasePaginator:
    """The paginator of dlt for a declaration, standing at the request with these parameters."""
    more = pagination.more or None
    at = params.get(pagination.param)
    if pagination.kind == "cursor":
        cursor = _Cursor(pagination.next, pagination.param, has_more_path=more)
        cursor.last = pagination.last
        return cursor
    if pagination.kind == "offset":
        return _Offset(
            pagination.limit, int(at or 0), pagination.param, pagination.limit_param, total or None,
            has_more_path=more,
        )  # fmt: skip
    if pagination.kind == "page":
        return PageNumberPaginator(
            pagination.first, pagination.first if at is None else int(at), pagination.param, pagination.pages or None,
            has_more_path=more,
        )  # fmt: skip
    if pagination.kind == "link_header":
        return HeaderLinkPaginator(pagination.rel)
    if pagination.kind == "next_url":
        return _NextUrl(pagination.next, pagination.last)
    return SinglePagePaginator()


class _Client(RESTClient):
    """dlt's client, which parses a page once and looks at it before a paginator does.

    Attributes:
        total: how many rows the source says there are, by the last page.
    """

    def __init__(self, name: str, options: RestOptions, pages_before: int, **given: Any) -> None:
        # A configuration of our own: dlt would read the environment and files of the working folder.
        super().__init__(config=RuntimeConfiguration(), **given)
        self.name = name
        self.options = options
        self.pages = pages_before
        self.total: int | None = None

    def extract_response(self, response: requests.Response, data_selector: Any) -> list[Any]:
        """The rows of a page.

        Raises:
            RefusedError: for an answer that is no page of rows, or does not tell what the site file says.
        """
        self.pages += 1
        place = f"{self.name}: page {self.pages}"
        if response.status_code != 200:
            raise RefusedError(
                f"{place}: {urlsplit(response.url).path} answers HTTP {response.status_code}. Check path, params "
                "and pagination in the site file, and base_path in the connection."
            )
        try:
            document = json_rows.decode(response.content)
        except (ValueError, RecursionError):
            raise RefusedError(f"{place} {_instead_of_json(response)}") from None
        try:
            rows = json_rows.records(document, self.options, place)
        except RefusedError as error:
            raise RefusedError(f"{error}{_hint(document)}") from None
        if self.options.total:
            self.total = json_rows.whole_number(document, self.options.total, place)
        self._check_pagination(response, document, rows, place)
        response.json = lambda **_: document  # type: ignore[method-assign] # for the paginator
        return rows

    def _check_pagination(
        self, response: requests.Response, document: Any, rows: list[Any], place: str
    ) -> None:
        """Refuse what a paginator would take for the end, or tell with the page's content."""
        pagination = self.options.pagination
        if pagination.pages and rows:
            json_rows.whole_number(document, pagination.pages, place)
        if pagination.more and (rows or pagination.kind == "cursor"):
            _check_boolean(document, "more", pagination.more, place)
        if pagination.last:
            _check_boolean(document, "last", pagination.last, place)
        if pagination.next:
            following = found(pagination.next, document)
            if following and not isinstance(following[0], (str, int, type(None))):
                raise RefusedError(
                    f"{place} holds no text or number at {pagination.next!r}. Correct pagination.next."
                )
            is_last = pagination.last and str(found(pagination.last, document)[0]).lower() == "true"
            if not following and not is_last and rows and (near := _near(document, pagination.next)):
                raise RefusedError(
                    f"{place} holds nothing at {pagination.next!r}, but something at {near!r}. "
                    "Correct pagination.next."
                )
        if pagination.kind == "none" and "next" in response.links:
            raise RefusedError(
                f"{place} has a link to a next page, and pagination is none. Declare link_header."
            )


def _check_boolean(document: Any, key: str, path: str, place: str) -> None:
    value = found(path, document)
    if not value or str(value[0]).lower() not in ("true", "false"):
        raise RefusedError(f"{place} holds neither true nor false at {path!r}. Correct pagination.{key}.")


def pull(
    connection: Connection,
    name: str,
    options: RestOptions,
    params: dict[str, Any],
    spool: Spool,
    is_past: IsPast | None = None,
) -> None:
    """Pull every page that is not in the spool yet.

    Rows that move between pages while they are pulled make it start again, a few times.

    Args:
        connection: the source.
        name: of the pull, for messages.
        options: what to ask for.
        params: query parameters of the first request, without those of the pagination.
        spool: where the pages go.
        is_past: whether a page's rows go past the window, where they come in its order; the pull ends there.

    Raises:
        RefusedError: for what is no answer, pages without end, or rows that keep moving.
        UnreachableError: when the source does not serve; the spool keeps what came.
        CredentialsError: when it refuses the login; the spool keeps what came.
    """
    for attempt in range(1, PULLS + 1):
        try:
            if not spool.is_complete:
                _pull(connection, name, options, params, spool, is_past)
            return
        except ShiftedError as error:
            if attempt == PULLS:
                raise RefusedError(f"{error} {PULLS} pulls went so; pull when the source is quiet.") from None
            spool.restart()
        except requests.RequestException as error:  # a redirect without end, a link that is no URL
            raise RefusedError(
                f"{name}: the source leads to an address that cannot be asked ({type(error).__name__})."
            ) from None


def _pull(
    connection: Connection,
    name: str,
    options: RestOptions,
    params: dict[str, Any],
    spool: Spool,
    is_past: IsPast | None,
) -> None:
    endpoint = http.endpoint(connection)
    session, auth = login.session(
        endpoint,
        connection,
        max_bytes=options.max_page_bytes,
        max_wait_seconds=options.max_wait_seconds,
        read_seconds=options.timeout_seconds,
    )
    key = login.query_key(connection)
    request = spool.next or Request(options.path, params)
    with session:
        client = _Client(name, options, spool.pages, base_url=endpoint.base_url, session=session, auth=auth)
        for page in client.paginate(
            request.url,
            params=dict(request.params),
            paginator=_paginator(options.pagination, options.total, request.params),
            data_selector=options.records,
            hooks={"response": []},
        ):
            following = None
            if page.paginator.has_next_page and not (is_past and is_past(page)):
                page.request.url = _without(str(page.request.url), key)
                following = Request(page.request.url, cast("dict[str, Any]", page.request.params or {}))
            _keep(spool, name, page, endpoint, key, client.total, following)
            if following and spool.pages >= options.max_pages:
                raise RefusedError(
                    f"{name} has more than {options.max_pages:,} pages. Is its pagination without end? "
                    "If not, raise max_pages, or ask for more rows per page."
                )
            if following is None:
                break
    if spool.total is not None and spool.rows != spool.total:
        raise ShiftedError(f"{name}: the source says {spool.total:,} rows and delivered {spool.rows:,}.")
    spool.finish()


def _keep(
    spool: Spool,
    name: str,
    page: Any,
    endpoint: http.Endpoint,
    key: str | None,
    total: int | None,
    following: Request | None,
) -> None:
    """Add a page to the spool, unless it was there before."""
    response: requests.Response = page.response
    asked = _without(str((response.history or [response])[0].request.url), key)
    parts = urlsplit(asked)
    if (parts.scheme, parts.netloc) == urlsplit(endpoint.base_url)[:2]:
        asked = urlunsplit(("", "", *parts[2:]))  # the host belongs to the connection
    place = f"{name}: page {spool.pages + 1}"
    seen = [_digest(asked.encode())]
    if page:
        seen.append(_digest(_encoded(page)))
    if seen[0] in spool.seen:
        raise RefusedError(f"{place} was asked for before: the pagination goes round. Tell the source.")
    if seen[-1] in spool.seen:
        raise RefusedError(
            f"{place} brings the same rows as one before: the source does not go on to the next page. "
            "Check pagination in the site file."
        )
    if spool.pages and total != spool.total:
        raise ShiftedError(f"{name}: rows came or went while pages were pulled (total was {spool.total:,}).")
    frame = {"url": sanitize_url(asked), "status": response.status_code, "rows": len(page), "seen": seen}
    spool.add(frame, response.content, total, following)


def _encoded(rows: list[Any]) -> bytes:
    try:
        return msgspec.json.encode(list(rows))
    except UnicodeEncodeError:
        return json.dumps(rows).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _without(url: str, key: str | None) -> str:
    """A URL without the query parameter that carries the key; the login adds it anew."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if key is None or all(name != key for name, _ in query):
        return url
    return urlunsplit(parts._replace(query=urlencode([item for item in query if item[0] != key])))


def _near(document: Any, path: str) -> str | None:
    """Where a page does hold a next cursor or link, beside the place where it should."""
    outer, _, leaf = path.rpartition(".")
    for inside in found(outer, document) if outer else [document]:
        for key, value in inside.items() if isinstance(inside, dict) else ():
            if re.search("next|cursor", str(key), re.IGNORECASE) and value and key != leaf:
                return f"{outer}.{key}" if outer else str(key)
    return None


def _hint(document: Any) -> str:
    at, rows = find_response_page_data(document)
    return f" There is a list at {'.'.join(at)!r}." if at != ("$",) and isinstance(rows, list) else ""


def _instead_of_json(response: requests.Response) -> str:
    """What came, in words that cannot hold anything personal."""
    kind = response.headers.get("Content-Type", "no content type").partition(";")[0].strip()[:80]
    body = response.content
    if not body.strip():
        return f"is empty ({kind}). Look at the source: it says that all is well and sends nothing."
    start = body[:4096].decode(errors="replace")
    if match := _TITLE.search(start):
        title = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", match[1])).split())[:80]
        return f"is a web page titled {title!r} ({kind}), not JSON. Is it a login page? Check the connection."
    if "json" in kind.lower():
        return f"is JSON that is damaged or cut off ({kind}, {len(body):,} bytes). Pull again."
    return f"is not JSON ({kind}, {len(body):,} bytes). Check path and connection."
