"""The page of the suitability of standards: it stands alone and asks for nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from yardstick import reports
from yardstick.reports.language import NONE, number
from yardstick.suitability import chart
from yardstick.suitability.verdicts import VERDICTS
from yardstick.suitability.words import LANGUAGES, Review, Words, odds, texts

_HERE = Path(__file__).parent


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    house = Path(reports.__file__).parent
    script = (house / "sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals.update(
        style=Markup(  # noqa: S704 - our own files
            (house / "style.css").read_text(encoding="utf-8")
            + (_HERE / "style.css").read_text(encoding="utf-8")
        ),
        script=Markup(script),  # noqa: S704 - our own file
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'",
        number=number,
        odds=odds,
        dash=NONE,
    )
    return environment


def render(review: Review, code: str, workbook: str) -> str:
    """The page in one language.

    Args:
        review: what was found.
        code: the language.
        workbook: file name of the workbook beside the page.
    """
    words = Words(code)
    found = review.findings
    present = {one.verdict for one in found.standards}
    names = {one.part.standard: words.name(review, one.part.standard) for one in found.standards}
    return (
        _environment()
        .get_template("suitability.html.j2")
        .render(
            w=words,
            t=words.text,
            review=review,
            found=found,
            workbook=workbook,
            tongues=[(other, texts(other)["language"], f"../{other}/index.html") for other in LANGUAGES],
            present=[verdict for verdict in VERDICTS if verdict in present],
            order={verdict: place for place, verdict in enumerate(VERDICTS)},
            scatter=chart.scatter(found.standards, names, review.thresholds, words),
            forest=chart.Forest.of(
                [one.shrunken for one in found.inspectors], review.thresholds.inspector_odds
            ),
            grades=sorted({one.part.grade for one in found.by_grade if one.part.grade}),
            graded={(one.part.standard, one.part.grade): one for one in found.by_grade},
        )
    )
