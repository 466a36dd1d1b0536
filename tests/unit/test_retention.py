"""Every personal field is kept for as long as its class says, and each has one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml

from yardstick.contracts import load_contracts
from yardstick.privacy.classes import FILE, RetentionError, load_classes
from yardstick.settings import project_root

CONTRACTS = load_contracts()


def test_every_personal_field_of_the_contracts_is_in_a_class() -> None:
    classes = load_classes(project_root(), CONTRACTS)
    placed = {
        (entity, name) for each in classes.values() for entity, names in each.fields.items() for name in names
    }
    personal = {(e, f.name) for e, c in CONTRACTS.items() for f in c.fields.values() if f.is_personal}
    assert len(personal) > 20
    assert placed == personal
    assert all(each.names.keys() == each.basis.keys() == {"zh", "en"} for each in classes.values())


def test_a_personal_field_that_is_new_needs_a_class() -> None:
    contract = CONTRACTS["training"]
    fields = {**contract.fields, "course_name": replace(contract.fields["course_name"], is_personal=True)}
    with pytest.raises(RetentionError, match=r"personal field training\.course_name is in no class"):
        load_classes(project_root(), {**CONTRACTS, "training": replace(contract, fields=fields)})


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("households", {"fields": {"ticket": ["household_id", "title"]}}, "stands in two classes"),
        ("respondents", {"fields": {"survey_answer": ["respondent_id", "score"]}}, "is no personal field"),
        ("hr_reads", {"counted_from": "day"}, "delete is not counted from day"),
        ("respondents", {"then": "key"}, "only a household"),
        ("respondents", {"counted_from": "leaving"}, "does not say whose it is"),
        ("hr_reads", {"months": -1}, "-1 is less than the minimum"),
        ("undeclared", {"then": "forget"}, "'forget' is not one of"),
    ],
)
def test_a_wrong_class_is_told(tmp_path: Path, name: str, changed: dict[str, object], message: str) -> None:
    content = yaml.safe_load((project_root() / FILE).read_text(encoding="utf-8"))
    (found,) = (each for each in content["classes"] if each["class"] == name)
    fields = found.get("fields", {})
    found.update(changed)
    if "fields" in changed:
        found["fields"] = {**fields, **found["fields"]}
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(RetentionError, match=message):
        load_classes(tmp_path, CONTRACTS)


def test_whole_months_are_counted_back() -> None:
    (one, *_) = load_classes(project_root(), CONTRACTS).values()
    each = replace(one, months=3)
    assert each.cut_off(date(2026, 5, 31)) == date(2026, 2, 28)
    assert each.cut_off(date(2026, 2, 28)) == date(2025, 11, 28)
    assert replace(one, months=24).cut_off(date(2028, 2, 29)) == date(2026, 2, 28)
