"""What staging is made of, written from the contracts: run ``./scripts/make-models`` after changing one.

dbt reads neither our YAML nor anything at run time that would make its project differ from run to run. So
the contracts reach it as one macro, and every entity has its three models: the rows of a build as typed and
judged, the valid versions of all time, and the current row of every key.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yardstick.contracts import Contract, Field, Rule, load_contracts
from yardstick.settings import project_root

MACRO = Path("macros/contract_fields.sql")
MODELS = Path("models/staging/delivered")
_COMMAND = "./scripts/make-models"
_WIDTH = 110


def rows_model(contract: Contract) -> str:
    """Name of the relation that holds the rows of the last build that brought any."""
    return f"stg_delivered__{contract.entity}_rows"


def versions_model(contract: Contract) -> str:
    """Name of the relation that holds every valid row ever built."""
    return f"stg_delivered__{contract.entity}_versions"


def current_model(contract: Contract) -> str:
    """Name of the relation that holds the current row of every key."""
    return f"stg_delivered__{contract.plural}"


def staged_models(contract: Contract) -> tuple[str, str, str]:
    """The relations of an entity in schema ``staging``, in the order they are built."""
    return rows_model(contract), versions_model(contract), current_model(contract)


def generate(contracts: Mapping[str, Contract]) -> dict[Path, str]:
    """The generated files.

    Returns:
        Text by path below the dbt project's folder.
    """
    files = {
        MACRO: _macro(contracts),
        MODELS / "_delivered__models.yml": _models_yml(contracts),
        MODELS / "_raw__sources.yml": _sources_yml(contracts),
    }
    for contract in contracts.values():
        head = f"-- Written by {_COMMAND} from expectations/contracts/{contract.entity}.yml.\n"
        for name, macro in zip(
            staged_models(contract), ("delivered_rows", "valid_versions", "current_rows"), strict=True
        ):
            files[MODELS / f"{name}.sql"] = f"{head}{{{{ {macro}('{contract.entity}') }}}}\n"
    return files


def write_models(root: Path | None = None) -> list[Path]:
    """Write what is not as it should be, and remove what no contract asks for.

    Args:
        root: folder of the checkout.

    Returns:
        The files written or removed.
    """
    project = (root or project_root()) / "dbt_project"
    files = generate(load_contracts((root or project_root()) / "expectations/contracts"))
    changed = []
    (project / MODELS).mkdir(exist_ok=True)
    for path, text in files.items():
        if not (project / path).is_file() or (project / path).read_text(encoding="utf-8") != text:
            (project / path).write_text(text, encoding="utf-8")
            changed.append(path)
    for left in sorted((project / MODELS).iterdir()):
        if left.relative_to(project) not in files:
            left.unlink()
            changed.append(left.relative_to(project))
    return changed


def _macro(contracts: Mapping[str, Contract]) -> str:
    body = "".join(
        f"        '{name}': {{\n{_contract(contract, contracts)}        }},\n"
        for name, contract in contracts.items()
    )
    return (
        "{#-\n"
        f"    Written by {_COMMAND} from expectations/contracts/.\n"
        "    What staging knows of every delivered entity. A `reference` says which staged relation must hold the\n"
        "    value, and whether the id is one source's own.\n"
        "-#}\n"
        "{% macro contract_of(entity=none) %}\n"
        "    {%- set contracts = {\n"
        f"{body}"
        "    } -%}\n"
        "    {{ return(contracts[entity] if entity else contracts) }}\n"
        "{% endmacro %}\n"
        "\n\n"
        "{% macro contract_fields(entity) %}\n"
        "    {{ return(contract_of(entity)['fields']) }}\n"
        "{% endmacro %}\n"
    )


def _contract(contract: Contract, contracts: Mapping[str, Contract]) -> str:
    lines = [
        f"'relation': {_literal(current_model(contract))},",
        f"'key': {_literal(list(contract.key))},",
        f"'staged_key': {_literal(list(contract.staged_key))},",
        "'fields': [",
        *_items(_field(item, contracts) for item in contract.fields.values()),
        "],",
        "'rules': [",
        *_items(_rule(rule, contract) for rule in contract.rules),
        "],",
    ]
    return textwrap.indent("\n".join(lines), " " * 12) + "\n"


def _items(items: Any) -> list[str]:
    """Each item on one line when it fits, else a line for each of its entries."""
    lines: list[str] = []
    for item in items:
        line = f"    {_literal(item)},"
        if len(line) + 12 <= _WIDTH:
            lines.append(line)
            continue
        lines.append("    {")
        for key, value in item.items():
            wrapped = textwrap.wrap(
                f"{_literal(key)}: {_literal(value)},".replace("': ", "':\u00a0"),
                _WIDTH - 20,
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            lines += ["        " + part.replace("\u00a0", " ") for part in wrapped]
        lines.append("    },")
    return lines


def _literal(value: Any) -> str:
    """A value as Jinja writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return json.dumps(value)


def _field(item: Field, contracts: Mapping[str, Contract]) -> dict[str, Any]:
    told = {
        "name": item.name,
        "type": None if item.type == "text" else item.type,
        "unit": item.unit,
        "required": item.required,
        "since": item.since if item.since > 1 else None,
        "personal": item.is_personal,
        "default": item.default,
        "vocabulary": list(item.vocabulary or ()),
        "references": _reference(item.references, contracts),
        "refers_to": _reference(item.refers_to, contracts),
    }
    return {name: value for name, value in told.items() if value}


def _reference(target: str | None, contracts: Mapping[str, Contract]) -> dict[str, Any] | None:
    if target is None:
        return None
    entity, _, name = target.partition(".")
    contract = contracts[entity]
    return {
        "entity": entity,
        "field": name,
        "per_source": contract.key_scope == "source",
        "is_whole_key": contract.key == (name,),
    }


def _rule(rule: Rule, contract: Contract) -> dict[str, Any]:
    personal = any(contract.fields[name].is_personal for name in rule.fields)
    told = {
        "rule": rule.rule,
        "then": rule.then,
        "kind": rule.kind,
        "fields": list(rule.fields),
        "low": rule.low,
        "high": rule.high,
        "when": list(rule.when) if rule.when else None,
        "personal": personal or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _models_yml(contracts: Mapping[str, Contract]) -> str:
    parts = []
    for contract in contracts.values():
        word = contract.names["en"][0].lower() + contract.names["en"][1:]
        for name, text in zip(
            staged_models(contract),
            (
                f"One delivered {word} row of the last build that brought any, typed by the source's mapping, with "
                "what is wrong with it (problems; none: valid).",
                f"One valid delivered {word} row, of every delivery ever built; what it said, and the hash of that.",
                f"One {word} ({', '.join(contract.staged_key)}) with its current content; delivery_id and "
                "row_number say which row brought it. A later row that repeats it changes nothing.",
            ),
            strict=True,
        ):
            parts += [f"  - name: {name}", "    description: >-", textwrap.fill(text, _WIDTH, initial_indent=" " * 6,
                      subsequent_indent=" " * 6)]  # fmt: skip
    return (
        f"# Written by {_COMMAND} from expectations/contracts/.\nversion: 2\n\nmodels:\n"
        + "\n".join(parts)
        + "\n"
    )


def _sources_yml(contracts: Mapping[str, Contract]) -> str:
    tables = "".join(
        f"      - name: {name}\n        description: One delivered {contract.names['en'].lower()} row.\n"
        for name, contract in contracts.items()
    )
    return (
        f"# Written by {_COMMAND} from expectations/contracts/.\n"
        "version: 2\n\n"
        "sources:\n"
        "  - name: raw\n"
        "    description: >-\n"
        "      Delivered rows as text, append-only; a row's cells are joined by the unit separator, each where the\n"
        "      source put it.\n"
        "    schema: raw\n"
        "    tables:\n"
        f"{tables}"
    )
