"""Service hours of a standards release: read, checked, laid out by day and by rule."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests import service_hours, small_standards
from tests.reference.working_time import Ticket, WorkingTime

from yardstick import standards
from yardstick.standards.calendars import CalendarDay, labour_days, project_closures, service_rules
from yardstick.standards.release import Release

SHIPPED = small_standards.SHIPPED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One small release with every kind of service hours, to spoil."""
    content = {
        "years": {"first": 2015, "last": 2017},
        "profiles": [
            {"calendar": "emergency", "is_emergency": True},
            {"calendar": "standard", "projects": ["P1"], "from": "2015-06-01", "until": "2015-06-30"},
        ],
        "by_source": {"city": "emergency"},
        "project_closures": {"P1": ["2015-05-01"]},
        "calendars": {
            "standard": {
                "names": names(),
                "weekly": {"mon": [["08:00", "12:00"], ["13:30", "18:00"]], "tue": ["08:00", "20:00"]},
                "seasons": [{"from": "11-15", "until": "03-15", "weekly": {"mon": ["09:00", "17:00"]}}],
                "closures": ["2015-04-06"],
            },
            "emergency": {
                "names": names(),
                "closed_with_project": False,
                "weekly": {
                    day: ["00:00", "24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
                },
            },
        },
    }
    return service_hours.write(tmp_path, content, releases=[(date(2015, 1, 1), "first")])


def names() -> dict[str, str]:
    return {"zh-Hans": "名", "zh-Hant": "名", "en": "Name"}


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    small_standards.edit(folder, "calendars", change, "first")


def only_problem(folder: Path, change: Callable[[dict[str, Any]], object]) -> str:
    assert standards.read(folder), "well-formed before it is spoilt"
    edit(folder, change)
    problems = small_standards.problems_in(folder)
    assert len(problems) == 1, problems
    assert str(folder / "first/calendars.yml") in problems[0]
    return problems[0]


def days_of(releases: list[Release], calendar_id: str) -> dict[date, CalendarDay]:
    found = {
        entry.day: entry for entry in standards.calendar_days(releases) if entry.calendar_id == calendar_id
    }
    assert found
    return found


def hours(entry: CalendarDay) -> tuple[int, ...]:
    return entry.opens_minute, entry.closes_minute, entry.opens_again_minute, entry.closes_again_minute


def test_a_day_has_one_interval_or_two_and_may_end_at_midnight(folder: Path) -> None:
    releases = standards.read(folder)
    standard = days_of(releases, "standard")
    assert hours(standard[date(2015, 6, 1)]) == (480, 720, 810, 1080)
    assert hours(standard[date(2015, 6, 2)]) == (480, 1200, 0, 0)
    assert hours(standard[date(2015, 6, 3)]) == (0, 0, 0, 0)
    assert not standard[date(2015, 6, 3)].is_workday
    emergency = days_of(releases, "emergency")
    assert {hours(entry) for entry in emergency.values()} == {(0, 1440, 0, 0)}


def test_a_season_goes_over_the_turn_of_the_year(folder: Path) -> None:
    standard = days_of(standards.read(folder), "standard")
    assert hours(standard[date(2015, 3, 9)]) == (540, 1020, 0, 0)
    assert hours(standard[date(2015, 3, 16)]) == (480, 720, 810, 1080)
    assert hours(standard[date(2015, 11, 16)]) == (540, 1020, 0, 0)
    assert not standard[date(2015, 3, 10)].is_workday  # a Tuesday, which the season does not name


def test_company_and_project_closures(folder: Path) -> None:
    releases = standards.read(folder)
    assert not days_of(releases, "standard")[date(2015, 4, 6)].is_workday
    assert days_of(releases, "standard")[date(2015, 5, 4)].is_closed_with_project
    assert not days_of(releases, "emergency")[date(2015, 5, 4)].is_closed_with_project
    assert project_closures(releases) == [("P1", date(2015, 5, 1))]


def test_rules_stand_in_order_and_a_source_has_its_calendar_after_them(folder: Path) -> None:
    rules = service_rules(standards.read(folder))
    assert [(rule.rule_number, rule.calendar_id) for rule in rules] == [
        (1, "emergency"),
        (2, "standard"),
        (3, "emergency"),
    ]
    assert rules[0].is_emergency
    assert (rules[0].valid_from, rules[0].valid_until) == (None, None)
    assert (rules[1].valid_from, rules[1].valid_until) == (date(2015, 6, 1), date(2015, 7, 1))
    assert rules[2].source_ids == ["city"]


def test_a_rule_holds_while_its_release_is_in_force(tmp_path: Path) -> None:
    draw = random.Random(3)
    first, second = service_hours.service_hours(draw), service_hours.service_hours(draw)
    first["profiles"] = [{"calendar": "one", "from": "2026-06-01", "until": "2026-08-31"}]
    second["profiles"] = [{"calendar": "two"}]
    second["by_source"] = first["by_source"] = {}
    rules = service_rules(standards.read(service_hours.write(tmp_path, first, second)))
    assert [(rule.calendar_id, rule.valid_from, rule.valid_until) for rule in rules] == [
        ("one", date(2026, 6, 1), service_hours.SECOND_FROM),
        ("two", service_hours.SECOND_FROM, None),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_days_and_rules_agree_with_the_reference(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    first, second = service_hours.service_hours(draw), service_hours.service_hours(draw)
    releases = standards.read(service_hours.write(tmp_path, first, second))
    reference = service_hours.reference(first, second)
    by_day = {(entry.calendar_id, entry.day): entry for entry in standards.calendar_days(releases)}
    rules, closures = service_rules(releases), set(project_closures(releases))
    seen = 0
    for ticket in draw.sample(service_hours.tickets(), 40):
        for _ in range(25):
            day = date.fromisoformat(service_hours.a_day(draw))
            entry = by_day[first_fitting(rules, ticket, day), day]
            is_closed = entry.is_closed_with_project and (ticket.project, day) in closures
            opened = (
                [] if is_closed else [pair for pair in (hours(entry)[:2], hours(entry)[2:]) if pair != (0, 0)]
            )
            assert opened == reference.hours(ticket, day), (ticket, day)
            seen += bool(opened)
    assert seen > 100


def first_fitting(rules: list[standards.calendars.ServiceRule], ticket: Ticket, day: date) -> str:
    group, is_emergency = service_hours.ITEMS[ticket.item]
    for rule in rules:
        if (
            (rule.valid_from is None or day >= rule.valid_from)
            and (rule.valid_until is None or day < rule.valid_until)
            and (rule.source_ids is None or ticket.source in rule.source_ids)
            and (rule.project_ids is None or ticket.project in rule.project_ids)
            and (rule.service_item_ids is None or ticket.item in rule.service_item_ids)
            and (rule.service_group_ids is None or group in rule.service_group_ids)
            and rule.is_emergency
            in (None, bool(is_emergency if ticket.told_emergency is None else ticket.told_emergency))
        ):
            return rule.calendar_id
    return "standard"


def test_shipped_emergencies_go_on_day_and_night_and_lawns_rest_at_noon_in_summer() -> None:
    releases = standards.read(SHIPPED)
    contents = [(release.effective_from, release.calendars) for release in releases]
    assert len(contents) > 1
    items = {"0201": ("equipment", True), "0501": ("greening", False), "0301": ("cleaning", False)}
    zones = {"helpdesk": "Asia/Shanghai", "boston_311": "America/New_York"}
    shipped = WorkingTime(contents, zones, items, service_hours.FIRST, service_hours.LAST)

    def of(item: str, day: str, source: str = "helpdesk") -> list[tuple[int, int]]:
        return shipped.hours(Ticket(source, "P1", item, None), date.fromisoformat(day))

    assert of("0201", "2025-12-31") == [(480, 1200)]  # the release before has no profiles
    assert of("0201", "2026-01-01") == [(0, 1440)]
    assert of("0501", "2026-07-01") == [(360, 600), (960, 1200)]
    assert of("0501", "2026-10-02") == []
    assert of("0301", "2026-10-02") == [(480, 1200)]
    assert of("0301", "2015-04-20", "boston_311") == []  # Patriots' Day
    assert of("0301", "2026-04-21", "boston_311") == [(510, 1020)]


WEEKLY = "calendars.standard.weekly"


def hours_on(day: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda c: c["calendars"]["standard"]["weekly"].update({day: value})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            hours_on("mon", [["08:00", "12:00"], ["11:00", "18:00"]]),
            "weekly.mon: 08:00–12:00 and 11:00–18:00 overlap",
        ),
        (
            hours_on("mon", [["22:00", "24:00"], ["00:00", "06:00"]]),
            "overlap or stand in the wrong order; a night",
        ),
        (hours_on("mon", ["22:00", "06:00"]), "weekly.mon: 22:00 is not before 06:00"),
        (hours_on("mon", [["08:00", "09:00"]] * 2 + [["10:00", "11:00"]]), "weekly.mon"),
        (hours_on("mon", ["08:00", 1200]), "weekly.mon.1: 1200 is not of type"),
        (
            lambda c: c["profiles"][1].update(calendar="mars"),
            "profiles.1.calendar: no calendar 'mars'; choose one of standard, emergency",
        ),
        (lambda c: c["by_source"].update(city="mars"), "by_source.city: no calendar 'mars'"),
        (
            lambda c: c["profiles"][1].update({"from": "2018-01-01"}),
            "profiles.1: 2018-01-01 lies outside years, 2015 to 2017, and would do nothing",
        ),
        (
            lambda c: c["profiles"][1].update({"from": "2015-07-01"}),
            "from 2015-07-01 is after until 2015-06-30",
        ),
        (
            lambda c: c["profiles"].insert(0, {"calendar": "standard"}),
            "profiles.0: fits every ticket, so that",
        ),
        (
            lambda c: c["project_closures"].update(P2=["2019-05-01"]),
            "project_closures.P2: 2019-05-01 lies outside years",
        ),
        (
            lambda c: c["project_closures"].update(P2=["2015-02-30"]),
            "project_closures.P2: 2015-02-30 is not a date",
        ),
        (
            lambda c: c["calendars"]["standard"].update(closures=["2014-12-31"]),
            "calendars.standard.closures: 2014-12-31 lies outside years",
        ),
        (
            lambda c: c["calendars"]["standard"]["seasons"][0].update(until="02-30"),
            "seasons.0.until: 02-30 is not a day of the year",
        ),
        (
            lambda c: c["calendars"]["standard"]["seasons"].append(
                {"from": "03-15", "until": "05-31", "weekly": {"mon": ["08:00", "09:00"]}}
            ),
            "seasons.1: 03-15 to 05-31 overlaps season 0, 11-15 to 03-15; a day has one season",
        ),
        (
            lambda c: c["calendars"]["standard"].update(holidays={"country": "CN", "make_up_as": "tue"}),
            "holidays.make_up_as: tue has no hours in seasons.0.weekly",
        ),
        (
            lambda c: c["years"].update(first=2016),
            "years: 2016 to 2017 leave out 2015-01-01, the day on which",
        ),
    ],
)
def test_mistakes_are_told_with_their_place(folder: Path, change: Callable[[Any], object], told: str) -> None:
    if "years:" in told:  # what lies outside of them is told, too
        edit(folder, change)
        assert any(told in problem for problem in small_standards.problems_in(folder))
        return
    assert told in only_problem(folder, change)


def test_years_that_end_before_the_next_release_are_refused(tmp_path: Path) -> None:
    draw = random.Random(3)
    contents = [service_hours.service_hours(draw) for _ in range(2)]
    for content in contents:
        content["profiles"], content["project_closures"] = [], {}
        for calendar in content["calendars"].values():
            calendar.pop("closures", None)
    contents[0]["years"]["last"] = 2025
    service_hours.write(tmp_path, *contents)
    problems = small_standards.problems_in(tmp_path)
    assert len(problems) == 1, problems
    assert (
        "years.last: 2025 ends before second comes into force on 2026-07-01; say 2026 or later" in problems[0]
    )


def test_public_holidays_rest_days_and_made_up_days_are_told_apart() -> None:
    kinds = {str(day): kind for day, kind in labour_days(standards.read(SHIPPED))}
    assert "2025-12-31" not in kinds  # the first issue names no country
    assert max(kinds) == "2035-12-31"
    assert {
        day: kinds[day] for day in ("2026-02-14", "2026-02-16", "2026-02-17", "2026-02-20", "2026-02-21")
    } == {
        "2026-02-14": "workday",  # a Saturday worked for a day of the Spring Festival
        "2026-02-16": "public_holiday",
        "2026-02-17": "public_holiday",
        "2026-02-20": "rest_day",
        "2026-02-21": "rest_day",
    }
    # Articles 2 and 6 of the regulation on days off: thirteen days, whatever is moved around them.
    assert sum(kind == "public_holiday" for day, kind in kinds.items() if day < "2027") == 13


def test_country_without_known_holidays_is_refused(tmp_path: Path) -> None:
    folder = small_standards.write(tmp_path)
    rule = {"country": "XX", "rest_days": ["sun"]}
    graces = {"late_grace_minutes": 5, "early_grace_minutes": 0}
    small_standards.edit(folder, "release", lambda c: c.update(staffing={**graces, "working_days": rule}))
    [told] = small_standards.problems_in(folder)
    assert "release.yml: staffing.working_days: Country XX" in told
