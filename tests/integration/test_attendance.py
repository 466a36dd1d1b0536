"""Attendance on a real server, held to a slow reference and to small cases."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from tests.deliveries import Company
from tests.drawn_rosters import ZONES, Drawn, by_day
from tests.reference.attendance import Attendance

from yardstick import transform
from yardstick.settings import Settings

FIRST, DAYS = date(2026, 2, 8), 54  # the Spring Festival, and the turn of the clock in Berlin
STANDARDS = """
insert into ops.standards_release (standards_release, effective_from, content_sha256, names, staffing)
values ('2026-01', '2026-01-01', 'x', '{}', '{"late_grace_minutes": 5, "early_grace_minutes": 6,
    "overtime": {"limit_hours_per_day": 3, "limited_by_day": ["workday"], "limit_hours_per_month": 10,
        "limited_by_month": ["workday", "rest_day"]}}');
insert into ops.labour_day (day, day_kind) select day, case
    when day in ('2026-02-17', '2026-02-18') then 'public_holiday'
    when day = '2026-02-14' then 'workday'
    when date_part('isodow', day) > 5 then 'rest_day'
    else 'workday'
end
from generate_series(date '2026-01-01', '2026-03-20', interval '1 day') as day;
"""


def people(company: Company, persons: list[str]) -> None:
    joined = {"contract_type": "permanent", "joined_date": "2020-01-01"}
    company.deliver("person", {"2026-02-01": [{"person_id": name, **joined} for name in persons]})


def two_sources(settings: Settings) -> dict[str, Company]:
    companies = {"site": Company(settings).register()}
    companies["site"].deliver_master()
    companies["berlin"] = Company(settings, "berlin").register(with_calendar=False)
    with companies["site"].open() as connection:
        connection.execute("update ops.source set time_zone = 'Europe/Berlin' where source_id = 'berlin'")
        connection.execute(STANDARDS.encode())
    return companies


def build_attendance(company: Company) -> int:
    """Build attendance and what it is read from, and no other facts."""
    planned = transform.plan_build(company.settings, "tests")
    assert planned
    transform.run_dbt(
        company.settings,
        ["run", "--select", "+fct_overtime_monthly"],
        variables={"build_id": planned.build_id},
    )
    company.audit(planned.build_id)
    return planned.build_id


def found(company: Company) -> dict[str, dict[str, Any]]:
    with company.open() as connection:
        cursor = connection.execute("select * from marts.fct_attendance")
        names = [column.name for column in cursor.description or ()]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor}


def differences(company: Company, reference: Attendance) -> list[object]:
    """Rows and values that differ, none of the reference's columns left out."""
    expected, now = reference.rows(), found(company)
    wrong: list[object] = sorted(expected.keys() ^ now.keys())
    for name in expected.keys() & now.keys():
        told = {column: now[name][column] for column in expected[name]}
        wanted = {column: value if value != "" else None for column, value in expected[name].items()}
        if told != wanted:
            wrong.append(
                (name, {c: (wanted[c], told[c]) for c in told if told[c] != wanted[c]}, wanted["status"])
            )
    return wrong


def overtime_that_differs(company: Company, reference: Attendance) -> list[object]:
    """Persons' months with other overtime, days over three hours, or another answer to the limit of ten."""
    days: dict[tuple[str, date], list[int]] = {}
    for row in reference.rows().values():
        of_day = days.setdefault((row["person_id"], row["shift_date"]), [0, 0, 0])
        for place, name in enumerate(("", "_workday", "_rest_day")):
            of_day[place] += row[f"overtime{name}_minutes"] or 0
    expected: dict[tuple[str, date], list[int]] = {}
    for (person, day), (minutes, workday, rest_day) in days.items():
        of_month = expected.setdefault((person, day.replace(day=1)), [0, 0, 0])
        of_month[0] += minutes
        of_month[1] += workday > 180
        of_month[2] += workday + rest_day
    told = {
        (person, month): (minutes, over_days, is_over)
        for person, month, minutes, over_days, is_over in company.rows(
            "select person_id, month, overtime_minutes, days_over_limit, is_over_month_limit "
            "from marts.fct_overtime_monthly"
        )
    }
    wanted = {place: (minutes, over, limited > 600) for place, (minutes, over, limited) in expected.items()}
    assert 0 < sum(is_over for _, _, is_over in wanted.values()) < len(wanted)
    return sorted(place for place in told.keys() | wanted.keys() if told.get(place) != wanted.get(place))


def test_agrees_with_a_plain_reference_over_random_rosters_before_and_after_corrections(
    settings: Settings,
) -> None:
    companies = two_sources(settings)
    company = companies["site"]
    drawn = Drawn(random.Random(20260327), 400, FIRST, DAYS, planned_ahead=3)
    assert len(drawn.rosters) > 20_000
    people(company, drawn.persons)
    last = FIRST + timedelta(days=DAYS - 1)

    def deliver(entity: str, rows: dict[tuple[str, str], dict[str, str]], day: str | None, file: str) -> None:
        for source, at in companies.items():
            own = [row for key, row in rows.items() if key[0] == source]
            # by event day, or all of it as one pull by time of change
            days = (
                by_day(iter(own), "shift_date" if entity == "roster" else "work_date")
                if not day
                else {day: own}
            )
            at.deliver(entity, days, file_name=file)

    deliver("roster", drawn.rosters, None, "rosters.csv")
    deliver("attendance", drawn.records, None, "records.csv")
    build_attendance(company)
    days = dict(company.rows("select day, day_kind from ops.labour_day"))
    reference = Attendance(
        zones=ZONES, horizons=dict.fromkeys(ZONES, last), day_kinds=days, late_grace=5, early_grace=6,
        rosters=dict(drawn.rosters), records=dict(drawn.records),
    )  # fmt: skip
    rows = reference.rows().values()
    statuses = {row["status"] for row in rows}
    assert len(statuses) == 11, statuses
    assert len({row["planned_minutes"] for row in rows if row["shift_date"] == date(2026, 3, 28)}) > 8
    assert sum(row["is_swapped"] for row in rows) > 300
    assert differences(company, reference)[:5] == []
    assert len(differences(company, replace(reference, late_grace=7))) > 20  # it would be seen

    assert overtime_that_differs(company, reference)[:5] == []

    rosters, records = drawn.alter(400)
    pulled = str(last + timedelta(days=1))
    deliver("roster", {key: drawn.rosters[key] for key in sorted(rosters)}, pulled, "pull.csv")
    deliver("attendance", {key: drawn.records[key] for key in sorted(records)}, pulled, "pull.csv")
    build_attendance(company)
    reference.rosters, reference.records = drawn.rosters, drawn.records
    reference.horizons = dict.fromkeys(ZONES, last + timedelta(days=1))
    assert differences(company, reference)[:5] == []
    assert overtime_that_differs(company, reference)[:5] == []
    touched = company.rows("select count(*) from intermediate.int_attendance__touched")[0][0]
    assert touched < len(rows) / 5  # and not everything was looked at again
