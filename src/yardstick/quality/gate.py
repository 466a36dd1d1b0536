"""Run a gate: check what the build brought, decide, write it down."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psycopg

from yardstick import standards, warehouse
from yardstick.quality import ledger, pages, service
from yardstick.quality.compile import Compiled, compile_for
from yardstick.quality.days import note_days
from yardstick.quality.ledger import Coverage, coverage
from yardstick.quality.model import Finding, Gate, GateFailed, Suite, SuiteError, Text, Verdict
from yardstick.quality.service import Judged
from yardstick.quality.suites import load_suites, suites_folder
from yardstick.quality.validator import Checked, Outcome, Validator
from yardstick.settings import Settings

_ABSENT = Text("不作任何发布", "Nothing is published")
_LOOK = Text(
    "数据工程师：查看 ops.reject 与 ops.model_run，改正后重跑",
    "Data engineer: look at ops.reject and ops.model_run, correct and run the build again",
)


def run_gate(settings: Settings, gate: Gate, build_id: int, *, folder: Path | None = None) -> Verdict:
    """Check a build, write the ledger and the readable results, decide.

    The data standards and service standards are those of the releases in force on the build's days. What
    falls short of a service standard becomes a row of ``ops.service_finding``, once the gate has passed.

    Args:
        settings: where the warehouse, the suites and the standards are.
        gate: ``staging`` or ``facts``.
        build_id: the build whose deliveries and days are checked.
        folder: of the suites; the shipped ones unless told otherwise.

    Returns:
        A verdict that passed; warnings are in it.

    Raises:
        GateFailed: when a blocking expectation failed, naming standard, suite, what was observed, the
            deliveries covered, the consequence and who puts it right.
        SuiteError: when a suite is absent, empty or malformed; there is no verdict then.
        StandardsError: when the releases are wrong; there is no verdict then.
    """
    suites = load_suites(folder or suites_folder(settings), gate)
    releases = standards.read(settings.standards, settings.root)
    url = settings.require_database_url()
    with warehouse.connect(url, name="yardstick-gate", autocommit=True) as connection:
        connection.execute("delete from ops.gate_verdict where build_id = %s and gate = %s", [build_id, gate])
        if gate == "facts":
            note_days(connection, build_id)
        covered = coverage(connection, build_id, gate)
        compiled = compile_for(suites, releases, covered.days)
        with contextlib.closing(Validator(settings)) as validator:
            findings, evaluated, judged = check(validator, suites, compiled, covered, build_id)
        verdict = Verdict(gate, build_id, evaluated, findings)
        with connection.transaction():
            if verdict.passed and gate == "facts":
                service.settle_and_open(connection, build_id, judged, releases)
            changes = service.of_build(connection, build_id, gate)
            ledger.write(connection, verdict, covered, changes.counts if changes else {}, settings.language)
        pages.write_page(settings, suites, verdict, covered, changes)
        pages.write_index(settings, connection)
    if not verdict.passed:
        raise GateFailed(verdict, settings.language)
    return verdict


def check(
    validator: Validator, suites: list[Suite], compiled: list[Compiled], covered: Coverage, build_id: int
) -> tuple[list[Finding], int, list[Judged]]:
    """Check every suite of a gate.

    Returns:
        The findings in the order of the suites, how many expectations were evaluated, and what the service
        standards judged.

    Raises:
        SuiteError: when a suite holds no expectation under any release.
    """
    findings: list[Finding] = []
    judged: list[Judged] = []
    evaluated = 0
    for suite in suites:
        of_suite = [one for one in compiled if one.suite is suite]
        if not any(one.rules for one in of_suite):
            if suite.is_service:  # a release without service standards judges none
                continue
            raise SuiteError(
                f"{suite.name}: holds no expectation and no standard in force names it; "
                "an empty suite would pass anything"
            )
        try:
            batch = validator.lay_out(suite, build_id)
            checked = [(one, *validator.check(batch, one)) for one in of_suite]
        except psycopg.Error as error:
            if isinstance(error, psycopg.errors.UndefinedTable) and not covered.has(suite.entities):
                continue  # nobody has ever delivered it
            findings.append(_not_run(suite, covered, error))
            continue
        rows = sum(found.rows for _, _, found in checked)
        if not suite.is_service:
            findings.append(_presence(suite, covered, rows))
        for one, part, found in checked:
            if not found.rows and suite.day is not None and not suite.is_service:
                continue
            if suite.is_service:
                found, of_release = service.judge(validator.connection, part, one, found)
                judged += of_release
            if found.rows:
                evaluated += len(found.outcomes)
                findings += [_finding(suite, outcome, covered) for outcome in found.outcomes]
    return findings, evaluated, judged


def _presence(suite: Suite, covered: Coverage, rows: int) -> Finding:
    expected = covered.expected(suite.entities)
    return Finding(
        suite=suite.name,
        relation=suite.relation,
        expectation="rows_are_present",
        columns=[],
        severity="blocking",
        success=rows > 0 or not expected,
        observed={"element_count": rows, "rows_delivered": expected},
        delivery_ids=covered.deliveries(suite.entities),
        means=Text("这一批次应有数据行", "The rows this build brought are there"),
        consequence=_ABSENT,
        fixer=_LOOK,
    )


def _not_run(suite: Suite, covered: Coverage, error: Exception) -> Finding:
    return Finding(
        suite=suite.name,
        relation=suite.relation,
        expectation="suite_runs",
        columns=[],
        severity="blocking",
        success=False,
        observed={"exception": str(error).strip()},
        delivery_ids=covered.deliveries(suite.entities),
        means=Text("该套件可以运行", "The suite can be run"),
        consequence=_ABSENT,
        fixer=_LOOK,
    )


def _finding(suite: Suite, outcome: Outcome, covered: Coverage) -> Finding:
    rule = outcome.rule
    return Finding(
        suite=suite.name,
        relation=suite.relation,
        expectation=rule.type,
        columns=rule.columns,
        # what could not be evaluated is never passed over
        severity="blocking" if outcome.exception else rule.severity,
        success=outcome.success,
        observed=outcome.observed,
        delivery_ids=covered.deliveries(suite.entities),
        means=rule.means,
        consequence=rule.consequence,
        fixer=rule.fixer,
        standard_code=rule.standard_code,
        standards_release=rule.standards_release,
        dimension=rule.dimension,
        argued=rule.argued,
    )


__all__ = ["Checked", "check", "run_gate"]
