"""What the transform knows without a database: periods, and the contract it stages."""

from __future__ import annotations

import re
from datetime import date

import jinja2
import pytest

from yardstick import transform
from yardstick.contracts import Field, load_contracts
from yardstick.settings import project_root

MACRO = project_root() / "dbt_project/macros/contract_fields.sql"


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


@pytest.mark.parametrize("entity", sorted(load_contracts()))
def test_staging_reads_the_fields_of_the_contract(entity: str) -> None:
    contract = load_contracts()[entity]
    staged = _staged_fields(entity)
    assert [field["name"] for field in staged] == list(contract.fields)
    for field, declared in zip(staged, contract.fields.values(), strict=True):
        assert _as_staged(declared, contract.key) == field
    assert transform.STAGED_KEYS[entity][-len(contract.key) :] == contract.key


def _staged_fields(entity: str) -> list[dict[str, object]]:
    """What the dbt macro `contract_fields` returns."""
    found: list[list[dict[str, object]]] = []
    text = MACRO.read_text(encoding="utf-8")
    jinja2.Environment(autoescape=False, extensions=["jinja2.ext.do"]).from_string(
        text + "{{ contract_fields('" + entity + "') }}", globals={"return": found.append}
    ).render()
    assert re.search(r"{{ return\(", text)
    return found[0]


def _as_staged(declared: Field, key: tuple[str, ...]) -> dict[str, object]:
    told = {
        "name": declared.name,
        "type": None if declared.type == "text" else declared.type,
        "required": declared.required,
        "key": declared.name in key,
        "vocabulary": list(declared.vocabulary or ()),
        "references": (declared.references or "").partition(".")[0],
        "personal": declared.is_personal,
        "default": declared.default,
    }
    return {name: value for name, value in told.items() if value}
