"""Where points were lost, what moved a score, file names and charts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_reports_language import INDICATOR, RELEASE

from yardstick.reports import charts, inspections
from yardstick.reports.content import explain_change, points_lost, slugs
from yardstick.reports.rows import Day, Indicator, ReportError, Score

CATEGORY = inspections.Category(
    "r", "p", "cleaning", None, 1, {}, 10, 8, 30.0, 24.0, 0.8, 30.0, 6.0, 2, 1, 0, 1
)
SCORE = Score("r", "p", {}, None, "A", 0.0, None, None, 1, 1, 1, "good", 1.0, 100.0, 1, 1)
POINTS = st.one_of(st.none(), st.floats(0, 100))
SHAPES = st.lists(st.tuples(POINTS, st.floats(1, 50)), min_size=1, max_size=8)


def _indicators(shape: list[tuple[float | None, float]]) -> list[Indicator]:
    total = sum(weight for points, weight in shape if points is not None) or 1
    return [
        replace(
            INDICATOR,
            indicator=f"i{place}",
            points=points,
            weight=weight,
            weight_effective=0.0 if points is None else 100 * weight / total,
        )
        for place, (points, weight) in enumerate(shape)
    ]


def _score(indicators: list[Indicator]) -> Score:
    return replace(SCORE, score=sum(one.weight_effective * (one.points or 0) / 100 for one in indicators))


@given(SHAPES)
def test_points_lost_add_up_to_what_is_missing_from_100(shape: list[tuple[float | None, float]]) -> None:
    indicators = _indicators(shape)
    lost = points_lost(indicators)
    assert all(lost[one.indicator] == 0 for one in indicators if one.points is None)
    if any(one.is_measured for one in indicators):
        assert 100 - sum(lost.values()) == pytest.approx(_score(indicators).score)


@given(SHAPES, SHAPES)
def test_a_change_is_the_sum_of_its_parts(
    then: list[tuple[float | None, float]], now: list[tuple[float | None, float]]
) -> None:
    before, after = _indicators(then), _indicators(now)
    if not any(one.is_measured for one in before) or not any(one.is_measured for one in after):
        return
    change = explain_change(RELEASE, _score(before), before, _score(after), after)
    assert change is not None
    assert change.remainder == pytest.approx(0, abs=1e-6)
    assert sum(move for _, move in change.parts) == pytest.approx(change.difference, abs=1e-6)
    assert [abs(move) for _, move in change.parts] == sorted(
        (abs(move) for _, move in change.parts), reverse=True
    )


def test_no_change_is_told_without_two_scores() -> None:
    unscored = replace(SCORE, score=None)
    assert explain_change(RELEASE, unscored, [INDICATOR], SCORE, [INDICATOR]) is None


@given(st.lists(st.text(max_size=120), unique=True, max_size=12))
def test_file_names_are_plain_and_differ_even_where_case_does_not_count(codes: list[str]) -> None:
    names = slugs(codes)
    assert len({name.casefold() for name in names.values()}) == len(codes)
    for name in names.values():
        assert name.isascii()
        assert len(name) <= 80
        assert not set(name) & set('/\\:*?"<>|%& \0')
        assert name not in ("", ".", "..")
        assert not name.startswith(".")


def test_ordinary_codes_stay_as_they_are() -> None:
    assert slugs(["south_boston", "P-017", "../../etc"])["south_boston"] == "south_boston"
    assert slugs(["Bay", "bay"])["bay"] != "bay"


def test_a_period_with_a_path_in_it_is_refused() -> None:
    with pytest.raises(ReportError, match="not a month"):
        _ = replace(RELEASE, period="../2015").folder


def _days(count: int, most: int = 9) -> list[Day]:
    first = date(2015, 1, 1)
    return [
        Day(first + timedelta(i), i % most, (i * 7) % most, 20 + i % 5, i % most, (i % most) // 2)
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [1, 28, 31, 92, 366])
def test_charts_are_the_same_bytes_each_time_and_carry_no_ids_or_words(count: int) -> None:
    first = charts.draw(_days(count))
    second = charts.draw(_days(count))
    assert first is not None
    assert first == second
    assert ' id="' not in first.group
    assert "url(#" not in first.group
    assert "NaN" not in first.group
    assert first.is_weekly == (count > 100)
    # Three panels stand where the windows look.
    assert "translate(278,0)" in first.group
    assert "translate(556,0)" in first.group


def test_quiet_projects_and_empty_ones_have_charts_too() -> None:
    assert charts.draw([]) is None
    quiet = charts.draw([Day(date(2015, 1, 1), 0, 0, 0, 0, 0)])
    assert quiet is not None
    assert "NaN" not in quiet.group


def test_weeks_add_up_to_the_days() -> None:
    days = _days(366)
    weeks = charts.by_week(days)
    assert 50 < len(weeks) < 55
    assert sum(week.tickets_opened for week in weeks) == sum(day.tickets_opened for day in days)
    assert weeks[-1].tickets_open == days[-1].tickets_open
    assert all(week.day.weekday() == 0 for week in weeks)


@given(st.floats(0, 1e6))
def test_ticks_reach_over_the_most(most: float) -> None:
    found = charts.ticks(most)
    assert found[0] == 0
    assert found[-1] >= most
    assert 2 <= len(found) <= 6


def _category(code: str, lost: float, above: str | None = None, overdue: int = 0) -> inspections.Category:
    return replace(
        CATEGORY,
        category=code,
        parent_category=above,
        depth=2 if above else 1,
        weight_passed=CATEGORY.weight_checked - lost,
        items_passed=CATEGORY.items_checked - int(lost > 0),
        nonconformities_overdue=overdue,
    )


def test_categories_stand_in_the_order_of_what_they_took() -> None:
    found = inspections.worst_first(
        [
            _category("a", 2),
            _category("b", 5),
            _category("c", 2, overdue=3),
            _category("d", 0),
        ]
    )
    assert [one.category for one in found] == ["b", "c", "a", "d"]


def test_the_worst_category_below_is_named_where_it_explains_most() -> None:
    root = _category("cleaning", 6)
    mostly = [_category("indoor", 4, "cleaning"), _category("outdoor", 2, "cleaning")]
    evenly = [_category("indoor", 3, "cleaning"), _category("outdoor", 3, "cleaning")]
    assert [one.category for one in inspections.worst([root, *mostly])] == ["cleaning", "indoor"]
    assert [one.category for one in inspections.worst([root, *evenly])] == ["cleaning"]
    assert inspections.worst([_category("cleaning", 0)]) == []
    assert inspections.worst([]) == []


@pytest.mark.parametrize(
    ("share", "floor", "expected"),
    [
        (0.95, 0.85, "at-target"),
        (0.949, 0.85, "at-floor"),
        (0.84, 0.85, "below-floor"),
        (None, 0.85, "open"),
        (0.9, None, "open"),
    ],
)
def test_a_share_stands_against_floor_and_target(
    share: float | None, floor: float | None, expected: str
) -> None:
    assert inspections.standing(share, floor, 0.95 if floor else None) == expected


def test_weighted_cases_are_not_counted_to_the_target() -> None:
    counted = replace(
        INDICATOR, unit="ratio", direction="higher", numerator=8, denominator=10, target_value=0.9
    )
    assert counted.cases_to_target == 1
    assert replace(counted, sample_effective=7.0).cases_to_target is None
    assert (counted.sample, replace(counted, sample_effective=7.0).sample) == (10, 7.0)
