"""Logins for people and BI tools: each sees ``bi`` or ``hr`` as its role allows, and only ever reads.

Who reads ``hr`` is logged in ``ops.hr_read``, by the views themselves.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any, Literal, get_args

import psycopg
from psycopg import sql

from yardstick import warehouse
from yardstick.settings import Settings

Role = Literal["hq", "hr", "pm"]

_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")
_RESERVED = re.compile(r"(pg_|reader_|yardstick|airflow|postgres$|public$)")
_LIMITS = (
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "5min"),
    ("idle_in_transaction_session_timeout", "10min"),
    ("temp_file_limit", "2GB"),
)


class ReaderError(ValueError):
    """A reader cannot be added or removed as asked."""


def add(settings: Settings, name: str, role: Role, projects: Sequence[str] = ()) -> str:
    """Create a reader, or give one that exists a new password, role and projects.

    Args:
        settings: where the warehouse is.
        name: login; lower case letters, digits and underscores.
        role: ``hq`` (all projects), ``hr`` (all projects, persons' results too) or ``pm`` (own projects).
        projects: ids of the projects of a ``pm``.

    Returns:
        The generated password; it is kept nowhere.

    Raises:
        ReaderError: for a name that cannot be one, an unknown role or project, or a login of the server
            that is not ours.
    """
    if not _NAME.fullmatch(name) or _RESERVED.match(name):
        raise ReaderError(
            f"{name!r} cannot be a reader's name: use lower case letters, digits and underscores"
        )
    if role not in get_args(Role):
        raise ReaderError(f"role {role!r} is none of {', '.join(get_args(Role))}")
    if (role == "pm") != bool(projects):
        raise ReaderError("a project manager (pm) needs at least one project; hq and hr take none")
    password = secrets.token_urlsafe(24)
    with warehouse.connect(settings.require_database_url(), name="yardstick-readers") as connection:
        connection.execute("lock table ops.reader in share row exclusive mode")
        known = {row[0] for row in connection.execute("select project_id from publish.project")}
        if unknown := sorted(set(projects) - known):
            raise ReaderError(
                f"unknown project {', '.join(unknown)}; published projects are listed in bi.project"
            )
        _login(connection, name, role, password)
        connection.execute(
            "insert into ops.reader (login, reader_role) values (%s, %s) "
            "on conflict (login) do update set reader_role = excluded.reader_role",
            [name, role],
        )
        connection.execute("delete from ops.reader_project where login = %s", [name])
        for project_id in sorted(set(projects)):
            connection.execute(
                "insert into ops.reader_project (login, project_id) values (%s, %s)", [name, project_id]
            )
    _close_other_databases(settings)
    return password


def remove(settings: Settings, name: str) -> None:
    """Drop a reader's login and end its sessions.

    Raises:
        ReaderError: when there is no such reader.
    """
    with warehouse.connect(settings.require_database_url(), name="yardstick-readers") as connection:
        if not connection.execute("delete from ops.reader where login = %s", [name]).rowcount:
            raise ReaderError(f"there is no reader {name!r}")
        connection.execute(
            sql.SQL("revoke all on database {} from {}").format(
                sql.Identifier(connection.info.dbname), sql.Identifier(name)
            )
        )
        connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", [name]
        )


def list_readers(settings: Settings) -> list[dict[str, Any]]:
    """All readers by login: ``login``, ``reader_role``, ``projects`` (sorted ids), ``added_at``."""
    with warehouse.connect(settings.require_database_url(), name="yardstick-readers") as connection:
        return warehouse.rows(
            connection,
            "select r.login, r.reader_role, r.added_at, array("
            " select p.project_id from ops.reader_project p where p.login = r.login order by 1) as projects "
            "from ops.reader r order by r.login",
        )


def _login(connection: psycopg.Connection[Any], name: str, role: Role, password: str) -> None:
    login = sql.Identifier(name)
    is_ours = connection.execute("select 1 from ops.reader where login = %s", [name]).fetchone()
    exists = connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone()
    if exists and not is_ours:
        raise ReaderError(
            f"the server has a login {name!r} that is not a reader of this warehouse; choose another name"
        )
    # The server is given a verifier, so that the password cannot show in its log.
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    connection.execute(
        sql.SQL(
            "{} role {} login password {} nosuperuser nocreatedb nocreaterole noreplication nobypassrls "
            "connection limit 20"
        ).format(sql.SQL("alter" if exists else "create"), login, sql.Literal(verifier))
    )
    for setting, value in _LIMITS:
        if setting == "temp_file_limit" and not _is_superuser(connection):
            continue  # only a superuser may set it for others
        if setting == "default_transaction_read_only" and role == "hr":
            value = "off"  # who reads hr writes its log
        connection.execute(
            sql.SQL("alter role {} set {} = {}").format(login, sql.Identifier(setting), sql.Literal(value))
        )
    for other in get_args(Role):
        group = sql.Identifier(f"reader_{other}")
        if other == role:
            connection.execute(sql.SQL("grant {} to {}").format(group, login))
        elif connection.execute(
            "select 1 from pg_auth_members where roleid = %s::regrole and member = %s::regrole",
            [f"reader_{other}", name],
        ).fetchone():
            connection.execute(sql.SQL("revoke {} from {}").format(group, login))
    connection.execute(
        sql.SQL("grant connect on database {} to {}").format(sql.Identifier(connection.info.dbname), login)
    )


def _is_superuser(connection: psycopg.Connection[Any]) -> bool:
    return connection.execute("show is_superuser").fetchone() == ("on",)


def _close_other_databases(settings: Settings) -> None:
    """Take the right to connect, which everybody has by default, from the other databases that are ours.

    Airflow's metadata lives on the same server and is nothing for readers.
    """
    with warehouse.connect(
        settings.require_database_url(), name="yardstick-readers", autocommit=True
    ) as connection:
        names = connection.execute(
            "select d.datname from pg_database d where d.datallowconn "
            "and has_database_privilege('public', d.oid, 'connect') "
            "and pg_has_role(d.datdba, 'usage') and d.datname <> 'template1'"
        ).fetchall()
        for (name,) in names:
            try:
                connection.execute(
                    sql.SQL("revoke connect, temporary on database {} from public").format(
                        sql.Identifier(name)
                    )
                )
            except (psycopg.errors.InvalidCatalogName, psycopg.errors.InternalError):
                continue  # dropped, or closed by somebody else, meanwhile
