"""The page of who has delivered what for which day, and the message about what is late.

Unlike a release's pages it is about now: it is renewed after every landing and build, and no checksum of it is
kept. With many sources the page shows those with something to tell, and the others on further pages.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import class_row, dict_row

from yardstick.contracts import load_contracts
from yardstick.deadlines import Late
from yardstick.reports.language import Language, number

FOLDER = "deliveries"
DAYS = 28
LOOK_BACK = timedelta(days=61)
ON_ONE_PAGE = 60
"""Most sources that the first page shows in full; where there are more, they stand on pages of this size."""
NOTED = 40
_QUERY = Path(__file__).parent / "queries"
_ORDER = ("missing", "refused", "carried_on", "late", "not_due", "delivered")
_TELLING = ("missing", "refused", "carried_on")


@dataclass(frozen=True)
class Status:
    """One row of ``ops.delivery_status``."""

    source_id: str
    entity: str
    day: date
    period_start: date
    is_expected: bool
    is_required: bool
    if_missing: str | None
    deadline_at: datetime | None
    delivered_at: datetime | None
    status: str
    rows_landed: int | None
    rows_rejected: int | None
    file_count: int
    file_name: str | None
    refused_count: int
    refused_reason: str | None


@dataclass(frozen=True)
class Trouble:
    """A source that could not be asked the last time anybody looked."""

    source_id: str
    entity: str
    outcome: str
    message: str
    looked_at: datetime


@dataclass
class Line:
    """What one source delivers of one entity, by the day it stands for."""

    source_id: str
    entity: str
    by_day: dict[date, Status] = field(default_factory=dict)

    def within(self, first: date, last: date) -> list[Status]:
        """The statuses that touch a range of days, in order."""
        return [
            status
            for day, status in sorted(self.by_day.items())
            if day >= first and status.period_start <= last
        ]

    @property
    def worst(self) -> int:
        """Place of the gravest status in the order of gravity."""
        return min((_ORDER.index(status.status) for status in self.by_day.values()), default=len(_ORDER))


@dataclass
class Source:
    """One source with its lines."""

    source_id: str
    names: dict[str, str | None]
    zone: ZoneInfo
    lines: list[Line]

    @property
    def is_telling(self) -> bool:
        """Whether anything of it needs a look."""
        return any(line.worst < _ORDER.index("not_due") for line in self.lines)


@dataclass(frozen=True)
class Overview:
    """Everything the pages say.

    Attributes:
        as_of: when it was read.
        days: the days shown, in order.
        sources: by id.
        troubles: sources that could not be asked.
        names: label of every entity.
    """

    as_of: datetime
    days: tuple[date, ...]
    sources: list[Source]
    troubles: list[Trouble]
    names: Mapping[str, Mapping[str, str]]

    @property
    def telling(self) -> list[Source]:
        """Sources with something late, missing, refused or carried on without, the gravest first."""
        found = [source for source in self.sources if source.is_telling]
        return sorted(found, key=lambda source: (min(line.worst for line in source.lines), source.source_id))

    def counts(self) -> Counter[str]:
        """Expected deliveries of the days shown, by status."""
        return Counter(
            status.status
            for source in self.sources
            for line in source.lines
            for status in line.within(self.days[0], self.days[-1])
            if status.is_expected or status.status == "refused"
        )


def query(name: str) -> LiteralString:
    """The text of ``queries/<name>.sql``."""
    return (_QUERY / f"{name}.sql").read_text(encoding="utf-8")


def read(connection: psycopg.Connection[Any]) -> Overview | None:
    """Read the ledger; None when nothing was ever delivered or expected."""
    with connection.cursor(row_factory=dict_row) as cursor:
        bound = cursor.execute(query("delivery_bounds")).fetchone()
    if not bound or bound["last_day"] is None:
        return None
    last = bound["last_day"]
    with connection.cursor(row_factory=class_row(Status)) as statuses_cursor:
        statuses = statuses_cursor.execute(
            "select * from ops.delivery_status_between(%s, %s) order by source_id, entity, day",
            [last - LOOK_BACK, last],
        ).fetchall()
    with connection.cursor(row_factory=class_row(Trouble)) as troubles_cursor:
        troubles = troubles_cursor.execute(query("delivery_troubles")).fetchall()
    known = {
        source_id: (names, ZoneInfo(zone))
        for source_id, names, zone in connection.execute("select source_id, names, time_zone from ops.source")
    }
    order = {entity: place for place, entity in enumerate(load_contracts())}
    lines: dict[str, list[Line]] = defaultdict(list)
    for (source_id, entity), found in groupby(statuses, key=lambda one: (one.source_id, one.entity)):
        lines[source_id].append(Line(source_id, entity, {one.day: one for one in found}))
    days = tuple(last - timedelta(days=DAYS - 1 - n) for n in range(DAYS))
    for source_id, own in lines.items():
        lines[source_id] = [
            line
            for line in own
            if line.within(days[0], days[-1]) or any(one.status in _TELLING for one in line.by_day.values())
        ]
    for trouble in troubles:
        if trouble.entity not in {line.entity for line in lines[trouble.source_id]}:
            lines[trouble.source_id].append(Line(trouble.source_id, trouble.entity))
    return Overview(
        as_of=bound["as_of"],
        days=days,
        sources=[
            Source(source_id, *known[source_id], sorted(own, key=lambda line: order.get(line.entity, 99)))
            for source_id, own in sorted(lines.items())
            if own
        ],
        troubles=troubles,
        names={name: contract.names for name, contract in load_contracts().items()},
    )


@dataclass(frozen=True)
class Cell:
    """One cell of the grid: what stands in it, how many days it spans, what the pointer tells."""

    text: str
    kind: str
    span: int
    title: str


@dataclass(frozen=True)
class Note:
    """One line of what needs a look."""

    source: Source
    entity: str
    kind: str
    last: date
    days: str
    what: str
    follows: str


def cells(source: Source, line: Line, days: Sequence[date], lang: Language) -> list[Cell]:
    """The line's cells for the days, in order; a month's delivery spans its days."""
    found: list[Cell] = []
    free = 0
    statuses = line.within(days[0], days[-1])
    months = [status for status in statuses if status.period_start < status.day]
    for status in statuses:
        if not status.is_expected and any(one.period_start <= status.day < one.day for one in months):
            continue  # part of the month's delivery
        start = max(status.period_start, days[0], days[min(free, len(days) - 1)])
        end = min(status.day, days[-1])
        if start > end:
            continue
        gap = (start - days[0]).days - free
        found += [Cell("", "none", 1, "")] * gap
        span = (end - start).days + 1
        kind = status.status if status.is_expected or status.status != "delivered" else "unasked"
        found.append(Cell(lang.text(f"deliveries.cell.{kind}"), kind, span, _title(source, status, lang)))
        free += gap + span
    return found + [Cell("", "none", 1, "")] * (len(days) - free)


def _title(source: Source, status: Status, lang: Language) -> str:
    parts = [_days([status], lang)]
    if status.delivered_at:
        parts.append(lang.text("deliveries.came", moment=lang.hour(status.delivered_at, source.zone)))
    elif status.deadline_at:
        parts.append(lang.text("deliveries.due", moment=lang.hour(status.deadline_at, source.zone)))
    if status.rows_landed is not None:
        parts.append(lang.text("rows", n=number(status.rows_landed)))
    if status.rows_rejected:
        parts.append(lang.text("deliveries.rejected", n=number(status.rows_rejected)))
    if status.refused_reason:
        parts.append(status.refused_reason)
    return " · ".join(parts)


def _days(statuses: Iterable[Status | Late], lang: Language) -> str:
    """Days in words, neighbours as a range: ``3–5, 8 November``, ``11月3–5日、8日``; whole months by name."""
    whole, single = [], []
    for one in statuses:
        end = one.period_end if isinstance(one, Late) else one.day
        if one.period_start < end:
            whole.append(lang.month(end))
        else:
            single.append(end)
    return lang.text("comma").join([*dict.fromkeys(whole), *([lang.days(single)] if single else [])])


def notes(overview: Overview, lang: Language) -> list[Note]:
    """What needs a look, the gravest first, the newest of a kind first."""
    found: list[Note] = []
    by_id = {source.source_id: source for source in overview.sources}
    for trouble in overview.troubles:
        found.append(
            Note(
                by_id[trouble.source_id],
                trouble.entity,
                trouble.outcome,
                trouble.looked_at.date(),
                "",
                lang.text(
                    "deliveries.asked",
                    moment=lang.hour(trouble.looked_at, by_id[trouble.source_id].zone),
                    message=trouble.message.removeprefix(f"{trouble.source_id} {trouble.entity}: "),
                ),
                lang.text(f"deliveries.follows.{trouble.outcome}"),
            )
        )
    for source in overview.sources:
        for line in source.lines:
            for kind in _TELLING:
                days = [one for one in line.by_day.values() if one.status == kind]
                if days:
                    found.append(_note(source, line, kind, days, lang))
    rank = {
        "credentials": 0,
        "unreachable": 1,
        "failed": 1,
        **{kind: 2 + n for n, kind in enumerate(_TELLING)},
    }
    return sorted(
        found, key=lambda note: (rank[note.kind], -note.last.toordinal(), note.source.source_id, note.entity)
    )


def _note(source: Source, line: Line, kind: str, days: list[Status], lang: Language) -> Note:
    last = days[-1]
    if kind == "refused":
        follows, what = kind, last.refused_reason or ""
    else:
        follows = kind if kind == "carried_on" or last.is_required else "unrequired"
        came = max((one.day for one in line.by_day.values() if one.delivered_at), default=None)
        what = lang.text("deliveries.last", day=lang.days([came])) if came else lang.text("deliveries.never")
        if last.deadline_at:
            due = lang.text("deliveries.due", moment=lang.hour(last.deadline_at, source.zone))
            what = due + lang.text("deliveries.then") + what
    return Note(
        source,
        line.entity,
        kind,
        last.day,
        _days(days, lang),
        what,
        lang.text(f"deliveries.follows.{follows}"),
    )


def message(late: Sequence[Late], lang: Language, names: Mapping[str, Mapping[str, str]]) -> tuple[str, str]:
    """Subject and text of the alert about deliveries that are late.

    Args:
        late: what is late, by source and entity.
        lang: language of the message.
        names: names of the sources, by id and language.
    """
    contracts = load_contracts()
    lines = []
    for (source_id, entity), found in groupby(late, key=lambda one: (one.source_id, one.entity)):
        own = list(found)
        rule = own[-1].rule if own[-1].is_required else "unrequired"
        follows = {"wait": "missing", "carry_on": "carried_on"}.get(rule, rule)
        lines.append(
            lang.text(
                "deliveries.alert.line",
                source=lang.name(names.get(source_id, {}), source_id),
                entity=lang.name(contracts[entity].names, entity),
                days=_days(own, lang),
                follows=lang.text(f"deliveries.follows.{follows}"),
            )
        )
    return lang.text("deliveries.alert.subject", n=number(len(late))), "\n".join(lines)
