"""What the transform knows without a database: periods, and the statements it makes for each entity."""

from __future__ import annotations

from datetime import date

import pytest

from yardstick import transform
from yardstick.contracts import load_contracts


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("2016-02", ("month", date(2016, 2, 1), date(2016, 2, 29))),
        ("2015-Q4", ("quarter", date(2015, 10, 1), date(2015, 12, 31))),
        ("2015", ("year", date(2015, 1, 1), date(2015, 12, 31))),
    ],
)
def test_a_period_has_a_kind_and_two_ends(period: str, expected: tuple[str, date, date]) -> None:
    assert transform.period_bounds(period) == expected


@pytest.mark.parametrize(
    "period", ["2015-13", "2015-00", "2015-Q5", "2015-1", "0000", "Jan 2015", "2015-01; drop"]
)
def test_anything_else_is_no_period(period: str) -> None:
    with pytest.raises(ValueError, match="is not a period"):
        transform.period_bounds(period)


def test_a_reject_is_compared_with_later_rows_by_its_whole_key_and_the_keys_scope() -> None:
    contracts = load_contracts()
    company = transform._of(contracts["assignment"], "rejects_superseded").decode()
    assert "v.post_id = t.key_values[2] and v.valid_from = t.key_values[3]::date" in company
    assert "source_id" not in company
    source = transform._of(contracts["ticket"], "rejects_superseded").decode()
    assert "v.source_ticket_id = t.key_values[1] and v.source_id = t.source_id" in source
