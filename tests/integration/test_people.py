"""People over time, their training and certificates, from small deliveries."""

from __future__ import annotations

from datetime import date

import pytest
from tests.deliveries import Company
from tests.integration.test_posts import build, post

from yardstick.settings import Settings

MODELS = ("+dim_person", "+fct_training", "+fct_certificate", "+fct_turnover_monthly", "+fct_staff_monthly")
FIRST = "2026-03-01"


@pytest.fixture
def company(staged: Settings) -> Company:
    company = Company(staged, families=("quality", "staff")).register()
    company.deliver_master()
    company.deliver(
        "org_unit", {FIRST: [{"org_unit_id": "KF", "org_unit_name_en": "Desk"}]}, file_name="kf.csv"
    )
    return company


def person(**fields: str) -> dict[str, str]:
    return {
        "person_id": "H1", "person_name": "王芳", "phone": "13800000000", "contract_type": "fixed_term",
        "job_grade": "P1", "department_id": "KF", "line_manager_person_id": "H2", "joined_date": "2025-12-31",
        **fields,
    }  # fmt: skip


def held(post_id: str, since: str, until: str = "", **fields: str) -> dict[str, str]:
    return {"person_id": "H1", "post_id": post_id, "valid_from": since, "valid_to": until, **fields}


def shift(day: str) -> dict[str, str]:
    return {
        "source_attendance_id": f"A{day}", "person_id": "H1", "work_date": day, "post_id": "P1-guard",
        "clock_in_at": f"{day} 08:00:00", "clock_out_at": f"{day} 16:00:00",
    }  # fmt: skip


def test_history_tells_posts_and_grades_and_a_changed_phone_makes_none(company: Company) -> None:
    query = (
        "select first_date::text, last_date::text, is_last, job_grade, post_id, project_id, post_function "
        "from marts.dim_person order by 1"
    )
    company.deliver("post", {FIRST: [post(name, date(2015, 1, 1)) for name in ("P1-guard", "P2-clean")]})
    company.deliver("person", {FIRST: [person()]})
    company.deliver("person", {"2026-03-05": [person(phone="13900000000")]}, file_name="phone.csv")
    company.deliver(
        "assignment", {FIRST: [held("P1-guard", "2025-12-31", "2026-03-14"), held("P2-clean", "2026-03-15")]}
    )
    training = {
        "source_training_id": "T1", "person_id": "H1", "course_id": "C-FIR", "planned_date": "2026-03-14",
        "status": "planned", "planned_hours": "4",
    }  # fmt: skip
    company.deliver(
        "training",
        {"2026-03-14": [training, training | {"source_training_id": "T2", "planned_date": "2026-03-15"}]},
    )
    certificate = {
        "source_certificate_id": "Z1", "person_id": "H1", "certificate_kind": "fire_control",
        "certificate_number": "44010119800101", "valid_from": "2023-03-11", "valid_to": "2026-03-10",
    }  # fmt: skip
    company.deliver("certificate", {FIRST: [certificate]})
    company.deliver("attendance", {"2026-03-09": [shift("2026-03-09")], "2026-03-10": [shift("2026-03-10")]})
    build(company, *MODELS)
    assert company.rows(query) == [
        ("2025-12-31", "2026-03-14", False, "P1", "P1-guard", "P1", "security"),
        ("2026-03-15", None, True, "P1", "P2-clean", "P2", "cleaning"),
    ]
    assert company.rows(
        "select source_training_id, project_id, is_done from marts.fct_training order by 1"
    ) == [("T1", "P1", False), ("T2", "P2", False)]
    states = (
        "select state, days_left, is_covered, is_expiring_in_30_days, expired_on_duty_days, "
        "last_expired_on_duty_date::text from marts.fct_certificate where source_certificate_id = 'Z1'"
    )
    assert company.rows(states) == [("valid", 0, True, True, 0, None)]

    # promoted, transferred three days earlier than first said, and gone; the certificate has run out on duty
    company.deliver("person", {"2026-03-20": [person(job_grade="P2")]}, file_name="now.csv")
    company.deliver(
        "assignment",
        {
            FIRST: [
                held("P1-guard", "2025-12-31", "2026-03-11"),
                held("P2-clean", "2026-03-15", "2026-03-15"),
                held("P2-clean", "2026-03-12"),
            ]
        },
        file_name="now.csv",
    )
    done = training | {
        "status": "done",
        "held_date": "2026-03-16",
        "attended_hours": "4",
        "is_passed": "true",
    }
    company.deliver("training", {"2026-03-14": [done]}, file_name="now.csv")
    company.deliver(
        "attendance", {day: [shift(day)] for day in ("2026-03-11", "2026-03-18")}, file_name="now.csv"
    )
    build(company, *MODELS)
    company.deliver(
        "person",
        {"2026-04-02": [person(job_grade="P2", left_date="2026-03-31", leaving_reason="resigned")]},
        file_name="left.csv",
    )
    build(company, *MODELS)
    assert company.rows(query) == [
        ("2025-12-31", "2026-03-11", False, "P1", "P1-guard", "P1", "security"),
        ("2026-03-12", "2026-03-15", False, "P1", "P2-clean", "P2", "cleaning"),
        ("2026-03-16", "2026-03-19", False, "P1", None, None, None),
        ("2026-03-20", "2026-03-31", True, "P2", None, None, None),
    ]
    assert company.rows(
        "select source_training_id, project_id, is_done, attended_hours::integer, is_passed, held_date::text "
        "from marts.fct_training order by 1"
    ) == [("T1", "P2", True, 4, True, "2026-03-16"), ("T2", "P2", False, None, None, None)]
    assert company.rows(states) == [("expired", -23, False, False, 2, "2026-03-18")]
    assert company.rows(
        "select month::text, project_id, person_days, persons_at_start, moved_in, moved_out, leavers, "
        "leavers_resigned, leavers_within_90_days, persons_at_end from marts.fct_turnover_monthly order by 1, 2"
    ) == [
        ("2026-03-01", "", 16, 0, 1, 0, 1, 1, 0, 0),
        ("2026-03-01", "P1", 11, 1, 0, 1, 0, 0, 0, 0),
        ("2026-03-01", "P2", 4, 0, 1, 1, 0, 0, 0, 0),
    ]
    # March split by days; trainings where the person was on the planned day, the done one also where it was held
    assert company.rows(
        "select project_id, days::integer, service_days, post_id, job_grade, days_present, trainings_planned, "
        "trainings_done, trainings_passed, training_hours::integer, certificates_held, certificates_expired "
        "from marts.fct_staff_monthly where month = '2026-03-01' order by 1"
    ) == [
        ("", 16, 31, None, "P2", 0, 0, 0, 0, 0, 0, 1),
        ("P1", 11, 31, "P1-guard", "P2", 4, 0, 0, 0, 0, 0, 1),
        ("P2", 4, 31, "P2-clean", "P2", 0, 2, 1, 1, 4, 0, 1),
    ]
    personal = {"person_name", "gender", "birth_date", "phone", "education", "certificate_number"}
    columns = {
        name
        for (name,) in company.rows(
            "select column_name from information_schema.columns where table_schema = 'marts'"
        )
    }
    assert not personal & columns
