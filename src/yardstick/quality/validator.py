"""Great Expectations, imported once (it takes seconds), keeping nothing and telling nobody."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import psycopg
from psycopg import sql

from yardstick import warehouse
from yardstick.quality.compile import Compiled
from yardstick.quality.model import CONDITION, EXAMPLES, ROWS, Rule, Suite, SuiteError
from yardstick.settings import Settings, with_driver

_PRESENT = "expect_batch_to_have_rows"
_DROPPED = (
    "partial_unexpected_list",
    "partial_unexpected_counts",
    "partial_unexpected_index_list",
    "unexpected_index_query",
    "unexpected_index_column_names",
)


@dataclass(frozen=True)
class Outcome:
    """What Great Expectations said of one rule.

    Attributes:
        rule: the rule.
        success: whether it holds; never when there was an exception.
        observed: counts, and a few row keys of a failure.
        exception: the message when it could not be evaluated.
    """

    rule: Rule
    success: bool
    observed: dict[str, Any]
    exception: str | None


@dataclass(frozen=True)
class Checked:
    """One batch: how many rows it had, and what became of its rules."""

    rows: int
    outcomes: list[Outcome]


class Validator:
    """One session in which batches are laid out and checked.

    Great Expectations gets the session as its only connection. A batch is a temporary view in it, or, when
    its query is more than a filter, a temporary table: computed once however many expectations look at it.
    (A query handed over as such is fetched whole, to learn the names of its columns.)
    """

    def __init__(self, settings: Settings) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations as gx
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )
        from sqlalchemy.pool import StaticPool

        class OnlyConnection(StaticPool):
            """Keeps the connection when Great Expectations disposes of an engine, as it does now and then."""

            def dispose(self) -> None:
                pass

            def recreate(self) -> OnlyConnection:
                return self

        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        self._gx = gx
        url = settings.require_database_url()
        self.connection = warehouse.connect(url, name="yardstick-gate")
        context = gx.get_context(
            project_config=DataContextConfig(
                store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
                analytics_enabled=False,
                progress_bars=ProgressBarsConfig(globally=False),
            ),
            mode="ephemeral",
        )
        self._source = context.data_sources.add_postgres(
            "warehouse",
            connection_string=with_driver(url, "psycopg"),
            kwargs={"creator": lambda: self.connection, "poolclass": OnlyConnection},
        )
        self._batches = 0

    def close(self) -> None:
        """Give the connection back; what was laid out goes with it."""
        self.connection.close()

    def lay_out(self, suite: Suite, build_id: int) -> str:
        """Make the suite's batch for a build.

        Returns:
            Its name in this session.

        Raises:
            psycopg.Error: when the query cannot be run; the relation may be missing.
        """
        query = suite.query.replace("{build_id}", str(int(build_id)))
        return self._make("table" if suite.is_materialised else "view", sql.SQL(query))

    def check(self, batch: str, compiled: Compiled) -> tuple[str, Checked]:
        """Check the rows of a batch that are of the release's days, first for true or false only.

        Counts and row keys are asked for only where something failed.

        Returns:
            The name of those rows in this session, and what was found.
        """
        part = self._of_release(batch, compiled)
        asset = self._source.add_table_asset(part, table_name=part)
        whole = asset.add_batch_definition_whole_table(part).get_batch()
        rules = compiled.rules
        results = self._validate(whole, compiled, range(len(rules)), "BOOLEAN_ONLY", count=True)
        rows = int((results.pop(-1).meta or {}).get("element_count", 0))
        failed = [
            place
            for place, result in results.items()
            if not result.success and not exception_of(result.exception_info)
        ]
        # rows that do not meet a condition are read here, no further than they are shown; those of a service
        # standard by itself, all of them
        by_condition = [place for place in failed if rules[place].type == CONDITION]
        by_query = [place for place in failed if rules[place].type == ROWS]
        by_column = [place for place in failed if place not in (*by_condition, *by_query)]
        summary = {
            "result_format": "SUMMARY",
            "unexpected_index_column_names": compiled.suite.key,
            "partial_unexpected_count": EXAMPLES,
        }
        for places, wanted in ((by_column, summary), (by_query, {"result_format": "COMPLETE"})):
            if places:
                results |= self._validate(whole, compiled, places, wanted)
        for place in by_condition:
            if not rules[place].judgement:
                results[place].meta["examples"] = self._examples(part, compiled.suite, rules[place])
        self._source.delete_asset(part)  # each new one is checked against all that are kept
        return part, Checked(
            rows, [_outcome(rules[place], result, rows) for place, result in sorted(results.items())]
        )

    def _of_release(self, batch: str, compiled: Compiled) -> str:
        if compiled.suite.day is None or (compiled.first_day is None and compiled.until is None):
            return batch
        day = sql.Identifier(compiled.suite.day)
        bounds = [
            sql.SQL("{} {} {}").format(day, sql.SQL(sign), sql.Literal(bound))
            for sign, bound in ((">=", compiled.first_day), ("<", compiled.until))
            if bound is not None
        ]
        query = sql.SQL("select * from {} where {}").format(
            sql.Identifier(batch), sql.SQL(" and ").join(bounds)
        )
        return self._make("view", query)

    def _examples(self, batch: str, suite: Suite, rule: Rule) -> list[dict[str, Any]]:
        """Keys of a few rows that do not meet a condition, with the column that it is about."""
        column = sql.Identifier(rule.kwargs["column"])
        names = list(dict.fromkeys([*suite.key, rule.kwargs["column"]]))
        query = sql.SQL(
            "select {} from {} where {} is not null and not coalesce(({}), true) limit {}"
        ).format(
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.Identifier(batch),
            column,
            sql.SQL(rule.kwargs["condition"]),
            sql.Literal(EXAMPLES),
        )
        with self.connection.transaction():
            return warehouse.rows(self.connection, query)

    def _make(self, kind: str, query: sql.Composable) -> str:
        self._batches += 1
        name = f"gate_batch_{self._batches}"
        try:
            self.connection.execute(
                sql.SQL("create temporary {} {} as {}").format(sql.SQL(kind), sql.Identifier(name), query)
            )
        except psycopg.Error:
            self.connection.rollback()
            raise
        self.connection.commit()
        return name

    def _validate(
        self, batch: Any, compiled: Compiled, places: Iterable[int], wanted: Any, *, count: bool = False
    ) -> dict[int, Any]:
        suite = compiled.suite
        made = self._gx.ExpectationSuite(name=suite.name, notes=f"{suite.names.zh} · {suite.names.en}")
        if count:
            made.add_expectation(_implementation(_PRESENT)(meta={"rule": -1}))
        for place in places:
            made.add_expectation(expectation(suite, compiled.rules[place], meta={"rule": place}))
        results = batch.validate(made, result_format=wanted).results
        return {result.expectation_config.meta["rule"]: result for result in results}


def expectation(suite: Suite, rule: Rule, meta: Mapping[str, Any] | None = None) -> Any:
    """A rule as an object of Great Expectations.

    Raises:
        SuiteError: naming suite and standard when there is no such expectation, or not with these arguments.
    """
    try:
        return _implementation(rule.type)(
            **rule.kwargs,
            severity="critical" if rule.severity == "blocking" else "warning",
            notes=f"{rule.means.zh} · {rule.means.en}",
            meta=dict(meta or {}),
        )
    except Exception as error:
        raise SuiteError(f"{suite.name}: {rule.standard_code} ({rule.type}): {error}") from error


def exception_of(info: Any) -> str | None:
    """The message of an exception anywhere in what Great Expectations reports; None when there was none."""
    if not isinstance(info, Mapping):
        return None
    if info.get("raised_exception"):
        return str(info.get("exception_message"))
    for value in info.values():
        if found := exception_of(value):
            return found
    return None


@cache
def _implementation(kind: str) -> Any:
    from great_expectations.expectations.registry import get_expectation_impl

    from yardstick.quality import expectations

    for module in iter_modules(expectations.__path__):
        import_module(f"{expectations.__name__}.{module.name}")
    return get_expectation_impl(kind)


def _outcome(rule: Rule, result: Any, rows: int) -> Outcome:
    observed = {**(result.meta or {}), **result.result}
    rows_found = (observed.pop("details", None) or {}).get("unexpected_rows")
    found: Sequence[Any] | None = observed.get("partial_unexpected_index_list") or rows_found
    for name in _DROPPED:
        observed.pop(name, None)
    observed.setdefault("element_count", rows)
    if found:
        observed["examples"] = list(found[:EXAMPLES])
    exception = exception_of(result.exception_info)
    if exception:
        observed["exception"] = exception
    return Outcome(
        rule=rule,
        success=bool(result.success) and not exception,
        observed=json.loads(json.dumps(observed, default=str)),
        exception=exception,
    )
