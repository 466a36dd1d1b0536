"""The database connector without a database: the query, its windows, the kept form of a pull."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.databases import make_site, write_site
from tests.mysql_replay import Replay

from yardstick import settings as settings_module
from yardstick.errors import CredentialsError, UnreachableError
from yardstick.sources import copy_text, database, mysql_source, query
from yardstick.sources.connections import Connection
from yardstick.sources.database_pull import Pull, window
from yardstick.sources.delivery import MissingColumnsError, RefusedError
from yardstick.sources.site_file import SiteError, load_sites

SHANGHAI = ZoneInfo("Asia/Shanghai")
PLAIN = "select att_no, emp_no, work_date from attendance"
CHANGED = PLAIN + " where updated_at >= {from} and updated_at < {until}"


def problems(tmp_path: Path, text: str, **given: Any) -> list[str]:
    path = write_site(tmp_path, text, **given)
    with pytest.raises(SiteError) as caught:
        load_sites(path)
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def make_pull(**changed: Any) -> Pull:
    known: dict[str, Any] = {
        "name": "attendance", "connection_id": "hr", "application": "yardstick", "query": PLAIN, "window": None,
        "zone": SHANGHAI, "statement_timeout_seconds": 60, "lock_timeout_seconds": 5, "max_cell_characters": 100,
    }  # fmt: skip
    return Pull(**{**known, **changed})


# --- the site file --------------------------------------------------------------------------------


def test_query_and_limits_are_read(tmp_path: Path) -> None:
    site = make_site(tmp_path, CHANGED, incremental={"type": "epoch"}, max_rows=7)
    options = site.entities["attendance"].options
    assert options.query == CHANGED
    assert (options.incremental.overlap_minutes, options.incremental.type) == (60, "epoch")
    assert (options.max_rows, options.statement_timeout_seconds) == (7, 900)
    assert options.is_incremental
    assert options.is_dated
    assert site.entities["attendance"].may_be_empty


def test_incremental_without_placeholders_is_told_with_its_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, PLAIN + " where updated_at >= {from}", incremental={})
    assert problem.startswith("12: entities.attendance.query: has no {until}, but incremental is declared")


def test_placeholders_without_incremental_are_told(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, CHANGED)
    assert "has {from} and {until}, but incremental is not declared" in problem


def test_incremental_needs_a_first_day(tmp_path: Path) -> None:
    path = write_site(tmp_path, CHANGED, incremental={})
    path.write_text(path.read_text().replace("valid_from: '2026-01-01'\n", ""))
    with pytest.raises(SiteError, match="valid_from"):
        load_sites(path)


def test_a_site_without_connection_is_told(tmp_path: Path) -> None:
    path = write_site(tmp_path, PLAIN)
    path.write_text(path.read_text().replace("connection: hr_database\n", ""))
    with pytest.raises(SiteError, match="connection is missing"):
        load_sites(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("delete from attendance", "must be one SELECT"),
        ("insert into a select 1", "must be one SELECT"),
        ("call yearly()", "must be one SELECT"),
        ("explain select 1", "must be one SELECT"),
        ("copy attendance to '/tmp/x'", "must be one SELECT"),
        ("set role admin", "must be one SELECT"),
        ("-- nothing", "must be one SELECT"),
        ("select 1; drop table attendance", "more than one statement"),
        ("select 1; -- done", "nothing behind its semicolon"),
        ("with gone as (delete from a returning *) select * from gone", "holds DELETE"),
        ("with new as (insert into a values (1) returning *) select * from new", "holds INSERT"),
        ("select * into copied from attendance", "holds INTO"),
        ("select * from attendance for update", "FOR UPDATE"),
        ("select * from attendance lock in share mode", "FOR SHARE"),
        ("select * from attendance into outfile '/tmp/x'", "cannot be read as PostgreSQL"),
        ("select 1) to stdout; drop table a; copy (select 1", "more than one statement"),
        ("select 1) as x union select (2", "cannot be read as"),
        ("selekt 1", "must be one SELECT"),
        ("select 'open", "cannot be read as"),
        ("select * from a where day >= {since}", "no placeholder"),
        ("select * from a where u >= '{from}' and u < {until}", "inside quotation marks"),
        ("select * from a -- since {from}\nwhere u < {until} and u >= {from}", "a comment"),
    ],
)
def test_everything_but_one_reading_statement_is_refused(tmp_path: Path, text: str, told: str) -> None:
    given = {"incremental": {}} if "{from}" in text else {}
    (problem,) = problems(tmp_path, text, **given)
    assert problem.startswith("12: entities.attendance.query: ")
    assert told in problem


@pytest.mark.parametrize("dialect", ["mysql", "postgres"])
def test_a_comment_that_mysql_would_execute_is_refused(dialect: str) -> None:
    assert query.check("select 1 /* once */", dialect)
    with pytest.raises(query.QueryError, match="execute"):
        query.check("select 1 /*! into outfile '/tmp/x' */", dialect)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN + ";",
        "(select 1 as a) union all select 2 order by 1",
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select n from r",
        "select `a`, date_format(b, '%Y-%m-%d') as d from `t` force index (i) where b >= {from} and b < {until}",
        'select "工号", 姓名::text from 员工 where 更新时间 >= {from} and 更新时间 < {until}',
        "select distinct on (a) a, b->>'x', '{from' as brace from t where p @> '{\"x\": 1}' order by a, b desc",
        "select '; drop table a' as text, 'it''s' as quoted from t where note like '%x%'",
    ],
)
def test_reading_statements_of_either_dialect_pass(text: str) -> None:
    query.check_any(text)


def test_the_simulated_hr_system_is_sound() -> None:
    (site,) = load_sites(settings_module.project_root() / "src/yardstick/simulator/sites/hr.yml")
    assert site.connector == "database"
    assert {entity.options.is_incremental for entity in site.entities.values()} == {True, False}


# --- what is due ----------------------------------------------------------------------------------


def test_incremental_is_due_one_pull_a_day_until_it_is_known(tmp_path: Path) -> None:
    site = make_site(tmp_path, CHANGED, incremental={})
    entity, settings = site.entities["attendance"], settings_module.load(home=tmp_path)
    first, last = date(2025, 12, 30), date(2026, 1, 3)
    found = database.due(site, entity, settings, first, last)
    assert [pull.name for pull in found] == [f"attendance@2026-01-0{day}" for day in (1, 2, 3)]
    assert all(pull.first_day == pull.last_day for pull in found)
    rest = database.due(site, entity, settings, first, last, {"attendance@2026-01-02"})
    assert [pull.name for pull in rest] == ["attendance@2026-01-01", "attendance@2026-01-03"]


def test_a_day_that_is_not_over_is_not_due(tmp_path: Path) -> None:
    site = make_site(tmp_path, CHANGED, incremental={})
    found = database.due(site, site.entities["attendance"], settings_module.load(home=tmp_path))
    today = datetime.now(SHANGHAI).date()
    assert found
    assert max(pull.last_day for pull in found if pull.last_day) < today


def test_a_snapshot_is_always_due(tmp_path: Path) -> None:
    site = make_site(tmp_path, PLAIN)
    entity, settings = site.entities["attendance"], settings_module.load(home=tmp_path)
    (pull,) = database.due(site, entity, settings, date(2026, 1, 1), date(2026, 1, 1), {"attendance"})
    assert (pull.name, pull.first_day, pull.last_day) == ("attendance", None, None)
    assert not entity.options.is_dated


# --- windows --------------------------------------------------------------------------------------


def test_a_window_is_the_day_of_the_source_and_the_overlap_before() -> None:
    asked = window(date(2026, 1, 31), SHANGHAI, 90, "timestamp")
    assert asked.value("from") == datetime(2026, 1, 30, 22, 30, tzinfo=SHANGHAI)
    assert asked.value("until") == datetime(2026, 2, 1, tzinfo=SHANGHAI)


def test_a_day_of_25_hours_is_asked_for_whole() -> None:
    zone = ZoneInfo("America/New_York")
    asked = window(date(2026, 11, 1), zone, 0, "epoch")
    assert isinstance(asked.value("from"), int)
    assert asked.value("until") - asked.value("from") == 25 * 3600  # type: ignore[operator]
    overlapping = window(date(2026, 11, 2), zone, 1380, "timestamp")
    assert overlapping.value("from") == datetime(2026, 11, 1, 1, tzinfo=zone)


@pytest.mark.parametrize(
    ("kind", "first", "until"),
    [
        ("timestamp", "timestamp'2026-01-30 23:00:00'", "timestamp'2026-02-01 00:00:00'"),
        ("date", "date'2026-01-30'", "date'2026-02-01'"),
        ("epoch", "1769785200", "1769875200"),
    ],
)
def test_placeholders_become_literals_of_their_type(kind: str, first: str, until: str) -> None:
    pull = make_pull(window=window(date(2026, 1, 31), SHANGHAI, 60, kind))
    bound = query.bind("u >= {from} and u < {until}", lambda which: mysql_source._literal(pull, which))
    assert bound == f"u >= {first} and u < {until}"


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        ("Asia/Shanghai", "+08:00"),
        ("Asia/Kathmandu", "+05:45"),
        ("UTC", "+00:00"),
        ("America/New_York", None),
    ],
)
def test_a_zone_without_summer_time_has_an_offset(zone: str, offset: str | None) -> None:
    assert mysql_source.constant_offset(ZoneInfo(zone)) == offset


# --- the kept form --------------------------------------------------------------------------------

WIDTH = 3
CELL = st.one_of(
    st.none(), st.text(st.characters(codec="utf-8"), max_size=12), st.sampled_from(["\\.", "\\N", ""])
)


def keep(
    tmp_path: Path,
    rows: Sequence[Sequence[str | None]],
    columns: Sequence[str] = ("a", "b", "c"),
    **limits: int,
) -> bytes:
    lines = (copy_text.line([None if cell is None else cell.encode() for cell in row]) for row in rows)
    limits = {"max_rows": 10**9, "max_bytes": 10**12, **limits}
    with copy_text.write("pull", columns, lines, tmp_path / "spool", **limits) as stream:
        return stream.read()


def cells(content: bytes, event: int | None = None) -> list[list[str]]:
    stream = io.BytesIO(content)
    columns = copy_text.read_columns("pull", stream)
    return [
        row.split("\x1f")
        for page in copy_text.read_pages("pull", stream, len(columns), event)
        for row in page.rows
    ]


@given(rows=st.lists(st.lists(CELL, min_size=WIDTH, max_size=WIDTH), max_size=20))
def test_every_text_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str | None]]
) -> None:
    content = keep(tmp_path_factory.getbasetemp(), rows)
    shown = str.maketrans({"\x1f": "␟", "\x1e": "␞", "\x00": "␀"})
    want = [[(cell or "").translate(shown) for cell in row] for row in rows]
    assert sorted(cells(content)) == sorted(want)


def test_the_same_rows_in_any_order_are_the_same_bytes(tmp_path: Path) -> None:
    rows = [[str(number), None, f"备注\n{number % 7}"] for number in range(1000)]
    content = keep(tmp_path, rows)
    random.Random(7).shuffle(rows)
    assert keep(tmp_path, rows) == content
    assert keep(tmp_path, [*rows, rows[0]]) != content
    assert len(cells(content)) == 1000


def test_rows_beyond_memory_are_sorted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[f"{number * 7919 % 1000:04}", "x", None] for number in range(1000)]
    content = keep(tmp_path, rows)
    monkeypatch.setattr(copy_text, "_RUN_BYTES", 500)
    assert keep(tmp_path, rows) == content


def test_nothing_is_left_in_the_spool_folder(tmp_path: Path) -> None:
    keep(tmp_path, [["1", "2", "3"]])
    assert (tmp_path / "spool").is_dir()
    assert list((tmp_path / "spool").iterdir()) == []


def test_more_than_allowed_is_refused(tmp_path: Path) -> None:
    rows = [["1", "2", "3"]] * 10
    assert keep(tmp_path, rows, max_rows=10, max_bytes=60)
    with pytest.raises(RefusedError, match=r"more than 9 rows.*max_rows"):
        keep(tmp_path, rows, max_rows=9)
    with pytest.raises(RefusedError, match=r"more than 59 bytes.*max_bytes"):
        keep(tmp_path, rows, max_bytes=59)


def test_a_pull_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = keep(tmp_path, [["1", "\\.", "3"], ["\\.", "", "\n"]])
    assert len(cells(content)) == 2
    for length in range(len(content)):
        with pytest.raises(RefusedError):
            cells(content[:length])
    with pytest.raises(RefusedError, match="cut off"):
        cells(content + b"1\t2\t3\n")


def test_pages_may_begin_and_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[list[str | None]] = [[f"{number:03}", "备注\t\\\n", ""] for number in range(200)]
    content = keep(tmp_path, rows)
    for size in (1, 2, 3, 7, 50, len(content) - 1, len(content)):
        monkeypatch.setattr(copy_text, "_CHUNK", size)
        assert cells(content) == [[cell or "" for cell in row] for row in rows]


@pytest.mark.parametrize(
    ("cell", "rule", "shown"),
    [
        (b"a\x00b", "nul_byte", "a␀b"),
        (b"a\x1fb", "control_character", "a␟b"),
        (b"a\x1eb", "control_character", "a␞b"),
        (b"a\xffb", "undecodable", "a\\xffb"),
    ],
)
def test_an_odd_cell_costs_its_row_only(tmp_path: Path, cell: bytes, rule: str, shown: str) -> None:
    lines = [copy_text.line([b"1", b"x", b"d1"]), copy_text.line([b"2", cell, b"d\\2"])]
    with copy_text.write("pull", ["a", "b", "c"], lines, tmp_path, 9, 999) as stream:
        copy_text.read_columns("pull", stream)
        (page,) = copy_text.read_pages("pull", stream, 3, 2)
    assert page.rows == ["1\x1fx\x1fd1", f"2\x1f{shown}\x1fd\\2"]
    assert page.event_values == ["d1", "d\\2"]
    assert {index: found for index, (found, _) in page.problems.items()} == {1: rule}


# --- reading --------------------------------------------------------------------------------------


def read(tmp_path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]] = ()) -> Any:
    site = make_site(tmp_path, PLAIN)
    stream = io.BytesIO(keep(tmp_path, rows, columns))
    reading = database.read(site.entities["attendance"], "attendance", stream)
    return reading, list(reading.pages)


def test_columns_are_found_by_their_folded_names(tmp_path: Path) -> None:
    reading, pages = read(
        tmp_path, ["ATT_NO", "New　Column", "Work_Date", "emp_no"], [["1", "n", "2026-01-01", "7"]]
    )
    assert reading.header == ["att_no", "new column", "work_date", "emp_no"]
    assert pages[0].event_values == ["2026-01-01"]


def test_a_changed_column_set_is_refused_with_the_near_name(tmp_path: Path) -> None:
    with pytest.raises(
        MissingColumnsError, match=r"'emp_no' \(for person_id\) is missing; there is 'empno'"
    ) as caught:
        read(tmp_path, ["att_no", "empno", "work_date"])
    assert caught.value.columns == {"emp_no": "person_id"}


def test_columns_that_fold_to_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"2 columns that read 'att_no'"):
        read(tmp_path, ["att_no", "ATT_NO", "emp_no", "work_date"])


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"PK\x03\x04", b'{"columns": 3}\n\\.\n', b"[1]\n", b"1,2\n3,4\n"]
)
def test_bytes_that_are_no_pull_are_refused(tmp_path: Path, content: bytes) -> None:
    entity = make_site(tmp_path, PLAIN).entities["attendance"]
    with pytest.raises(RefusedError, match="no pull"):
        database.read(entity, "attendance", io.BytesIO(content))


# --- MySQL's protocol, replayed -------------------------------------------------------------------


def test_values_of_the_wire_are_not_converted() -> None:
    long = "长" * 90  # 270 bytes: a length of three bytes
    rows = [[b"0017", b"12.10", None, b"0000-00-00"], [b"", long.encode(), b"\xff", b"a\tb"]]
    columns = [("id", 3, 63), ("amount", 246, 63), ("note", 253, 45), ("day", 10, 63)]
    with Replay(columns, rows) as server:
        connection = Connection("hr", "mysql", "127.0.0.1", server.port, "hr", "word", "hr")
        with mysql_source.rows(connection, make_pull()) as (names, lines):
            assert names == ["id", "amount", "note", "day"]
            found = list(lines)
    assert found == [
        b"0017\t12.10\t\t0000-00-00\n",
        b"\t" + long.encode() + b"\t\xff\ta\\tb\n",
    ]
    said = [statement.lower() for statement in server.statements]
    assert any("isolation level repeatable read, read only" in statement for statement in said)
    assert any("max_execution_time = 60000" in statement for statement in said)
    assert any("lock_wait_timeout = 5" in statement for statement in said)
    assert "set session time_zone = 'asia/shanghai'" in said
    assert said[-2:] == ["start transaction with consistent snapshot, read only", PLAIN]


def test_a_binary_column_of_the_wire_is_refused() -> None:
    with Replay([("photo", 252, 63)], []) as server:
        connection = Connection("hr", "mysql", "127.0.0.1", server.port, "hr", "word", "hr")
        with (
            pytest.raises(RefusedError, match=r"'photo' is binary.*hex"),
            mysql_source.rows(connection, make_pull()),
        ):
            pass


def test_a_line_that_breaks_between_rows_is_no_end() -> None:
    with Replay([("id", 3, 63)], [[b"1"], [b"2"]], breaks_off=True) as server:
        connection = Connection("hr", "mysql", "127.0.0.1", server.port, "hr", "word", "hr")
        with pytest.raises(UnreachableError, match="broke"):
            read_wire(connection, 2)


def read_wire(connection: Connection, rows: int) -> None:
    with mysql_source.rows(connection, make_pull()) as (_, lines):
        for number in range(1, rows + 1):
            assert next(lines) == f"{number}\n".encode()
        next(lines)


# --- what errors mean -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "text", "kind", "told"),
    [
        (1146, "Table 'hr.attendance' doesn't exist", RefusedError, "Table 'hr.attendance' doesn't exist"),
        (1054, "Unknown column 'emp' in 'field list'", RefusedError, "Unknown column 'emp'"),
        (
            1142,
            "SELECT command denied to user 'wang'@'10.0.0.9' for table 'pay'",
            RefusedError,
            "the login for table",
        ),
        (1292, "Truncated incorrect DOUBLE value: '13800000000'", RefusedError, "value: '…'"),
        (1792, "Cannot execute statement in a READ ONLY transaction.", RefusedError, "the query writes"),
        (1969, "Query execution was interrupted", UnreachableError, "longer than 60 s"),
        (3024, "Query execution was interrupted", UnreachableError, "statement_timeout_seconds"),
        (1205, "Lock wait timeout exceeded", UnreachableError, "locked for more than 5 s"),
        (1927, "Connection was killed", UnreachableError, "1927"),
        (2013, "Lost connection", UnreachableError, "2013"),
        (1213, "Deadlock found", UnreachableError, "1213"),
    ],
)
def test_an_error_of_mysql_says_whether_to_try_again(
    code: int, text: str, kind: type[Exception], told: str
) -> None:
    meant = mysql_source._meaning(pymysql.err.OperationalError(code, text), make_pull())
    assert type(meant) is kind
    assert told in str(meant)
    assert "13800000000" not in str(meant)
    assert "wang" not in str(meant)


@pytest.mark.parametrize("mode", ["disabled", "preferred", "required"])
def test_tls_modes_without_certificates(mode: str) -> None:
    found, context = mysql_source._tls(Connection("hr", "mysql", extra={"ssl_mode": mode.upper()}))
    assert found == mode
    assert (context is not None) == (mode == "required")


def test_a_misspelled_tls_mode_is_not_passed_over() -> None:
    with pytest.raises(CredentialsError, match=r"ssl_mode.*verify_identity"):
        mysql_source._tls(Connection("hr", "mysql", extra={"ssl_mode": "verify-full"}))
    with pytest.raises(CredentialsError, match="certificates cannot be read"):
        mysql_source._tls(Connection("hr", "mysql", extra={"ssl_ca": "/nowhere/ca.pem"}))


def test_reading_is_decided_by_the_form_only(tmp_path: Path) -> None:
    plain = make_site(tmp_path / "a", PLAIN, max_rows=5).entities["attendance"]
    other = make_site(tmp_path / "b", CHANGED, incremental={}).entities["attendance"]
    assert plain.options.reading_key() == other.options.reading_key() == [database.FORM]
    assert timedelta(minutes=other.options.incremental.overlap_minutes) == timedelta(hours=1)
