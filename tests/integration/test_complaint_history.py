"""Complaints and households over many builds, held to a reference that compares every complaint with every other."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random  # seeded: the same history every time

import pytest
from tests.complaint_deliveries import complaint_company
from tests.deliveries import Company, ticket
from tests.reference import complaints as reference

from yardstick.settings import Settings

FIRST = datetime(2025, 12, 1)
DAYS = 150
WITHIN_DAYS = {date(2025, 1, 1): None, date(2026, 1, 1): 30, date(2026, 3, 1): 12}
HOUSEHOLDS = ["", *(f"{block}栋-{number}" for block in "12" for number in range(101, 121))]
FACTS = ("marts.fct_complaint", "marts.fct_household_history")
Rows = dict[tuple[str, str], dict[str, str]]


class Desk:
    """Two systems that deliver tickets, complaints and call-backs, and what they have said last."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.systems = (company, Company(company.settings, "hotline").register(with_calendar=False))
        self.random = Random(26)
        self.known: dict[str, Rows] = {"complaint": {}, "call_back": {}, "ticket": {}}
        self.batch = 0

    def moment(self) -> datetime:
        """Some moments are shared."""
        day = FIRST + timedelta(days=self.random.randrange(DAYS))
        second = self.random.choice([9 * 3600, self.random.randrange(86_400)])
        return day + timedelta(seconds=second)

    def complaint(self, name: str) -> dict[str, str]:
        random, start = self.random, self.moment()
        row = {
            "source_complaint_id": name,
            "received_at": str(start),
            "project_id": random.choice(["P1", "P2"]),
            "service_item_id": random.choice(["lift", "lobby", ""]),
            "household_id": random.choice(HOUSEHOLDS),
            "complaint_kind": random.choice(["noise", "fees", ""]),
            "status": random.choice(["open", "resolved", "closed", "closed", "withdrawn"]),
        }
        later = start - timedelta(minutes=random.choice([0, 0, 0, 90]))
        for rung in reference.RUNGS:
            later += timedelta(seconds=random.randrange(4 * 86_400))
            if random.random() < 0.7:
                row[rung] = str(later)
        if random.random() < 0.8:
            row["due_at"] = str(later + timedelta(days=random.randrange(-3, 3)))
        return row

    def call_back(self, name: str, source: str) -> dict[str, str]:
        random = self.random
        of = random.choice([key for key in self.known["complaint"] if key[0] == source])
        called = reference.received(self.known["complaint"][of]) + timedelta(days=random.randrange(12))
        return {
            "source_call_back_id": name,
            "source_complaint_id": of[1],
            "called_at": str(called),
            "result": random.choice(["reached", "reached", "not_reached"]),
        }

    def ticket(self, name: str) -> dict[str, str]:
        at = self.moment()
        return ticket(
            name, opened_at=str(at), household_id=self.random.choice(HOUSEHOLDS),
            project_id=self.random.choice(["P1", "P2"]),
        )  # fmt: skip

    def deliver(self, complaints: int, calls: int, tickets: int) -> None:
        """New rows, and a twentieth of the old ones said anew."""
        self.batch += 1
        for entity, count in (("complaint", complaints), ("call_back", calls), ("ticket", tickets)):
            for system in self.systems:
                old = sorted(name for source, name in self.known[entity] if source == system.source_id)
                names = [f"{entity}-{self.batch}-{number}" for number in range(count // 2)]
                days: dict[str, list[dict[str, str]]] = {}
                for name in [*self.random.sample(old, len(old) // 20), *names]:
                    row = (
                        self.call_back(name, system.source_id)
                        if entity == "call_back"
                        else getattr(self, entity)(name)
                    )
                    self.known[entity][system.source_id, name] = row
                    at = row.get("received_at") or row.get("called_at") or row["opened_at"]
                    days.setdefault(at[:10], []).append(row)
                system.deliver(entity, days, file_name=f"{entity}-{self.batch}.csv")

    def agrees(self) -> None:
        """The facts are those of the reference."""
        ((salt,),) = self.company.rows("select salt from ops.household_salt")
        expected = reference.facts(self.known["complaint"], self.known["call_back"], WITHIN_DAYS, salt)
        minutes = ", ".join(
            f"{rung}_{clock}_minutes"
            for rung in ("acknowledge", "reply", "resolve", "close")
            for clock in ("calendar", "service")
        )
        found = self.company.rows(
            f"select source_id, source_complaint_id, household_key, is_on_time, {minutes}, is_called_back, "
            "source_call_back_id, is_repeat, repeats, repeat_of_source_id, repeat_of, days_since_previous "
            "from marts.fct_complaint"
        )
        assert {row[:2]: row[2:] for row in found} == expected
        so_far = self.company.rows(
            "select kind, source_id, source_subject_id, household_key, tickets, complaints, repeats "
            "from marts.fct_household_history"
        )
        assert {row[:3]: row[3:] for row in so_far} == reference.history(
            self.known["complaint"], self.known["ticket"], expected, salt
        )
        assert sum(bool(row[12]) for row in expected.values()) > len(expected) / 10


@pytest.fixture
def desk(staged: Settings) -> Desk:
    company = complaint_company(staged)
    with company.open() as connection:
        connection.execute(
            "insert into ops.standards_release "
            "(standards_release, effective_from, content_sha256, names, complaint_repeat_within_days) "
            "values ('2026-03', '2026-03-01', 'x', '{}', 12)"
        )
    return Desk(company)


def test_facts_over_many_builds_are_those_of_a_look_at_every_pair(desk: Desk) -> None:
    desk.deliver(complaints=1600, calls=500, tickets=400)
    desk.company.build()
    desk.agrees()
    desk.deliver(complaints=600, calls=300, tickets=200)
    failed = desk.company.build()
    with desk.company.open() as connection:  # as if it had ended after its facts
        connection.execute("update ops.build set status = 'failed' where build_id = %s", [failed])
        connection.execute(
            "update ops.delivery set audited_build_id = null where audited_build_id = %s", [failed]
        )
    desk.deliver(complaints=200, calls=100, tickets=100)
    desk.company.build()
    desk.agrees()
    desk.deliver(complaints=20, calls=0, tickets=0)
    last = desk.company.build()
    desk.agrees()
    noted = {day for (day,) in desk.company.rows("select day from ops.build_day where build_id = %s", [last])}
    assert noted

    before = desk.company.fingerprints(FACTS)
    desk.company.forget()
    desk.company.build()
    assert desk.company.fingerprints(FACTS) == before
