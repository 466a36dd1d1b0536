"""As whom a source system is asked: the logins an HTTP connection can declare in its ``extra``."""

from __future__ import annotations

import logging
from urllib.parse import urljoin

import requests
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    BearerTokenAuth,
    HttpBasicAuth,
    OAuth2ClientCredentials,
)
from requests.auth import AuthBase

from yardstick.errors import CredentialsError
from yardstick.sources.connections import Connection
from yardstick.sources.http import Adapter, Endpoint, authority

AUTHS = ("none", "basic", "bearer", "api_key", "oauth2_client_credentials")
TOKEN_BYTES = 1 << 20


def session(
    endpoint: Endpoint,
    connection: Connection,
    *,
    max_bytes: int,
    max_wait_seconds: float,
    read_seconds: float,
) -> tuple[requests.Session, AuthBase | None]:
    """A session that may talk to an endpoint, and the login to use with it.

    Raises:
        CredentialsError: when the connection's ``extra`` does not say how to log in.
    """
    bounds = {"max_wait_seconds": max_wait_seconds, "read_seconds": read_seconds}
    adapter = Adapter(endpoint, max_bytes=max_bytes, **bounds)
    adapter.auth = _auth(endpoint, connection, bounds)
    return _session(adapter, connection), adapter.auth


def _session(adapter: Adapter, connection: Connection) -> requests.Session:
    made = requests.Session()
    made.trust_env = False  # no login from a .netrc, no proxy that would answer for forbidden addresses
    made.max_redirects = 5
    made.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip, deflate"})
    headers = connection.extra.get("headers") or {}
    if not isinstance(headers, dict):
        raise CredentialsError(
            f"Connection {connection.id}: extra.headers is not an object of names and values. Correct it."
        )
    made.headers.update({str(name): str(value) for name, value in headers.items()})
    made.verify = connection.extra.get("ca_file") or True
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made


def query_key(connection: Connection) -> str | None:
    """Name of the query parameter that carries the key; None when no parameter does."""
    param = connection.extra.get("param")
    return str(param) if connection.extra.get("auth") == "api_key" and param else None


def _auth(endpoint: Endpoint, connection: Connection, bounds: dict[str, float]) -> AuthBase | None:
    extra = connection.extra
    kind = extra.get("auth", "basic" if connection.login else "none")
    if kind not in AUTHS:
        raise CredentialsError(
            f"Connection {connection.id}: extra.auth is none of {', '.join(AUTHS)}. Correct it."
        )
    if kind == "none":
        return None
    if not connection.password:
        raise CredentialsError(
            f"Connection {connection.id}: auth {kind} needs the password (key, token or secret). Add it."
        )
    if kind == "basic":
        return HttpBasicAuth(connection.login, connection.password)
    if kind == "bearer":
        return BearerTokenAuth(connection.password)
    if kind == "api_key":
        if param := query_key(connection):
            # urllib3 writes every URL to its debug log, and this one holds the key.
            logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
            return APIKeyAuth(param, connection.password, "query")
        return APIKeyAuth(str(extra.get("header", "X-API-Key")), connection.password, "header")
    url = extra.get("token_url")
    if not isinstance(url, str) or not connection.login:
        raise CredentialsError(
            f"Connection {connection.id}: auth {kind} needs extra.token_url and the login (client id). "
            "Add them."
        )
    url = urljoin(f"{endpoint.scheme}://{endpoint.host}:{endpoint.port}/", url)
    scheme, host, port = authority(url)
    issuer = Endpoint(connection.id, url, scheme, host, port)
    data = {"scope": extra["scope"]} if extra.get("scope") else {}
    auth = ClientCredentials(
        access_token_url=url,
        client_id=connection.login,
        client_secret=connection.password,
        access_token_request_data=data,
        session=_session(Adapter(issuer, max_bytes=TOKEN_BYTES, **bounds), connection),
    )
    auth.connection_id = connection.id
    return auth


class ClientCredentials(OAuth2ClientCredentials):
    """OAuth2 client credentials whose failures name the connection and nothing else."""

    connection_id = ""

    def obtain_token(self) -> None:
        """Ask for a token.

        Raises:
            CredentialsError: when there is none to be had.
        """
        try:
            super().obtain_token()
        except (requests.RequestException, ValueError, TypeError, AttributeError):
            self.access_token = None
        if not self.access_token or self.access_token == "None":  # noqa: S105 (what dlt makes of no token)
            raise CredentialsError(
                f"Connection {self.connection_id}: no token from extra.token_url. "
                "Check the address, the login (client id), the password (client secret) and the scope."
            )
