"""Hold data and service to the company's standards: run the suites of a gate, write the ledger, decide.

What a suite reads is data (``expectations/suites``; ``gates.yml`` there says which suites make a gate); what is
expected is data too, and versioned: the data standards and service standards of the releases in force on the
build's days are compiled onto the suites. One process checks all suites of a gate, scoped to the deliveries or
days of one build, first for true or false only; rows are asked for only where something failed. Whatever keeps a
suite from being checked in full (it is absent, empty, raises, finds no rows) is a failure, and a gate that was
killed leaves no verdict at all. A service standard that is not met stops nothing: it opens a finding.
"""

from __future__ import annotations

from yardstick.quality.compile import Compiled, as_data, compile_for, compile_suite, problems
from yardstick.quality.days import note_days
from yardstick.quality.gate import run_gate
from yardstick.quality.model import (
    Finding,
    Gate,
    GateFailed,
    Rule,
    Severity,
    Suite,
    SuiteError,
    Text,
    Verdict,
)
from yardstick.quality.suites import GATES, load_suite, load_suites, suites_folder

__all__ = [
    "GATES",
    "Compiled",
    "Finding",
    "Gate",
    "GateFailed",
    "Rule",
    "Severity",
    "Suite",
    "SuiteError",
    "Text",
    "Verdict",
    "as_data",
    "compile_for",
    "compile_suite",
    "load_suite",
    "load_suites",
    "note_days",
    "problems",
    "run_gate",
    "suites_folder",
]
