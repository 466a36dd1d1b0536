"""Deliveries of complaints and call-backs for tests."""

from __future__ import annotations

from tests.deliveries import Company
from yardstick.settings import Settings

RELEASES = """
insert into ops.standards_release
(standards_release, effective_from, content_sha256, names, complaint_repeat_within_days)
values ('old', '2025-01-01', 'x', '{}', null), ('2026-01', '2026-01-01', 'x', '{}', 30)
"""


def complaint_company(settings: Settings, facts: tuple[str, ...] | None = None) -> Company:
    """A company with two projects; from 2026 on a complaint within thirty days of another is a repeated one."""
    company = Company(settings, families=("complaints",), facts=facts).register()
    company.deliver_master()
    with company.open() as connection:
        connection.execute(RELEASES.encode())
    return company


def complaint(name: str, day: str, **fields: str) -> dict[str, str]:
    """A complaint of household 1-101 about the lift of P1, received at nine, open."""
    return {
        "source_complaint_id": name,
        "received_at": f"{day} 09:00:00",
        "project_id": "P1",
        "service_item_id": "lift",
        "household_id": "1-101",
        "complaint_kind": "quality",
        "status": "open",
        **fields,
    }


def call_back(name: str, complaint_id: str, at: str, **fields: str) -> dict[str, str]:
    """A call that reached the household."""
    return {
        "source_call_back_id": name,
        "source_complaint_id": complaint_id,
        "called_at": at,
        "result": "reached",
        **fields,
    }
