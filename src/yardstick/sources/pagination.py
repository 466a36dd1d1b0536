"""How an API hands out its pages, as a site file declares it, and where things stand in a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonpath_ng import JSONPath
from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext import parse

from yardstick.sources.delivery import Problems

# By kind: the keys that must stand, and those that may, with what they mean when they do not.
KINDS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "cursor": (("next",), {"param": "cursor", "more": "", "last": ""}),
    "offset": (("limit",), {"param": "offset", "limit_param": "limit", "more": ""}),
    "page": ((), {"param": "page", "first": 1, "pages": "", "more": ""}),
    "link_header": ((), {"rel": "next"}),
    "next_url": (("next",), {"last": ""}),
    "none": ((), {}),
}
_NAME = {"type": "string", "minLength": 1}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["kind"],
    "properties": {
        "kind": {"enum": list(KINDS)},
        "param": _NAME,
        "next": _NAME,
        "more": _NAME,
        "last": _NAME,
        "limit": {"type": "integer", "minimum": 1},
        "limit_param": _NAME,
        "first": {"type": "integer", "minimum": 0},
        "pages": _NAME,
        "rel": _NAME,
    },
}


@dataclass(frozen=True)
class Pagination:
    """How to ask for the next page, and how to know that there is none.

    Attributes:
        kind: one of ``KINDS``.
        param: query parameter of the cursor, offset or page number.
        next: JSONPath of the next cursor or URL; nothing there means that there is none.
        more: JSONPath of a boolean that is false on the last page; empty when there is none.
        last: JSONPath of a boolean that is true on the last page; empty when there is none.
        limit: rows asked for per page (offset).
        limit_param: query parameter of ``limit``.
        first: number of the first page (page).
        pages: JSONPath of the number of pages; empty when there is none.
        rel: relation of the next link in the header ``Link``.
    """

    kind: str
    param: str = ""
    next: str = ""
    more: str = ""
    last: str = ""
    limit: int = 0
    limit_param: str = ""
    first: int = 0
    pages: str = ""
    rel: str = ""

    @property
    def own_params(self) -> tuple[str, ...]:
        """Query parameters that belong to the pagination."""
        return tuple(name for name in (self.param, self.limit_param) if name)


def declared(reader: Problems, place: tuple[Any, ...], given: Mapping[str, Any]) -> Pagination:
    """Check a declaration; mistakes go to ``reader.problem``."""
    kind = given["kind"]
    required, optional = KINDS[kind]
    for key in required:
        if key not in given:
            reader.problem(place, f"{key} is missing, which {kind} needs. Add it.")
    for key in given:
        if key not in (*required, *optional, "kind"):
            reader.problem((*place, key), f"has no meaning for {kind}. Remove it.")
    made = Pagination(**{**optional, **given})
    for key in ("next", "more", "last", "pages"):
        if path := getattr(made, key):
            check_path(reader, (*place, key), path)
    return made


@lru_cache(maxsize=256)
def _compiled(path: str) -> JSONPath:
    return parse(path)


def found(path: str, document: Any) -> list[Any]:
    """What stands at a JSONPath of a page; empty when nothing does."""
    return [match.value for match in _compiled(path).find(document)]


def check_path(reader: Problems, place: tuple[Any, ...], path: str) -> None:
    """Tell when a text is no JSONPath."""
    try:
        _compiled(path)
    except JSONPathError:
        reader.problem(
            place, f"{path!r} is not a JSONPath. Write it as data.items, and other names as data.'下一页'."
        )
