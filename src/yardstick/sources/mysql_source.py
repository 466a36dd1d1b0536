"""Pulls from MySQL and MariaDB: one unbuffered query in a read-only snapshot, every value as the server writes it.

PyMySQL has no public way to bound the size of a row or to leave a result half-read. What of its inside is
needed for that stands in ``_Session``, and the tests against a real server hold it.
"""

from __future__ import annotations

import re
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pymysql
from pymysql.connections import MAX_PACKET_LEN, TEXT_TYPES
from pymysql.constants import CR, ER
from pymysql.protocol import MysqlPacket

from yardstick.errors import CredentialsError, UnreachableError
from yardstick.sources import copy_text, query
from yardstick.sources.database_pull import Pull
from yardstick.sources.delivery import RefusedError

if TYPE_CHECKING:
    from yardstick.sources.connections import Connection

CONNECT_SECONDS = 10
EXTRA = ("ssl_mode", "ssl_ca", "ssl_cert", "ssl_key", "connect_timeout")
SSL_MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")
MAX_ROW_BYTES = 64 << 20

_BINARY_CHARSET = 63
_ACCOUNT_LOCKED, _MARIADB_ACCOUNT_LOCKED, _HOST_DENIED_PLUGIN = 3118, 4151, 1698
_NO_AUTH_PLUGIN, _CLIENT_AUTH_PLUGIN = 1251, 2059
_KILLED = 1927  # MariaDB
_READ_ONLY = 1792
_LOGIN_REFUSED = (
    ER.ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, ER.HOST_NOT_PRIVILEGED, ER.MUST_CHANGE_PASSWORD,
    ER.MUST_CHANGE_PASSWORD_LOGIN, _ACCOUNT_LOCKED, _MARIADB_ACCOUNT_LOCKED, _HOST_DENIED_PLUGIN, _NO_AUTH_PLUGIN,
    _CLIENT_AUTH_PLUGIN,
)  # fmt: skip
_MAY_PASS = (
    ER.CON_COUNT_ERROR, ER.HOST_IS_BLOCKED, ER.TOO_MANY_USER_CONNECTIONS, ER.USER_LIMIT_REACHED,
    ER.SERVER_SHUTDOWN, ER.NORMAL_SHUTDOWN, ER.QUERY_INTERRUPTED, ER.LOCK_DEADLOCK, _KILLED,
    ER.DISK_FULL, ER.OUTOFMEMORY, ER.OUT_OF_RESOURCES, ER.NET_READ_ERROR, ER.NET_READ_INTERRUPTED,
    ER.NET_ERROR_ON_WRITE, ER.NET_WRITE_INTERRUPTED,
)  # fmt: skip
# Their messages name tables, columns and the query; those of others quote values.
_NAMES_ONLY = (
    ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR, ER.PARSE_ERROR, ER.SYNTAX_ERROR, ER.BAD_TABLE_ERROR, ER.NON_UNIQ_ERROR,
    ER.SP_DOES_NOT_EXIST, ER.VIEW_INVALID, _READ_ONLY,
)  # fmt: skip
_CUT_BY_SERVER = (ER.WARN_ALLOWED_PACKET_OVERFLOWED, ER.CUT_VALUE_GROUP_CONCAT)
_GARBAGE = (struct.error, IndexError, ValueError, AssertionError, TypeError, OSError)


class _LongRowError(Exception):
    """A row larger than we keep in memory; carries its first part."""

    def __init__(self, start: bytes) -> None:
        super().__init__("row too long")
        self.start = start


class _Session(pymysql.connections.Connection):
    """A connection whose rows have a largest size and whose results may be left half-read."""

    _result: Any
    _start = b""
    _row_bytes = 0

    def _read_packet(self, packet_type: Any = MysqlPacket) -> Any:
        self._row_bytes = 0
        return super()._read_packet(packet_type)

    def _read_bytes(self, num_bytes: int) -> bytes:
        data: bytes = super()._read_bytes(num_bytes)
        if num_bytes == MAX_PACKET_LEN:  # one of several parts of a row
            if not self._row_bytes:
                self._start = data
            self._row_bytes += num_bytes
            if self._row_bytes > MAX_ROW_BYTES:
                raise _LongRowError(self._start)
        return data

    def wait_at_most(self, seconds: float) -> None:
        """How long one answer may take from now on."""
        self._read_timeout = seconds

    def select(self, statement: str) -> tuple[list[tuple[str, bool]], Iterator[tuple[bytes | None, ...]]]:
        """Run a query; column names with whether they are binary, and the rows as they arrive."""
        self.query(statement, unbuffered=True)
        result = self._result
        if result.description is None:
            raise pymysql.err.ProgrammingError(ER.PARSE_ERROR, "the statement returns no rows")
        columns = [
            (column.name, column.type_code in TEXT_TYPES and column.charsetnr == _BINARY_CHARSET)
            for column in result.fields
        ]
        return columns, iter(result._read_rowdata_packet_unbuffered, None)

    def warning_count(self) -> int:
        """Warnings of the query that was read to its end."""
        return int(self._result.warning_count) if self._result else 0

    def abandon(self) -> None:
        """Close without reading the rest of a result."""
        if self._result is not None:
            self._result.unbuffered_active = False
            self._result = None
        if self.open:
            self.close()


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
        statement = query.check(pull.query, "mysql")
    except query.QueryError as error:
        raise RefusedError(f"{pull.name}: the query {error}") from None
    session = _connect(connection, pull)
    try:
        _prepare(session, pull)
        columns, found = session.select(query.bind(statement, lambda which: _literal(pull, which)))
        names = [name for name, _ in columns]
        pull.check_columns(names)
        for name, is_binary in columns:
            if is_binary:
                raise pull.binary(name, "hex(…), or … + 0 for a bit")
        yield names, _lines(session, pull, names, found)
    except pymysql.MySQLError as error:
        raise _meaning(error, pull) from None
    finally:
        session.abandon()


def _connect(connection: Connection, pull: Pull) -> _Session:
    seconds = float(connection.extra.get("connect_timeout", CONNECT_SECONDS))
    mode, context = _tls(connection)
    try:
        return _Session(
            host=connection.host,
            port=connection.port or 3306,
            user=connection.login,
            password=connection.password.encode(),
            database=connection.schema or None,
            charset="utf8mb4",
            use_unicode=False,  # bytes as the server sends them; they are decoded when they are read
            conv={},
            autocommit=None,
            connect_timeout=seconds,
            read_timeout=seconds,
            write_timeout=seconds,
            program_name=pull.application,
            ssl=context,
            ssl_disabled=mode == "disabled",
        )
    except pymysql.MySQLError as error:
        raise _no_session(error, pull) from None
    except _GARBAGE as error:
        raise UnreachableError(
            f"Connection {pull.connection_id}: what answers there is no MySQL or MariaDB ({type(error).__name__})."
        ) from None


def _tls(connection: Connection) -> tuple[str, ssl.SSLContext | None]:
    """The mode, in the words of MySQL's own client, and the context; None lets the driver take what is offered."""
    given = {key: str(value) for key, value in connection.extra.items()}
    mode = given.get("ssl_mode", "verify_ca" if "ssl_ca" in given else "preferred").lower()
    if mode not in SSL_MODES:
        raise CredentialsError(
            f"Connection {connection.id}: ssl_mode is not known. Use one of {', '.join(SSL_MODES)}."
        )
    if mode in ("disabled", "preferred"):
        return mode, None
    try:
        context = ssl.create_default_context(cafile=given.get("ssl_ca"))
        if "ssl_cert" in given:
            context.load_cert_chain(given["ssl_cert"], given.get("ssl_key"))
    except (OSError, ValueError) as error:
        raise CredentialsError(
            f"Connection {connection.id}: its certificates cannot be read ({error}). Correct ssl_ca, ssl_cert "
            "and ssl_key."
        ) from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # certificates that a server makes itself do not pass it
    context.check_hostname = mode == "verify_identity"
    context.verify_mode = ssl.CERT_NONE if mode == "required" else ssl.CERT_REQUIRED
    return mode, context


def _prepare(session: _Session, pull: Pull) -> None:
    """Begin the snapshot, bounded, with moments in the site's time zone."""
    session.wait_at_most(pull.statement_timeout_seconds + 10)  # so that the server's own limit comes first
    limit = pull.statement_timeout_seconds
    is_mariadb = "mariadb" in session.get_server_info().lower()
    for statement in (
        "set session transaction isolation level repeatable read, read only",
        f"set session max_statement_time = {limit}"
        if is_mariadb
        else f"set session max_execution_time = {limit * 1000}",
        f"set session lock_wait_timeout = {pull.lock_timeout_seconds}, "
        f"session innodb_lock_wait_timeout = {pull.lock_timeout_seconds}",
        # The server cuts what group_concat joins at its own limit; ours refuses instead.
        f"set session group_concat_max_len = {4 * (pull.max_cell_characters + 1)}",
    ):
        session.query(statement)
    _set_time_zone(session, pull)
    session.query("start transaction with consistent snapshot, read only")


def _set_time_zone(session: _Session, pull: Pull) -> None:
    """By name; by its offset where the server knows no names and the zone never changes its offset."""
    try:
        session.query(f"set session time_zone = '{pull.zone.key}'")
    except pymysql.MySQLError as error:
        if error.args[0] != ER.UNKNOWN_TIME_ZONE:
            raise
        offset = constant_offset(pull.zone)
        if offset is None:
            raise RefusedError(
                f"{pull.name}: the database does not know the time zone {pull.zone.key}, whose offset changes in "
                "summer. Have its time zone tables loaded (mysql_tzinfo_to_sql)."
            ) from None
        session.query(f"set session time_zone = '{offset}'")


def constant_offset(zone: ZoneInfo, now: datetime | None = None) -> str | None:
    """The offset from UTC that a zone has had since 2000 and will have for a year, as MySQL writes it."""
    moment, end = datetime(2000, 1, 1, tzinfo=UTC), (now or datetime.now(UTC)) + timedelta(days=366)
    offsets = set()
    while moment < end:
        offsets.add(moment.astimezone(zone).strftime("%z"))
        moment += timedelta(days=7)
    if len(offsets) > 1:
        return None
    (offset,) = offsets
    return f"{offset[:3]}:{offset[3:5]}"


def _literal(pull: Pull, which: str) -> str:
    value = pull.window.value(which) if pull.window else None
    if isinstance(value, datetime):
        return f"timestamp'{value:%Y-%m-%d %H:%M:%S}'"
    return f"date'{value.isoformat()}'" if isinstance(value, date) else str(value)


def _lines(
    session: _Session, pull: Pull, names: list[str], found: Iterator[tuple[bytes | None, ...]]
) -> Iterator[bytes]:
    limit = pull.max_cell_characters
    try:
        for cells in found:
            row = copy_text.line(cells)
            if len(row) > limit and (at := copy_text.too_long(row, limit)) is not None:
                raise pull.too_long(names[at])
            yield row
    except _LongRowError as error:
        raise pull.too_long(names[_long_cell(error.start, len(names))]) from None
    if session.warning_count():
        for _, code, _ in session.show_warnings() or ():
            if int(code) in _CUT_BY_SERVER:
                raise RefusedError(
                    f"{pull.name}: the server cut a value that is longer than its max_allowed_packet or "
                    "group_concat_max_len. Ask for less in the query, or have the server's limit raised."
                )


def _long_cell(start: bytes, width: int) -> int:
    """Position of the cell that reaches beyond the first packet of a row."""
    packet = MysqlPacket(start, "utf8")
    for index in range(width):
        try:
            packet.read_length_coded_string()
        except (AssertionError, IndexError, struct.error):
            return index
    return width - 1


def _no_session(error: pymysql.MySQLError, pull: Pull) -> Exception:
    """What a failed connection means; never repeats the message, which names the login."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    place = f"Connection {pull.connection_id}"
    if code == ER.BAD_DB_ERROR:
        return CredentialsError(f"{place}: the server has no such database. Correct its schema.")
    if code in _LOGIN_REFUSED:
        return CredentialsError(
            f"{place}: the database refuses the login. Correct login and password, or let the login in."
        )
    if code == CR.CR_SSL_CONNECTION_ERROR or "certificate" in str(error).lower():
        return CredentialsError(
            f"{place}: no secure connection: certificates and ssl_… do not fit the server. Correct its extra."
        )
    return UnreachableError(f"{place}: the database cannot be reached, or takes no more sessions.")


def _meaning(error: pymysql.MySQLError, pull: Pull) -> Exception:
    """What an error of a session means."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    place = f"{pull.name} (connection {pull.connection_id})"
    if code in (ER.STATEMENT_TIMEOUT, ER.QUERY_TIMEOUT):
        return UnreachableError(
            f"{place}: the query took longer than {pull.statement_timeout_seconds} s and was ended. "
            "Ask for less, let the column of {from} be indexed, or raise statement_timeout_seconds."
        )
    if code == ER.LOCK_WAIT_TIMEOUT:
        return UnreachableError(
            f"{place}: a table of the query stays locked for more than {pull.lock_timeout_seconds} s "
            "(lock_timeout_seconds)."
        )
    if code < ER.ERROR_FIRST or CR.CR_ERROR_FIRST <= code < 3000 or code in _MAY_PASS:
        return UnreachableError(f"{place}: the line to the database broke, or it ended the session ({code}).")
    told = re.sub(r"'[^']*'@'[^']*'", "the login", str(error.args[1]) if len(error.args) > 1 else "")
    if code == _READ_ONLY:
        return RefusedError(f"{pull.name}: the query writes: {told}. A pull only reads; correct the query.")
    if code not in _NAMES_ONLY and "denied" not in told:
        told = re.sub(r"'[^']*'", "'…'", told)
    return RefusedError(f"{pull.name}: the database refuses the query: {told} ({code}). Correct the query.")
