"""The workbook of a release: the appraisal table and what stands behind it, made to be worked with.

Text is written as text whatever it looks like: a project named ``=cmd`` is a name. The file's own
dates are those of the release, so the same release gives the same bytes.
"""

from __future__ import annotations

from typing import Any

from yardstick.reports.content import Content
from yardstick.reports.language import Language, number, visible
from yardstick.reports.sheets import Book, Column, cut, lines_of

GRADE_COLOURS = {
    "excellent": ("#DDEBE2", "#1B5238"),
    "good": ("#DCE8EE", "#174659"),
    "pass": ("#F6EBCF", "#6E4706"),
    "fail": ("#F4DCD5", "#7E2B19"),
}
_RATIOS = ("ratio", "share", "fraction")


def write(content: Content, code: str) -> bytes:
    """The workbook of a release in one language.

    Args:
        content: the release.
        code: language.

    Returns:
        The bytes of an xlsx file with the sheets Appraisal, Indicators, Service items, Inspections (where there
        were any), Rejects, About.
    """
    book = Book(content, code)
    _appraisal(book)
    _indicators(book)
    _items(book)
    if content.categories:
        _inspections(book)
    _rejects(book)
    _about(book)
    return book.close()


def _appraisal(book: Book) -> None:
    content, t, lang = book.content, book.lang.text, book.lang
    codes = content.indicators
    has_vetoes = any(project.score.is_vetoed for project in content.projects)
    columns = [
        Column(t("rank"), 6, "centre"),
        Column(t("rank_range"), 8, "centre", t("league_note")),
        Column(t("project_id"), 15),
        Column(t("project"), 27, "name"),
        Column(t("region"), 10),
        Column(t("project_grade_column"), 8, "centre"),
        Column(t("person_id"), 12),
        Column(t("score"), 9, "score", t("note_score")),
        Column(t("score_low"), 10, "tenth", t("note_interval")),
        Column(t("score_high"), 10, "tenth", t("note_interval")),
        Column(t("grade"), 10, "centre"),
        Column(t("coefficient"), 11, "tenth", t("note_coefficient")),
        *([Column(t("veto"), 9, "centre", t("vetoed_note"))] if has_vetoes else []),
        Column(t("change"), 8, "signed", lang.period(content.before) if content.before else None),
        Column(t("weight_measured"), 10, "tenth", t("note_weight")),
        Column(t("opened"), 9, "whole"),
        Column(t("closed"), 9, "whole"),
        *(
            Column(
                lang.name(one.indicator_names, one.indicator) + "\n" + t("points"),
                14,
                "tenth",
                _describe(lang, one),
            )
            for one in codes
        ),
    ]
    rows = []
    for project in content.projects:
        score = project.score
        own = {one.indicator: one for one in project.indicators}
        span = None
        if score.rank_low is not None and score.rank_high is not None:
            span = (
                f"{score.rank_low}–{score.rank_high}"
                if score.rank_low != score.rank_high
                else str(score.rank_low)
            )
        rows.append(
            [
                score.rank,
                span,
                visible(score.project_id),
                lang.name(score.project_names, score.project_id),
                visible(score.region) if score.region else None,
                visible(score.project_grade),
                ", ".join(visible(person) for person in project.person_ids) or None,
                score.score,
                score.score_low,
                score.score_high,
                lang.label("grades", score.grade) if score.grade is not None else None,
                score.coefficient,
                *([t("vetoed") if score.is_vetoed else None] if has_vetoes else []),
                project.change.difference if project.change else None,
                score.weight_measured,
                score.tickets_opened,
                score.tickets_closed,
                *(_points(lang, own.get(one.indicator)) for one in codes),
            ]
        )
    title = f"{t('kind_' + content.release.period_kind)} · {lang.period(content.release)}"
    sheet = book.sheet("appraisal", title, columns, rows, frozen=4)
    last = 3 + max(1, len(rows))
    for grade, (fill, ink) in GRADE_COLOURS.items():
        sheet.conditional_format(
            4,
            10,
            last,
            10,
            {
                "type": "cell",
                "criteria": "==",
                "value": '"' + lang.label("grades", grade) + '"',
                "format": book.book.add_format({"bg_color": fill, "font_color": ink, "bold": True}),
            },
        )
    if codes:
        bar = {
            "type": "data_bar",
            "bar_solid": True,
            "bar_color": "#DCE7EC",
            "min_type": "num",
            "max_type": "num",
            "min_value": 0,
            "max_value": 100,
        }
        first = len(columns) - len(codes)
        for place in range(first, first + len(codes)):
            sheet.conditional_format(4, place, last, place, bar)


def _describe(lang: Language, one: Any) -> str:
    return f"{lang.label('parts', one.reform_part)} · {one.indicator}"


def _points(lang: Language, one: Any) -> Any:
    if one is None:
        return None
    return one.points if one.is_measured else (lang.why_unmeasured(one), "unmeasured")


def _indicators(book: Book) -> None:
    t, lang = book.lang.text, book.lang
    columns = [
        Column(t("project_id"), 15),
        Column(t("project"), 28, "name"),
        Column(t("reform_part_column"), 18),
        Column(t("indicator"), 28, "name"),
        Column(t("unit"), 10),
        Column(t("direction"), 11),
        Column(t("numerator"), 11, "whole"),
        Column(t("denominator"), 11, "whole"),
        Column(t("value"), 11, "plain"),
        Column(t("value_low"), 11, "plain", t("note_interval")),
        Column(t("value_high"), 11, "plain", t("note_interval")),
        Column(t("floor"), 10, "plain"),
        Column(t("target"), 10, "plain"),
        Column(t("points"), 9, "score"),
        Column(t("weight_full"), 10, "tenth"),
        Column(t("weight_effective"), 10, "tenth"),
        Column(t("lost"), 9, "tenth", t("where_lost_note")),
        Column(t("minimum_sample"), 10, "whole"),
        Column(t("measured"), 36),
        Column(t("days_incomplete"), 12, "whole", t("incomplete_hint")),
    ]
    rows = []
    for project in book.content.projects:
        lost = project.lost
        for one in project.indicators:
            style = "ratio" if one.unit in _RATIOS else "plain"
            rows.append(
                [
                    visible(project.project_id),
                    lang.name(project.score.project_names, project.project_id),
                    lang.label("parts", one.reform_part),
                    lang.name(one.indicator_names, one.indicator),
                    "%" if one.unit in _RATIOS else lang.label("units", one.unit) or one.unit,
                    t(one.direction) if one.direction in ("higher", "lower") else one.direction,
                    one.numerator,
                    one.denominator,
                    (one.value, style),
                    (one.value_low, style),
                    (one.value_high, style),
                    (one.floor_value, style),
                    (one.target_value, style),
                    one.points,
                    one.weight,
                    one.weight_effective,
                    lost[one.indicator] if one.is_measured else None,
                    one.minimum_sample,
                    t("yes") if one.is_measured else lang.why_unmeasured(one),
                    one.days_incomplete,
                ]
            )
    book.sheet(
        "indicators", f"{t('indicators')} · {lang.period(book.content.release)}", columns, rows, frozen=4
    )


def _items(book: Book) -> None:
    t, lang = book.lang.text, book.lang
    columns = [
        Column(t("project_id"), 15),
        Column(t("project"), 28, "name"),
        Column(t("service_item_id"), 18),
        Column(t("service_item"), 34, "name"),
        Column(t("opened"), 11, "whole"),
        Column(t("due"), 11, "whole"),
        Column(t("met"), 11, "whole"),
        Column(t("missed"), 11, "whole"),
        Column(t("on_time"), 12, "ratio"),
        Column(t("open_at_end"), 12, "whole"),
    ]
    rows = [
        [
            visible(project.project_id),
            lang.name(project.score.project_names, project.project_id),
            visible(item.service_item_id),
            lang.name(item.service_item_names, item.service_item_id),
            item.tickets_opened,
            item.tickets_due,
            item.tickets_due_met,
            item.tickets_missed,
            item.tickets_due_met / item.tickets_due if item.tickets_due else None,
            item.tickets_open_at_end,
        ]
        for project in book.content.projects
        for item in project.items
    ]
    title = f"{t('service_items_all')} · {lang.period(book.content.release)}"
    sheet = book.sheet("items", title, columns, rows, frozen=4)
    if rows:
        bar = {
            "type": "data_bar",
            "bar_solid": True,
            "bar_color": "#F2DAD2",
            "min_type": "num",
            "min_value": 0,
        }
        sheet.conditional_format(4, 7, 3 + len(rows), 7, bar)


def _inspections(book: Book) -> None:
    t, lang = book.lang.text, book.lang
    columns = [
        Column(t("project_id"), 15),
        Column(t("project"), 28, "name"),
        Column(t("category_level"), 8, "centre"),
        Column(t("category_code"), 24),
        Column(t("category"), 30, "name"),
        Column(t("category_above"), 24),
        Column(t("items_checked"), 11, "whole"),
        Column(t("items_failed"), 11, "whole"),
        Column(t("pass_share_weighted"), 12, "ratio"),
        Column(t("full_points"), 12, "tenth"),
        Column(t("deducted_points"), 11, "tenth"),
        Column(t("findings"), 11, "whole"),
        Column(t("nonconformities_open"), 12, "whole"),
        Column(t("nonconformities_overdue"), 12, "whole"),
    ]
    rows = [
        [
            visible(project.project_id),
            lang.name(project.score.project_names, project.project_id),
            one.depth,
            visible(one.category),
            lang.category_name(one),
            visible(one.parent_category) if one.parent_category else None,
            one.items_checked,
            one.items_failed,
            one.pass_share,
            one.full_points,
            one.deducted_points,
            one.findings,
            one.nonconformities_open,
            one.nonconformities_overdue,
        ]
        for project in book.content.projects
        for one in project.categories
    ]
    title = f"{t('inspections')} · {lang.period(book.content.release)}"
    sheet = book.sheet("inspections", title, columns, rows, frozen=5)
    bar = {"type": "data_bar", "bar_solid": True, "bar_color": "#F2DAD2", "min_type": "num", "min_value": 0}
    sheet.conditional_format(4, 7, 3 + len(rows), 7, bar)


def _rejects(book: Book) -> None:
    t, lang = book.lang.text, book.lang
    columns = [
        Column(t("reject_source"), 24),
        Column(t("reject_entity"), 18),
        Column(t("reject_rule"), 44),
        Column(t("reject_field"), 24),
        Column(t("reject_rows"), 12, "whole"),
    ]
    rows = [
        [
            visible(one.source_id),
            lang.label("entities", one.entity),
            lang.label("rules", one.rule),
            visible(one.field),
            one.rows,
        ]
        for one in book.content.rejects
    ]
    book.sheet("rejects", f"{t('rejects')} · {lang.period(book.content.release)}", columns, rows, frozen=0)


def _about(book: Book) -> None:
    t, lang, release = book.lang.text, book.lang, book.content.release
    facts = [
        (t("release_id"), release.release_id),
        (t("period"), lang.period(release)),
        (t("period_dates"), f"{release.period_start:%Y-%m-%d} – {release.period_end:%Y-%m-%d}"),
        (
            t("signature"),
            t("signed_auto")
            if release.is_auto_signed
            else t("signed_person", who=visible(release.signed_by)),
        ),
        (t("signed_at"), lang.moment(release.signed_at)),
        (t("standards"), release.standards_release),
        (t("code_version"), release.code_version),
        (t("opened"), number(sum(d.tickets_opened for d in book.content.days))),
        (t("rejected"), number(release.rejects)),
        (t("content_hash"), release.content_sha256),
        (t("release_hash"), release.release_sha256),
    ]
    if release.is_auto_signed:
        facts.insert(4, ("", t("signed_auto_note", who=visible(release.signed_by))))
    if book.content.restates:
        facts.insert(1, ("", t("restated", n=release.version, of=book.content.restates.version)))
        facts.insert(2, ("", t("restated_reason", reason=visible(release.reason or "–"))))
    sheet = book.book.add_worksheet(t("sheets.about"))
    sheet.hide_gridlines(2)
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 86)
    sheet.set_row(0, 26)
    sheet.write_string(0, 0, f"{t('title')} · {lang.period(release)}", book.formats["title"])
    sheet.write_string(1, 0, t("about_note"), book.formats["quiet"])
    row = 3
    for label, value in facts:
        sheet.write_string(row, 0, label, book.formats["name"])
        sheet.write_string(row, 1, cut(value), book.formats["wrap"])
        row += 1
    row += 1
    sheet.write_string(row, 0, t("how_to_read"), book.formats["title"])
    for term, meaning in lang.how_to_read(has_inspections=bool(book.content.categories)):
        row += 1
        sheet.set_row(row, 4 + 13 * lines_of(meaning, 85))
        sheet.write_string(row, 0, term, book.formats["name"])
        sheet.write_string(row, 1, meaning, book.formats["wrap"])
