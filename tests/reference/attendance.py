"""Attendance, slowly: one person and day after the other, in plain Python. What the SQL is held to.

Rosters and records are what sources deliver, text by field. Semantics: docs/decisions/0027-attendance.md. Nothing
here is shared with the package.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, str]
Key = tuple[str, str]
KINDS = ("workday", "rest_day", "public_holiday")


@dataclass
class Attendance:
    """What was planned and recorded.

    Attributes:
        zones: IANA time zone by source.
        horizons: last day of which a source has delivered attendance.
        day_kinds: what a day is by law.
        late_grace: minutes; early_grace likewise.
        rosters: entries by source and id.
        records: attendance records by source and id.
    """

    zones: Mapping[str, str]
    horizons: Mapping[str, date]
    day_kinds: Mapping[date, str]
    late_grace: int
    early_grace: int
    rosters: dict[Key, Row] = field(default_factory=dict)
    records: dict[Key, Row] = field(default_factory=dict)

    def rows(self) -> dict[str, dict[str, Any]]:
        """What comes of every entry and every unplanned record, by its id."""
        naming: dict[Key, list[Key]] = defaultdict(list)
        for key, record in self.records.items():
            named = (key[0], record.get("source_roster_id", ""))
            if named in self.rosters:
                naming[named].append(key)

        answers: dict[Key, list[Key]] = {}
        taken: set[Key] = set()
        strangers: set[Key] = set()
        for named, keys in naming.items():
            persons = {self.records[key]["person_id"] for key in keys}
            rostered = self.rosters[named]["person_id"]
            came = rostered if rostered in persons else min(persons)
            answers[named] = [key for key in keys if self.records[key]["person_id"] == came]
            taken.update(answers[named])
            strangers.update(key for key in keys if self.records[key]["person_id"] != came)

        unnamed: dict[tuple[str, str], list[Key]] = defaultdict(list)
        for key, record in self.records.items():
            if key not in taken and key not in strangers:
                unnamed[record["person_id"], record["work_date"]].append(key)
        unanswered: dict[tuple[str, str], list[Key]] = defaultdict(list)
        for key, entry in self.rosters.items():
            if key not in answers and entry.get("status") != "cancelled" and entry["shift_kind"] != "rest":
                unanswered[entry["person_id"], entry["shift_date"]].append(key)

        alone = set(strangers)
        unclear: set[Key] = set()
        for place, keys in unnamed.items():
            waiting = unanswered.get(place, [])
            punched = [key for key in keys if self._punched(self.records[key])]
            if len(waiting) == 1 and len(punched) <= 1:
                answers[waiting[0]] = keys
            else:
                alone.update(keys)
                unclear.update(waiting)

        found = {
            f"roster:{key[0]}:{key[1]}": self._row(key[0], entry, answers.get(key, []), key in unclear)
            for key, entry in self.rosters.items()
        }
        for key in alone:
            found[f"attendance:{key[0]}:{key[1]}"] = self._row(key[0], None, [key], False)
        return found

    @staticmethod
    def _punched(record: Row) -> bool:
        return bool(record.get("clock_in_at") or record.get("clock_out_at"))

    def _moment(self, source: str, text: str | None) -> datetime | None:
        if not text:
            return None
        told = datetime.fromisoformat(text)
        return told if told.tzinfo else told.replace(tzinfo=ZoneInfo(self.zones[source]))

    def _row(self, source: str, entry: Row | None, keys: list[Key], is_unclear: bool) -> dict[str, Any]:
        records = [self.records[key] for key in sorted(keys, key=lambda key: f"{key[0]}:{key[1]}")]
        day = date.fromisoformat(entry["shift_date"] if entry else records[0]["work_date"])
        kind = entry["shift_kind"] if entry else None
        is_cancelled = bool(entry and entry.get("status") == "cancelled")
        starts = self._moment(source, entry.get("starts_at")) if entry else None
        ends = self._moment(source, entry.get("ends_at")) if entry else None
        pause = int(entry.get("break_minutes") or 0) if entry else 0
        ends_date = day
        if ends:
            last_minute = (ends.astimezone(ZoneInfo("UTC")) - timedelta(minutes=1)).astimezone(
                ZoneInfo(self.zones[source])
            )
            ends_date = max(day, last_minute.date())
        is_known = source in self.horizons and ends_date <= self.horizons[source]

        ins = [self._moment(key[0], self.records[key].get("clock_in_at")) for key in keys]
        outs = [self._moment(key[0], self.records[key].get("clock_out_at")) for key in keys]
        came = min((moment for moment in ins if moment), default=None)
        went = max((moment for moment in outs if moment), default=None)
        is_leave = any(r.get("leave_kind") or int(r.get("leave_minutes") or 0) > 0 for r in records)
        leave_told = [int(r["leave_minutes"]) for r in records if r.get("leave_minutes")]

        status = self._status(
            came, went, is_leave, entry is not None, is_cancelled, kind, is_known, is_unclear
        )
        worked = None
        if status == "present":
            worked = max(minutes(came, went) - pause, 0)

        is_held = kind in ("work", "training") and not is_cancelled
        leave = sum(leave_told)
        late = early = None
        if is_held and starts and came and status in ("present", "missing_out", "open"):
            late = minutes(starts, came) - leave
            leave = max(leave - max(minutes(starts, came), 0), 0)
        if is_held and ends and went and status in ("present", "missing_in"):
            early = minutes(went, ends) - leave

        span = minutes(starts, ends) - pause if starts and ends else None
        person = records[0]["person_id"] if records else entry["person_id"]  # type: ignore[index]
        rostered = entry["person_id"] if entry else person
        is_on_duty: bool | None = None
        if came or went:
            is_on_duty = True
        elif status not in ("open", "unclear"):
            is_on_duty = False
        return {
            "person_id": person,
            "rostered_person_id": rostered,
            "project_id": first(records, "project_id", self._punched) or (entry or {}).get("project_id"),
            "post_id": first(records, "post_id", self._punched) or (entry or {}).get("post_id"),
            "shift_date": day,
            "shift_kind": kind,
            "ends_date": ends_date,
            "status": status,
            "is_on_duty": is_on_duty,
            "is_swapped": bool(entry and entry.get("swapped_with_person_id")) or person != rostered,
            "planned_minutes": span if kind in ("work", "training", "standby") and not is_cancelled else None,
            "worked_minutes": worked,
            "late_minutes": beyond(late, self.late_grace),
            "early_minutes": beyond(early, self.early_grace),
            "leave_kind": (
                (first(records, "leave_kind") or (entry or {}).get("leave_kind") or None)
                if is_leave or status == "leave"
                else None
            ),
            "leave_minutes": sum(leave_told) if leave_told else span if status == "leave" else 0,
            **self._overtime(entry, records, day, status, came, went, starts, ends, pause),
        }

    @staticmethod
    def _status(
        came: datetime | None,
        went: datetime | None,
        is_leave: bool,
        is_planned: bool,
        is_cancelled: bool,
        kind: str | None,
        is_known: bool,
        is_unclear: bool,
    ) -> str:
        if came and went:
            return "present" if went >= came else "contradictory"
        if went:
            return "missing_in"
        if came:
            return "missing_out" if is_known or not is_planned else "open"
        if is_leave:
            return "leave"
        if not is_planned:
            return "unclear"
        if is_cancelled:
            return "cancelled"
        if kind in ("leave", "rest", "standby"):
            return str(kind)
        if not is_known:
            return "open"
        return "unclear" if is_unclear else "absent"

    def _overtime(
        self,
        entry: Row | None,
        records: list[Row],
        day: date,
        status: str,
        came: datetime | None,
        went: datetime | None,
        starts: datetime | None,
        ends: datetime | None,
        pause: int,
    ) -> dict[str, int | None]:
        of_entry = (entry or {}).get("overtime_kind") or None
        by_law = self.day_kinds.get(day)
        told: dict[str | None, int] = defaultdict(int)
        for record in records:
            if record.get("overtime_minutes"):
                told[record.get("overtime_kind") or of_entry or by_law] += int(record["overtime_minutes"])
        if told:
            return named(sum(told.values()), told)
        if status == "open":
            return named(None, {})
        kind = first(records, "overtime_kind") or of_entry
        if not kind:
            return named(0, {})
        if status == "present":
            assert came is not None
            assert went is not None
            begins = max(came, starts) if starts else came
            stops = min(went, ends) if ends else went
            worked = max(minutes(begins, stops) - pause, 0)
            return named(worked, {kind: worked})
        if status in ("missing_in", "missing_out", "contradictory", "unclear"):
            unknown = named(None, {})
            return unknown | {f"overtime_{other}_minutes": None for other in KINDS}
        return named(0, {})


def named(total: int | None, by_kind: Mapping[str | None, int]) -> dict[str, int | None]:
    """Overtime by column."""
    return {
        "overtime_minutes": total,
        **{f"overtime_{kind}_minutes": None if total is None else by_kind.get(kind, 0) for kind in KINDS},
    }


def minutes(one: datetime | None, other: datetime | None) -> int:
    """Minutes between two moments cut to their minutes."""
    assert one is not None
    assert other is not None
    return int(other.timestamp() // 60) - int(one.timestamp() // 60)


def beyond(left: int | None, grace: int) -> int | None:
    """Minutes that count; None where nothing is known."""
    if left is None:
        return None
    return left if left > grace else 0


def first(records: Iterable[Row], name: str, is_preferred: Any = None) -> str | None:
    """The first value told, of preferred records before others."""
    told = [record for record in records if record.get(name)]
    if is_preferred:
        told.sort(key=lambda record: not is_preferred(record))
    return told[0][name] if told else None
