"""The handbook of a standards release: one page and one workbook per language.

Both are made of nothing but the release and the one before it, so the same releases give the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from yardstick.handbook import changes, page, workbook
from yardstick.handbook.words import LANGUAGES, Words
from yardstick.standards import Release
from yardstick.standards.words import short
from yardstick.whole_file import put

__all__ = ["render", "write"]


def render(release: Release, before: Release | None = None) -> dict[str, bytes]:
    """Every file of a release's handbook: bytes by file name.

    Args:
        release: the release.
        before: the one that was in force before it; None for the first.
    """
    stem = f"standards-{release.standards_release}"
    pages = {code: f"{stem}.{short(code)}.html" for code in LANGUAGES}
    files: dict[str, bytes] = {}
    for code in LANGUAGES:
        words = Words(code, release)
        book = f"{stem}.{short(code)}.xlsx"
        told = changes.groups(words, before)
        files[pages[code]] = page.render(words, before, told, pages | {"workbook": book}).encode()
        files[book] = workbook.write(words, before)
    return dict(sorted(files.items()))


def write(folder: Path, release: Release, before: Release | None = None) -> list[Path]:
    """Write the handbook of a release; a reader sees the old file or the new one, never part of one.

    Args:
        folder: made when it is not there.
        release: the release.
        before: the one that was in force before it; None for the first.

    Returns:
        The files written.
    """
    return [put(folder / name, body) for name, body in render(release, before).items()]
