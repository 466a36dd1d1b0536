"""What the quality department gets when a month is released: are the standards fit, where to look, the handbook.

Companies that deliver no inspections, or whose standards say nothing of it, get nothing of it.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from yardstick import handbook, reports, sampling, standards, suitability, warehouse
from yardstick.errors import BadInputError
from yardstick.periods import period_bounds
from yardstick.settings import Settings
from yardstick.whole_file import put


def is_newest(settings: Settings, month: str) -> bool:
    """Whether no later day is published: of months that are released one after the other the last is looked at.

    Args:
        settings: the installation.
        month: such as ``2026-03``.
    """
    _, _, last = period_bounds(month)
    with warehouse.connect(settings.require_database_url(), name="yardstick-review") as connection:
        found = connection.execute(
            "select exists (select from publish.day where day > %s)", [last]
        ).fetchone()
    return found == (False,)


def judge_standards(settings: Settings) -> list[Path]:
    """Write the suitability of the standards over the last twelve months.

    Returns:
        The files; none when there is nothing to judge.
    """
    try:
        return suitability.review(settings)
    except standards.StandardsError:
        raise
    except BadInputError:
        return []


def plan_inspections(settings: Settings) -> list[Path]:
    """Write next month's sampling plan, for an app and for people, below ``standards`` of the reports.

    Returns:
        The files; none when the standards do not say how inspections are chosen.
    """
    with warehouse.connect(settings.require_database_url(), name="yardstick-plan") as connection:
        try:
            found = sampling.plan(connection, sampling.next_month(connection))
        except BadInputError:
            return []
    folder = settings.reports / "standards"
    files = {"csv": sampling.to_csv(found).encode(), "xlsx": sampling.to_workbook(found)}
    return [put(folder / f"plan-{found.month:%Y-%m}.{ending}", body) for ending, body in files.items()]


def print_handbook(settings: Settings, day: date | None = None) -> list[Path]:
    """Write the handbook of the release in force on a day below ``standards`` of the reports, and the index anew.

    Args:
        settings: the installation.
        day: default today.

    Returns:
        The files: a page and a workbook in every language, and the index that leads to everything.
    """
    releases = standards.read(settings.standards)
    release = standards.in_force(releases, day or date.today())
    place = releases.index(release)
    folder = settings.reports / "standards" / release.standards_release
    written = handbook.write(folder, release, releases[place - 1] if place else None)
    return [*written, *reports.index(settings)]
