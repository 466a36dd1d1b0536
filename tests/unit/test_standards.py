"""Standards releases are read and held to their schema and to each other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import yaml

from yardstick import standards
from yardstick.settings import LANGUAGES, project_root

SHIPPED = project_root() / "expectations/standards"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the first release to spoil."""
    shutil.copytree(SHIPPED / "2015-01", tmp_path / "2015-01")
    return tmp_path


def edit(folder: Path, part: str, change: Callable[[dict], object], release: str = "2015-01") -> None:
    path = folder / release / f"{part}.yml"
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=standards.Loader)
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def problems_in(folder: Path) -> list[str]:
    with pytest.raises(standards.StandardsError) as raised:
        standards.read(folder)
    return raised.value.problems


def only_problem(folder: Path) -> str:
    problems = problems_in(folder)
    assert len(problems) == 1, problems
    return problems[0]


def test_shipped_releases_are_well_formed():
    assert standards.check(SHIPPED) == []
    assert standards.read(SHIPPED)


def test_shipped_release_has_every_language_and_the_grades_of_the_contract():
    release = standards.read(SHIPPED)[0]
    assert len(release.indicators) >= 6
    for indicator in release.indicators.values():
        assert set(indicator["names"]) == set(LANGUAGES)
    contract = yaml.safe_load(
        (project_root() / "expectations/contracts/project.yml").read_text(encoding="utf-8")
    )
    grades = next(field["vocabulary"] for field in contract["fields"] if field["name"] == "project_grade")
    assert list(release.project_grades) == grades


def test_registry_lists_measures_and_exact_cuts():
    known = standards.registry()
    assert known.measures["tickets_due_met"].part_of == ("tickets_due",)
    assert known.measures["tickets_open"].is_stock
    assert known.measures["close_service_minutes"].kind == "histogram"
    assert 60 in known.exact_minutes


def test_missing_file_is_named(folder: Path):
    (folder / "2015-01/grades.yml").unlink()
    assert "2015-01/grades.yml: missing" in only_problem(folder)


def test_broken_yaml_is_named_with_its_line(folder: Path):
    path = folder / "2015-01/grades.yml"
    path.write_text("grades:\n  good: best: 95\n", encoding="utf-8")
    problem = only_problem(folder)
    assert "grades.yml: not readable as YAML" in problem
    assert "line 2" in problem


def test_same_indicator_twice_is_refused(folder: Path):
    path = folder / "2015-01/indicators.yml"
    path.write_text(path.read_text(encoding="utf-8") + "\n  ticket_on_time: {}\n", encoding="utf-8")
    assert "'ticket_on_time' stands twice; keep one" in only_problem(folder)


def test_weights_must_add_up_for_every_project_grade(folder: Path):
    edit(
        folder,
        "indicators",
        lambda c: c["indicators"]["ticket_on_time"]["project_grades"]["B"].update(weight=36),
    )
    assert only_problem(folder).endswith("weights of project grade B add up to 101; make it 100")


def test_unknown_measure_is_refused_with_the_choice(folder: Path):
    edit(folder, "indicators", lambda c: c["indicators"]["ticket_on_time"].update(numerator="tickets_happy"))
    problem = only_problem(folder)
    assert "indicators.ticket_on_time.numerator: 'tickets_happy' is no measure" in problem
    assert "tickets_due_met" in problem


def test_filter_by_what_the_measure_does_not_keep_is_refused(folder: Path):
    edit(
        folder,
        "indicators",
        lambda c: c["indicators"]["ticket_overdue_open"].update(filters={"channel": ["app"]}),
    )
    problems = problems_in(folder)
    assert len(problems) == 2
    assert "filters.channel: measure tickets_overdue_open is not kept by channel" in problems[0]


def test_cut_between_buckets_is_refused(folder: Path):
    edit(folder, "indicators", lambda c: c["indicators"]["first_response_on_time"].update(below_minutes=61))
    assert "below_minutes: histograms cannot be cut at 61; choose one of 15, 30, 60" in only_problem(folder)


@pytest.mark.parametrize(
    ("indicator", "change", "order"),
    [
        ("ticket_on_time", {"floor": 0.99}, "zero < floor < target"),
        ("ticket_close_time", {"floor": 20}, "zero > floor > target"),
    ],
)
def test_floor_beyond_target_is_refused(folder: Path, indicator: str, change: dict, order: str):
    edit(folder, "indicators", lambda c: c["indicators"][indicator]["project_grades"]["A"].update(change))
    assert order in only_problem(folder)


def test_quantile_with_a_numerator_is_refused(folder: Path):
    edit(folder, "indicators", lambda c: c["indicators"]["ticket_close_time"].update(numerator="tickets_due"))
    assert "ticket_close_time.numerator: does not belong to a quantile" in only_problem(folder)


def test_bands_must_reward_the_better_value(folder: Path):
    bands = [{"value": 0.9, "points": 100}, {"value": 0.95, "points": 60}]
    edit(
        folder, "indicators", lambda c: c["indicators"]["ticket_on_time"].update(scoring="bands", bands=bands)
    )
    assert "bands: a better value must bring more points" in only_problem(folder)


def test_lowest_grade_must_start_at_zero(folder: Path):
    edit(folder, "grades", lambda c: c["grades"]["fail"].update(minimum_score=10))
    assert "the last grade must start at 0" in only_problem(folder)


def test_grades_out_of_order_are_refused(folder: Path):
    edit(folder, "grades", lambda c: c["grades"]["good"].update(minimum_score=96))
    assert "from the highest minimum_score to the lowest" in only_problem(folder)


def test_unquoted_clock_time_is_explained(folder: Path):
    path = folder / "2015-01/calendars.yml"
    text = path.read_text(encoding="utf-8").replace('sun: ["08:00", "20:00"]', "sun: [08:00, 20:00]")
    path.write_text(text, encoding="utf-8")
    assert "calendars.standard.weekly.sun.1: 1200 is not of type" in only_problem(folder)
    assert 'a time in quotes, such as "08:30"' in only_problem(folder)


def test_release_must_start_on_the_first_of_a_month(folder: Path):
    edit(folder, "release", lambda c: c.update(effective_from="2015-01-15"))
    assert "effective_from" in only_problem(folder)
    assert "first of a month" in only_problem(folder)


def test_two_releases_of_one_day_are_refused(folder: Path):
    shutil.copytree(folder / "2015-01", folder / "other")
    edit(folder, "release", lambda c: c.update(standards_release="other"), "other")
    assert "effective_from 2015-01-01 is that of" in only_problem(folder)


def test_release_in_force_changes_on_its_day(folder: Path):
    shutil.copytree(folder / "2015-01", folder / "2015-04")
    edit(
        folder,
        "release",
        lambda c: c.update(standards_release="2015-04", effective_from="2015-04-01"),
        "2015-04",
    )
    releases = standards.read(folder)
    assert standards.in_force(releases, date(2015, 3, 31)).standards_release == "2015-01"
    assert standards.in_force(releases, date(2015, 4, 1)).standards_release == "2015-04"
    with pytest.raises(standards.StandardsError, match="no standards release is in force on 2014-12-31"):
        standards.in_force(releases, date(2014, 12, 31))


def test_comments_do_not_change_the_content_hash(folder: Path):
    before = standards.read(folder)[0].content_sha256
    path = folder / "2015-01/grades.yml"
    path.write_text("# a remark\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert standards.read(folder)[0].content_sha256 == before
    edit(folder, "grades", lambda c: c["grades"]["good"].update(coefficient=1.05))
    assert standards.read(folder)[0].content_sha256 != before


def calendar_of(folder: Path, calendar_id: str) -> dict[date, standards.CalendarDay]:
    return {
        entry.day: entry
        for entry in standards.calendar_days(standards.read(folder))
        if entry.calendar_id == calendar_id
    }


def test_calendars_follow_holidays_and_make_up_workdays(folder: Path):
    office = calendar_of(folder, "office")
    assert not office[date(2015, 2, 18)].is_workday  # eve of the Spring Festival, a Wednesday
    assert office[date(2015, 2, 15)].is_workday  # a Sunday worked in exchange
    assert (office[date(2015, 2, 15)].opens_minute, office[date(2015, 2, 15)].closes_minute) == (540, 1080)
    assert not office[date(2015, 2, 14)].is_workday
    boston = calendar_of(folder, "boston_city")
    assert not boston[date(2015, 4, 20)].is_workday  # Patriots' Day, kept in Massachusetts
    assert (boston[date(2015, 4, 21)].opens_minute, boston[date(2015, 4, 21)].closes_minute) == (510, 1020)
    standard = calendar_of(folder, "standard")
    assert all(entry.is_workday for entry in standard.values())
    assert date(2016, 2, 29) in standard


def test_closures_close_a_day(folder: Path):
    edit(folder, "calendars", lambda c: c["calendars"]["standard"].update(closures=["2015-01-27"]))
    standard = calendar_of(folder, "standard")
    assert not standard[date(2015, 1, 27)].is_workday
    assert standard[date(2015, 1, 28)].is_workday


def test_source_with_an_unknown_calendar_is_refused(folder: Path):
    edit(folder, "calendars", lambda c: c.update(by_source={"boston_311": "mars"}))
    assert "by_source.boston_311: no calendar 'mars'; choose one of standard, office" in only_problem(folder)


@pytest.mark.parametrize("language", LANGUAGES)
def test_show_lists_every_indicator_and_project_grade_in_force(language: str):
    release = standards.read(SHIPPED)[0]
    shown = standards.show(SHIPPED, release.effective_from, language)
    assert len(shown) == len(release.indicators) * len(release.project_grades)
    assert {row["name"] for row in shown} == {
        entry["names"][language] for entry in release.indicators.values()
    }
    assert sum(row["weight"] for row in shown if row["project_grade"] == "A") == 100
