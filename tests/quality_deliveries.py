"""Deliveries of inspections, rectifications and survey answers for tests, and the standards they are held to."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.deliveries import Company
from yardstick.settings import Settings

STANDARDS = """
insert into ops.standards_release (standards_release, effective_from, content_sha256, names, repeat_within_days,
    inspection_grace_days)
values ('2026-01', '2026-01-01', 'x', '{}', 90, '{"monthly": 2}');
insert into ops.standards_category (standards_release, category, parent_category, names, function, position) values
('2026-01', 'cleaning', null, '{"zh": "保洁", "en": "Cleaning"}', 'cleaning', 1),
('2026-01', 'cleaning_lobby', 'cleaning', '{"zh": "大堂", "en": "Lobby"}', 'cleaning', 2);
insert into ops.standards_inspection (standards_release, standard_code, category, names, requirement, check_text,
    scoring_method, full_score, weight, severity, rectify_within_days, is_veto, evidence, inspected, check_every_days,
    position)
values
('2026-01', 'CL-LB-01', 'cleaning_lobby', '{"zh": "地面", "en": "Floor"}', '{}', '{}', 'points', 4, 5, 'serious',
    3, false, '{photo}', '{monthly}', 30, 1),
('2026-01', 'CL-LB-02', 'cleaning_lobby', '{"zh": "门", "en": "Doors"}', '{}', '{}', 'points', 2, 2, 'minor',
    7, true, '{photo}', '{monthly}', 30, 2);
insert into ops.standards_service (standards_release, standard_code, category, names, requirement, severity,
    accountable_function, rectify_within_days, position)
values ('2026-01', 'SV-IN-01', 'inspection', '{"zh": "计划", "en": "Plan"}', '{}', 'serious', 'management', 5, 1);
insert into ops.standards_data (standards_release, standard_code, suite, dimension, names, severity, position)
values ('2026-01', 'DS-IN-01', 'staged_inspections', 'range', '{"zh": "得分", "en": "Score"}', 'blocking', 1);
"""


FACTS = ("+fct_nonconformity", "+fct_inspection", "fct_survey_answer")
FACTS_AND_DAYS = (*FACTS, "+int_project_days__affected", "int_sources__*", "int_days__affected")


def quality_company(settings: Settings) -> Company:
    """A company with two projects that is held to two standards of inspection."""
    company = Company(settings, facts=FACTS).register()
    company.deliver_master()
    with company.open() as connection:
        connection.execute(STANDARDS.encode())
    return company


def inspection(name: str, day: str, **fields: str) -> dict[str, str]:
    """A monthly inspection of P1, done on its planned day."""
    return {
        "source_inspection_id": name,
        "planned_date": day,
        "project_id": "P1",
        "inspection_type": "monthly",
        "inspection_scope": "comprehensive",
        "status": "done",
        "started_at": f"{day} 09:00:00",
        "inspector_person_id": "H1",
        **fields,
    }


def item(name: str, day: str, **fields: str) -> dict[str, str]:
    """The floor of the lobby, checked in inspection I1 and found wanting."""
    return {
        "source_inspection_item_id": name,
        "source_inspection_id": "I1",
        "checked_at": f"{day} 10:00:00",
        "standard_code": "CL-LB-01",
        "location": "lobby",
        "result": "failed",
        **fields,
    }


def rectification(name: str, day: str, **fields: str) -> dict[str, str]:
    """What is asked for item N1, due three days later at six."""
    due = date.fromisoformat(day) + timedelta(days=3)
    return {
        "source_rectification_id": name,
        "source_inspection_item_id": "N1",
        "project_id": "P1",
        "status": "open",
        "raised_at": f"{day} 11:00:00",
        "due_at": f"{due} 18:00:00",
        **fields,
    }


def answer(name: str, day: str, **fields: str) -> dict[str, str]:
    return {
        "source_survey_answer_id": name,
        "survey_id": "S1",
        "project_id": "P1",
        "asked_at": f"{day} 10:00:00",
        "question_code": "q1",
        "dimension": "overall",
        **fields,
    }


def one(company: Company, query: str) -> tuple[Any, ...]:
    (row,) = company.rows(query)
    return row


def know_all_of_march(company: Company) -> None:
    """So that no later day has to be computed only because it has come."""
    company.deliver("survey_answer", {"2026-03-31": []})


def affected(company: Company) -> list[str]:
    """The days of March whose figures the last build computes anew."""
    return [
        row[0]
        for row in company.rows("select to_char(day, 'DD') from intermediate.int_days__affected order by 1")
    ]
