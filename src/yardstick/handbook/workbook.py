"""The handbook as a workbook, to be filtered and worked with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yardstick.handbook import changes, content
from yardstick.handbook.book import Book
from yardstick.handbook.words import Words, plain
from yardstick.reports.sheets import Column
from yardstick.standards import Release

_TYPES = ("daily", "weekly", "monthly", "quarterly", "yearly", "special")


def write(words: Words, before: Release | None) -> bytes:
    """The workbook of one release in one language.

    Args:
        words: release and language.
        before: the release that was in force before it; None for the first.

    Returns:
        The bytes of an xlsx file: inspection standards, indicators, grades, data standards, service
        standards, service levels, what changed, and a sheet about the release.
    """
    release = words.release
    book = Book(
        words.code,
        title=f"{words.text('title')} {release.standards_release}",
        note=f"sha256 {release.content_sha256}",
        day=release.effective_from,
    )
    _inspection(book, words)
    _indicators(book, words)
    _grades(book, words)
    _data(book, words)
    _service(book, words)
    _service_levels(book, words)
    if before is not None:
        _changes(book, words, before)
    _about(book, words, before)
    return book.close()


def _sheet(
    book: Book, words: Words, key: str, columns: Sequence[Column], rows: Sequence[Any], frozen: int
) -> None:
    release = words.release
    line = [
        words.say(release.names, release.standards_release),
        release.standards_release,
        f"{words.text('effective_from')} {release.effective_from}",
    ]
    book.sheet(words.text(f"sheets.{key}"), " · ".join(line), columns, rows, frozen)


def _inspection(book: Book, words: Words) -> None:
    t = words.text
    columns = [
        Column(t("code"), 13, "code"),
        Column(t("standard"), 24, "name"),
        Column(t("chapter"), 12, "wrap"),
        Column(t("section"), 14, "wrap"),
        Column(t("place"), 14, "wrap"),
        Column(t("requirement"), 44, "wrap"),
        Column(t("check"), 44, "wrap"),
        Column(t("scoring"), 24, "wrap"),
        Column(t("full_score"), 7, "number"),
        Column(t("weight"), 7, "number"),
        Column(t("veto"), 9, "alert"),
        Column(t("severity"), 10, "centre"),
        Column(t("rectify_days"), 9, "whole"),
        *(Column(words.label("inspection_types", type_), 9, "centre") for type_ in _TYPES),
        Column(t("check_every_days"), 11, "whole"),
        Column(t("evidence"), 14, "wrap"),
        Column(t("applies_grades"), 14, "wrap"),
        Column(t("applies_types"), 14, "wrap"),
        Column(t("applies_facilities"), 14, "wrap"),
        Column(t("held_to"), 13, "wrap"),
    ]
    rows = []
    for chapter in content.chapters(words.release):
        for code, one in chapter.all.items():
            path = [words.category(category) for category in words.release.category_path(one.category)]
            limits = one.applies_to
            rows.append(
                [
                    code,
                    words.say(one.names, code),
                    *[path[depth] if depth < len(path) else None for depth in range(3)],
                    words.say(one.requirement),
                    words.say(one.check),
                    words.scoring(one),
                    one.scoring["full_score"],
                    one.weight,
                    t("veto") if one.veto else None,
                    words.label("severities", one.severity),
                    one.rectify_within_days,
                    *("●" if type_ in one.inspected else None for type_ in _TYPES),
                    one.check_every_days,
                    words.labels("evidence_kinds", one.evidence),
                    words.listed([words.grade(grade) for grade in limits.get("project_grades", ())])
                    or t("all"),
                    words.labels("project_types", limits.get("project_types", ())) or t("all"),
                    words.labels("facilities", limits.get("facilities", ())) or None,
                    words.label("functions", words.release.categories[one.category].function),
                ]
            )
    _sheet(book, words, "inspection", columns, rows, frozen=2)


def _indicators(book: Book, words: Words) -> None:
    t = words.text
    columns = [
        Column(t("indicator_code"), 28, "code"),
        Column(t("indicator"), 30, "name"),
        Column(t("reform_part"), 16, "wrap"),
        Column(t("project_grade"), 16, "wrap"),
        Column(t("weight"), 8, "number"),
        Column(t("zero"), 10, "number"),
        Column(t("floor"), 10, "number"),
        Column(t("target"), 10, "number"),
        Column(t("unit"), 12, "text"),
        Column(t("direction"), 11, "text"),
        Column(t("minimum_sample"), 10, "whole"),
        Column(t("counted"), 42, "wrap"),
        Column(t("points_rule"), 60, "wrap"),
        Column(t("finding"), 44, "wrap"),
    ]
    rows = []
    for code, one in words.release.indicators.items():
        style = "ratio" if one["unit"] == "ratio" else "number"
        for grade, target in one["project_grades"].items():
            rows.append(
                [
                    code,
                    words.say(one["names"], code),
                    words.label("reform_parts", one["reform_part"]),
                    words.grade(grade),
                    target["weight"],
                    *((target.get(name), style) for name in ("zero", "floor", "target")),
                    words.label("units", one["unit"]),
                    t(one["direction"]),
                    one["minimum_sample"],
                    words.counted(one),
                    words.points(one, target),
                    words.nonconformity(code, one),
                ]
            )
    _sheet(book, words, "indicators", columns, rows, frozen=2)


def _grades(book: Book, words: Words) -> None:
    t = words.text
    columns = [
        Column(t("grade"), 20, "name"),
        Column(t("score_from"), 14, "number"),
        Column(t("score_below"), 14, "number"),
        Column(t("coefficient"), 14, "tenth"),
    ]
    rows = [
        [words.say(grade["names"], code), grade["minimum_score"], above, grade["coefficient"]]
        for code, grade, above in content.grade_ranges(words.release)
    ]
    _sheet(book, words, "grades", columns, rows, frozen=1)


def _data(book: Book, words: Words) -> None:
    t = words.text
    columns = [
        Column(t("code"), 12, "code"),
        Column(t("what"), 46, "name"),
        Column(t("dimension"), 15, "text"),
        Column(t("blocks"), 12, "centre"),
        Column(t("consequence"), 46, "wrap"),
        Column(t("fixer"), 46, "wrap"),
        Column(t("suite"), 24, "code"),
    ]
    rows = [
        [
            code,
            words.say(one.names, code),
            words.label("dimensions", one.dimension),
            t(one.severity),
            words.say(one.consequence),
            words.say(one.fixer),
            one.suite,
        ]
        for _, group in content.data_groups(words.release)
        for code, one in group.items()
    ]
    _sheet(book, words, "data", columns, rows, frozen=2)


def _service(book: Book, words: Words) -> None:
    t = words.text
    columns = [
        Column(t("code"), 28, "code"),
        Column(t("standard"), 34, "name"),
        Column(t("requirement"), 52, "wrap"),
        Column(t("limit"), 26, "wrap"),
        Column(t("severity"), 10, "centre"),
        Column(t("accountable"), 18, "wrap"),
        Column(t("rectify_days"), 10, "whole"),
        Column(t("consequence"), 40, "wrap"),
        Column(t("fixer"), 40, "wrap"),
    ]
    rows = [
        [
            one.code,
            one.name,
            one.requirement,
            one.limit,
            words.label("severities", one.severity),
            words.label("functions", one.accountable),
            one.rectify_within_days,
            one.consequence,
            one.fixer,
        ]
        for one in content.service_rules(words)
    ]
    _sheet(book, words, "service", columns, rows, frozen=2)


def _service_levels(book: Book, words: Words) -> None:
    t = words.text
    columns = [
        Column(t("code"), 18, "code"),
        Column(t("policy"), 22, "name"),
        Column(t("applies_tickets"), 44, "wrap"),
        Column(t("promised"), 26, "wrap"),
        Column(t("minutes"), 10, "whole"),
        Column(t("clock"), 20, "text"),
        Column(t("rests"), 44, "wrap"),
    ]
    rows = [
        [
            one.policy,
            one.name,
            t("semicolon").join(
                label if codes is None else f"{label}{t('colon')}{t('comma').join(codes)}"
                for label, codes in one.asked
            ),
            target,
            minutes,
            clock,
            rests or None,
        ]
        for one in content.service_levels(words)
        for target, minutes, clock, rests in one.targets
    ]
    _sheet(book, words, "sla", columns, rows, frozen=2)


def _changes(book: Book, words: Words, before: Release) -> None:
    t = words.text
    columns = [
        Column(t("sheets.changes"), 22, "wrap"),
        Column(t("code"), 28, "code"),
        Column(t("name"), 34, "name"),
        Column(t("change"), 90, "wrap"),
    ]
    _sheet(book, words, "changes", columns, changes.every(words, before), frozen=0)


def _about(book: Book, words: Words, before: Release | None) -> None:
    t = words.text
    release = words.release
    sums = [f"{words.grade(grade)} {plain(n)}" for grade, n in content.weights(release).items()]
    told = t("changes_first")
    if before is not None:
        told = t("changes_since", release=before.standards_release, day=words.day(before.effective_from))
    rows = [
        [t("release"), release.standards_release],
        [t("effective_from"), words.day(release.effective_from)],
        [t("about.hash"), release.content_sha256],
        [t("total"), t("semicolon").join(sums)],
        [t("changes"), told],
    ]
    columns = [Column(t("sheets.about"), 22, "name"), Column(t("about.title"), 110, "wrap")]
    _sheet(book, words, "about", columns, rows, frozen=0)
