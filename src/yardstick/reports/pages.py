"""HTML pages of a release: the period's page, one per project, and the index of all periods.

Each page stands alone (its style is in it), opens from a folder or over HTTP, and asks for nothing
from elsewhere; a content security policy says so to the browser, too.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from yardstick.reports import charts, deliveries, inspections, language
from yardstick.reports.content import Content, Project
from yardstick.reports.inspections import Category, Standing
from yardstick.reports.language import Language, number
from yardstick.reports.rows import Release
from yardstick.settings import LANGUAGES

_HERE = Path(__file__).parent
GRADE_LEVELS = {"excellent": 4, "good": 3, "pass": 2, "fail": 1}
ITEMS_SHOWN = 7
MOVES_SHOWN = 4
ROOTS_SHOWN, BELOW_SHOWN = 4, 2
_MISSED_WORTH_A_SHARE = 10
# More indicators than these do not fit beside score and grade: they get a table of their own.
_INDICATORS_BESIDE = 8


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _policy() -> str:
    """Only our own style and our own script may run; nothing is loaded from anywhere."""
    digest = base64.b64encode(hashlib.sha256(_file("sort.js").encode()).digest()).decode()
    ours = f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return f"default-src 'none'; {ours}; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        style=Markup(_file("style.css")),  # noqa: S704 - our own file
        script=Markup(_file("sort.js")),  # noqa: S704 - our own file
        policy=_policy(),
        number=number,
        visible=language.visible,
        languages=[(code, Language(code).text("language")) for code in LANGUAGES],
        grade_levels=GRADE_LEVELS,
        dash=language.NONE,
    )
    return environment


class Scale:
    """A horizontal scale for scores: from a round number below the lowest interval shown, to 100."""

    def __init__(self, lows: list[float | None]) -> None:
        known = [low for low in lows if low is not None]
        self.low = max(0, min(60, int(min(known, default=60) // 10 * 10)))

    def at(self, value: float) -> str:
        """Place of a score as a CSS percentage."""
        share = (value - self.low) / (100 - self.low)
        return f"{100 * min(1.0, max(0.0, share)):.2f}%"

    def width(self, low: float, high: float) -> str:
        """Length of an interval as a CSS percentage."""
        ends = [min(1.0, max(0.0, (value - self.low) / (100 - self.low))) for value in (low, high)]
        return f"{100 * (ends[1] - ends[0]):.2f}%"


def _render(template: str, code: str, **values: Any) -> str:
    lang = Language(code)
    return _environment().get_template(template).render(lang=lang, t=lang.text, **values)


def _scale(projects: list[Project]) -> Scale:
    lows = [low for one in projects for low in (one.score.score_low, one.score.score)]
    return Scale(lows)


def render_period(content: Content, code: str, drawing: charts.Drawing | None) -> str:
    """The page of the period: all projects, the figures of the whole, what was rejected, who signed.

    Args:
        content: the release.
        code: language of the page.
        drawing: the daily charts of all projects together.
    """
    weights = {
        one.indicator: {
            i.weight for p in content.projects for i in p.indicators if i.indicator == one.indicator
        }
        for one in content.indicators
    }
    due = sum(day.tickets_due for day in content.days)
    met = sum(day.tickets_due_met for day in content.days)
    return _render(
        "period.html.j2",
        code,
        content=content,
        release=content.release,
        root="../../..",
        here="index.html",
        scale=_scale(content.projects),
        weights={indicator: min(known) for indicator, known in weights.items() if len(known) == 1},
        workbook=workbook_name(content.release),
        drawing=drawing,
        due=due,
        met=met,
        opened=sum(day.tickets_opened for day in content.days),
        closed=sum(day.tickets_closed for day in content.days),
        open_at_end=content.days[-1].tickets_open if content.days else 0,
        is_wide=len(content.indicators) > _INDICATORS_BESIDE,
        inspected=_inspected(content),
        heat=_heat(content),
        incomplete=Language(code).incomplete(
            one for project in content.projects for one in project.indicators
        ),
    )


def render_project(content: Content, project: Project, code: str, drawing: charts.Drawing | None) -> str:
    """One project's page, which fits one sheet of A4 when printed; with inspections on both of its sides.

    Args:
        content: the release.
        project: one of its projects.
        code: language of the page.
        drawing: the project's daily charts.
    """
    missed_items = [item for item in project.items if item.tickets_missed]
    lost = project.lost
    return _render(
        "project.html.j2",
        code,
        content=content,
        release=content.release,
        project=project,
        score=project.score,
        root="../../../..",
        here=f"projects/{project.slug}.html",
        scale=Scale([low for _, one in project.trend for low in (one.score_low, one.score)]),
        lost=lost,
        by_lost=sorted(
            project.indicators, key=lambda one: (-lost[one.indicator], one.position, one.indicator)
        ),
        moves_shown=MOVES_SHOWN,
        items=missed_items[:ITEMS_SHOWN],
        items_more=len(project.items) - len(missed_items[:ITEMS_SHOWN]),
        **_tree(project, Language(code)),
        advice=_advice(project, Language(code)),
        incomplete=Language(code).incomplete(project.indicators),
        drawing=drawing,
        due=sum(day.tickets_due for day in project.days),
        met=sum(day.tickets_due_met for day in project.days),
        workbook=workbook_name(content.release),
    )


def _standing(project: Project, one: Category) -> Standing:
    rate = next((each for each in project.indicators if each.indicator == inspections.RATE_INDICATOR), None)
    return inspections.standing(
        one.pass_share, rate.floor_value if rate else None, rate.target_value if rate else None
    )


def _tree(project: Project, lang: Language) -> dict[str, Any]:
    """The worst categories of a project with the worst of those below each, and a line about the others."""
    found = inspections.roots(project.categories)
    tree: list[tuple[Category, Standing]] = []
    for root in found[:ROOTS_SHOWN]:
        under = [one for one in inspections.below(project.categories, root.category) if one.items_failed]
        tree += [(one, _standing(project, one)) for one in [root, *under[:BELOW_SHOWN]]]
    rest = found[ROOTS_SHOWN:]
    share = lang.percent(sum(one.weight_passed for one in rest), sum(one.weight_checked for one in rest))
    return {
        "tree": tree,
        "tree_more": lang.text("inspections_more", n=len(rest), share=share) if rest else None,
    }


def _inspected(content: Content) -> dict[str, float]:
    """Sums of all projects and root categories."""
    every = [one for project in content.projects for one in inspections.roots(project.categories)]
    names = (
        "items_checked",
        "weight_checked",
        "weight_passed",
        "nonconformities_open",
        "nonconformities_overdue",
    )
    return {name: sum(getattr(one, name) for one in every) for name in names}


def _heat(content: Content) -> list[tuple[Project, list[tuple[Category | None, Standing]], int]]:
    """Each inspected project with its root categories in the catalogue's order, and its overdue findings."""
    rows = []
    for project in content.projects:
        own = {one.category: one for one in project.categories if one.depth == 1}
        if not own:
            continue
        shown = [own.get(one.category) for one in content.categories]
        cells: list[tuple[Category | None, Standing]] = [
            (one, _standing(project, one) if one else "open") for one in shown
        ]
        rows.append((project, cells, sum(one.nonconformities_overdue for one in own.values())))
    return rows


def _advice(project: Project, lang: Language) -> list[str]:
    """What to rectify first: the costliest indicators, the service items behind them, the backlog."""
    sentences = lang.rectify(project.indicators, project.lost)
    if project.score.is_vetoed:
        sentences.insert(0, lang.text("rectify_veto"))
    if not sentences and any(one.is_measured for one in project.indicators):
        sentences.append(lang.text("rectify_none"))
    if sentence := lang.rectify_category(inspections.worst(project.categories)):
        sentences.append(sentence)
    missed = [item for item in project.items if item.tickets_missed][:2]
    if project.tickets_missed >= _MISSED_WORTH_A_SHARE and len(project.items) > 2:
        names = lang.text("and").join(
            lang.name(item.service_item_names, item.service_item_id) for item in missed
        )
        share = lang.percent(sum(item.tickets_missed for item in missed), project.tickets_missed, 0)
        sentences.append(lang.text("rectify_items", names=names, share=share))
    if project.days and (still_open := project.days[-1].tickets_open):
        sentences.append(lang.text("rectify_backlog", n=number(still_open)))
    return sentences


def render_deliveries(overview: deliveries.Overview | None, code: str) -> dict[str, str]:
    """The pages of who has delivered what: the first, and where there are many sources further ones of all.

    Args:
        overview: what the ledger says; None when it says nothing yet.
        code: language of the pages.

    Returns:
        Pages by file name.
    """
    lang = Language(code)
    if overview is None:
        return {
            "index.html": _render("deliveries.html.j2", code, overview=None, here="index.html", root="../..")
        }
    size, everybody = deliveries.ON_ONE_PAGE, overview.sources
    is_one = len(everybody) <= size
    shelves = [] if is_one else [everybody[n : n + size] for n in range(0, len(everybody), size)]
    found = deliveries.notes(overview, lang)
    counts = overview.counts()
    drawn = {
        (source.source_id, line.entity): deliveries.cells(source, line, overview.days, lang)
        for source in everybody
        for line in source.lines
    }
    common: dict[str, Any] = {
        "overview": overview,
        "root": "../..",
        "months": [(len(list(own)), lang.month(first)) for first, own in _by_month(overview.days)],
        "cells": drawn,
        "kinds": {cell.kind for row in drawn.values() for cell in row},
        "shelves": [(f"page-{n}.html", shelf) for n, shelf in enumerate(shelves, 1)],
    }
    telling = overview.telling
    shown = [*telling, *(one for one in everybody if one not in telling)] if is_one else telling[:size]
    pages = {
        "index.html": _render(
            "deliveries.html.j2",
            code,
            **common,
            here="index.html",
            notes=found[: deliveries.NOTED],
            notes_more=len(found) - len(found[: deliveries.NOTED]),
            counts=counts,
            expected=sum(counts.values()) - counts["not_due"],
            absent=counts["missing"] + counts["refused"] + counts["carried_on"],
            shown=shown,
            is_whole=is_one,
        )
    }
    for name, shelf in common["shelves"]:
        pages[name] = _render("deliveries_page.html.j2", code, **common, here=name, shown=shelf)
    return pages


def _by_month(days: Sequence[date]) -> Iterator[tuple[date, Iterator[date]]]:
    return (
        (date(year, month, 1), own) for (year, month), own in groupby(days, lambda day: (day.year, day.month))
    )


def render_index(releases: list[Release], code: str, *, links: Sequence[tuple[str, str]] = ()) -> str:
    """The list of everything that was released.

    Args:
        releases: latest period first, latest version of a period first.
        code: language of the page.
        links: other pages that there are: code of the text, and where the page is.
    """
    by_kind = {
        kind: [one for one in releases if one.period_kind == kind] for kind in ("month", "quarter", "year")
    }
    periods = {
        kind: [list(versions) for _, versions in groupby(ones, key=lambda one: one.period)]
        for kind, ones in by_kind.items()
        if ones
    }
    return _render("index.html.j2", code, periods=periods, links=links, root=".", here="index.html")


def workbook_name(release: Release) -> str:
    """File name of the workbook, in its language's folder."""
    return f"appraisal-{release.period}.xlsx"
