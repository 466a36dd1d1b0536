"""A small real world for the tests of gates, publication and release: the tables dbt would have built.

One month (January 2015), two projects, one source; the columns are those of the dbt models.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from yardstick import warehouse
from yardstick.appraisal import Signature
from yardstick.settings import Settings

PERSON = Signature("Li Hua", "person", datetime(2015, 2, 3, 9, 30, tzinfo=UTC))


def build_world(settings: Settings, *, audited: bool = True) -> None:
    """Create the tables and fill them with build 1."""
    with warehouse.connect(settings.require_database_url()) as connection:
        connection.execute(Path(__file__).with_suffix(".sql").read_bytes())
        if audited:
            connection.execute("update ops.delivery set audited_build_id = 1")
            connection.execute("update ops.build set status = 'audited'")


def execute(
    settings: Settings, query: str, parameters: list[object] | None = None
) -> list[tuple[object, ...]]:
    """Run one statement as the owner; rows when it returns any."""
    with warehouse.connect(settings.require_database_url()) as connection:
        cursor = connection.execute(query.encode(), parameters)
        return cursor.fetchall() if cursor.description else []
