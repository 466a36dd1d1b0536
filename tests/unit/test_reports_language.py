"""Texts, numbers and names of reports, language by language."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from yardstick.reports.language import Language, number, texts, visible
from yardstick.reports.rows import Indicator, Release
from yardstick.settings import LANGUAGES

RELEASE = Release(
    "2015-Q1.v1",
    "quarter",
    "2015-Q1",
    date(2015, 1, 1),
    date(2015, 3, 31),
    1,
    "released",
    None,
    "2015-01",
    "0.1.0",
    10,
    1,
    "a" * 64,
    None,
    "b" * 64,
    "王经理",
    "person",
    datetime(2015, 4, 3, 1, 30, tzinfo=UTC),
)
INDICATOR = Indicator(
    "2015-01.v1",
    "p",
    "ticket_on_time",
    {"zh-Hans": "按时率", "en": "On time"},
    "service_centre",
    "ratio",
    "higher",
    180.0,
    200.0,
    0.9,
    None,
    None,
    0.8,
    0.95,
    86.7,
    35.0,
    35.0,
    True,
    30,
    1,
)


def _keys(tree: Any, path: str = "") -> set[str]:
    if isinstance(tree, dict) and not {"one", "other"} >= tree.keys():
        return {key for name, branch in tree.items() for key in _keys(branch, f"{path}.{name}")}
    return {path}


def _fields(tree: Any) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", str(tree)))


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_every_language_has_the_same_messages_and_the_same_values_in_them(code: str) -> None:
    english, other = texts("en"), texts(code)
    assert _keys(english)
    assert _keys(other) == _keys(english)
    assert {key: _fields(text) for key, text in other.items()} == {
        key: _fields(text) for key, text in english.items()
    }
    assert len(other["how"]) == len(english["how"])


def test_traditional_text_holds_no_simplified_characters() -> None:
    simplified = set(
        "务发间号结与并签显为无时关闭区数据项单张级围标较变权实际线则样内计评条达页阅读规总测应没当类编码启说输错历责东于个优严办复报损换"
    )
    found = {char for char in str(texts("zh-Hant")) if char in simplified}
    assert found <= set("内"), found


@pytest.mark.parametrize(
    ("value", "digits", "sign", "shown"),
    [
        (None, 1, False, "–"),
        (float("nan"), 1, False, "–"),
        (-3.14, 1, True, "−3.1"),
        (2.0, 1, True, "+2.0"),
        (-0.04, 1, True, "±0.0"),
        (-0.04, 1, False, "0.0"),
        (58119, 0, False, "58,119"),
    ],
)
def test_numbers_keep_their_sign_and_never_show_minus_zero(
    value: float | None, digits: int, sign: bool, shown: str
) -> None:
    assert number(value, digits, sign=sign) == shown


def test_values_carry_their_unit() -> None:
    english, chinese = Language("en"), Language("zh-Hans")
    assert english.value(0.9236, "ratio") == "92.4%"
    assert english.value(85, "minutes") == "85\u202fmin"
    assert english.value(600, "minutes") == "10.0\u202fh"
    assert english.value(24, "service_hours") == "24\u202fservice h"
    assert chinese.value(11.26, "days") == "11.3\u202f天"
    assert english.value(3.5, "tons_of_salt") == "3.50\u202ftons_of_salt"
    assert english.value(None, "ratio") == "–"


@pytest.mark.parametrize(
    ("kind", "start", "english", "chinese"),
    [
        ("month", date(2015, 2, 1), "February 2015", "2015年2月"),
        ("quarter", date(2015, 4, 1), "Q2 2015", "2015年第二季度"),
        ("year", date(2015, 1, 1), "2015", "2015年"),
    ],
)
def test_periods_are_written_in_words(kind: str, start: date, english: str, chinese: str) -> None:
    release = replace(RELEASE, period_kind=kind, period_start=start)
    assert Language("en").period(release) == english
    assert Language("zh-Hans").period(release) == chinese


def test_a_name_that_is_missing_in_a_language_is_shown_in_another_and_marked_so() -> None:
    names = {"zh": None, "en": "Old Mill"}
    assert Language("zh-Hans").marked(names, "old_mill") == '<span lang="en">Old Mill</span>'
    assert Language("en").marked(names, "old_mill") == "Old Mill"
    assert Language("zh-Hant").marked({"zh": "柳巷里"}, "w") == '<span lang="zh-Hans">柳巷里</span>'
    assert Language("en").marked({}, "<b>") == "&lt;b&gt;"


def test_direction_overrides_and_control_characters_in_a_name_are_made_visible() -> None:
    assert visible("a\u202egnp.exe\x00") == "a�gnp.exe�"
    assert visible("柳巷里 3\u200d") == "柳巷里 3\u200d"


def test_unmeasured_is_said_with_the_number_of_cases() -> None:
    few = replace(
        INDICATOR, points=None, is_sample_sufficient=False, numerator=3, denominator=3, minimum_sample=20
    )
    assert Language("en").why_unmeasured(few) == "not measured: 3 cases, needs 20"
    assert Language("en").why_unmeasured(replace(few, denominator=1)) == "not measured: 1 case, needs 20"
    assert Language("zh-Hans").why_unmeasured(replace(few, denominator=None)) == "未衡量：没有数据"
    assert "250" not in Language("en").why_unmeasured(replace(few, denominator=250))


def test_advice_names_the_costliest_indicator_and_what_would_have_met_the_target() -> None:
    other = replace(INDICATOR, indicator="reopened", direction="lower", value=0.1, points=20.0)
    advice = Language("en").rectify([other, INDICATOR], {"ticket_on_time": 8.0, "reopened": 3.0})
    assert advice[0].startswith("On time: 90.0% against a target of 95.0%. It cost 8.0 points.")
    assert advice[0].endswith(" 10 more of 200 would have met the target.")
    assert "more of" not in advice[1]
    assert Language("en").rectify([INDICATOR], {"ticket_on_time": 0.0}) == []
