"""What a mistake in a site file is called: JSON Schema's findings in words that say what to write."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jsonschema

from yardstick import sources

Place = tuple[Any, ...]

_KINDS = {
    "object": "a mapping (key: value)",
    "array": "a list: [a, b]",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
# What a text that does not match has to look like, by the key it stands at.
_FORMS = {
    "source_id": "Write small letters, digits and _, a letter first.",
    "system": "Write small letters, digits and _, a letter first.",
    "connection": "Write the id of the Airflow connection: letters, digits, _ . and -, a letter first.",
    "by": 'Write a time of day in quotation marks: "06:00".',
    "path": "Write a path without spaces, such as /api/v1/tickets; what follows a ? belongs to params.",
}
_MOST_CHOICES = 14


def found(error: jsonschema.ValidationError) -> Iterator[tuple[Place, str]]:
    """A finding as place and text; several where it covers several mistakes."""
    place = tuple(error.absolute_path)
    if error.validator == "anyOf" and error.context:
        yield from _of_any(place, error)
    elif error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        for key in error.instance:
            if known and key not in known:
                yield (*place, key), f"is not known here. {_where_it_belongs(place, str(key), known)}"
    elif error.validator == "required":
        missing = re.sub(r"' is a required property.*", "", error.message).lstrip("'")
        yield place, f"{missing} is missing. Add it."
    else:
        yield place, _sentence(place, error)


def _of_any(place: Place, error: jsonschema.ValidationError) -> Iterator[tuple[Place, str]]:
    """Of "a name or a mapping", what is wrong with the one that was meant."""
    inner = list(error.context or ())
    meant = [each for each in inner if each.validator != "type" or len(each.absolute_path) > len(place)]
    if meant and isinstance(error.instance, dict | list):
        for each in meant:
            yield from found(each)
        return
    told = _or(dict.fromkeys(_wanted(each) for each in inner))
    if error.instance is None:
        yield place, f"is empty; it {told}."
    else:
        yield place, f"{_shown(error.instance)} {told}.{_quoting(error.instance, inner)}".lstrip()


def _sentence(place: Place, error: jsonschema.ValidationError) -> str:
    instance: Any = error.instance
    value: Any = error.validator_value
    key = next((str(part) for part in reversed(place) if isinstance(part, str)), "")
    if instance is None:
        return f"is empty. Write {_KINDS.get(str(value), 'a value')}, or remove the key."
    if error.validator == "pattern" and key in _FORMS:
        return f"{_shown(instance)} cannot be used. {_FORMS[key]}"
    if error.validator == "type" and key in _FORMS:
        return f"{_shown(instance)} is not a text. {_FORMS[key]}"
    if error.validator == "enum":
        return (
            f"{_shown(instance)} is not known. Use {choices(str(instance), [str(each) for each in value])}."
        )
    if error.validator == "uniqueItems":
        twice = next(each for each in instance if instance.count(each) > 1)
        return f"{_shown(twice)} stands twice. Remove one of them."
    return f"{_shown(instance)} {_wanted(error)}.{_quoting(instance, [error])}".lstrip()


def _wanted(error: jsonschema.ValidationError) -> str:
    value: Any = error.validator_value
    if error.validator == "type":
        return "must be " + _or(_KINDS[each] for each in (value if isinstance(value, list) else [value]))
    return {
        "enum": f"must be one of {value}",
        "const": f"must be {value!r}",
        "pattern": f"must match {value}",
        "minLength": "must not be empty",
        "maxLength": f"must be at most {value} character(s) long",
        "minItems": f"must hold at least {value} of them",
        "minProperties": "must hold something",
        "maxProperties": f"must hold {value} key, not more",
        "minimum": f"must be at least {value}",
        "maximum": f"must be at most {value}",
    }.get(str(error.validator), error.message)


def _or(words: Iterable[str]) -> str:
    """Alternatives of which only the first begins with "must be"."""
    first, *rest = words
    return " or ".join([first, *(word.removeprefix("must be ") for word in rest)])


def _shown(instance: Any) -> str:
    """A value as it stands; of a mapping or list, nothing."""
    if isinstance(instance, bool):
        return str(instance).lower()
    return repr(instance) if isinstance(instance, str | int | float) else ""


def _quoting(instance: Any, errors: Iterable[jsonschema.ValidationError]) -> str:
    """A number or true where a text is wanted only lacks its quotation marks."""
    wants_text = any("string" in str(error.validator_value) for error in errors if error.validator == "type")
    is_bare = isinstance(instance, bool | int | float)
    return f' Write it in quotation marks: "{_shown(instance)}".' if wants_text and is_bare else ""


def _where_it_belongs(place: Place, key: str, known: Mapping[str, Any]) -> str:
    """What to write instead, or which connector has such a key."""
    if len(place) == 2 and place[0] == "entities" and not difflib.get_close_matches(key, list(known), 1, 0.8):
        others = [name for name in sources.CONNECTORS if key in sources.connector(name).ENTITY_PROPERTIES]
        if others:
            return f"It belongs to the connector {' or '.join(others)}: remove it, or correct connector."
    return f"Use {choices(key, known)}."


def choices(given: str, known: Iterable[str]) -> str:
    """What may have been meant, else all that can be."""
    listed = list(known)
    close = difflib.get_close_matches(given, listed, 1)
    return f"{close[0]!r}" if close else one_of(listed)


def one_of(names: Iterable[str]) -> str:
    """A list of names, cut where nobody would read on."""
    listed = list(names)
    if len(listed) == 1:
        return listed[0]
    more = len(listed) - _MOST_CHOICES
    return "one of " + ", ".join(listed[:_MOST_CHOICES]) + (f" … ({more} more)" if more > 0 else "")
