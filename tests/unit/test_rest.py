"""REST without a network: how pages become rows, what a site file may declare, whom a pull may ask."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.rest_server import site_of

from yardstick import settings as settings_module
from yardstick.errors import CredentialsError
from yardstick.sources import http, rest
from yardstick.sources.connections import Connection
from yardstick.sources.delivery import MissingColumnsError, RefusedError
from yardstick.sources.site_file import SiteError
from yardstick.sources.spool import folder_of

ROW = {"id": "T1", "opened_at": "2026-01-31 10:00", "status": "open", "project": "p1", "item": "i1"}
WINDOW = {
    "name": "cursor@2026-01-31", "from": "2026-01-30T23:00:00+08:00", "until": "2026-02-01T00:00:00+08:00",
    "zone": "Asia/Shanghai",
}  # fmt: skip


def framed(*pages: Any, pull: dict[str, str] | None = None, cut: bool = False) -> io.BytesIO:
    """Pages as a pull keeps them; bytes stand for themselves."""
    stream = io.BytesIO()
    stream.write(json.dumps({"pull": pull or {"name": "cursor"}}).encode() + b"\n")
    for page in pages:
        body = page if isinstance(page, bytes) else json.dumps(page, ensure_ascii=False).encode()
        stream.write(json.dumps({"page": {"rows": 0}, "length": len(body)}).encode() + b"\n" + body + b"\n")
    stream.write(b"" if cut else b'{"end":{}}\n')
    stream.seek(0)
    return stream


def read(tmp_path: Path, *pages: Any, pull: dict[str, str] | None = None, **ticket: Any):
    """The header, every row's cells, the problems by row number, and the reading."""
    entity = site_of(tmp_path, **({"records": None} | ticket)).entities["ticket"]
    reading = rest.read(entity, "cursor", framed(*pages, pull=pull))
    rows, problems = [], {}
    for page in reading.pages:
        rows += [row.split("\x1f") for row in page.rows]
        problems |= {page.numbers[index]: problem for index, problem in page.problems.items()}
        assert len(page.event_values) == len(page.rows)
    return reading.header, rows, problems, reading


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delivered", "cell"),
    [
        ("1.10", "1.10"), ("1E5", "1E5"), ("-0.0", "-0.0"), ("12345678901234567890123", "12345678901234567890123"),
        ("true", "true"), ("false", "false"), ("null", ""), ('""', ""), ('"007"', "007"), ('"NA"', "NA"),
        ('"null"', "null"), ('" 全角　"', " 全角　"), ("[]", "[]"), ("{}", ""),
        ('["a", 1.50, null, true, {"b": "é"}]', '["a",1.50,null,true,{"b":"é"}]'), ("1e999999", "1e999999"),
        ("1" * 5000, "1" * 5000), ("NaN", "NaN"), ('"=1+1"', "=1+1"), (r'"a\nb\tc"', "a\nb\tc"),
    ],
)  # fmt: skip
def test_a_value_keeps_its_text(tmp_path: Path, delivered: str, cell: str) -> None:
    body = json.dumps([ROW | {"x": "X"}]).replace('"X"', delivered).encode()

    for page in (body, body[:-1] + b', {"y": {"z": 1}}]'):  # rows alike, and rows that differ
        header, rows, problems, _ = read(tmp_path, page)

        assert rows[0][header.index("x")] == cell
        assert not problems


def test_objects_become_dotted_columns_in_order_of_appearance(tmp_path: Path) -> None:
    first = ROW | {"Team": {"ID": 7, "lead": {"name": "李"}}}

    header, rows, _, _ = read(tmp_path, [first], [ROW, {"new": 1} | first])

    assert header == [*ROW, "team.id", "team.lead.name", "new"]
    assert rows[0][5:] == ["7", "李"]
    assert rows[1] == list(ROW.values())  # shorter than the header
    assert rows[2][5:] == ["7", "李", "1"]


def test_keys_in_another_order_or_spelling_are_the_same_columns(tmp_path: Path) -> None:
    other = {" STATUS ": "closed", **{key: value for key, value in reversed(ROW.items()) if key != "status"}}

    header, rows, _, _ = read(tmp_path, [ROW, other])

    assert header == list(ROW)
    assert rows[1] == ["T1", "2026-01-31 10:00", "closed", "p1", "i1"]


def test_rows_are_numbered_over_the_whole_pull(tmp_path: Path) -> None:
    entity = site_of(tmp_path, records=None).entities["ticket"]
    pages = [[ROW | {"id": f"{page}-{row}"} for row in range(3_000)] for page in range(3)]

    read_pages = list(rest.read(entity, "cursor", framed(*pages)).pages)

    assert [number for page in read_pages for number in page.numbers] == list(range(1, 9_001))
    assert len(read_pages) > 1
    assert read_pages[-1].rows[-1].startswith("2-2999\x1f")
    assert set(read_pages[0].event_values) == {ROW["opened_at"]}


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (r"a\u0000b", "nul_byte"), (r"a\u001fb", "control_character"), (r"a\u001eb", "control_character"),
        (r"a\ud83d", "undecodable"), ("a\xff", "undecodable"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_kept_costs_its_row_only(tmp_path: Path, value: str, rule: str) -> None:
    body = json.dumps([ROW, ROW | {"item": "VALUE"}, ROW]).encode()

    _, rows, problems, _ = read(tmp_path, body.replace(b"VALUE", value.encode("latin-1")))

    assert len(rows) == 3
    assert {number: problem[0] for number, problem in problems.items()} == {2: rule}


def test_a_row_that_is_no_object_is_a_reject(tmp_path: Path) -> None:
    _, rows, problems, _ = read(tmp_path, [ROW, [1, "a"], ROW, None])

    assert [row[0] for row in rows] == ["T1", '[1,"a"]', "T1", ""]
    assert {number: problem[0] for number, problem in problems.items()} == {
        2: "not_an_object", 4: "not_an_object",
    }  # fmt: skip


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert len(read(tmp_path, b"\xef\xbb\xbf" + json.dumps([ROW]).encode())[1]) == 1


# --- whole deliveries -------------------------------------------------------------------------------


def test_a_column_that_never_comes_refuses_the_pull_and_names_a_close_one(tmp_path: Path) -> None:
    row = {("state" if key == "status" else key): value for key, value in ROW.items()}

    with pytest.raises(
        MissingColumnsError, match=r"'status' \(for status\) is missing; there is 'state'"
    ) as told:
        read(tmp_path, [row, row])

    assert told.value.columns == {"status": "status"}


def test_columns_inside_an_object_that_is_always_null_are_there(tmp_path: Path) -> None:
    fields = {"source_ticket_id": "id", "opened_at": "opened_at", "status": "status", "project_id": "project",
              "service_item_id": "item", "department_id": "team.org.id"}  # fmt: skip

    for empty in (None, {}, {"org": None}):
        assert len(read(tmp_path, [ROW | {"team": empty}], fields=fields)[1]) == 1
    with pytest.raises(MissingColumnsError, match=r"team\.org\.id"):
        read(tmp_path, [ROW], fields=fields)


def test_an_empty_pull_has_no_missing_columns(tmp_path: Path) -> None:
    header, rows, _, reading = read(tmp_path, [])

    assert (header, rows, reading.notices) == ([], [], [])


@pytest.mark.parametrize(
    ("pages", "ticket", "told"),
    [
        (({"data": []},), {"records": "data.items"}, "nothing at 'data.items'"),
        (({"data": {"items": {"id": 1}}},), {"records": "data.items"}, "no single list at 'data.items'"),
        (({"data": None, "msg": "secret"},), {"records": "data"}, "null at 'data'.*'data', 'msg'"),
        (([ROW | {"Id": "T2"}],), {}, "two keys of a row read as 'id'"),
        (([ROW | {"team.id": 1, "team": {"id": 2}}],), {}, "two keys of a row read as 'team.id'"),
        (([ROW | {"": 1}],), {}, "key that is empty"),
        (([ROW | {"a\u200bb": 1}],), {}, "cannot be shown"),
        (([ROW | {str(n): n for n in range(2_001)}],), {}, "more than 2,000 columns"),
        ((b"[" * 100_000,), {}, "page 1 is not JSON"),
        (([ROW], b'[{"id": "T2'), {}, "page 2 is not JSON"),
        (({"items": [ROW], "total": "many"},), {"records": "items", "total": "total"}, "whole number at 'total'"),
    ],
)  # fmt: skip
def test_what_is_no_page_of_rows_is_refused(tmp_path: Path, pages, ticket: dict[str, Any], told: str) -> None:
    with pytest.raises(RefusedError, match=told) as caught:
        read(tmp_path, *pages, **ticket)

    assert "secret" not in str(caught.value)


def test_null_rows_are_none_where_that_is_declared(tmp_path: Path) -> None:
    assert read(tmp_path, {"data": None}, records="data", records_may_be_null=True)[1] == []


def test_cut_off_bytes_are_refused(tmp_path: Path) -> None:
    entity = site_of(tmp_path, records=None).entities["ticket"]
    whole = framed([ROW]).getvalue()

    for cut in (framed([ROW], cut=True).getvalue(), whole[:-30], whole[:60], b"", b"\x00" * 99):
        with pytest.raises(RefusedError, match="damaged or cut off"):
            list(rest.read(entity, "cursor", io.BytesIO(cut)).pages)


def test_the_total_of_the_source_is_passed_on(tmp_path: Path) -> None:
    pages = [{"items": [ROW], "total": 2}, {"items": [ROW | {"id": "T2"}], "total": 2}]

    assert read(tmp_path, *pages, records="items", total="total")[3].total == 2


@pytest.mark.parametrize(
    ("form", "moments"),
    [
        ("iso", ["2026-01-31T08:00:00+08:00", "2026-01-30T21:00:00+08:00", "2026-01-31 12:00", "", "soon"]),
        ("utc", ["2026-01-31T08:00:00Z", "2026-01-30T13:00:00Z"]),
        ("epoch", ["1769846400", "1769778000"]),
        ("epoch_ms", ["1769846400000", "1769778000000"]),
        ("%d/%m/%Y %H:%M", ["31/01/2026 08:00", "30/01/2026 21:00"]),
    ],
)
def test_a_clock_that_is_off_is_told_and_refuses_nothing(
    tmp_path: Path, form: str, moments: list[str]
) -> None:
    rows = [ROW | {"id": str(number), "changed": moment} for number, moment in enumerate(moments)]
    incremental = {"from": "f", "until": "u", "format": form, "overlap_minutes": 60, "column": "changed"}

    *_, reading = read(tmp_path, rows, pull=WINDOW, incremental=incremental)

    assert reading.notices == [
        "1 row(s) have a 'changed' outside what was asked for, at most 1:00:00 before it: "
        "is the source's clock right?"
    ]


def test_a_clock_days_ahead_is_told_with_the_largest_difference(tmp_path: Path) -> None:
    rows = [ROW | {"changed": f"2026-02-{day:02}T01:00:00+08:00"} for day in (1, 2, 9)]

    *_, reading = read(
        tmp_path, rows, pull=WINDOW, incremental={"from": "f", "until": "u", "column": "changed"}
    )

    assert "2 row(s)" in reading.notices[0]
    assert "at most 8 days, 0:00:00 after it" in reading.notices[0]


# --- site files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ticket", "told"),
    [
        ({"pagination": None}, "pagination is missing"),
        ({"path": "https://elsewhere.example/x"}, "not a path below the connection's address"),
        ({"path": "/a/../b"}, "not a path below"),
        ({"path": "/a?b=1"}, "belongs to params"),
        ({"records": "data..["}, "records: .* is not a JSONPath"),
        ({"pagination": {"kind": "cursor"}}, "next is missing, which cursor needs"),
        ({"pagination": {"kind": "page", "limit": 5}}, "limit: has no meaning for page"),
        ({"pagination": {"kind": "cursor", "next": "a b"}}, "pagination.next: .* is not a JSONPath"),
        ({"pagination": {"kind": "scroll"}}, "Use one of cursor"),
        ({"params": {"cursor": "x"}}, "params.cursor: is set by pagination"),
        ({"params": {"since": 1}, "incremental": {"from": "since"}}, "params.since: is set by pagination"),
        ({"incremental": {"from": "since", "format": "%d/%m"}}, "needs a year, a month and a day.*epoch_ms"),
        ({"incremental": {"until": "u"}}, "from is missing"),
        ({"params": {"q": "at>={from}"}}, r"has \{from\}, but incremental is not declared"),
        ({"params": {"q": "{from}"}, "incremental": {"from": "f"}}, "from: is said twice"),
        ({"params": {"q": "<{until}"}, "incremental": {"from": "f", "until": "u"}}, "until: is said twice"),
        ({"incremental": {"from": "f", "ordered": True}}, "ordered needs column"),
        ({"incremental": {"from": "f", "until": "u", "within": "at"}}, "within: loses what happened"),
        ({"pagination": {"kind": "page", "last": "end"}}, "last: has no meaning for page"),
        ({"lists": {"history": "all"}}, "lists.history"),
        ({"spread": {"by": "field"}}, "columns is missing"),
        ({"max_pages": 0}, "must be at least 1"),
    ],
)
def test_a_wrong_declaration_is_told_with_its_place(
    tmp_path: Path, ticket: dict[str, Any], told: str
) -> None:
    with pytest.raises(SiteError, match=told) as caught:
        site_of(tmp_path, **ticket)

    assert "site.yml:" in caught.value.problems[0]


def test_params_are_written_as_people_write_them(tmp_path: Path) -> None:
    site = site_of(tmp_path, params={"size": 5, "open": True, "sort": "id"})

    assert site.entities["ticket"].options.params == (("size", "5"), ("open", "true"), ("sort", "id"))


def test_what_decides_the_cells_decides_the_reading_key(tmp_path: Path) -> None:
    def key(**ticket: Any) -> list[Any]:
        return site_of(tmp_path, **ticket).entities["ticket"].options.reading_key()

    assert key() == key(path="/other", params={"a": 1}, max_pages=3)
    assert key() != key(records="data.rows")
    assert json.dumps(key(incremental={"from": "since", "column": "changed"}))
    keys = [
        key(),
        key(lists={"history": "each"}),
        key(lists={"history": {"by": "id"}}),
        key(keep={"kind": ["a"]}),
        key(named={"what": ["a", "b"]}),
        key(spread={"by": "field", "columns": ["new"]}),
        key(first_of={"due": ["a", "b"]}),
        key(incremental={"from": "since"}),
        key(incremental={"from": "since", "within": "at"}),
    ]
    assert len({json.dumps(each) for each in keys}) == len(keys)


# --- what is due ---------------------------------------------------------------------------------------


def test_one_pull_per_whole_day_that_is_not_known(tmp_path: Path) -> None:
    site = site_of(tmp_path, path="/api/tickets/", incremental={"from": "since"})
    entity, settings = site.entities["ticket"], settings_module.load(home=tmp_path)
    now = datetime(2026, 1, 4, 16, 30, tzinfo=UTC)  # the fifth in Shanghai

    found = rest.due(site, entity, settings, known={"api/tickets@2026-01-02"}, now=now)

    assert [(item.first_day, item.last_day, item.name) for item in found] == [
        (date(2026, 1, day), date(2026, 1, day), f"api/tickets@2026-01-0{day}") for day in (1, 3, 4)
    ]
    assert [item.name for item in rest.due(site, entity, settings, date(2026, 1, 4), now=now)] == [
        "api/tickets@2026-01-04"
    ]


def test_a_snapshot_is_always_due(tmp_path: Path) -> None:
    site = site_of(tmp_path)

    (found,) = rest.due(site, site.entities["ticket"], settings_module.load(home=tmp_path), known={"cursor"})

    assert (found.first_day, found.last_day, found.name) == (None, None, "cursor")


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("iso", "2026-01-31T00:00:00+08:00"), ("utc", "2026-01-30T16:00:00Z"), ("epoch", "1769788800"),
        ("epoch_ms", "1769788800000"), ("%Y/%m/%d %H:%M:%S", "2026/01/31 00:00:00"),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-01-31T00:00:00+0800"),
    ],
)  # fmt: skip
def test_a_moment_is_written_as_declared(tmp_path: Path, form: str, written: str) -> None:
    incremental = (
        site_of(tmp_path, incremental={"from": "f", "format": form}).entities["ticket"].options.incremental
    )
    moment = datetime(2026, 1, 30, 16, tzinfo=UTC).astimezone(site_of(tmp_path).zone)

    assert incremental.written(moment) == written


@pytest.mark.parametrize("name", ["..", ".", "a/../b", "a" * 300, "名@2026-01-31"])
def test_a_pull_has_a_folder_of_its_own_below_the_spool(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path, "helpdesk", "ticket", name)

    assert folder.resolve().parent == tmp_path / "helpdesk/ticket"
    folder.mkdir(parents=True)


# --- whom a pull may ask -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("connection", "base_url"),
    [
        (Connection("c", "http", "h"), "http://h"),
        (Connection("c", "https", "h", 8443), "https://h:8443"),
        (Connection("c", "http", "h", schema="https"), "https://h"),
        (Connection("c", "generic", "h", 8443, schema="https"), "https://h:8443"),
        (Connection("c", "http", "https://h/base/", schema="http"), "https://h/base"),
        (Connection("c", "https", "h", extra={"base_path": "/api/v2/"}), "https://h/api/v2"),
        (Connection("c", "https", "h", schema="api/v2"), "https://h/api/v2"),
        (Connection("c", "http", "::1", 80), "http://[::1]:80"),
    ],
)
def test_the_base_url_comes_from_the_connection(connection: Connection, base_url: str) -> None:
    assert http.endpoint(connection).base_url == base_url


@pytest.mark.parametrize(
    "connection",
    [
        Connection("c", "mysql", "h"), Connection("c", "generic", "h", schema="api"),
        Connection("c", "http", ""), Connection("c", "http", "ftp://h"),
        Connection("c", "http", "h:port"), Connection("c", "http", "h", extra={"base_path": 1}),
        Connection("c", "http", "h", extra={"allowed_hosts": 1}),
    ],
)  # fmt: skip
def test_a_connection_that_is_no_http_api_is_told(connection: Connection) -> None:
    with pytest.raises(CredentialsError, match="Connection c"):
        http.endpoint(connection)


@pytest.mark.parametrize(
    ("url", "passes"),
    [
        ("https://api.example.com/x", True), ("https://API.example.com.:443/x", True),
        ("https://cdn.example.com/x", True), ("https://files.example.com:8443/x", True),
        ("https://files.example.com/x", False), ("https://api.example.com:8443/x", False),
        ("http://api.example.com/x", False), ("https://api.example.com.evil.example/x", False),
        ("https://api.example.com@evil.example/", False), ("https://evil.example/#@api.example.com", False),
        ("file:///etc/passwd", False), ("https://[::1/", False), ("https://h:99999/", False), ("//x", False),
    ],
)  # fmt: skip
def test_only_its_own_host_and_the_listed_ones_are_asked(url: str, passes: bool) -> None:
    extra = {"allowed_hosts": "cdn.example.com, files.example.com:8443"}
    endpoint = http.endpoint(Connection("c", "https", "api.example.com", extra=extra))

    if passes:
        endpoint.check(url)
    else:
        with pytest.raises(RefusedError):
            endpoint.check(url)


def test_a_plain_connection_may_be_led_to_https_of_its_host() -> None:
    endpoint = http.endpoint(Connection("c", "http", "api.example.com", 8080))

    endpoint.check("https://api.example.com/x")
    with pytest.raises(RefusedError, match="allowed_hosts"):
        endpoint.check("http://api.example.com/x")


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.0.1", "fe80::1%eth0", "::ffff:169.254.169.254", "100.100.100.200", "0.0.0.0",
     "::", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "168.63.129.16", "224.0.0.1", "2002:a9fe:a9fe::1"],
)  # fmt: skip
def test_addresses_where_no_source_can_be_are_refused(address: str) -> None:
    http.check_addresses("good.example", ["10.0.0.5", "127.0.0.1", "::1", "8.8.8.8", "fd12::1"])
    with pytest.raises(RefusedError, match="no source system can be"):
        http.check_addresses("evil.example", ["8.8.8.8", address])
