"""The JSON Schema of site files for editors: in step with the code, and as strict as the check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.delivery import site_content

from yardstick import sources
from yardstick.contracts import load_contracts
from yardstick.settings import project_root
from yardstick.sources import site_file, site_schema

SHIPPED = sorted(
    path
    for folder in ("sites", "src/yardstick/simulator")
    for path in (project_root() / folder).rglob("*.yml")
    if {"kind: site", "kind: site_template"} & set(path.read_text(encoding="utf-8").splitlines())
)


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(site_schema.path().read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def told(validator: jsonschema.Draft202012Validator, content: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(content)]


def test_shipped_schema_is_the_present_one() -> None:
    assert site_schema.path().read_text(encoding="utf-8") == site_schema.text(), (
        "run ./scripts/yardstick site schema --write"
    )


def test_every_key_of_every_connector_says_what_it_means(validator: jsonschema.Draft202012Validator) -> None:
    definitions = validator.schema["$defs"]
    assert set(load_contracts()) < set(definitions)
    for connector in sources.CONNECTORS:
        for name in (connector, f"{connector}_entity"):
            keys = definitions[name]["properties"]
            assert keys
            assert [key for key, part in keys.items() if "description" not in part] == []
    ticket = definitions["ticket"]["properties"]["fields"]["properties"]
    assert "办结时间 · When it was closed" in ticket["closed_at"]["description"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_sites_are_valid(path: Path, validator: jsonschema.Draft202012Validator) -> None:
    content = yaml.load(path.read_text(encoding="utf-8"), site_file._Loader)
    assert content["kind"] == ("site_template" if path.parent.name == "templates" else "site")
    assert told(validator, content) == []


def test_sites_of_every_connector_are_shipped() -> None:
    assert SHIPPED
    kinds = {yaml.safe_load(path.read_text(encoding="utf-8"))["connector"] for path in SHIPPED}
    assert kinds == set(sources.CONNECTORS)


def test_shipped_sites_name_the_schema() -> None:
    paths = sorted((project_root() / "sites").rglob("*.yml"))
    assert paths
    for path in paths:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema=")
        assert (path.parent / first.partition("=")[2]).resolve() == site_schema.path()


def _spoilt(change: Any) -> dict[str, Any]:
    content = site_content()
    change(content, content["entities"]["ticket"])
    return content


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda site, _: site.update(conector="files"), "conector"),
        (lambda site, _: site.update(connector="ftp"), "connector"),
        (lambda site, _: site.pop("time_zone"), "time_zone"),
        (lambda site, _: site["entities"].update(tickt={}), "tickt"),
        (lambda _, ticket: ticket.update(delimeter=";"), "delimeter"),
        (lambda _, ticket: ticket.update(query="select 1"), "query"),
        (lambda _, ticket: ticket.update(contract=99), "contract"),
        (lambda _, ticket: ticket.update(expected={"every": "week", "by": "06:00"}), "every"),
        (lambda _, ticket: ticket["fields"].update(openedat="X"), "openedat"),
        (lambda _, ticket: ticket["fields"].pop("project_id"), "project_id"),
        (lambda _, ticket: ticket["fields"].update(channel={"constant": "fax"}), "channel"),
        (lambda _, ticket: ticket["fields"]["status"]["codes"].update(Shut="shut"), "Shut"),
        (lambda _, ticket: ticket["fields"].update(title={"column": "T", "format": "%Y"}), "title"),
    ],
)  # fmt: skip
def test_mistakes_are_told(change: Any, place: str, validator: jsonschema.Draft202012Validator) -> None:
    assert told(validator, site_content()) == []
    problems = told(validator, _spoilt(change))
    assert problems
    assert place in "\n".join(problems)
