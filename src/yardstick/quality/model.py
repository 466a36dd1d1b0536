"""What a gate works with: suites, the rules compiled for them, findings and the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Gate = Literal["staging", "facts"]
Severity = Literal["blocking", "warning", "service"]
Scope = Literal["deliveries", "days", "months", "present", "query"]

EXAMPLES = 10
ROWS = "unexpected_rows_expectation"
CONDITION = "expect_column_values_to_meet_condition"


class SuiteError(ValueError):
    """A suite file, or a standard that names it, is wrong; the message names the file and the field."""


@dataclass(frozen=True)
class Text:
    """One text in both languages."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        """The text in the language asked for, Chinese for both scripts."""
        return self.zh if language.startswith("zh") else self.en

    def other(self, language: str) -> str:
        """The text in the other one."""
        return self.en if language.startswith("zh") else self.zh


@dataclass(frozen=True)
class Judgement:
    """What a service standard asks of every row of its batch.

    Attributes:
        applies: SQL condition: the rows that are held to it.
        column: the column that is judged.
        limit: what the column is compared with, as text: ``≥ 1``.
        limit_by_grade: the same by project grade, where it depends on it.
        grade: severity of a finding: minor, ordinary, serious or major.
        accountable: post_function at the project that owns a finding.
        rectify_within_days: days from the judged day until a finding is due.
    """

    applies: str
    column: str
    limit: str
    grade: str
    accountable: str
    rectify_within_days: int
    limit_by_grade: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """One standard, compiled to one expectation.

    Attributes:
        standard_code: the standard.
        standards_release: the release that it was compiled from.
        type: Great Expectations' name of the expectation, in snake case.
        kwargs: its arguments, with the release's numbers.
        severity: what a failure does.
        dimension: of data: completeness, range, …; of service: the standard's category.
        means: what it says.
        consequence: what a failure does, in words.
        fixer: who puts it right, and how.
        judgement: of a service standard.
    """

    standard_code: str
    standards_release: str
    type: str
    kwargs: Mapping[str, Any]
    severity: Severity
    dimension: str
    means: Text
    consequence: Text
    fixer: Text
    judgement: Judgement | None = None

    @cached_property
    def columns(self) -> list[str]:
        """The columns it looks at."""
        found: list[str] = []
        for name in ("column", "column_A", "column_B", "column_list"):
            value = self.kwargs.get(name, [])
            found += [value] if isinstance(value, str) else value
        return found

    @property
    def argued(self) -> str:
        """What it does, for people who read SQL."""
        return str(
            self.kwargs.get("unexpected_rows_query") or self.kwargs.get("condition") or dict(self.kwargs)
        )


@dataclass(frozen=True)
class Invariant:
    """An expectation that a suite keeps of its own: model logic, under a general data standard.

    Attributes:
        standard_code: the standard that it is a case of; what it does not say is that standard's.
        type: Great Expectations' name of it, in snake case.
        kwargs: its arguments.
        severity: whether its failure stops the build.
        means: what it says about the data.
        consequence: what a failure does.
        fixer: who puts it right, and how.
    """

    standard_code: str
    type: str
    kwargs: Mapping[str, Any]
    severity: Severity | None
    means: Text | None
    consequence: Text | None
    fixer: Text | None


@dataclass(frozen=True)
class Suite:
    """What is read of one relation, and the invariants of its model.

    Attributes:
        name: the file's stem; data and service standards name it.
        names: title for people.
        gate: the gate it belongs to.
        relation: ``schema.table`` it is about.
        scope: what of the relation a build looks at: the rows of its ``deliveries`` or ``days``, of the
            ``months`` its days are in, all of it as it is at ``present``, or a ``query`` of its own.
        query: the batch, a SELECT in which ``{build_id}`` stands for the build.
        day: the column whose value says which release is in force for a row; None: the build's last day.
        entities: when the build brought rows of one of these, the query must return some.
        key: columns that name a row in a failure.
        invariants: expectations of its own.
        is_materialised: the batch is computed once, into a temporary table; a view of a mere filter need not be.
    """

    name: str
    names: Text
    gate: Gate
    relation: str
    scope: Scope
    query: str
    day: str | None
    entities: tuple[str, ...]
    key: list[str]
    invariants: list[Invariant]
    is_materialised: bool = False

    @property
    def is_service(self) -> bool:
        """Its batch can be judged by service standards."""
        return self.scope in ("months", "present")

    def other(self, language: str) -> str:
        """The title in the language that is not the reader's."""
        return self.names.other(language)


@dataclass(frozen=True)
class Finding:
    """One expectation and its outcome."""

    suite: str
    relation: str
    expectation: str
    columns: list[str]
    severity: Severity
    success: bool
    observed: dict[str, Any]
    delivery_ids: list[int]
    means: Text
    consequence: Text
    fixer: Text
    standard_code: str | None = None
    standards_release: str | None = None
    dimension: str | None = None
    argued: str = ""

    def told(self, language: str) -> str:
        """One line for the log: what, where, how many, which rows, what follows and who acts."""
        deliveries = shortened(self.delivery_ids)
        columns = f" {', '.join(self.columns)}" if self.columns else ""
        code = f"{self.standard_code} " if self.standard_code else ""
        return (
            f"- {code}{self.suite} ({self.relation}): {self.means.of(language)} "
            f"[{self.expectation}{columns}] observed {told(self.observed, language, examples=3)}; "
            f"deliveries {deliveries}; {self.consequence.of(language)} → {self.fixer.of(language)}"
        )


@dataclass(frozen=True)
class Verdict:
    """What a gate decided about a build."""

    gate: Gate
    build_id: int
    expectations: int
    findings: list[Finding] = field(repr=False)

    @cached_property
    def blocking_failures(self) -> list[Finding]:
        """What stops the build."""
        return [found for found in self.findings if not found.success and found.severity == "blocking"]

    @cached_property
    def warnings(self) -> list[Finding]:
        """What somebody should look at."""
        return [found for found in self.findings if not found.success and found.severity == "warning"]

    @cached_property
    def service_failures(self) -> list[Finding]:
        """Service standards that somebody fell short of; they stop nothing."""
        return [found for found in self.findings if not found.success and found.severity == "service"]

    @property
    def passed(self) -> bool:
        """Nothing blocking failed and something was checked."""
        return not self.blocking_failures and self.expectations > 0


class GateFailed(RuntimeError):  # noqa: N818 - it is a verdict, not a mishap
    """A blocking expectation failed; nothing is published.

    Attributes:
        verdict: everything that was found.
    """

    def __init__(self, verdict: Verdict, language: str) -> None:
        self.verdict = verdict
        lines = [finding.told(language) for finding in verdict.blocking_failures]
        super().__init__(
            f"gate {verdict.gate} of build {verdict.build_id} failed on {len(lines)} of "
            f"{len(verdict.findings)} checks; readers keep the last audited data\n" + "\n".join(lines)
        )


def shortened(values: list[int]) -> str:
    """The first numbers of a list, and how many more there are."""
    shown = ", ".join(map(str, values[:EXAMPLES]))
    return f"{shown} and {len(values) - EXAMPLES} more" if len(values) > EXAMPLES else shown or "none"


def told(observed: Mapping[str, Any], language: str = "en", *, examples: int = 0) -> str:
    """What was observed, in a few words."""

    def say(zh: str, en: str) -> str:
        return Text(zh, en).of(language)

    if "exception" in observed:
        return say("异常：", "an exception: ") + str(observed["exception"])
    parts = []
    if "unexpected_count" in observed:
        failing, rows = observed["unexpected_count"], observed.get("element_count", "?")
        parts.append(say(f"{rows} 行中有 {failing} 行", f"{failing} of {rows} rows"))
    elif "observed_value" in observed:
        parts.append(say(f"{observed['observed_value']} 行", f"{observed['observed_value']} rows"))
    elif "element_count" in observed:
        rows, delivered = observed["element_count"], observed.get("rows_delivered")
        parts.append(say(f"送达 {delivered} 行，见到 {rows} 行", f"{rows} rows of {delivered} delivered"))
    if examples and (shown := observed.get("examples")):
        parts.append(say("例如 ", "e.g. ") + json.dumps(shown[:examples], ensure_ascii=False, default=str))
    return ", ".join(parts) or say("未达到", "a failure")
