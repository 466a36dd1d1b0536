"""Deadlines of deliveries against a real server: what is late, which days wait, which go on without."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from yardstick import alerts, deadlines, ingest, publish, warehouse
from yardstick.settings import Settings

ZONE = "Asia/Shanghai"
TODAY = datetime.now(ZoneInfo(ZONE)).date()
MONTH = TODAY.replace(day=1) - timedelta(days=1)
"""The last day of the last month: all of its days are over, whatever today is."""


class Ledger:
    """Sources, expectations, looks and deliveries, put into the ledger directly."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = settings.require_database_url()

    def do(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with warehouse.connect(self.url) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def source(self, source_id: str = "desk", projects: tuple[str, ...] = ()) -> None:
        self.do(
            "insert into ops.source (source_id, names, site_file, time_zone, config_sha256) "
            "values (%s, %s, 'site.yml', %s, '') on conflict do nothing",
            source_id, json.dumps({"zh": "工单系统", "en": "Helpdesk"}), ZONE,
        )  # fmt: skip
        for project in projects:
            self.do("insert into ops.source_project values (%s, %s)", source_id, project)

    def expect(
        self,
        entity: str = "ticket",
        source_id: str = "desk",
        *,
        since: date,
        every: str = "day",
        if_missing: str = "wait",
        is_required: bool = True,
        is_dated: bool = True,
        registered: str = "90 days",
        projects: tuple[str, ...] = (),
    ) -> None:
        self.source(source_id, projects)
        self.do(
            "insert into ops.expected (source_id, entity, every, by_time, after_days, is_required, if_missing, "
            "is_dated, valid_from, registered_at) "
            "values (%s, %s, %s, '06:00', 1, %s, %s, %s, %s, now() - %s::interval) "
            "on conflict (source_id, entity) do update set if_missing = excluded.if_missing",
            source_id, entity, every, is_required, if_missing, is_dated, since, registered,
        )  # fmt: skip

    def deliver(
        self, *days: date, entity: str = "ticket", source_id: str = "desk", late_by: timedelta | None = None
    ) -> None:
        """Land and audit; in time unless told otherwise."""
        self.source(source_id)
        for day in days:
            at = datetime(day.year, day.month, day.day, 17, tzinfo=UTC) + (late_by or timedelta())
            self.do(
                "with a as (insert into ops.arrival (source_id, entity, file_name, file_sha256, byte_size, "
                "first_date, last_date, status, arrived_at) "
                "values (%s, %s, %s, '', 0, %s, %s, 'landed', %s) returning arrival_id) "
                "insert into ops.delivery (arrival_id, source_id, entity, partition_date, file_name, revision, "
                "content_sha256, rows_landed, rows_rejected, audited_build_id, landed_at) "
                "select arrival_id, %s, %s, %s, %s, 1, '', 7, 2, 1, %s from a",
                source_id, entity, f"{entity}-{day}.csv", day, day, at,
                source_id, entity, day, f"{entity}-{day}.csv", at,
            )  # fmt: skip

    def look(
        self, entity: str = "ticket", source_id: str = "desk", outcome: str = "done", run: str = "r"
    ) -> None:
        self.do(
            "insert into ops.look (run_id, source_id, entity, outcome) values (%s, %s, %s, %s) "
            "on conflict (run_id, source_id, entity) do update set outcome = excluded.outcome, looked_at = now()",
            run, source_id, entity, outcome,
        )  # fmt: skip

    def build(self) -> int:
        """An audited build to hang announcements on."""
        return self.do(
            "insert into ops.build (run_id, status, stage) values ('b', 'audited', 'publish') returning build_id"
        )[0][0]

    def status(self, entity: str = "ticket", source_id: str = "desk") -> dict[date, str]:
        return {
            row[0]: row[1]
            for row in self.do(
                "select day, status from ops.delivery_status where (source_id, entity) = (%s, %s) order by day",
                source_id, entity,
            )
        }  # fmt: skip

    def apply(self, run: str = "run") -> list[deadlines.Late]:
        with warehouse.connect(self.url) as connection:
            return deadlines.apply(connection, run)

    def announce(self, build: int | None, run: str = "run") -> list[date]:
        return publish.announce(self.settings, build, run)


def days(first: date, last: date, *without: date) -> list[date]:
    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in span if day not in without]


@pytest.fixture
def ledger(settings: Settings) -> Ledger:
    return Ledger(settings)


def test_a_delivery_is_in_time_late_missing_or_not_due_yet(ledger: Ledger):
    first = TODAY - timedelta(days=4)
    ledger.expect(since=first)
    ledger.deliver(first)
    ledger.deliver(first + timedelta(days=1), late_by=timedelta(days=2))
    assert ledger.status() == {
        first: "delivered",
        first + timedelta(days=1): "late",
        first + timedelta(days=2): "missing",
        first + timedelta(days=3): "missing" if datetime.now(ZoneInfo(ZONE)).hour >= 6 else "not_due",
        TODAY: "not_due",
    }


def test_a_deadline_stands_in_the_time_zone_of_the_source(ledger: Ledger):
    ledger.expect(since=date(2026, 3, 1))
    ledger.deliver(date(2026, 3, 2))
    ((deadline,),) = ledger.do(
        "select deadline_at at time zone 'UTC' from ops.expected_deliveries('2026-03-02', '2026-03-02')"
    )
    assert deadline == datetime(2026, 3, 2, 22, 0)


def test_history_is_never_late_and_asks_for_nothing_after_its_last_day(ledger: Ledger):
    """A year is loaded in one afternoon, with a hole: only the hole is missing."""
    first = date(2026, 3, 1)
    ledger.expect(since=first, registered="1 hour")
    hole = date(2026, 3, 5)
    ledger.deliver(*days(first, date(2026, 3, 10), hole), late_by=TODAY - first)
    status = ledger.status()
    assert status.pop(hole) == "missing"
    # early in the morning a source registered an hour ago owes today already, tomorrow at six
    assert status.pop(TODAY, "not_due") == "not_due"
    assert set(status) == set(days(first, date(2026, 3, 10), hole))
    assert set(status.values()) == {"delivered"}


def test_an_undated_list_is_delivered_by_a_look_after_the_day(ledger: Ledger):
    first = TODAY - timedelta(days=3)
    ledger.expect("person", since=first, is_dated=False)
    assert "missing" in ledger.status("person").values()
    ledger.do(
        "insert into ops.arrival (source_id, entity, file_name, file_sha256, byte_size, status, arrived_at) "
        "values ('desk', 'person', 'person', '', 0, 'unchanged', %s::timestamp at time zone %s)",
        TODAY, ZONE,
    )  # fmt: skip
    assert ledger.status("person") == {
        first: "late",
        first + timedelta(days=1): "late",
        first + timedelta(days=2): "delivered",
        TODAY: "not_due",
    }


def test_a_month_is_delivered_with_its_last_day_and_stands_there(ledger: Ledger):
    start = MONTH.replace(day=1)
    ledger.expect("survey_answer", since=start, every="month")
    missing = ledger.status("survey_answer")
    assert missing[MONTH] in ("missing", "not_due")
    assert len(missing) == 2  # last month and this one
    ledger.deliver(*days(start, MONTH), entity="survey_answer")
    assert ledger.status("survey_answer")[MONTH] == "delivered"


def test_nothing_is_judged_before_somebody_has_looked_since_the_deadline(ledger: Ledger):
    day = TODAY - timedelta(days=3)
    ledger.expect(since=day)
    assert ledger.apply() == []
    with warehouse.connect(ledger.url) as connection:
        found = deadlines.overdue(connection)
    assert found
    assert found[0] == ["desk"]

    ledger.look()
    late = ledger.apply()
    assert {one.rule for one in late} == {"wait"}
    assert day in {one.period_end for one in late}
    assert all(one.is_red and one.is_new for one in late)
    with warehouse.connect(ledger.url) as connection:
        assert deadlines.overdue(connection) is None
    assert {one.is_new for one in ledger.apply("the next run")} == {False}
    assert all(one.is_red for one in ledger.apply("the next run")), "a missing day stays red"


def test_one_deadline_starts_one_run(ledger: Ledger):
    ledger.expect(since=TODAY - timedelta(days=3))
    found = ingest.find_overdue(ledger.settings)
    assert found
    assert found["sources"] == ["desk"]
    assert found == ingest.find_overdue(ledger.settings), "the run it starts is named by the deadline"
    ledger.look()
    assert ingest.find_overdue(ledger.settings) is None


def test_a_source_that_did_not_answer_is_judged_for_now_but_not_for_history(ledger: Ledger):
    ledger.expect(since=TODAY - timedelta(days=3), if_missing="carry_on")
    ledger.look(outcome="unreachable")
    assert ledger.apply()

    ledger.expect("attendance", "hr", since=date(2026, 3, 1), if_missing="carry_on", registered="1 hour")
    ledger.expect("roster", "hr", since=date(2026, 3, 1), registered="1 hour")
    ledger.deliver(*days(date(2026, 3, 1), date(2026, 3, 3)), entity="roster", source_id="hr")
    ledger.look("attendance", "hr", outcome="unreachable")
    assert [one for one in ledger.apply() if one.source_id == "hr"] == []
    ledger.look("attendance", "hr")
    assert len([one for one in ledger.apply() if one.source_id == "hr"]) == 3


def test_a_rule_that_is_changed_to_carry_on_is_applied_to_what_still_waits(ledger: Ledger):
    ledger.expect(since=TODAY - timedelta(days=2))
    ledger.look()
    assert {one.rule for one in ledger.apply("one")} == {"wait"}
    ledger.expect(since=TODAY - timedelta(days=2), if_missing="carry_on")
    late = ledger.apply("two")
    assert {one.rule for one in late} == {"carry_on"}
    assert all(one.is_red for one in late), "the run that gives up a delivery is red"
    assert not any(one.is_red for one in ledger.apply("three"))


def test_days_without_expectations_are_announced_as_soon_as_they_are_audited(ledger: Ledger):
    ledger.deliver(*days(date(2026, 3, 1), date(2026, 3, 3)))
    build = ledger.build()
    assert ledger.announce(build, "run-1") == days(date(2026, 3, 1), date(2026, 3, 3))
    assert ledger.announce(build, "run-1") == days(date(2026, 3, 1), date(2026, 3, 3)), "asked again"
    assert ledger.announce(None, "run-2") == []


def test_a_day_waits_for_what_it_requires_and_is_announced_when_it_comes(ledger: Ledger):
    first, last = date(2026, 3, 1), date(2026, 3, 4)
    ledger.deliver(*days(first, last))
    ledger.expect("attendance", "hr", since=first)
    ledger.deliver(*days(first, last, date(2026, 3, 2)), entity="attendance", source_id="hr")
    build = ledger.build()
    assert ledger.announce(build, "run-1") == days(first, last, date(2026, 3, 2))
    ledger.deliver(date(2026, 3, 2), entity="attendance", source_id="hr")
    ledger.do("update ops.delivery set audited_build_id = null where partition_date = '2026-03-02'")
    assert ledger.announce(build, "run-2") == [], "it is there, but no gate has passed it"
    ledger.do("update ops.delivery set audited_build_id = 1")
    assert ledger.announce(None, "run-3") == [date(2026, 3, 2)]


def test_a_delivery_that_is_not_required_holds_up_no_day(ledger: Ledger):
    first, last = date(2026, 3, 1), date(2026, 3, 3)
    ledger.deliver(*days(first, last))
    ledger.expect("attendance", "hr", since=first, is_required=False)
    ledger.deliver(last, entity="attendance", source_id="hr")
    assert ledger.announce(ledger.build(), "run-1") == days(first, last)
    ledger.look("attendance", "hr")
    late = ledger.apply()
    assert {one.source_id for one in late} == {"hr"}
    assert not any(one.is_red for one in late)


def test_a_month_that_is_required_holds_up_all_of_its_days(ledger: Ledger):
    first, last = date(2026, 3, 1), date(2026, 3, 31)
    ledger.deliver(*days(first, last))
    ledger.expect("survey_answer", "survey", since=first, every="month")
    ledger.deliver(date(2026, 4, 30), entity="survey_answer", source_id="survey")
    build = ledger.build()
    assert ledger.announce(build, "run-1") == []
    ledger.deliver(last, entity="survey_answer", source_id="survey")
    assert ledger.announce(None, "run-2") == days(first, last)


def test_a_day_goes_on_without_once_its_rule_is_applied_and_is_told_again_when_the_rest_comes(ledger: Ledger):
    """With nothing to build: the deadline alone lets the month go on."""
    first, last, hole = date(2026, 3, 1), date(2026, 3, 31), date(2026, 3, 9)
    ledger.expect(since=first, if_missing="carry_on", registered="1 hour")
    ledger.deliver(*days(first, last, hole))
    build = ledger.build()
    assert ledger.announce(build, "run-1") == days(first, last, hole)
    ledger.look()
    (given_up,) = ledger.apply()
    assert (given_up.period_end, given_up.rule) == (hole, "carry_on")
    assert ledger.status()[hole] == "carried_on"
    assert ledger.announce(None, "run-2") == days(first, last), "the month is complete, so all of it is told"
    assert ledger.do("select day from publish.day where announced_run_id = 'run-2'") == [(hole,)]
    assert ledger.announce(None, "run-3") == []

    ledger.deliver(hole, late_by=timedelta(days=9))
    assert ledger.status()[hole] == "delivered"
    assert ledger.do("select count(*) from ops.carried_on") == [(0,)]
    assert ledger.announce(None, "run-4") == days(first, last)
    assert ledger.announce(None, "run-4") == days(first, last), "asked again"
    assert ledger.announce(None, "run-5") == []


def test_what_was_refused_is_told_and_is_no_delivery(ledger: Ledger):
    day = TODAY - timedelta(days=2)
    ledger.expect(since=day)
    ledger.do(
        "insert into ops.arrival (source_id, entity, file_name, file_sha256, byte_size, first_date, last_date, "
        "status, reason) values ('desk', 'ticket', 'a.csv', '', 0, %s, %s, 'refused', 'a.csv is empty')",
        day, day,
    )  # fmt: skip
    assert ledger.status()[day] == "refused"
    ledger.look(outcome="refused")
    assert day in {one.period_end for one in ledger.apply()}
    ledger.deliver(day)
    assert ledger.status()[day] == "delivered"


def test_readers_have_their_copy_and_it_follows(ledger: Ledger):
    ledger.expect(since=TODAY - timedelta(days=2), projects=("P1",))
    assert publish.delivery_status(ledger.settings) == 3
    assert publish.delivery_status(ledger.settings) == 0
    ledger.deliver(TODAY - timedelta(days=2))
    assert publish.delivery_status(ledger.settings) == 1
    assert ledger.do(
        "select status, rows_landed, rows_rejected, file_count, source_names ->> 'en', projects "
        "from bi.delivery_status where day = %s", TODAY - timedelta(days=2),
    ) == [("delivered", 7, 2, 1, "Helpdesk", ["P1"])]  # fmt: skip
    ledger.do("delete from ops.expected")
    publish.delivery_status(ledger.settings)
    assert ledger.do("select count(*) from publish.delivery_status") == [(1,)]


# --- telling a person ---


@contextlib.contextmanager
def web_hook(status: int = 200) -> Iterator[tuple[int, list[tuple[str, Any]]]]:
    """A chat's web hook on loopback: its port, and what was posted."""
    posted: list[tuple[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1], posted
        server.shutdown()
        thread.join()


def test_everybody_is_told_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    ledger.expect(since=TODAY - timedelta(days=3))
    ledger.deliver(TODAY - timedelta(days=3))
    ledger.look()
    with web_hook() as (port, posted):
        extra = json.dumps({"path": "hook/send?key=k", "form": "content"})
        connection = {"conn_type": "http", "host": "127.0.0.1", "port": port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_YARDSTICK_ALERTS", json.dumps(connection))
        red = ingest.apply_deadlines(ledger.settings, "run-1")
        assert "desk ticket: nothing for" in red[0]
        ((path, body),) = posted
        assert path == "/hook/send?key=k"
        text = body["text"]["content"]
        assert "late" in text
        assert "Helpdesk" in text
        assert ingest.apply_deadlines(ledger.settings, "run-2") == red
        assert len(posted) == 1
    with pytest.raises(deadlines.LateDeliveriesError, match="desk ticket"):
        ingest.conclude([{"landed": 1}], red)
    assert ingest.conclude([{"landed": 1, "rows": 2}, {"landed": 2}], []) == {"landed": 3, "rows": 2}


def test_an_alert_that_did_not_arrive_is_sent_again_and_stops_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    ledger.expect(since=TODAY - timedelta(days=3))
    ledger.look()
    for status, told in ((500, 0), (200, 1)):
        with web_hook(status) as (port, posted):
            monkeypatch.setenv("AIRFLOW_CONN_YARDSTICK_ALERTS", f"http://127.0.0.1:{port}/")
            assert ingest.apply_deadlines(ledger.settings, "run")
            assert len(posted) == 1
        found = ledger.do(
            "select count(distinct alerted_at is not null), bool_or(alerted_at is not null) from ops.deadline"
        )
        assert found == [(1, bool(told))]


def test_without_a_connection_the_log_is_all(ledger: Ledger):
    ledger.expect(since=TODAY - timedelta(days=3))
    ledger.look()
    assert ingest.apply_deadlines(ledger.settings, "run")
    assert ledger.do("select bool_and(alerted_at is not null) from ops.deadline") == [(True,)]


def test_an_alert_goes_by_mail(monkeypatch: pytest.MonkeyPatch):
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        in_data = False
        while line := await reader.readline():
            if in_data:
                received.append(line)
                in_data = line != b".\r\n"
                if not in_data:
                    writer.write(b"250 kept\r\n")
                continue
            command = line[:4].upper()
            in_data = command == b"DATA"
            writer.write(
                b"354 go on\r\n" if in_data else b"221 bye\r\n" if command == b"QUIT" else b"250 fine\r\n"
            )
            await writer.drain()
            if command == b"QUIT":
                break
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        extra = json.dumps(
            {"from": "yardstick@example.org", "to": ["a@example.org", "b@example.org"], "tls": "none"}
        )
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_YARDSTICK_ALERTS", json.dumps(connection))
        assert await asyncio.to_thread(alerts.send, "两项迟到", "工单系统")
        server.close()

    asyncio.run(main())
    text = b"".join(received).decode()
    assert "To: a@example.org, b@example.org" in text
    assert "Subject: =?utf-8?" in text
