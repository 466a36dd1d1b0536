"""``yardstick staffing``: what staffing does to service."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import typer

from yardstick.commands.common import Home, open_warehouse, say, show_table

app = typer.Typer(no_args_is_help=True, help="Staffing: how few people keep the response target.")


@app.callback()
def _main() -> None:
    """Staffing: how few people keep the response target."""


@app.command("what-if")
def what_if(
    project: Annotated[str, typer.Option(help="Project.")],
    function: Annotated[
        str, typer.Option(help="Function of the posts: repair, customer_service, security …")
    ],
    target_minutes: Annotated[
        float, typer.Option(min=0, help="Minutes within which somebody takes a ticket up.")
    ] = 30,
    level: Annotated[
        float, typer.Option(help="Share of the tickets that must not wait longer, between 0 and 1.")
    ] = 0.8,
    month: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m"], help="Whose demand counts.", show_default="the last published to its end"
        ),
    ] = None,
    handling_minutes: Annotated[
        float | None,
        typer.Option(help="Minutes a ticket keeps one person busy.", show_default="as measured in the month"),
    ] = None,
    by: Annotated[Literal["shift", "hour"], typer.Option(help="A row a shift, or a row an hour.")] = "shift",
    home: Home = None,
) -> None:
    """The fewest people per shift with whom enough tickets are taken up in time (Erlang C).

    Demand and people on duty are those of the average day of the month; docs/decisions/0029-understaffing.md says what
    is assumed.
    """
    from yardstick import staffing

    with open_warehouse(home) as settings:
        found = staffing.ask(
            settings,
            project,
            function,
            minutes=target_minutes,
            level=level,
            month=month.date() if month else None,
            handling_minutes=handling_minutes,
        )
    if found.uncovered_share:
        say(
            f"{found.uncovered_share:.0%} of the tickets come in hours without a shift and wait for the next one"
        )
    same = {"month": f"{found.month:%Y-%m}", "project": project, "function": function}
    if by == "hour":
        show_table(
            [
                {
                    **same,
                    "hour": hour.hour_of_day,
                    "tickets_per_hour": round(hour.tickets_per_hour, 3),
                    "handling_minutes": round(found.handling_minutes, 1),
                    "people_on_duty": round(hour.people_on_duty, 2),
                    "people_needed": hour.people_needed,
                    "people_assigned": hour.people_assigned,
                    "level_now": round(hour.level_now, 3),
                    "level_reached": round(hour.level_reached, 3),
                }
                for hour in found.hours
            ]
        )
        return
    show_table(
        [
            {
                **same,
                "shift": each.shift.name,
                "from": f"{each.shift.starts:%H:%M}",
                "to": f"{each.shift.ends:%H:%M}",
                "tickets_per_hour": round(each.tickets_per_hour, 3),
                "handling_minutes": round(found.handling_minutes, 1),
                "people_on_duty": round(each.shift.people, 2),
                "people_needed": each.people_needed,
                "level_now": round(each.level_now, 3),
                "level_reached": round(each.level_reached, 3),
            }
            for each in found.shifts
        ]
    )
