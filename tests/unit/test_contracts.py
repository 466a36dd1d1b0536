"""Contracts: every delivered entity has one, a wrong one is told, and staging is made of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from yardstick import staging_models
from yardstick.contracts import Contract, ContractError, load_contracts, staging_order
from yardstick.settings import project_root

DELIVERED = {
    "assignment", "attendance", "call_back", "certificate", "complaint", "cost", "equipment",
    "equipment_status", "fit_out_finding", "goods_movement", "inspection", "inspection_item", "org_membership",
    "org_unit", "person", "post", "procedure", "procedure_execution", "procedure_step", "project", "rectification",
    "responsibility", "roster", "service_item", "survey_answer", "takeover_finding", "ticket",
    "ticket_event", "training",
}  # fmt: skip
SOUND: dict[str, Any] = {
    "entity": "lamp",
    "version": 2,
    "changes": [
        {"version": 1, "date": "2026-01-01", "zh": "首次发布", "en": "First issue"},
        {"version": 2, "date": "2026-06-01", "zh": "补充功率", "en": "Power added"},
    ],
    "names": {"zh": "灯", "en": "Lamp"},
    "key": ["lamp_id"],
    "key_scope": "company",
    "event_date": None,
    "fields": [
        {"name": "lamp_id", "type": "text", "required": True},
        {"name": "lit_at", "type": "timestamp", "required": False},
        {"name": "dark_at", "type": "timestamp", "required": False},
        {"name": "state", "type": "text", "required": True, "vocabulary": ["on", "off"]},
        {"name": "power_watts", "type": "numeric", "unit": "watts", "required": False, "since": 2},
        {"name": "stands_by_lamp_id", "type": "text", "required": False, "refers_to": "lamp.lamp_id"},
    ],
    "rules": [
        {"earlier": "lit_at", "later": "dark_at", "then": "flag", "rule": "dark_before_lit"},
        {"not_negative": "power_watts", "then": "reject", "rule": "out_of_range"},
        {"when": {"state": ["off"]}, "required": "dark_at", "then": "flag", "rule": "dark_time_missing"},
    ],
}


def write(folder: Path, **changes: object) -> Path:
    """A contract file that is sound but for the changes; ``field__<name>`` changes one field."""
    content = yaml.safe_load(yaml.safe_dump(SOUND))
    for name, value in changes.items():
        if name.startswith("field__"):
            (item,) = [each for each in content["fields"] if each["name"] == name.removeprefix("field__")]
            item.update(value)
        else:
            content[name] = value
    for item in content["fields"]:
        item.setdefault("meaning", {"zh": "某", "en": "Something"})
    (folder / f"{content['entity']}.yml").write_text(
        yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    return folder


def test_every_delivered_entity_has_a_contract_with_its_grain_on_top() -> None:
    assert set(load_contracts()) == DELIVERED
    for name in DELIVERED:
        text = (project_root() / f"expectations/contracts/{name}.yml").read_text(encoding="utf-8")
        assert re.match(r"# What .*delivered .* must look like\. Grain: one row per .+\.", text), name


def test_a_sound_contract_is_read(tmp_path: Path) -> None:
    contract = load_contracts(write(tmp_path))["lamp"]
    assert (contract.plural, contract.staged_key, contract.versions) == ("lamps", ("lamp_id",), (1, 2))
    assert [rule.kind for rule in contract.rules] == ["order", "range", "needed"]
    assert contract.identifiers == {"lamp_id", "stands_by_lamp_id"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": ["bulb_id"]}, "bulb_id in key or event_date is not among the fields"),
        ({"key": ["lit_at"]}, "lit_at is in the key: it must be required"),
        ({"event_date": "state"}, "event_date state is not a date"),
        ({"event_date": "lit_at"}, "event_date lit_at must be required"),
        ({"version": 3}, "changes must tell versions 1 to 3"),
        ({"version": 1, "changes": SOUND["changes"][:1]}, "power_watts is since version 2"),
        ({"key_scope": "world"}, "key_scope"),
        ({"field__power_watts": {"unit": None}}, r"fields\[4\]\.unit"),
        ({"field__state": {"unit": "states"}}, "state: a number has a unit, and nothing else"),
        ({"field__state": {"default": "dim"}}, "the default 'dim' is not in the vocabulary"),
        ({"field__state": {"vocabulary": ["on'"]}}, "on' in the vocabulary is no code"),
        ({"field__lamp_id": {"personal": True}}, "lamp_id is in the key"),
        ({"field__state": {"references": "lamp.lamp_id"}}, r"references run in a circle \(lamp → lamp\)"),
        ({"field__state": {"refers_to": "lamp.state"}}, r"lamp\.state, which is in the key of no contract"),
        ({"field__state": {"refers_to": "mast.mast_id"}}, r"mast\.mast_id, which is in the key of no contract"),
        ({"field__lit_at": {"name": "delivery_id"}}, "delivery_id is a name that staging uses"),
        ({"rules": [{"not_negative": "state", "then": "flag", "rule": "x"}]}, "state must be numbers"),
        ({"rules": [{"not_negative": "watts", "then": "flag", "rule": "x"}]}, "watts is not among the fields"),
        (
            {"rules": [{"earlier": "lit_at", "later": "state", "then": "flag", "rule": "x"}]},
            "must both be dates or both timestamps",
        ),
        (
            {"rules": [{"when": {"state": ["dim"]}, "required": "lit_at", "then": "flag", "rule": "x"}]},
            "state has not all of dim",
        ),
        ({"rules": [{"not_negative": "power_watts", "then": "mend", "rule": "x"}]}, r"rules\[0\]"),
    ],
)  # fmt: skip
def test_a_wrong_contract_is_told_with_its_place(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        load_contracts(write(tmp_path, **changes))


def test_a_file_that_is_no_contract_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no contracts"):
        load_contracts(tmp_path)
    (tmp_path / "a.yml").write_text("entity: a\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"a\.yml"):
        load_contracts(tmp_path)


def test_an_earlier_version_shows_neither_later_fields_nor_rules_about_them(tmp_path: Path) -> None:
    contract = load_contracts(write(tmp_path))["lamp"]
    earlier = contract.at(1)
    assert contract.fields.keys() - earlier.fields.keys() == {"power_watts"}
    assert [rule.rule for rule in earlier.rules] == ["dark_before_lit", "dark_time_missing"]
    assert earlier.versions == (1,)
    assert contract.at(2) == contract
    with pytest.raises(ValueError, match="lamp has no version 3; use 1, 2"):
        contract.at(3)


def test_what_a_row_cannot_do_without_is_staged_before_it() -> None:
    contracts = load_contracts()
    order = staging_order(contracts)
    referring = [
        (name, item.references.partition(".")[0])
        for name, contract in contracts.items()
        for item in contract.fields.values()
        if item.references
    ]
    assert ("ticket", "project") in referring
    assert all(order.index(target) < order.index(name) for name, target in referring)


@pytest.mark.parametrize("contract", load_contracts().values(), ids=lambda contract: contract.entity)
def test_a_detail_that_may_come_before_its_head_is_kept(contract: Contract) -> None:
    """Fault 21: unknown master data rejects; what another delivery of the same source brings is only told."""
    contracts = load_contracts()
    for item in contract.fields.values():
        if item.references:
            assert contracts[item.references.partition(".")[0]].key_scope == "company"


def test_staging_is_what_the_contracts_make_of_it() -> None:
    """Run ./scripts/make-models after changing a contract."""
    project = project_root() / "dbt_project"
    files = staging_models.generate(load_contracts())
    assert len(files) == 3 + 3 * len(DELIVERED)
    for path, text in files.items():
        assert (project / path).read_text(encoding="utf-8") == text, path
    there = {path.relative_to(project) for path in (project / staging_models.MODELS).iterdir()}
    assert there == files.keys() - {staging_models.MACRO}


def test_writing_the_models_again_changes_nothing_and_removes_what_no_contract_asks_for(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "expectations/contracts"
    folder.mkdir(parents=True)
    (tmp_path / "dbt_project/models/staging").mkdir(parents=True)
    (tmp_path / "dbt_project/macros").mkdir(parents=True)
    write(folder)
    assert len(staging_models.write_models(tmp_path)) == 6
    assert staging_models.write_models(tmp_path) == []
    write(folder, entity="bulb", field__stands_by_lamp_id={"refers_to": "bulb.lamp_id"})
    (folder / "lamp.yml").unlink()
    changed = {path.name for path in staging_models.write_models(tmp_path)}
    assert {"stg_delivered__lamps.sql", "stg_delivered__bulbs.sql"} <= changed
    assert not (tmp_path / "dbt_project" / staging_models.MODELS / "stg_delivered__lamps.sql").exists()
