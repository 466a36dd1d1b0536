"""Equipment, slowly: every minute of every piece is looked at. What the SQL is held to."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, str]
CONDITIONS = {
    "in_use": "up", "standby": "up", "down": "down", "under_repair": "down",
    "under_maintenance": "maintenance", "retired": "retired",
}  # fmt: skip
GOODS = ("uniform", "office", "software")


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // 60)


@dataclass(frozen=True)
class Record:
    """A record with its moments."""

    key: tuple[str, str]
    row: Row
    begins: datetime
    ends: datetime | None

    @property
    def is_done(self) -> bool:
        result = self.row.get("result", "")
        return result in ("done", "passed") if result else self.ends is not None


def _read(key: tuple[str, str], row: Row, zone: str) -> Record:
    def moment(text: str) -> datetime | None:
        if not text:
            return None
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)

    begins = moment(row["started_at"])
    assert begins
    return Record(key, row, begins, moment(row.get("ended_at", "")))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _minutes(states: list[Record], until: int) -> Iterator[tuple[int, Record, str]]:
    """Minute, the record in charge, and the condition; minutes of which nobody tells are left out."""
    for minute in range(_minute(states[0].begins) if states else until, until):
        while len(states) > 1 and _minute(states[1].begins) <= minute:
            states = states[1:]
        condition = CONDITIONS[states[0].row["equipment_state"]]
        if states[0].ends and _minute(states[0].ends) <= minute:
            if condition not in ("down", "maintenance"):
                continue
            condition = "after"
        yield minute, states[0], condition


@dataclass
class Equipment:
    """What the figures are made of.

    Attributes:
        zones: time zone by source.
        sources: source by equipment.
        first: first day that is known.
        last: last day that is known.
        register: rows by equipment and the day they were told.
        records: rows by source and id.
    """

    zones: Mapping[str, str]
    sources: Mapping[str, str]
    first: date
    last: date
    register: Mapping[tuple[str, date], Row]
    records: Mapping[tuple[str, str], Row]

    def rows(self) -> dict[tuple[str, date], dict[str, Any]]:
        """Figures by piece and day, for the columns of ``fct_equipment_daily`` that are not copied."""
        records: dict[str, list[Record]] = {}
        for key, row in self.records.items():
            records.setdefault(row["equipment_id"], []).append(_read(key, row, self.zones[key[0]]))
        found = {}
        for name, source in self.sources.items():
            own = sorted(records.get(name, []), key=lambda record: (record.begins, record.key))
            zone = ZoneInfo(self.zones[source])
            for day, figures in self._piece(name, zone, own):
                found[name, day] = figures
        return found

    def _piece(
        self, name: str, zone: ZoneInfo, records: list[Record]
    ) -> Iterator[tuple[date, dict[str, Any]]]:
        told = {day: row for (equipment, day), row in self.register.items() if equipment == name}
        now = told[max(told)]
        installed, retired = _day(now["installed_date"]), _day(now["retired_date"])
        if now["equipment_kind"] in GOODS:
            return
        days = self._states(zone, records)
        for day, figures in days.items():
            if (installed and day < installed) or (retired and day > retired):
                continue
            if figures.pop("retired_minutes") == figures.pop("minutes"):
                continue
            figures |= {"project_id": now["project_id"]}
            figures |= self._work(day, zone, records)
            figures |= self._maintained(day, zone, records, now, installed)
            figures |= _statutory(day, zone, records, told)
            life = now["service_life_years"]
            worn = _months_later(installed, round(12 * float(life))) if installed and life else None
            figures["is_past_service_life"] = worn and day >= worn
            yield day, figures

    def _states(self, zone: ZoneInfo, records: list[Record]) -> dict[date, dict[str, Any]]:
        names = ("up", "down", "maintenance", "retired", "in_use")
        found: dict[date, dict[str, Any]] = {}
        begins = {}
        day = self.first
        while day <= self.last + timedelta(days=1):
            begins[day] = _minute(datetime.combine(day, time(), zone))
            day += timedelta(days=1)
        for day in list(begins)[:-1]:
            found[day] = {f"{each}_minutes": 0 for each in names} | {
                "minutes": begins[day + timedelta(days=1)] - begins[day],
                "equipment_state": None, "is_in_order": None,
                "failures": 0, "restorations": 0, "restoration_minutes": 0,
            }  # fmt: skip
        states = [record for record in records if record.row.get("equipment_state")]
        failed: int | None = None
        before: int | None = None
        day = self.first - timedelta(days=1)
        for minute, record, told in _minutes(states, begins[self.last + timedelta(days=1)]):
            while day < self.last and begins[day + timedelta(days=1)] <= minute:
                day += timedelta(days=1)
            figures = found.get(day)
            condition = "up" if told == "after" else told
            if before != minute - 1:
                failed = None
            before = minute
            if condition == "down" and failed is None:
                failed = minute
                if figures:
                    figures["failures"] += 1
            elif condition not in ("down", "maintenance"):
                if condition == "up" and failed is not None and figures:
                    figures["restorations"] += 1
                    figures["restoration_minutes"] += minute - failed
                failed = None
            if failed is not None:
                condition = "down"
            if figures is None:
                continue
            figures[f"{condition}_minutes"] += 1
            used = {"true": True, "false": False}.get(record.row.get("is_in_use", ""))
            if told == "up" and (record.row["equipment_state"] == "in_use" if used is None else used):
                figures["in_use_minutes"] += 1
            if minute == begins[day + timedelta(days=1)] - 1:
                figures["equipment_state"] = None if told == "after" else record.row["equipment_state"]
                figures["is_in_order"] = (
                    None if condition == "retired" else condition in ("up", "maintenance")
                )
        for figures in found.values():
            figures["unknown_minutes"] = figures["minutes"] - sum(
                figures[f"{each}_minutes"] for each in names if each != "in_use"
            )
        return found

    def _work(self, day: date, zone: ZoneInfo, records: list[Record]) -> dict[str, Any]:
        repairs = [
            record for record in records
            if record.row["record_kind"] == "repair" and record.is_done and _done(record, zone) == day
        ]  # fmt: skip
        planned = [
            record for record in records
            if record.row["record_kind"] == "planned_maintenance" and _day(record.row.get("planned_date", "")) == day
        ]  # fmt: skip
        return {
            "repairs": len(repairs),
            "repair_minutes": sum(_minute(r.ends) - _minute(r.begins) for r in repairs if r.ends),
            "is_maintenance_due": bool(planned),
            "is_maintenance_done": any(r.is_done for r in planned) if planned else None,
            "is_maintenance_done_on_time": any(r.is_done and _done(r, zone) <= day for r in planned)
            if planned
            else None,
        }

    def _maintained(
        self, day: date, zone: ZoneInfo, records: list[Record], now: Row, installed: date | None
    ) -> dict[str, Any]:
        done = [
            _done(record, zone)
            for record in records
            if record.row["record_kind"] == "planned_maintenance" and record.is_done
        ]
        last = max((each for each in done if each <= day), default=None)
        overdue = None
        if now["maintenance_interval_days"]:
            since = last or max(self.first, installed or self.first)
            overdue = (day - since).days > int(now["maintenance_interval_days"]) or (False if last else None)
        return {"maintained_date": last, "is_maintenance_overdue": overdue}


def _done(record: Record, zone: ZoneInfo) -> date:
    return (record.ends or record.begins).astimezone(zone).date()


def _statutory(day: date, zone: ZoneInfo, records: list[Record], told: Mapping[date, Row]) -> dict[str, Any]:
    now = told[max(told)]
    is_statutory = now["is_statutory"] == "true" or (
        not now["is_statutory"] and bool(now["statutory_due_date"])
    )
    told_on = max((each for each in told if each <= day), default=min(told))
    due = _day(told[told_on]["statutory_due_date"])
    since = _day(told[told_on]["statutory_inspected_date"]) or told_on
    inspections = [record for record in records if record.row["record_kind"] == "statutory_inspection"]
    passed = [record for record in inspections if record.row.get("result") == "passed"]
    settled = any(since < _done(record, zone) <= day for record in passed)
    overdue: bool | None = False if not is_statutory or settled else due < day if due else None
    carried_out = [
        record for record in inspections
        if record.is_done or record.row.get("result") == "failed"
    ]  # fmt: skip
    return {
        "is_statutory": is_statutory,
        "statutory_due_date": None if settled else due,
        "is_statutory_overdue": overdue,
        "statutory_inspections": sum(_done(record, zone) == day for record in carried_out),
        "statutory_inspections_passed": sum(_done(record, zone) == day for record in passed),
    }


def _months_later(day: date, months: int) -> date:
    total = day.year * 12 + day.month - 1 + months
    year, month = total // 12, total % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
