"""Hold data to the company's standards: run the suites of a gate, write the ledger, decide.

Suites are data (``expectations/suites``); ``gates.yml`` there says which suites make a gate. One process
checks all suites of a gate, scoped to the deliveries or days of one build, first for true or false only;
rows are asked for only where something failed. Whatever keeps a suite from being checked in full (it is
absent, empty, raises, finds no rows) is a failure, and a gate that was killed leaves no verdict at all.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import jinja2
import psycopg
import yaml
from psycopg import sql
from psycopg.types.json import Jsonb

from yardstick import warehouse
from yardstick.quality.days import note_days
from yardstick.settings import Settings, with_driver

Gate = Literal["staging", "facts"]
Severity = Literal["blocking", "warning"]

_EXAMPLES = 10
_KEPT_BUILDS = 100
_ROWS = "unexpected_rows_expectation"
_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")
_SCOPES = {
    "deliveries": (
        "{column} in (select b.delivery_id from ops.build_delivery as b where b.build_id = {build_id})"
    ),
    "days": "{column} in (select b.day from ops.build_day as b where b.build_id = {build_id})",
}


class SuiteError(ValueError):
    """A suite file is wrong; the message names the file and the field."""


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
class Rule:
    """One expectation of a suite.

    Attributes:
        type: Great Expectations' name of it, in snake case.
        kwargs: its arguments.
        severity: whether its failure stops the build.
        means: what it says about the data.
        consequence: what a failure does.
        fixer: who puts it right, and how.
        standard_code: the standard it stands for, if any.
    """

    type: str
    kwargs: Mapping[str, Any]
    severity: Severity
    means: Text
    consequence: Text
    fixer: Text
    standard_code: str | None = None

    @cached_property
    def columns(self) -> list[str]:
        """The columns it looks at."""
        found: list[str] = []
        for name in ("column", "column_A", "column_B", "column_list"):
            value = self.kwargs.get(name, [])
            found += [value] if isinstance(value, str) else value
        return found


@dataclass(frozen=True)
class Suite:
    """What is expected of one relation.

    Attributes:
        name: the file's stem.
        names: title for people.
        gate: the gate it belongs to.
        relation: ``schema.table`` it is about.
        query: what is checked, a SELECT in which ``{build_id}`` stands for the build.
        entity: when the build brought rows of this entity, the query must return some.
        key: columns that name a row in a failure.
        rules: the expectations, in the order they are shown.
    """

    name: str
    names: Text
    gate: Gate
    relation: str
    query: str
    entity: str | None
    key: list[str]
    rules: list[Rule]

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
    argued: str = ""

    def told(self, language: str) -> str:
        """One line for the log: what, where, how many, which rows, what follows and who acts."""
        deliveries = _shortened(self.delivery_ids)
        columns = f" {', '.join(self.columns)}" if self.columns else ""
        return (
            f"- {self.suite} ({self.relation}): {self.means.of(language)} [{self.expectation}{columns}] "
            f"observed {_observed(self.observed, examples=3)}; "
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

    @property
    def passed(self) -> bool:
        """Nothing blocking failed and something was checked."""
        return not self.blocking_failures and self.expectations > 0


def suites_folder(settings: Settings) -> Path:
    """Where the suites are."""
    return settings.root / "expectations" / "suites"


def load_suites(folder: Path, gate: Gate) -> list[Suite]:
    """Read the suites that ``gates.yml`` names for a gate, in its order.

    Raises:
        SuiteError: naming the file and what is wrong or absent.
    """
    index = folder / "gates.yml"
    try:
        names = yaml.safe_load(index.read_text(encoding="utf-8"))["gates"][gate]
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise SuiteError(f"{index} names no suites for gate {gate} ({error!r})") from None
    if not names:
        raise SuiteError(f"{index} names no suites for gate {gate}")
    return [load_suite(folder / f"{name}.yml", gate) for name in names]


def load_suite(path: Path, gate: Gate) -> Suite:
    """Read one suite.

    Raises:
        SuiteError: naming the file and what is wrong.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SuiteError(f"{path} is absent, but gate {gate} needs it") from None
    except yaml.YAMLError as error:
        raise SuiteError(f"{path} is not YAML: {error}") from None
    try:
        if data["gate"] != gate:
            raise SuiteError(f"{path}: gate is {data['gate']!r}, but gates.yml has it in {gate}")
        rules = [_rule(path, number, item) for number, item in enumerate(data["expectations"] or [], start=1)]
        if not rules:
            raise SuiteError(f"{path}: holds no expectation; an empty suite would pass anything")
        return Suite(
            name=path.stem,
            names=Text(**data["names"]),
            gate=gate,
            relation=_name(path, data["relation"]),
            query=_query(path, data),
            entity=data.get("entity"),
            key=list(data["key"]),
            rules=rules,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise SuiteError(f"{path}: {error!r} is missing or malformed") from None


def _rule(path: Path, number: int, item: Mapping[str, Any]) -> Rule:
    known = {"type", "kwargs", "severity", "means", "consequence", "fixer", "standard_code"}
    if unknown := set(item) - known:
        raise SuiteError(f"{path}: expectation {number} has unknown fields {', '.join(sorted(unknown))}")
    try:
        if item["severity"] not in ("blocking", "warning"):
            raise SuiteError(
                f"{path}: expectation {number}: severity {item['severity']!r} is neither blocking nor warning"
            )
        return Rule(
            type=item["type"],
            kwargs=item.get("kwargs") or {},
            severity=item["severity"],
            means=Text(**item["means"]),
            consequence=Text(**item["consequence"]),
            fixer=Text(**item["fixer"]),
            standard_code=item.get("standard_code"),
        )
    except (KeyError, TypeError) as error:
        raise SuiteError(f"{path}: expectation {number}: {error} is missing or malformed") from None


def _query(path: Path, data: Mapping[str, Any]) -> str:
    """The batch: a query of the file's own, or the relation's rows of the build's deliveries or days."""
    if "query" in data:
        query = str(data["query"]).strip()
        if "{build_id}" not in query:
            raise SuiteError(f"{path}: query is not scoped to the build, it lacks {{build_id}}")
        return query
    ((scope, column),) = data["scope"].items()
    if scope not in _SCOPES:
        raise SuiteError(f"{path}: scope {scope!r} is none of {', '.join(_SCOPES)}")
    where = _SCOPES[scope].replace("{column}", _name(path, column))
    return f"select * from {_name(path, data['relation'])} where {where}"  # noqa: S608 - both are names


def _name(path: Path, value: str) -> str:
    if not _NAME.fullmatch(value):
        raise SuiteError(f"{path}: {value!r} is not a name")
    return value


def run_gate(settings: Settings, gate: Gate, build_id: int, *, folder: Path | None = None) -> Verdict:
    """Check a build, write the ledger and the readable results, decide.

    Args:
        settings: where the warehouse and the suites are.
        gate: ``staging`` or ``facts``.
        build_id: the build whose deliveries and days are checked.
        folder: of the suites; the shipped ones unless told otherwise.

    Returns:
        A verdict that passed; warnings are in it.

    Raises:
        GateFailed: when a blocking expectation failed, naming suite, expectation, what was observed, the
            deliveries covered, the consequence and who puts it right.
        SuiteError: when a suite is absent, empty or malformed; there is no verdict then.
    """
    url = settings.require_database_url()
    suites = load_suites(folder or suites_folder(settings), gate)
    with warehouse.connect(url, name="yardstick-gate", autocommit=True) as connection:
        connection.execute("delete from ops.gate_verdict where build_id = %s and gate = %s", [build_id, gate])
        if gate == "facts":
            note_days(connection, build_id)
        coverage = _coverage(connection, build_id)
        findings: list[Finding] = []
        evaluated = 0
        with contextlib.closing(_Validator(settings)) as validator:
            for suite in suites:
                query = suite.query.replace("{build_id}", str(int(build_id)))
                try:
                    presence, rows = _presence(connection, suite, query, coverage)
                except psycopg.Error as error:
                    findings.append(_not_run(suite, coverage, error))
                    continue
                findings.append(presence)
                if not rows:
                    continue
                results = validator.check(suite, query, build_id)
                evaluated += len(results)
                findings += [
                    _finding(suite, rule, result, coverage.deliveries(suite.entity))
                    for rule, result in zip(suite.rules, results, strict=True)
                ]
        verdict = Verdict(gate, build_id, evaluated, findings)
        _write_page(settings, suites, verdict, coverage)
        _write(connection, verdict, coverage, settings.language)
        _write_index(settings, connection)
    if not verdict.passed:
        raise GateFailed(verdict, settings.language)
    return verdict


@dataclass(frozen=True)
class _Coverage:
    """The deliveries of a build, and how many of their rows should be found again."""

    by_entity: dict[str, list[int]]
    rows_expected: dict[str, int]
    first_day: Any
    last_day: Any

    def deliveries(self, entity: str | None) -> list[int]:
        if entity is not None:
            return self.by_entity.get(entity, [])
        return sorted(delivery for deliveries in self.by_entity.values() for delivery in deliveries)


def _coverage(connection: psycopg.Connection[Any], build_id: int) -> _Coverage:
    rows = warehouse.rows(
        connection,
        "select d.entity, array_agg(d.delivery_id order by d.delivery_id) as deliveries, "
        "sum(d.rows_landed - coalesce(d.rows_superseded, 0) - coalesce(d.rows_duplicate, 0)) as expected, "
        "min(d.partition_date) as first_day, max(d.partition_date) as last_day "
        "from ops.build_delivery b inner join ops.delivery d on d.delivery_id = b.delivery_id "
        "where b.build_id = %s group by 1",
        [build_id],
    )
    if not rows:
        raise SuiteError(f"build {build_id} covers no delivery: there is nothing to decide on")
    return _Coverage(
        {row["entity"]: row["deliveries"] for row in rows},
        {row["entity"]: int(row["expected"]) for row in rows},
        min(row["first_day"] for row in rows),
        max(row["last_day"] for row in rows),
    )


_PRESENT = Text("这一批次应有数据行", "The rows this build brought are there")
_ABSENT = Text("不作任何发布", "Nothing is published")
_LOOK = Text(
    "数据工程师：查看 ops.reject 与 ops.model_run，改正后重跑",
    "Data engineer: look at ops.reject and ops.model_run, correct and run the build again",
)


def _presence(
    connection: psycopg.Connection[Any], suite: Suite, query: str, coverage: _Coverage
) -> tuple[Finding, int]:
    counting = sql.SQL("select count(*) from ({}) as batch").format(sql.SQL(query))
    counted = connection.execute(counting).fetchone()
    rows = int(counted[0]) if counted else 0
    expected = coverage.rows_expected.get(suite.entity, 0) if suite.entity else 1
    finding = Finding(
        suite=suite.name,
        relation=suite.relation,
        expectation="rows_are_present",
        columns=[],
        severity="blocking",
        success=rows > 0 or expected == 0,
        observed={"element_count": rows, "rows_delivered": expected if suite.entity else None},
        delivery_ids=coverage.deliveries(suite.entity),
        means=_PRESENT,
        consequence=_ABSENT,
        fixer=_LOOK,
    )
    return finding, rows


def _not_run(suite: Suite, coverage: _Coverage, error: Exception) -> Finding:
    return Finding(
        suite=suite.name,
        relation=suite.relation,
        expectation="suite_runs",
        columns=[],
        severity="blocking",
        success=False,
        observed={"exception": str(error).strip()},
        delivery_ids=coverage.deliveries(suite.entity),
        means=Text("该套件可以运行", "The suite can be run"),
        consequence=_ABSENT,
        fixer=_LOOK,
    )


def _finding(suite: Suite, rule: Rule, result: Any, delivery_ids: list[int]) -> Finding:
    exception = _exception(result.exception_info)
    observed = dict(result.result)
    if exception:
        observed["exception"] = exception
    return Finding(
        suite=suite.name,
        relation=suite.relation,
        expectation=rule.type,
        columns=rule.columns,
        severity="blocking" if exception else rule.severity,
        success=bool(result.success) and not exception,
        observed=json.loads(json.dumps(observed, default=str)),
        delivery_ids=delivery_ids,
        means=rule.means,
        consequence=rule.consequence,
        fixer=rule.fixer,
        standard_code=rule.standard_code,
        argued=str(rule.kwargs.get("unexpected_rows_query") or dict(rule.kwargs)),
    )


def _exception(info: Any) -> str | None:
    """The message of an exception anywhere in what Great Expectations reports; None when there was none."""
    if not isinstance(info, Mapping):
        return None
    if info.get("raised_exception"):
        return str(info.get("exception_message"))
    for value in info.values():
        if found := _exception(value):
            return found
    return None


def _write(connection: psycopg.Connection[Any], verdict: Verdict, coverage: _Coverage, language: str) -> None:
    """The ledger and the verdict, in one transaction."""
    with connection.transaction():
        connection.cursor().executemany(
            "insert into ops.audit_ledger (build_id, gate, suite, relation, expectation, columns, "
            "standard_code, severity, success, observed, element_count, unexpected_count, consequence, "
            "fixer, delivery_ids, first_day, last_day) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    verdict.build_id,
                    verdict.gate,
                    found.suite,
                    found.relation,
                    found.expectation,
                    found.columns,
                    found.standard_code,
                    found.severity,
                    found.success,
                    Jsonb(found.observed),
                    found.observed.get("element_count"),
                    found.observed.get("unexpected_count"),
                    found.consequence.of(language),
                    found.fixer.of(language),
                    found.delivery_ids,
                    coverage.first_day,
                    coverage.last_day,
                )
                for found in verdict.findings
            ],
        )
        connection.execute(
            "insert into ops.gate_verdict "
            "(build_id, gate, is_passed, expectations, blocking_failures, warnings) "
            "values (%s, %s, %s, %s, %s, %s)",
            [
                verdict.build_id,
                verdict.gate,
                verdict.passed,
                verdict.expectations,
                len(verdict.blocking_failures),
                len(verdict.warnings),
            ],
        )


_GATE_NAMES = {
    "staging": Text("整理后关卡", "Gate after staging"),
    "facts": Text("事实关卡", "Gate after facts"),
}


def _pages(settings: Settings) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals |= {
        "language": settings.language,
        "t": lambda zh, en: Text(zh, en).of(settings.language),
        "observed": _observed,
        "shortened": _shortened,
    }
    return environment


def _page_name(gate: str, build_id: int) -> str:
    return f"build-{build_id:06d}-{gate}.html"


def _write_page(settings: Settings, suites: list[Suite], verdict: Verdict, coverage: _Coverage) -> None:
    """The gate's readable results: one page that needs nothing from any other host."""
    folder = settings.data_docs
    folder.mkdir(parents=True, exist_ok=True)
    text = (
        _pages(settings)
        .get_template("gate.html")
        .render(
            title=f"{_GATE_NAMES[verdict.gate].of(settings.language)} · build {verdict.build_id}",
            verdict=verdict,
            suites=suites,
            findings={
                suite.name: [found for found in verdict.findings if found.suite == suite.name]
                for suite in suites
            },
            first_day=coverage.first_day,
            last_day=coverage.last_day,
            checked_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )
    (folder / _page_name(verdict.gate, verdict.build_id)).write_text(text, encoding="utf-8")
    for old in sorted(folder.glob("build-*.html"))[: -2 * _KEPT_BUILDS]:
        old.unlink(missing_ok=True)


def _write_index(settings: Settings, connection: psycopg.Connection[Any]) -> None:
    rows = warehouse.rows(
        connection,
        "select build_id, gate, is_passed, expectations, blocking_failures, warnings, decided_at "
        "from ops.gate_verdict order by build_id desc, decided_at desc limit 200",
    )
    for row in rows:
        page = _page_name(row["gate"], row["build_id"])
        row["page"] = page if (settings.data_docs / page).exists() else None
    names = {gate: text.of(settings.language) for gate, text in _GATE_NAMES.items()}
    text = _pages(settings).get_template("index.html").render(rows=rows, names=names)
    (settings.data_docs / "index.html").write_text(text, encoding="utf-8")


def _shortened(values: list[int]) -> str:
    shown = ", ".join(map(str, values[:_EXAMPLES]))
    return f"{shown} and {len(values) - _EXAMPLES} more" if len(values) > _EXAMPLES else shown or "none"


def _observed(observed: Mapping[str, Any], *, examples: int = 0) -> str:
    if "exception" in observed:
        return f"an exception: {observed['exception']}"
    parts = []
    if "unexpected_count" in observed:
        parts.append(f"{observed['unexpected_count']} of {observed.get('element_count', '?')} rows")
    elif "observed_value" in observed:
        parts.append(f"{observed['observed_value']} rows")
    elif "element_count" in observed:
        parts.append(f"{observed['element_count']} rows of {observed.get('rows_delivered')} delivered")
    if examples and (shown := observed.get("examples")):
        parts.append("e.g. " + json.dumps(shown[:examples], ensure_ascii=False, default=str))
    return ", ".join(parts) or "a failure"


class _Validator:
    """Great Expectations, imported once (it takes seconds), keeping nothing and telling nobody."""

    def __init__(self, settings: Settings) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations as gx
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )
        from great_expectations.expectations.registry import get_expectation_impl

        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        self._gx = gx
        self._implementation = get_expectation_impl
        context = gx.get_context(
            project_config=DataContextConfig(
                store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
                analytics_enabled=False,
                progress_bars=ProgressBarsConfig(globally=False),
            ),
            mode="ephemeral",
        )
        self._source = context.data_sources.add_postgres(
            "warehouse", connection_string=with_driver(settings.require_database_url(), "psycopg")
        )

    def close(self) -> None:
        """Give the connections back."""
        self._source.get_engine().dispose()

    def check(self, suite: Suite, query: str, build_id: int) -> list[Any]:
        """Results of the suite's rules, in their order; counts and row keys only for those that failed."""
        batch = (
            self._source.add_query_asset(suite.name, query=query)
            .add_batch_definition_whole_table(f"build {build_id}")
            .get_batch()
        )
        whole = batch.validate(self._suite(suite, range(len(suite.rules))), result_format="BOOLEAN_ONLY")
        results = {result.expectation_config.meta["rule"]: result for result in whole.results}
        failed = [
            place
            for place, result in results.items()
            if not result.success and not _exception(result.exception_info)
        ]
        by_query = [place for place in failed if suite.rules[place].type == _ROWS]
        by_column = [place for place in failed if place not in by_query]
        summary = {
            "result_format": "SUMMARY",
            "unexpected_index_column_names": suite.key,
            "partial_unexpected_count": _EXAMPLES,
        }
        for places, wanted in ((by_column, summary), (by_query, {"result_format": "COMPLETE"})):
            if places:
                detailed = batch.validate(self._suite(suite, places), result_format=wanted)
                results |= {result.expectation_config.meta["rule"]: result for result in detailed.results}
        ordered = [results[place] for place in sorted(results)]
        for result in ordered:
            _keep_examples(result)
        return ordered

    def _suite(self, suite: Suite, places: Iterable[int]) -> Any:
        made = self._gx.ExpectationSuite(name=suite.name, notes=f"{suite.names.zh} · {suite.names.en}")
        for place in places:
            rule = suite.rules[place]
            try:
                expectation = self._implementation(rule.type)(
                    **rule.kwargs,
                    severity="critical" if rule.severity == "blocking" else "warning",
                    notes=f"{rule.means.zh} · {rule.means.en}",
                    meta={"rule": place},
                )
            except Exception as error:
                raise SuiteError(f"{suite.name}: expectation {place + 1} ({rule.type}): {error}") from error
            made.add_expectation(expectation)
        return made


def _keep_examples(result: Any) -> None:
    """A few row keys under one name, whatever the expectation calls them."""
    found = result.result.get("partial_unexpected_index_list") or result.result.get("details", {}).get(
        "unexpected_rows"
    )
    if found:
        result.result["examples"] = json.loads(json.dumps(found[:_EXAMPLES], default=str))
    for name in (
        "partial_unexpected_list",
        "partial_unexpected_counts",
        "partial_unexpected_index_list",
        "unexpected_index_query",
    ):
        result.result.pop(name, None)
