"""dbt's own unit tests, run against a warehouse in which the models exist."""

from __future__ import annotations

import yaml
from tests.deliveries import Company, ticket

from yardstick import transform
from yardstick.settings import Settings


def test_dbt_unit_tests_pass(settings: Settings) -> None:
    company = Company(settings).register()
    company.deliver_master()
    company.deliver("ticket", {"2026-03-02": [ticket("T1")]})
    planned = transform.plan_build(settings, "tests")
    assert planned
    transform.stage(settings, planned.build_id)
    transform.facts(settings, planned.build_id)
    transform.score(settings, "2026-03")

    passed: list[str] = []
    transform.run_dbt(
        settings,
        ["test", "--select", "test_type:unit"],
        variables={"build_id": planned.build_id},
        on_node=lambda node, status, *_: passed.append(node) if status == "pass" else None,
    )
    declared = [
        each["name"]
        for path in sorted((settings.root / "dbt_project/models").rglob("_*.yml"))
        for each in yaml.safe_load(path.read_text(encoding="utf-8")).get("unit_tests", [])
    ]
    assert sorted(passed) == sorted(declared)
    assert len(declared) > 20
