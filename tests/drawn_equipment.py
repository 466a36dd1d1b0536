"""Equipment drawn at random: a register that changes, and records of states and work with all that goes wrong."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

from tests.drawn_rosters import ZONES, wall

Row = dict[str, str]
Key = tuple[str, str]

KINDS = ("lift", "fire_pump", "boiler", "cctv", "uniform")
STATES = ("in_use", "standby", "down", "under_repair", "under_maintenance", "retired")


class Drawn:
    """Two sources' equipment and records.

    Attributes:
        register: rows as delivered, by equipment and the day they were told.
        records: by source and id, as delivered.
    """

    def __init__(self, draw: random.Random, pieces: int, records: int, first: date, last: date) -> None:
        self.draw, self.first, self.last = draw, first, last
        self.sources = {f"E{number:03}": draw.choice(tuple(ZONES)) for number in range(pieces)}
        self.register: dict[tuple[str, date], Row] = {}
        self.records: dict[Key, Row] = {}
        for name in self.sources:
            self.register[name, first] = self._piece(name)
            if draw.random() < 0.4:
                self.told_anew(name, first + timedelta(days=draw.randrange(1, (last - first).days)))
        for number in range(records):
            self.record(draw.choice(tuple(ZONES)), f"S{number}", self._day())

    def _day(self) -> date:
        return self.first + timedelta(days=self.draw.randrange((self.last - self.first).days + 1))

    def _some(self, share: float, around: int) -> str:
        """A day or none."""
        day = self._day() + timedelta(days=self.draw.randrange(-around, around))
        return str(day) if self.draw.random() < share else ""

    def _piece(self, name: str) -> Row:
        draw = self.draw
        return {
            "equipment_id": name,
            "project_id": draw.choice(("P1", "P2")),
            "equipment_kind": draw.choice(KINDS),
            "installed_date": draw.choice(("2011-05-01", "", self._some(0.5, 10))),
            "retired_date": self._some(0.1, 5),
            "service_life_years": draw.choice(("", "15", "14.9", "0.05")),
            "maintenance_interval_days": draw.choice(("", "5", "15", "300")),
            "is_statutory": draw.choice(("", "true", "false")),
            "statutory_inspected_date": self._some(0.5, 20),
            "statutory_due_date": self._some(0.8, 10),
        }

    def told_anew(self, name: str, day: date) -> None:
        """The register says something else of a piece from a day on."""
        known = self.register[max(key for key in self.register if key[0] == name)]
        self.register[name, day] = {
            **known,
            "project_id": self.draw.choice(("P1", "P2")),
            "statutory_inspected_date": self._some(0.5, 20),
            "statutory_due_date": self._some(0.8, 20),
        }

    def record(self, source: str, name: str, day: date) -> None:
        """A state, or work, on a day or some hours around it."""
        draw = self.draw
        begins = datetime.combine(day, datetime.min.time(), UTC) + timedelta(
            minutes=draw.choice((0, 30, 720, draw.randrange(1440))),
            seconds=draw.choice((0, 59, draw.randrange(60))),
        )
        lasts = timedelta(
            minutes=draw.choice((0, 1, 60, 300, 1440, draw.randrange(9000))), seconds=draw.randrange(60)
        )
        kind = draw.choices(
            ("state", "planned_maintenance", "repair", "statutory_inspection"), (60, 20, 12, 8)
        )[0]
        found = {
            "source_equipment_status_id": name,
            "equipment_id": draw.choice(tuple(self.sources)),
            "record_kind": kind,
            "started_at": wall(ZONES[source], begins),
            "ended_at": wall(ZONES[source], begins + lasts) if draw.random() < 0.4 else "",
        }
        if kind == "state" or draw.random() < 0.15:
            found["equipment_state"] = draw.choices(STATES, (30, 10, 25, 15, 18, 2))[0]
            found["is_in_use"] = draw.choice(("", "", "true", "false"))
        if kind != "state":
            found["result"] = draw.choice(("", "done", "passed", "failed", "not_done"))
            found["planned_date"] = str(day + timedelta(days=draw.choice((0, 0, 0, -1, -3, 1)))) * (
                draw.random() < 0.8
            )
        self.records[source, name] = found

    def alter(self, count: int) -> set[Key]:
        """Change some records in any way, and add some; returns their keys."""
        keys = set(self.draw.sample(sorted(self.records), count)) | {("site", f"L{n}") for n in range(count)}
        for source, name in sorted(keys):
            self.record(source, name, self._day())
        return keys
