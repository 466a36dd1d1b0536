"""A source database that does not answer, refuses, dies mid-read, or returns what nobody can use."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from tests.databases import (
    CONNECTION,
    SECRET,
    VARIABLE,
    Hr,
    make_site,
    on_mariadb,
    on_postgres,
    pull,
    write_site,
)
from tests.mariadb_server import MariaDB, certify, running

from yardstick import settings as settings_module
from yardstick import warehouse
from yardstick.errors import CredentialsError, UnreachableError
from yardstick.landing import land
from yardstick.settings import Settings
from yardstick.sources import database
from yardstick.sources.delivery import Due, RefusedError
from yardstick.sources.register import register
from yardstick.sources.site import Site

PLAIN = "select att_no, emp_no, work_date from attendance"


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDB]:
    with running() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """Settings of an installation whose warehouse is not asked."""
    return settings_module.load(home=tmp_path / "home")


@pytest.fixture(params=["postgres", "mariadb"])
def hr(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hr]:
    """An HR system with three punches, and the Airflow connection to it."""
    server = request.getfixturevalue("server" if request.param == "postgres" else "mariadb")
    with on_postgres(server) if request.param == "postgres" else on_mariadb(server) as system:
        monkeypatch.setenv(VARIABLE, system.connection())
        system.run("create table attendance (att_no varchar(9), emp_no varchar(9), work_date date)")
        for number in ("1", "2", "3"):
            system.run("insert into attendance values (%s, '0017', '2026-01-01')", [number])
        yield system


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path / "site", PLAIN)


def failing(site: Site, settings: Settings, kind: type[Exception], told: str) -> str:
    """The message of a pull that has to fail; nothing of it stays."""
    with pytest.raises(kind, match=told) as caught:
        pull(site, settings)
    text = str(caught.value)
    assert SECRET not in text
    # The driver's own words, which name logins and values, stay out of logs.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert_nothing_left(settings)
    return text


def assert_nothing_left(settings: Settings) -> None:
    assert [path for path in (settings.home / "spool").rglob("*") if path.is_file()] == []


# --- no session -----------------------------------------------------------------------------------


def test_nobody_listens(hr: Hr, site: Site, home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv(VARIABLE, hr.connection(port=port))
    text = failing(site, home, UnreachableError, "cannot be reached")
    assert CONNECTION in text


def test_the_host_is_unknown(hr: Hr, site: Site, home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, hr.connection(host="no-such-host.invalid"))
    failing(site, home, UnreachableError, "cannot be reached")


@contextmanager
def answering(answer: bytes | None) -> Iterator[int]:
    """A port that says something to whoever connects, or nothing at all."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                held.append(line)
                if answer is not None:
                    line.sendall(answer)
                    line.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for line in held:
                line.close()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n<html>Bad request</html>",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        bytes(64),
    ],
    ids=["silence", "hang up", "http", "ssh", "zeros"],
)
def test_what_listens_is_no_database(
    hr: Hr, site: Site, home: Settings, monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    with answering(answer) as port:
        monkeypatch.setenv(VARIABLE, hr.connection(port=port, extra={"connect_timeout": 2}))
        failing(site, home, UnreachableError, "cannot be reached|no MySQL or MariaDB")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"password": "wrong"}, "refuses the login"),
        ({"login": "nobody_here"}, "refuses the login"),
        ({"password": ""}, "refuses the login"),
        ({"schema": "no_such_database"}, "no such database|refuses the login"),
        ({"conn_type": "sqlite"}, "postgres, postgresql, mysql, mariadb"),
        ({"host": ""}, "names no host"),
        ({"extra": {"sslmod": "require"}}, "sslmod in extra is not known"),
    ],
    ids=["password", "login", "no password", "schema", "type", "host", "extra"],
)
def test_a_connection_that_cannot_work_fails_at_once(
    hr: Hr,
    site: Site,
    home: Settings,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, Any],
    told: str,
) -> None:
    assert len(pull(site, home).rows) == 3
    monkeypatch.setenv(VARIABLE, hr.connection(**changed))
    text = failing(site, home, CredentialsError, told)
    assert CONNECTION in text
    assert hr.login not in text
    assert "nobody_here" not in text


def test_a_login_without_rights_to_connect(hr: Hr, site: Site, home: Settings) -> None:
    if hr.is_postgres:
        hr.run(f"alter role {hr.login} nologin")
    else:
        hr.run(f"alter user {hr.login}@'127.0.0.1' account lock")
    failing(site, home, CredentialsError, "refuses the login")


def test_no_connection_is_defined(site: Site, home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    failing(site, home, CredentialsError, f"{CONNECTION} is not defined")


def test_a_secure_line_is_not_to_be_had(
    hr: Hr, site: Site, home: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    certify(tmp_path / "other")  # of somebody else
    extra = (
        {"sslmode": "require"}
        if hr.is_postgres
        else {"ssl_mode": "verify_ca", "ssl_ca": str(tmp_path / "other/ca.pem")}
    )
    monkeypatch.setenv(VARIABLE, hr.connection(extra=extra))
    failing(site, home, CredentialsError, "no secure connection")


def test_too_many_sessions_may_pass(hr: Hr, site: Site, home: Settings) -> None:
    if hr.is_postgres:
        hr.run(f"alter role {hr.login} connection limit 1")
        held: Any = psycopg.connect(
            host=hr.host, port=hr.port, user=hr.login, password=SECRET, dbname=hr.schema
        )
    else:
        hr.run(f"grant usage on *.* to {hr.login}@'127.0.0.1' with max_user_connections 1")
        held = pymysql.connect(host=hr.host, port=hr.port, user=hr.login, password=SECRET)
    with held:
        failing(site, home, UnreachableError, "takes no more sessions")
    assert len(pull(site, home).rows) == 3


# --- a query that cannot be answered ---------------------------------------------------------------


def test_a_table_is_missing(hr: Hr, home: Settings, tmp_path: Path) -> None:
    site = make_site(tmp_path, PLAIN.replace("attendance", "punches"))
    failing(site, home, RefusedError, r"attendance: the database refuses the query: .*punches")


def test_a_column_is_missing(hr: Hr, home: Settings, tmp_path: Path) -> None:
    hr.run("alter table attendance rename column emp_no to empno")
    site = make_site(tmp_path, PLAIN)
    failing(site, home, RefusedError, "refuses the query: .*emp_no")


def test_a_table_may_not_be_read(hr: Hr, home: Settings, tmp_path: Path) -> None:
    if hr.is_postgres:
        hr.run(f"revoke select on attendance from {hr.login}")
    else:
        hr.run(f"revoke select on {hr.schema}.* from {hr.login}@'127.0.0.1'")
        hr.run(f"create table {hr.schema}.open_to_all (n int)")
        hr.run(f"grant select on {hr.schema}.open_to_all to {hr.login}@'127.0.0.1'")
    text = failing(make_site(tmp_path, PLAIN), home, RefusedError, "denied.*attendance")
    assert f"'{hr.login}'" not in text


def test_a_query_for_another_database_is_refused_before_it_runs(
    hr: Hr, home: Settings, tmp_path: Path
) -> None:
    query = "select `att_no`, emp_no, work_date from attendance"
    if not hr.is_postgres:
        query = "select att_no, emp_no, work_date from attendance where emp_no @> '{}'"
    failing(make_site(tmp_path, query), home, RefusedError, "the query cannot be read as")


@pytest.mark.parametrize("hr", ["postgres"], indirect=True)
def test_a_value_that_cannot_be_cast_is_not_quoted(hr: Hr, home: Settings, tmp_path: Path) -> None:
    hr.run("insert into attendance values ('4', '张三', '2026-01-01')")
    site = make_site(tmp_path, "select att_no, emp_no::int as emp_no, work_date from attendance")
    text = failing(site, home, RefusedError, "invalid input syntax")
    assert "张三" not in text


# --- a result that is no delivery -----------------------------------------------------------------


def test_a_renamed_column_is_told_with_its_new_name(hr: Hr, home: Settings, tmp_path: Path) -> None:
    site = make_site(tmp_path, "select * from attendance")
    assert len(pull(site, home).rows) == 3
    hr.run("alter table attendance rename column emp_no to empno")
    text = failing(
        site, home, RefusedError, r"'emp_no' \(for person_id\) is missing; there is 'empno', renamed"
    )
    assert text.startswith("attendance: the query's result: ")


@pytest.mark.parametrize(
    ("column", "told"),
    [("emp_no", "2 columns named 'emp_no'"), ('1 as "Emp_No"', "2 columns that read 'emp_no'")],
)
def test_a_column_that_stands_twice_is_refused(
    hr: Hr, home: Settings, tmp_path: Path, column: str, told: str
) -> None:
    column = column if hr.is_postgres else column.replace('"', "`")
    site = make_site(tmp_path, f"select att_no, emp_no, work_date, {column} from attendance")
    failing(site, home, RefusedError, told)


def test_a_binary_column_is_refused(hr: Hr, home: Settings, tmp_path: Path) -> None:
    hr.run(f"alter table attendance add photo {'bytea' if hr.is_postgres else 'varbinary(16)'}")
    failing(make_site(tmp_path / "a", "select * from attendance"), home, RefusedError, "'photo' is binary")
    text = "encode(photo, 'hex')" if hr.is_postgres else "hex(photo)"
    site = make_site(tmp_path / "b", f"select att_no, emp_no, work_date, {text} as photo from attendance")
    assert len(pull(site, home).rows) == 3


@pytest.mark.parametrize("hr", ["mariadb"], indirect=True)
def test_a_bit_column_is_refused(hr: Hr, home: Settings, tmp_path: Path) -> None:
    hr.run("alter table attendance add is_done bit(1) not null default b'1'")
    site = make_site(tmp_path / "a", "select * from attendance")
    failing(site, home, RefusedError, r"'is_done' is binary.*\+ 0 for a bit")
    query = "select att_no, emp_no, work_date, is_done + 0 as is_done from attendance"
    assert pull(make_site(tmp_path / "b", query), home).rows[0][3] == "1"


def test_more_rows_or_bytes_than_allowed(hr: Hr, home: Settings, tmp_path: Path) -> None:
    assert len(pull(make_site(tmp_path / "a", PLAIN, max_rows=3), home).rows) == 3
    failing(make_site(tmp_path / "b", PLAIN, max_rows=2), home, RefusedError, "more than 2 rows")
    failing(make_site(tmp_path / "c", PLAIN, max_bytes=20), home, RefusedError, "more than 20 bytes")


def test_a_cell_may_be_as_long_as_allowed(hr: Hr, home: Settings, tmp_path: Path) -> None:
    query = "select att_no, emp_no, work_date, repeat('长', %s) as note from attendance"
    found = pull(make_site(tmp_path / "a", query.replace("%s", "1000"), max_cell_characters=1000), home)
    assert {len(row[3]) for row in found.rows} == {1000}
    site = make_site(tmp_path / "b", query.replace("%s", "1001"), max_cell_characters=1000)
    failing(site, home, RefusedError, r"column 'note' holds a text of more than 1,000 characters")


@pytest.mark.parametrize("hr", ["mariadb"], indirect=True)
def test_a_value_that_the_server_itself_cuts_is_refused(hr: Hr, home: Settings, tmp_path: Path) -> None:
    joined = "select 1 as att_no, 2 as emp_no, date'2026-01-01' as work_date, group_concat(repeat('x', 10)) as note"
    found = pull(make_site(tmp_path / "a", f"{joined} from seq_1_to_900", max_cell_characters=9899), home)
    assert len(found.rows[0][3]) == 9899
    site = make_site(tmp_path / "b", f"{joined} from seq_1_to_9000", max_cell_characters=9899)
    failing(site, home, RefusedError, "more than 9,899 characters|the server cut a value")
    null = PLAIN.replace(" from", ", repeat('x', 2000000000) as note from")
    failing(make_site(tmp_path / "c", null), home, RefusedError, "the server cut a value")


_HUGE = """
import resource, sys
from pathlib import Path
from tests.databases import make_site, pull
from yardstick import settings
from yardstick.sources.delivery import RefusedError
home = Path(sys.argv[1])
known = settings.load(home=home)
pull(make_site(home / "warm", "select 1 as att_no, 2 as emp_no, 3 as work_date"), known)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    pull(make_site(home / "huge", sys.argv[2]), known)
except RefusedError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""


def test_a_huge_cell_is_refused_in_bounded_memory(hr: Hr, tmp_path: Path) -> None:
    huge = f"repeat('x', {400 << 20})"
    cell = f"{huge}::text" if hr.is_postgres else huge
    query = f"select 1 as att_no, 2 as emp_no, {cell} as note, date '2026-01-01' as work_date"
    done = subprocess.run(
        [sys.executable, "-c", _HUGE, str(tmp_path), query],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    growth, _, text = done.stdout.partition(" ")
    assert "column 'note' holds a text of more than 1,048,576 characters" in text
    assert int(growth) < 200 << 10  # KiB; the cell has 400 MiB


# --- trouble that may pass ------------------------------------------------------------------------


def test_a_query_that_takes_too_long_is_ended(hr: Hr, home: Settings, tmp_path: Path) -> None:
    site = make_site(tmp_path, hr.sleeping(3), statement_timeout_seconds=1)
    failing(site, home, UnreachableError, "longer than 1 s.*statement_timeout_seconds")


def test_a_locked_table_is_not_waited_for(hr: Hr, site: Site, home: Settings, tmp_path: Path) -> None:
    site = make_site(tmp_path, PLAIN, lock_timeout_seconds=1)
    if hr.is_postgres:
        hr.run("begin")
        hr.run("lock table attendance in access exclusive mode")
    else:
        hr.run("lock tables attendance write")
    failing(site, home, UnreachableError, "locked for more than 1 s")
    hr.run("commit" if hr.is_postgres else "unlock tables")
    assert len(pull(site, home).rows) == 3


def in_the_middle(hr: Hr, work: Callable[[], Any], then: Callable[[int], Any]) -> BaseException | None:
    """Run a pull, do something once it stands still in the middle of its rows; what the pull raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    then(wait_until(hr))
    thread.join(60)
    assert not thread.is_alive()
    return raised[0] if raised else None


def wait_until(hr: Hr) -> int:
    for _ in range(600):
        if session := hr.waiting():
            return session
        time.sleep(0.05)
    raise AssertionError("the pull never came to its middle")


def test_a_session_ended_mid_read_delivers_nothing(hr: Hr, settings: Settings, tmp_path: Path) -> None:
    site = make_site(tmp_path / "a", hr.sleeping(50_000))
    (entity,) = site.entities.values()
    with warehouse.connect(settings.require_database_url()) as connection:
        register(connection, site)
    due = Due(None, None, "attendance")
    error = in_the_middle(hr, lambda: land(settings, site, entity, due), hr.end)
    assert isinstance(error, UnreachableError)
    assert "the line to the database broke" in str(error)
    assert_nothing_left(settings)
    assert not list(settings.store.rglob("*")) if settings.store.exists() else True
    with warehouse.connect(settings.require_database_url()) as connection:
        assert connection.execute("select count(*) from ops.arrival").fetchone() == (0,)

    site = make_site(tmp_path / "b", hr.sleeping(50_000, 0))
    landed = land(settings, site, site.entities["attendance"], due)
    assert (landed.status, landed.rows_landed) == ("landed", 50_000)
    with warehouse.connect(settings.require_database_url()) as connection:
        found = connection.execute(
            "select count(*), count(distinct split_part(cells, chr(31), 1)) from raw.attendance"
        ).fetchone()
    assert found == (50_000, 50_000)


def test_the_server_dies_mid_read(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as server, on_mariadb_until_killed(server) as hr:
        monkeypatch.setenv(VARIABLE, hr.connection())
        site = make_site(tmp_path, hr.sleeping(50_000))
        pid = int((server.socket.parent / "pid").read_text())
        error = in_the_middle(hr, lambda: pull(site, home), lambda _: os.kill(pid, signal.SIGKILL))
    assert isinstance(error, UnreachableError)
    assert_nothing_left(home)


@contextmanager
def on_mariadb_until_killed(server: MariaDB) -> Iterator[Hr]:
    with server.admin() as connection, connection.cursor() as cursor:

        def run(statement: str, parameters: Any = None) -> Any:
            cursor.execute(statement, parameters)
            return cursor.fetchall()

        run("create database hr_dying")
        run(f"create user hr_dying@'127.0.0.1' identified by '{SECRET}'")
        run("grant select on hr_dying.* to hr_dying@'127.0.0.1'")
        yield Hr("mariadb", run, "hr_dying", server.port, "hr_dying")


def test_our_own_process_killed_mid_read_leaves_nothing(hr: Hr, home: Settings, tmp_path: Path) -> None:
    path = write_site(tmp_path / "site", hr.sleeping(50_000))
    program = (
        "import sys; from pathlib import Path; from tests.databases import pull; from yardstick import settings; "
        "from yardstick.sources.site_file import load_sites; "
        "pull(load_sites(Path(sys.argv[2]))[0], settings.load(home=Path(sys.argv[1])))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(home.home), str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    session = wait_until(hr)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    hr.end(session)
    assert (home.home / "spool").is_dir()
    assert_nothing_left(home)
    assert len(pull(make_site(tmp_path / "b", hr.sleeping(50_000, 0)), home).rows) == 50_000


# --- what is refused stands in the ledger ---------------------------------------------------------


def test_a_lost_column_refuses_the_pull_and_is_recorded_as_drift(
    hr: Hr, settings: Settings, tmp_path: Path
) -> None:
    site = make_site(tmp_path, "select * from attendance")
    (entity,) = site.entities.values()
    with warehouse.connect(settings.require_database_url()) as connection:
        register(connection, site)
    due = database.due(site, entity, settings, last_day=date(2026, 1, 1))[0]
    assert land(settings, site, entity, due).status == "landed"
    hr.run("alter table attendance rename column emp_no to empno")
    assert land(settings, site, entity, due).status == "refused"
    with warehouse.connect(settings.require_database_url()) as connection:
        assert connection.execute("select kind, column_name, contract_field from ops.drift").fetchall() == [
            ("lost_required_column", "emp_no", "person_id")
        ]
        assert connection.execute("select count(*) from raw.attendance").fetchone() == (3,)
