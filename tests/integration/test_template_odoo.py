"""The Odoo Helpdesk template against a real PostgreSQL with Odoo's tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from tests.databases import Hr, on_postgres
from tests.templates import SAMPLES, Installation, make_site, unproved

from yardstick.embedded.postgres import Server
from yardstick.settings import Settings

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)


def run(system: Hr, name: str) -> None:
    for line in (SAMPLES / "odoo" / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("--"):
            system.run(line)


@pytest.fixture
def odoo(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hr]:
    with on_postgres(server) as system:
        monkeypatch.setenv("AIRFLOW_CONN_ODOO_DATABASE", system.connection())
        run(system, "tables.sql")
        yield system


@pytest.fixture
def installation(staged: Settings, tmp_path: Path) -> Installation:
    site = make_site(
        tmp_path / "site", "odoo_helpdesk",
        asked={"cancelled_stages": "5", "waiting_stages": "3", "complaint_types": "53"},
        codes={
            "projects.csv": {"201": "P001", "202": "P002"},
            "service_items.csv": {"51": "lift", "52": "lobby", "53": "lift"},
            "departments.csv": {"11": "repair", "12": "cleaning"},
            "people.csv": {"2": "E001", "3": "E002", "9": "owner"},
        },
    )  # fmt: skip
    return Installation(staged, site)


TICKETS: dict[str, dict[str, str]] = {
    "301": {
        "opened_at": "2026-03-02 01:00:00+00", "due_at": "2026-03-02 09:00:00+00",
        "acknowledged_at": "2026-03-02 01:10:00+00", "first_response_at": "2026-03-02 01:20:00+00",
        "updated_at": "2026-03-02 01:20:00+00", "status": "open", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "handler_person_id": "E001", "priority": "urgent", "is_emergency": "true",
        "household_id": "211", "title": "Lift stands still",
    },
    "302": {
        "opened_at": "2026-03-02 02:00:00+00", "updated_at": "2026-03-02 02:00:00+00", "status": "open",
        "project_id": "P002", "service_item_id": "lobby", "department_id": "cleaning", "priority": "low",
        "is_emergency": "false", "household_id": "212", "title": "Lobby floor is wet",
    },
    "303": {
        "opened_at": "2026-03-02 03:00:00+00", "due_at": "2026-03-02 07:00:00+00",
        "acknowledged_at": "2026-03-02 03:10:00+00", "closed_at": "2026-03-02 08:00:00+00",
        "updated_at": "2026-03-02 08:00:00+00", "status": "closed", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "handler_person_id": "E002", "priority": "medium", "is_emergency": "false",
        "household_id": "211", "title": "Nobody answers", "rating": "1",
    },
    "304": {
        "opened_at": "2026-03-02 04:00:00+00", "closed_at": "2026-03-02 05:00:00+00",
        "updated_at": "2026-03-02 05:00:00+00", "status": "cancelled", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "priority": "high", "is_emergency": "false", "household_id": "211",
        "title": "A mistake",
    },
}  # fmt: skip
COMPLAINT = {
    "303": {
        "source_ticket_id": "303", "received_at": "2026-03-02 03:00:00+00", "due_at": "2026-03-02 07:00:00+00",
        "acknowledged_at": "2026-03-02 03:10:00+00", "resolved_at": "2026-03-02 08:00:00+00",
        "closed_at": "2026-03-02 08:00:00+00", "status": "closed", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "handler_person_id": "E002", "household_id": "211", "rating": "1",
        "summary": "Nobody answers",
    }
}  # fmt: skip
CALL_BACKS = {
    "601": {
        "source_ticket_id": "303", "called_at": "2026-03-02 08:01:00+00", "channel": "message", "result": "reached",
        "rating": "1", "note": "Too late",
    },
    "602": {
        "source_ticket_id": "304", "called_at": "2026-03-02 05:01:00+00", "channel": "message",
        "result": "not_reached",
    },
}  # fmt: skip


def event(ticket: str, at: str, kind: str, **more: str) -> dict[str, str]:
    return {"source_ticket_id": ticket, "occurred_at": f"{at}+00", "event_kind": kind, **more}


def opened(ticket: str, at: str, actor: str, department: str) -> dict[str, str]:
    return event(
        ticket, at, "opened", status_after="open", to_department_id=department, actor_person_id=actor
    )


EVENTS = {
    "o301": opened("301", "2026-03-02 01:00:00", "owner", "repair"),
    "o302": opened("302", "2026-03-02 02:00:00", "E001", "cleaning"),
    "o303": opened("303", "2026-03-02 03:00:00", "owner", "repair"),
    "o304": opened("304", "2026-03-02 04:00:00", "owner", "repair"),
    "c501": event("301", "2026-03-02 01:10:00", "assigned", to_person_id="E001", actor_person_id="E002"),
    "c502": event("301", "2026-03-02 01:10:00", "priority_changed", priority_after="Urgent", actor_person_id="E002"),
    "c503": event(
        "301", "2026-03-02 01:10:00", "status_changed", status_before="in_progress", status_after="in_progress",
        actor_person_id="E002",
    ),
    "c505": event(
        "303", "2026-03-02 08:00:00", "closed", status_before="in_progress", status_after="closed",
        actor_person_id="E002",
    ),
    "c506": event(
        "304", "2026-03-02 05:00:00", "cancelled", status_before="in_progress", status_after="cancelled",
        actor_person_id="E002",
    ),
    "m402": event("301", "2026-03-02 01:20:00", "responded", is_visible_to_owner="true", actor_person_id="E001"),
    "m403": event("301", "2026-03-02 01:05:00", "commented", is_visible_to_owner="true", actor_role="owner"),
    "m404": event("303", "2026-03-02 04:00:00", "commented", is_visible_to_owner="false", actor_person_id="E002"),
}  # fmt: skip
LATER = {
    "c511": event(
        "301", "2026-03-03 02:00:00", "handed_over", from_department_id="repair", to_department_id="cleaning",
        actor_person_id="E001",
    ),
    "c512": event(
        "301", "2026-03-03 02:00:00", "assigned", from_person_id="E001", to_person_id="E002", actor_person_id="E001"
    ),
    "c513": event(
        "301", "2026-03-03 02:00:00", "paused", status_before="in_progress", status_after="waiting_owner",
        pause_reason="owner", actor_person_id="E001",
    ),
    "c514": event(
        "301", "2026-03-03 03:00:00", "resumed", status_before="waiting_owner", status_after="in_progress",
        actor_person_id="E002",
    ),
    "c515": event(
        "303", "2026-03-03 04:00:00", "reopened", status_before="closed", status_after="in_progress",
        actor_person_id="E002",
    ),
}  # fmt: skip


def test_every_mapped_field_arrives_and_a_second_day_adds_only_its_changes(
    odoo: Hr, installation: Installation
) -> None:
    installation.land(FIRST)
    assert installation.stage() == {"ticket": 4, "ticket_event": 12, "complaint": 1, "call_back": 2}
    assert installation.rejects() == []
    assert installation.rows("ticket") == TICKETS
    assert installation.rows("ticket_event") == EVENTS
    assert installation.rows("complaint") == COMPLAINT
    assert installation.rows("call_back") == CALL_BACKS

    run(odoo, "second_day.sql")
    landed = installation.land(SECOND)
    assert sum(one.rows_landed for one in landed) == 1 + 5 + 1
    assert installation.stage() == {"ticket": 1, "ticket_event": 5, "complaint": 0, "call_back": 1}
    assert installation.rejects() == []
    changed = {
        **TICKETS["301"], "updated_at": "2026-03-03 02:00:00+00", "department_id": "cleaning",
        "handler_person_id": "E002",
    }  # fmt: skip
    assert installation.rows("ticket") == {**TICKETS, "301": changed}
    assert installation.rows("ticket_event") == {**EVENTS, **LATER}
    assert installation.rows("call_back")["602"]["rating"] == "5"
    shown = {
        "ticket": TICKETS,
        "ticket_event": {**EVENTS, **LATER},
        "complaint": COMPLAINT,
        "call_back": CALL_BACKS,
    }
    assert not [name for entity, rows in shown.items() for name in unproved(installation.site, entity, rows)]
