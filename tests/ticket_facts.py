"""What the facts of tickets should say, by the slow reference."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.deliveries import Company
from tests.reference.backlog import BANDS, backlog
from tests.reference.sla import Company as ServiceLevels
from tests.reference.sla import Promise, Promises
from tests.reference.tickets import Both, Life

DURATIONS = (
    "acknowledge", "first_response", "attend", "assign", "first_resolution", "work", "owner_waiting",
    "internal_waiting", "outside_waiting", "resting", "approval_waiting", "reply_waiting",
)  # fmt: skip
OF_EVENTS = (
    "touches", "answers", "owner_messages", "assignments", "people_involved", "reopenings", "handovers", "returns",
    "departments_involved", "approval_waiting_by_level", "longest_silence_calendar_minutes", "silence_began_at",
    "silence_department_id", "last_mark_at",
)  # fmt: skip
COLUMNS = {band: f"tickets_{band}_days" for band in BANDS}
DAILY = (
    "targets_started", "targets_met", "targets_breached", "targets_voided", "targets_fulfilled", "used_minutes",
)  # fmt: skip
Row = dict[str, Any]


def both(name: str, length: Both | None) -> Row:
    """A length as its two columns."""
    calendar, service = length or (None, None)
    return {f"{name}_calendar_minutes": calendar, f"{name}_service_minutes": service}


def ticket_row(life: Life, *, tells_call_backs: bool) -> Row:
    """The columns of a ticket that are measures."""
    ticket, durations = life.ticket, life.durations()
    is_backwards = ticket.closed_at is not None and ticket.closed_at < ticket.opened_at
    found = both("close", None if is_backwards else life.to(ticket.closed_at)) | life.verdicts()
    for name in DURATIONS:
        found |= both(name, durations.get(name))
    if not tells_call_backs:
        found["is_called_back"] = None
    if ticket.events is None:
        return found | dict.fromkeys(OF_EVENTS)
    silence = life.longest_silence()
    return (
        found
        | life.counts()
        | {
            "approval_waiting_by_level": life.approval_by_level(),
            "longest_silence_calendar_minutes": silence and silence[1],
            "silence_began_at": silence and moment(silence[0]),
            "silence_department_id": silence and life.department_at(silence[0]),
            "last_mark_at": moment(life.marks()[-1]),
        }
    )


def span_rows(life: Life) -> Iterator[Row]:
    """The stays of a ticket."""
    zone = zone_of(life)
    for number, span in enumerate(life.spans, 1):
        state, length = span.state, span.length or (None, None)
        yield {
            "span_number": number,
            "project_id": life.ticket.project_id,
            "service_item_id": state.item,
            "priority": state.priority,
            "department_id": state.department,
            "status": state.status,
            "approval_level": state.approval_level,
            "started_at": moment(span.begins),
            "started_date": life.day(span.begins, zone),
            "ended_at": None if span.ends is None else moment(span.ends),
            "ended_date": None if span.ends is None else life.day(span.ends, zone),
            "calendar_minutes": length[0],
            "service_minutes": length[1],
            "waits_for": span.waits_for,
            "entered_how": span.entered_how,
            "is_last": span.is_last,
        }


def handover_rows(life: Life) -> Iterator[Row]:
    """The handovers of a ticket."""
    for number, handover in enumerate(life.handovers(), 1):
        yield {
            "handover_number": number,
            "project_id": life.ticket.project_id,
            "service_item_id": handover.item,
            "from_department_id": handover.giving,
            "to_department_id": handover.taking,
            "handed_at": moment(handover.at),
            "handed_date": life.day(handover.at, zone_of(life)),
            "is_return": handover.is_return,
            **both("from_held", handover.from_held),
            **both("from_waiting", handover.from_waiting),
            **both("to_waiting", handover.to_waiting),
        }


def promise_rows(life: Life, promises: Iterable[Promise]) -> Iterator[Row]:
    """The service levels of a ticket and what became of them."""
    ticket, zone = life.ticket, zone_of(life)
    for promise in promises:
        row: Row = {
            "target": promise.target,
            "occurrence": promise.occurrence,
            "project_id": ticket.project_id,
            "service_item_id": ticket.service_item_id,
            "department_id": promise.department,
            "standards_release": promise.release,
            "policy": promise.policy,
            "target_minutes": promise.target_minutes,
            "clock": promise.clock,
            "status": promise.status,
            "used_minutes": promise.used,
        }
        for name in ("started", "due", "fulfilled", "ended", "breaches", "breached"):
            at = getattr(promise, name)
            if name == "breaches" and (promise.ended or promise.breached):
                at = None  # only told of what may still be broken
            row[f"{name}_at"] = None if at is None else moment(at)
            if name != "due":
                row[f"{name}_date"] = None if at is None else life.day(at, zone)
        yield within(row, life.work.last)


def called_back_on_time(promises: Iterable[Promise]) -> bool | None:
    """Whether the owner was called back in time; None where nobody was, or nobody promised it."""
    for promise in promises:
        if promise.target == "call_back" and promise.fulfilled is not None:
            return promise.breached is None
    return None


def daily_rows(promised: Iterable[Row], horizon: date, found: dict[tuple[Any, ...], Row]) -> None:
    """Add promises to the sums of the days on which they begin, are kept, broken and given up."""

    def add(row: Row, day: date | None, column: str, number: int = 1) -> None:
        if day is not None and day <= horizon:
            key = (row["project_id"], row["service_item_id"], row["target"], day)
            found.setdefault(key, dict.fromkeys(DAILY, 0))[column] += number

    for row in promised:
        add(row, row["started_date"], "targets_started")
        add(row, row["breached_date"], "targets_breached")
        if row["status"] in ("met", "void"):
            add(row, row["ended_date"], "targets_met" if row["status"] == "met" else "targets_voided")
        if row["fulfilled_date"]:
            add(row, row["fulfilled_date"], "targets_fulfilled")
            add(row, row["fulfilled_date"], "used_minutes", row["used_minutes"])


def within(row: Row, last: datetime) -> Row:
    """A row without moments after the last that the reference looks at."""
    for name in ("due", "breaches"):
        at = row.get(f"{name}_at")
        if at and at >= last:
            row |= {column: None for column in (f"{name}_at", f"{name}_date") if column in row}
    return row


def moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def zone_of(life: Life) -> ZoneInfo:
    return ZoneInfo(life.work.zones[life.ticket.source_id])


def compare(
    company: Company, relation: str, key: str, expected: dict[tuple[Any, ...], Row], last: datetime
) -> None:
    """Hold a relation to the rows that the reference expects, column by column, as far as it looks."""
    columns = list(next(iter(expected.values())))
    found = {
        row[: -len(columns)]: within(dict(zip(columns, row[-len(columns) :], strict=True)), last)
        for row in company.rows(f"select {key}, {', '.join(columns)} from marts.{relation}")
    }
    missing, unexpected = expected.keys() - found.keys(), found.keys() - expected.keys()
    assert not missing, f"{len(missing)} rows, like {sorted(missing)[:3]}"
    assert not unexpected, f"{len(unexpected)} rows, like {sorted(unexpected)[:3]}"
    differing = {
        column: [
            (name, row[column], found[name][column])
            for name, row in expected.items()
            if row[column] != found[name][column]
        ]
        for column in columns
    }
    told = {column: (len(rows), rows[:3]) for column, rows in differing.items() if rows}
    assert not told


def expected_rows(
    lives: Sequence[Life], levels: ServiceLevels, horizons: Mapping[str, date], silent: Collection[str] = ()
) -> Iterator[tuple[str, str, dict[tuple[Any, ...], Row]]]:
    """Each relation with its key and the rows it should have.

    Args:
        lives: of all tickets.
        levels: the policies.
        horizons: the last day that each source has delivered.
        silent: sources that deliver neither events nor call-backs.
    """
    tickets: dict[tuple[Any, ...], Row] = {}
    promises: dict[tuple[Any, ...], Row] = {}
    days: dict[tuple[Any, ...], Row] = {}
    for life in lives:
        source, name = life.ticket.source_id, life.ticket.source_ticket_id
        given = [] if life.ticket.events is None else list(Promises(life, levels, horizons[source]).all())
        tickets[(name,)] = ticket_row(life, tells_call_backs=source not in silent) | {
            "is_called_back_on_time": called_back_on_time(given)
        }
        rows = list(promise_rows(life, given))
        promises |= {(name, row["target"], row["occurrence"]): row for row in rows}
        daily_rows(rows, horizons[source], days)
    yield "fct_ticket", "source_ticket_id", tickets
    yield "fct_sla_event", "source_ticket_id, target, occurrence", promises
    yield "fct_sla_daily", "project_id, service_item_id, target, day", days
    for relation, number, rows_of in (
        ("fct_ticket_span", "span_number", span_rows),
        ("fct_ticket_handover", "handover_number", handover_rows),
    ):
        found = {(life.ticket.source_ticket_id, row[number]): row for life in lives for row in rows_of(life)}
        yield relation, f"source_ticket_id, {number}", found
    yield (
        "fct_ticket_backlog_daily",
        "project_id, service_item_id, department_id, day",
        {
            key: {COLUMNS.get(name, f"tickets_{name}"): number for name, number in vars(of_day).items()}
            for key, of_day in backlog(lives, lives[0].work.zones, horizons).items()
        },
    )
