"""Tell a person outside Airflow: by the connection ``yardstick_alerts``, when there is one.

``http``/``https`` posts JSON to a chat's web hook, ``smtp`` sends a mail. Extra of the connection: ``path`` (of the
web hook, with its key) and ``form`` (``text``: ``{"text": …}``, as Slack and Teams take it, the default;
``content``: ``{"msgtype": "text", "text": {"content": …}}``, as WeCom and DingTalk take it); ``from``, ``to`` (one
address or a list) and ``tls`` (``starttls``, the default; ``none``) of mails.
"""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from typing import Any

import httpx

from yardstick.errors import CredentialsError
from yardstick.sources import connections
from yardstick.sources.connections import Connection

CONNECTION = "yardstick_alerts"
_SECONDS = 20


def send(subject: str, text: str) -> bool | None:
    """Send a message; trouble on the way is printed and never stops a run.

    Args:
        subject: one line.
        text: plain text.

    Returns:
        Whether it was sent; None when no connection is defined.
    """
    try:
        connection = connections.get(CONNECTION)
    except CredentialsError:
        return None
    try:
        if connection.kind in ("http", "https"):
            _post(connection, subject, text)
        elif connection.kind in ("smtp", "email"):
            _mail(connection, subject, text)
        else:
            print(
                f"connection {CONNECTION} is of type {connection.kind!r}; use http, https or smtp", flush=True
            )
            return False
    except (httpx.HTTPError, OSError, smtplib.SMTPException, ValueError) as error:
        print(f"the alert was not sent by connection {CONNECTION}: {type(error).__name__}", flush=True)
        return False
    return True


def _post(connection: Connection, subject: str, text: str) -> None:
    scheme = connection.schema or connection.kind
    host = connection.host if "://" in connection.host else f"{scheme}://{connection.host}"
    port = f":{connection.port}" if connection.port else ""
    message = f"{subject}\n{text}"
    body: dict[str, Any] = {"text": message}
    if connection.extra.get("form") == "content":
        body = {"msgtype": "text", "text": {"content": message}}
    path = "/" + str(connection.extra.get("path", "")).lstrip("/")
    answer = httpx.post(f"{host}{port}{path}", json=body, timeout=_SECONDS)
    answer.raise_for_status()


def _mail(connection: Connection, subject: str, text: str) -> None:
    to = connection.extra.get("to", [])
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = str(connection.extra.get("from") or connection.login)
    message["To"] = ", ".join([to] if isinstance(to, str) else to)
    message.set_content(text)
    with smtplib.SMTP(connection.host, connection.port or 587, timeout=_SECONDS) as server:
        if connection.extra.get("tls", "starttls") == "starttls":
            server.starttls(context=ssl.create_default_context())
        if connection.login:
            server.login(connection.login, connection.password)
        server.send_message(message)
