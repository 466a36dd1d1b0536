"""Connections to source systems, as Airflow defines them: no secret ever stands in a site file."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from yardstick import settings as settings_module
from yardstick.errors import CredentialsError


@dataclass(frozen=True)
class Connection:
    """Where a source system is and how to log in; its text form shows no login and no secret.

    Attributes:
        id: Airflow's connection id.
        kind: Airflow's connection type (``http``, ``mysql``, ``postgres``, ``sftp``, ``aws`` …), or what
            ``kind`` in extra says: Airflow stores ``generic`` for a type whose provider is not installed.
        host: host name or address; empty when there is none. May carry a protocol, as Airflow allows.
        port: None for the kind's own.
        login: user name or client id; empty when there is none.
        password: password, key, token or client secret; empty when there is none.
        schema: database name; for http the protocol.
        extra: what else the connector needs; the connectors' documentation says which keys.
    """

    id: str
    kind: str
    host: str = ""
    port: int | None = None
    login: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    schema: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


def variable(connection_id: str) -> str:
    """Name of the environment variable that Airflow reads a connection from."""
    return f"AIRFLOW_CONN_{connection_id.upper()}"


def get(connection_id: str) -> Connection:
    """The connection of an id.

    The environment variable ``AIRFLOW_CONN_<ID>`` (Airflow's URI or JSON form) comes first; inside a task,
    Airflow's own store (its secrets backends and its database) is asked next.

    Raises:
        CredentialsError: when it is not defined or cannot be read; the message says how to define it.
    """
    name = variable(connection_id)
    value = settings_module.given(name)[name].strip()
    found = _parsed(connection_id, value) if value else _of_airflow(connection_id)
    try:
        extra = json.loads(found.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise CredentialsError(
            f"Connection {connection_id}: extra is not a JSON object. Correct it in Airflow or in {name}."
        )
    _mask(found.password, extra)
    return Connection(
        id=connection_id,
        kind=str(extra.pop("kind", "") or found.conn_type or ""),
        host=found.host or "",
        port=found.port,
        login=found.login or "",
        password=found.password or "",
        schema=found.schema or "",
        extra=extra,
    )


def _parsed(connection_id: str, value: str) -> Any:
    """A variable's value read by Airflow's own parser, whose messages quote the value and are not passed on."""
    from airflow.sdk import Connection as AirflowConnection

    try:
        if value.startswith("{"):
            return AirflowConnection.from_json(value, conn_id=connection_id)
        return AirflowConnection.from_uri(value, conn_id=connection_id)
    except Exception:
        raise CredentialsError(
            f"Connection {connection_id}: {variable(connection_id)} cannot be read. Write a URI such as "
            "https://login:password@host:443/?extra=value, with every special character percent-encoded, "
            "or JSON with conn_type, host, port, login, password, schema and extra."
        ) from None


def _of_airflow(connection_id: str) -> Any:
    # A task's process has loaded the task runner and holds a line to its supervisor; nobody else may ask.
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    if getattr(runner, "SUPERVISOR_COMMS", None) is not None:
        from airflow.sdk import Connection as AirflowConnection
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            return AirflowConnection.get(connection_id)
        except AirflowNotFoundException:
            pass
    raise CredentialsError(
        f"Connection {connection_id} is not defined. Add it in Airflow (Admin, Connections, or airflow "
        f"connections add {connection_id}), or set the environment variable {variable(connection_id)}."
    )


def _mask(password: str | None, extra: Mapping[str, Any]) -> None:
    """Let Airflow's log blot out the secrets, should a library write them."""
    from airflow.sdk.log import mask_secret

    if password:
        mask_secret(password)
    mask_secret(dict(extra))
