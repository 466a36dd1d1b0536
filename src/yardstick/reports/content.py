"""What a report says, before it is said in any language: one release and its figures, read once.

Everything comes from the ``release`` schema. What the release tables leave implicit is worked out
here: the points each indicator cost, and which of them moved the score since the period before.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.rows import class_row

from yardstick.reports.inspections import Category
from yardstick.reports.rows import Day, Indicator, Item, RejectCount, Release, ReportError, Score

Connection = psycopg.Connection[Any]
Row = TypeVar("Row")

TREND_LENGTH = 5
_QUERIES = Path(__file__).parent / "queries"
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True)
class Change:
    """What moved a score since ``before``; the parts add up to the difference.

    Attributes:
        difference: score now minus score then, in points.
        parts: indicator and the points it brought (+) or cost (−), the largest move first.
        remainder: what the indicators do not explain; 0 unless the score holds more than indicators.
    """

    before: Release
    difference: float
    parts: list[tuple[Indicator, float]]
    remainder: float


@dataclass
class Project:
    """One project in the release, with everything its page says."""

    score: Score
    slug: str
    indicators: list[Indicator] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    categories: list[Category] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)
    person_ids: list[str] = field(default_factory=list)
    trend: list[tuple[Release, Score]] = field(default_factory=list)
    change: Change | None = None
    restated_from: Score | None = None

    @property
    def project_id(self) -> str:
        """The project's code."""
        return self.score.project_id

    @property
    def lost(self) -> dict[str, float]:
        """Points of the score lost by indicator code."""
        return points_lost(self.indicators)

    @property
    def tickets_missed(self) -> int:
        """Tickets not closed when promised, over all service items."""
        return sum(item.tickets_missed for item in self.items)


@dataclass
class Content:
    """One release with its projects in order of rank (those without a score last)."""

    release: Release
    projects: list[Project]
    indicators: list[Indicator]
    rejects: list[RejectCount]
    days: list[Day]
    before: Release | None
    restates: Release | None

    @property
    def scored(self) -> list[Project]:
        """Projects that have a score."""
        return [project for project in self.projects if project.score.score is not None]

    @property
    def categories(self) -> list[Category]:
        """The root categories that any project was inspected on, in the catalogue's order."""
        seen = {
            one.category: one for project in self.projects for one in project.categories if one.depth == 1
        }
        return sorted(seen.values(), key=lambda one: (one.position is None, one.position or 0, one.category))

    @property
    def unscored(self) -> list[Project]:
        """Projects that are shown but not appraised."""
        return [project for project in self.projects if project.score.score is None]


def points_lost(indicators: Iterable[Indicator]) -> dict[str, float]:
    """Points that each indicator took from 100: its share of the weight × (100 − its points).

    The share is of the weights in force after those of unmeasured indicators were shared out, so that
    100 − Σ lost is the score.

    Returns:
        Points by indicator code; an unmeasured indicator loses nothing.
    """
    known = list(indicators)
    measured = [one for one in known if one.points is not None]
    total = sum(one.weight_effective for one in measured)
    lost = {one.indicator: 0.0 for one in known}
    for one in measured:
        if total and one.points is not None:
            lost[one.indicator] = one.weight_effective / total * (100 - one.points)
    return lost


def explain_change(
    before: Release,
    then: Score,
    indicators_then: list[Indicator],
    now: Score,
    indicators_now: list[Indicator],
) -> Change | None:
    """Split the difference of two scores into the indicators that caused it.

    Since score = 100 − Σ lost at both times, difference = Σ (lost then − lost now), exactly.

    Returns:
        None when either period has no score.
    """
    if then.score is None or now.score is None:
        return None
    lost_then, lost_now = points_lost(indicators_then), points_lost(indicators_now)
    described = {one.indicator: one for one in [*indicators_then, *indicators_now]}
    parts = [(one, lost_then.get(code, 0.0) - lost_now.get(code, 0.0)) for code, one in described.items()]
    parts.sort(key=lambda part: (-abs(part[1]), part[0].position, part[0].indicator))
    difference = now.score - then.score
    return Change(before, difference, parts, difference - sum(move for _, move in parts))


def slugs(project_ids: Iterable[str]) -> dict[str, str]:
    """File names (without ending) for project codes, whatever a site wrote into them.

    A plain code stays as it is. One with other characters, a path in it, or differing from another
    only in case, gets a name made of what is plain in it and a digest of the whole.
    """
    known = list(project_ids)
    folded = Counter(code.casefold() for code in known)
    names = {}
    for code in known:
        if _SAFE_NAME.fullmatch(code) and folded[code.casefold()] == 1 and not code.endswith("."):
            names[code] = code
        else:
            plain = re.sub(r"[^A-Za-z0-9]+", "-", code).strip("-")[:40]
            digest = hashlib.sha256(code.encode()).hexdigest()[:12]
            names[code] = f"{plain}-{digest}" if plain else f"p-{digest}"
    return names


def query(name: str) -> LiteralString:
    """The text of ``queries/<name>.sql``."""
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")


def _select(connection: Connection, kind: type[Row], name: str, *parameters: Any) -> list[Row]:
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query(name), parameters).fetchall()


def releases(connection: Connection) -> list[Release]:
    """Every release, the latest period first, the latest version of a period first."""
    return _select(connection, Release, "releases")


def _ancestors(release: Release, known: list[Release]) -> list[Release]:
    """The releases before this one in the chain, nearest first.

    Later restatements of earlier periods are not among them, so a release can be published again at
    any time with the same bytes.
    """
    by_hash = {one.release_sha256: one for one in known}
    found: list[Release] = []
    link = release.previous_sha256
    while link in by_hash and by_hash[link] not in found:
        found.append(by_hash[link])
        link = found[-1].previous_sha256
    return found


def _comparable(release: Release, ancestors: list[Release]) -> list[Release]:
    """The newest version of each earlier period of the same kind, latest period first."""
    newest: dict[str, Release] = {}
    for one in ancestors:
        if one.period_kind == release.period_kind and one.period_start < release.period_start:
            newest.setdefault(one.period, one)
    return sorted(newest.values(), key=lambda one: one.period_start, reverse=True)


def add_up(days: Iterable[Day]) -> list[Day]:
    """Days of several projects as the days of all of them."""
    sums: dict[date, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for one in days:
        figures = (
            one.tickets_opened,
            one.tickets_closed,
            one.tickets_open,
            one.tickets_due,
            one.tickets_due_met,
        )
        sums[one.day] = [a + b for a, b in zip(sums[one.day], figures, strict=True)]
    return [Day(day, *sums[day]) for day in sorted(sums)]


def read(connection: Connection, release_id: str) -> Content:
    """Read one release; the caller's transaction should be read-only and repeatable.

    Raises:
        ReportError: when there is no such release.
    """
    known = releases(connection)
    release = next((one for one in known if one.release_id == release_id), None)
    if release is None:
        there = ", ".join(one.release_id for one in known) or "none"
        raise ReportError(f"release {release_id!r} does not exist; there are: {there}")
    ancestors = _ancestors(release, known)
    earlier = _comparable(release, ancestors)[:TREND_LENGTH]
    restates = next((one for one in ancestors if one.period == release.period), None)
    wanted = [one.release_id for one in [release, *earlier, *([restates] if restates else [])]]

    scores: dict[str, dict[str, Score]] = defaultdict(dict)
    for score in _select(connection, Score, "scores", wanted):
        scores[score.release_id][score.project_id] = score

    indicators: dict[tuple[str, str], list[Indicator]] = defaultdict(list)
    for indicator in _select(
        connection, Indicator, "indicators", [release_id, *(one.release_id for one in earlier[:1])]
    ):
        indicators[indicator.release_id, indicator.project_id].append(indicator)

    names = slugs(sorted(scores[release_id]))
    projects = [Project(score, names[score.project_id]) for score in scores[release_id].values()]
    by_id = {project.project_id: project for project in projects}
    for item in _select(connection, Item, "items", release_id):
        if item.project_id in by_id:
            by_id[item.project_id].items.append(item)
    for category in _select(connection, Category, "categories", release_id):
        if category.project_id in by_id:
            by_id[category.project_id].categories.append(category)
    all_days: list[Day] = []
    for project_id, *figures in connection.execute(query("days"), [release_id]):
        all_days.append(Day(*figures))
        if project_id in by_id:
            by_id[project_id].days.append(all_days[-1])
    for project_id, person_id in connection.execute(query("persons"), [release_id]):
        if project_id in by_id:
            by_id[project_id].person_ids.append(person_id)

    before = earlier[0] if earlier else None
    for project in projects:
        code = project.project_id
        project.indicators = indicators[release_id, code]
        project.trend = [
            (one, scores[one.release_id][code]) for one in earlier if code in scores[one.release_id]
        ]
        project.trend.insert(0, (release, project.score))
        if before and code in scores[before.release_id]:
            project.change = explain_change(
                before,
                scores[before.release_id][code],
                indicators[before.release_id, code],
                project.score,
                project.indicators,
            )
        if restates:
            project.restated_from = scores[restates.release_id].get(code)
    projects.sort(key=_in_order)

    shown = {one.indicator: one for project in projects for one in project.indicators}
    return Content(
        release=release,
        projects=projects,
        indicators=sorted(shown.values(), key=lambda one: (one.position, one.indicator)),
        rejects=_select(connection, RejectCount, "rejects", release_id),
        days=add_up(all_days),
        before=before,
        restates=restates,
    )


def _in_order(project: Project) -> tuple[bool, int, float, str]:
    score = project.score
    return (score.score is None, score.rank or 1_000_000, -(score.score or 0.0), score.project_id)
