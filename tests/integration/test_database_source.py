"""Pulls from real databases: values as they are stored, one snapshot, no writing, and landed day by day."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.databases import VARIABLE, Hr, make_site, on_mariadb, on_postgres, pull
from tests.mariadb_server import MariaDB, running

from yardstick import settings as settings_module
from yardstick import warehouse
from yardstick.landing import Landed, land
from yardstick.settings import Settings
from yardstick.sources import database
from yardstick.sources.delivery import Due, RefusedError
from yardstick.sources.register import register
from yardstick.sources.site import Site

DAY = date(2026, 1, 2)
CHANGED = "select att_no, emp_no, work_date, note from attendance where updated_at >= {from} and updated_at < {until}"


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
    """An HR system and the Airflow connection to it."""
    server = request.getfixturevalue("server" if request.param == "postgres" else "mariadb")
    with on_postgres(server) if request.param == "postgres" else on_mariadb(server) as system:
        monkeypatch.setenv(VARIABLE, system.connection())
        yield system


POSTGRES = pytest.mark.parametrize("hr", ["postgres"], indirect=True)
MARIADB = pytest.mark.parametrize("hr", ["mariadb"], indirect=True)


def attendance(hr: Hr) -> None:
    """Seven punches, four of them changed on ``DAY``; moments are the company's local time."""
    hr.run(
        "create table attendance (att_no varchar(20) primary key, emp_no varchar(20), work_date date, "
        f"note text, updated_at {'timestamp' if hr.is_postgres else 'datetime'})"
    )
    rows = [
        ("A01", "0017", "2026-01-01", "前一天", "2026-01-01 12:00:00"),
        ("A02", "0018", "2026-01-01", "迟交", "2026-01-01 23:30:00"),
        ("A03", "0017", "2026-01-02", "零点", "2026-01-02 00:00:00"),
        ("A04", "0018", "2026-01-02", None, "2026-01-02 12:00:00"),
        ("A05", "0019", "2026-01-02", "", "2026-01-02 23:59:59"),
        ("A06", "0017", "2026-01-03", "次日零点", "2026-01-03 00:00:00"),
        ("A07", "0017", "2026-01-03", "次日", "2026-01-03 12:00:00"),
    ]
    for row in rows:
        hr.run("insert into attendance values (%s, %s, %s, %s, %s)", row)


def numbers(site: Site, settings: Settings, due: Due | None = None) -> list[str]:
    return [row[0] for row in pull(site, settings, due).rows]


# --- values ---------------------------------------------------------------------------------------


@POSTGRES
def test_values_arrive_as_postgresql_writes_them(hr: Hr, home: Settings, tmp_path: Path) -> None:
    hr.run(
        "create table t (att_no varchar(20), emp_no bigint, work_date date, amount numeric(20, 4), score float8, "
        "is_done boolean, at timestamp(3), zoned timestamptz, note text, info jsonb, tags text[], pad char(5), "
        "span interval, kind uuid, absent text)"
    )
    hr.run(
        "insert into t values ('00017', 330102199001011234, '2026-02-28', 12.1, 0.1, true, '2026-01-02 03:04:05.6', "
        "'2026-01-02 03:04:05+00', %s, '{\"b\": 1}', '{a,\"b c\"}', 'ab', '1 day 02:00', "
        "'00000000-0000-0000-0000-00000000000a', null)",
        ["第一行\n第二行\t制表\\反斜杠\r😀 'NA'"],
    )
    found = pull(make_site(tmp_path, "select * from t"), home)
    assert found.rows == [
        [
            "00017", "330102199001011234", "2026-02-28", "12.1000", "0.1", "t", "2026-01-02 03:04:05.6",
            "2026-01-02 11:04:05+08", "第一行\n第二行\t制表\\反斜杠\r😀 'NA'", '{"b": 1}', '{a,"b c"}', "ab   ",
            "1 day 02:00:00", "00000000-0000-0000-0000-00000000000a", "",
        ]
    ]  # fmt: skip
    assert found.header[:3] == ["att_no", "emp_no", "work_date"]
    assert not found.problems


@MARIADB
def test_values_arrive_as_mariadb_writes_them(hr: Hr, home: Settings, tmp_path: Path) -> None:
    hr.run(
        "create table t (att_no varchar(20), emp_no bigint unsigned, work_date date, amount decimal(20, 4), "
        "score double, is_done tinyint(1), at datetime(3), zoned timestamp, note text, info json, pad char(5), "
        "span time, kind enum('早', '晚'), filled int(8) zerofill, old varchar(20) character set gbk, absent text)"
    )
    hr.run("set time_zone = '+00:00'")
    hr.run("set sql_mode = ''")  # as lax as many servers are: a date that is none
    hr.run(
        "insert into t values ('00017', 18446744073709551615, '0000-00-00', 12.1, 0.1, true, '2026-01-02 03:04:05.6', "
        "'2026-01-02 03:04:05', %s, '{\"b\": 1}', 'ab', '26:00:00', '晚', 42, '小区', null)",
        ["第一行\n第二行\t制表\\反斜杠\r😀 'NA'"],
    )
    query = "select t.*, 'NA' as literal, count(*) as n, concat(emp_no, '-', work_date) as joined from t"
    found = pull(make_site(tmp_path, query), home)
    assert found.rows == [
        [
            "00017", "18446744073709551615", "0000-00-00", "12.1000", "0.1", "1", "2026-01-02 03:04:05.600",
            "2026-01-02 11:04:05", "第一行\n第二行\t制表\\反斜杠\r😀 'NA'", '{"b": 1}', "ab", "26:00:00", "晚",
            "00000042", "小区", "", "NA", "1", "18446744073709551615-0000-00-00",
        ]
    ]  # fmt: skip
    assert not found.problems


@MARIADB
def test_a_nul_byte_costs_its_row_only(hr: Hr, home: Settings, tmp_path: Path) -> None:
    hr.run("create table t (att_no int, emp_no varchar(20), work_date date)")
    hr.run("insert into t values (1, %s, '2026-01-01'), (2, 'b', '2026-01-01')", ["a\x00"])
    found = pull(make_site(tmp_path, "select * from t"), home)
    assert [row[1] for row in found.rows] == ["a␀", "b"]
    assert found.problems == {1: "nul_byte"}


def test_percent_signs_and_semicolons_are_text(hr: Hr, home: Settings, tmp_path: Path) -> None:
    attendance(hr)
    query = "select att_no, emp_no, work_date, '100%; %s' as rate from attendance where note like '%交%';"
    found = pull(make_site(tmp_path, query), home)
    assert [[row[0], row[3]] for row in found.rows] == [["A02", "100%; %s"]]


# --- windows --------------------------------------------------------------------------------------


def test_a_day_is_asked_for_with_its_overlap(hr: Hr, home: Settings, tmp_path: Path) -> None:
    attendance(hr)
    due = Due(DAY, DAY, f"attendance@{DAY}")
    without = make_site(tmp_path / "0", CHANGED, incremental={"overlap_minutes": 0})
    assert numbers(without, home, due) == ["A03", "A04", "A05"]
    with_hour = make_site(tmp_path / "1", CHANGED, incremental={})
    assert numbers(with_hour, home, due) == ["A02", "A03", "A04", "A05"]


def test_a_window_may_be_days_or_seconds(hr: Hr, home: Settings, tmp_path: Path) -> None:
    attendance(hr)
    due = Due(DAY, DAY, f"attendance@{DAY}")
    by_day = CHANGED.replace("updated_at", "work_date")
    site = make_site(tmp_path / "d", by_day, incremental={"type": "date", "overlap_minutes": 0})
    assert numbers(site, home, due) == ["A03", "A04", "A05"]
    seconds = "extract(epoch from updated_at at time zone 'Asia/Shanghai')"
    by_second = CHANGED.replace("updated_at", seconds if hr.is_postgres else "unix_timestamp(updated_at)")
    site = make_site(tmp_path / "s", by_second, incremental={"type": "epoch", "overlap_minutes": 0})
    assert numbers(site, home, due) == ["A03", "A04", "A05"]


def test_moments_with_a_zone_are_compared_as_moments(hr: Hr, home: Settings, tmp_path: Path) -> None:
    attendance(hr)
    if hr.is_postgres:
        hr.run(
            "alter table attendance alter updated_at type timestamptz using updated_at at time zone 'Asia/Shanghai'"
        )
    else:
        hr.run("set time_zone = '+08:00'")
        hr.run("alter table attendance modify updated_at timestamp")
        hr.run("set time_zone = '+00:00'")
    site = make_site(tmp_path, CHANGED, incremental={"overlap_minutes": 0})
    assert numbers(site, home, Due(DAY, DAY, f"attendance@{DAY}")) == ["A03", "A04", "A05"]


def test_a_day_without_changes_is_an_empty_pull(hr: Hr, home: Settings, tmp_path: Path) -> None:
    attendance(hr)
    site = make_site(tmp_path, CHANGED, incremental={})
    found = pull(site, home, Due(date(2026, 1, 9), date(2026, 1, 9), "attendance@2026-01-09"))
    assert found.rows == []
    assert found.header == ["att_no", "emp_no", "work_date", "note"]


# --- one snapshot, read only ----------------------------------------------------------------------


def test_what_another_session_changes_during_the_read_does_not_appear(
    hr: Hr, home: Settings, tmp_path: Path
) -> None:
    hr.run("create table person (id int primary key, name varchar(20))")
    if hr.is_postgres:
        hr.run("insert into person select i, 'before' from generate_series(1, 5000) as i")
        hr.run(
            "create function people_now() returns bigint language plpgsql volatile as "
            "$$ begin return (select count(*) from person where name = 'before'); end $$"
        )
        hr.run("select pg_advisory_lock(7)")
        wait, release = "pg_advisory_lock_shared(7)::text", "select pg_advisory_unlock(7)"
    else:
        hr.run("insert into person select seq, 'before' from seq_1_to_5000")
        hr.run(
            "create function people_now() returns int reads sql data "
            "return (select count(*) from person where name = 'before')"
        )
        hr.run("select get_lock('pull', 5)")
        wait, release = "get_lock('pull', 60)", "do release_lock('pull')"
    query = (
        "select id as att_no, name as emp_no, date '2026-01-01' as work_date, "
        f"case when id = 2500 then {wait} end as w, "
        "case when id > 4990 then people_now() end as counted from person order by id"
    )
    site = make_site(tmp_path, query, lock_timeout_seconds=60)
    found: list[Any] = []
    reader = threading.Thread(target=lambda: found.append(pull(site, home)))
    reader.start()
    wait_until(hr)
    hr.run("update person set name = 'after'")
    hr.run("delete from person where id > 4000")
    hr.run("insert into person values (9999, 'before')")
    hr.run(release)
    reader.join(60)
    (pulled,) = found
    assert len(pulled.rows) == 5000
    assert {row[1] for row in pulled.rows} == {"before"}
    assert {row[4] for row in pulled.rows} == {"", "5000"}  # a function that looks again sees the same
    assert hr.run("select count(*) from person where name = 'before'")[0][0] == 1


def wait_until(hr: Hr) -> int:
    """The session of a pull, once it stands still in the middle of its query."""
    for _ in range(600):
        if session := hr.waiting():
            return session
        time.sleep(0.05)
    raise AssertionError("the pull never came to its middle")


def test_a_query_that_writes_is_refused_by_the_session(hr: Hr, home: Settings, tmp_path: Path) -> None:
    attendance(hr)
    hr.run("create table log (n int)")
    if hr.is_postgres:
        hr.run(f"grant insert on log to {hr.login}")
        hr.run(
            "create function note_it() returns int language plpgsql as "
            "$$ begin insert into log values (1); return 1; end $$"
        )
    else:
        hr.run(
            "create function note_it() returns int modifies sql data begin insert into log values (1); return 1; end"
        )
    assert hr.run("select note_it()")[0][0] == 1  # it does write, where it may
    site = make_site(tmp_path, "select att_no, emp_no, work_date, note_it() as n from attendance")
    with pytest.raises(RefusedError, match=r"the query writes: .*(read-only|READ ONLY) transaction"):
        pull(site, home)
    assert hr.run("select count(*) from log")[0][0] == 1


def test_the_administrator_sees_who_reads(hr: Hr, home: Settings, tmp_path: Path) -> None:
    hr.run("create table t (att_no int, emp_no int, work_date date)")
    hr.run("insert into t values (1, 2, '2026-01-01')")
    if hr.is_postgres:
        who = "current_setting('application_name')"
        limits = "current_setting('statement_timeout') || ' ' || current_setting('lock_timeout')"
        isolation = (
            "current_setting('transaction_isolation') || ' ' || current_setting('transaction_read_only')"
        )
        told = ["yardstick hr attendance", "77s 3s", "repeatable read on"]
    else:
        hr.run(f"grant select on performance_schema.* to {hr.login}@'127.0.0.1'")
        who = (
            "(select attr_value from performance_schema.session_connect_attrs "
            "where processlist_id = connection_id() and attr_name = 'program_name')"
        )
        limits = "concat(@@max_statement_time, ' ', @@lock_wait_timeout, ' ', @@innodb_lock_wait_timeout)"
        isolation = "concat(@@tx_isolation, ' ', @@tx_read_only + 0)"
        told = ["yardstick hr attendance", "77.000000 3 3", "REPEATABLE-READ 1"]
    query = f"select att_no, emp_no, work_date, {who} as a, {limits} as b, {isolation} as c from t"
    site = make_site(tmp_path, query, statement_timeout_seconds=77, lock_timeout_seconds=3)
    assert pull(site, home).rows[0][3:] == told


def test_another_order_of_the_same_rows_is_the_same_pull(hr: Hr, home: Settings, tmp_path: Path) -> None:
    attendance(hr)
    up = pull(
        make_site(tmp_path / "a", "select att_no, emp_no, work_date from attendance order by att_no"),
        home,
    )
    down = make_site(tmp_path / "b", "select att_no, emp_no, work_date from attendance order by att_no desc")
    assert pull(down, home).content == up.content
    assert up.content.startswith(b'{"columns": ["att_no", "emp_no", "work_date"]}\nA01\t0017\t2026-01-01\n')


# --- TLS ------------------------------------------------------------------------------------------


@MARIADB
def test_a_verified_line_is_used(
    hr: Hr, mariadb: MariaDB, home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hr.run("create table t (att_no int, emp_no int, work_date date)")
    hr.run(f"alter user {hr.login}@'127.0.0.1' require ssl")
    for mode in ("verify_identity", "verify_ca"):
        extra = {"ssl_mode": mode, "ssl_ca": str(mariadb.ca)}
        monkeypatch.setenv(VARIABLE, hr.connection(extra=extra))
        assert pull(make_site(tmp_path, "select * from t", may_be_empty=True), home).rows == []


# --- landing --------------------------------------------------------------------------------------


def land_all(settings: Settings, site: Site, last: date, known: tuple[str, ...] = ()) -> dict[str, Landed]:
    """Land every pull that is due up to a day, by name."""
    (entity,) = site.entities.values()
    with warehouse.connect(settings.require_database_url()) as connection:
        register(connection, site)
    due = database.due(site, entity, settings, None, last, known)
    return {item.name: land(settings, site, entity, item, "test") for item in due}


def raw(settings: Settings, entity: str) -> list[tuple[Any, ...]]:
    with warehouse.connect(settings.require_database_url()) as connection:
        return connection.execute(
            "select d.partition_date::text, d.revision, r.row_number, string_to_array(r.cells, chr(31)), "
            f"r.problem_rule from raw.{entity} as r join ops.delivery as d using (delivery_id) "
            "order by d.delivery_id, r.row_number".encode()
        ).fetchall()


def test_pulled_days_land_exactly_and_once(hr: Hr, settings: Settings, tmp_path: Path) -> None:
    attendance(hr)
    site = make_site(tmp_path, CHANGED, incremental={})
    last = date(2026, 1, 3)
    landed = land_all(settings, site, last)
    assert [item.status for item in landed.values()] == ["landed"] * 3
    assert raw(settings, "attendance") == [
        ("2026-01-01", 1, 1, ["A01", "0017", "2026-01-01", "前一天"], None),
        ("2026-01-01", 1, 2, ["A02", "0018", "2026-01-01", "迟交"], None),
        ("2026-01-02", 1, 1, ["A02", "0018", "2026-01-01", "迟交"], None),
        ("2026-01-02", 1, 2, ["A03", "0017", "2026-01-02", "零点"], None),
        ("2026-01-02", 1, 3, ["A04", "0018", "2026-01-02", ""], None),
        ("2026-01-02", 1, 4, ["A05", "0019", "2026-01-02", ""], None),
        ("2026-01-03", 1, 1, ["A05", "0019", "2026-01-02", ""], None),
        ("2026-01-03", 1, 2, ["A06", "0017", "2026-01-03", "次日零点"], None),
        ("2026-01-03", 1, 3, ["A07", "0017", "2026-01-03", "次日"], None),
    ]
    assert land_all(settings, site, last, tuple(landed)) == {}
    again = land_all(settings, site, last)
    assert [item.status for item in again.values()] == ["unchanged"] * 3
    assert len(raw(settings, "attendance")) == 9

    hr.run("update attendance set note = '补卡' where att_no = 'A04'")
    again = land_all(settings, site, last)
    assert [item.status for item in again.values()] == ["unchanged", "landed", "unchanged"]
    assert again["attendance@2026-01-02"].days == (DAY,)
    new = raw(settings, "attendance")[9:]
    assert [row[:3] for row in new] == [("2026-01-02", 2, number) for number in (1, 2, 3, 4)]
    assert new[2][3] == ["A04", "0018", "2026-01-02", "补卡"]


def test_a_snapshot_of_dated_rows_lands_its_changed_day_only(
    hr: Hr, settings: Settings, tmp_path: Path
) -> None:
    attendance(hr)
    site = make_site(tmp_path, "select att_no, emp_no, work_date, note from attendance")
    (first,) = land_all(settings, site, DAY).values()
    assert first.days == (date(2026, 1, 1), DAY, date(2026, 1, 3))
    (second,) = land_all(settings, site, DAY).values()
    assert second.status == "unchanged"
    hr.run("update attendance set note = '改' where att_no = 'A06'")
    (third,) = land_all(settings, site, DAY).values()
    assert third.days == (date(2026, 1, 3),)
    assert third.rows_landed == 2


def test_a_new_column_lands_and_is_told(hr: Hr, settings: Settings, tmp_path: Path) -> None:
    attendance(hr)
    site = make_site(tmp_path, "select * from attendance")
    land_all(settings, site, DAY)
    hr.run("alter table attendance add device varchar(10)")
    (landed,) = land_all(settings, site, DAY).values()
    assert landed.reason == "new column 'device': kept in raw, not mapped"
    assert landed.rows_landed == 7
