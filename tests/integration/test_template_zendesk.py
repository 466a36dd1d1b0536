"""The Zendesk template against an API of the documented shape: every mapped field, paging, and a second day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.rest_server import Answer, Api, Asked, connection_json, serve
from tests.templates import Installation, make_site, sample, unproved

from yardstick.settings import Settings

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)
PAGE = 2


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


class Zendesk:
    """What the API answers at a moment: each ticket as it stands then."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.now = 0
        self.answered: list[tuple[str, int]] = []
        api.routes = {
            "/api/v2/incremental/tickets/cursor.json": self.tickets,
            "/api/v2/incremental/ticket_events.json": self.events,
            "/api/v2/satisfaction_ratings.json": self.ratings,
        }
        api.check = self.only_for_the_token

    def only_for_the_token(self, asked: Asked) -> Answer | None:
        # dXNlckBleGFtcGxlLmNvbS90b2tlbjprZXk= is user@example.com/token:key
        is_known = asked.headers["Authorization"] == "Basic dXNlckBleGFtcGxlLmNvbS90b2tlbjprZXk="
        return None if is_known else Answer({"error": "Couldn't authenticate you"}, 401)

    def tickets(self, asked: Asked) -> Answer:
        assert asked.query["include"] == "metric_sets"
        latest = {
            row["id"]: row
            for row in sample("zendesk", "tickets.json")
            if row["generated_timestamp"] < self.now
        }
        since, _, place = asked.query.get("cursor", f"{asked.query.get('start_time')}-0").partition("-")
        rows = sorted(
            (row for row in latest.values() if row["generated_timestamp"] >= int(since)),
            key=lambda row: int(row["generated_timestamp"]),
        )
        return self._page(
            rows,
            int(place),
            "tickets",
            lambda end: {"after_cursor": f"{since}-{end}", "after_url": "", "before_cursor": None},
        )

    def events(self, asked: Asked) -> Answer:
        since = int(asked.query["start_time"])
        rows = [
            row for row in sample("zendesk", "ticket_events.json") if since <= row["timestamp"] < self.now
        ]
        place = int(asked.query.get("place", 0))
        return self._page(
            rows, place, "ticket_events",
            lambda end: {"next_page": f"{asked.path}?start_time={since}&place={end}", "count": len(rows)},
        )  # fmt: skip

    def _page(self, rows: list[Any], start: int, name: str, more: Callable[[int], dict[str, Any]]) -> Answer:
        end = start + PAGE
        self.answered.append((name, start))
        return Answer({name: rows[start:end], **more(end), "end_of_stream": end >= len(rows)})

    def ratings(self, asked: Asked) -> Answer:
        since, until = int(asked.query["start_time"]), int(asked.query["end_time"])
        assert asked.query["page[size]"] == "100"
        rows = [
            row
            for row in sample("zendesk", "satisfaction_ratings.json")
            if since <= epoch(row["updated_at"]) < until
        ]
        start = int(asked.query.get("page[after]", 0))
        more = {"has_more": start + 1 < len(rows), "after_cursor": str(start + 1), "before_cursor": None}
        self.answered.append(("satisfaction_ratings", start))
        return Answer({"satisfaction_ratings": rows[start : start + 1], "meta": more, "links": {}})


@pytest.fixture
def zendesk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zendesk]:
    with serve() as api:
        monkeypatch.setenv(
            "AIRFLOW_CONN_ZENDESK_API", connection_json(api, login="user@example.com/token", password="key")
        )
        yield Zendesk(api)


@pytest.fixture
def installation(staged: Settings, tmp_path: Path) -> Installation:
    site = make_site(
        tmp_path / "site", "zendesk",
        asked={"project": "custom_fields.360001.value", "service_item": "custom_fields.360002.value"},
        codes={
            "projects.csv": {"tower-2": "P001", "garden": "P002"},
            "service_items.csv": {"lifts": "lift", "lobbies": "lobby"},
            "departments.csv": {"9001": "repair", "9002": "cleaning"},
            "people.csv": {"8001": "E001", "8002": "E002", "7001": "owner"},
        },
    )  # fmt: skip
    return Installation(staged, site)


TICKETS: dict[str, dict[str, str]] = {
    "35001": {
        "opened_at": "2026-03-02 01:00:00+00", "updated_at": "2026-03-02 01:20:00+00",
        "acknowledged_at": "2026-03-02 01:05:00+00", "status": "open", "project_id": "P001",
        "service_item_id": "lift", "department_id": "repair", "handler_person_id": "E001", "channel": "phone",
        "priority": "urgent", "is_emergency": "true", "reopened_count": "0", "household_id": "7001",
        "title": "Lift stands still",
    },
    "35002": {
        "opened_at": "2026-03-02 02:00:00+00", "updated_at": "2026-03-02 02:00:00+00", "status": "open",
        "project_id": "P002", "service_item_id": "lobby", "department_id": "cleaning", "channel": "web",
        "priority": "normal", "is_emergency": "false", "reopened_count": "0", "household_id": "7002",
        "title": "Lobby floor is wet",
    },
    "35003": {
        "opened_at": "2026-03-02 03:00:00+00", "updated_at": "2026-03-02 04:00:00+00",
        "acknowledged_at": "2026-03-02 03:10:00+00", "closed_at": "2026-03-02 03:50:00+00", "status": "closed",
        "project_id": "P001", "service_item_id": "lift", "department_id": "repair", "handler_person_id": "E002",
        "channel": "email", "priority": "normal", "is_emergency": "false", "reopened_count": "1",
        "household_id": "7003", "title": "Nobody answers", "rating": "1",
    },
    "35004": {
        "opened_at": "2026-03-02 05:00:00+00", "updated_at": "2026-03-02 05:30:00+00",
        "due_at": "2026-03-04 10:00:00+00", "status": "cancelled", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "channel": "web", "priority": "normal", "is_emergency": "false",
        "reopened_count": "0", "household_id": "7001", "title": "Lift stands still",
    },
}  # fmt: skip
COMPLAINT = {
    "35003": {
        "source_ticket_id": "35003", "received_at": "2026-03-02 03:00:00+00",
        "acknowledged_at": "2026-03-02 03:10:00+00", "resolved_at": "2026-03-02 03:50:00+00",
        "closed_at": "2026-03-02 03:50:00+00", "status": "closed", "project_id": "P001", "service_item_id": "lift",
        "household_id": "7003", "channel": "email", "department_id": "repair", "handler_person_id": "E002",
        "rating": "1", "summary": "Called three times.",
    }
}  # fmt: skip
CALL_BACKS = {
    "611": {
        "source_ticket_id": "35003", "called_at": "2026-03-02 04:30:00+00", "channel": "message",
        "result": "reached", "is_resolved": "false", "rating": "1", "note": "Too late",
    },
    "613": {
        "source_ticket_id": "35004", "called_at": "2026-03-02 06:00:00+00", "channel": "message",
        "result": "not_reached",
    },
}  # fmt: skip


def event(ticket: str, at: str, actor: str, kind: str, **more: str) -> dict[str, str]:
    return {
        "source_ticket_id": ticket, "occurred_at": f"{at}+00", "actor_person_id": actor, "event_kind": kind, **more
    }  # fmt: skip


EVENTS = {
    "4001": event("35001", "2026-03-02 01:00:00", "owner", "opened", status_after="open"),
    "4002": event("35001", "2026-03-02 01:00:00", "owner", "priority_changed", priority_after="normal"),
    "4003": event("35001", "2026-03-02 01:00:00", "owner", "assigned", to_department_id="repair"),
    "4006": event("35001", "2026-03-02 01:00:00", "owner", "commented", is_visible_to_owner="true"),
    "4008": event("35001", "2026-03-02 01:05:00", "E002", "assigned", to_person_id="E001"),
    "4009": event("35001", "2026-03-02 01:05:00", "E002", "priority_changed", priority_after="urgent"),
    "4010": event(
        "35001", "2026-03-02 01:05:00", "E002", "status_changed", status_before="open", status_after="in_progress"
    ),
    "4012": event("35001", "2026-03-02 01:20:00", "E001", "commented", is_visible_to_owner="false"),
    "4015": event("35002", "2026-03-02 02:00:00", "7002", "opened", status_after="open"),
}  # fmt: skip
LATER = {
    "4017": event(
        "35001", "2026-03-03 01:00:00", "E001", "paused", status_before="in_progress",
        status_after="waiting_other", pause_reason="third_party",
    ),
    "4018": event(
        "35001", "2026-03-03 01:00:00", "E001", "handed_over", from_department_id="repair",
        to_department_id="cleaning",
    ),
    "4019": event(
        "35001", "2026-03-03 01:00:00", "E001", "assigned", from_person_id="E001", to_person_id="E002"
    ),
    "4021": event(
        "35001", "2026-03-03 02:30:00", "E002", "work_done", status_before="waiting_other", status_after="done"
    ),
}  # fmt: skip


def test_every_mapped_field_arrives_and_a_second_day_adds_only_its_changes(
    zendesk: Zendesk, installation: Installation
) -> None:
    zendesk.now = epoch("2026-03-03T00:30:00+08:00")
    installation.land(FIRST)
    assert installation.stage() == {"ticket": 4, "ticket_event": 9, "complaint": 1, "call_back": 2}
    assert installation.rejects() == []
    assert installation.rows("ticket") == TICKETS
    assert installation.rows("ticket_event") == EVENTS
    assert installation.rows("complaint") == COMPLAINT
    assert installation.rows("call_back") == CALL_BACKS
    assert {("tickets", 0), ("tickets", 2), ("ticket_events", 2), ("satisfaction_ratings", 1)} <= set(
        zendesk.answered
    )
    started = datetime(2026, 3, 1, 15, tzinfo=UTC)  # an hour before the day in Shanghai
    assert zendesk.api.asked[0].query["start_time"] == str(int(started.timestamp()))

    zendesk.now = epoch("2026-03-04T00:30:00+08:00")
    zendesk.answered.clear()
    landed = installation.land(SECOND)
    assert sum(one.rows_landed for one in landed) == 2 + 4 + 0 + 1
    assert installation.stage() == {"ticket": 2, "ticket_event": 4, "complaint": 0, "call_back": 1}
    assert installation.rejects() == []
    solved = {
        **TICKETS["35001"], "updated_at": "2026-03-03 02:30:00+00", "closed_at": "2026-03-03 02:30:00+00",
        "status": "closed", "rating": "5",
    }  # fmt: skip
    tickets = installation.rows("ticket")
    assert tickets.pop("35005")["status"] == "open"
    assert tickets == {**TICKETS, "35001": solved}
    assert installation.rows("ticket_event") == {**EVENTS, **LATER}
    assert installation.rows("call_back")["612"]["is_resolved"] == "true"

    shown = {"ticket": {**TICKETS, "again": solved}, "ticket_event": {**EVENTS, **LATER}}
    shown |= {"complaint": COMPLAINT, "call_back": CALL_BACKS}
    assert not [name for entity, rows in shown.items() for name in unproved(installation.site, entity, rows)]


def test_a_day_long_past_is_pulled_no_further_than_its_end(
    zendesk: Zendesk, installation: Installation
) -> None:
    zendesk.now = epoch("2026-04-01T00:30:00+08:00")
    landed = installation.land(FIRST, FIRST, "ticket")
    assert [one.rows_landed for one in landed] == [4]  # 35002, 35003, 35004, and 35001 as it is now
    assert zendesk.answered == [("tickets", 0), ("tickets", 2)]
