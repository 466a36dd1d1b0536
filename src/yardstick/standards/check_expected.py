"""Data and service standards: suites that exist, expectations that Great Expectations knows."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from yardstick.settings import project_root
from yardstick.standards.release import Release


def expected_problems(release: Release, root: Path | None) -> list[str]:
    """Problems of what data.yml and service.yml name."""
    suites = {path.stem for path in suite_files(root)}
    problems = []
    for part, standards in (("data", release.data_standards), ("service", release.service_standards)):
        for code, standard in standards.items():
            if standard.suite not in suites:
                problems.append(
                    f"{release.files[part]}: {part}_standards.{code}.suite: no suite {standard.suite!r} in "
                    f"expectations/suites; choose one of {', '.join(sorted(suites))}, or add its file"
                )
    known = expectation_types()
    for code, data_standard in release.data_standards.items():
        kind = data_standard.expectation["type"]
        if kind not in known:
            problems.append(
                f"{release.files['data']}: data_standards.{code}.expectation.type: Great Expectations has no "
                f"{kind!r}; choose one of {', '.join(sorted(known))}"
            )
    return problems


def suite_files(root: Path | None) -> list[Path]:
    """The suites of the checkout; ``gates.yml``, which says what makes a gate, is none."""
    folder = (root or project_root()) / "expectations/suites"
    return [path for path in sorted(folder.glob("*.yml")) if path.stem != "gates"]


@cache
def expectation_types() -> frozenset[str]:
    """Expectations of the installed Great Expectations and our own, in snake case.

    Each is kept in a module of that name; the names of the modules are read, none is imported.
    """
    package = find_spec("great_expectations")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("great_expectations is not installed")
    core = Path(package.submodule_search_locations[0]) / "expectations/core"
    own = Path(__file__).parents[1] / "quality/expectations"
    return frozenset(
        path.stem
        for folder in (core, own)
        for path in folder.glob("*.py")
        if path.stem.startswith(("expect_", "unexpected_"))
    )
