"""The handbook as one page: it stands alone, opens from a folder, and asks for nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from yardstick import reports
from yardstick.handbook import content, curve
from yardstick.handbook.changes import Group
from yardstick.handbook.words import LANGUAGES, Words, first_up, plain, texts
from yardstick.reports.language import NONE
from yardstick.standards import Release

_HERE = Path(__file__).parent
_TYPES = ("daily", "weekly", "monthly", "quarterly", "yearly", "special")
CHANGES_SHOWN = 12


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    house = Path(reports.__file__).with_name("style.css").read_text(encoding="utf-8")
    own = (_HERE / "style.css").read_text(encoding="utf-8")
    environment.globals.update(
        style=Markup(house + own),  # noqa: S704 - our own files
        plain=plain,
        first_up=first_up,
        dash=NONE,
        changes_shown=CHANGES_SHOWN,
    )
    return environment


def render(words: Words, before: Release | None, changes: Sequence[Group], files: Mapping[str, str]) -> str:
    """The page of one release in one language.

    Args:
        words: release and language.
        before: the release that was in force before it; None for the first.
        changes: what changed since then.
        files: names of the files beside this one: ``page`` of every language by its code, ``workbook``.
    """
    release = words.release
    chapters = content.chapters(release)
    inspection = release.inspection_standards
    first = len(chapters) + 1
    numbers = {
        name: str(first + place)
        for place, name in enumerate(("indicators", "grades", "service", "sla", "data"))
    }
    types = [
        type_ for type_ in _TYPES if any(type_ in standard.inspected for standard in inspection.values())
    ]
    rules = content.service_rules(words)
    groups = content.data_groups(release)
    return (
        _environment()
        .get_template("handbook.html.j2")
        .render(
            words=words,
            t=words.text,
            release=release,
            before=before,
            changes=changes,
            tongues=[(code, texts(code)["language"], files[code]) for code in LANGUAGES],
            workbook=files["workbook"],
            counts=_counts(release, len(rules)),
            chapters=chapters,
            parts=_parts(words, chapters, numbers, len(rules), groups),
            numbers=numbers,
            types=types,
            weights=content.weights(release),
            curves={code: _curve(words, one) for code, one in release.indicators.items()},
            score_rules=_score_rules(words),
            grade_ranges=content.grade_ranges(release),
            service_rules=rules,
            service_levels=content.service_levels(words),
            data_groups=groups,
        )
    )


def _counts(release: Release, service_rules: int) -> dict[str, int]:
    standards = release.inspection_standards.values()
    counts = {
        "inspection": len(standards),
        "veto": sum(one.veto for one in standards),
        "indicators": len(release.indicators),
        "service": service_rules,
        "sla": len(release.sla_policies),
        "data": len(release.data_standards),
    }
    return {key: n for key, n in counts.items() if n}


def _parts(
    words: Words,
    chapters: Sequence[content.Section],
    numbers: Mapping[str, str],
    service_rules: int,
    groups: Sequence[tuple[str, Mapping[str, Any]]],
) -> list[dict[str, Any]]:
    """The contents: parts with chapters, and below each its sections."""

    def entry(anchor: str, number: str, title: str, count: int, below: Sequence[Any] = ()) -> dict[str, Any]:
        return {"anchor": anchor, "number": number, "title": title, "count": count, "below": below}

    def of(section: content.Section, depth: int) -> dict[str, Any]:
        below = [of(inner, depth + 1) for inner in section.sections] if depth < 2 else []
        title = words.say(section.names, section.code)
        return entry(section.code, section.number, title, len(section.all), below)

    release = words.release
    indicators = [
        entry(code, "", words.say(one["names"], code), 0) for code, one in release.indicators.items()
    ]
    dimensions = [
        entry(f"data-{name}", "", words.label("dimensions", name), len(own)) for name, own in groups
    ]
    t = words.text
    parts = [
        ("inspection", [of(chapter, 1) for chapter in chapters]),
        (
            "appraisal",
            [
                entry("indicators", numbers["indicators"], t("indicators"), len(indicators), indicators),
                entry("grades", numbers["grades"], t("grades"), len(release.grades)),
            ],
        ),
        (
            "records",
            [
                entry("service-standards", numbers["service"], t("service_standards"), service_rules),
                entry("service-levels", numbers["sla"], t("service_levels"), len(release.sla_policies)),
                entry(
                    "data-standards",
                    numbers["data"],
                    t("data_standards"),
                    len(release.data_standards),
                    dimensions,
                ),
            ],
        ),
    ]
    return [{"title": t(f"parts.{name}"), "entries": entries} for name, entries in parts if entries]


def _curve(words: Words, indicator: Mapping[str, Any]) -> Markup:
    if indicator["scoring"] != "linear":
        return Markup("")
    low, high = curve.ends(indicator)
    unit = indicator["unit"]
    each = (
        f"{words.grade(grade)}{words.text('colon')}{words.points(indicator, target)}"
        for grade, target in indicator["project_grades"].items()
    )
    alt = words.text("curve_alt", text=" ".join(each))
    labels = {"low": words.value(low, unit), "high": words.value(high, unit)}
    return curve.draw(indicator, words.release.scoring["points_at_floor"], alt, labels)


def _score_rules(words: Words) -> list[str]:
    scoring = words.release.scoring
    values = {name: plain(scoring[name]) for name in ("points_at_floor", "minimum_weight_measured")}
    values["confidence"] = words.value(scoring["confidence"], "ratio")
    rules = [rule.format(**values) for rule in words.group("score_rules_list")]
    if days := scoring.get("repeat_within_days"):
        rules.append(words.text("optional_rules.repeat_within_days", n=days))
    if days := words.release.complaints.get("repeat_within_days"):
        rules.append(words.text("optional_rules.complaint_repeat_within_days", n=days))
    if grace := scoring.get("inspection_grace_days"):
        each = words.text("comma").join(
            words.text("grace", type=words.label("inspection_types", type_), n=n)
            for type_, n in grace.items()
        )
        rules.append(words.text("optional_rules.inspection_grace_days", each=each))
    return rules
