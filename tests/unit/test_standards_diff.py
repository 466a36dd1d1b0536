"""The difference of two standards releases tells everything that changed, in words."""

from __future__ import annotations

import copy
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.small_standards import SECOND, edit, write
from typer.testing import CliRunner

from yardstick import standards
from yardstick.cli import app
from yardstick.standards.diff_words import GROUPS, _texts
from yardstick.standards.files import schema

Place = tuple[str, ...]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two releases, the second one with everything a release can hold."""
    return write(tmp_path / "standards")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> standards.Release:
    return standards.read(write(tmp_path_factory.mktemp("diff")))[1]


def changed(release: standards.Release, content: dict[str, Any]) -> standards.Release:
    return replace(release, content=content, content_sha256="other")


def leaves(node: Any, place: Place = ()) -> list[Place]:
    if isinstance(node, dict):
        return [found for key, value in node.items() for found in leaves(value, (*place, key))]
    return [place]


def altered(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, list):
        return [*value, copy.deepcopy(value[0])]
    return f"{value}x"


def code_of(place: Place) -> str:
    """The code of the thing a leaf belongs to: part, section, code, field..."""
    part, section, *rest = place
    if part == "release" or (part == "calendars" and section != "calendars"):
        return ".".join(place[1:])
    return rest[0]


@given(data=st.data())
@settings(deadline=None, max_examples=200)
def test_any_altered_or_missing_leaf_is_told_with_its_code(release: standards.Release, data: st.DataObject):
    place = data.draw(st.sampled_from(leaves(release.content)))
    content = copy.deepcopy(dict(release.content))
    node = content
    for step in place[:-1]:
        node = node[step]
    if data.draw(st.booleans()):
        node[place[-1]] = altered(node[place[-1]])
    else:
        del node[place[-1]]
    after = changed(release, content)
    for before, now in ((release, after), (after, release)):
        for language in ("en", "zh-Hans"):
            changes = standards.diff(before, now, language)
            assert [change.code for change in changes] == [code_of(place)]
            assert changes[0].what


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_any_thing_added_or_taken_away_is_told(release: standards.Release, data: st.DataObject):
    things = sorted(
        {place[:3] for place in leaves(release.content) if place[0] != "release" and len(place) > 3}
    )
    part, section, code = data.draw(st.sampled_from(things))
    if (part, section) == ("calendars", "years"):
        return
    content = copy.deepcopy(dict(release.content))
    del content[part][section][code]
    less = changed(release, content)
    removed = [change for change in standards.diff(release, less) if change.code == code]
    added = [change for change in standards.diff(less, release) if change.code == code]
    assert [change.kind for change in removed] == ["removed"]
    assert [change.kind for change in added] == ["added"]


def test_every_group_has_something_to_alter(release: standards.Release):
    altered_groups = set()
    for place in leaves(release.content):
        content = copy.deepcopy(dict(release.content))
        node = content
        for step in place[:-1]:
            node = node[step]
        node[place[-1]] = altered(node[place[-1]])
        altered_groups |= {change.group for change in standards.diff(release, changed(release, content))}
    assert altered_groups == set(GROUPS)


def test_release_equals_itself(release: standards.Release):
    assert standards.diff(release, release) == []
    assert standards.told(release, release) == [f"{SECOND} and {SECOND} say the same"]


def after_edit(folder: Path, part: str, change: Any) -> list[standards.Change]:
    before = standards.read(folder)[1]
    edit(folder, part, change)
    return standards.diff(before, standards.read(folder)[1])


@pytest.mark.parametrize(
    ("part", "change", "told"),
    [
        (
            "indicators",
            lambda c: c["indicators"]["pass_rate"]["project_grades"]["A"].update(target=0.97),
            ("pass_rate", "target for grade A: 98% → 97%"),
        ),
        (
            "indicators",
            lambda c: c["indicators"]["close_time"]["project_grades"]["B"].update(floor=72),
            ("close_time", "floor for grade B: 60 service hours → 72 service hours"),
        ),
        (
            "indicators",
            lambda c: c["indicators"]["close_time"]["bands"][0].update(value=20),
            (
                "close_time",
                "bands: 24 service hours: 100 points, 48 service hours: 60 points → "
                "20 service hours: 100 points, 48 service hours: 60 points",
            ),
        ),
        (
            "catalogue/cleaning",
            lambda c: c["categories"]["lobby"].update(parent="outdoor"),
            ("lobby", "moves from under Cleaning › Indoor to under Cleaning › Outdoor"),
        ),
        (
            "catalogue/cleaning",
            lambda c: c["standards"]["CL-LB-01"].update(severity="serious"),
            ("CL-LB-01", "severity: ordinary → serious"),
        ),
        (
            "catalogue/cleaning",
            lambda c: c["standards"]["CL-LB-01"].update(veto=True),
            ("CL-LB-01", "veto: new, yes"),
        ),
        (
            "catalogue/cleaning",
            lambda c: c["standards"]["CL-OD-01"].pop("weight"),
            ("CL-OD-01", "weight: was 2, is left out"),
        ),
        (
            "catalogue/cleaning",
            lambda c: c["standards"]["CL-LB-01"]["requirement"].update(en="No stains, no litter"),
            ("CL-LB-01", "requirement (English): “The floor has no stains” → “No stains, no litter”"),
        ),
        (
            "service",
            lambda c: c["service_standards"]["SV-IN-01"].update(at_least=0.9),
            ("SV-IN-01", "at least: 1 → 0.9"),
        ),
        (
            "data",
            lambda c: c["data_standards"]["DS-TK-01"]["expectation"]["kwargs"].update(mostly=0.99),
            ("DS-TK-01", "expectation, arguments, mostly: new, 0.99"),
        ),
        (
            "sla",
            lambda c: c["policies"]["repair"]["targets"]["complete"].update(minutes=720),
            ("repair", "promised, to complete, minutes: 480 → 720"),
        ),
        (
            "sla",
            lambda c: c["policies"]["repair"]["targets"]["complete"].update(clock="calendar"),
            ("repair", "promised, to complete, clock: service minutes → calendar minutes"),
        ),
        (
            "sla",
            lambda c: c["policies"]["repair"]["targets"]["complete"].update(paused_in=["waiting_owner"]),
            (
                "repair",
                "promised, to complete, does not count while: "
                "waiting for the owner, waiting for parts → waiting for the owner",
            ),
        ),
        (
            "sla",
            lambda c: c["policies"]["repair"]["applies_to"].update(channels=["phone", "system"]),
            ("repair", "applies to, channels: phone, app → phone, alarm"),
        ),
        (
            "release",
            lambda c: c["scoring"]["inspection_grace_days"].update(monthly=5),
            ("scoring.inspection_grace_days.monthly", "days of grace of inspections, monthly: 3 → 5"),
        ),
        (
            "release",
            lambda c: c["complaints"].update(repeat_within_days=45),
            (
                "complaints.repeat_within_days",
                "days within which a complaint is a repeated one: 30 → 45",
            ),
        ),
        (
            "release",
            lambda c: c["staffing"].update(late_grace_minutes=10),
            ("staffing.late_grace_minutes", "attendance, minutes of grace of coming: 5 → 10"),
        ),
    ],
)
def test_change_is_told_in_words(folder: Path, part: str, change: Any, told: tuple[str, str]):
    if told[0] == "lobby":  # where it moves to must not hold standards itself
        edit(folder, part, lambda c: c["standards"].pop("CL-OD-01"))
    changes = after_edit(folder, part, change)
    assert [(one.code, one.what) for one in changes] == [told]


def test_new_service_levels_are_told_with_what_they_promise(folder: Path):
    after = standards.read(folder)[1]
    content = {part: of for part, of in after.content.items() if part != "sla"}
    before = changed(after, content)
    told = {
        language: [one.what for one in standards.diff(before, after, language)]
        for language in ("en", "zh-Hans")
    }
    assert told["en"][:2] == [
        "added: Emergencies (to be on site 30 calendar minutes, to call back 1440 calendar minutes)",
        "added: Repairs (to complete 480 service minutes)",
    ]
    assert told["zh-Hans"][0] == "新增：应急（到场 30 自然分钟、回访 1440 自然分钟）"
    edit(folder, "sla", lambda c: c["policies"]["other"]["targets"]["acknowledge"].update(clock="calendar"))
    changes = standards.diff(after, standards.read(folder)[1], "zh-Hans")
    assert [(one.code, one.name, one.what) for one in changes] == [
        ("other", "其他", "承诺·确认·计时：服务分钟 → 自然分钟")
    ]


def test_standard_filed_elsewhere_is_told(folder: Path):
    before = standards.read(folder)[1]
    moved: dict[str, Any] = {}
    edit(folder, "catalogue/security", lambda c: moved.update(c["standards"]) or c["standards"].clear())
    edit(folder, "catalogue/cleaning", lambda c: c["standards"].update(moved))
    changes = standards.diff(before, standards.read(folder)[1])
    assert [(one.code, one.what) for one in changes] == [
        ("SE-FC-01", "moves from catalogue/security.yml to catalogue/cleaning.yml")
    ]


def test_new_order_names_what_moved(folder: Path):
    def last_first(content: dict[str, Any]) -> None:
        indicators = content["indicators"]
        content["indicators"] = {"vetoes": indicators.pop("vetoes"), **indicators}

    changes = after_edit(folder, "indicators", last_first)
    assert [(one.code, one.what) for one in changes] == [("vetoes", "now stands first")]


def test_order_within_a_thing_is_told_when_nothing_else_changed(folder: Path):
    def turned(content: dict[str, Any]) -> None:
        names = content["standards"]["CL-LB-01"]["names"]
        content["standards"]["CL-LB-01"]["names"] = dict(reversed(names.items()))

    changes = after_edit(folder, "catalogue/cleaning", turned)
    assert [one.what for one in changes] == ["the same in another order: catalogue/cleaning"]


def test_command_tells_the_shipped_difference_in_both_languages(folder: Path):
    run = CliRunner().invoke
    english = run(app, ["standards", "diff", "2015-01", SECOND, "--folder", str(folder)])
    assert english.exit_code == 0, english.output
    assert "CL-LB-01  added: Lobby floor clean (Cleaning › Indoor › Lobby)" in english.output
    assert "reopen_rate  removed: Tickets reopened" in english.output
    chinese = run(app, ["standards", "diff", "2015-01", SECOND, "--folder", str(folder), "--lang", "zh-Hans"])
    assert chinese.exit_code == 0
    assert "CL-LB-01  新增：大堂地面洁净（保洁 › 室内 › 大堂）" in chinese.output


def test_command_names_the_known_releases_when_one_is_unknown(folder: Path):
    result = CliRunner().invoke(app, ["standards", "diff", "2015-01", "2031", "--folder", str(folder)])
    assert result.exit_code == 2
    assert "no release 2031 in" in result.output
    assert "there are 2015-01, 2016-01" in result.output


def test_one_file_of_the_base_changes_what_is_based_on_it(folder: Path):
    shutil.copytree(folder, folder.parent / "before")
    edit(folder, "grades", lambda c: c["grades"]["good"].update(coefficient=1.1), "2015-01")
    before, after = (standards.read(where)[1] for where in (folder.parent / "before", folder))
    assert [(one.code, one.what) for one in standards.diff(before, after)] == [
        ("good", "coefficient: 1 → 1.1")
    ]


def named(shape: Any) -> set[str]:
    """Every field that a schema names."""
    if isinstance(shape, list):
        return set().union(*map(named, shape))
    if not isinstance(shape, dict):
        return set()
    own = shape.get("properties")
    return set(own if isinstance(own, dict) else ()).union(*map(named, shape.values()))


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_every_field_of_a_release_has_a_name(language: str):
    lists = {"categories", "standards", "data_standards", "service_standards", "indicators", "grades"}
    fields = named(schema()) - lists
    assert {"target", "rectify_within_days", "sampling"} <= fields
    # Parents have a sentence of their own, values of bands theirs.
    assert fields - set(_texts(language)["fields"]) == {"parent", "value"}
