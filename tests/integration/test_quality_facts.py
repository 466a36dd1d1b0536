"""Facts of inspections, non-conformities and surveys on a real server, from small deliveries."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests.deliveries import Company
from tests.quality_deliveries import (
    FACTS_AND_DAYS,
    affected,
    answer,
    inspection,
    item,
    know_all_of_march,
    one,
    quality_company,
    rectification,
)

from yardstick.settings import Settings

SECRET = "the guard at the east gate sleeps"


@pytest.fixture
def company(staged: Settings) -> Company:
    return quality_company(staged)


def test_finding_lives_from_the_failed_item_to_the_passed_reinspection(company: Company) -> None:
    company.facts = FACTS_AND_DAYS
    query = (
        "select nonconformity_id, status, found_date::text, due_date::text, rectified_date::text, "
        "closed_date::text, is_overdue, is_rectified_on_time, standard_code, location, severity, "
        "accountable_post_id from marts.fct_nonconformity"
    )
    place = ("CL-LB-01", "lobby", "serious", "post-1")
    know_all_of_march(company)
    company.deliver("inspection", {"2026-03-02": [inspection("I1", "2026-03-02")]})
    company.deliver(
        "inspection_item", {"2026-03-02": [item("N1", "2026-03-02", accountable_post_id="post-1")]}
    )
    company.build()
    found = ("inspection_item:site:N1", "found", "2026-03-02", "2026-03-05", None, None, False, None)
    assert company.rows(query) == [(*found, *place)]
    assert affected(company) == ["02", "04", "05"]

    rows = [rectification("R1", "2026-03-03", status="assigned", assigned_at="2026-03-03 12:00:00")]
    company.deliver("rectification", {"2026-03-03": rows})
    company.build()
    asked = ("rectification:site:R1", "assigned", "2026-03-03", "2026-03-06", None, None, False, None)
    assert company.rows(query) == [(*asked, *place)]
    assert affected(company) == ["02", "03", "05", "06"]

    told = rectification(
        "R1", "2026-03-03", status="closed", assigned_at="2026-03-03 12:00:00",
        rectified_at="2026-03-06 18:00:00", reinspected_at="2026-03-08 00:30:00", reinspection_result="passed",
        closed_at="2026-03-08 00:30:00",
    )  # fmt: skip
    company.deliver("rectification", {"2026-03-03": [told], "2026-03-08": []})
    company.build()
    closed = (
        "rectification:site:R1",
        "closed",
        "2026-03-03",
        "2026-03-06",
        "2026-03-06",
        "2026-03-08",
        False,
        True,
    )
    assert company.rows(query) == [(*closed, *place)]
    assert affected(company) == ["03", "06", "08"]


def test_failed_reinspection_is_not_put_right_and_a_cancelled_finding_never_overdue(company: Company) -> None:
    company.deliver(
        "rectification",
        {
            "2026-03-02": [
                rectification("late", "2026-03-02", rectified_at="2026-03-05 18:01:00", status="rectified"),
                rectification(
                    "wanting", "2026-03-02", rectified_at="2026-03-03 09:00:00", status="rectified",
                    reinspected_at="2026-03-04 09:00:00", reinspection_result="failed",
                ),
                rectification("cancelled", "2026-03-02", status="cancelled"),
                rectification("untold", "2026-03-02", status="closed"),
                rectification("open", "2026-03-02"),
                rectification("not_due", "2026-03-02", due_at="2026-03-06 00:00:00"),
            ],
            "2026-03-05": [],
        },
    )  # fmt: skip
    company.build()
    assert company.rows(
        "select source_nonconformity_id, is_overdue, is_rectified_on_time from marts.fct_nonconformity order by 1"
    ) == [
        ("cancelled", False, None),
        ("late", False, False),
        ("not_due", False, None),
        ("open", True, False),
        ("untold", False, None),
        ("wanting", True, False),
    ]


def test_finding_is_overdue_by_what_its_source_delivered_and_not_by_the_clock(company: Company) -> None:
    company.facts = FACTS_AND_DAYS
    query = "select is_overdue, is_rectified_on_time from marts.fct_nonconformity where source_id = 'site'"
    company.deliver("rectification", {"2026-03-02": [rectification("R1", "2026-03-02")]})
    company.build()
    assert company.rows(query) == [(False, None)]
    company.deliver("survey_answer", {"2026-03-30": [answer("A1", "2026-03-30")]})
    company.build()
    assert company.rows(query) == [(False, None)]
    company.deliver("inspection_item", {"2026-03-05": [item("N9", "2026-03-05", result="passed")]})
    company.build()
    assert company.rows(query) == [(True, False)]
    assert affected(company) == ["02", "05"]


def test_finding_is_repeated_within_the_days_of_the_release_and_no_longer(company: Company) -> None:
    first = date(2026, 1, 10)
    days = {name: str(first + timedelta(days=count)) for name, count in (("A", 0), ("B", 90), ("C", 181))}
    company.deliver("inspection_item", {day: [item(name, day)] for name, day in days.items()})
    others = [
        item("same_day", days["B"], checked_at=f"{days['B']} 15:00:00"),
        item("elsewhere", days["B"], location="lift"),
        item("other_standard", days["B"], standard_code="CL-LB-02"),
        item("other_project", days["B"], project_id="P2"),
    ]
    company.deliver("inspection_item", {days["B"]: others}, file_name="others.csv")
    company.deliver("inspection", {days["A"]: [inspection("I1", days["A"])]})
    company.build()
    query = (
        "select source_nonconformity_id, is_repeated, repeats_nonconformity_id from marts.fct_nonconformity"
    )
    repeats = {name: (told, of) for name, told, of in company.rows(query)}
    assert repeats == {
        "A": (False, None),
        "B": (True, "inspection_item:site:A"),
        "same_day": (True, "inspection_item:site:A"),
        "C": (False, None),
        "elsewhere": (False, None),
        "other_standard": (False, None),
        "other_project": (False, None),
    }

    # what comes late changes what came before it
    late = str(first + timedelta(days=100))
    found = item("late", late, source_inspection_id="I2", project_id="P1")
    company.deliver("inspection_item", {late: [found]}, file_name="late.csv")
    company.build()
    now = {name: (told, of) for name, told, of in company.rows(query)}
    assert {name: now[name] for name in ("late", "C")} == {
        "late": (True, "inspection_item:site:same_day"),
        "C": (True, "inspection_item:site:late"),
    }
    assert set(now.items()) - set(repeats.items()) == {("late", now["late"]), ("C", now["C"])}
    noted = {str(day) for (day,) in company.rows("select day from ops.build_day where build_id = 2")}
    assert {late, days["C"]} <= noted
    assert not {days["A"], days["B"]} & noted

    # and is taken back when it turns out to be nothing
    company.deliver("inspection_item", {late: [{**found, "result": "passed"}]}, file_name="late.csv")
    company.build()
    assert {name: (told, of) for name, told, of in company.rows(query)} == repeats


def test_corrected_inspection_date_touches_both_days_and_its_items(company: Company) -> None:
    company.facts = FACTS_AND_DAYS
    know_all_of_march(company)
    company.deliver("inspection", {"2026-03-02": [inspection("I1", "2026-03-02")]})
    company.deliver("inspection_item", {"2026-03-03": [item("N1", "2026-03-03")]})
    company.build()
    assert one(company, "select due_date::text, done_date::text from marts.fct_inspection") == (
        "2026-03-04",
        "2026-03-02",
    )
    moved = inspection("I1", "2026-03-10", inspection_type="weekly", inspector_person_id="H2")
    company.deliver("inspection", {"2026-03-02": [], "2026-03-10": [moved]})
    company.build()
    query = (
        "select planned_date::text, due_date::text, done_date::text, items_failed from marts.fct_inspection"
    )
    assert one(company, query) == ("2026-03-10", "2026-03-10", "2026-03-10", 1)
    assert one(company, "select inspection_type, inspector_person_id from marts.fct_inspection_item") == (
        "weekly",
        "H2",
    )
    assert affected(company) == ["02", "03", "04", "10"]


def test_item_may_come_before_its_inspection(company: Company) -> None:
    company.deliver("inspection_item", {"2026-03-02": [item("N1", "2026-03-02", is_veto="true")]})
    company.build()
    query = "select project_id, inspection_type, inspector_person_id from marts.fct_inspection_item"
    assert one(company, query) == (None, None, None)
    assert one(company, "select project_id, status from marts.fct_nonconformity") == (None, "found")
    company.deliver("inspection", {"2026-03-02": [inspection("I1", "2026-03-02")]})
    company.build()
    assert one(company, query) == ("P1", "monthly", "H1")
    assert one(company, "select project_id, status from marts.fct_nonconformity") == ("P1", "found")
    assert one(
        company,
        "select items_checked, items_failed, findings, is_vetoed, veto_codes from marts.fct_inspection",
    ) == (1, 1, 1, True, ["CL-LB-01"])


def test_what_the_source_leaves_open_the_standard_in_force_says(company: Company) -> None:
    company.deliver("inspection", {"2026-03-02": [inspection("I1", "2026-03-02")]})
    company.deliver(
        "inspection_item",
        {
            "2026-03-02": [
                item("N1", "2026-03-02", score="1"),
                item(
                    "N2",
                    "2026-03-02",
                    standard_code="CL-LB-02",
                    severity="major",
                    full_score="5",
                    is_veto="false",
                ),
                item("N3", "2026-03-02", standard_code="CL-LB-02", result="passed", score="2"),
                item("N4", "2026-03-02", standard_code="unheard-of", result="not_checked"),
            ]
        },
    )
    company.build()
    assert company.rows(
        "select source_inspection_item_id, is_passed, full_score, deduction_points, findings, is_veto, severity "
        "from marts.fct_inspection_item order by 1"
    ) == [
        ("N1", False, 4, 3, 1, False, "serious"),
        ("N2", False, 5, None, 1, False, "major"),
        ("N3", True, 2, 0, 0, True, None),
        ("N4", None, None, None, None, False, None),
    ]
    assert one(
        company,
        "select items_checked, items_failed, score, full_score, deduction_points, is_vetoed, standards_release "
        "from marts.fct_inspection",
    ) == (3, 2, 3, 11, 3, False, "2026-01")
    assert company.rows(
        "select source_nonconformity_id, due_date::text from marts.fct_nonconformity order by 1"
    ) == [("N1", "2026-03-05"), ("N2", "2026-03-09")]
    assert company.rows(
        "select standard_code, standard_kind, category_path, category_2, function, effective_until::text "
        "from marts.dim_standard order by 1"
    ) == [
        ("CL-LB-01", "inspection", ["cleaning", "cleaning_lobby"], "cleaning_lobby", "cleaning", "infinity"),
        ("CL-LB-02", "inspection", ["cleaning", "cleaning_lobby"], "cleaning_lobby", "cleaning", "infinity"),
        ("DS-IN-01", "data", ["range"], None, None, "infinity"),
        ("SV-IN-01", "service", ["inspection"], None, "management", "infinity"),
    ]
    assert company.rows("select category, depth from marts.dim_standard_category order by 2") == [
        ("cleaning", 1),
        ("cleaning_lobby", 2),
    ]

    # read anew, it is applied to what was found under it
    with company.open() as connection:
        connection.execute(
            "update ops.standards_inspection set rectify_within_days = 1 where standard_code = 'CL-LB-01'"
        )
        connection.execute("update ops.standards_release set loaded_at = now()")
    company.deliver("survey_answer", {"2026-03-02": [answer("A1", "2026-03-02")]})
    company.build()
    assert company.rows(
        "select source_nonconformity_id, due_date::text from marts.fct_nonconformity order by 1"
    ) == [("N1", "2026-03-03"), ("N2", "2026-03-09")]


def test_whether_the_inspector_was_on_duty_is_known_from_roster_and_attendance(company: Company) -> None:
    days = ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-09")
    query = "select source_inspection_id, is_inspector_on_duty from marts.fct_inspection order by 1"
    company.deliver(
        "person",
        {
            days[0]: [
                {"person_id": name, "contract_type": "permanent", "joined_date": "2020-01-01"}
                for name in ("H1", "H2")
            ]
        },
    )
    company.deliver(
        "inspection",
        {
            days[0]: [inspection("clocked", days[0])],
            days[1]: [inspection("rostered", days[1]), inspection("planned", days[1], status="planned")],
            days[2]: [inspection("on_leave", days[2])],
            days[3]: [inspection("after_a_night", days[3], started_at=f"{days[3]} 01:00:00")],
            days[4]: [
                inspection("not_there", days[4]),
                inspection("stranger", days[4], inspector_person_id="H7"),
            ],
            days[5]: [inspection("untold", days[5])],
        },
    )
    company.build()
    assert {known for _, known in company.rows(query)} == {None}

    def shift(name: str, day: str, kind: str = "work", person: str = "H1", **fields: str) -> dict[str, str]:
        return {
            "source_roster_id": name,
            "person_id": person,
            "shift_date": day,
            "shift_kind": kind,
            **fields,
        }

    company.deliver(
        "roster",
        {
            days[1]: [shift("r1", days[1]), shift("r2", days[1], status="cancelled")],
            days[2]: [
                shift("r3", days[2], "leave"),
                shift("r4", days[2], starts_at=f"{days[2]} 20:00:00", ends_at=f"{days[3]} 04:00:00"),
                shift("r5", days[2], status="cancelled"),
            ],
            days[3]: [shift("r6", days[3], person="H2")],
            days[4]: [shift("r7", days[4], status="cancelled"), shift("r8", days[4], person="H2")],
        },
    )
    clocked = {"source_attendance_id": "a1", "person_id": "H1", "work_date": days[0]}
    company.deliver("attendance", {days[0]: [{**clocked, "clock_in_at": f"{days[0]} 08:00:00"}]})
    company.build()
    assert company.rows(query) == [
        ("after_a_night", True),
        ("clocked", True),
        ("not_there", False),
        ("on_leave", True),  # and at work at night
        ("planned", None),
        ("rostered", True),
        ("stranger", None),
        ("untold", None),
    ]
    gone = shift(
        "r4", days[2], starts_at=f"{days[2]} 20:00:00", ends_at=f"{days[3]} 04:00:00", status="cancelled"
    )
    company.deliver("roster", {days[2]: [gone]}, file_name="change.csv")
    company.build()
    assert dict(company.rows(query)) | {"on_leave": False, "after_a_night": False} == dict(
        company.rows(query)
    )


def test_duty_counts_on_its_own_day_however_late_it_was_pulled(company: Company) -> None:
    day, pulled = "2026-03-03", "2026-03-09"
    employed = {"contract_type": "permanent", "joined_date": "2020-01-01"}
    company.deliver("person", {day: [{"person_id": name, **employed} for name in ("H1", "H2")]})
    at_night = {"inspector_person_id": "H2", "started_at": "2026-03-04 02:00:00"}
    company.deliver(
        "inspection", {day: [inspection("by_day", day), inspection("by_night", "2026-03-04", **at_night)]}
    )
    company.build()
    query = "select source_inspection_id, is_inspector_on_duty from marts.fct_inspection order by 1"
    assert company.rows(query) == [("by_day", None), ("by_night", None)]
    punched = {
        "H1": {"clock_in_at": f"{day} 08:00:00", "clock_out_at": f"{day} 17:00:00"},
        "H2": {"clock_in_at": f"{day} 22:55:00", "clock_out_at": "2026-03-04 07:02:00"},
    }
    rows = [
        {"source_attendance_id": name, "person_id": name, "work_date": day, **punches}
        for name, punches in punched.items()
    ]
    company.deliver("attendance", {pulled: rows})
    company.build()
    assert company.rows(query) == [("by_day", True), ("by_night", True)]


def test_answers_are_counted_and_words_stay_in_staging(company: Company) -> None:
    company.facts = FACTS_AND_DAYS
    company.deliver(
        "survey_answer",
        {
            "2026-03-02": [
                answer(
                    "A1", "2026-03-02", answered_at="2026-03-04 00:10:00", score="4", full_score="5",
                    answer_text=SECRET, respondent_id="O-77", household_id="3-1-502",
                ),
                answer("A2", "2026-03-02", status="not_answered"),
            ],
            "2026-03-04": [],
        },
    )  # fmt: skip
    company.build()
    assert company.rows(
        "select source_survey_answer_id, asked_date::text, answered_date::text, is_answered, score, has_verbatim "
        "from marts.fct_survey_answer order by 1"
    ) == [
        ("A1", "2026-03-02", "2026-03-04", True, 4, True),
        ("A2", "2026-03-02", None, False, None, False),
    ]
    assert affected(company) == ["02", "04"]
    assert one(company, "select answer_text from staging.stg_delivered__survey_answers where score = 4") == (
        SECRET,
    )
    for (table,) in company.rows(
        "select tablename from pg_tables where schemaname in ('marts', 'intermediate')"
    ):
        for schema in ("marts", "intermediate"):
            if company.rows("select to_regclass(%s)", [f"{schema}.{table}"]) != [(None,)]:
                shown = str(company.rows(f"select t::text from {schema}.{table} as t"))
                assert not any(word in shown for word in (SECRET, "O-77", "3-1-502"))
