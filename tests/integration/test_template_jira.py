"""The Jira Service Management template against an API of the documented shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.rest_server import Answer, Api, Asked, connection_json, serve
from tests.templates import Installation, make_site, sample, unproved

from yardstick.settings import Settings

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)
_BOUND = re.compile(r'updated (>=|<) "([^"]+)"')


class Jira:
    """What the search answers at a moment: each issue as it stands then, two to a page."""

    def __init__(self, api: Api) -> None:
        self.now = ""
        self.tokens: list[str] = []
        api.routes = {"/rest/api/3/search/jql": self.search}

    def search(self, asked: Asked) -> Answer:
        jql = asked.query["jql"]
        assert jql.startswith("project in (HELP, DESK) and ")
        assert asked.query["maxResults"] == "100"
        bounds = {sign: f"{moment.replace(' ', 'T')}:00.000+0800" for sign, moment in _BOUND.findall(jql)}
        issues = {
            issue["key"]: issue
            for issue in sample("jira", "issues.json")
            if issue["fields"]["updated"] < self.now
        }
        rows = [
            self._issue(issue, asked) for issue in issues.values() if self._is_asked_for(issue, jql, bounds)
        ]
        start = int(asked.query.get("nextPageToken", "t0")[1:])
        self.tokens.append(asked.query.get("nextPageToken", ""))
        end = start + 2
        more: dict[str, Any] = {"nextPageToken": f"t{end}"} if end < len(rows) else {}
        return Answer({"issues": rows[start:end], "isLast": not more, **more})

    @staticmethod
    def _is_asked_for(issue: dict[str, Any], jql: str, bounds: dict[str, str]) -> bool:
        is_complaint = issue["fields"]["issuetype"]["name"] == "Complaint"
        within = bounds[">="] <= issue["fields"]["updated"] < bounds.get("<", "9999")
        return within and (is_complaint or "issuetype = Complaint" not in jql)

    @staticmethod
    def _issue(issue: dict[str, Any], asked: Asked) -> dict[str, Any]:
        if asked.query.get("expand") == "changelog":
            return {**issue, "fields": {"updated": issue["fields"]["updated"]}}
        return {key: value for key, value in issue.items() if key != "changelog"}


@pytest.fixture
def jira(monkeypatch: pytest.MonkeyPatch) -> Iterator[Jira]:
    with serve() as api:
        monkeypatch.setenv(
            "AIRFLOW_CONN_JIRA_API", connection_json(api, login="user@example.com", password="token")
        )
        yield Jira(api)


@pytest.fixture
def installation(staged: Settings, tmp_path: Path) -> Installation:
    site = make_site(
        tmp_path / "site", "jira_service_management",
        asked={"project": "fields.customfield_10060.value", "jira_projects": "HELP, DESK"},
        codes={
            "projects.csv": {"Tower 2": "P001", "Garden": "P002"},
            "service_items.csv": {"25": "lift", "26": "lobby"},
            "departments.csv": {"Repair": "repair", "Cleaning": "cleaning"},
            "people.csv": {"a-1": "E001", "a-2": "E002"},
        },
    )  # fmt: skip
    return Installation(staged, site)


TICKETS: dict[str, dict[str, str]] = {
    "HELP-1": {
        "opened_at": "2026-03-02 01:00:00+00", "due_at": "2026-03-02 05:00:00+00",
        "first_response_at": "2026-03-02 01:04:00+00", "updated_at": "2026-03-02 01:30:00+00", "status": "open",
        "project_id": "P001", "service_item_id": "lift", "department_id": "repair", "handler_person_id": "E001",
        "priority": "Highest", "is_emergency": "true", "household_id": "o-1", "title": "Lift stands still",
    },
    "HELP-2": {
        "opened_at": "2026-03-02 03:00:00+00", "updated_at": "2026-03-02 03:00:00+00", "status": "open",
        "project_id": "P002", "service_item_id": "lobby", "priority": "Medium", "is_emergency": "false",
        "household_id": "o-2", "title": "Lobby floor is wet",
    },
    "HELP-3": {  # its second cycle is the one that counts
        "opened_at": "2026-03-02 04:00:00+00", "due_at": "2026-03-02 08:00:00+00",
        "first_response_at": "2026-03-02 04:20:00+00", "updated_at": "2026-03-02 10:00:00+00",
        "closed_at": "2026-03-02 10:00:00+00", "status": "closed", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "handler_person_id": "E002", "priority": "Medium", "is_emergency": "false",
        "household_id": "o-3", "title": "Nobody answers", "rating": "2",
    },
}  # fmt: skip
COMPLAINT = {
    "HELP-3": {
        "source_ticket_id": "HELP-3", "received_at": "2026-03-02 04:00:00+00", "due_at": "2026-03-02 08:00:00+00",
        "replied_at": "2026-03-02 04:20:00+00", "resolved_at": "2026-03-02 10:00:00+00",
        "closed_at": "2026-03-02 10:00:00+00", "status": "closed", "project_id": "P001", "service_item_id": "lift",
        "department_id": "repair", "handler_person_id": "E002", "household_id": "o-3", "rating": "2",
        "summary": "Nobody answers",
    }
}  # fmt: skip


def event(ticket: str, at: str, actor: str, kind: str, **more: str) -> dict[str, str]:
    return {
        "source_ticket_id": ticket, "occurred_at": f"{at}+00", "actor_person_id": actor, "event_kind": kind, **more
    }  # fmt: skip


EVENTS = {
    "501-assignee": event("HELP-1", "2026-03-02 01:05:00", "E002", "assigned", to_person_id="E001"),
    "501-priority": event("HELP-1", "2026-03-02 01:05:00", "E002", "priority_changed", priority_after="Highest"),
    "502-status": event(
        "HELP-1", "2026-03-02 01:30:00", "E001", "accepted", status_before="assigned", status_after="in_progress"
    ),
    "505-status": event(
        "HELP-3", "2026-03-02 10:00:00", "E002", "closed", status_before="assigned", status_after="closed"
    ),
}  # fmt: skip
LATER = {
    "503-status": event(
        "HELP-1", "2026-03-03 02:00:00", "E001", "paused", status_before="in_progress", status_after="waiting_owner"
    ),
    "503-Team": event(
        "HELP-1", "2026-03-03 02:00:00", "E001", "handed_over", from_department_id="repair",
        to_department_id="cleaning",
    ),
    "503-assignee": event(
        "HELP-1", "2026-03-03 02:00:00", "E001", "assigned", from_person_id="E001", to_person_id="E002"
    ),
    "504-status": event(
        "HELP-1", "2026-03-03 07:00:00", "E002", "work_done", status_before="waiting_owner", status_after="done"
    ),
}  # fmt: skip


def test_every_mapped_field_arrives_and_a_second_day_adds_only_its_changes(
    jira: Jira, installation: Installation
) -> None:
    jira.now = "2026-03-03T00:30:00.000+0800"
    installation.land(FIRST)
    assert installation.stage() == {"ticket": 3, "ticket_event": 4, "complaint": 1}
    assert installation.rejects() == []
    assert installation.rows("ticket") == TICKETS
    assert installation.rows("ticket_event") == EVENTS
    assert installation.rows("complaint") == COMPLAINT
    assert jira.tokens == ["", "", "t2", "", "t2"]  # a complaint on one page, tickets and histories on two

    jira.now = "2026-03-04T00:30:00.000+0800"
    landed = installation.land(SECOND)
    assert sum(one.rows_landed for one in landed) == 1 + 4  # of the history, what happened that day
    assert installation.stage() == {"ticket": 1, "ticket_event": 4, "complaint": 0}
    assert installation.rejects() == []
    resolved = {
        **TICKETS["HELP-1"], "updated_at": "2026-03-03 07:00:00+00", "closed_at": "2026-03-03 07:00:00+00",
        "status": "closed", "department_id": "cleaning", "handler_person_id": "E002", "rating": "5",
    }  # fmt: skip
    assert installation.rows("ticket") == {**TICKETS, "HELP-1": resolved}
    assert installation.rows("ticket_event") == {**EVENTS, **LATER}
    shown = {"ticket": TICKETS, "ticket_event": {**EVENTS, **LATER}, "complaint": COMPLAINT}
    assert not [name for entity, rows in shown.items() for name in unproved(installation.site, entity, rows)]


def test_what_happened_on_a_day_is_there_though_the_issue_changed_since(
    jira: Jira, installation: Installation
) -> None:
    jira.now = datetime(2026, 4, 1).isoformat()
    landed = installation.land(FIRST, FIRST, "ticket_event")
    assert [one.rows_landed for one in landed] == [4]
