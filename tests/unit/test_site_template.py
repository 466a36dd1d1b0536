"""Templates: every one becomes a site file that is in order, and says what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.templates import make_site
from typer.testing import CliRunner, Result

from yardstick.cli import app
from yardstick.settings import project_root
from yardstick.sources import site_template
from yardstick.sources.site_file import load_sites, read_sites
from yardstick.sources.site_template import TemplateError

TEMPLATES = site_template.load()


def test_no_installation_takes_a_template_for_a_site() -> None:
    assert len(TEMPLATES) == 7
    sites, problems = read_sites(project_root() / "sites")
    assert not problems
    assert {site.path.parent.name for site in sites}.isdisjoint({"templates"})


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_becomes_a_site_file_that_is_in_order(name: str, tmp_path: Path) -> None:
    template = TEMPLATES[name]
    site = make_site(
        tmp_path, name, source_id="own", zh="自己的", time_zone="Europe/London", valid_from="2026-02-03"
    )
    assert (site.source_id, site.names["zh"], site.time_zone) == ("own", "自己的", "Europe/London")
    assert str(site.valid_from) == "2026-02-03"
    assert (site.connector, sorted(site.entities)) == (template.connector, sorted(template.entities))
    text = site.path.read_text(encoding="utf-8")
    assert text.splitlines()[1] == template.path.read_text(encoding="utf-8").splitlines()[1]  # its comment
    assert "\ntemplate:" not in text
    assert all(f"<{ask}>" not in text for ask in template.asks)
    assert {"ticket", "ticket_event"} & set(template.entities)


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_is_left_to_fill_in_is_told(name: str, tmp_path: Path) -> None:
    site = make_site(tmp_path / "empty", name)
    assert any("projects.csv holds no codes yet" in remark for remark in site.remarks)
    tables = {path.name: {"1": "P001"} for path in (tmp_path / "empty").glob("*.csv")}
    filled = make_site(tmp_path / "filled", name, codes=tables)
    assert filled.remarks == ()
    assert filled.entities["ticket"].fields["project_id"].codes == {"1": "P001"}


def test_answers_stand_where_they_are_asked_for(tmp_path: Path) -> None:
    site = make_site(tmp_path, "zendesk", asked={"project": "custom_fields.360001.value"})
    assert site.entities["ticket"].fields["project_id"].labels == ("custom_fields.360001.value",)
    with pytest.raises(TemplateError, match=r"does not ask for colour; it asks for project, service_item"):
        make_site(tmp_path, "zendesk", asked={"colour": "red"})
    with pytest.raises(TemplateError, match="project: 'a\"b' cannot stand in a site file"):
        make_site(tmp_path, "zendesk", asked={"project": 'a"b'})


def test_what_is_written_over_a_name_is_quoted_where_yaml_needs_it(tmp_path: Path) -> None:
    site = make_site(tmp_path, "zendesk", en='Desk: "main" #1')
    assert site.names["en"] == 'Desk: "main" #1'
    (again,) = load_sites(site.path)
    assert again == site


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        (None, {"host": "COMPANY.zendesk.com"}),
        ("https://acme.zendesk.com", {"host": "acme.zendesk.com", "schema": "https"}),
        ("http://127.0.0.1:8080/base/", {"port": 8080, "schema": "http", "extra": {"base_path": "/base"}}),
    ],
)
def test_an_address_goes_into_the_connection(address: str | None, parts: dict[str, object]) -> None:
    made = site_template.connection_json(TEMPLATES["zendesk"], address)
    assert made.items() >= parts.items()
    assert made["login"] == "ADMIN@COMPANY/token"


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(TemplateError, match="'https://' is no address"):
        site_template.connection_json(TEMPLATES["zendesk"], "https://")


def test_the_handbook_lists_every_template_with_what_it_delivers() -> None:
    lines = (project_root() / "docs/sites.md").read_text(encoding="utf-8").splitlines()
    listed = {line.split("`")[1]: line.split("|")[3] for line in lines if line.startswith("| `")}
    assert set(TEMPLATES) <= set(listed)
    for name, template in TEMPLATES.items():
        words = {word.strip() for word in re.sub(r"\([^)]*\)", "", listed[name]).split(",")}
        assert words == set(template.entities), name


def run(*arguments: str, told: str = "") -> Result:
    return CliRunner().invoke(app, ["site", *arguments], input=told)


def test_the_templates_are_listed_with_what_they_deliver() -> None:
    listed = run("templates")
    assert listed.exit_code == 0
    assert len(listed.stdout.splitlines()) == 1 + len(TEMPLATES)
    assert 'zendesk,Zendesk Support,rest,"ticket, ticket_event, complaint, call_back"' in listed.stdout


def test_a_company_starts_by_choosing_a_file(tmp_path: Path) -> None:
    out = tmp_path / "desk/site.yml"
    made = run(
        "add", "--template", "zendesk", "--source-id", "desk", "--connection", "desk_api", "--time-zone", "Asia/Tokyo",
        "--address", "https://acme.zendesk.com", "--set", "project=group_id", "--out", str(out), "--yes",
    )  # fmt: skip
    assert made.exit_code == 0, made.stderr
    assert made.stdout.strip() == str(out)
    assert "desk: in order (" in made.stderr
    assert 'export AIRFLOW_CONN_DESK_API=\'{"conn_type": "http"' in made.stderr
    assert '"host": "acme.zendesk.com"' in made.stderr
    assert f"{out.parent}/projects.csv holds no codes yet" in made.stderr
    assert "service_item is ticket_form_id: is it right here?" in made.stderr
    assert "project is" not in made.stderr
    checked = run("check", str(out))
    assert checked.exit_code == 0
    assert "service_items.csv holds no codes yet" in checked.stdout
    again = run("add", "--template", "zendesk", "--out", str(out), "--yes")
    assert (again.exit_code, "is there already" in again.stderr) == (1, True)


def test_what_was_not_said_is_asked(tmp_path: Path) -> None:
    out = tmp_path / "site.yml"
    answers = "\n".join(["own", "own_api", "Europe/Paris", "2026-02-01", "brand_id", "type", "", ""]) + "\n"
    made = run("add", "--template", "zendesk", "--out", str(out), told=answers)
    assert made.exit_code == 0, made.stderr
    (site,) = load_sites(out)
    assert (site.source_id, site.connection, site.time_zone, str(site.valid_from)) == (
        "own", "own_api", "Europe/Paris", "2026-02-01",
    )  # fmt: skip
    assert site.entities["ticket"].fields["project_id"].labels == ("brand_id",)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--template", "remedy"], "there is none of that name. Use one of"),
        (["--template", "zendesk", "--set", "project"], "write NAME=VALUE"),
        (["--template", "zendesk", "--url", "http://127.0.0.1"], "needs no sample"),
        (["--template", "zendesk", "--address", "https://"], "is no address"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_written(tmp_path: Path, arguments: list[str], told: str) -> None:
    out = tmp_path / "site.yml"
    made = run("add", *arguments, "--out", str(out), "--yes")
    assert made.exit_code != 0
    assert told in made.stderr
    assert not out.exists()
