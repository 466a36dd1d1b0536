"""Check the releases, and that every code of a standard that stands elsewhere is one of theirs.

Codes stand in the suites (``expectations/suites``), in dbt's seeds and in the code mappings of site files.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from yardstick.settings import project_root
from yardstick.sources.site_file import read_sites
from yardstick.standards.check_expected import suite_files
from yardstick.standards.read import read
from yardstick.standards.release import Release, StandardsError

_FIELD = "standard_code"


def check(folder: Path, root: Path | None = None, sites: Path | None = None) -> list[str]:
    """Problems of the releases below ``folder`` and of codes used elsewhere; empty when all is well.

    Args:
        folder: the folder of standards releases.
        root: the checkout with suites and seeds; default ``settings.project_root()``.
        sites: the folder of site files; default that of the checkout.
    """
    try:
        releases = read(folder, root)
    except StandardsError as error:
        return error.problems
    root = root or project_root()
    return used_code_problems(releases, root, sites or root / "sites")


def used_code_problems(releases: Sequence[Release], root: Path, sites: Path) -> list[str]:
    """Codes in suites, seeds and site files that no release has.

    A code of an older release is as good as one of the newest: what it stands on may be as old.
    """
    known = frozenset[str]().union(*(release.standard_codes for release in releases))
    names = ", ".join(release.standards_release for release in releases)
    return [
        f"{place}: no standard {code!r} in any release ({names}); correct the code or add the standard"
        for place, code in (*_in_suites(root), *_in_seeds(root), *_in_sites(sites))
        if code not in known
    ]


def _in_suites(root: Path) -> Iterator[tuple[str, str]]:
    for path in suite_files(root):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for number, expectation in enumerate(content.get("expectations") or [], start=1):
            if code := expectation.get(_FIELD):
                yield f"{path}: expectations, number {number}: {_FIELD}", str(code)


def _in_seeds(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((root / "dbt_project/seeds").rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if _FIELD not in (reader.fieldnames or ()):
                continue
            for row in reader:
                if code := (row[_FIELD] or "").strip():
                    yield f"{path}: line {reader.line_num}: {_FIELD}", code


def _in_sites(folder: Path) -> Iterator[tuple[str, str]]:
    """Codes that sites map to; a site file that is wrong is the business of ``site check``."""
    if not folder.exists():
        return
    for site in read_sites(folder)[0]:
        for entity in site.entities.values():
            mapping = entity.fields.get(_FIELD)
            if mapping is None:
                continue
            place = f"{site.path}: entities.{entity.name}.fields.{_FIELD}"
            if mapping.constant:
                yield f"{place}.constant", mapping.constant
            for value, code in mapping.codes.items():
                yield f"{place}: code of {value!r}", code
