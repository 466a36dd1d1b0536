"""Who reads the views of ``hr`` is on record, whatever view it is and however it is read."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from tests.integration.release_world import execute
from tests.integration.test_readers import HR, Reader

from yardstick import readers, warehouse
from yardstick.embedded.postgres import Server
from yardstick.settings import Settings

READ = "select view_name, login, reader_role, application_name from ops.hr_read order by hr_read_id"


@pytest.fixture
def reader(settings: Settings) -> Iterator[Reader]:
    execute(
        settings, "insert into publish.person (person_id, person_name) values ('p1', '王芳'), ('p2', '赵敏')"
    )
    made = Reader(settings, "hr")
    yield made
    readers.remove(settings, made.name)


def test_every_statement_that_reads_a_view_of_hr_leaves_one_row(settings: Settings, reader: Reader) -> None:
    with reader.connect() as connection:
        connection.execute("set application_name = 'payroll'")
        for name in sorted(HR):
            connection.execute(f"select count(*) from hr.{name}".encode())
        read = execute(settings, READ)
        assert {row[0] for row in read} == HR
        assert {row[1:] for row in read} == {(reader.name, "hr", "payroll")}

        before = len(read)
        connection.execute("select * from bi.project")
        connection.execute("explain select * from hr.person")
        assert len(execute(settings, READ)) == before, "nothing personal was read"
        rows = connection.execute(
            "select a.person_name from hr.person as a left join hr.person as b on a.person_id < b.person_id "
            "where a.person_id = 'p1' limit 1"
        ).fetchall()
        assert rows == [("王芳",)]
        assert len(execute(settings, READ)) == before + 1, "one statement, one row"
        connection.execute("select exists (select from hr.person where person_name = 'nobody')")
        assert len(execute(settings, READ)) == before + 2, "to find nobody is to have looked"


def test_a_view_that_is_new_is_logged_after_the_next_migration(settings: Settings, reader: Reader) -> None:
    execute(
        settings,
        "create view hr.fresh with (security_invoker = true) as select person_id from publish.person",
    )
    execute(settings, "grant select on hr.fresh to reader_hr")
    warehouse.migrate(settings.require_database_url())
    warehouse.migrate(settings.require_database_url())  # once is enough
    with reader.connect() as connection:
        assert len(connection.execute("select * from hr.fresh").fetchall()) == 2
    assert execute(settings, READ) == [("fresh", reader.name, "hr", "")]


def test_reading_is_not_possible_where_it_cannot_be_logged(settings: Settings, reader: Reader) -> None:
    with reader.connect() as connection:
        connection.execute("set default_transaction_read_only = on")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="who reads it is logged"):
            connection.execute("select * from hr.person")
        connection.execute("set default_transaction_read_only = off")
        connection.execute("set client_min_messages = error")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("set log_min_messages = panic")
        connection.execute("select * from hr.person")
    assert len(execute(settings, READ)) == 1


def test_a_reading_that_is_rolled_back_leaves_a_gap_and_a_line_in_the_servers_log(
    settings: Settings, reader: Reader, server: Server
) -> None:
    name = f"tool-{secrets.token_hex(4)}"
    with reader.connect() as connection:
        connection.execute(f"set application_name = '{name}'".encode())
        connection.execute("begin")
        assert len(connection.execute("select * from hr.person").fetchall()) == 2
        connection.execute("rollback")
        connection.execute("select * from hr.person")
    assert execute(settings, "select hr_read_id from ops.hr_read") == [(2,)]
    log = "".join(path.read_text() for path in server.data.parent.rglob("*.log"))
    assert log.count(f'hr.person is read by {reader.name} (application "{name}")') == 2


def test_nobody_changes_the_log(settings: Settings, reader: Reader) -> None:
    with reader.connect() as connection:
        connection.execute("select * from hr.person")
        for statement in ("select * from ops.hr_read", "delete from ops.hr_read", "truncate ops.hr_read"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    for statement in (
        "update ops.hr_read set login = 'x'",
        "delete from ops.hr_read",
        "truncate ops.hr_read",
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="is a log"):
            execute(settings, statement)
    assert len(execute(settings, READ)) == 1
