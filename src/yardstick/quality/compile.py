"""Compile a standards release onto the suites: every standard becomes one expectation of the suite it names.

The numbers are those of the release. A suite is checked once for every release that is in force on days of
the build, limited to those days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from yardstick.quality.model import CONDITION, Invariant, Judgement, Rule, Suite, SuiteError, Text
from yardstick.quality.suites import GATES, load_suites
from yardstick.standards import DataStandard, Release, ServiceStandard, in_force, indicator_code

INDICATORS = "service_indicators"

# Lists of the release that a data standard may name instead of writing them out.
_LISTS: Mapping[str, str] = {
    "{inspection_standards}": "inspection_standards",
    "{categories}": "categories",
}
_NAME = "{standards_release}"
_SIGNS = {">=": "≥", "<=": "≤"}


@dataclass(frozen=True)
class Compiled:
    """One suite as one release has it.

    Attributes:
        suite: what is read.
        release: whose standards and numbers the rules are.
        first_day: the first day on which the release is in force; None: it holds for all days before, too.
        until: the first day on which the next one is; None for none.
        rules: the suite's invariants and the release's standards.
    """

    suite: Suite
    release: Release
    first_day: date | None
    until: date | None
    rules: list[Rule]


def compile_suite(suite: Suite, release: Release) -> list[Rule]:
    """The expectations of a suite under a release: its invariants, then the standards that name it.

    Raises:
        SuiteError: when an invariant's standard is not one of the release, or a standard does not fit.
    """
    rules = [_of_invariant(suite, invariant, release) for invariant in suite.invariants]
    for standard in release.data_standards.values():
        if standard.suite == suite.name:
            kwargs = _filled(standard.expectation["kwargs"], release)
            if kwargs is not None:
                rules.append(_of_data(standard, release, kwargs))
    rules += [
        _of_service(service, release)
        for service in release.service_standards.values()
        if service.suite == suite.name
    ]
    if suite.name == INDICATORS:
        rules += [
            _of_indicator(code, indicator, release)
            for code, indicator in release.indicators.items()
            if "nonconformity" in indicator
        ]
    return rules


def compile_for(suites: Iterable[Suite], releases: Sequence[Release], days: Iterable[date]) -> list[Compiled]:
    """Every suite under every release in force on one of the days, in the order of suites and releases.

    What is judged as it is at present may have any day: it is compiled under every release. A suite that has
    no day is compiled once, under the release of the last day.

    Args:
        suites: of one gate.
        releases: all releases, in the order they come into force.
        days: the days of the build, at least one.
    """
    wanted = {release_on(releases, day).standards_release for day in days}
    latest = release_on(releases, max(days))
    compiled = []
    for suite in suites:
        for place, release in enumerate(releases):
            is_wanted = suite.scope == "present" or release.standards_release in wanted
            if suite.day is None:
                is_wanted = release is latest
            if not is_wanted:
                continue
            # where one release is in force on all of the days, every row is of its days
            is_whole = suite.day is None or (suite.scope != "present" and len(wanted) == 1)
            later = place + 1 < len(releases)
            compiled.append(
                Compiled(
                    suite,
                    release,
                    None if is_whole or not place else release.effective_from,
                    releases[place + 1].effective_from if later and not is_whole else None,
                    compile_suite(suite, release),
                )
            )
    return compiled


def release_on(releases: Sequence[Release], day: date) -> Release:
    """The release in force on a day; before the first one, the first."""
    return in_force(releases, max(day, releases[0].effective_from))


def problems(folder: Path, releases: Sequence[Release]) -> list[str]:
    """What does not fit between suites and releases, one sentence each; empty when all is well.

    Args:
        folder: the suites.
        releases: all releases.
    """
    found: list[str] = []
    suites: dict[str, Suite] = {}
    for gate in GATES:
        try:
            suites |= {suite.name: suite for suite in load_suites(folder, gate)}
        except SuiteError as error:
            found.append(str(error))
    for path in sorted(folder.glob("*.yml")):
        if path.stem not in suites and path.stem != "gates" and not found:
            found.append(f"{path}: gates.yml names this suite in no gate; name it there or delete the file")
    for release in releases:
        found += _unfit(suites, release)
    for name, suite in suites.items():
        try:
            if not any(compile_suite(suite, release) for release in releases):
                found.append(
                    f"{folder / name}.yml: no standard names this suite and it has no expectation of its own; "
                    "an empty suite would pass anything"
                )
        except SuiteError as error:
            found.append(str(error))
    return list(dict.fromkeys(found))


def as_data(compiled: Iterable[Compiled]) -> list[dict[str, Any]]:
    """Compiled suites as plain data, for people: what is read, and every expectation with its texts."""
    return [
        {
            "suite": one.suite.name,
            "standards_release": one.release.standards_release,
            "gate": one.suite.gate,
            "relation": one.suite.relation,
            "batch": " ".join(one.suite.query.split()),
            "expectations": [
                {
                    "standard_code": rule.standard_code,
                    "dimension": rule.dimension,
                    "severity": rule.severity,
                    "type": rule.type,
                    "kwargs": dict(rule.kwargs),
                    "means": _both(rule.means),
                    "consequence": _both(rule.consequence),
                    "fixer": _both(rule.fixer),
                }
                for rule in one.rules
            ],
        }
        for one in compiled
    ]


def _both(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _unfit(suites: Mapping[str, Suite], release: Release) -> Iterable[str]:
    kinds: tuple[tuple[str, Mapping[str, DataStandard] | Mapping[str, ServiceStandard]], ...] = (
        ("data", release.data_standards),
        ("service", release.service_standards),
    )
    for part, standards in kinds:
        for code, standard in standards.items():
            place = f"{release.files[part]}: {part}_standards.{code}.suite"
            suite = suites.get(standard.suite)
            if suite is None:
                yield f"{place}: no gate has a suite {standard.suite!r}; name one of {', '.join(sorted(suites))}"
            elif part == "service" and not suite.is_service:
                yield (
                    f"{place}: {standard.suite} is read by {suite.scope}; "
                    "a service standard needs a suite whose scope is months or present"
                )
    for code, indicator in release.indicators.items():
        if "nonconformity" in indicator and indicator["kind"] == "quantile":
            yield (
                f"{release.files['indicators']}: indicators.{code}.nonconformity: "
                "a quantile's month is not known before it is appraised; name an indicator that counts"
            )


def _of_invariant(suite: Suite, invariant: Invariant, release: Release) -> Rule:
    standard = release.data_standards.get(invariant.standard_code)
    if standard is None:
        raise SuiteError(
            f"{suite.name}: {invariant.standard_code} is no data standard of {release.standards_release}; "
            "an expectation of a suite names the general standard that it is a case of"
        )
    return Rule(
        standard_code=invariant.standard_code,
        standards_release=release.standards_release,
        type=invariant.type,
        kwargs=invariant.kwargs,
        severity=invariant.severity or standard.severity,
        dimension=standard.dimension,
        means=invariant.means or Text(**standard.names),
        consequence=invariant.consequence or Text(**standard.consequence),
        fixer=invariant.fixer or Text(**standard.fixer),
    )


def _of_data(standard: DataStandard, release: Release, kwargs: Mapping[str, Any]) -> Rule:
    return Rule(
        standard_code=standard.standard_code,
        standards_release=release.standards_release,
        type=standard.expectation["type"],
        kwargs=kwargs,
        severity=standard.severity,
        dimension=standard.dimension,
        means=Text(**standard.names),
        consequence=Text(**standard.consequence),
        fixer=Text(**standard.fixer),
    )


def _filled(kwargs: Mapping[str, Any], release: Release) -> dict[str, Any] | None:
    """Arguments with the release's own lists and name; None when a list is empty: nothing to hold to then."""

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(one) for one in value]
        if not isinstance(value, str):
            return value
        if value in _LISTS:
            return list(getattr(release, _LISTS[value]))
        return value.replace(_NAME, release.standards_release)

    filled = {name: fill(value) for name, value in kwargs.items()}
    return None if any(value == [] for value in filled.values()) else filled


def _of_service(standard: ServiceStandard, release: Release) -> Rule:
    comparison, limit = (
        (">=", standard.at_least) if standard.at_least is not None else ("<=", standard.at_most)
    )
    applies = " and ".join(f"{column} = {_literal(value)}" for column, value in standard.where.items())
    return _judged(
        code=standard.standard_code,
        release=release,
        judgement=Judgement(
            applies=applies or "true",
            column=standard.column,
            limit=f"{_SIGNS[comparison]} {limit:g}",
            grade=standard.severity,
            accountable=standard.accountable,
            rectify_within_days=standard.rectify_within_days,
        ),
        holds=f"{standard.column} {comparison} {limit!r}",
        dimension=standard.category,
        means=Text(**standard.requirement),
        consequence=Text(**standard.consequence),
        fixer=Text(**standard.fixer),
    )


_FOR_VALUE = Text("项目当月成绩受影响，自动立为问题", "The project's month loses points; a finding is opened")


def _of_indicator(indicator: str, content: Mapping[str, Any], release: Release) -> Rule:
    """A month's value worse than the floor or target of the project's grade, with a sufficient sample."""
    comparison: Literal[">=", "<="] = ">=" if content["direction"] == "higher" else "<="
    finding = content["nonconformity"]
    below = finding["below"]
    bound = {"floor": Text("及格线", "floor"), "target": Text("目标", "target")}[below]
    bounds = {grade: target[below] for grade, target in content["project_grades"].items()}
    cases = " ".join(f"when {_literal(grade)} then {value!r}" for grade, value in bounds.items())
    names = Text(content["names"]["zh-Hans"], content["names"]["en"])
    limits = {grade: f"{_SIGNS[comparison]} {value:g}" for grade, value in bounds.items()}
    shown = ", ".join(f"{grade} {limit}" for grade, limit in limits.items())
    return _judged(
        code=indicator_code(indicator),
        release=release,
        judgement=Judgement(
            applies=f"indicator = {_literal(indicator)} and sample >= {content['minimum_sample']!r}",
            column="value",
            limit=shown,
            grade=finding["severity"],
            accountable=finding["accountable"],
            rectify_within_days=finding["rectify_within_days"],
            limit_by_grade=limits,
        ),
        holds=f"value {comparison} case project_grade {cases} end",
        dimension="indicator",
        means=Text(
            f"{names.zh}当月不差于本等级的{bound.zh}（{shown}）",
            f"{names.en}: the month is no worse than the {bound.en} of its grade ({shown})",
        ),
        consequence=_FOR_VALUE,
        fixer=Text(
            "责任岗位：查明丢分的明细，按期整改",
            "Accountable post: find where the points were lost and put it right in time",
        ),
    )


def _judged(*, code: str, release: Release, judgement: Judgement, holds: str, **texts: Any) -> Rule:
    condition = holds if judgement.applies == "true" else f"not ({judgement.applies}) or {holds}"
    return Rule(
        standard_code=code,
        standards_release=release.standards_release,
        type=CONDITION,
        kwargs={"column": judgement.column, "condition": condition},
        severity="service",
        judgement=judgement,
        **texts,
    )


def _literal(value: str | float | bool) -> str:
    """A value as SQL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else "'" + value.replace("'", "''") + "'"
