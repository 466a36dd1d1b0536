"""The ServiceNow template against a Table API of the documented shape."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.rest_server import Answer, Api, Asked, connection_json, serve
from tests.templates import Installation, make_site, sample, unproved

from yardstick.settings import Settings

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)
PAGE = 2


class Table:
    """What the Table API answers at a moment, two rows to a page; its user lives in Shanghai."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.now = ""
        self.offsets: list[tuple[str, int]] = []
        api.routes = {
            "/api/now/table/incident": lambda asked: self.answer(asked, self.incidents()),
            "/api/now/table/sys_audit": lambda asked: self.answer(
                asked, sample("servicenow", "sys_audit.json")
            ),
        }

    def incidents(self) -> list[dict[str, Any]]:
        rows = sample("servicenow", "incidents.json")
        return list(
            {r["sys_id"]["value"]: r for r in rows if r["sys_updated_on"]["value"] < self.now}.values()
        )

    def answer(self, asked: Asked, rows: list[dict[str, Any]]) -> Answer:
        assert (asked.query["sysparm_display_value"], asked.query["sysparm_limit"]) == ("all", "500")
        *conditions, order = asked.query["sysparm_query"].split("^")
        assert order == "ORDERBYsys_id"
        for condition in conditions:
            rows = [row for row in rows if holds(row, condition)]
        offset = int(asked.query.get("sysparm_offset", 0))
        self.offsets.append((asked.path.rpartition("/")[2], offset))
        query = urlencode({**asked.query, "sysparm_offset": offset + PAGE})
        links = [f'<{self.api.address}{asked.path}?{urlencode(asked.query)}>;rel="first"']
        if offset + PAGE < len(rows):
            links.append(f'<{self.api.address}{asked.path}?{query}>;rel="next"')
        headers = {"Link": ",".join(links), "X-Total-Count": str(len(rows))}
        return Answer({"result": rows[offset : offset + PAGE]}, headers=headers)


def holds(row: dict[str, Any], condition: str) -> bool:
    """Whether a condition of an encoded query holds; moments of a query are Shanghai's, those of a row UTC."""
    for sign in ("IN", ">=", "<", "="):
        name, found, wanted = condition.partition(sign)
        if not found:
            continue
        value = row[name]["value"]
        if sign == "IN":
            return value in wanted.split(",")
        if sign == "=":
            return bool(value == wanted)
        moment = str(datetime.fromisoformat(wanted) - timedelta(hours=8))
        return value >= moment if sign == ">=" else value < moment
    raise AssertionError(condition)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    with serve() as api:
        monkeypatch.setenv(
            "AIRFLOW_CONN_SERVICENOW_API", connection_json(api, login="reader", password="secret")
        )
        yield Table(api)


@pytest.fixture
def installation(staged: Settings, tmp_path: Path) -> Installation:
    site = make_site(
        tmp_path / "site", "servicenow",
        codes={
            "projects.csv": {"loc-1": "P001", "loc-2": "P002"},
            "service_items.csv": {},  # the codes are the same here
            "departments.csv": {"grp-1": "repair", "grp-2": "cleaning"},
            "people.csv": {"usr-1": "E001", "usr.one": "E001", "usr-2": "E002", "usr.two": "E002"},
        },
    )  # fmt: skip
    return Installation(staged, site)


TICKETS: dict[str, dict[str, str]] = {
    "aaa1": {
        "opened_at": "2026-03-02 01:00:00+00", "due_at": "2026-03-02 05:00:00+00",
        "updated_at": "2026-03-02 01:30:00+00", "status": "open", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "handler_person_id": "E001", "channel": "phone", "priority": "1 - Critical",
        "is_emergency": "true", "reopened_count": "0", "household_id": "own-1", "equipment_id": "ci-7",
        "title": "Lift stands still",
    },
    "aaa2": {
        "opened_at": "2026-03-02 02:00:00+00", "updated_at": "2026-03-02 02:00:00+00", "status": "open",
        "project_id": "P002", "service_item_id": "lobby", "department_id": "cleaning", "channel": "front_desk",
        "priority": "3 - Moderate", "is_emergency": "false", "reopened_count": "0", "household_id": "own-2",
        "title": "Lobby floor is wet",
    },
    "aaa3": {
        "opened_at": "2026-03-02 03:00:00+00", "due_at": "2026-03-02 10:00:00+00",
        "work_done_at": "2026-03-02 08:00:00+00", "closed_at": "2026-03-02 09:00:00+00",
        "updated_at": "2026-03-02 09:00:00+00", "status": "closed", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "handler_person_id": "E002", "channel": "email", "priority": "3 - Moderate",
        "is_emergency": "false", "reopened_count": "1", "household_id": "own-3", "title": "Nobody answers",
        "closure_note": "Called back",
    },
}  # fmt: skip
COMPLAINT = {
    "aaa3": {
        "source_ticket_id": "aaa3", "received_at": "2026-03-02 03:00:00+00", "due_at": "2026-03-02 10:00:00+00",
        "resolved_at": "2026-03-02 08:00:00+00", "closed_at": "2026-03-02 09:00:00+00", "status": "closed",
        "project_id": "P001", "service_item_id": "lift", "department_id": "repair", "handler_person_id": "E002",
        "channel": "email", "household_id": "own-3", "summary": "Nobody answers",
    }
}  # fmt: skip


def event(ticket: str, at: str, actor: str, kind: str, **more: str) -> dict[str, str]:
    return {
        "source_ticket_id": ticket, "occurred_at": f"{at}+00", "actor_person_id": actor, "event_kind": kind, **more
    }  # fmt: skip


EVENTS = {
    "aud1": event("aaa1", "2026-03-02 01:05:00", "E002", "assigned", to_person_id="E001"),
    "aud2": event("aaa1", "2026-03-02 01:05:00", "E002", "priority_changed", priority_after="1"),
    "aud4": event(
        "aaa1", "2026-03-02 01:30:00", "E001", "accepted", status_before="open", status_after="in_progress"
    ),
    "aud6": event("aaa3", "2026-03-02 09:00:00", "E002", "closed", status_before="done", status_after="closed"),
}  # fmt: skip
LATER = {
    "aud7": event(
        "aaa1", "2026-03-03 01:00:00", "E001", "paused", status_before="in_progress", status_after="waiting_other"
    ),
    "aud8": event(
        "aaa1", "2026-03-03 01:00:00", "E001", "handed_over", from_department_id="repair", to_department_id="cleaning"
    ),
    "aud9": event("aaa1", "2026-03-03 01:00:00", "E001", "assigned", from_person_id="E001", to_person_id="E002"),
    "aud10": event(
        "aaa1", "2026-03-03 03:00:00", "E002", "work_done", status_before="waiting_other", status_after="done"
    ),
}  # fmt: skip


def test_every_mapped_field_arrives_and_a_second_day_adds_only_its_changes(
    table: Table, installation: Installation
) -> None:
    table.now = "2026-03-02 16:30:00"
    installation.land(FIRST)
    assert installation.stage() == {"ticket": 3, "ticket_event": 4, "complaint": 1}
    assert installation.rejects() == []
    assert installation.rows("ticket") == TICKETS
    assert installation.rows("ticket_event") == EVENTS
    assert installation.rows("complaint") == COMPLAINT
    assert table.offsets == [
        ("incident", 0),
        ("incident", 0),
        ("incident", 2),
        ("sys_audit", 0),
        ("sys_audit", 2),
    ]

    table.now = "2026-03-03 16:30:00"
    landed = installation.land(SECOND)
    assert sum(one.rows_landed for one in landed) == 1 + 4
    assert installation.stage() == {"ticket": 1, "ticket_event": 4, "complaint": 0}
    assert installation.rejects() == []
    resolved = {
        **TICKETS["aaa1"], "updated_at": "2026-03-03 03:00:00+00", "work_done_at": "2026-03-03 03:00:00+00",
        "department_id": "cleaning", "handler_person_id": "E002",
    }  # fmt: skip
    assert installation.rows("ticket") == {**TICKETS, "aaa1": resolved}
    assert installation.rows("ticket_event") == {**EVENTS, **LATER}
    shown = {"ticket": TICKETS, "ticket_event": {**EVENTS, **LATER}, "complaint": COMPLAINT}
    assert not [name for entity, rows in shown.items() for name in unproved(installation.site, entity, rows)]
