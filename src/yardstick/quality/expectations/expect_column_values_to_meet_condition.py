"""A condition in SQL on every row, counted in the same query as all other column expectations.

``unexpected_rows_expectation`` sends two queries of its own for every condition, and a comparison of two
columns sends two more; a map over one column is bundled: one scan of the batch answers all of them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility.sqlalchemy import sqlalchemy as sa
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)


class ColumnValuesMeetCondition(ColumnMapMetricProvider):
    """The condition as a metric; a row for which it is null meets it."""

    condition_metric_name = "column_values.meet_condition"
    condition_value_keys = ("condition",)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, condition: str, **kwargs: Any) -> Any:  # noqa: N805 - GX makes it one
        return sa.literal_column(f"coalesce(({condition}), true)", sa.Boolean)


class ExpectColumnValuesToMeetCondition(ColumnMapExpectation):
    """Expect a condition on the row wherever the column has a value.

    Args:
        column: rows in which it is null are not looked at.
        condition: SQL over the batch's columns, true for a good row; null counts as good.
        mostly: the share of the rows looked at that has to be good, 0 to 1.
    """

    condition: str
    map_metric: ClassVar[str] = "column_values.meet_condition"
    success_keys: ClassVar[tuple[str, ...]] = ("condition", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "condition", "mostly")

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
    ) -> Any:
        outcome = super()._validate(metrics, runtime_configuration, execution_engine)
        # known whatever is asked for, and service findings are held against it; results are emptied
        # where only true or false is asked for, meta is kept
        outcome["meta"] = {"unexpected_count": int(metrics.get(f"{self.map_metric}.unexpected_count") or 0)}
        return outcome
