"""The shipped suites and standards as data: complete, explained in both languages, compiled as a release says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from yardstick import quality, standards
from yardstick.quality.model import CONDITION
from yardstick.quality.validator import expectation

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "expectations" / "suites"


@pytest.fixture(scope="module")
def releases() -> list[standards.Release]:
    return standards.read(ROOT / "expectations" / "standards", ROOT)


def shipped() -> list[quality.Suite]:
    return [suite for gate in quality.GATES for suite in quality.load_suites(FOLDER, gate)]


def rules_of(release: standards.Release) -> Iterator[tuple[quality.Suite, quality.Rule]]:
    for suite in shipped():
        for rule in quality.compile_suite(suite, release):
            yield suite, rule


def test_shipped_suites_and_standards_fit_each_other(releases: list[standards.Release]) -> None:
    assert len(releases) >= 2
    assert quality.problems(FOLDER, releases) == []


def test_every_suite_file_belongs_to_exactly_one_gate() -> None:
    names = [suite.name for suite in shipped()]
    assert len(names) >= 20
    assert sorted(names) == sorted(path.stem for path in FOLDER.glob("*.yml") if path.stem != "gates")


def test_every_expectation_carries_code_release_consequence_and_fixer(
    releases: list[standards.Release],
) -> None:
    for release in releases:
        rules = [rule for _, rule in rules_of(release)]
        assert len(rules) >= 60
        for rule in rules:
            assert rule.standard_code in release.standard_codes
            assert rule.standards_release == release.standards_release
            assert rule.dimension
            for text in (rule.means, rule.consequence, rule.fixer):
                assert text.zh
                assert text.en
                assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh), text.zh


def test_great_expectations_knows_every_compiled_expectation(releases: list[standards.Release]) -> None:
    made = [expectation(suite, rule) for release in releases for suite, rule in rules_of(release)]
    assert len(made) >= 130
    assert len({type(one).__name__ for one in made}) >= 6


def test_every_standard_of_a_release_is_compiled_once(releases: list[standards.Release]) -> None:
    for release in releases:
        compiled = [rule.standard_code for _, rule in rules_of(release)]
        invariants = [one.standard_code for suite in shipped() for one in suite.invariants]
        unused = {  # a release without a catalogue has nothing to hold codes to
            code
            for code, standard in release.data_standards.items()
            if not release.inspection_standards
            and str(standard.expectation["kwargs"].get("value_set"))
            in ("{inspection_standards}", "{categories}")
        }
        assert sorted(compiled) == sorted(
            [*(set(release.data_standards) - unused), *release.service_standards, *invariants]
            + [
                standards.indicator_code(code)
                for code, one in release.indicators.items()
                if "nonconformity" in one
            ]
        )


def test_every_gate_can_block_and_warn_and_only_the_facts_gate_judges_service(
    releases: list[standards.Release],
) -> None:
    seen = {(suite.gate, rule.severity) for suite, rule in rules_of(releases[-1])}
    assert seen == {
        ("staging", "blocking"), ("staging", "warning"),
        ("facts", "blocking"), ("facts", "warning"), ("facts", "service"),
    }  # fmt: skip


def test_every_batch_is_scoped_to_the_build_or_judged_as_it_is_at_present() -> None:
    scopes = {suite.name: suite.scope for suite in shipped()}
    assert sum(scope == "present" for scope in scopes.values()) == 2
    for suite in shipped():
        assert ("{build_id}" in suite.query) is (suite.scope != "present"), suite.name
        assert suite.day, suite.name


def test_thresholds_follow_the_release_in_force(releases: list[standards.Release]) -> None:
    """One number changed in a later release: that release's expectation changes, the earlier one's does not."""
    base = releases[-1]
    service = base.service_standards["SV-RE-01"]
    data = base.data_standards["DS-TK-05"]
    stricter = replace(
        base,
        standards_release="2027-01",
        effective_from=date(2027, 1, 1),
        service_standards={**base.service_standards, "SV-RE-01": replace(service, at_most=3)},
        data_standards={
            **base.data_standards,
            "DS-TK-05": replace(data, expectation={**data.expectation, "kwargs": {"column": "due_at"}}),
        },
    )
    suites = [suite for suite in shipped() if suite.name in ("service_nonconformities", "staged_tickets")]
    days = [date(2026, 12, 31), date(2027, 1, 1)]
    compiled = quality.compile_for(suites, [*releases, stricter], days)

    def found(release: str, code: str) -> quality.Rule:
        [rule] = [
            rule
            for one in compiled
            for rule in one.rules
            if (rule.standards_release, rule.standard_code) == (release, code)
        ]
        return rule

    assert found("2026-01", "SV-RE-01").kwargs["condition"] == "days_past_due <= 7"
    assert found("2027-01", "SV-RE-01").kwargs["condition"] == "days_past_due <= 3"
    assert found("2026-01", "DS-TK-05").kwargs["mostly"] == 0.8
    assert "mostly" not in found("2027-01", "DS-TK-05").kwargs
    tickets = [one for one in compiled if one.suite.name == "staged_tickets"]
    assert [(one.first_day, one.until) for one in tickets] == [
        (date(2026, 1, 1), date(2027, 1, 1)), (date(2027, 1, 1), None),
    ]  # fmt: skip


def test_days_before_the_first_release_are_held_to_it(releases: list[standards.Release]) -> None:
    [one] = quality.compile_for(shipped()[:1], releases, [date(2009, 5, 1)])
    assert one.release is releases[0]
    assert (one.first_day, one.until) == (None, None)


def test_indicator_is_held_to_the_bound_of_each_grade(releases: list[standards.Release]) -> None:
    release = releases[-1]
    [rule] = [rule for _, rule in rules_of(release) if rule.standard_code == "IND-inspection_pass_rate"]
    content = release.indicators["inspection_pass_rate"]
    assert rule.type == CONDITION
    assert rule.judgement is not None
    assert set(rule.judgement.limit_by_grade) == set(content["project_grades"])
    for grade, target in content["project_grades"].items():
        assert (
            f"when '{grade}' then {target[content['nonconformity']['below']]!r}" in rule.kwargs["condition"]
        )
    assert f"sample >= {content['minimum_sample']}" in rule.kwargs["condition"]


def test_release_without_a_catalogue_holds_no_code_to_it(releases: list[standards.Release]) -> None:
    first, second = releases[0], releases[-1]
    assert not first.inspection_standards
    assert second.inspection_standards

    def codes(release: standards.Release) -> dict[str, Any]:
        return {
            rule.standard_code: rule.kwargs.get("value_set")
            for suite, rule in rules_of(release)
            if suite.name == "staged_inspection_items"
        }

    assert "DS-II-01" not in codes(first)
    assert codes(second)["DS-II-01"] == list(second.inspection_standards)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"suite": "no_such_suite"}, "no gate has a suite 'no_such_suite'"),
        ({"suite": "staged_tickets"}, "needs a suite whose scope is months or present"),
    ],
)
def test_service_standard_needs_a_suite_that_can_be_judged(
    releases: list[standards.Release], change: dict[str, Any], message: str
) -> None:
    release = releases[-1]
    wrong = {
        **release.service_standards,
        "SV-IN-01": replace(release.service_standards["SV-IN-01"], **change),
    }
    [problem] = quality.problems(FOLDER, [*releases[:-1], replace(release, service_standards=wrong)])
    assert message in problem
    assert "service_standards.SV-IN-01.suite" in problem


def test_suite_that_nobody_names_is_a_problem(releases: list[standards.Release], tmp_path: Path) -> None:
    for path in FOLDER.glob("*.yml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "lonely.yml").write_text(yaml.safe_dump(GOOD | {"expectations": []}))
    [problem] = quality.problems(tmp_path, releases)
    assert problem.startswith(str(tmp_path / "lonely.yml"))
    assert "in no gate" in problem
    index = yaml.safe_load((tmp_path / "gates.yml").read_text())
    index["gates"]["staging"].append("lonely")
    (tmp_path / "gates.yml").write_text(yaml.safe_dump(index))
    [problem] = quality.problems(tmp_path, releases)
    assert "an empty suite would pass anything" in problem


def test_invariant_of_an_unknown_standard_is_a_problem(
    releases: list[standards.Release], tmp_path: Path
) -> None:
    path = tmp_path / "things.yml"
    rule = {**GOOD["expectations"][0], "standard_code": "DS-XX-99"}
    path.write_text(yaml.safe_dump({**GOOD, "expectations": [rule]}))
    suite = quality.load_suite(path, "staging")
    with pytest.raises(quality.SuiteError, match="DS-XX-99 is no data standard of 2015-01"):
        quality.compile_suite(suite, releases[0])


GOOD: dict[str, Any] = {
    "gate": "staging",
    "relation": "staging.things",
    "names": {"zh": "物", "en": "Things"},
    "scope": {"deliveries": "delivery_id"},
    "key": ["thing_id"],
    "expectations": [
        {
            "standard_code": "DS-MI-02",
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "thing_id"},
            "means": {"zh": "有编号", "en": "It has an id"},
        }
    ],
}


def test_good_suite_is_read_and_its_invariant_has_the_standards_texts(
    releases: list[standards.Release], tmp_path: Path
) -> None:
    (tmp_path / "things.yml").write_text(yaml.safe_dump(GOOD))
    suite = quality.load_suite(tmp_path / "things.yml", "staging")
    assert suite.query.startswith("select * from staging.things where delivery_id in (")
    assert suite.day == "partition_date"
    [rule] = quality.compile_suite(suite, releases[0])
    general = releases[0].data_standards["DS-MI-02"]
    assert rule.columns == ["thing_id"]
    assert rule.means.en == "It has an id"
    assert rule.fixer.en == general.fixer["en"]
    assert rule.severity == general.severity == "blocking"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gate": "facts"}, "gates.yml has it in staging"),
        ({"relation": "things; drop table x"}, "is not a name"),
        ({"scope": {"weeks": "week"}}, "scope 'weeks'"),
        ({"query": "select 1"}, "not scoped to the build"),
        ({"names": {"zh": "物"}}, "missing or malformed"),
        ({"quarry": "select 1"}, "unknown fields quarry"),
        ({"expectations": [{"type": "x"}]}, "'standard_code' is missing"),
        ({"expectations": [{**GOOD["expectations"][0], "severity": "mild"}]}, "neither blocking nor warning"),
        ({"expectations": [{**GOOD["expectations"][0], "severty": "x"}]}, "unknown fields severty"),
        ({"expectations": [{**GOOD["expectations"][0], "kwargs": {"b) >= 0": None}}]}, "stands in quotes"),
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
