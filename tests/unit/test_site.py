"""Site files: read, checked, every problem told with its line and what to do."""

from __future__ import annotations

import copy
import re
import textwrap
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.delivery import site_content, write_site

from yardstick.contracts import load_contracts
from yardstick.settings import project_root
from yardstick.sources.pattern import FilePatternError, compile_pattern
from yardstick.sources.register import fingerprint
from yardstick.sources.site_file import SiteError, load_sites


def problems(tmp_path: Path, content: dict[str, Any]) -> list[str]:
    path = write_site(tmp_path, content)
    with pytest.raises(SiteError) as caught:
        load_sites(tmp_path)
    assert all(problem.startswith(f"{path}:") for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def with_field(name: str, mapping: Any) -> dict[str, Any]:
    content = site_content()
    content["entities"]["ticket"]["fields"][name] = mapping
    return content


def codes_file(name: str) -> dict[str, str]:
    return {"file": name, "value": "a", "code": "b"}


def test_shipped_sites_are_sound() -> None:
    sites = load_sites(project_root() / "sites")
    assert "boston_311" in [site.source_id for site in sites]
    simulated = load_sites(project_root() / "src/yardstick/simulator")
    assert {site.connector for site in simulated} == {"files", "rest", "database"}


def test_master_data_comes_before_what_refers_to_it() -> None:
    (site,) = load_sites(project_root() / "sites/boston_311")
    assert list(site.entities)[-1] == "ticket"
    assert len(site.entities) == 4


def test_boston_counts_every_neighbourhood_and_service_item() -> None:
    (site,) = load_sites(project_root() / "sites/boston_311")
    fields = site.entities["ticket"].fields
    assert len(fields["project_id"].codes) == 24
    assert fields["project_id"].codes[""] == "no_neighbourhood"
    assert fields["project_id"].null_values == ()  # an empty neighbourhood is a place, not an absence
    assert len(set(fields["service_item_id"].codes.values())) == 156
    assert fields["service_item_id"].codes["Disability / Call Log"] == "disability_call_log"


def test_misspelled_key_is_told_with_line_and_guess(tmp_path: Path) -> None:
    content = site_content(delimeter=";")
    (problem,) = problems(tmp_path, content)
    line = (tmp_path / "site.yml").read_text(encoding="utf-8").splitlines().index("    delimeter: ;") + 1
    assert problem == f"{line}: entities.ticket.delimeter: is not known here. Use 'delimiter'."


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    content = site_content(encoding="utf-9", files="../{month:%Y-%m}.csv")
    content["time_zone"] = "America/New_Yorck"
    content["entities"]["ticket"]["fields"]["opened"] = "X"
    del content["entities"]["ticket"]["fields"]["project_id"]
    told = "\n".join(problems(tmp_path, content))
    for expected in (
        "'utf-9' is not an encoding",
        "leaves its folder",
        "America/New_York",
        "'opened_at'",
        "project_id is missing",
    ):
        assert expected in told


@pytest.mark.parametrize(
    ("name", "mapping", "told"),
    [
        ("status", {"column": "State", "codes": {"Open": "opened"}}, "is not in the contract's vocabulary"),
        ("channel", {"constant": "fax"}, "is not in the contract's vocabulary"),
        ("channel", {"column": "A", "constant": "app"}, "exactly one of column, columns and constant"),
        ("channel", {}, "exactly one of column, columns and constant"),
        ("due_at", {"column": "Due", "format": "%d/%m"}, "needs a year, a month and a day"),
        ("due_at", {"column": "Due", "format": "%Y-%m-%d %Q"}, "%Q is not known"),
        ("due_at", {"column": "Due", "format": "%Y-%m-%d %I:%M"}, "%I and %p go together"),
        ("title", {"column": "Title", "format": "%Y-%m-%d"}, "only dates have a format"),
        ("opened_at", {"columns": ["Day", "Time"]}, "from exactly one column"),
        ("channel", {"column": "C", "codes_file": codes_file("../x.csv")}, "leaves the site's"),
        ("channel", {"column": "C", "codes_file": codes_file("x.csv")}, "cannot be read"),
    ],
)  # fmt: skip
def test_wrong_field_is_told(tmp_path: Path, name: str, mapping: Any, told: str) -> None:
    assert told in "\n".join(problems(tmp_path, with_field(name, mapping)))


def test_undated_master_data_needs_valid_from(tmp_path: Path) -> None:
    content = site_content()
    content["entities"]["org_unit"] = {
        "folder": {"site": "."},
        "files": "units.csv",
        "fields": {"org_unit_id": "id", "org_unit_name_en": "name"},
    }
    write_site(tmp_path, content)
    assert load_sites(tmp_path)[0].valid_from == date(2015, 1, 1)
    del content["valid_from"]
    assert "Add valid_from" in problems(tmp_path, content)[0]


def test_yaml_words_stay_text(tmp_path: Path) -> None:
    text = write_site(tmp_path, site_content()).read_text(encoding="utf-8")
    text = text.replace(
        "Open: open", "no: open\n          012: closed\n          NA: open\n          on: closed"
    )
    (tmp_path / "site.yml").write_text(text, encoding="utf-8")
    codes = load_sites(tmp_path)[0].entities["ticket"].fields["status"].codes
    assert codes == {"no": "open", "012": "closed", "NA": "open", "on": "closed", "Closed": "closed"}


def test_key_that_stands_twice_is_told(tmp_path: Path) -> None:
    path = write_site(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + "source_id: other\n", encoding="utf-8")
    with pytest.raises(SiteError, match="stands twice"):
        load_sites(tmp_path)


def test_source_id_belongs_to_one_file(tmp_path: Path) -> None:
    write_site(tmp_path / "a")
    write_site(tmp_path / "b")
    with pytest.raises(SiteError, match="already taken"):
        load_sites(tmp_path)


REST: dict[str, Any] = {
    "kind": "site",
    "source_id": "desk",
    "names": {"zh": "台", "en": "Desk"},
    "connector": "rest",
    "connection": "desk_api",
    "time_zone": "Asia/Shanghai",
    "valid_from": "2026-01-01",
    "projects": ["P1", "P2"],
    "entities": {
        "ticket": {
            "contract": 1,
            "expected": {"every": "day", "by": "06:00"},
            "path": "/api/tickets",
            "records": "data.items",
            "pagination": {"kind": "cursor", "param": "cursor", "next": "meta.next"},
            "incremental": {"from": "since", "until": "until", "format": "iso"},
            "fields": {
                "source_ticket_id": "id",
                "opened_at": "created",
                "status": "state",
                "project_id": "project",
                "service_item_id": "item",
            },
        }
    },
}


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("connector", "ftp", "connector: 'ftp' is no connector. Use one of files, rest, database."),
        ("connector", None, "file: connector is missing. Add it: one of files, rest, database."),
        ("connection", None, "connection is missing. Add it."),
        ("connection", "desk api", "letters, digits, _ . and -"),
        ("system", "Help Desk", "Write small letters, digits and _"),
        ("at_once", 0, "at_once: 0 must be at least 1."),
        ("projects", "P1", "projects: 'P1' must be a list: [a, b]."),
        ("projects", [], "projects: must hold at least 1 of them."),
        ("projects", ["P1", "P1"], "'P1' stands twice"),
        ("projects", [1], 'Write it in quotation marks: "1".'),
        ("names", "Desk", "names: 'Desk' must be a mapping (key: value)."),
        ("valid_from", "01.02.2026", "Write it as 2026-01-31"),
        ("valid_from", None, "is pulled day by day. Add valid_from"),
        ("time_zone", "Beijing", "time_zone: 'Beijing' is not a time zone"),
        ("entities", None, "entities is missing. Add it."),
        ("entities", ["ticket"], "entities: must be a mapping (key: value)."),
        ("entities.ticket.contract", "1", "'1' must be a whole number."),
        ("entities.ticket.expected.every", "week", "'week' is not known. Use one of day, month."),
        ("entities.ticket.expected.by", 6, 'Write a time of day in quotation marks: "06:00".'),
        ("entities.ticket.expected.by", None, "by is missing. Add it."),
        ("entities.ticket.expected.if_missing", "carryon", "Use 'carry_on'."),
        ("entities.ticket.pagination", None, "pagination is missing. Add it."),
        ("entities.ticket.pagination.kind", "curser", "Use 'cursor'."),
        ("entities.ticket.path", "https://host/x", "the host belongs to the connection"),
        ("entities.ticket.path", "/x?page=1", "what follows a ? belongs to params"),
        ("entities.ticket.folder", {"data": "."}, "It belongs to the connector files: remove it"),
        ("entities.ticket.query", "select 1", "It belongs to the connector database: remove it"),
        ("entities.ticket.recrods", "x", "recrods: is not known here. Use 'records'."),
        ("entities.ticket.fields", ["id"], "fields: must be a mapping (key: value)."),
        ("entities.ticket.fields.status", 3, 'Write it in quotation marks: "3".'),
        ("entities.ticket.fields.status", {"colunm": "s"}, "colunm: is not known here. Use 'column'."),
        ("entities.ticket.fields.status", {"column": "s", "codes": {"a": ["b"]}}, "codes.a: must be a text"),
    ],
)
def test_mistake_is_told_with_its_place_and_what_to_write(
    tmp_path: Path, place: str, value: Any, told: str
) -> None:
    write_site(tmp_path, REST)
    assert load_sites(tmp_path)[0].connector == "rest"
    content = copy.deepcopy(REST)
    *way, last = place.split(".")
    inside = content
    for key in way:
        inside = inside[key]
    if value is None:
        del inside[last]
    else:
        inside[last] = value
    found = problems(tmp_path, content)
    assert len(found) == 1, found
    assert told in found[0]
    line, where = found[0].split(":")[:2]
    text = (tmp_path / "site.yml").read_text(encoding="utf-8").splitlines()[int(line) - 1]
    if value is not None:
        assert where.split(".")[-1].strip() in text or text.startswith("- "), "the line is that of the key"


def test_mistake_in_one_entity_hides_none_in_another(tmp_path: Path) -> None:
    content = site_content(delimeter=";")
    content["entities"]["project"] = {
        "folder": {"site": "."},
        "files": "projects.csv",
        "fields": {"project_id": "id", "project_name_en": "name"},
    }
    told = "\n".join(problems(tmp_path, content))
    assert "entities.ticket.delimeter" in told
    assert "project_grade is missing" in told


@pytest.mark.parametrize("page", ["README.md", "docs/sites.md"])
def test_example_of_the_documentation_is_in_order(page: str, tmp_path: Path) -> None:
    text = (project_root() / page).read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "site.yml").write_text(textwrap.dedent(example), encoding="utf-8")
    (site,) = load_sites(tmp_path / "site.yml")
    assert "ticket" in site.entities


def test_command_tells_every_file(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from yardstick.cli import app

    write_site(tmp_path / "good")
    write_site(tmp_path / "bad", {**REST, "at_once": 0, "system": "Help Desk"})
    done = CliRunner().invoke(app, ["site", "check", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (1, "test_site: in order (ticket)\n")
    assert done.stderr.count(f"{tmp_path / 'bad/site.yml'}:") == 2
    assert done.stderr.endswith("yardstick: 2 mistakes\n")
    assert CliRunner().invoke(app, ["site", "check", str(tmp_path / "good")]).exit_code == 0
    assert CliRunner().invoke(app, ["site", "check", str(tmp_path / "nowhere")]).exit_code == 2
    assert CliRunner().invoke(app, ["site", "check"]).exit_code == 2


def at_version(version: int, **fields: Any) -> dict[str, Any]:
    content = site_content(contract=version)
    content["entities"]["ticket"]["fields"].update(fields)
    return content


def test_version_of_the_contract_decides_which_fields_there_are(tmp_path: Path) -> None:
    latest = load_contracts()["ticket"].version
    assert latest > 1
    write_site(tmp_path, at_version(1))
    entity = load_sites(tmp_path)[0].entities["ticket"]
    assert entity.contract.version == 1
    assert "rating" not in entity.contract.fields
    (problem,) = problems(tmp_path, at_version(1, rating="Stars"))
    assert "came with version 2 of the contract" in problem
    write_site(tmp_path, at_version(2, rating="Stars"))
    assert load_sites(tmp_path)[0].entities["ticket"].fields["rating"].columns == ("stars",)
    (problem,) = problems(tmp_path, at_version(99))
    assert "has no version 99" in problem


@pytest.mark.parametrize("text", ["kind: [", "\t", "kind: site", "- a"])
def test_broken_file_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SiteError):
        load_sites(path)


def test_other_yaml_beside_is_no_site(tmp_path: Path) -> None:
    write_site(tmp_path)
    (tmp_path / "notes.yml").write_text("kind: note\n", encoding="utf-8")
    assert len(load_sites(tmp_path)) == 1
    with pytest.raises(SiteError, match="no site file here"):
        load_sites(tmp_path / "nowhere")


def test_mapping_changes_the_configuration_hash_and_comments_do_not(tmp_path: Path) -> None:
    path = write_site(tmp_path)
    before = fingerprint(load_sites(tmp_path)[0])
    path.write_text("# a remark\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert fingerprint(load_sites(tmp_path)[0]) == before
    write_site(tmp_path, with_field("title", "Note"))
    assert fingerprint(load_sites(tmp_path)[0]) != before


@pytest.mark.parametrize(
    ("pattern", "name", "span"),
    [
        ("{month:%Y-%m}.csv", "2016-02.csv", (date(2016, 2, 1), date(2016, 2, 29))),
        ("{month:%Y-%m}.csv", "2016-13.csv", False),
        ("{month:%Y-%m}.csv", "2016-02.csv.part", False),
        ("工单_*_{day:%Y%m%d}.csv", "工单_east_20160229.csv", (date(2016, 2, 29),) * 2),
        ("工单_*_{day:%Y%m%d}.csv", "工单_east_20150229.csv", False),
        ("*/{day:%Y-%m-%d}.csv", "a/2016-01-01.csv", (date(2016, 1, 1),) * 2),
        ("*/{day:%Y-%m-%d}.csv", "a/b/2016-01-01.csv", False),
        ("projects.csv", "projects.csv", None),
        ("projects.csv", "projectsxcsv", False),
    ],
)
def test_file_name_vouches_for_days(pattern: str, name: str, span: Any) -> None:
    assert compile_pattern(pattern).span(name) == span


@pytest.mark.parametrize(
    "pattern", ["/a.csv", "../a.csv", "{day:%Y-%m}.csv", "{month:%m}.csv", "{week:%Y}.csv", "{"]
)
def test_wrong_file_pattern_is_told(pattern: str) -> None:
    with pytest.raises(FilePatternError):
        compile_pattern(pattern)
