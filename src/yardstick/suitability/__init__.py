"""Whether the standards are suitable, not merely high, and whether the inspectors judge alike.

``checks`` holds what was checked, ``levels`` tells how good projects and how lenient inspectors were, ``fits`` asks
every standard against the rest, ``verdicts`` says what it comes to; ``store`` and the pages carry it out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from yardstick import standards, warehouse
from yardstick.errors import BadInputError
from yardstick.settings import Settings
from yardstick.standards import Release
from yardstick.suitability import page, store, workbook
from yardstick.suitability.checks import Check, Checks
from yardstick.suitability.verdicts import Findings, Thresholds, judge
from yardstick.suitability.words import LANGUAGES, Named, Review
from yardstick.whole_file import put

__all__ = ["Check", "Checks", "Findings", "Review", "Thresholds", "judge", "render", "review"]

FOLDER = "suitability"
WORKBOOK = "suitability.xlsx"


def review(
    settings: Settings, first: date | None = None, last: date | None = None, out: Path | None = None
) -> list[Path]:
    """Judge standards and inspectors by the checks of a span of days; write tables and pages.

    The tables ``ops.standard_suitability`` and ``ops.inspector_leniency`` get the span's rows anew; the same facts
    and standards give the same bytes.

    Args:
        settings: the installation.
        first: first day; default twelve months before the last.
        last: last day; default the last published day.
        out: folder of the pages; default ``suitability`` below the reports.

    Returns:
        The files written: page and workbook in every language.

    Raises:
        BadInputError: when nothing was published, nothing was checked in these days, or the release in force says
            nothing about suitability.
    """
    known = standards.read(settings.standards)
    with warehouse.connect(settings.require_database_url(), name="yardstick-suitability") as connection:
        until = last or store.last_published_day(connection)
        if until is None:
            raise BadInputError("no day is published yet: run the DAGs ingest and build first, or give --to")
        since = first or _year_before(until)
        if since > until:
            raise BadInputError(f"the first day {since} is after the last {until}")
        release = standards.in_force(known, until)
        if not release.suitability:
            raise BadInputError(
                f"standards release {release.standards_release}, in force on {until}, has no block 'suitability' in "
                "its release.yml: how standards are judged stands there"
            )
        checks = store.read_checks(connection, since, until)
        if not len(checks):
            raise BadInputError(f"no inspection item with a result was checked from {since} to {until}")
        named, vetoes = _named(
            one for one in known if one.effective_from <= until and one.inspection_standards
        )
        thresholds = Thresholds.of(release.suitability)
        found = Review(since, until, release, thresholds, named, judge(checks, vetoes, thresholds))
        store.write(connection, since, until, release.standards_release, found.findings)
    folder = out or settings.reports / FOLDER
    return [put(folder / name, body) for name, body in render(found).items()]


def render(found: Review) -> dict[str, bytes]:
    """Every file of a review: bytes by path below its folder."""
    files = {}
    for code in LANGUAGES:
        files[f"{code}/index.html"] = page.render(found, code, WORKBOOK).encode()
        files[f"{code}/{WORKBOOK}"] = workbook.write(found, code)
    return files


def _year_before(day: date) -> date:
    """The first day of the twelve months that end with ``day``."""
    after = day + timedelta(days=1)
    try:
        return after.replace(year=after.year - 1)
    except ValueError:  # 29 February
        return after.replace(year=after.year - 1, month=3, day=1)


def _named(releases: Iterable[Release]) -> tuple[dict[str, Named], frozenset[str]]:
    """What each standard is called, by the latest release that has it, and which are vetoes there."""
    named: dict[str, Named] = {}
    vetoes: dict[str, bool] = {}
    for release in releases:
        for code, standard in release.inspection_standards.items():
            path = release.category_path(standard.category)
            named[code] = Named(standard.names, tuple(release.categories[one].names for one in path))
            vetoes[code] = standard.veto
    return named, frozenset(code for code, is_veto in vetoes.items() if is_veto)
