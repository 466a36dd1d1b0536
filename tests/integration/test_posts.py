"""Posts day by day on a real server, held to a slow reference and to small cases."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.deliveries import Company
from tests.drawn_rosters import Drawn, by_day
from tests.integration.test_attendance import two_sources
from tests.reference.attendance import Attendance
from tests.reference.staffing import Staffing

from yardstick import quality, transform
from yardstick.settings import Settings

FIRST, DAYS = date(2026, 2, 20), 45
LAST = FIRST + timedelta(days=DAYS - 1)
POSTS = ("P1-guard", "P1-clean", "P2-guard", "P2-clean", "P2-desk", "HQ-audit")
Row = dict[str, str]


def build(company: Company, *select: str) -> int:
    planned = transform.plan_build(company.settings, "tests")
    assert planned
    transform.run_dbt(
        company.settings, ["run", "--select", *select], variables={"build_id": planned.build_id}
    )
    company.audit(planned.build_id)
    return planned.build_id


def post(name: str, since: date, **fields: str) -> Row:
    project = name.partition("-")[0]
    return {
        "post_id": name,
        "project_id": "" if project == "HQ" else project,
        "post_function": "security" if name.endswith("guard") else "cleaning",
        "established_persons": "12",
        "required_certificate_kind": "fire_control" if name.endswith("guard") else "",
        "valid_from": str(since),
        **fields,
    }


def drawn_company(draw: random.Random, persons: list[str]) -> tuple[dict[str, Row], list[Row], list[Row]]:
    """People who join and leave, posts whose establishment changes, and what people hold."""

    def some_day() -> date:
        return FIRST + timedelta(days=draw.randrange(-20, DAYS + 10))

    people: dict[str, Row] = {}
    assignments: list[Row] = []
    for name in persons:
        joined = draw.choice((date(2020, 1, 1), some_day()))
        left = joined + timedelta(days=draw.randrange(60)) if draw.random() < 0.2 else None
        people[name] = {
            "person_id": name, "contract_type": "permanent", "joined_date": str(joined),
            "left_date": str(left or ""),
        }  # fmt: skip
        for held in draw.sample(POSTS, draw.choice((0, 1, 1, 2, 3))):
            for since in {draw.choice((date(2019, 1, 1), some_day())) for _ in range(draw.choice((1, 1, 2)))}:
                until = since + timedelta(days=draw.randrange(50)) if draw.random() < 0.4 else None
                assignments.append(
                    {
                        "person_id": name, "post_id": held, "valid_from": str(since), "valid_to": str(until or ""),
                        "share_pct": draw.choice(("", "100", "60", "40", "33.3", "0")),
                        "assignment_kind": draw.choice(("", "primary", "secondary", "acting")),
                        "project_id": draw.choice(("", "", "", "P1", "P2")),
                    }
                )  # fmt: skip
    posts = [
        post(name, date(2015, 1, 1), valid_to=str(LAST) if name == "P2-desk" else "") for name in POSTS[:-1]
    ]
    posts.append(post("P1-guard", FIRST + timedelta(days=20), established_persons="9.5"))
    posts.append(
        post("P2-clean", FIRST + timedelta(days=31), project_id="P1", required_certificate_kind="height")
    )
    posts.append(post("HQ-audit", FIRST + timedelta(days=3), valid_to=str(FIRST + timedelta(days=40))))
    return people, posts, assignments


def certificate(draw: random.Random, number: int, person: str) -> Row:
    since = FIRST + timedelta(days=draw.randrange(-400, DAYS))
    until = since + timedelta(days=draw.randrange(500)) if draw.random() < 0.8 else None
    return {
        "source_certificate_id": f"C{number}",
        "person_id": person,
        "certificate_kind": draw.choice(("fire_control", "height")),
        "valid_from": draw.choice((str(since), "")) if not until else str(since),
        "valid_to": str(until or ""),
        "status": draw.choice(("", "valid", "suspended")) if draw.random() < 0.2 else "valid",
    }


def differences(company: Company, expected: dict[Any, dict[str, Any]]) -> list[object]:
    with company.open() as connection:
        cursor = connection.execute("select * from marts.fct_post_daily")
        names = [column.name for column in cursor.description or ()]
        found = {(row[0], row[1], row[2]): dict(zip(names, row, strict=True)) for row in cursor}
    wrong: list[object] = sorted(expected.keys() ^ found.keys())
    for place in expected.keys() & found.keys():
        told = {name: found[place][name] for name in expected[place]}
        if told != expected[place]:
            wrong.append(
                (place, {n: (expected[place][n], v) for n, v in told.items() if v != expected[place][n]})
            )
    return wrong


MODELS = (
    "+fct_post_daily",
    "+fct_staff_monthly",
    "+fct_turnover_monthly",
    "+fct_overtime_monthly",
    "+dim_person",
)
SUITES = ("attendance_facts", "post_facts", "person_history", "staff_month_facts")


def months_that_differ(company: Company, expected: dict[Any, Decimal]) -> list[object]:
    """Parts of months that differ, and persons whose parts are not the whole."""
    found = {
        (month, person, project): days
        for month, person, project, days in company.rows(
            "select month, person_id, project_id, days from marts.fct_staff_monthly"
        )
    }
    wrong = [
        (place, expected.get(place), found.get(place))
        for place in expected.keys() | found.keys()
        if expected.get(place, Decimal(0)) != found.get(place, Decimal(0))
    ]
    return wrong + company.rows(
        "select person_id, month, sum(days), service_days from marts.fct_staff_monthly "
        "group by person_id, month, service_days having sum(days) <> service_days"
    )


def attendance_that_differs(company: Company, expected: Staffing, last: date) -> list[object]:
    """Parts of months whose shifts, and months whose days, are counted otherwise than by the reference."""
    wrong: list[object] = []
    of_parts, of_months = expected.attended(FIRST, last)
    for keys, reference in (
        (("month", "person_id", "project_id"), of_parts),
        (("month", "person_id"), of_months),
    ):
        names = sorted({name for figures in reference.values() for name in figures})
        assert all(any(figures[name] for figures in reference.values()) for name in names)
        key = ", ".join(keys)
        found = {
            row[: len(keys)]: dict(zip(names, row[len(keys) :], strict=True))
            for row in company.rows(
                f"select {key}, {', '.join(f'sum({name})' for name in names)} "
                f"from marts.fct_staff_monthly group by {key}"
            )
        }
        for place in reference.keys() | found.keys():
            told = {name: reference.get(place, {}).get(name, 0) for name in names}
            if told != found.get(place, dict.fromkeys(names, 0)):
                wrong.append((place, told, found.get(place)))
    return wrong


def flows_that_do_not_add_up(company: Company) -> list[object]:
    return company.rows(
        "select * from marts.fct_turnover_monthly "
        "where persons_at_start + joiners + moved_in - leavers - moved_out <> persons_at_end"
    ) + company.rows(
        "select a.month, a.days, b.days "
        "from (select month, sum(days) as days from marts.fct_staff_monthly group by 1) as a "
        "full join (select month, sum(person_days) as days from marts.fct_turnover_monthly group by 1) as b "
        "using (month) "
        "where a.days is distinct from b.days"
    )


def invariants_that_fail(company: Company, build_id: int) -> list[object]:
    """Invariants of the suites of staffing that rows of a build do not meet, and suites that see no row."""
    with company.open() as connection:
        connection.execute(
            "insert into ops.build_day select %s, day from generate_series(%s::date, %s::date, '1 day') as day "
            "on conflict do nothing",
            [build_id, FIRST, LAST],
        )
    wrong: list[object] = []
    for suite in quality.load_suites(quality.suites_folder(company.settings), "facts"):
        if suite.name not in SUITES:
            continue
        batch = f"({suite.query.replace('{build_id}', str(build_id))}) as batch"
        if company.rows(f"select count(*) from {batch}") == [(0,)]:
            wrong.append(suite.name)
        for each in suite.invariants:
            wrong += company.rows(
                f"select '{suite.name}', batch.* from {batch} where not ({each.kwargs['condition']})"
            )
    return wrong


def test_agrees_with_a_plain_reference_before_and_after_corrections(settings: Settings) -> None:
    draw = random.Random(20260401)
    companies = two_sources(settings)
    company = companies["site"]
    drawn = Drawn(draw, 60, FIRST, DAYS, planned_ahead=2)
    people, posts, assignments = drawn_company(draw, drawn.persons)
    versions = [(FIRST, certificate(draw, number, draw.choice(drawn.persons))) for number in range(70)]

    def deliver_duty(
        rosters: list[tuple[str, str]], records: list[tuple[str, str]], day: str, file: str
    ) -> None:
        for source, at in companies.items():
            entries = [drawn.rosters[key] for key in rosters if key[0] == source]
            at.deliver(
                "roster", by_day(iter(entries), "shift_date") if not day else {day: entries}, file_name=file
            )
            told = [drawn.records[key] for key in records if key[0] == source]
            at.deliver(
                "attendance", by_day(iter(told), "work_date") if not day else {day: told}, file_name=file
            )

    def deliver(entity: str, rows: list[Row], day: date, file: str) -> None:
        company.deliver(entity, {str(day): rows}, file_name=file)

    deliver("person", list(people.values()), FIRST, "people.csv")
    deliver("post", posts, FIRST, "posts.csv")
    deliver("assignment", assignments, FIRST, "assignments.csv")
    deliver("certificate", [row for _, row in versions], FIRST, "certificates.csv")
    deliver_duty(sorted(drawn.rosters), sorted(drawn.records), "", "all.csv")
    build(company, *MODELS)

    def expected(last: date) -> Staffing:
        attendance = Attendance(
            zones={"site": "Asia/Shanghai", "berlin": "Europe/Berlin"},
            horizons=dict.fromkeys(companies, last),
            day_kinds=dict(company.rows("select day, day_kind from ops.labour_day")),
            late_grace=5, early_grace=6, rosters=drawn.rosters, records=drawn.records,
        )  # fmt: skip
        return Staffing(people, posts, assignments, versions, list(attendance.rows().values()))

    of_days = expected(LAST).daily(FIRST, LAST)
    assert sum(figures["filled_persons"] % 1 != 0 for figures in of_days.values()) > 100
    assert sum((figures["uncertified_on_duty_persons"] or 0) > 0 for figures in of_days.values()) > 30
    assert differences(company, of_days)[:5] == []
    of_months = expected(LAST).monthly(FIRST, LAST)
    split = {(month, person) for month, person, _ in of_months}
    assert len(of_months) > len(split) + 15  # many a month is split
    assert months_that_differ(company, of_months)[:5] == []
    assert attendance_that_differs(company, expected(LAST), LAST)[:3] == []
    assert flows_that_do_not_add_up(company)[:5] == []

    today = LAST + timedelta(days=1)
    rosters, records = drawn.alter(60)
    deliver_duty(sorted(rosters), sorted(records), str(today), "pull.csv")
    changed = draw.sample(range(len(assignments)), 8)
    for number in changed:
        assignments[number] = assignments[number] | {
            "share_pct": "50", "valid_to": str(_later(assignments[number]["valid_from"], draw.randrange(40)))
        }  # fmt: skip
    deliver("assignment", [assignments[number] for number in changed], today, "changed.csv")
    posts[0] = posts[0] | {"established_persons": "14"}
    deliver("post", posts[:1], today, "changed.csv")
    leaver = next(name for name in people if not people[name]["left_date"])
    people[leaver] = people[leaver] | {"left_date": people[leaver]["joined_date"]}
    deliver("person", [people[leaver]], today, "changed.csv")
    withdrawn = [(today, row | {"status": "revoked"}) for _, row in versions[:5]]
    moved = [(today, row | {"person_id": draw.choice(drawn.persons)}) for _, row in versions[5:10]]
    versions += [*withdrawn, *moved]
    deliver("certificate", [row for _, row in withdrawn + moved], today, "changed.csv")
    build_id = build(company, *MODELS)
    now = expected(today)
    assert differences(company, now.daily(FIRST, today))[:5] == []
    assert months_that_differ(company, now.monthly(FIRST, today))[:5] == []
    assert attendance_that_differs(company, now, today)[:3] == []
    assert flows_that_do_not_add_up(company)[:5] == []
    assert invariants_that_fail(company, build_id)[:5] == []


def _later(day: str, days: int) -> date:
    return date.fromisoformat(day) + timedelta(days=days)
