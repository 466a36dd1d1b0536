"""A JSON API on loopback for tests: real sockets, every kind of paging, and whatever trouble a test asks for."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import yaml

from yardstick.contracts import load_contracts
from yardstick.sources.site import Site
from yardstick.sources.site_file import load_sites

CONNECTION = "helpdesk_api"
VARIABLE = "AIRFLOW_CONN_HELPDESK_API"


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    text: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answer:
    """An answer as it goes; a body in pieces is sent chunked."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def pieces(self) -> bytes | Iterable[bytes]:
        if isinstance(self.body, bytes) or hasattr(self.body, "__next__"):
            return self.body
        self.headers.setdefault("Content-Type", "application/json")
        return json.dumps(self.body, ensure_ascii=False).encode()


def status(code: int, **headers: str) -> Callable[[Asked], Answer]:
    """An answer with a status and nothing else."""
    return lambda _: Answer(b"", code, {name.replace("_", "-"): value for name, value in headers.items()})


class Api:
    """What the server knows and does.

    Attributes:
        rows: everything there is, in order.
        cap: most rows of a page, whatever is asked for.
        asked: every request so far, tokens included.
        once: answers to give to the next requests, before anything else.
        check: looks at every request but those for a token; an answer is given instead of the rows.
        routes: paths of a test's own.
        tokens: tokens that are valid.
        total_of: what the API says its total is.
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.cap = 1_000
        self.asked: list[Asked] = []
        self.once: list[Callable[[Asked], Answer | None]] = []
        self.check: Callable[[Asked], Answer | None] = lambda _: None
        self.routes: dict[str, Callable[[Asked], Answer]] = {
            "/cursor": self._cursor,
            "/offset": self._offset,
            "/page": self._page,
            "/link": self._link,
            "/next": self._next,
            "/all": lambda asked: Answer(self._wanted(asked)),
            "/oauth/token": self._token,
        }
        self.tokens: set[str] = set()
        self.total_of: Callable[[list[Any]], Any] = len
        self.address = ""

    @property
    def pages_asked(self) -> list[Asked]:
        """Every request but those for a token."""
        return [asked for asked in self.asked if asked.path != "/oauth/token"]

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.once and (given := self.once.pop(0)(asked)):
            return given
        if asked.path != "/oauth/token" and (given := self.check(asked)):
            return given
        route = self.routes.get(asked.path)
        return route(asked) if route else Answer({"error": "no such path"}, 404)

    def _wanted(self, asked: Asked) -> list[dict[str, Any]]:
        since, until = asked.query.get("updated_from", ""), asked.query.get("updated_until", "9999")
        return [row for row in self.rows if since <= str(row.get("updated_at", since)) < until]

    def _slice(self, asked: Asked, start: int, size: int) -> tuple[list[Any], list[Any], int]:
        wanted = self._wanted(asked)
        end = start + min(size, self.cap)
        return wanted[start:end], wanted, end

    def _cursor(self, asked: Asked) -> Answer:
        start = int(asked.query.get("cursor", "c0")[1:])
        items, wanted, end = self._slice(asked, start, int(asked.query.get("size", 10)))
        meta = {"next": f"c{end}" if end < len(wanted) else None, "total": self.total_of(wanted)}
        return Answer({"data": {"items": items}, "meta": meta})

    def _offset(self, asked: Asked) -> Answer:
        items, wanted, _ = self._slice(asked, int(asked.query["offset"]), int(asked.query["limit"]))
        return Answer({"items": items, "total": self.total_of(wanted)})

    def _page(self, asked: Asked) -> Answer:
        number, size = int(asked.query["page"]), int(asked.query.get("size", 10))
        items, wanted, end = self._slice(asked, (number - 1) * size, size)
        return Answer({"items": items, "pages": -(-len(wanted) // size), "has_more": end < len(wanted)})

    def _link(self, asked: Asked) -> Answer:
        start = int(asked.query.get("start", 0))
        items, wanted, end = self._slice(asked, start, int(asked.query.get("size", 10)))
        following = f'<{self.address}/link?{urlencode(asked.query | {"start": end})}>; rel="next"'
        return Answer(items, headers={"Link": following} if end < len(wanted) else {})

    def _next(self, asked: Asked) -> Answer:
        start = int(asked.query.get("start", 0))
        items, wanted, end = self._slice(asked, start, int(asked.query.get("size", 10)))
        following = f"/next?{urlencode(asked.query | {'start': end})}"  # the key too, as real ones do
        return Answer({"results": items, "next": following if end < len(wanted) else ""})

    def _token(self, asked: Asked) -> Answer:
        form = dict(parse_qsl(asked.body.decode()))
        if (form.get("client_id"), form.get("client_secret")) != ("client", "client-secret"):
            return Answer({"error": "invalid_client"}, 400)
        token = f"token-{len(self.tokens) + 1}-secret"
        self.tokens.add(token)
        return Answer({"access_token": token, "expires_in": 3600, "scope": form.get("scope")})


@contextmanager
def serve(rows: list[dict[str, Any]] | None = None) -> Iterator[Api]:
    """A running server on a free loopback port; stopped at the end."""
    api = Api(rows or [])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = dict(parse_qsl(parts.query))
            asked = Asked(self.command, parts.path, query, parts.query, self.headers, body)
            answer = api.answer(asked)
            pieces = answer.pieces()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            try:
                if isinstance(pieces, bytes):
                    self.send_header("Content-Length", str(len(pieces)))
                    self.end_headers()
                    self.wfile.write(pieces)
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")
            except (BrokenPipeError, ConnectionResetError):  # the client has heard enough
                self.close_connection = True

        do_GET = do_POST = _answer  # noqa: N815 (names that http.server looks for)

        def log_message(self, *_: Any) -> None:
            pass

        def handle(self) -> None:
            with suppress(ConnectionError):
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def connection_json(api: Api, *, login: str = "", password: str = "", **extra: Any) -> str:
    """A connection to the server, as Airflow's JSON."""
    parts = urlsplit(api.address)
    return json.dumps(
        {"conn_type": "http", "host": parts.hostname, "port": parts.port, "login": login or None,
         "password": password or None, "extra": extra}
    )  # fmt: skip


TICKET: dict[str, Any] = {
    "path": "/cursor",
    "records": "data.items",
    "pagination": {"kind": "cursor", "next": "meta.next"},
    "fields": {
        "source_ticket_id": "id",
        "opened_at": "opened_at",
        "status": "status",
        "project_id": "project",
        "service_item_id": "item",
        "department_id": {"column": "team.id", "optional": True},
    },
}


_contracts = cache(load_contracts)


def site_of(folder: Path, **ticket: Any) -> Site:
    """A site with one entity; keys of it replaced, and removed where they are None."""
    given = {key: value for key, value in (copy.deepcopy(TICKET) | ticket).items() if value is not None}
    content = {
        "kind": "site", "source_id": "helpdesk", "names": {"zh": "工单", "en": "Helpdesk"},
        "connector": "rest", "connection": CONNECTION, "time_zone": "Asia/Shanghai",
        "valid_from": "2026-01-01", "entities": {"ticket": given},
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "site.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    (site,) = load_sites(path, _contracts())
    return site


def tickets(count: int, day: str = "2026-01-31") -> list[dict[str, Any]]:
    """Rows of one day, one every minute."""
    return [
        {
            "id": f"T{number:05}", "opened_at": f"{day} {number // 60 % 24:02}:{number % 60:02}",
            "updated_at": f"{day}T{number // 60 % 24:02}:{number % 60:02}:00+08:00", "status": "open",
            "project": "p1", "item": "i1", "team": {"id": "t1"},
        }
        for number in range(count)
    ]  # fmt: skip
