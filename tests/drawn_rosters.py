"""Rosters and records drawn at random, with everything that goes wrong with them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONES = {"site": "Asia/Shanghai", "berlin": "Europe/Berlin"}
KINDS = ("workday", "rest_day", "public_holiday")
LEAVES = ("annual", "sick", "personal", "maternity", "compensatory")
# Minutes after midnight and length: by day, across midnight, over the turn of the clock, up to midnight.
SHIFTS = ((510, 540), (420, 480), (900, 480), (960, 480), (1380, 480), (1200, 720), (60, 480), (150, 300))


def wall(zone: str, moment: datetime) -> str:
    """A moment as its source writes it: by the clock on the wall, with the offset where that is not clear."""
    local = moment.astimezone(ZoneInfo(zone))
    plain = local.replace(tzinfo=None)
    twice = {plain.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)}
    return plain.isoformat(" ") if len(twice) == 1 else local.isoformat(" ")


def at(zone: str, day: date, minute: int) -> datetime:
    """The instant so many minutes after the day's midnight, minutes passing as they do."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) + timedelta(minutes=minute)


class Drawn:
    """Two sources' rosters and records of some persons and days.

    Attributes:
        rosters: by source and id, as delivered; so are ``records``.
    """

    def __init__(self, draw: random.Random, persons: int, first: date, days: int, planned_ahead: int) -> None:
        self.draw = draw
        self.persons = [f"H{number:04}" for number in range(persons)]
        self.rosters: dict[tuple[str, str], dict[str, str]] = {}
        self.records: dict[tuple[str, str], dict[str, str]] = {}
        for number, person in enumerate(self.persons):
            source = draw.choice(("site", "berlin"))
            moved = first + timedelta(days=draw.randrange(days))
            homes = draw.choice((("P1", "P1"), ("P1", "P2"), ("P2", "P1")))
            for offset in range(days + planned_ahead):
                day = first + timedelta(days=offset)
                project = homes[day >= moved]
                for part in range(2 if draw.random() < 0.08 else 1):
                    self._shift(source, person, day, f"{number}-{offset}-{part}", project, offset < days)

    def _shift(self, source: str, person: str, day: date, name: str, project: str, is_past: bool) -> None:
        draw = self.draw
        if draw.random() < 0.02:
            if is_past:
                self.record(source, person, day, f"u{name}", "", None, None)
            return
        entry, starts, ends = self.entry(source, person, day, project)
        self.rosters[source, f"r{name}"] = {"source_roster_id": f"r{name}", **entry}
        if not is_past:
            return
        answered = entry["shift_kind"] in ("work", "training") and entry.get("status") != "cancelled"
        if draw.random() > (0.93 if answered else 0.12):
            return
        named = draw.choices((f"r{name}", "", "nowhere"), (85, 14, 1))[0]
        came = draw.choice(self.persons) if draw.random() < 0.02 else person
        self.record(source, came, day, f"a{name}", named, starts, ends)
        if draw.random() < 0.05:
            other = draw.choice((person, came, draw.choice(self.persons)))
            self.record(source, other, day, f"b{name}", named, starts, ends)

    def entry(
        self, source: str, person: str, day: date, project: str
    ) -> tuple[dict[str, str], datetime | None, datetime | None]:
        """An entry of the roster, its beginning and its end."""
        draw = self.draw
        kind = draw.choices(("work", "rest", "leave", "standby", "training"), (70, 12, 8, 5, 5))[0]
        found = {
            "person_id": person,
            "shift_date": str(day),
            "shift_kind": kind,
            "project_id": project,
            "post_id": draw.choice(("", f"{project}-guard", f"{project}-clean")),
            "break_minutes": draw.choice(("", "0", "30", "60")),
            "status": draw.choices(("", "planned", "changed", "cancelled"), (40, 40, 15, 5))[0],
            "swapped_with_person_id": draw.choice(self.persons) if draw.random() < 0.03 else "",
            "overtime_kind": draw.choice(KINDS) if draw.random() < 0.05 else "",
            "leave_kind": draw.choice(LEAVES) if kind == "leave" and draw.random() < 0.9 else "",
        }
        if kind == "rest" or (kind == "leave" and draw.random() < 0.5):
            return found, None, None
        minute, length = draw.choice(SHIFTS)
        starts = at(ZONES[source], day, minute)
        ends = starts + timedelta(minutes=length)
        if draw.random() > 0.02:
            found["starts_at"] = wall(ZONES[source], starts)
        if draw.random() > 0.02:
            found["ends_at"] = wall(ZONES[source], ends)
        return found, starts, ends

    def record(
        self,
        source: str,
        person: str,
        day: date,
        name: str,
        named: str,
        starts: datetime | None,
        ends: datetime | None,
    ) -> None:
        """A record of attendance: on time or not, with or without both punches, or of leave."""
        draw = self.draw
        found = {
            "source_attendance_id": name,
            "person_id": person,
            "work_date": str(day),
            "source_roster_id": named,
            "project_id": draw.choice(("", "P1", "P2")),
            "post_id": draw.choice(("", "P1-guard", "P2-clean")),
        }
        starts = starts or at(ZONES[source], day, 480)
        ends = ends or starts + timedelta(hours=8)
        kind = draw.random()
        if kind < 0.08:
            found["leave_kind"] = draw.choice(("", *LEAVES))
            found["leave_minutes"] = draw.choice(("", "0", "240", "480"))
        if kind > 0.04:
            came = starts + timedelta(
                seconds=draw.choice((-600, 0, 59, 300, 359, 360, 419, 1800, 9000)) + draw.randrange(60)
            )
            went = ends - timedelta(
                seconds=draw.choice((-1500, 0, 60, 300, 301, 360, 420, 3600)) + draw.randrange(60)
            )
            if draw.random() > 0.03:
                found["clock_in_at"] = wall(ZONES[source], came)
            if draw.random() > 0.03:
                found["clock_out_at"] = wall(ZONES[source], went)
            if draw.random() < 0.01:
                found["clock_out_at"] = wall(ZONES[source], came - timedelta(minutes=draw.randrange(100)))
        if draw.random() < 0.15:
            found["overtime_minutes"] = draw.choice(("", "0", "60", "200"))
            found["overtime_kind"] = draw.choice(("", *KINDS))
        self.records[source, name] = found

    def alter(self, count: int) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """Change some entries and records in any way; returns their keys."""
        draw = self.draw
        rosters = set(draw.sample(sorted(self.rosters), count))
        for key in sorted(rosters):
            entry = self.rosters[key]
            day = date.fromisoformat(entry["shift_date"]) + timedelta(days=draw.choice((0, 0, 1)))
            person = draw.choice(self.persons) if draw.random() < 0.1 else entry["person_id"]
            told, _, _ = self.entry(key[0], person, day, entry["project_id"])
            self.rosters[key] = {"source_roster_id": key[1], **told}
        records = set(draw.sample(sorted(self.records), count))
        for key in sorted(records):
            record = self.records[key]
            named = draw.choice((record["source_roster_id"], "", draw.choice(sorted(self.rosters))[1]))
            day = date.fromisoformat(record["work_date"]) + timedelta(days=draw.choice((0, 0, 1)))
            person = draw.choice(self.persons) if draw.random() < 0.1 else record["person_id"]
            self.record(key[0], person, day, key[1], named, None, None)
        return rosters, records


def by_day(rows: Iterator[dict[str, str]], day: str) -> dict[str, list[dict[str, str]]]:
    """Rows of one source by the day their deliveries belong to."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(row[day], []).append(row)
    return found
