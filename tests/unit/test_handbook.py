"""The handbook says what the release says, in both languages, and is the same every time."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import Any

import openpyxl
import pytest

from yardstick import handbook, standards
from yardstick.handbook import content
from yardstick.handbook.words import LANGUAGES, Words, texts
from yardstick.settings import project_root
from yardstick.standards import DataStandard, Release, ServiceStandard
from yardstick.standards.words import short

RELEASES = standards.read(project_root() / "expectations/standards")
TEXT = {"zh": "=cmd|' /C calc'!A0", "en": "=cmd|' /C calc'!A0"}


@pytest.fixture(scope="module")
def release() -> Release:
    """The latest release, with a data and a service standard of each kind, made up where it has none."""
    latest = RELEASES[-1]
    data = DataStandard(
        "DS-ZZ-99", "staged_tickets", "range", "blocking", TEXT, {"type": "x", "kwargs": {}}, TEXT, TEXT
    )
    service = ServiceStandard(
        "SV-ZZ-99", "s", "c", TEXT, TEXT, {}, "share", 0.95, None, "serious", "management", 5, TEXT, TEXT
    )
    return replace(
        latest,
        data_standards={**latest.data_standards, "DS-ZZ-99": data},
        service_standards={**latest.service_standards, "SV-ZZ-99": service},
    )


@pytest.fixture(scope="module")
def files(release: Release) -> dict[str, bytes]:
    return handbook.render(release, RELEASES[0])


def page(files: dict[str, bytes], code: str) -> str:
    return next(body.decode() for name, body in files.items() if name.endswith(f".{short(code)}.html"))


def sheets(files: dict[str, bytes], code: str) -> openpyxl.Workbook:
    body = next(body for name, body in files.items() if name.endswith(f".{short(code)}.xlsx"))
    return openpyxl.load_workbook(io.BytesIO(body))


class Outline(HTMLParser):
    """Headings, ids, links and words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.attributes.append((tag, found))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))


def test_same_release_gives_the_same_bytes(release: Release, files: dict[str, bytes]) -> None:
    assert len(files) == 2 * len(LANGUAGES)
    assert handbook.render(release, RELEASES[0]) == files


def test_what_changed_since_the_release_before_is_told(release: Release, files: dict[str, bytes]) -> None:
    body = page(files, "en")
    assert f"Since {RELEASES[0].standards_release}, in force from 1 January 2015" in body
    assert f"{len(release.inspection_standards)} are new" in body
    sheet = sheets(files, "en")[texts("en")["sheets"]["changes"]]
    assert sheet.max_row > 4 + len(release.inspection_standards)


def test_first_release_has_a_handbook_too() -> None:
    body = page(handbook.render(RELEASES[0]), "en")
    assert texts("en")["changes_first"] in body
    assert "ticket_on_time" in body


@pytest.mark.parametrize("code", LANGUAGES)
def test_page_tells_every_standard_of_the_release(
    release: Release, files: dict[str, bytes], code: str
) -> None:
    outline = Outline(page(files, code))
    assert len(release.inspection_standards) > 150
    wanted = [*release.inspection_standards, *release.data_standards, *release.service_standards]
    wanted += release.indicators
    assert set(wanted) <= set(outline.ids)
    assert {code for code in release.standard_codes if code.startswith("IND-")} <= set(outline.ids)
    assert len(release.sla_policies) > 3
    assert {f"sla-{policy}" for policy in release.sla_policies} <= set(outline.ids)


@pytest.mark.parametrize("code", LANGUAGES)
def test_page_is_readable_without_eyes(files: dict[str, bytes], code: str) -> None:
    outline = Outline(page(files, code))
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(
        below - above <= 1 for above, below in zip(outline.headings, outline.headings[1:], strict=False)
    )
    assert len(outline.ids) == len(set(outline.ids))
    tags = dict.fromkeys(tag for tag, _ in outline.attributes)
    assert {"nav", "main", "table", "th"} <= set(tags)
    assert all(found.get("scope") for tag, found in outline.attributes if tag == "th")
    assert all(found.get("aria-label") for tag, found in outline.attributes if tag == "svg")
    assert outline.attributes[0] == ("html", {"lang": code})


@pytest.mark.parametrize("code", LANGUAGES)
def test_page_asks_for_nothing_from_elsewhere_and_every_link_leads_somewhere(
    files: dict[str, bytes], code: str
) -> None:
    text = page(files, code)
    outline = Outline(text)
    assert outline.links
    for link in outline.links:
        assert link[1:] in outline.ids if link.startswith("#") else link in files
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|<img|<link", text)


@pytest.mark.parametrize("code", LANGUAGES)
def test_page_and_workbook_are_in_one_language(files: dict[str, bytes], code: str) -> None:
    text = re.sub(r"<style>.*?</style>|<nav class=\"tongues\">.*?</nav>", "", page(files, code), flags=re.S)
    # Codes of the sources are as they are delivered.
    words = re.sub(r"<code>.*?</code>|<[^>]*>", " ", text)
    if code == "en":
        assert not re.search("[\u4e00-\u9fff]", words)
    else:
        assert texts("en")["check"] not in words
        assert re.search("[\u4e00-\u9fff]", words)


@pytest.mark.parametrize("code", LANGUAGES)
def test_workbook_has_its_sheets_with_filters_frozen_heads_and_no_formula(
    release: Release, files: dict[str, bytes], code: str
) -> None:
    book = sheets(files, code)
    assert book.sheetnames == list(texts(code)["sheets"].values())
    rows = {
        "inspection": len(release.inspection_standards),
        "indicators": sum(len(one["project_grades"]) for one in release.indicators.values()),
        "grades": len(release.grades),
        "data": len(release.data_standards),
        "service": len(content.service_rules(Words(code, release))),
        "sla": sum(len(one.targets) for one in release.sla_policies.values()),
    }
    for key, count in rows.items():
        sheet = book[texts(code)["sheets"][key]]
        assert sheet.max_row == 4 + count
        assert sheet.freeze_panes
        assert sheet.auto_filter.ref
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert any(cell.value == TEXT["en"] for cell in cells)
    assert not [cell for cell in cells if cell.data_type == "f"]


def test_service_levels_are_told_with_whom_they_are_promised_to(release: Release) -> None:
    told = {level.policy: level for level in content.service_levels(Words("en", release))}
    assert told["emergency"].asked == [("emergencies", None)]
    assert ("be on site", 30, "the clock", "") in told["emergency"].targets
    assert told["urgent_repair"].asked[0] == ("service groups", ["repair", "equipment"])
    assert list(told)[-1] == "other"
    assert told["other"].asked == [("every other ticket", None)]
    applies_to = {"is_emergency": False, "channels": ["app"], "project_grades": ["A"]}
    narrow = replace(release.sla_policies["other"], applies_to=applies_to)
    chinese = Words("zh-Hans", replace(release, sla_policies={"other": narrow}))
    assert content.service_levels(chinese)[0].asked == [
        ("非应急", None),
        ("受理渠道", ["业主APP"]),
        ("服务等级", ["一级服务"]),
    ]


def test_workbook_numbers_are_numbers(release: Release, files: dict[str, bytes]) -> None:
    sheet = sheets(files, "en")["Indicators"]
    head = [cell.value for cell in sheet[4]]
    row = next(row for row in sheet.iter_rows(min_row=5) if row[0].value == "ticket_on_time")
    target = release.indicators["ticket_on_time"]["project_grades"]["A"]
    assert row[head.index("Full points")].value == target["target"]
    assert row[head.index("Full points")].number_format == "0.0%"
    assert row[head.index("Weight")].value == target["weight"]


def test_a_changed_target_changes_both_files_and_nothing_else_has_to_be_touched(release: Release) -> None:
    changed = json.loads(json.dumps(dict(release.indicators)))
    changed["ticket_on_time"]["project_grades"]["A"]["target"] = 0.9765
    before, after = handbook.render(release), handbook.render(replace(release, indicators=changed))
    assert all(before[name] != after[name] for name in before)
    assert "97.65%" in page(after, "en")
    assert "97.65%" in page(after, "zh-Hans")


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_measure_code_and_label_of_the_releases_has_words(code: str) -> None:
    known = texts(code)
    for release in RELEASES:
        for one in release.indicators.values():
            for role in ("numerator", "denominator", "histogram"):
                assert one.get(role) is None or one[role] in known["measures"], one[role]
            assert set(one.get("filters", {})) <= set(known["filters"])
            assert one["reform_part"] in known["reform_parts"]
            assert one["unit"] in known["units"]


def test_both_languages_have_the_same_messages_and_the_vocabularies_of_the_schema() -> None:
    def keys(value: Any, at: str = "") -> set[str]:
        if isinstance(value, dict) and not set(value) <= {"one", "other"}:
            return {key for name, inner in value.items() for key in keys(inner, f"{at}.{name}")}
        return {at}

    assert keys(texts("en")) == keys(texts("zh-Hans"))
    path = project_root() / "expectations/standards/schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))["$defs"]
    standard = schema["inspection_standard"]["properties"]
    applies = standard["applies_to"]["properties"]
    data = schema["data"]["properties"]["data_standards"]["additionalProperties"]["properties"]
    for group, codes in {
        "functions": schema["function"]["enum"],
        "severities": schema["severity"]["enum"],
        "evidence_kinds": standard["evidence"]["items"]["enum"],
        "inspection_types": standard["inspected"]["items"]["enum"],
        "type_letters": standard["inspected"]["items"]["enum"],
        "project_types": applies["project_types"]["items"]["enum"],
        "facilities": applies["facilities"]["items"]["enum"],
        "dimensions": data["dimension"]["enum"],
        "sla_targets": schema["sla_policy"]["properties"]["targets"]["properties"],
        "clocks": schema["sla_clock"]["enum"],
        "statuses": schema["sla_target"]["properties"]["paused_in"]["items"]["enum"],
    }.items():
        assert set(texts("en")[group]) == set(codes)


def test_points_are_said_with_the_numbers_of_the_grade(release: Release) -> None:
    words = Words("en", release)
    indicator = {"scoring": "linear", "unit": "ratio", "direction": "higher", "project_grades": {}}
    said = words.points(indicator, {"zero": 0.5, "floor": 0.9, "target": 0.98})
    assert "98% or better brings 100 points, 90% brings 60 (just passed), 50% or worse none" in said
    assert said.endswith("At 94% that is 80 points.")
    bands = {
        "scoring": "bands",
        "unit": "days",
        "bands": [{"value": 7, "points": 60}, {"value": 2, "points": 100}],
    }
    assert words.points(bands, {}).startswith("Points by band: 2 days or better 100; 7 days or better 60")
    assert "less 5 for each event" in words.points(
        {"scoring": "deduction", "unit": "count", "points_per_event": 5}, {}
    )
    assert "(Fail)" in words.points({"scoring": "veto", "unit": "count"}, {})


def test_files_are_written_whole_under_the_release(release: Release, tmp_path: Any) -> None:
    written = handbook.write(tmp_path / "standards/x", release)
    assert {path.name for path in written} == set(handbook.render(release))
    assert sorted(path.name for path in (tmp_path / "standards/x").iterdir()) == sorted(
        p.name for p in written
    )
    assert release.effective_from > date(2015, 1, 1)
