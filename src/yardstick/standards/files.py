"""The files of a release's folder: read as YAML and held to ``expectations/standards/schema.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from yardstick.settings import project_root
from yardstick.standards.release import CATALOGUE, OPTIONAL, REQUIRED

_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast


class Loader(_SafeLoader):
    """YAML without dates (they stay text) that refuses the same key twice."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"{key!r} stands twice; keep one", key_node.start_mark
            )
        seen.add(key)
    return {
        loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value
    }


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


@dataclass(frozen=True)
class Folder:
    """What the files of one folder say by themselves.

    Attributes:
        path: the folder.
        name: its ``standards_release``; the folder's name when release.yml does not say it.
        content: by part, for the files that are of their shape.
        problems: what is wrong with the others.
    """

    path: Path
    name: str
    content: Mapping[str, Any]
    problems: list[str] = field(default_factory=list)

    def file(self, part: str) -> Path:
        """Where a part stands, or would stand."""
        return self.path / f"{part}.yml"


def schema_text(root: Path | None = None) -> str:
    """The shapes of all files: the checkout's ``expectations/standards/schema.json``."""
    return ((root or project_root()) / "expectations/standards/schema.json").read_text(encoding="utf-8")


def schema(root: Path | None = None) -> dict[str, Any]:
    """The shapes of all files, read."""
    loaded: dict[str, Any] = json.loads(schema_text(root))
    return loaded


def read_folder(folder: Path, shapes: str) -> Folder:
    """Read every file of a release's folder and hold it to its shape.

    Args:
        folder: the folder.
        shapes: what ``schema_text`` gives.
    """
    content: dict[str, Any] = {}
    problems: list[str] = []
    name = folder.name
    for path in _files(folder):
        part = path.relative_to(folder).with_suffix("").as_posix()
        if path.suffix != ".yml" or not _is_part(part):
            known = ", ".join(f"{known}.yml" for known in (*REQUIRED, *OPTIONAL))
            problems.append(f"{path}: no file of a release; rename it to one of {known}, {CATALOGUE}*.yml")
            continue
        try:
            found, errors = _held(path.read_text(encoding="utf-8"), _shape(part), shapes)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            problems.append(f"{path}: not readable as YAML: {' '.join(str(error).split())}")
            continue
        if part == "release" and isinstance(found, dict):
            name = str(found.get("standards_release", name))
        problems += [f"{path}: {error}" for error in errors]
        if not errors:
            content[part] = found
    return Folder(folder, name, content, problems)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".yml", ".yaml"))


def _is_part(part: str) -> bool:
    of_catalogue = part.startswith(CATALOGUE) and part.count("/") == 1
    return part in REQUIRED or part in OPTIONAL or of_catalogue


def _shape(part: str) -> str:
    return "catalogue" if part.startswith(CATALOGUE) else part


@lru_cache(maxsize=256)  # both gates of every build read all releases
def _held(text: str, shape: str, shapes: str) -> tuple[Any, tuple[str, ...]]:
    """What a file says, for reading only, and what is wrong with its shape."""
    content = yaml.load(text, Loader=Loader)  # noqa: S506 - a SafeLoader
    defined = json.loads(shapes)["$defs"]
    validator = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{shape}", "$defs": defined})
    errors = sorted(
        validator.iter_errors(content), key=lambda error: [str(step) for step in error.absolute_path]
    )
    # Two rules may ask for the same thing.
    return content, tuple(dict.fromkeys(f"{_place(error)}: {_advice(error)}" for error in errors))


def _place(error: jsonschema.ValidationError) -> str:
    return ".".join(str(step) for step in error.absolute_path) or "top level"


def _advice(error: jsonschema.ValidationError) -> str:
    """What is wrong and what to write instead."""
    shape: Any = error.schema
    rule: Any = error.validator_value
    given: Any = error.instance
    if error.validator == "required":
        return f"add {', '.join(name for name in rule if name not in given)}"
    if error.validator == "dependentRequired":
        missing = {other for name, others in rule.items() if name in given for other in others} - set(given)
        return f"add {', '.join(sorted(missing))}"
    if error.validator == "additionalProperties" and "properties" in shape:
        expected = f"; expected: {shape['description']}" if "description" in shape else ""
        return f"{error.message}; known are {', '.join(shape['properties'])}{expected}"
    if error.validator == "enum":
        return f"{error.instance!r} is not one of {', '.join(map(str, rule))}"
    if error.validator == "oneOf":
        choices = [" and ".join(choice["required"]) for choice in rule]
        return f"name {' or '.join(choices)}: one of them"
    expected = shape.get("description")
    return f"{error.message}; expected: {expected}" if expected else error.message
