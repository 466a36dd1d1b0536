"""The gates' readable results: pages that need nothing from any other host."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import psycopg

from yardstick import warehouse
from yardstick.quality.ledger import Coverage
from yardstick.quality.model import Suite, Text, Verdict, shortened, told
from yardstick.quality.service import Change, Changes
from yardstick.settings import Settings

_KEPT_BUILDS = 100
_GATE_NAMES = {
    "staging": Text("整理后关卡", "Gate after staging"),
    "facts": Text("事实关卡", "Gate after facts"),
}
_WORDS: Mapping[str, Text] = {
    "completeness": Text("完整性", "completeness"),
    "range": Text("取值范围", "range"),
    "vocabulary": Text("词表", "vocabulary"),
    "timeliness": Text("及时性", "timeliness"),
    "plausibility": Text("合理性", "plausibility"),
    "uniqueness": Text("唯一性", "uniqueness"),
    "reconciliation": Text("对账", "reconciliation"),
    "inspection": Text("检查", "inspection"),
    "rectification": Text("整改", "rectification"),
    "complaints": Text("投诉", "complaints"),
    "satisfaction": Text("满意度", "satisfaction"),
    "safety": Text("安全", "safety"),
    "indicator": Text("指标", "indicator"),
    "blocking": Text("阻断", "blocking"),
    "warning": Text("警告", "warning"),
    "service": Text("立服务问题", "opens service findings"),
    "minor": Text("轻微", "minor"),
    "ordinary": Text("一般", "ordinary"),
    "serious": Text("严重", "serious"),
    "major": Text("重大", "major"),
}


def write_page(
    settings: Settings, suites: list[Suite], verdict: Verdict, covered: Coverage, changes: Changes | None
) -> None:
    """Write the page of one gate of one build.

    Args:
        settings: folder and language.
        suites: of the gate, in order.
        verdict: what was found.
        covered: the deliveries and days.
        changes: what the build did to the service findings; None at the gate that judges no service.
    """
    folder = settings.data_docs
    folder.mkdir(parents=True, exist_ok=True)
    by_suite = {
        suite.name: [found for found in verdict.findings if found.suite == suite.name] for suite in suites
    }
    text = (
        _pages(settings)
        .get_template("gate.html")
        .render(
            title=f"{_GATE_NAMES[verdict.gate].of(settings.language)} · build {verdict.build_id}",
            verdict=verdict,
            suites=[suite for suite in suites if by_suite[suite.name]],
            findings=by_suite,
            failures=[found for found in verdict.findings if not found.success],
            releases=sorted(
                {found.standards_release for found in verdict.findings if found.standards_release}
            ),
            changes=changes,
            first_day=covered.first_day,
            last_day=covered.last_day,
            checked_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )
    (folder / _page_name(verdict.gate, verdict.build_id)).write_text(text, encoding="utf-8")
    for old in sorted(folder.glob("build-*.html"))[: -2 * _KEPT_BUILDS]:
        old.unlink(missing_ok=True)


def write_index(settings: Settings, connection: psycopg.Connection[Any]) -> None:
    """Write the page of all gates."""
    rows = warehouse.rows(
        connection,
        "select build_id, gate, is_passed, expectations, blocking_failures, warnings, findings_opened, "
        "findings_settled, decided_at from ops.gate_verdict order by build_id desc, decided_at desc limit 200",
    )
    for row in rows:
        page = _page_name(row["gate"], row["build_id"])
        row["page"] = page if (settings.data_docs / page).exists() else None
    names = {gate: text.of(settings.language) for gate, text in _GATE_NAMES.items()}
    text = _pages(settings).get_template("index.html").render(rows=rows, names=names)
    (settings.data_docs / "index.html").write_text(text, encoding="utf-8")


def _page_name(gate: str, build_id: int) -> str:
    return f"build-{build_id:06d}-{gate}.html"


def _pages(settings: Settings) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals |= {
        "language": settings.language,
        "t": lambda zh, en: Text(zh, en).of(settings.language),
        "word": lambda code: _WORDS[code].of(settings.language) if code in _WORDS else code,
        "observed": told,
        "shown": _shown,
        "named": lambda change: _named(change, settings.language),
        "shortened": shortened,
    }
    return environment


def _shown(example: Any) -> str:
    """A row of a failure: its columns and values, as text."""
    if not isinstance(example, Mapping):
        return str(example)
    return ", ".join(f"{name} {'–' if value is None else value}" for name, value in example.items())


def _named(change: Change, language: str) -> str:
    names = change.names
    return str(names.get(language) or names.get("zh" if language.startswith("zh") else "en") or "")
