"""The shipped suites as data: complete, named in the index, explained in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from yardstick import quality

FOLDER = Path(__file__).resolve().parents[2] / "expectations" / "suites"
GATES: tuple[quality.Gate, ...] = get_args(quality.Gate)


def shipped() -> list[quality.Suite]:
    return [suite for gate in GATES for suite in quality.load_suites(FOLDER, gate)]


def test_every_suite_file_belongs_to_exactly_one_gate() -> None:
    names = [suite.name for suite in shipped()]
    assert len(names) >= 8
    assert sorted(names) == sorted(path.stem for path in FOLDER.glob("*.yml") if path.stem != "gates")


def test_every_expectation_says_what_it_means_what_follows_and_who_acts() -> None:
    rules = [rule for suite in shipped() for rule in suite.rules]
    assert len(rules) >= 15
    for rule in rules:
        for text in (rule.means, rule.consequence, rule.fixer):
            assert text.zh
            assert text.en
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh), text.zh


def test_every_gate_can_block_and_warnings_exist() -> None:
    for gate in GATES:
        assert any(
            rule.severity == "blocking" for suite in quality.load_suites(FOLDER, gate) for rule in suite.rules
        )
    assert any(rule.severity == "warning" for suite in shipped() for rule in suite.rules)


def test_every_batch_is_scoped_to_the_build() -> None:
    for suite in shipped():
        assert "{build_id}" in suite.query, suite.name


GOOD: dict[str, Any] = {
    "gate": "staging",
    "relation": "staging.things",
    "names": {"zh": "物", "en": "Things"},
    "scope": {"deliveries": "delivery_id"},
    "key": ["thing_id"],
    "expectations": [
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "thing_id"},
            "severity": "blocking",
            "means": {"zh": "有编号", "en": "It has an id"},
            "consequence": {"zh": "停", "en": "stop"},
            "fixer": {"zh": "你", "en": "you"},
        }
    ],
}


def test_good_suite_is_read(tmp_path: Path) -> None:
    (tmp_path / "things.yml").write_text(yaml.safe_dump(GOOD))
    suite = quality.load_suite(tmp_path / "things.yml", "staging")
    assert suite.query.startswith("select * from staging.things where delivery_id in (")
    assert suite.rules[0].columns == ["thing_id"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expectations": []}, "holds no expectation"),
        ({"expectations": None}, "holds no expectation"),
        ({"gate": "facts"}, "gates.yml has it in staging"),
        ({"relation": "things; drop table x"}, "is not a name"),
        ({"scope": {"weeks": "week"}}, "scope 'weeks'"),
        ({"query": "select 1"}, "not scoped to the build"),
        ({"names": {"zh": "物"}}, "missing or malformed"),
        ({"expectations": [{**GOOD["expectations"][0], "severity": "mild"}]}, "neither blocking nor warning"),
        ({"expectations": [{**GOOD["expectations"][0], "severty": "x"}]}, "unknown fields severty"),
    ],
)
def test_wrong_suite_is_refused_by_name(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "things.yml"
    path.write_text(yaml.safe_dump({**GOOD, **change}))
    with pytest.raises(quality.SuiteError, match=message) as caught:
        quality.load_suite(path, "staging")
    assert str(path) in str(caught.value)


def test_absent_suite_and_absent_index_are_refused(tmp_path: Path) -> None:
    with pytest.raises(quality.SuiteError, match=r"gates\.yml names no suites"):
        quality.load_suites(tmp_path, "staging")
    (tmp_path / "gates.yml").write_text("gates: {staging: [things]}")
    with pytest.raises(quality.SuiteError, match=r"things\.yml is absent"):
        quality.load_suites(tmp_path, "staging")
    with pytest.raises(quality.SuiteError, match="names no suites for gate facts"):
        quality.load_suites(tmp_path, "facts")
