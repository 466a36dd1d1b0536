"""REST against a real server on loopback: every paging and login, patience, and a pull that lands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
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
from yardstick import warehouse
from yardstick.errors import CredentialsError, UnreachableError
from yardstick.landing import land
from yardstick.settings import Settings
from yardstick.sources import http, rest
from yardstick.sources.delivery import Due, Fetched, RefusedError
from yardstick.sources.register import register

WINDOW = {"from": "updated_from", "until": "updated_until", "overlap_minutes": 60, "column": "updated_at"}


@pytest.fixture
def api() -> Iterator[Api]:
    with serve(tickets(25)) as running:
        yield running


@dataclass
class Client:
    """Pulls from the server as ``ingest`` would, without a warehouse."""

    folder: Path
    api: Api
    monkeypatch: pytest.MonkeyPatch

    def connect(self, **connection: Any) -> None:
        self.monkeypatch.setenv(VARIABLE, connection_json(self.api, **connection))

    @contextmanager
    def fetch(self, name: str = "", day: date | None = None, **ticket: Any) -> Iterator[Fetched]:
        site = site_of(self.folder, **ticket)
        entity = site.entities["ticket"]
        due = Due(day, day, name or entity.options.path.strip("/"))
        with rest.fetch(site, entity, due, self.settings) as fetched:
            yield fetched

    @property
    def settings(self) -> Settings:
        return settings_module.load(home=self.folder / "home")

    def pull(self, **ticket: Any) -> list[str]:
        """The ids that a pull brings."""
        return [row["id"] for row in self.rows(**ticket)]

    def rows(self, **ticket: Any) -> list[dict[str, str]]:
        with self.fetch(**ticket) as fetched:
            entity = site_of(self.folder, **{k: v for k, v in ticket.items() if k != "day"}).entities[
                "ticket"
            ]
            reading = rest.read(entity, "pull", fetched.stream)
            rows = [row.split("\x1f") for page in reading.pages for row in page.rows]
            self.notices = reading.notices
            return [dict(zip(reading.header, row, strict=False)) for row in rows]


@pytest.fixture
def client(tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client(tmp_path, api, monkeypatch)
    made.connect()
    return made


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited, without waiting."""
    seconds: list[float] = []
    monkeypatch.setattr(http, "sleep", seconds.append)
    return seconds


IDS = [row["id"] for row in tickets(25)]
PAGINGS: dict[str, dict[str, Any]] = {
    "cursor": {},
    "offset": {"path": "/offset", "records": "items", "pagination": {"kind": "offset", "limit": 10}},
    "page": {"path": "/page", "records": "items", "pagination": {"kind": "page"}},
    "link_header": {"path": "/link", "records": None, "pagination": {"kind": "link_header"}},
    "next_url": {"path": "/next", "records": "results", "pagination": {"kind": "next_url", "next": "next"}},
    "none": {"path": "/all", "records": None, "pagination": {"kind": "none"}},
}


# --- paging --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PAGINGS)
def test_every_page_is_pulled_once(client: Client, api: Api, kind: str) -> None:
    assert client.pull(**PAGINGS[kind]) == IDS
    # without a number of pages, only an empty page says that there are no more
    assert len(api.asked) == {"none": 1, "offset": 4, "page": 4}.get(kind, 3)


@pytest.mark.parametrize(
    ("kind", "more", "asked"),
    [
        ("offset", {"total": "total"}, 3),
        ("page", {"pagination": {"kind": "page", "pages": "pages"}}, 3),
        ("page", {"pagination": {"kind": "page", "more": "has_more"}}, 3),
        ("cursor", {"total": "meta.total", "params": {"size": 25}}, 1),
    ],
)
def test_no_page_is_asked_for_that_the_source_says_is_not_there(
    client: Client, api: Api, kind: str, more: dict[str, Any], asked: int
) -> None:
    assert client.pull(**PAGINGS[kind] | more) == IDS
    assert len(api.asked) == asked


@pytest.mark.parametrize("kind", PAGINGS)
def test_no_rows_are_no_rows(client: Client, api: Api, kind: str) -> None:
    api.rows = []

    assert client.pull(**PAGINGS[kind]) == []


def test_a_server_that_gives_fewer_rows_than_asked_for_loses_none(client: Client, api: Api) -> None:
    api.cap = 7

    assert client.pull(**PAGINGS["offset"]) == IDS


def test_pages_are_in_the_order_and_with_the_parameters_declared(client: Client, api: Api) -> None:
    client.pull(**PAGINGS["offset"] | {"params": {"sort": "id", "open": True}})

    assert [asked.query for asked in api.asked] == [
        {"sort": "id", "open": "true", "offset": offset, "limit": "10"} for offset in ("0", "10", "20", "25")
    ]


@pytest.mark.parametrize("kind", PAGINGS)
def test_the_same_answers_give_the_same_bytes(client: Client, kind: str) -> None:
    def pulled() -> bytes:
        with client.fetch(**PAGINGS[kind]) as fetched:
            return fetched.stream.read()

    first = pulled()
    assert first.count(b'"length":') == len(client.api.asked)
    assert pulled() == first
    assert client.api.address.removeprefix("http://").encode() not in first


def test_a_link_to_a_next_page_is_not_overlooked(client: Client) -> None:
    with pytest.raises(RefusedError, match=r"link to a next page.*Declare link_header"):
        client.pull(**PAGINGS["link_header"] | {"pagination": {"kind": "none"}})


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"pagination": {"kind": "cursor", "next": "meta.following"}}, "at 'meta.following', but .* 'meta.next'"),
        ({"pagination": {"kind": "cursor", "next": "meta"}}, "no text or number at 'meta'"),
        ({"pagination": {"kind": "cursor", "next": "meta.next", "more": "meta.more"}}, "neither true nor false"),
        ({"total": "meta.count"}, "no whole number at 'meta.count'"),
        ({"records": "items"}, "nothing at 'items'.*'data', 'meta'.* There is a list at 'data.items'"),
        ({"path": "/nowhere"}, "/nowhere answers HTTP 404"),
        ({"max_pages": 2}, "more than 2 pages"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_refused_and_not_taken_for_the_end(
    client: Client, declared: dict[str, Any], told: str
) -> None:
    with pytest.raises(RefusedError, match=told):
        client.pull(**declared)


# --- windows -------------------------------------------------------------------------------------------


def test_a_window_can_stand_inside_a_parameter(client: Client, api: Api) -> None:
    seen: list[dict[str, str]] = []

    def search(asked: Asked) -> Answer:
        seen.append(asked.query)
        return Answer([])

    api.routes["/search"] = search
    client.pull(
        path="/search",
        records=None,
        pagination={"kind": "none"},
        params={"jql": 'updated >= "{from}" and updated < "{until}"', "fields": "{all}"},
        incremental={"format": "%Y-%m-%d %H:%M", "overlap_minutes": 30},
        day=date(2026, 1, 31),
    )
    assert seen == [
        {"jql": 'updated >= "2026-01-30 23:30" and updated < "2026-02-01 00:00"', "fields": "{all}"}
    ]


@pytest.mark.parametrize("kind", ["cursor", "next_url"])
def test_a_last_page_ends_the_pull_though_it_names_a_next_one(client: Client, api: Api, kind: str) -> None:
    def stream(asked: Asked) -> Answer:
        start = int(asked.query.get("cursor", "0"))
        end = start + 10
        return Answer(
            {
                "items": api.rows[start:end],
                "cursor": str(end),
                "url": f"/stream?cursor={end}",
                "end": end >= 25,
            }
        )

    api.routes["/stream"] = stream
    following = {"cursor": "cursor", "next_url": "url"}[kind]
    given: dict[str, Any] = {"path": "/stream", "records": "items"}
    paging = {"kind": kind, "next": following, "last": "end"}
    assert client.pull(**given, pagination=paging) == IDS
    assert len(api.asked) == 3
    with pytest.raises(RefusedError, match=r"neither true nor false at 'stop'\. Correct pagination\.last"):
        client.pull(**given, pagination=paging | {"last": "stop"})


def test_rows_in_order_are_asked_for_no_further_than_their_day(client: Client, api: Api) -> None:
    api.rows = [row for day in (30, 31) for row in tickets(15, f"2026-01-{day}")]
    for number, row in enumerate(api.rows):
        row["id"] = f"R{number:02}"
    ordered = {"from": "updated_from", "column": "updated_at", "ordered": True, "overlap_minutes": 0}

    brought = client.pull(incremental=ordered, day=date(2026, 1, 30))

    assert brought == [
        f"R{number:02}" for number in range(20)
    ]  # the page that goes past the day, and no more
    assert len(api.asked) == 2
    assert client.notices == []


def test_of_a_history_that_comes_whole_a_day_takes_its_own(client: Client, api: Api) -> None:
    api.rows = tickets(2)
    for row in api.rows:
        row["history"] = [{"at": f"2026-01-{day}T12:00:00.000+0800"} for day in (29, 30, 31)] + [{"at": "?"}]
    asked = {"format": "%Y-%m-%d", "from": "updated_from", "overlap_minutes": 60, "within": "history.at"}
    for day, number in ((30, 2), (31, 2)):
        rows = client.rows(
            lists={"history": "each"}, incremental=asked, day=date(2026, 1, day), total="meta.total"
        )
        whole = [
            row for row in rows if row["history.at"] != "?"
        ]  # what cannot be read is for staging to reject
        assert [row["history.at"][:10] for row in whole] == [f"2026-01-{day}"] * number
        assert len(rows) == number + 2
        assert client.notices == ["4 row(s) happened outside what was asked for: another pull brings them"]


def test_lists_in_rows_become_rows_and_their_number_is_not_held_against_the_total(client: Client) -> None:
    for row in client.api.rows:
        row["history"] = [{"at": 1, "what": "a"}, {"at": 2, "what": "b"}]
    rows = client.rows(
        total="meta.total", lists={"history": "each"}, keep={"history.what": ["b"]}, params={"size": 25}
    )
    assert [(row["id"], row["history.at"]) for row in rows] == [(name, "2") for name in IDS]
    assert client.notices == [
        "25 row(s) hold something else in 'history.what' than keep says: they are no data of this entity"
    ]


def test_a_day_is_asked_for_with_its_overlap(client: Client, api: Api) -> None:
    api.rows = [
        {**tickets(1)[0], "id": moment, "updated_at": moment}
        for moment in ("2026-01-30T22:59:59+08:00", "2026-01-30T23:00:00+08:00", "2026-01-31T23:59:59+08:00",
                       "2026-02-01T00:00:00+08:00")
    ]  # fmt: skip

    assert client.pull(day=date(2026, 1, 31), incremental=WINDOW) == [
        "2026-01-30T23:00:00+08:00", "2026-01-31T23:59:59+08:00",
    ]  # fmt: skip
    assert client.notices == []
    assert api.asked[0].query == {
        "updated_from": "2026-01-30T23:00:00+08:00", "updated_until": "2026-02-01T00:00:00+08:00",
    }  # fmt: skip


# --- logins --------------------------------------------------------------------------------------------


def needs(header: str, value: str) -> Callable[[Asked], Answer | None]:
    return lambda asked: None if asked.headers.get(header) == value else Answer({}, 401)


@pytest.mark.parametrize(
    ("connection", "check"),
    [
        ({"password": "k3y-secret", "auth": "api_key"}, needs("X-API-Key", "k3y-secret")),
        ({"password": "k3y-secret", "auth": "api_key", "header": "appcode"}, needs("appcode", "k3y-secret")),
        ({"password": "t0ken-secret", "auth": "bearer"}, needs("Authorization", "Bearer t0ken-secret")),
        ({"login": "me", "password": "pw-secret"}, needs("Authorization", "Basic bWU6cHctc2VjcmV0")),
        ({"auth": "none", "headers": {"X-Tenant": "7"}}, needs("X-Tenant", "7")),
    ],
)
def test_the_login_goes_with_every_page(
    client: Client, api: Api, connection: dict[str, Any], check: Callable[[Asked], Answer | None]
) -> None:
    api.check = check
    client.connect(**connection)

    assert client.pull() == IDS


@pytest.mark.parametrize("kind", PAGINGS)
def test_a_key_in_the_query_is_sent_once_and_kept_nowhere(client: Client, api: Api, kind: str) -> None:
    client.connect(password="k3y-secret", auth="api_key", param="appkey")

    with client.fetch(**PAGINGS[kind]) as fetched:
        kept = fetched.stream.read() + (next((client.folder / "home").rglob("state"))).read_bytes()

    assert {asked.query.get("appkey") for asked in api.asked} == {"k3y-secret"}
    assert {asked.text.count("appkey") for asked in api.asked} == {1}
    frames = [line for line in kept.split(b"\n") if line.startswith((b'{"page"', b'{"length"'))]
    assert frames
    assert not any(b"k3y-secret" in line for line in frames)


def oauth(api: Api) -> dict[str, Any]:
    api.check = lambda asked: (
        None
        if asked.headers.get("Authorization", "").removeprefix("Bearer ") in api.tokens
        else Answer({}, 401)
    )
    return {"login": "client", "password": "client-secret", "auth": "oauth2_client_credentials",
            "token_url": "/oauth/token", "scope": "read"}  # fmt: skip


def test_client_credentials_get_one_token_for_a_pull(client: Client, api: Api) -> None:
    client.connect(**oauth(api))

    assert client.pull() == IDS
    assert [asked.path for asked in api.asked] == ["/oauth/token", *["/cursor"] * 3]
    assert b"scope=read" in api.asked[0].body


def test_a_token_that_expires_in_the_middle_is_renewed_and_never_logged(
    client: Client, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    client.connect(**oauth(api))
    good = api.check
    api.check = lambda asked: (
        api.tokens.discard("token-1-secret") if len(api.pages_asked) == 2 else None
    ) or good(asked)  # fmt: skip
    issued = iter(range(1, 9))
    api.routes["/oauth/token"] = lambda _: (
        api.tokens.add(token := f"token-{next(issued)}-secret") or Answer({"access_token": token})
    )

    assert client.pull() == IDS
    assert [asked.path for asked in api.asked].count("/oauth/token") == 2
    assert caplog.text
    assert not any(secret in caplog.text for secret in ("client-secret", "token-1-secret", "token-2-secret"))


@pytest.mark.parametrize(
    ("connection", "answer"),
    [
        ({"password": "wr0ng-secret", "auth": "bearer"}, status(401)),
        ({"password": "wr0ng-secret", "auth": "api_key"}, status(403)),
        ({"login": "me", "password": "wr0ng-secret"}, status(401)),
    ],
)
def test_a_refused_login_fails_at_once_and_names_the_connection_only(
    client: Client, api: Api, waits: list[float], connection: dict[str, Any], answer
) -> None:
    api.check = answer
    client.connect(**connection)

    with pytest.raises(
        CredentialsError, match="Connection helpdesk_api: the source refuses the login"
    ) as told:
        client.pull()

    assert (len(api.asked), waits) == (1, [])
    assert not any(part in str(told.value) for part in ("wr0ng-secret", "me:", "/cursor"))


def test_a_token_that_is_refused_even_when_new_fails_at_once(client: Client, api: Api) -> None:
    client.connect(**oauth(api))
    api.check = status(401)

    with pytest.raises(CredentialsError, match="helpdesk_api"):
        client.pull()
    assert [asked.path for asked in api.asked] == ["/oauth/token", "/cursor", "/oauth/token", "/cursor"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"error": "invalid_client"}, 400), Answer({}, 401), Answer({"token": "x"}), Answer([1]),
        Answer(b"<html>", headers={"Content-Type": "text/html"}), Answer({"access_token": None}),
        Answer({"access_token": "t", "expires_in": "soon"}),
    ],
)  # fmt: skip
def test_no_token_is_a_matter_of_credentials(client: Client, api: Api, answer: Answer) -> None:
    client.connect(**oauth(api))
    api.routes["/oauth/token"] = lambda _: answer

    with pytest.raises(CredentialsError, match="Connection helpdesk_api"):
        client.pull()
    assert api.pages_asked == []


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        ({"auth": "magic"}, "extra.auth is none of"),
        ({"auth": "bearer"}, "needs the password"),
        ({"auth": "oauth2_client_credentials", "password": "s3cret"}, "needs extra.token_url and the login"),
        ({"headers": "X: 1"}, "extra.headers"),
    ],
)
def test_an_incomplete_connection_says_what_it_needs(
    client: Client, connection: dict[str, Any], told: str
) -> None:
    client.connect(**connection)

    with pytest.raises(CredentialsError, match=told):
        client.pull()


# --- patience ------------------------------------------------------------------------------------------


def test_retry_after_is_obeyed(client: Client, api: Api, waits: list[float]) -> None:
    api.once = [status(429, Retry_After="7"), lambda _: None, status(503, Retry_After="3"),
                status(429, Retry_After="0")]  # fmt: skip

    assert client.pull() == IDS
    assert waits == [7, 3, 0]


def test_a_wait_beyond_the_bound_ends_the_run_and_keeps_what_came(
    client: Client, api: Api, waits: list[float]
) -> None:
    api.once = [lambda _: None, status(429, Retry_After="3600")]

    with pytest.raises(UnreachableError, match=r"wait of 3600 s .* more than max_wait_seconds \(120\)"):
        client.pull()
    assert waits == []
    assert client.pull() == IDS
    assert [asked.query.get("cursor") for asked in api.asked] == [None, "c10", "c10", "c20"]


def test_a_source_that_only_ever_asks_to_wait_is_given_up(
    client: Client, api: Api, waits: list[float]
) -> None:
    api.check = status(429, Retry_After="1")

    with pytest.raises(UnreachableError, match="one wait after the other"):
        client.pull()
    assert len(waits) == http.RATE_LIMIT_WAITS


@pytest.mark.parametrize("code", [500, 502, 503, 504, 429, 408])
def test_server_errors_are_tried_again_ever_more_slowly(
    client: Client, api: Api, waits: list[float], code: int
) -> None:
    api.once = [status(code), status(code), lambda _: None, status(code)]

    assert client.pull() == IDS
    assert waits == [0.5, 1.0, 0.5]


def test_a_source_that_keeps_failing_is_unreachable_and_the_next_run_goes_on(
    client: Client, api: Api, waits: list[float]
) -> None:
    api.once = [lambda _: None, *[status(500)] * 5]

    with pytest.raises(UnreachableError, match=r"127.0.0.1:\d+ .*helpdesk_api.* HTTP 500, 5 attempts"):
        client.pull()
    assert all(later > sooner for sooner, later in pairwise(waits))
    api.asked.clear()
    assert client.pull() == IDS
    assert [asked.query.get("cursor") for asked in api.asked] == ["c10", "c20"]


def test_a_body_that_breaks_off_is_asked_for_again(client: Client, api: Api, waits: list[float]) -> None:
    def broken(_: Asked) -> Answer:
        def pieces() -> Iterator[bytes]:
            yield b'{"data": {"items": ['
            raise ConnectionResetError

        return Answer(pieces(), headers={"Content-Type": "application/json"})

    api.once = [broken, lambda _: None, broken]

    assert client.pull() == IDS
    assert len(waits) == 2


# --- going on ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(set(PAGINGS) - {"none"}))
def test_an_interrupted_pull_goes_on_with_the_next_page(
    client: Client, api: Api, waits: list[float], kind: str
) -> None:
    with client.fetch(**PAGINGS[kind]) as fetched:
        whole = fetched.stream.read()
    api.once = [lambda _: None, *[status(500)] * 5]
    with pytest.raises(UnreachableError):
        client.pull(**PAGINGS[kind])
    before = len(api.asked)

    with client.fetch(**PAGINGS[kind]) as fetched:
        assert fetched.stream.read() == whole
    assert api.asked[before].query == api.asked[before - 1].query  # the page that failed, not the first


@pytest.mark.parametrize("change", [{"params": {"size": 5}}, {"resume_hours": 0}, {"max_pages": 9}])
def test_a_pull_asked_for_otherwise_or_too_old_starts_again(
    client: Client, api: Api, waits: list[float], change: dict[str, Any]
) -> None:
    api.once = [lambda _: None, *[status(500)] * 5]
    with pytest.raises(UnreachableError):
        client.pull()
    api.asked.clear()

    assert client.pull(**change) == IDS
    assert "cursor" not in api.asked[0].query


def test_what_could_not_be_landed_is_not_asked_for_again(client: Client, api: Api) -> None:
    with pytest.raises(OSError, match="disk"), client.fetch():
        raise OSError("disk full")
    api.asked.clear()

    assert client.pull() == IDS
    assert api.asked == []


@pytest.mark.parametrize("way", ["landed", "refused", "unchanged"])
def test_nothing_is_left_of_a_pull_that_is_through(client: Client, way: str) -> None:
    try:
        with client.fetch() as fetched:
            assert list(client.settings.home.rglob("pages"))
            if way == "landed":
                fetched.landed()
            if way == "refused":
                raise RefusedError("not good")
    except RefusedError:
        pass

    assert not list(client.settings.home.rglob("pages"))


def test_a_damaged_spool_is_pulled_anew(client: Client, api: Api) -> None:
    for damage in (b"", b"not json", b'{"definition": 1}'):
        with pytest.raises(OSError, match="x"), client.fetch():
            raise OSError("x")
        (state,) = client.settings.home.rglob("state")
        state.write_bytes(damage)

        assert client.pull() == IDS


# --- landing -------------------------------------------------------------------------------------------


def test_a_pull_lands_exactly_and_again_brings_nothing(
    settings: Settings, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, connection_json(api))
    site = site_of(tmp_path, total="meta.total", incremental=WINDOW)
    entity = site.entities["ticket"]
    day = date(2026, 1, 31)
    with warehouse.connect(settings.require_database_url()) as connection:
        register(connection, site)

    (due,) = rest.due(site, entity, settings, day, day)
    landed = land(settings, site, entity, due, "test")

    assert (landed.status, landed.days, landed.rows_landed) == ("landed", (day,), 25)
    with warehouse.connect(settings.require_database_url()) as connection:
        header, name = connection.execute("select header, file_name from ops.arrival").fetchone() or ((), "")
        rows = connection.execute("select row_number, cells from raw.ticket order by row_number").fetchall()
    assert name == "cursor@2026-01-31"
    assert [
        (number, dict(zip(header, cells.split("\x1f"), strict=True))["id"]) for number, cells in rows
    ] == list(enumerate(IDS, 1))
    assert rest.due(site, entity, settings, day, day, known={name}) == []
    assert land(settings, site, entity, due, "test").status == "unchanged"
    assert not list(settings.home.rglob("pages"))


def test_a_quiet_day_is_a_delivery_of_nothing_and_no_drift(
    settings: Settings, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, connection_json(api))
    api.rows = [row | {"extra": 1} for day in ("2026-01-30", "2026-02-01") for row in tickets(3, day)]
    site = site_of(tmp_path, incremental=WINDOW)
    entity = site.entities["ticket"]
    with warehouse.connect(settings.require_database_url()) as connection:
        register(connection, site)

    due = rest.due(site, entity, settings, date(2026, 1, 30), date(2026, 2, 1))
    landed = [land(settings, site, entity, item, "test") for item in due]

    assert [(item.status, len(item.days), item.rows_landed) for item in landed] == [
        ("landed", 1, 3), ("landed", 1, 0), ("landed", 1, 3),
    ]  # fmt: skip
    with warehouse.connect(settings.require_database_url()) as connection:
        assert connection.execute("select kind, column_name from ops.drift").fetchall() == []


def test_a_pull_whose_total_differs_lands_nothing(
    settings: Settings, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, connection_json(api))
    api.total_of = lambda rows: len(rows) + 1
    site = site_of(tmp_path, total="meta.total")
    entity = site.entities["ticket"]
    with warehouse.connect(settings.require_database_url()) as connection:
        register(connection, site)

    (due,) = rest.due(site, entity, settings)
    landed = land(settings, site, entity, due, "test")

    assert landed.status == "refused"
    assert "says 26 rows and delivered 25" in (landed.reason or "")
    with warehouse.connect(settings.require_database_url()) as connection:
        assert connection.execute("select count(*) from raw.ticket").fetchone() == (0,)


def test_the_kept_original_reads_the_same_without_the_source(
    settings: Settings, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, connection_json(api))
    site = site_of(tmp_path)
    entity = site.entities["ticket"]
    with warehouse.connect(settings.require_database_url()) as connection:
        register(connection, site)
    (due,) = rest.due(site, entity, settings)
    land(settings, site, entity, due, "test")

    (kept,) = (path for path in settings.store.rglob("*") if path.is_file())
    with kept.open("rb") as stream:
        rows = [row for page in rest.read(entity, due.name, stream).pages for row in page.rows]

    assert [row.split("\x1f")[0] for row in rows] == IDS
