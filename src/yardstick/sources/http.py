"""One careful HTTP line to a source system: who may be asked, how patiently, and how much is read.

Everything the REST connector asks passes through ``Adapter.send``: pages, redirects, links to the next page
and tokens. ``login`` says as whom.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from time import sleep
from typing import Any
from urllib.parse import urlsplit

import requests
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, InvalidHeader, NameResolutionError, NewConnectionError
from urllib3.util import Retry

from yardstick.errors import CredentialsError, UnreachableError
from yardstick.sources.connections import Connection
from yardstick.sources.delivery import RefusedError

CONNECT_SECONDS = 10.0
BACKOFF_SECONDS = 0.5
ATTEMPTS = 5
RATE_LIMIT_WAITS = 30
PAGE_SECONDS = 600.0

_CHUNK = 1 << 16
_PORTS = {"http": 80, "https": 443}
# Cloud metadata services that are not link-local: Alibaba, Azure, Amazon over IPv6.
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("100.100.100.200", "168.63.129.16", "fd00:ec2::254")
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Endpoint:
    """Where an API is, and which other hosts it may lead to.

    Attributes:
        connection_id: for messages.
        base_url: what paths are appended to; without a slash at the end.
        scheme: ``http`` or ``https``.
        host: in lower case.
        port: its port.
        allowed: other hosts that redirects and links may lead to, as ``host`` or ``host:port``.
    """

    connection_id: str
    base_url: str
    scheme: str
    host: str
    port: int
    allowed: frozenset[str] = frozenset()

    def check(self, url: str) -> None:
        """Let pass what belongs to the source.

        Raises:
            RefusedError: for another host, another port of the host, or a step down from https.
        """
        scheme, host, port = authority(url)
        if scheme not in _PORTS or (self.scheme == "https" and scheme != "https"):
            raise RefusedError(
                f"Connection {self.connection_id}: the source leads from {self.scheme} to "
                f"{scheme or 'no protocol'}. Let it answer with {self.scheme} addresses."
            )
        own = host == self.host and (
            port == self.port or (self.scheme, scheme, port) == ("http", "https", 443)
        )
        if not own and not {host, f"{host}:{port}"} & self.allowed:
            raise RefusedError(
                f"Connection {self.connection_id}: the source leads to {host}:{port}, which is not its own "
                f"host {self.host}:{self.port}. If that is right, list it in the connection's extra: "
                f'"allowed_hosts": ["{host}:{port}"].'
            )


def endpoint(connection: Connection) -> Endpoint:
    """Where a connection's API is.

    ``https://host``, a host with kind ``https``, and any kind with schema ``https`` mean the same, as for
    Airflow's own HTTP hook (without its provider Airflow makes every kind ``generic``). ``extra.base_path``
    stands before every path.

    Raises:
        CredentialsError: for a connection that names no HTTP host.
    """
    where = f"Connection {connection.id}"
    scheme, _, rest = connection.host.rpartition("://")
    is_protocol = connection.schema in _PORTS
    scheme = scheme or (connection.schema if is_protocol else connection.kind)
    path = connection.extra.get("base_path") or ("" if is_protocol else connection.schema)
    name, _, own_path = rest.partition("/")
    name = f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name
    if scheme not in _PORTS or not name or not isinstance(path, str):
        raise CredentialsError(
            f"{where} is no address of an HTTP API. Give it a host and the schema https (or http); "
            "extra.base_path may hold the path that all requests begin with."
        )
    url = f"{scheme}://{name}" + (f":{connection.port}" if connection.port else "")
    try:
        _, host, port = authority(url)
    except RefusedError as error:
        raise CredentialsError(f"{where}: {error}") from None
    base = "/".join(part.strip("/") for part in (url, own_path, path) if part.strip("/"))
    return Endpoint(connection.id, base, scheme, host, port, _allowed(connection))


def authority(url: str) -> tuple[str, str, int]:
    """Protocol, host and port of a URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise RefusedError("an address of the source is no URL. Tell whoever runs it.") from None
    return parts.scheme, (parts.hostname or "").lower().rstrip("."), port


def _allowed(connection: Connection) -> frozenset[str]:
    given = connection.extra.get("allowed_hosts") or []
    given = given.split(",") if isinstance(given, str) else given
    if not isinstance(given, list) or not all(isinstance(host, str) for host in given):
        raise CredentialsError(
            f"Connection {connection.id}: extra.allowed_hosts is not a list of host names. Correct it."
        )
    return frozenset(host.strip().lower() for host in given)


def check_addresses(host: str, addresses: Iterable[str]) -> None:
    """Refuse what no source system can be: link-local and metadata addresses, whatever name led there.

    Args:
        host: the name, for the message.
        addresses: what it resolves to.
    """
    for text in addresses:
        address: Any = ipaddress.ip_address(text.partition("%")[0])
        if address.version == 6:
            inner = int(address) & 0xFFFFFFFF if address in _NAT64 else None
            address = (
                address.ipv4_mapped
                or address.sixtofour
                or (ipaddress.IPv4Address(inner) if inner is not None else address)
            )
        if address.is_link_local or address.is_unspecified or address.is_multicast or address in _METADATA:
            raise RefusedError(
                f"{host} is the address {text}, where no source system can be. "
                "Correct the connection's host, or tell whoever runs the source."
            )


class _Guard:
    """Looks at the addresses of a name before it connects, and connects to those very addresses."""

    _dns_host: str
    port: int

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            found = socket.getaddrinfo(name.strip("[]"), self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return super()._new_conn()  # type: ignore[misc] # tells it as urllib3 does
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        check_addresses(name, addresses)
        try:
            for address in addresses:
                self._dns_host = address
                try:
                    return super()._new_conn()  # type: ignore[misc]
                except HTTPError:
                    if address == addresses[-1]:
                        raise
        finally:
            self._dns_host = name
        raise AssertionError("a name has at least one address")


class _GuardedHTTP(_Guard, HTTPConnection):
    pass


class _GuardedHTTPS(_Guard, HTTPSConnection):
    pass


class _PoolHTTP(HTTPConnectionPool):
    ConnectionCls = _GuardedHTTP


class _PoolHTTPS(HTTPSConnectionPool):
    ConnectionCls = _GuardedHTTPS


class Adapter(HTTPAdapter):
    """Sends a request until there is an answer that means something, and reads it up to a bound.

    Server errors, broken lines and time-outs are tried again a few times, ever more slowly; ``Retry-After``
    is obeyed; a token that has expired is renewed once.

    Args:
        endpoint: which hosts may be asked.
        max_bytes: a longer answer is refused.
        max_wait_seconds: longest wait that ``Retry-After`` may ask for.
        read_seconds: longest silence while waiting for an answer.

    Attributes:
        auth: renews its token when it is one of client credentials.
    """

    def __init__(
        self, endpoint: Endpoint, *, max_bytes: int, max_wait_seconds: float, read_seconds: float
    ) -> None:
        super().__init__(max_retries=0)
        self.endpoint = endpoint
        self.max_bytes = max_bytes
        self.max_wait_seconds = max_wait_seconds
        self.read_seconds = read_seconds
        self.auth: AuthBase | None = None

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, with connections that look at addresses first."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PoolHTTP, "https": _PoolHTTPS}

    def send(self, request: requests.PreparedRequest, *_: Any, **kwargs: Any) -> requests.Response:
        """Send a request.

        Returns:
            The answer with its body, when its status is below 500 and none of those below.

        Raises:
            CredentialsError: for 401 and 403.
            UnreachableError: when there is no answer, the server fails, or asks for too long a wait.
            RefusedError: for a host that may not be asked, or too long an answer.
        """
        self.endpoint.check(str(request.url))
        failures = waits = 0
        is_renewed = False
        while True:
            response, why = self._try(request, kwargs)
            status = response.status_code if response is not None else 0
            if status == 401 and not is_renewed and self._renew(request):
                is_renewed = True
                continue
            if status in (401, 403):
                raise CredentialsError(
                    f"Connection {self.endpoint.connection_id}: the source refuses the login (HTTP {status}). "
                    "Correct the connection, or have the source grant it access."
                )
            asked = _retry_after(response) if status in (429, 503) else None
            if asked is not None:
                waits += 1
                self._check_wait(asked, waits, status)
                sleep(asked)
                continue
            if response is not None and status < 500 and status not in (408, 425, 429):
                return response
            failures += 1
            if failures >= ATTEMPTS:
                raise UnreachableError(
                    f"{self.endpoint.host}:{self.endpoint.port} (connection {self.endpoint.connection_id}) "
                    f"does not serve: {why}, {failures} attempts."
                )
            sleep(BACKOFF_SECONDS * 2 ** (failures - 1))

    def _try(
        self, request: requests.PreparedRequest, kwargs: dict[str, Any]
    ) -> tuple[requests.Response | None, str]:
        """One attempt: the answer, or None; and what is wrong in words without any part of the URL."""
        try:
            response = super().send(
                request,
                stream=True,
                timeout=(CONNECT_SECONDS, self.read_seconds),
                verify=kwargs.get("verify", True),
                cert=kwargs.get("cert"),
            )
            with response:
                response._content = self._body(response) if response.status_code < 300 else b""
        except requests.exceptions.SSLError:
            raise UnreachableError(
                f"{self.endpoint.host} (connection {self.endpoint.connection_id}) has a certificate that is "
                "not trusted here, or speaks no TLS. Name its authority's certificate in extra.ca_file."
            ) from None
        except requests.Timeout as error:
            is_connecting = isinstance(error, requests.ConnectTimeout)
            seconds = CONNECT_SECONDS if is_connecting else self.read_seconds
            return None, f"no {'connection' if is_connecting else 'answer'} within {seconds:g} s"
        except requests.RequestException as error:
            return None, _reason(error)
        return response, f"HTTP {response.status_code}"

    def _body(self, response: requests.Response) -> bytes:
        declared = response.headers.get("Content-Length", "")
        body = bytearray()
        until = time.monotonic() + PAGE_SECONDS
        too_long = declared.isdecimal() and int(declared) > self.max_bytes
        if not too_long:
            for piece in response.iter_content(_CHUNK):
                body += piece
                if too_long := len(body) > self.max_bytes:
                    break
                if time.monotonic() > until:
                    raise UnreachableError(
                        f"{self.endpoint.host} (connection {self.endpoint.connection_id}) took more than "
                        f"{PAGE_SECONDS:g} s for one page."
                    )
        if too_long:
            raise RefusedError(
                f"{urlsplit(str(response.url)).path} answers with more than {self.max_bytes:,} bytes. "
                "Ask for fewer rows per page, or raise max_page_bytes."
            )
        return bytes(body)

    def _renew(self, request: requests.PreparedRequest) -> bool:
        if not isinstance(self.auth, OAuth2ClientCredentials) or "Authorization" not in request.headers:
            return False
        self.auth.obtain_token()
        self.auth(request)
        return True

    def _check_wait(self, asked: float, waits: int, status: int) -> None:
        who = f"{self.endpoint.host} (connection {self.endpoint.connection_id})"
        if asked > self.max_wait_seconds:
            raise UnreachableError(
                f"{who} asks for a wait of {asked:g} s (HTTP {status}), more than max_wait_seconds "
                f"({self.max_wait_seconds:g}). The next run goes on where this one stands."
            )
        if waits > RATE_LIMIT_WAITS:
            raise UnreachableError(f"{who} asks for one wait after the other (HTTP {status}, {waits} times).")


def _retry_after(response: requests.Response | None) -> float | None:
    """Seconds that an answer asks to wait; None when it does not say, or not in a way that can be read."""
    header = response.headers.get("Retry-After") if response is not None else None
    try:
        return Retry(retry_after_max=1 << 40).parse_retry_after(header) if header else None
    except InvalidHeader:
        return None


def _reason(error: requests.RequestException) -> str:
    inner = error.args[0] if error.args else None
    cause = getattr(inner, "reason", inner)
    if isinstance(cause, NameResolutionError):
        return "its name is not known"
    if isinstance(cause, NewConnectionError):
        system = cause.__cause__
        return (system.strerror if isinstance(system, OSError) else None) or "no connection"
    return "the line broke"
