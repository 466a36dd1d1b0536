"""``yardstick deliveries``: who has delivered what for which day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

import typer

from yardstick import warehouse
from yardstick.commands.common import Home, fail, open_warehouse, say, show_table

_STATUS = """
select
    source_id, entity, day, status, deadline_at, delivered_at, rows_landed, rows_rejected, file_count,
    coalesce(refused_reason, file_name) as file_or_reason
from ops.delivery_status_between(%s, %s)
where
    (%s::text is null or source_id = %s)
    and (not %s or status in ('late', 'missing', 'carried_on', 'refused'))
order by day desc, source_id, entity
"""


app = typer.Typer(invoke_without_command=True, help="Who has delivered what for which day.")


@app.callback()
def deliveries(
    context: typer.Context,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day; default a week before the last."),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day; default today.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    late: Annotated[
        bool, typer.Option("--late", help="Only what is late, missing, carried on without or refused.")
    ] = False,
    home: Home = None,
) -> None:
    """Show who has delivered what for which day, the latest day first."""
    if context.invoked_subcommand:
        return
    until = last.date() if last else date.today()
    since = first.date() if first else until - timedelta(days=7)
    if since > until:
        raise fail(f"--from {since} is after --to {until}", 2)
    with (
        open_warehouse(home) as settings,
        warehouse.connect(settings.require_database_url(), name="yardstick-deliveries") as connection,
    ):
        rows = warehouse.rows(connection, _STATUS.encode(), [since, until, source, source, late])
        show_table(rows)
        if not late:
            page = settings.reports / "deliveries" / settings.language / "index.html"
            say(f"as a page, after the next run of ingest or build: {page}")


@app.command("skip")
def skip(
    source: Annotated[str, typer.Argument(help="Who did not deliver.")],
    entity: Annotated[str, typer.Argument(help="What.")],
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day it stands for.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the ledger.")],
    home: Home = None,
) -> None:
    """Go on without one delivery that is missing: its days are announced, and marked incomplete."""
    from yardstick import deadlines

    with (
        open_warehouse(home) as settings,
        warehouse.connect(settings.require_database_url(), name="yardstick-deliveries") as connection,
    ):
        deadlines.skip(connection, source, entity, day.date(), reason)
    say("the next run of the DAG build announces the days that only waited for it")
