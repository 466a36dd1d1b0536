"""What must not break a pull over REST: bad answers, hostile links, pages without end, kills."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.rest_server import (
    VARIABLE,
    Answer,
    Api,
    Asked,
    connection_json,
    serve,
    site_of,
    status,
    tickets,
)

from yardstick import settings as settings_module
from yardstick.errors import CredentialsError, UnreachableError
from yardstick.settings import project_root
from yardstick.sources import http, rest
from yardstick.sources.delivery import RefusedError

HTML = {"Content-Type": "text/html; charset=utf-8"}
OFFSET = {"path": "/offset", "records": "items", "pagination": {"kind": "offset", "limit": 10}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with serve(tickets(25)) as running:
        monkeypatch.setenv(VARIABLE, connection_json(running))
        yield running


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(http, "sleep", seconds.append)
    return seconds


def pull(folder: Path, **ticket: Any) -> list[str]:
    """The ids that a pull brings."""
    site = site_of(folder, **ticket)
    entity, settings = site.entities["ticket"], settings_module.load(home=folder / "home")
    (due,) = rest.due(site, entity, settings)
    with rest.fetch(site, entity, due, settings) as fetched:
        pages = list(rest.read(entity, due.name, fetched.stream).pages)
    return [row.split("\x1f")[0] for page in pages for row in page.rows]


def spooled(folder: Path) -> list[Path]:
    return list((folder / "home").rglob("pages"))


# --- the source is not there ---------------------------------------------------------------------------


def test_a_host_that_does_not_listen_is_unreachable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    with socket.socket() as held:  # bound and not listening: the port is nobody else's
        held.bind(("127.0.0.1", 0))
        connection = {"conn_type": "http", "host": "127.0.0.1", "port": held.getsockname()[1]}
        monkeypatch.setenv(VARIABLE, json.dumps(connection))

        with pytest.raises(UnreachableError, match=r"127.0.0.1:\d+ .*Connection refused, 5 attempts"):
            pull(tmp_path)
    assert len(waits) == 4


def test_a_name_that_does_not_resolve_is_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps({"conn_type": "http", "host": "helpdesk.invalid"}))

    with pytest.raises(UnreachableError, match=r"helpdesk.invalid:80 .* its name is not known"):
        pull(tmp_path)


def test_a_server_that_is_silent_is_unreachable(tmp_path: Path, api: Api) -> None:
    released = threading.Event()
    api.routes["/silent"] = lambda _: Answer({"waited": released.wait(60)})

    try:
        with pytest.raises(UnreachableError, match="no answer within 1 s, 5 attempts"):
            pull(tmp_path, path="/silent", timeout_seconds=1)
    finally:
        released.set()
    assert len(api.asked) == 5


def test_a_server_that_speaks_no_tls_is_told(
    tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(connection_json(api)) | {"conn_type": "https"}
    monkeypatch.setenv(VARIABLE, json.dumps(connection))

    with pytest.raises(UnreachableError, match=r"certificate .* or speaks no TLS"):
        pull(tmp_path)


def test_without_a_connection_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)

    with pytest.raises(CredentialsError, match=VARIABLE):
        pull(tmp_path)


# --- the answer is none --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(b"<html><head><title>Sign <b>in</b>\n &amp; go</title></head><body>Mr Li 13800000000</body>",
                headers=HTML), "page 1 is a web page titled 'Sign in & go' .text/html., not JSON"),
        (Answer(b"", headers={"Content-Type": "application/json"}), "page 1 is empty"),
        (Answer(b" \n "), "page 1 is empty"),
        (Answer(b'{"data": {"items": [{"id": "T1', headers={"Content-Type": "application/json"}),
         "JSON that is damaged or cut off"),
        (Answer(b"id,status\n13800000000,open", headers={"Content-Type": "text/csv"}), "is not JSON .text/csv"),
        (Answer({"code": 401, "msg": "13800000000", "data": None}), "nothing at 'data.items'.*'code', 'msg', 'data'"),
        (Answer(b"", 204), "HTTP 204"),
        (Answer(b"", 304), "HTTP 304"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_page_is_refused_and_not_taken_for_no_rows(
    tmp_path: Path, api: Api, answer: Answer, told: str
) -> None:
    api.once = [lambda _: answer]

    with pytest.raises(RefusedError, match=told) as caught:
        pull(tmp_path)

    assert "13800000000" not in str(caught.value)
    assert not spooled(tmp_path)


def test_a_login_page_in_the_middle_refuses_the_whole_pull(tmp_path: Path, api: Api) -> None:
    api.once = [lambda _: None, lambda _: Answer(b"<html><title>Login</title>", headers=HTML)]

    with pytest.raises(RefusedError, match="page 2 is a web page titled 'Login'"):
        pull(tmp_path)
    assert pull(tmp_path) == [row["id"] for row in api.rows]


# --- pages without end ---------------------------------------------------------------------------------


def test_a_cursor_that_goes_round_is_refused(tmp_path: Path, api: Api) -> None:
    following = {"c0": "c10", "c10": "c20", "c20": "c10"}
    api.routes["/round"] = lambda asked: Answer(
        {
            "data": {"items": [{"id": len(api.asked)}]},
            "meta": {"next": following[asked.query.get("cursor", "c0")]},
        }
    )

    with pytest.raises(RefusedError, match="page 4 was asked for before: the pagination goes round"):
        pull(tmp_path, path="/round")
    assert len(api.asked) == 4


def test_a_server_that_ignores_the_page_asked_for_is_refused(tmp_path: Path, api: Api) -> None:
    api.routes["/same"] = lambda _: Answer({"items": tickets(10), "made_at": len(api.asked)})

    with pytest.raises(RefusedError, match="page 2 brings the same rows as one before"):
        pull(tmp_path, **OFFSET | {"path": "/same"})
    assert not spooled(tmp_path)


def test_ever_new_rows_end_at_the_bound(tmp_path: Path, api: Api) -> None:
    api.routes["/endless"] = lambda _: Answer({"items": [{"id": len(api.asked)}]})

    with pytest.raises(RefusedError, match=r"more than 20 pages.*pagination without end"):
        pull(tmp_path, **OFFSET | {"path": "/endless", "max_pages": 20})
    assert len(api.asked) == 20


def test_a_redirect_without_end_is_refused(tmp_path: Path, api: Api) -> None:
    api.routes["/cursor"] = lambda asked: status(302, Location=f"/cursor?n={len(api.asked)}")(asked)

    with pytest.raises(RefusedError, match="TooManyRedirects"):
        pull(tmp_path)


# --- rows that move ------------------------------------------------------------------------------------


def moves(api: Api, times: int) -> Callable[[Asked], Answer | None]:
    """A row is withdrawn from the front while the second page is asked for, so many times."""
    left = iter(range(times))

    def check(asked: Asked) -> None:
        if asked.query.get("offset") == "10" and next(left, None) is not None:
            api.rows = api.rows[1:]

    return check


def test_rows_that_move_once_are_pulled_again_and_none_is_lost(tmp_path: Path, api: Api) -> None:
    api.check = moves(api, 1)

    assert pull(tmp_path, **OFFSET, total="total") == [row["id"] for row in tickets(25)[1:]]


def test_rows_that_keep_moving_are_refused(tmp_path: Path, api: Api) -> None:
    api.check = moves(api, 9)

    with pytest.raises(RefusedError, match=r"rows came or went .*total was .* 3 pulls went so"):
        pull(tmp_path, **OFFSET, total="total")
    assert not spooled(tmp_path)


def test_a_total_that_is_not_delivered_is_refused(tmp_path: Path, api: Api) -> None:
    api.total_of = lambda rows: len(rows) + 5

    with pytest.raises(RefusedError, match="says 30 rows and delivered 25"):
        pull(tmp_path, total="meta.total")


# --- whom it leads to ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["http://169.254.169.254/latest/meta-data/", "http://2852039166/", "http://[::ffff:a9fe:a9fe]/",
     "http://localhost:1/", "//other.example/x", "file:///etc/passwd", "http://127.0.0.1:1/"],
)  # fmt: skip
@pytest.mark.parametrize("way", ["redirect", "link", "next"])
def test_another_host_is_never_asked(tmp_path: Path, api: Api, way: str, address: str) -> None:
    if way == "redirect":
        api.check = status(302, Location=address)
    elif way == "link":
        api.check = lambda _: Answer([{"id": 1}], headers={"Link": f'<{address}>; rel="next"'})
    else:
        api.check = lambda _: Answer({"results": [{"id": 1}], "next": address})
    paging = {
        "redirect": {},
        "link": {"records": None, "pagination": {"kind": "link_header"}},
        "next": {"records": "results", "pagination": {"kind": "next_url", "next": "next"}},
    }[way]

    with pytest.raises(RefusedError, match=r"leads (to|from)|address that cannot be asked"):
        pull(tmp_path, **paging)
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    "address",
    ["http://169.254.169.254/", "http://2852039166/", "http://[::ffff:a9fe:a9fe]/", "http://0.0.0.0/"],
)
def test_a_metadata_address_is_refused_even_when_it_is_listed(
    tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    host = address.split("/")[2].strip("[]")
    monkeypatch.setenv(VARIABLE, connection_json(api, allowed_hosts=[host]))
    api.check = status(302, Location=address)

    with pytest.raises(RefusedError, match="no source system can be"):
        pull(tmp_path)


def test_a_listed_host_is_followed(tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(tickets(3)) as other:
        host = other.address.removeprefix("http://")
        monkeypatch.setenv(VARIABLE, connection_json(api, allowed_hosts=[host]))
        api.check = status(307, Location=f"{other.address}/cursor")

        assert pull(tmp_path) == ["T00000", "T00001", "T00002"]
        assert len(other.asked) == 1


# --- too much ------------------------------------------------------------------------------------------


CHILD = """
    import json, re, sys
    from pathlib import Path
    from yardstick import settings as settings_module
    from yardstick.sources import rest
    from yardstick.sources.site_file import load_sites

    def peak():  # of this program alone: what getrusage tells begins with the parent's memory
        return int(re.search("VmHWM:[^0-9]*([0-9]+) kB", Path("/proc/self/status").read_text())[1]) << 10

    folder = Path(sys.argv[1])
    (site,) = load_sites(folder / "site.yml")
    entity, settings = site.entities["ticket"], settings_module.load(home=folder / "home")
    (due,) = rest.due(site, entity, settings)
    before = peak()
    try:
        with rest.fetch(site, entity, due, settings) as fetched:
            rows = [row for page in rest.read(entity, due.name, fetched.stream).pages for row in page.rows]
            print(json.dumps({"rows": rows}))
    except Exception as error:
        print(json.dumps({"error": type(error).__name__, "told": str(error), "grown": peak() - before}))
"""


def start(folder: Path, api: Api) -> subprocess.Popen[str]:
    """A pull in a process of its own; site file and connection are those of the test."""
    code = textwrap.dedent(CHILD)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "AIRFLOW_HOME": str(folder / "airflow"),
        "YARDSTICK_ROOT": str(project_root()), VARIABLE: connection_json(api),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], env=environment, text=True, stdout=subprocess.PIPE
    )


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate(timeout=120)
    return json.loads(output.splitlines()[-1])


@pytest.mark.parametrize("how", ["chunked", "declared", "gzip"])
def test_a_cell_of_two_gigabytes_is_refused_in_bounded_memory(tmp_path: Path, api: Api, how: str) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        yield b'{"data": {"items": [{"id": "'
        for _ in range(2 << 10):
            sent += 1 << 20
            yield b"x" * (1 << 20)
        yield b'"}]}, "meta": {}}'

    def gzipped() -> Iterator[bytes]:
        import zlib

        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        for piece in pieces():
            if packed := packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH):
                yield packed

    answers = {
        "chunked": lambda _: Answer(pieces(), headers={"Content-Type": "application/json"}),
        "declared": lambda _: Answer(iter([b"{}"]), headers={"Content-Length": str(2 << 30)}),
        "gzip": lambda _: Answer(gzipped(), headers={"Content-Encoding": "gzip"}),
    }
    api.check = answers[how]
    site_of(tmp_path)

    told = result(start(tmp_path, api))

    assert told["error"] == "RefusedError"
    assert "/cursor answers with more than 67,108,864 bytes" in told["told"]
    assert told["grown"] < 300 << 20
    assert sent < 1 << 30
    assert not spooled(tmp_path)


# --- killed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cursor", "offset"])
def test_a_pull_killed_in_the_middle_goes_on_and_brings_every_row_once(
    tmp_path: Path, api: Api, kind: str
) -> None:
    paging = {"cursor": {}, "offset": OFFSET}[kind]
    site_of(tmp_path, **paging)
    third, killed = threading.Event(), threading.Event()
    count = iter(range(99))

    def hold_the_third(_: Asked) -> None:
        if next(count) == 2:
            third.set()
            killed.wait(60)

    api.check = hold_the_third
    process = start(tmp_path, api)
    assert third.wait(60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed.set()
    assert process.returncode == -signal.SIGKILL
    asked_before = len(api.asked)
    assert asked_before == 3

    rows = result(start(tmp_path, api))["rows"]

    assert [row.split("\x1f")[0] for row in rows] == [row["id"] for row in api.rows]
    again = api.asked[asked_before:]
    assert again[0].query == api.asked[2].query  # the page whose answer never came
    first_two = [asked.query for asked in api.asked[:2]]
    assert not any(asked.query in first_two for asked in again)
    assert not spooled(tmp_path)


def test_a_page_that_was_half_written_when_it_was_killed_is_asked_again(tmp_path: Path, api: Api) -> None:
    api.once = [lambda _: None, *[status(500)] * 5]
    with pytest.raises(UnreachableError):
        pull(tmp_path)
    (pages,) = spooled(tmp_path)
    with pages.open("ab") as stream:
        stream.write(
            b'{"page":{"url":"/cursor?cursor=c10","rows":10,"seen":[]},"length":9999}\n{"data": {"it'
        )

    assert pull(tmp_path) == [row["id"] for row in api.rows]


def test_the_same_pull_twice_at_once_is_one_after_the_other(tmp_path: Path, api: Api) -> None:
    site_of(tmp_path)
    second, both = threading.Event(), []

    def hold_the_first(_: Asked) -> None:
        if not both:
            both.append(start(tmp_path, api))
            second.set()

    api.check = hold_the_first
    first = start(tmp_path, api)
    assert second.wait(60)

    for process in (first, *both):
        assert [row.split("\x1f")[0] for row in result(process)["rows"]] == [row["id"] for row in api.rows]
    assert len(api.asked) == 6
    assert [asked.query.get("cursor") for asked in api.asked] == [None, "c10", "c20"] * 2
