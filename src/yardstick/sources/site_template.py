"""Site templates: ready mappings of widely used systems, ``sites/templates/<system>.yml``.

A template is a site file with ``kind: site_template``, so that no installation takes it for one of its sites, and a
block ``template`` that says what it is. What differs from company to company stands in it as ``<name>`` and is
declared under ``asks`` with a default. Making a site file keeps every other line, comments included.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import yaml

from yardstick.errors import BadInputError
from yardstick.settings import project_root
from yardstick.sources import site_file, site_schema

_TOP = ("source_id", "connection", "time_zone", "valid_from")
_VALUE = re.compile(r"[^\x00-\x1f\"'\\{}<>#]+")


class TemplateError(BadInputError, ValueError):
    """A template cannot be used as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Ask:
    """What a company has to say about its own installation of a system.

    Attributes:
        default: what stands there unless somebody says otherwise.
        meaning: what it is, in zh and en.
    """

    default: str
    meaning: Mapping[str, str]


@dataclass(frozen=True)
class Template:
    """A ready mapping.

    Attributes:
        name: of the file, without its ending.
        path: the file.
        names: the system's name in zh and en.
        source_id: the identifier that a site made from it gets unless told otherwise.
        connector: ``files``, ``rest`` or ``database``.
        entities: what it delivers.
        asks: by name.
        documentation: title and address of the vendor's pages it was made by.
        cannot: what the system has and this mapping does not bring, in zh and en.
        connection: the Airflow connection to define, as its JSON; empty for files in a local folder.
        connection_id: its id, unless told otherwise.
        time_zone: the zone of its clock, unless told otherwise.
        valid_from: the first day that matters, unless told otherwise.
    """

    name: str
    path: Path
    names: Mapping[str, str]
    source_id: str
    connector: str
    entities: tuple[str, ...]
    asks: Mapping[str, Ask]
    documentation: tuple[Mapping[str, str], ...]
    cannot: tuple[Mapping[str, str], ...]
    connection: Mapping[str, Any]
    connection_id: str | None
    time_zone: str
    valid_from: str


def folder() -> Path:
    """Where the templates of the checkout stand."""
    return project_root() / "sites/templates"


def load(where: Path | None = None) -> dict[str, Template]:
    """Every template, by name.

    Args:
        where: their folder; default: the checkout's.

    Raises:
        SiteError: when one is not YAML.
        TemplateError: when one is no template.
    """
    found = {}
    for path in sorted((where or folder()).glob("*.yml")):
        _, content = site_file.document(path)
        if not isinstance(content, dict) or content.get("kind") != site_schema.TEMPLATE_KIND:
            raise TemplateError(f"{path}: no site template. Its kind must be {site_schema.TEMPLATE_KIND}.")
        about = content.get("template", {})
        if error := next(
            iter(jsonschema.Draft202012Validator(site_schema.TEMPLATE).iter_errors(about)), None
        ):
            raise TemplateError(f"{path}: template: {'.'.join(map(str, error.path))}: {error.message}.")
        found[path.stem] = Template(
            name=path.stem,
            path=path,
            names=content["names"],
            source_id=content["source_id"],
            connector=content["connector"],
            entities=tuple(content["entities"]),
            asks={
                name: Ask(str(given["default"]), {key: given[key] for key in ("zh", "en")})
                for name, given in about.get("asks", {}).items()
            },
            documentation=tuple(about["documentation"]),
            cannot=tuple(about["cannot"]),
            connection=about.get("connection", {}),
            connection_id=content.get("connection"),
            time_zone=content["time_zone"],
            valid_from=content["valid_from"],
        )
    return found


def site_text(
    template: Template,
    out: Path,
    top: Mapping[str, str] | None = None,
    asked: Mapping[str, str] | None = None,
) -> str:
    """The site file that a template becomes.

    Args:
        template: the template.
        out: where it is going to stand, for the path of the schema.
        top: values of its own: ``source_id``, ``connection``, ``time_zone``, ``valid_from``, ``zh``, ``en``.
        asked: answers by the name of what is asked for; defaults for the rest.

    Raises:
        TemplateError: for an answer that nobody asks for, or that cannot stand in a site file.
    """
    asked = asked or {}
    if unknown := sorted(set(asked) - set(template.asks)):
        raise TemplateError(
            f"{template.name} does not ask for {', '.join(unknown)}; it asks for "
            f"{', '.join(template.asks) or 'nothing'}."
        )
    lines = template.path.read_text(encoding="utf-8").splitlines(keepends=True)
    node, _ = site_file.document(template.path)
    for (first, left), (last, right), text in sorted(_edits(node, dict(top or {})), reverse=True):
        lines[first : last + 1] = [lines[first][:left] + text + lines[last][right:]]
    made = "".join(lines)
    for name, ask in template.asks.items():
        value = asked.get(name, ask.default)
        if not _VALUE.fullmatch(value):
            raise TemplateError(
                f"{name}: {value!r} cannot stand in a site file. Leave out quotation marks, brackets < > {{ }}, "
                "backslashes and #, and edit the file afterwards."
            )
        made = made.replace(f"<{name}>", value)
    schema = os.path.relpath(site_schema.path(), out.resolve().parent)
    return re.sub(r"\A(# yaml-language-server: \$schema=).*", rf"\g<1>{schema}", made)


_Edit = tuple[tuple[int, int], tuple[int, int], str]


def _edits(node: yaml.Node | None, top: dict[str, str]) -> list[_Edit]:
    """What changes, as (start, end, text); positions are (line, column)."""
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 (load has read it)
    edits: list[_Edit] = []
    names = {key: top.pop(key) for key in ("zh", "en") if key in top}
    for place, (key, value) in enumerate(node.value):
        if key.value == "template":
            following = node.value[place + 1][0].start_mark
            edits.append(((key.start_mark.line, 0), (following.line, 0), ""))
        elif key.value == "kind":
            edits.append(_edit(value, site_file.KIND))
        elif key.value in _TOP and key.value in top:
            edits.append(_edit(value, top.pop(key.value)))
        elif key.value == "names":
            edits += [_edit(each, names[word.value]) for word, each in value.value if word.value in names]
    return edits


def _edit(node: yaml.Node, text: str) -> _Edit:
    if not re.fullmatch(r"[\w][\w ./-]*", text):
        text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    start, end = node.start_mark, node.end_mark
    return (start.line, start.column), (end.line, end.column), text


def code_files(path: Path) -> dict[Path, str]:
    """The code tables that a site file names and that are not there yet: a header each, to be filled in.

    Args:
        path: the site file.
    """
    _, content = site_file.document(path)
    wanted = {}
    for entity in content["entities"].values():
        for mapping in entity["fields"].values():
            if isinstance(mapping, dict) and (given := mapping.get("codes_file")):
                target = path.parent / given["file"]
                if not target.exists():
                    text = io.StringIO()
                    csv.writer(text, lineterminator="\n").writerow([given["value"], given["code"]])
                    wanted[target] = text.getvalue()
    return wanted


def connection_json(template: Template, address: str | None) -> dict[str, Any]:
    """The connection to define in Airflow, with what is known of the address.

    Args:
        template: the template.
        address: of the company's system: ``https://acme.example.com``, or ``host:port`` of a database.

    Raises:
        TemplateError: for an address that is none.
    """
    made = dict(template.connection)
    if not address or not made:
        return made
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        raise TemplateError(f"{address!r} is no address. Write https://acme.example.com, or host:port.")
    made["host"] = host
    if port:
        made["port"] = port
    if template.connector == "rest":
        made["schema"] = parts.scheme or "https"
        if base := parts.path.strip("/"):
            made["extra"] = {**made.get("extra", {}), "base_path": f"/{base}"}
    elif database := parts.path.strip("/"):
        made["schema"] = database
    return made
