"""Complaints and households by looking at every other complaint, in plain Python.

Rows are as delivered: a dictionary of texts by field, moments on the clock of Shanghai.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

Row = Mapping[str, str]
Key = tuple[str, str]
RUNGS = ("acknowledged_at", "replied_at", "resolved_at", "closed_at")
SERVED_YEAR = 2026


def at(row: Row, field: str) -> datetime | None:
    return datetime.fromisoformat(row[field]) if row.get(field) else None


def received(row: Row) -> datetime:
    return datetime.fromisoformat(row["received_at"])


def settled(row: Row) -> datetime | None:
    return at(row, "resolved_at") or at(row, "closed_at")


def household_key(salt: bytes, row: Row) -> str | None:
    if not row.get("household_id"):
        return None
    told = f"{row['project_id']}\x1f{row['household_id']}".encode()
    return hmac.new(salt, told, hashlib.sha256).hexdigest()[:32]


def calendar_minutes(begins: datetime, ends: datetime | None) -> int | None:
    if ends is None or ends < begins:
        return None
    return (ends.replace(second=0) - begins.replace(second=0)) // timedelta(minutes=1)


def service_minutes(begins: datetime, ends: datetime | None) -> int | None:
    """Monday to Friday, eight to six, in the year that has calendars."""
    if ends is None or ends < begins or begins.year != SERVED_YEAR or ends.year != SERVED_YEAR:
        return None
    total = 0
    for number in range((ends.date() - begins.date()).days + 1):
        day = begins.date() + timedelta(days=number)
        first = begins.hour * 60 + begins.minute if number == 0 else 0
        last = ends.hour * 60 + ends.minute if day == ends.date() else 1440
        if day.isoweekday() < 6:
            total += max(0, min(last, 1080) - max(first, 480))
    return total


def facts(
    complaints: Mapping[Key, Row],
    calls: Mapping[Key, Row],
    within_days: Mapping[date, int | None],
    salt: bytes,
) -> dict[Key, tuple[Any, ...]]:
    """What is expected of every complaint.

    Args:
        complaints: by source and id.
        calls: call-backs by source and id.
        within_days: days within which a complaint is a repeated one, by the first day of the release.
        salt: of the household keys.

    Returns:
        household_key, is_on_time, minutes to each rung (calendar, service), is_called_back, the call,
        is_repeat, repeats, repeat_of (source, id), days_since_previous.
    """
    reached: dict[Key, list[tuple[datetime, str]]] = {}
    for (source, call), row in calls.items():
        called = at(row, "called_at")
        if row["result"] == "reached" and called:
            reached.setdefault((source, row["source_complaint_id"]), []).append((called, call))
    comparable: dict[tuple[str, str], list[tuple[datetime, str, str]]] = {}
    for key, row in complaints.items():
        if what := thing(row, salt):
            comparable.setdefault(what, []).append((received(row), *key))
    found = {}
    for key, row in complaints.items():
        moment, end, due = received(row), settled(row), at(row, "due_at")
        is_judged = row["status"] != "withdrawn"
        calls_after = sorted(one for one in reached.get(key, ()) if end and one[0] >= end)
        minutes = [
            count(moment, at(row, rung)) for rung in RUNGS for count in (calendar_minutes, service_minutes)
        ]
        found[key] = (
            household_key(salt, row),
            end <= due if is_judged and end and due else None,
            *minutes,
            bool(calls_after) if is_judged and end else None,
            calls_after[0][1] if calls_after else None,
            *repeated(key, row, comparable.get(thing(row, salt) or ("", ""), []), within_days),
        )
    return found


def thing(row: Row, salt: bytes) -> tuple[str, str] | None:
    """Whose complaint it is and what it is about; None when it cannot be compared."""
    what = f"item {row['service_item_id']}" if row.get("service_item_id") else ""
    what = what or (f"kind {row['complaint_kind']}" if row.get("complaint_kind") else "")
    key = household_key(salt, row)
    return (key, what) if key and what and row["status"] != "withdrawn" else None


def repeated(
    key: Key, row: Row, others: list[tuple[datetime, str, str]], within_days: Mapping[date, int | None]
) -> tuple[Any, ...]:
    moment = received(row)
    if (moment, *key) not in others:
        return None, None, None, None, None
    days = within_days[max(first for first in within_days if first <= moment.date())]
    before = sorted(other for other in others if other < (moment, *key))
    since = (moment.date() - before[-1][0].date()).days if before else None
    if days is None:
        return None, None, None, None, since
    near = [other for other in before if (moment.date() - other[0].date()).days <= days]
    last = near[-1][1:] if near else (None, None)
    return bool(near), len(near), *last, since


def history(
    complaints: Mapping[Key, Row],
    tickets: Mapping[Key, Row],
    told: Mapping[Key, tuple[Any, ...]],
    salt: bytes,
) -> dict[tuple[str, str, str], tuple[str, int, int, int]]:
    """Of every ticket and complaint with a household: its key and what the household has come with so far.

    Args:
        complaints: by source and id.
        tickets: by source and id.
        told: what ``facts`` says.
        salt: of the household keys.

    Returns:
        household_key, tickets, complaints and repeats by kind, source and id.
    """
    events: list[tuple[str, datetime, int, str, str, bool]] = []
    for (source, name), row in tickets.items():
        if key := household_key(salt, row):
            events.append((key, datetime.fromisoformat(row["opened_at"]), 0, source, name, False))
    for (source, name), row in complaints.items():
        if key := household_key(salt, row):
            events.append((key, received(row), 1, source, name, bool(told[source, name][12])))
    found = {}
    counts: dict[str, tuple[int, int, int]] = {}
    for key, _, is_complaint, source, name, is_repeat in sorted(events):
        one, two, three = counts.get(key, (0, 0, 0))
        counts[key] = one + 1 - is_complaint, two + is_complaint, three + is_repeat
        found[("complaint" if is_complaint else "ticket", source, name)] = (key, *counts[key])
    return found
