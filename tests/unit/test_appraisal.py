"""Hashing and periods, without a database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from yardstick import appraisal


@pytest.mark.parametrize(
    ("kind", "period", "first", "last"),
    [
        ("month", "2016-02", date(2016, 2, 1), date(2016, 2, 29)),
        ("month", "2015-12", date(2015, 12, 1), date(2015, 12, 31)),
        ("quarter", "2015-Q4", date(2015, 10, 1), date(2015, 12, 31)),
        ("quarter", "2015-Q1", date(2015, 1, 1), date(2015, 3, 31)),
        ("year", "2015", date(2015, 1, 1), date(2015, 12, 31)),
    ],
)
def test_period_names_its_days(kind: appraisal.Kind, period: str, first: date, last: date) -> None:
    assert appraisal.period_span(kind, period) == (first, last)


@pytest.mark.parametrize(
    ("kind", "period"), [("month", "2015-13"), ("month", "2015-Q1"), ("quarter", "2015-Q5")]
)
def test_text_that_is_no_such_period_is_refused(kind: appraisal.Kind, period: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        appraisal.period_span(kind, period)


def test_canonical_text_does_not_depend_on_order_nulls_or_float_noise() -> None:
    one = {"b": 0.1 + 0.2, "a": [1, None, -0.0], "c": None, "名": "王"}
    two = {"名": "王", "a": [1, None, 0.0], "b": 0.3}
    assert appraisal.canonical(one) == appraisal.canonical(two) == '{"a":[1,null,0.0],"b":0.3,"名":"王"}'


def test_canonical_moment_does_not_depend_on_the_zone_it_is_told_in() -> None:
    utc = datetime(2015, 2, 3, 1, tzinfo=UTC)
    assert appraisal.sha256({"at": utc}) == appraisal.sha256(
        {"at": utc.astimezone(timezone(timedelta(hours=8)))}
    )


def test_number_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be released"):
        appraisal.canonical({"score": float("nan")})


@pytest.mark.parametrize("how", ["robot", ""])
def test_signature_says_how_it_was_given(how: str) -> None:
    with pytest.raises(ValueError, match="signed_how"):
        appraisal.Signature("Li Hua", how, datetime.now(UTC))  # type: ignore[arg-type]


def test_code_version_without_a_repository_follows_the_code(tmp_path: Path) -> None:
    model = tmp_path / "dbt_project" / "models" / "m.sql"
    model.parent.mkdir(parents=True)
    model.write_text("select 1")
    (tmp_path / "dbt_project" / "target").mkdir()
    first = appraisal.code_version(tmp_path)
    appraisal.code_version.cache_clear()
    (tmp_path / "dbt_project" / "target" / "m.sql").write_text("compiled")
    assert appraisal.code_version(tmp_path) == first
    appraisal.code_version.cache_clear()
    model.write_text("select 2")
    assert appraisal.code_version(tmp_path) != first
