"""The openMAINT template against a real PostgreSQL with a process of CMDBuild and its versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.databases import Hr, on_postgres
from tests.templates import SAMPLES, Installation, make_site, unproved

from yardstick.embedded.postgres import Server
from yardstick.settings import Settings

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)


def run(system: Hr, name: str) -> None:
    for line in (SAMPLES / "openmaint" / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("--"):
            system.run(line)


@pytest.fixture
def openmaint(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hr]:
    with on_postgres(server) as system:
        monkeypatch.setenv("AIRFLOW_CONN_OPENMAINT_DATABASE", system.connection())
        run(system, "tables.sql")
        yield system


@pytest.fixture
def installation(staged: Settings, tmp_path: Path) -> Installation:
    codes = {
        "projects.csv": {"51": "P001", "52": "P002"},
        "service_items.csv": {"61": "lift", "62": "lobby"},
        "departments.csv": {"71": "repair", "72": "cleaning"},
        "people.csv": {"desk": "E000", "first": "E001", "second": "E002"},
    }
    return Installation(staged, make_site(tmp_path / "site", "openmaint", codes=codes))


TICKETS: dict[str, dict[str, str]] = {
    "1001": {
        "opened_at": "2026-03-02 01:00:00+00", "due_at": "2026-03-03 01:00:00+00",
        "updated_at": "2026-03-02 01:10:00+00", "status": "open", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "priority": "urgent", "household_id": "81", "title": "Lift stands still",
    },
    "1002": {
        "opened_at": "2026-03-02 02:00:00+00", "updated_at": "2026-03-02 02:00:00+00", "status": "open",
        "project_id": "P002", "service_item_id": "lobby", "priority": "normal", "household_id": "82",
        "title": "Lobby floor is wet",
    },
    "1003": {
        "opened_at": "2026-03-02 03:00:00+00", "closed_at": "2026-03-02 04:00:00+00",
        "updated_at": "2026-03-02 04:00:00+00", "status": "cancelled", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "priority": "normal", "household_id": "81", "title": "A mistake",
    },
}  # fmt: skip


def event(ticket: str, at: str, actor: str, kind: str, of: str, **more: str) -> dict[str, dict[str, str]]:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    row = {
        "source_ticket_id": ticket,
        "occurred_at": f"{at}+00",
        "actor_person_id": actor,
        "event_kind": kind,
        **more,
    }
    return {f"{ticket}-{int(moment.timestamp())}.000000-{of}": row}


EVENTS = {
    **event(
        "1001", "2026-03-02 01:00:00", "E000", "opened", "opened", status_after="in_progress", to_department_id="repair"
    ),
    **event("1001", "2026-03-02 01:10:00", "E001", "priority_changed", "priority", priority_after="urgent"),
    **event("1002", "2026-03-02 02:00:00", "E000", "opened", "opened", status_after="waiting_other"),
    **event(
        "1003", "2026-03-02 03:00:00", "E000", "opened", "opened", status_after="in_progress", to_department_id="repair"
    ),
    **event(
        "1003", "2026-03-02 04:00:00", "E001", "cancelled", "state", status_before="in_progress",
        status_after="cancelled",
    ),
}  # fmt: skip
LATER = {
    **event(
        "1001", "2026-03-03 02:00:00", "E001", "paused", "state", status_before="in_progress",
        status_after="waiting_other",
    ),
    **event(
        "1001", "2026-03-03 02:00:00", "E001", "handed_over", "department", from_department_id="repair",
        to_department_id="cleaning",
    ),
    **event(
        "1001", "2026-03-03 03:00:00", "E002", "resumed", "state", status_before="waiting_other",
        status_after="in_progress",
    ),
    **event(
        "1001", "2026-03-03 07:00:00", "E002", "closed", "state", status_before="in_progress", status_after="closed"
    ),
}  # fmt: skip


def test_every_mapped_field_arrives_and_a_second_day_adds_only_its_changes(
    openmaint: Hr, installation: Installation
) -> None:
    installation.land(FIRST)
    assert installation.stage() == {"ticket": 3, "ticket_event": 5}
    assert installation.rejects() == []
    assert installation.rows("ticket") == TICKETS
    assert installation.rows("ticket_event") == EVENTS

    run(openmaint, "second_day.sql")
    landed = installation.land(SECOND)
    assert sum(one.rows_landed for one in landed) == 1 + 4
    assert installation.stage() == {"ticket": 1, "ticket_event": 4}
    assert installation.rejects() == []
    closed = {
        **TICKETS["1001"], "updated_at": "2026-03-03 07:00:00+00", "closed_at": "2026-03-03 07:00:00+00",
        "status": "closed", "department_id": "cleaning",
    }  # fmt: skip
    assert installation.rows("ticket") == {**TICKETS, "1001": closed}
    assert installation.rows("ticket_event") == {**EVENTS, **LATER}
    shown = {"ticket": TICKETS, "ticket_event": {**EVENTS, **LATER}}
    assert not [name for entity, rows in shown.items() for name in unproved(installation.site, entity, rows)]
