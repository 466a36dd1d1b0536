"""Pulls from PostgreSQL: one COPY of the query in a read-only snapshot, every value as the server writes it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from yardstick.errors import CredentialsError, UnreachableError
from yardstick.sources import copy_text, query
from yardstick.sources.database_pull import Pull
from yardstick.sources.delivery import RefusedError

if TYPE_CHECKING:
    from yardstick.sources.connections import Connection

CONNECT_SECONDS = 10
EXTRA = (
    "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "ssl_min_protocol_version", "channel_binding",
    "gssencmode", "target_session_attrs", "connect_timeout",
)  # fmt: skip

_BYTEA = (17, 1001)
_TEXT = (25, 1043, 114, 3802)  # text, varchar, json, jsonb: the cast to text is what the server writes
# Types whose text is short by nature: bool, "char", name, int8, int2, int4, oid, float4, float8, money, macaddr,
# inet, cidr, date, time, timestamp, timestamptz, interval, timetz, numeric, uuid.
_SHORT = (
    16, 18, 19, 20, 21, 23, 26, 700, 701, 790, 829, 869, 650, 1082, 1083, 1114, 1184, 1186, 1266, 1700, 2950,
)  # fmt: skip
_BPCHAR, _VARCHAR = 1042, 1043
_LENGTH_OFFSET = 4  # of a type modifier

# A failed login has no SQLSTATE in libpq, and its words are in the server's language.
_FROM_SERVER = re.compile(r": [^\s:]+:  ")
_NO_DATABASE = re.compile(r'database ".*" does not exist|数据库.*不存在')
_NO_LOGIN = re.compile(
    r"authentication failed|role .* does not exist|no pg_hba\.conf entry|not permitted to log in|permission denied"
    r"|no password supplied|认证失败|角色.*不存在|没有用于主机|没有登录|权限"
)
_NO_TLS = re.compile(r"does not support SSL|certificate|alert|private key|channel binding|sslmode")


@contextmanager
def rows(connection: Connection, pull: Pull) -> Iterator[tuple[list[str], Iterator[bytes]]]:
    """Run the query of a pull.

    Yields:
        Column names, and the rows in COPY text form as they arrive.

    Raises:
        RefusedError: for a query or a result that is no delivery.
        CredentialsError: for a login that is refused.
        UnreachableError: for trouble that may pass; also while rows are read.
    """
    try:
        statement = query.check(pull.query, "postgres")
    except query.QueryError as error:
        raise RefusedError(f"{pull.name}: the query {error}") from None
    session = _connect(connection, pull)
    started = time.monotonic()
    try:
        with session, session.cursor() as cursor:
            _prepare(cursor, pull)
            statement = query.bind(statement, lambda which: _literal(pull, which, session))
            cursor.execute(f"select * from (\n{statement}\n) as pulled limit 0".encode())  # noqa: S608 (checked)
            names = [column.name for column in cursor.description or ()]
            pull.check_columns(names)
            wanted = _bounded(cursor, pull, names, statement)
            with cursor.copy(f"copy ({wanted}\n) to stdout (format text, null '')".encode()) as copy:
                yield names, _lines(copy, pull, names)
    except psycopg.Error as error:
        raise _meaning(error, pull, time.monotonic() - started) from None


def _connect(connection: Connection, pull: Pull) -> psycopg.Connection[Any]:
    given = {key: str(value) for key, value in connection.extra.items()}
    try:
        session = psycopg.connect(
            **{  # type: ignore[arg-type]
                "connect_timeout": CONNECT_SECONDS,
                **given,
                "host": connection.host,
                "port": connection.port or 5432,
                "user": connection.login,
                "password": connection.password,
                "dbname": connection.schema,
                "application_name": pull.application,
                "client_encoding": "UTF8",
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 3,
            }
        )
    except psycopg.Error as error:
        raise _no_session(error, pull) from None
    session.read_only = True
    session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return session


def _prepare(cursor: psycopg.Cursor[Any], pull: Pull) -> None:
    """Begin the transaction, bounded, with text that does not depend on the server's or role's settings."""
    settings = {
        "statement_timeout": f"{pull.statement_timeout_seconds}s",
        "lock_timeout": f"{pull.lock_timeout_seconds}s",
        "timezone": pull.zone.key,
        "datestyle": "ISO, YMD",
        "intervalstyle": "postgres",
        "extra_float_digits": "1",
    }
    cursor.execute(
        "select set_config(name, value, true) from unnest(%s::text[], %s::text[]) as setting (name, value)",
        [list(settings), list(settings.values())],
    )


def _literal(pull: Pull, which: str, session: psycopg.Connection[Any]) -> str:
    value: Any = pull.window.value(which) if pull.window else None
    kind = "bigint" if isinstance(value, int) else "timestamptz"
    if type(value) is date:
        kind = "date"
    return f"{sql.Literal(str(value)).as_string(session)}::{kind}"


def _bounded(cursor: psycopg.Cursor[Any], pull: Pull, names: list[str], statement: str) -> str:
    """The statement, long texts cut by the server just behind the limit, so that no cell fills our memory."""
    result = cursor.pgresult
    assert result is not None  # noqa: S101 (the statement was just described)
    cut = pull.max_cell_characters + 1
    cells = []
    for index, name in enumerate(names):
        kind, modifier = result.ftype(index), result.fmod(index)
        cell = f"c{index}"
        if kind in _BYTEA:
            raise pull.binary(name, "encode(…, 'hex')")
        is_short = kind in _SHORT or (
            kind in (_VARCHAR, _BPCHAR) and 0 < modifier - _LENGTH_OFFSET <= pull.max_cell_characters
        )
        if is_short:
            cells.append(cell)
        elif kind in _TEXT:
            cells.append(f"left({cell}::text, {cut})")
        else:
            cells.append(f"left(format('%s', {cell}), {cut})")
    if all("(" not in cell for cell in cells):
        return statement
    columns = ", ".join(f"c{index}" for index in range(len(names)))
    return f"select {', '.join(cells)} from (\n{statement}\n) as pulled ({columns})"  # noqa: S608 (checked)


def _lines(copy: psycopg.Copy, pull: Pull, names: list[str]) -> Iterator[bytes]:
    limit = pull.max_cell_characters
    for data in copy:  # libpq hands out whole rows, one at a time
        if len(data) > limit and (at := copy_text.too_long(bytes(data), limit)) is not None:
            raise pull.too_long(names[at])
        yield bytes(data)


def _no_session(error: psycopg.Error, pull: Pull) -> Exception:
    """What a failed connection means; never repeats the message, which names the login."""
    text = str(error)
    place = f"Connection {pull.connection_id}"
    if _NO_DATABASE.search(text):
        return CredentialsError(f"{place}: the server has no such database. Correct its schema.")
    if _NO_LOGIN.search(text):
        return CredentialsError(
            f"{place}: the database refuses the login. Correct login and password, or let the login in."
        )
    if not _FROM_SERVER.search(text) and _NO_TLS.search(text):
        return CredentialsError(
            f"{place}: no secure connection: certificates or sslmode do not fit the server. Correct its extra."
        )
    return UnreachableError(f"{place}: the database cannot be reached, or takes no more sessions.")


def _meaning(error: psycopg.Error, pull: Pull, seconds: float) -> Exception:
    """What an error of a session means."""
    code = error.sqlstate or ""
    place = f"{pull.name} (connection {pull.connection_id})"
    if code == "57014":
        if seconds >= pull.statement_timeout_seconds:
            return UnreachableError(
                f"{place}: the query took longer than {pull.statement_timeout_seconds} s and was ended. "
                "Ask for less, let the column of {from} be indexed, or raise statement_timeout_seconds."
            )
        return UnreachableError(f"{place}: somebody at the database cancelled the query.")
    if code == "55P03":
        return UnreachableError(
            f"{place}: a table of the query stays locked for more than {pull.lock_timeout_seconds} s "
            "(lock_timeout_seconds)."
        )
    if code[:2] in ("", "08", "40", "53", "57", "58"):
        return UnreachableError(
            f"{place}: the line to the database broke, or it ended the session ({code or 'no answer'})."
        )
    if code[:2] == "28":
        return CredentialsError(f"Connection {pull.connection_id}: the database refuses the login.")
    told = error.diag.message_primary or ""
    if code[:2] not in ("42", "25", "0A"):  # those name tables and columns; others quote values
        told = re.sub(r'"[^"]*"', '"…"', told)
    if code == "25006":
        return RefusedError(f"{pull.name}: the query writes: {told}. A pull only reads; correct the query.")
    return RefusedError(f"{pull.name}: the database refuses the query: {told} ({code}). Correct the query.")
