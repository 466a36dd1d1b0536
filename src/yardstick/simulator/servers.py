"""The simulated systems' APIs: real HTTP on loopback, with the manners and the moods of real ones.

Moods are counted, not drawn: every so many requests one is asked to wait, one fails, one token is dead.
What is served is immutable, so a window asked for twice brings the same rows.
"""

from __future__ import annotations

import base64
import json
import mmap
import secrets
import threading
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ZONE = timezone(timedelta(hours=8))
CLIENT = "yardstick"
BUSY_EVERY = 211  # requests, of which one is told to wait
FAILING_EVERY = 307
DEAD_TOKEN_EVERY = 101
WAIT_SECONDS = 1
TOKEN_SECONDS = 300


class Book:
    """The rows of one entity, in the order in which they were recorded.

    Args:
        path: lines of moment, tab and JSON object.
    """

    def __init__(self, path: Path) -> None:
        self._stream = path.open("rb")
        size = path.stat().st_size
        self._bytes = mmap.mmap(self._stream.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        self._moments: list[bytes] = []
        self._starts = array("Q")
        start = 0
        while start < size:
            tab = self._bytes.find(b"\t", start)
            self._moments.append(self._bytes[start:tab])
            self._starts.append(tab + 1)
            start = self._bytes.find(b"\n", tab) + 1
        self._ends = array(
            "Q",
            [start - len(moment) - 2 for start, moment in zip(self._starts, self._moments, strict=True)][1:],
        )
        self._ends.append(size - 1 if size else 0)

    def __len__(self) -> int:
        return len(self._moments)

    def window(self, since: str | None, until: str | None) -> tuple[int, int]:
        """Positions of the rows recorded from ``since`` on and before ``until``."""
        first = bisect_left(self._moments, _local(since)) if since else 0
        last = bisect_left(self._moments, _local(until)) if until else len(self)
        return first, max(first, last)

    def page(self, first: int, last: int) -> bytes:
        """Rows from one position up to another, as a JSON list."""
        rows = (self._bytes[self._starts[place] : self._ends[place]] for place in range(first, last))
        return b"[" + b",".join(rows) + b"]"


def _local(text: str) -> bytes:
    """A moment as the books write it; without offset it is local already."""
    moment = datetime.fromisoformat(text.replace(" ", "T", 1) if "T" not in text else text)
    if moment.tzinfo:
        moment = moment.astimezone(ZONE).replace(tzinfo=None)
    return moment.isoformat().encode()


class Api(ThreadingHTTPServer):
    """A system's API.

    Args:
        folder: its books, ``*.jsonl``.
        secret: client secret or API key that lets a caller in.
    """

    daemon_threads = True
    # a company's nightly pulls come many at a time
    request_queue_size = 128

    def __init__(self, folder: Path, secret: str, handler: type[Handler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.books = {path.stem: Book(path) for path in sorted(folder.glob("*.jsonl"))}
        self.secret = secret
        self.tokens: dict[str, bool] = {}
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def count(self, what: str) -> int:
        """Count one more of something."""
        with self._lock:
            self._counts[what] = self._counts.get(what, 0) + 1
            return self._counts[what]

    def issue_token(self) -> str:
        """A token; now and then one that is dead before it is used."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self.tokens[token] = (len(self.tokens) + 1) % DEAD_TOKEN_EVERY != 0
        return token


class Handler(BaseHTTPRequestHandler):
    """What both APIs have in common."""

    protocol_version = "HTTP/1.1"
    server: Api
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: a request is no event."""

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def refuse(self, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> None:
        """Send an error."""
        self.answer(status, json.dumps({"error": status.phrase}).encode(), headers)

    def is_moody(self) -> bool:
        """Whether this request is put off or fails; tells the caller."""
        number = self.server.count("requests")
        if number % BUSY_EVERY == 0:
            self.refuse(HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(WAIT_SECONDS)})
        elif number % FAILING_EVERY == 0:
            self.refuse(HTTPStatus.INTERNAL_SERVER_ERROR)
        else:
            return False
        return True

    def query(self) -> dict[str, str]:
        """The query parameters."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def book(self, prefix: str) -> Book | None:
        """The book that the path names."""
        path = urlsplit(self.path).path
        return self.server.books.get(path.removeprefix(prefix)) if path.startswith(prefix) else None


class HelpdeskHandler(Handler):
    """The ticket system: OAuth2 client credentials, cursor paging, versions by when they were recorded."""

    def do_POST(self) -> None:
        """Issue a token."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        given = {name: values[-1] for name, values in parse_qs(body).items()}
        login, password = given.get("client_id"), given.get("client_secret")
        header = self.headers.get("Authorization", "")
        if header.startswith("Basic "):
            login, _, password = base64.b64decode(header[6:]).decode().partition(":")
        if urlsplit(self.path).path != "/oauth/token" or given.get("grant_type") != "client_credentials":
            self.refuse(HTTPStatus.BAD_REQUEST)
        elif login != CLIENT or not secrets.compare_digest(password or "", self.server.secret):
            self.refuse(HTTPStatus.UNAUTHORIZED)
        else:
            token = {
                "access_token": self.server.issue_token(),
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
            }
            self.answer(HTTPStatus.OK, json.dumps(token).encode())

    def do_GET(self) -> None:
        """A page of a window's versions, in the order in which they were recorded."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not self.server.tokens.get(token):
            self.refuse(HTTPStatus.UNAUTHORIZED)
            return
        if self.is_moody():
            return
        book = self.book("/api/v2/")
        if book is None:
            self.refuse(HTTPStatus.NOT_FOUND)
            return
        query = self.query()
        try:
            size = max(1, min(int(query.get("per_page", 100)), 1000))
            if "cursor" in query:
                first, last = json.loads(base64.urlsafe_b64decode(query["cursor"]))
            else:
                first, last = book.window(query.get("updated_from"), query.get("updated_until"))
        except ValueError:
            self.refuse(HTTPStatus.BAD_REQUEST)
            return
        following = min(first + size, last)
        cursor = b"null"
        if following < last:
            cursor = b'"' + base64.urlsafe_b64encode(json.dumps([following, last]).encode()) + b'"'
        body = b'{"data":{"items":' + book.page(first, following) + b',"next_cursor":' + cursor + b"}}"
        self.answer(HTTPStatus.OK, body)


class AssetsHandler(Handler):
    """The equipment platform: an API key, pages by number for the register and by offset for records."""

    def do_GET(self) -> None:
        """A page."""
        if not secrets.compare_digest(self.headers.get("X-API-Key", ""), self.server.secret):
            self.refuse(HTTPStatus.UNAUTHORIZED)
            return
        if self.is_moody():
            return
        book = self.book("/api/")
        if book is None:
            self.refuse(HTTPStatus.NOT_FOUND)
            return
        query = self.query()
        try:
            first, last = book.window(query.get("recorded_from"), query.get("recorded_until"))
            if "offset" in query:
                size = max(1, min(int(query.get("limit", 100)), 1000))
                start = first + max(0, int(query["offset"]))
            else:
                size = max(1, min(int(query.get("size", 100)), 1000))
                start = first + size * (max(1, int(query.get("page", 1))) - 1)
        except ValueError:
            self.refuse(HTTPStatus.BAD_REQUEST)
            return
        total = last - first
        rows = book.page(min(start, last), min(start + size, last))
        pages = -(-total // size)
        self.answer(HTTPStatus.OK, b'{"rows":%b,"total":%d,"pages":%d}' % (rows, total, pages))


def open_helpdesk(systems: Path, secret: str) -> Api:
    """The ticket system of a company; the caller serves and closes it."""
    return Api(systems / "helpdesk", secret, HelpdeskHandler)


def open_assets(systems: Path, secret: str) -> Api:
    """The equipment platform of a company; the caller serves and closes it."""
    return Api(systems / "assets", secret, AssetsHandler)
