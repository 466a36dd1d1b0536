"""Releases that take over files of another, and the catalogue, data and service standards they hold."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.small_standards import BASE, SECOND, edit, problems_in, write
from typer.testing import CliRunner

from yardstick import standards
from yardstick.cli import app
from yardstick.settings import project_root
from yardstick.standards.files import schema
from yardstick.standards.release import CATALOGUE
from yardstick.standards.use import used_code_problems

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two releases, the second one with everything a release can hold."""
    return write(tmp_path / "standards")


def second(folder: Path) -> standards.Release:
    return standards.read(folder)[1]


def only_problem(folder: Path) -> str:
    problems = problems_in(folder)
    assert len(problems) == 1, problems
    return problems[0]


def add(folder: Path, name: str, based_on: str, effective_from: str) -> Path:
    """A release that has nothing but its head."""
    shutil.copytree(
        folder / SECOND,
        folder / name,
        ignore=lambda _, names: [n for n in names if n != "release.yml"],
    )
    head = {"standards_release": name, "based_on": based_on, "effective_from": effective_from}
    edit(folder, "release", lambda c: c.update(head), name)
    return folder / name


def test_release_takes_over_the_files_it_lacks(folder: Path):
    release = second(folder)
    assert release.based_on == BASE
    assert release.files["grades"] == folder / BASE / "grades.yml"
    assert release.files["indicators"] == folder / SECOND / "indicators.yml"
    assert list(release.grades) == ["excellent", "good", "pass", "fail"]
    assert set(release.inspection_standards) == {"CL-LB-01", "CL-OD-01", "SE-FC-01"}


def test_chain_of_bases_is_followed_and_the_nearest_file_counts(folder: Path):
    third = add(folder, "2017-01", SECOND, "2017-01-01")
    (third / "catalogue").mkdir()
    shutil.copy(folder / SECOND / "catalogue/security.yml", third / "catalogue/security.yml")
    edit(
        folder,
        "catalogue/security",
        lambda c: c["standards"]["SE-FC-01"].update(check_every_days=14),
        "2017-01",
    )
    release = standards.read(folder)[2]
    assert release.files["calendars"] == folder / BASE / "calendars.yml"
    assert release.files["catalogue/cleaning"] == folder / SECOND / "catalogue/cleaning.yml"
    assert release.inspection_standards["SE-FC-01"].check_every_days == 14
    assert second(folder).inspection_standards["SE-FC-01"].check_every_days == 7


def test_content_hash_covers_what_is_taken_over(folder: Path):
    before = second(folder)
    edit(folder, "grades", lambda c: c["grades"]["good"].update(coefficient=1.1), BASE)
    after = second(folder)
    assert before.content_sha256 != after.content_sha256
    assert {part for part in before.files if before.file_sha256[part] != after.file_sha256[part]} == {
        "grades"
    }


def test_unknown_base_is_refused_with_the_choice(folder: Path):
    edit(folder, "release", lambda c: c.update(based_on="2014-01"))
    assert f"{SECOND}/release.yml: based_on: no release '2014-01'; the releases are" in only_problem(folder)


def test_bases_that_go_round_are_refused(folder: Path):
    edit(folder, "release", lambda c: c.update(based_on=SECOND), BASE)
    assert any("based_on: goes round: 2015-01 → 2016-01 → 2015-01" in told for told in problems_in(folder))


def test_base_that_comes_later_is_refused(folder: Path):
    edit(folder, "release", lambda c: c.update(effective_from="2014-01-01"))
    told = only_problem(folder)
    assert "based_on: 2015-01 does not come into force before 2014-01-01" in told


def test_mistake_in_a_base_is_told_once(folder: Path):
    edit(folder, "grades", lambda c: c["grades"]["fail"].update(minimum_score=10), BASE)
    assert f"{BASE}/grades.yml" in only_problem(folder)


def test_base_file_that_does_not_fit_the_release_names_both(folder: Path):
    (folder / SECOND / "indicators.yml").unlink()
    edit(folder, "release", lambda c: c["project_grades"].pop("C"))
    told = problems_in(folder)
    assert told
    assert all(f"{BASE}/indicators.yml" in one and f"as {SECOND} takes it over" in one for one in told[:-1])


def test_file_that_is_no_part_of_a_release_is_refused(folder: Path):
    (folder / SECOND / "services.yml").write_text("{}", encoding="utf-8")
    assert "services.yml: no file of a release; rename it to one of release.yml" in only_problem(folder)


def test_folder_without_a_head_is_refused(folder: Path):
    (folder / SECOND / "release.yml").unlink()
    assert f"{SECOND}/release.yml: missing" in only_problem(folder)


def test_one_release_instead_of_their_folder_is_explained(folder: Path):
    assert problems_in(folder / BASE) == [
        f"{folder / BASE}: is one release; name the folder that holds it, {folder}"
    ]


def test_functions_paths_and_weights_are_resolved(folder: Path):
    release = second(folder)
    assert release.category_path("lobby") == ("cleaning", "indoor", "lobby")
    assert release.categories["lobby"].function == "cleaning"
    assert release.inspection_standards["CL-LB-01"].weight == 3
    assert release.inspection_standards["CL-OD-01"].weight == 2
    assert not release.inspection_standards["CL-LB-01"].veto
    assert release.service_standards["SV-IN-01"].at_most is None
    assert {"IND-pass_rate", "SV-IN-01", "DS-TK-01", "CL-LB-01"} <= release.standard_codes


CATALOGUE_MISTAKES: list[tuple[Change, str]] = [
    (
        lambda c: c["categories"]["lobby"].update(parent="attic"),
        "categories.lobby.parent: no category 'attic'; those known are cleaning, indoor",
    ),
    (
        lambda c: c["categories"]["cleaning"].pop("function"),
        "categories.cleaning.function: whose work is it?",
    ),
    (
        lambda c: c["standards"]["CL-LB-01"].update(category="indoor"),
        "standards.CL-LB-01.category: indoor has categories below it; choose one of lobby",
    ),
    (
        lambda c: c["standards"]["CL-LB-01"].update(category="roof"),
        "standards.CL-LB-01.category: no category 'roof'",
    ),
    (
        lambda c: c["standards"]["CL-OD-01"]["scoring"].pop("per_finding"),
        "standards.CL-OD-01.scoring: add per_finding",
    ),
    (
        lambda c: c["standards"]["CL-OD-01"]["scoring"].update(per_finding=6),
        "standards.CL-OD-01.scoring.per_finding: 6 is more than the full score of 5",
    ),
    (
        lambda c: c["standards"]["CL-LB-01"]["scoring"].update(per_finding=1),
        "standards.CL-LB-01.scoring.per_finding: does not belong to pass_fail",
    ),
    (
        lambda c: c["standards"]["CL-LB-01"].update(applies_to={"project_grades": ["A", "D"]}),
        "standards.CL-LB-01.applies_to.project_grades: D is not among the project_grades",
    ),
    (
        lambda c: c["standards"]["CL-LB-01"].update(severity="grave"),
        "standards.CL-LB-01.severity: 'grave' is not one of minor, ordinary, serious, major",
    ),
    (lambda c: c["standards"]["CL-LB-01"].update(weight=0), "standards.CL-LB-01.weight: 0 is less than"),
    (lambda c: c["standards"]["CL-LB-01"]["names"].pop("en"), "standards.CL-LB-01.names: add en"),
]


@pytest.mark.parametrize(("change", "told"), CATALOGUE_MISTAKES, ids=[told for _, told in CATALOGUE_MISTAKES])
def test_mistake_in_the_catalogue_names_its_place(folder: Path, change: Change, told: str):
    edit(folder, "catalogue/cleaning", change)
    assert f"{SECOND}/catalogue/cleaning.yml: {told}" in only_problem(folder)


def test_categories_that_go_round_are_refused(folder: Path):
    edit(folder, "catalogue/cleaning", lambda c: c["categories"]["indoor"].update(parent="lobby"))
    told = problems_in(folder)
    assert any("categories.lobby.parent: goes round: lobby → indoor → lobby" in one for one in told)


@pytest.mark.parametrize("section", ["categories", "standards"])
def test_code_that_stands_in_two_files_is_refused(folder: Path, section: str):
    code = {"categories": "lobby", "standards": "CL-LB-01"}[section]
    taken: dict[str, Any] = {}
    edit(folder, "catalogue/cleaning", lambda c: taken.update(c[section]))
    edit(folder, "catalogue/security", lambda c: c[section].update({code: taken[code]}))
    told = only_problem(folder)
    assert f"catalogue/security.yml: {section}.{code}: the code is taken by {section}.{code} in" in told
    assert "catalogue/cleaning.yml" in told


EXPECTED_MISTAKES: list[tuple[str, Change, str]] = [
    (
        "data",
        lambda c: c["data_standards"]["DS-TK-01"].update(suite="staged_tikets"),
        "data_standards.DS-TK-01.suite: no suite 'staged_tikets'",
    ),
    (
        "data",
        lambda c: c["data_standards"]["DS-TK-01"]["expectation"].update(type="expect_the_best"),
        "data_standards.DS-TK-01.expectation.type: Great Expectations has no 'expect_the_best'",
    ),
    (
        "service",
        lambda c: c["service_standards"]["SV-IN-01"].update(suite="gates"),
        "service_standards.SV-IN-01.suite: no suite 'gates'",
    ),
    (
        "service",
        lambda c: c["service_standards"]["SV-IN-01"].update(accountable="gardeners"),
        "service_standards.SV-IN-01.accountable: 'gardeners' is not one of customer_service, security",
    ),
    (
        "service",
        lambda c: c["service_standards"]["SV-IN-01"].update(at_most=2),
        "service_standards.SV-IN-01: name at_least or at_most: one of them",
    ),
    (
        "indicators",
        lambda c: c["indicators"]["pass_rate"]["filters"].update(standard_category=["cleening"]),
        "indicators.pass_rate.filters.standard_category: no standard_category 'cleening'; those known are",
    ),
    (
        "indicators",
        lambda c: c["indicators"]["pass_rate"].update(filters={"inspection_type": ["hourly"]}),
        "indicators.pass_rate.filters.inspection_type: no inspection_type 'hourly'; those known are daily",
    ),
    (
        "indicators",
        lambda c: c["indicators"]["repeats"].update(
            nonconformity={
                "below": "floor",
                "severity": "minor",
                "accountable": "repair",
                "rectify_within_days": 1,
            }
        ),
        "indicators.repeats.nonconformity: worse than what? give project_grades A, B, C",
    ),
    (
        "indicators",
        lambda c: c["indicators"]["repeats"].pop("points_per_event"),
        "indicators.repeats: add points_per_event",
    ),
    (
        "indicators",
        lambda c: c["indicators"]["repeats"].update(direction="higher"),
        "indicators.repeats.direction: every event of a deduction is one too many",
    ),
    (
        "indicators",
        lambda c: c["indicators"]["pass_rate"]["project_grades"]["A"].pop("floor"),
        "indicators.pass_rate.project_grades.A: add floor",
    ),
    (
        "sla",
        lambda c: c["policies"]["repair"]["applies_to"].update(project_grades=["A", "D"]),
        "policies.repair.applies_to.project_grades: no project grade 'D'; choose one of A, B, C",
    ),
    (
        "sla",
        lambda c: c["policies"]["repair"]["applies_to"].update(channels=["pigeon"]),
        "policies.repair.applies_to.channels: no channel 'pigeon'; choose one of phone, app, web",
    ),
    (
        "sla",
        lambda c: c["policies"]["other"]["names"].update(en="Repairs"),
        "policies.other.names.en: 'Repairs' is the name of repair too; give it another",
    ),
    (
        "sla",
        lambda c: c["policies"]["repair"]["applies_to"].update(is_emergency=True),
        "policies.repair: never applies, because emergency stands before it and takes every ticket that it could; "
        "put repair first, or narrow emergency",
    ),
    (
        "sla",
        lambda c: c["policies"]["repair"].pop("applies_to"),
        "policies.other: never applies, because repair stands before it",
    ),
    (
        "sla",
        lambda c: c["policies"]["other"]["targets"]["acknowledge"].update(clock="lunar"),
        "policies.other.targets.acknowledge.clock: 'lunar' is not one of calendar, service",
    ),
    (
        "sla",
        lambda c: c["policies"]["other"]["targets"]["acknowledge"].update(minutes=0),
        "policies.other.targets.acknowledge.minutes: 0 is less than",
    ),
    (
        "sla",
        lambda c: c["policies"]["repair"]["targets"]["complete"].update(paused_in=["asleep"]),
        "policies.repair.targets.complete.paused_in.0: 'asleep' is not one of open, assigned, in_progress",
    ),
    (
        "sla",
        lambda c: c["policies"]["emergency"]["targets"]["call_back"].update(paused_in=["open"]),
        "policies.emergency.targets.call_back",
    ),
    (
        "sla",
        lambda c: c["policies"]["other"].update(applies_to={}),
        "policies.other.applies_to",
    ),
]


@pytest.mark.parametrize(
    ("part", "change", "told"), EXPECTED_MISTAKES, ids=[told for _, _, told in EXPECTED_MISTAKES]
)
def test_mistake_in_what_is_expected_names_its_place(folder: Path, part: str, change: Change, told: str):
    edit(folder, part, change)
    assert f"{SECOND}/{part}.yml: {told}" in only_problem(folder)


def test_veto_has_no_weight(folder: Path):
    edit(
        folder,
        "indicators",
        lambda c: c["indicators"]["vetoes"]["project_grades"]["B"].update(weight=5),
    )
    told = problems_in(folder)
    assert any("vetoes.project_grades.B.weight: a veto has no share in the score" in one for one in told)


def test_codes_used_elsewhere_must_exist(folder: Path, tmp_path: Path):
    root = tmp_path / "root"
    suites = root / "expectations/suites"
    suites.mkdir(parents=True)
    content = {"expectations": [{"standard_code": "DS-TK-01"}, {"standard_code": "DS-TK-99"}, {"type": "x"}]}
    (suites / "staged_tickets.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    seeds = root / "dbt_project/seeds"
    seeds.mkdir(parents=True)
    (seeds / "scores.csv").write_text("standard_code,score\nCL-LB-01,3\nCL-LB-77,3\n", encoding="utf-8")
    (seeds / "other.csv").write_text("code\nCL-LB-78\n", encoding="utf-8")
    sites = tmp_path / "sites"
    sites.mkdir()
    (sites / "app.yml").write_text(SITE, encoding="utf-8")
    told = used_code_problems(standards.read(folder), root, sites)
    assert [one.split("no standard")[0] for one in told] == [
        f"{suites}/staged_tickets.yml: expectations, number 2: standard_code: ",
        f"{seeds}/scores.csv: line 3: standard_code: ",
        f"{sites}/app.yml: entities.inspection_item.fields.standard_code: code of '大堂二': ",
    ]
    assert told[0].endswith(
        "'DS-TK-99' in any release (2015-01, 2016-01); correct the code or add the standard"
    )


SITE = """
kind: site
source_id: app
names: {zh: 检查, en: Inspections}
connector: files
time_zone: Asia/Shanghai
valid_from: 2026-01-01
entities:
  inspection_item:
    folder: {data: .}
    files: "items_{month:%Y-%m}.csv"
    encoding: utf-8
    delimiter: ","
    header_row: 1
    fields:
      source_inspection_item_id: id
      source_inspection_id: inspection
      project_id: project
      checked_at: {column: at, format: "%Y-%m-%d %H:%M"}
      standard_code: {column: item, codes: {大堂一: CL-LB-01, 大堂二: CL-LB-09}}
      result: result
"""


def test_shapes_name_only_codes_of_the_contracts():
    shapes = schema()["$defs"]

    def contract(entity: str, field: str) -> set[str]:
        path = project_root() / f"expectations/contracts/{entity}.yml"
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))["fields"]
        return set(next(one["vocabulary"] for one in fields if one["name"] == field))

    standard = shapes["inspection_standard"]["properties"]
    limits = standard["applies_to"]["properties"]
    assert set(shapes["function"]["enum"]) == contract("post", "post_function") - {"other"}
    assert set(shapes["severity"]["enum"]) == contract("rectification", "severity")
    assert set(standard["inspected"]["items"]["enum"]) == contract("inspection", "inspection_type")
    assert set(limits["project_types"]["items"]["enum"]) == contract("project", "project_type")


def test_every_shipped_catalogue_part_is_read():
    release = standards.read(project_root() / "expectations/standards")[-1]
    parts = sorted(path.stem for path in (release.folder / "catalogue").glob("*.yml"))
    assert parts
    assert set(parts) <= {part.removeprefix(CATALOGUE) for part in release.catalogue_parts}
    assert len(release.inspection_standards) >= 150


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("indicators", "pass_rate"),
        ("inspection", "CL-LB-01"),
        ("data", "DS-TK-01"),
        ("service", "IND-pass_rate"),
        ("sla", "call_back"),
    ],
)
def test_show_lists_one_kind(folder: Path, kind: str, code: str):
    arguments = ["standards", "show", "2016-02-01", "--kind", kind, "--folder", str(folder)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert code in result.output
    assert result.output.splitlines()[0].startswith("standards_release,")


def test_service_levels_are_read_in_their_order(folder: Path):
    policies = second(folder).sla_policies
    assert list(policies) == ["emergency", "repair", "other"]
    assert list(policies["emergency"].targets) == ["attend", "call_back"]
    assert policies["repair"].targets["complete"] == standards.SlaTarget(
        "complete", 480, "service", ("waiting_owner", "waiting_parts")
    )
    assert policies["other"].applies_to == {}


def test_policy_that_only_overlaps_with_one_before_it_is_in_order(folder: Path):
    edit(
        folder, "sla", lambda c: c["policies"]["emergency"].update(applies_to={"channels": ["phone", "web"]})
    )
    assert problems_in(folder) == []


def test_show_tells_whom_a_service_level_is_promised_to(folder: Path):
    shown = standards.show(folder, date(2016, 2, 1), "zh-Hans", "sla")
    assert [(row["policy"], row["target"]) for row in shown] == [
        ("emergency", "attend"),
        ("emergency", "call_back"),
        ("repair", "complete"),
        ("other", "acknowledge"),
    ]
    assert shown[0] | {"name": "应急", "applies_to": "is_emergency true", "minutes": 30} == shown[0]
    assert shown[2]["applies_to"] == (
        "service_items 0104; service_groups repair; priorities 急; project_grades A B; channels phone app"
    )
    assert shown[2]["paused_in"] == "waiting_owner waiting_parts"
    assert shown[3]["applies_to"] == ""


def test_statuses_and_channels_of_service_levels_are_those_of_the_contracts():
    shapes = schema()["$defs"]
    path = project_root() / "expectations/contracts/ticket_event.yml"
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))["fields"]
    statuses = next(one["vocabulary"] for one in fields if one["name"] == "status_after")
    assert shapes["sla_target"]["properties"]["paused_in"]["items"]["enum"] == [
        status for status in statuses if status != "cancelled"
    ]


def test_check_counts_what_it_found(folder: Path):
    edit(folder, "grades", lambda c: c["grades"]["fail"].update(minimum_score=10), BASE)
    result = CliRunner().invoke(app, ["standards", "check", str(folder)])
    assert result.exit_code == 1
    assert "yardstick: 1 problem in" in result.output
