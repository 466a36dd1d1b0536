"""The osTicket template against a real MariaDB with osTicket's tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from tests.databases import Hr, on_mariadb
from tests.mariadb_server import running
from tests.templates import SAMPLES, Installation, make_site, unproved

from yardstick.settings import Settings

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)


def run(system: Hr, name: str) -> None:
    for line in (SAMPLES / "osticket" / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("--"):
            system.run(line)


@pytest.fixture
def osticket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hr]:
    with running() as server, on_mariadb(server) as system:
        monkeypatch.setenv("AIRFLOW_CONN_OSTICKET_DATABASE", system.connection())
        run(system, "tables.sql")
        yield system


@pytest.fixture
def installation(staged: Settings, tmp_path: Path) -> Installation:
    site = make_site(
        tmp_path / "site", "osticket",
        asked={"project": "c.building", "complaint_topics": "8, 9"},
        codes={
            "projects.csv": {"T2": "P001", "G": "P002"},
            "service_items.csv": {"5": "lift", "6": "lobby", "8": "lift"},
            "departments.csv": {"11": "repair", "12": "cleaning"},
            "teams.csv": {"21": "night"},
            "people.csv": {"31": "E001", "32": "E002"},
        },
    )  # fmt: skip
    return Installation(staged, site)


TICKETS: dict[str, dict[str, str]] = {
    "1001": {
        "opened_at": "2026-03-02 01:00:00+00", "due_at": "2026-03-03 01:00:00+00",
        "first_response_at": "2026-03-02 01:20:00+00", "updated_at": "2026-03-02 01:20:00+00", "status": "open",
        "project_id": "P001", "service_item_id": "lift", "department_id": "repair", "handler_person_id": "E001",
        "channel": "phone", "priority": "emergency", "is_emergency": "true", "reopened_count": "0",
        "household_id": "71", "title": "Lift stands still",
    },
    "1002": {
        "opened_at": "2026-03-02 02:00:00+00", "updated_at": "2026-03-02 02:00:00+00", "status": "open",
        "project_id": "P002", "service_item_id": "lobby", "department_id": "cleaning", "team_id": "night",
        "channel": "web", "priority": "normal", "is_emergency": "false", "reopened_count": "0",
        "household_id": "72", "title": "Lobby floor is wet",
    },
    "1003": {
        "opened_at": "2026-03-02 03:00:00+00", "due_at": "2026-03-02 10:00:00+00",
        "first_response_at": "2026-03-02 04:30:00+00", "closed_at": "2026-03-02 08:00:00+00",
        "updated_at": "2026-03-02 08:00:00+00", "status": "closed", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "handler_person_id": "E002", "channel": "email", "priority": "normal",
        "is_emergency": "false", "reopened_count": "1", "household_id": "71", "title": "Nobody answers",
    },
}  # fmt: skip
COMPLAINT = {
    "1003": {
        "source_ticket_id": "1003", "received_at": "2026-03-02 03:00:00+00", "due_at": "2026-03-02 10:00:00+00",
        "replied_at": "2026-03-02 04:30:00+00", "resolved_at": "2026-03-02 08:00:00+00",
        "closed_at": "2026-03-02 08:00:00+00", "status": "closed", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "handler_person_id": "E002", "channel": "email", "household_id": "71",
        "summary": "Nobody answers",
    }
}  # fmt: skip


def event(ticket: str, at: str, kind: str, **more: str) -> dict[str, str]:
    return {"source_ticket_id": ticket, "occurred_at": f"{at}+00", "event_kind": kind, **more}


EVENTS = {
    "v1": event(
        "1001",
        "2026-03-02 01:00:00",
        "opened",
        status_after="open",
        to_department_id="repair",
        actor_role="owner",
    ),
    "v2": event("1001", "2026-03-02 01:10:00", "assigned", to_person_id="E001", actor_person_id="E002"),
    "v5": event("1003", "2026-03-02 06:00:00", "reopened", status_after="open"),
    "v6": event("1003", "2026-03-02 08:00:00", "closed", status_after="closed", actor_person_id="E002"),
    "e1": event("1001", "2026-03-02 01:00:00", "commented", is_visible_to_owner="true", actor_role="owner"),
    "e2": event(
        "1001", "2026-03-02 01:20:00", "responded", is_visible_to_owner="true", actor_person_id="E001"
    ),
    "e3": event(
        "1003", "2026-03-02 04:00:00", "commented", is_visible_to_owner="false", actor_person_id="E002"
    ),
    "e4": event(
        "1003", "2026-03-02 04:30:00", "responded", is_visible_to_owner="true", actor_person_id="E002"
    ),
}
LATER = {
    "v7": event(
        "1001", "2026-03-03 02:00:00", "handed_over", from_department_id="repair", to_department_id="cleaning",
        actor_person_id="E001",
    ),
    "v8": event("1001", "2026-03-03 02:05:00", "returned", actor_person_id="E001"),
    "v9": event("1001", "2026-03-03 07:00:00", "closed", status_after="closed", actor_person_id="E002"),
}  # fmt: skip


def test_every_mapped_field_arrives_and_a_second_day_adds_only_its_changes(
    osticket: Hr, installation: Installation
) -> None:
    installation.land(FIRST)
    assert installation.stage() == {"ticket": 3, "ticket_event": 8, "complaint": 1}
    assert installation.rejects() == []
    assert installation.rows("ticket") == TICKETS
    assert installation.rows("ticket_event") == EVENTS
    assert installation.rows("complaint") == COMPLAINT

    run(osticket, "second_day.sql")
    landed = installation.land(SECOND)
    assert sum(one.rows_landed for one in landed) == 1 + 3
    assert installation.stage() == {"ticket": 1, "ticket_event": 3, "complaint": 0}
    assert installation.rejects() == []
    closed = {
        **TICKETS["1001"], "updated_at": "2026-03-03 07:00:00+00", "closed_at": "2026-03-03 07:00:00+00",
        "status": "closed", "department_id": "cleaning",
    }  # fmt: skip
    del closed["handler_person_id"]
    assert installation.rows("ticket") == {**TICKETS, "1001": closed}
    assert installation.rows("ticket_event") == {**EVENTS, **LATER}
    shown = {"ticket": TICKETS, "ticket_event": {**EVENTS, **LATER}, "complaint": COMPLAINT}
    assert not [name for entity, rows in shown.items() for name in unproved(installation.site, entity, rows)]
