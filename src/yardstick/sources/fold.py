"""Column and sheet names as they are compared."""

from __future__ import annotations

import unicodedata


def fold(name: str) -> str:
    """A name without the differences that people do not see.

    Full and half width become one (NFKC), inner white space one space, none at the ends, lower case.

    Example:
        >>> fold("  Opened　At ")
        'opened at'
    """
    return " ".join(unicodedata.normalize("NFKC", name).lower().split())
