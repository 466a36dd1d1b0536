"""Text as it stands in a field of COPY's text format, and back."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {"n": "\n", "r": "\r", "t": "\t"}


def pack(text: str) -> str:
    """The text with what would end a field or a line escaped."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def unpack(text: str) -> str:
    """The text that ``pack`` was given."""
    return _ESCAPE.sub(lambda match: _MEANT.get(match[1], match[1]), text) if "\\" in text else text
