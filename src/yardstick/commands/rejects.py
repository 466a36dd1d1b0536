"""``yardstick rejects``: what was rejected and why."""

from __future__ import annotations

from typing import Annotated

import typer

from yardstick import warehouse
from yardstick.commands.common import Home, fail, open_warehouse, show_table

app = typer.Typer(invoke_without_command=True, help="Rejected rows: list them.")


@app.callback()
def rejects(
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    each: Annotated[bool, typer.Option("--each", help="Every rejected field, not the counts.")] = False,
    home: Home = None,
) -> None:
    """List rejected rows by source and reason."""
    counts = (
        "select source_id, entity, field, rule, count(*) as rows, min(reason) as example from ops.rejected "
        "where %s::text is null or source_id = %s group by 1, 2, 3, 4 order by rows desc"
    )
    rows = (
        "select d.file_name, r.row_number, r.source_id, r.entity, r.field, r.value, r.rule, r.reason "
        "from ops.rejected as r join ops.delivery as d using (delivery_id) "
        "where %s::text is null or r.source_id = %s order by 1, 2"
    )
    with (
        open_warehouse(home) as settings,
        warehouse.connect(settings.require_database_url(), name="yardstick-rejects") as connection,
    ):
        if connection.execute("select not exists (select from ops.build)").fetchone() == (True,):
            raise fail(
                "no build has run yet, so no row was judged: ./scripts/demo, or the DAGs ingest and build"
            )
        show_table(warehouse.rows(connection, (rows if each else counts).encode(), [source, source]))
