"""A batch with rows; it tells how many, from the count that the other expectations need anyway."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations.expectation import BatchExpectation


class ExpectBatchToHaveRows(BatchExpectation):
    """Expect at least one row in the batch."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.row_count",)
    success_keys: ClassVar[tuple[str, ...]] = ()
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
    ) -> Any:
        rows = metrics["table.row_count"]
        # results are emptied where only true or false is asked for; meta is kept
        return {"success": rows > 0, "meta": {"element_count": rows}}
