"""The template of Chinese ticket workbooks against workbooks with title rows, totals and four sheets."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from tests.templates import Installation, make_site, sample, unproved

from yardstick.settings import Settings

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)


def export(settings: Settings, day: date, name: str) -> None:
    """A day's workbook: a title, when it was made, the header, the rows, how many there are."""
    folder = settings.data / "工单导出"
    folder.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(str(folder / f"工单导出_{day}.xlsx"))
    for title, rows in sample("workbook_zh", f"{name}.json").items():
        sheet = book.add_worksheet(title)
        sheet.write_string(0, 0, f"{title}导出表")
        sheet.write_string(1, 0, f"导出日期:{day}")
        for place, row in enumerate([*rows, [f"合计{len(rows) - 1}"]], start=2):
            for column, cell in enumerate(row):
                sheet.write_string(place, column, cell)
    book.close()


@pytest.fixture
def installation(staged: Settings, tmp_path: Path) -> Installation:
    codes = {
        "projects.csv": {"翠湖花园一期": "P001", "翠湖花园二期": "P002"},
        "service_items.csv": {"电梯": "lift", "大堂保洁": "lobby"},
        "departments.csv": {"维修部": "repair", "工程部": "engineering"},
    }
    return Installation(staged, make_site(tmp_path / "site", "workbook_zh", codes=codes))


TICKETS: dict[str, dict[str, str]] = {
    "GD20260302001": {
        "opened_at": "2026-03-02 01:00:00+00", "acknowledged_at": "2026-03-02 01:02:00+00",
        "first_response_at": "2026-03-02 01:05:00+00", "attended_at": "2026-03-02 01:20:00+00",
        "due_at": "2026-03-02 05:00:00+00", "updated_at": "2026-03-02 01:20:00+00", "status": "open",
        "project_id": "P001", "service_item_id": "lift", "department_id": "repair", "handler_person_id": "E001",
        "household_id": "2-1-101", "location": "2栋大堂", "channel": "phone", "priority": "urgent",
        "is_emergency": "true", "reopened_count": "0", "title": "电梯停运",
    },
    "GD20260302002": {
        "opened_at": "2026-03-02 02:00:00+00", "updated_at": "2026-03-02 02:00:00+00", "status": "open",
        "project_id": "P002", "service_item_id": "lobby", "household_id": "5-2-302", "channel": "mini_program",
        "priority": "normal", "is_emergency": "false", "title": "地面积水",
    },
    "GD20260302003": {
        "opened_at": "2026-03-02 03:00:00+00", "acknowledged_at": "2026-03-02 03:10:00+00",
        "first_response_at": "2026-03-02 03:20:00+00", "attended_at": "2026-03-02 04:00:00+00",
        "work_done_at": "2026-03-02 07:00:00+00", "closed_at": "2026-03-02 08:00:00+00",
        "updated_at": "2026-03-02 08:00:00+00", "status": "closed", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "handler_person_id": "E002", "household_id": "2-1-102", "channel": "app",
        "priority": "high", "is_emergency": "false", "reopened_count": "1", "title": "无人接听",
        "closure_note": "已回电说明", "rating": "2",
    },
}  # fmt: skip
COMPLAINT = {
    "TS1": {
        "source_ticket_id": "GD20260302003", "received_at": "2026-03-02 03:00:00+00",
        "acknowledged_at": "2026-03-02 03:10:00+00", "replied_at": "2026-03-02 05:00:00+00",
        "due_at": "2026-03-03 03:00:00+00", "resolved_at": "2026-03-02 07:00:00+00",
        "closed_at": "2026-03-02 08:00:00+00", "status": "closed", "project_id": "P001", "service_item_id": "lift",
        "household_id": "2-1-102", "channel": "authority", "severity": "serious", "is_upheld": "true",
        "department_id": "repair", "handler_person_id": "E002", "summary": "报修无人接听",
    }
}  # fmt: skip
CALL_BACKS = {
    "HF1": {
        "source_ticket_id": "GD20260302003", "source_complaint_id": "TS1", "project_id": "P001",
        "called_at": "2026-03-02 09:00:00+00", "channel": "phone", "result": "reached", "is_resolved": "true",
        "rating": "3", "caller_person_id": "E009", "note": "业主已了解",
    },
    "HF2": {
        "source_ticket_id": "GD20260302003", "project_id": "P001", "called_at": "2026-03-02 08:30:00+00",
        "channel": "phone", "result": "not_reached", "caller_person_id": "E009",
    },
}  # fmt: skip


def event(at: str, actor: str, kind: str, **more: str) -> dict[str, str]:
    return {
        "source_ticket_id": "GD20260302001", "occurred_at": f"{at}+00", "actor_person_id": actor, "event_kind": kind,
        **more,
    }  # fmt: skip


EVENTS = {
    "R1": event("2026-03-02 01:00:00", "E009", "opened"),
    "R2": event("2026-03-02 01:05:00", "E009", "assigned", to_department_id="repair", to_person_id="E001"),
    "R3": event("2026-03-02 01:06:00", "E009", "priority_changed", priority_after="urgent", note="困人"),
    "R4": event("2026-03-02 01:20:00", "E001", "attended"),
}
LATER = {
    "R5": event(
        "2026-03-03 02:00:00", "E001", "handed_over", from_department_id="repair", to_department_id="engineering",
        from_person_id="E001", to_person_id="E002",
    ),
    "R6": event("2026-03-03 03:00:00", "E002", "paused", pause_reason="parts", note="缺主板"),
}  # fmt: skip


def test_every_mapped_field_arrives_and_a_second_day_adds_only_its_changes(
    staged: Settings, installation: Installation
) -> None:
    export(staged, FIRST, "first_day")
    installation.land(FIRST)
    assert installation.stage() == {"ticket": 3, "ticket_event": 4, "complaint": 1, "call_back": 2}
    assert installation.rejects() == []
    assert installation.rows("ticket") == TICKETS
    assert installation.rows("ticket_event") == EVENTS
    assert installation.rows("complaint") == COMPLAINT
    assert installation.rows("call_back") == CALL_BACKS

    export(staged, SECOND, "second_day")
    landed = installation.land(SECOND)
    assert sum(one.rows_landed for one in landed) == 1 + 2
    installation.stage()
    assert installation.rejects() == []
    closed = {
        **TICKETS["GD20260302001"], "updated_at": "2026-03-03 07:00:00+00", "work_done_at": "2026-03-03 06:00:00+00",
        "closed_at": "2026-03-03 07:00:00+00", "status": "closed", "department_id": "engineering",
        "handler_person_id": "E002", "closure_note": "更换主板", "rating": "4",
    }  # fmt: skip
    assert installation.rows("ticket") == {**TICKETS, "GD20260302001": closed}
    assert installation.rows("ticket_event") == {**EVENTS, **LATER}
    shown = {
        "ticket": TICKETS,
        "ticket_event": {**EVENTS, **LATER},
        "complaint": COMPLAINT,
        "call_back": CALL_BACKS,
    }
    assert not [name for entity, rows in shown.items() for name in unproved(installation.site, entity, rows)]
