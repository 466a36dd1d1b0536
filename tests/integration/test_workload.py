"""What a person serves and what there is to do hour by hour, from small deliveries."""

from __future__ import annotations

from datetime import date

from tests.deliveries import Company, project, ticket
from tests.integration.test_posts import post
from tests.quality_deliveries import inspection

from yardstick.settings import Settings

FIRST, LAST = "2026-03-01", "2026-04-01"


def shift(name: str, day: str, clock_in: str, clock_out: str) -> dict[str, str]:
    return {
        "source_attendance_id": f"{name}{day}", "person_id": name, "work_date": day,
        "clock_in_at": clock_in, "clock_out_at": clock_out,
    }  # fmt: skip


def test_hours_of_a_night_and_what_one_person_serves(staged: Settings) -> None:
    company = Company(staged, families=("quality", "staff")).register()
    company.deliver_master()
    served = project("P1", area_m2="9000", households="300")
    company.deliver("project", {FIRST: [served, project("P2")]}, file_name="served.csv")
    since = date(2020, 1, 1)
    outsourced = {"staffing_kind": "outsourced", "post_function": "security", "established_persons": "3"}
    company.deliver(
        "post",
        {FIRST: [post("P1-guard", since, established_persons="1"), post("P1-clean", since, **outsourced)]},
    )
    employed = {"contract_type": "permanent", "joined_date": str(since)}
    company.deliver("person", {FIRST: [{"person_id": name, **employed} for name in ("H1", "H2", "H3")]})
    held = {"H1": ("P1-guard", "100"), "H2": ("P1-clean", "100"), "H3": ("P1-clean", "50")}
    company.deliver(
        "assignment",
        {
            FIRST: [
                {"person_id": name, "post_id": post_id, "share_pct": share, "valid_from": str(since)}
                for name, (post_id, share) in held.items()
            ]
        },
    )
    company.deliver(
        "attendance",
        {
            "2026-03-31": [shift("H1", "2026-03-31", "2026-03-31 22:30:40", "2026-04-01 01:10:00")],
            LAST: [
                shift("H2", LAST, f"{LAST} 08:00:00", f"{LAST} 10:00:00"),
                shift("H3", LAST, f"{LAST} 08:45:00", ""),
            ],
        },
    )
    company.deliver("ticket", {LAST: [ticket("T1", LAST), ticket("T2", "2026-03-31")]})
    company.deliver("inspection", {LAST: [inspection("I1", LAST, inspector_person_id="H2")]})
    procedure = {
        "procedure_id": "SOP-1",
        "procedure_version": "1",
        "procedure_kind": "cleaning",
        "status": "in_force",
        "valid_from": FIRST,
    }
    company.deliver("procedure", {FIRST: [procedure]})
    done = {
        "source_procedure_execution_id": "E1", "procedure_id": "SOP-1", "project_id": "P1", "planned_date": LAST,
        "status": "done", "started_at": f"{LAST} 08:50:00", "ended_at": f"{LAST} 09:20:00",
    }  # fmt: skip
    company.deliver("procedure_execution", {LAST: [done]})
    company.build()

    tuesday, wednesday = 24, 48
    assert company.rows(
        "select month::text, hour_of_week, hours, on_duty_minutes, tickets_opened, inspections_started, "
        "procedure_minutes from marts.fct_workload_hourly where project_id = 'P1' order by 1, 2"
    ) == [
        ("2026-03-01", tuesday + 9, 5, 0, 1, 0, 0),
        ("2026-03-01", tuesday + 22, 5, 30, 0, 0, 0),
        ("2026-03-01", tuesday + 23, 5, 60, 0, 0, 0),
        ("2026-04-01", wednesday + 0, 5, 60, 0, 0, 0),
        ("2026-04-01", wednesday + 1, 5, 10, 0, 0, 0),
        ("2026-04-01", wednesday + 8, 5, 60, 0, 0, 10),
        ("2026-04-01", wednesday + 9, 5, 60, 1, 1, 20),
    ]
    assert company.rows(
        "select month::text, staffing_kind, month_days, established_person_days::float, filled_person_days::float, "
        "vacant_person_days::float, on_duty_person_days::float, incomplete_punches::integer, "
        "round(area_m2_per_person)::integer, round(households_per_person)::integer "
        "from marts.fct_staffing_monthly where project_id = 'P1' and post_function = 'security' order by 1, 2"
    ) == [
        ("2026-03-01", "all", 31, 124.0, 77.5, 46.5, 1.0, 0, 3600, 120),
        ("2026-03-01", "outsourced", 31, 93.0, 46.5, 46.5, 0.0, 0, 6000, 200),
        ("2026-03-01", "own", 31, 31.0, 31.0, 0.0, 1.0, 0, 9000, 300),
        ("2026-04-01", "all", 1, 4.0, 2.5, 1.5, 2.0, 1, 3600, 120),
        ("2026-04-01", "outsourced", 1, 3.0, 1.5, 1.5, 2.0, 1, 6000, 200),
        ("2026-04-01", "own", 1, 1.0, 1.0, 0.0, 0.0, 0, 9000, 300),
    ]

    # a punch that came late, of a day that is past, counts in its month
    late = shift("H3", LAST, f"{LAST} 08:45:00", f"{LAST} 09:15:00")
    company.deliver("attendance", {"2026-04-03": [late]}, file_name="late.csv")
    company.build()
    assert company.rows(
        "select hour_of_week, on_duty_minutes from marts.fct_workload_hourly "
        "where month = '2026-04-01' and hour_of_week between 56 and 57 order by 1"
    ) == [(wednesday + 8, 75), (wednesday + 9, 75)]
    assert company.rows(
        "select month_days, incomplete_punches::integer from marts.fct_staffing_monthly "
        "where month = '2026-04-01' and staffing_kind = 'outsourced'"
    ) == [(3, 0)]
