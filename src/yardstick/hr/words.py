"""One language of what HR is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("zh-Hans", "en")
_TEXTS = Path(__file__).parent / "texts"


@cache
def _texts(code: str) -> dict[str, Any]:
    return yaml.safe_load((_TEXTS / f"{code}.yml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Words:
    """The texts of a language by its BCP 47 code, ``zh-Hans`` or ``en``."""

    code: str

    def text(self, key: str, /, **values: object) -> str:
        """The message ``key`` (``a.b`` looks into a group), with ``{values}`` put in.

        Raises:
            KeyError: for a message that the language file lacks.
        """
        message: Any = _texts(self.code)
        for part in key.split("."):
            message = message[part]
        return str(message).format(**values) if values else str(message)

    def label(self, group: str, code: str) -> str:
        """The name of a code in a group; the code itself when it has none."""
        return str(_texts(self.code)[group].get(code, code))

    def column(self, name: str) -> tuple[str, str]:
        """A column's heading, and the note on it.

        Raises:
            KeyError: for a column that the language file lacks.
        """
        heading, note = _texts(self.code)["columns"][name]
        return heading, note

    def pairs(self, key: str) -> list[list[str]]:
        """A list of terms and what they mean."""
        return [list(pair) for pair in _texts(self.code)[key]]

    def name(self, row: dict[str, Any], thing: str) -> str | None:
        """A thing's name in this language, else in the other, from columns ``<thing>_name_zh`` and ``_en``."""
        first, other = ("zh", "en") if self.code.startswith("zh") else ("en", "zh")
        return row[f"{thing}_name_{first}"] or row[f"{thing}_name_{other}"]
