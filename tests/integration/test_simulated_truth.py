"""A whole dirty company, pulled over its real connections: every planted fault is found, and nothing else is."""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from math import sqrt
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import psycopg
import pytest

from yardstick import ingest, staffing, standards, transform, warehouse
from yardstick.settings import Settings
from yardstick.simulator import SimulatedCompany, catalogue, running, simulate

OUTCOMES = ("landed", "staged", "superseded", "rejected", "duplicate")


@pytest.fixture
def company(tmp_path: Path) -> SimulatedCompany:
    return simulate(tmp_path / "company", projects=5, months=2, seed=11, dirty=0.03)


def land(
    company: SimulatedCompany, settings: Settings, monkeypatch: pytest.MonkeyPatch, *sources: str
) -> tuple[Settings, int]:
    """Land what the company's systems, or those named, deliver; returns the build that takes it on."""
    settings = replace(settings, sites=company.sites, data=company.data)
    first, last = company.first_day.isoformat(), company.last_day.isoformat()
    with running(company, settings) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for lane in ingest.find_due(settings, first, last, source_ids=sources):
            ingest.land(settings, lane, "test")
    build = transform.plan_build(settings, "test")
    assert build
    return settings, build.build_id


@pytest.fixture
def staged(
    company: SimulatedCompany, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """A warehouse in which the company's deliveries have landed and are staged."""
    settings, build_id = land(company, settings, monkeypatch)
    transform.stage(settings, build_id)
    return settings


def planted(company: SimulatedCompany) -> list[dict[str, str]]:
    with (company.truth / "dirty_rows.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_planted_fault_is_found_and_nothing_else(staged: Settings, company: SimulatedCompany) -> None:
    faults = [row for row in planted(company) if row["kind"] not in ("correction", "redelivered")]
    assert len(faults) >= 1000, "too few to say anything"

    with warehouse.connect(staged.require_database_url()) as connection:
        found = Counter(
            tuple(row)
            for row in connection.execute(
                "select r.source_id, r.entity, d.file_name, r.row_number, r.rule "
                "from ops.rejected as r inner join ops.delivery as d using (delivery_id)"
            )
        )
        accounts = {
            (row[0], row[1]): dict(zip(OUTCOMES, row[2:], strict=True))
            for row in connection.execute(
                "select source_id, entity, sum(rows_landed), sum(rows_staged), sum(rows_superseded), "
                "sum(rows_rejected), sum(rows_duplicate) from ops.delivery group by 1, 2"
            )
        }
    # each reject stands in the very delivery and row, under the very rule, that the truth tells
    rejected = [row for row in faults if row["expected"] not in OUTCOMES]
    expected = Counter(
        (row["source_id"], row["entity"], row["delivery"], int(row["row_number"]), row["expected"])
        for row in rejected
    )
    assert found == expected
    # and by kind: as many as were planted
    kinds = {
        (row["source_id"], row["entity"], row["delivery"], int(row["row_number"])): row["kind"]
        for row in rejected
    }
    by_kind = Counter(kinds[key[:4]] for key in found.elements())
    assert by_kind == Counter(row["kind"] for row in rejected)
    assert len(by_kind) >= 9

    # what was corrected, repeated or late: the counts of every entity are those of the truth
    assert accounts == {
        (account.source_id, account.entity): {name: account.counts[name] for name in OUTCOMES}
        for account in company.accounts.values()
    }
    for kind, outcome in (("corrected", "superseded"), ("duplicate", "duplicate"), ("late", "staged")):
        assert sum(row["kind"] == kind and row["expected"] == outcome for row in faults) > 10


def test_households_that_complain_again_and_again_are_found(
    company: SimulatedCompany, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, build_id = land(company, settings, monkeypatch, "master_data", "helpdesk")
    entities = ("project", "service_item", "ticket", "complaint", "call_back")
    selected = [*(f"tag:entity:{name}" for name in entities), "+fct_complaint,tag:facts"]
    transform.run_dbt(settings, ["run", "--select", *selected], variables={"build_id": build_id})
    with warehouse.connect(settings.require_database_url()) as connection:
        [(salt,)] = connection.execute("select salt from ops.household_salt").fetchall()
        found = Counter(
            tuple(row)
            for row in connection.execute(
                "select project_id, service_item_id, household_key from marts.fct_complaint where is_repeat"
            )
        )
        complaints = Counter(
            tuple(row)
            for row in connection.execute(
                "select project_id, service_item_id, household_key from marts.fct_complaint"
            )
        )
    with (company.truth / "complainers.csv").open(encoding="utf-8", newline="") as lines:
        complainers = list(csv.DictReader(lines))

    def key(row: dict[str, str]) -> tuple[str, str, str]:
        told = f"{row['project_id']}\x1f{row['household_id']}".encode()
        digest = hmac.new(salt, told, hashlib.sha256).hexdigest()[:32]
        return row["project_id"], row["service_item_id"], digest

    again = {key(row) for row in complainers if int(row["complaints"]) >= 3}
    assert len(again) >= 3
    # of two months, three complaints cannot all lie more than thirty days apart
    assert again & complaints.keys() <= found.keys()
    assert len(again & complaints.keys()) == len(again)
    # everybody else who complains twice about the same thing is chance, and rare
    by_chance = found.keys() - {key(row) for row in complainers}
    assert len(by_chance) <= len(complaints) / 20


@pytest.fixture
def understaffed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> tuple[Settings, SimulatedCompany]:
    """A warehouse that has built the staffing facts of a clean company, and the company."""
    company = simulate(tmp_path / "company", projects=4, months=2, seed=11, dirty=0)
    with warehouse.connect(settings.require_database_url()) as connection:
        standards.load(connection, standards.read(settings.standards))
    settings, build_id = land(company, settings, monkeypatch, "master_data", "hr", "helpdesk")
    transform.stage(settings, build_id)
    transform.run_dbt(
        settings,
        [
            *("run", "--select", "+fct_understaffing_monthly", "+fct_shift_monthly", "+fct_staffing_hourly"),
            *("--exclude", "path:models/staging"),
        ],
        variables={"build_id": build_id},
    )
    return settings, company


def read_truth(company: SimulatedCompany, name: str) -> list[dict[str, str]]:
    with (company.truth / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_planted_shortage_stands_in_vacant_days_and_its_minutes_are_found(
    understaffed: tuple[Settings, SimulatedCompany],
) -> None:
    settings, company = understaffed
    with warehouse.connect(settings.require_database_url()) as connection:
        vacancies_are_found_and_no_night_is_lost(connection, company)
        minutes_are_found(connection, company)
    fewest_people_are_told(settings, company)


def vacancies_are_found_and_no_night_is_lost(
    connection: psycopg.Connection[Any], company: SimulatedCompany
) -> None:
    shortages = read_truth(company, "shortages")
    assert shortages
    for row in shortages:
        days = connection.execute(
            "select count(*), min(vacant_persons), max(established_persons) from marts.fct_post_daily "
            "where project_id = %s and post_id = %s and day between %s and %s",
            [row["project_id"], row["post_id"], row["first_day"], row["last_day"]],
        ).fetchone()
        assert days
        assert days[0] >= 20
        assert int(row["empty_persons"]) <= days[1] <= days[2]
    nights = Counter(
        dict(
            connection.execute(
                "select status, count(*) from marts.fct_attendance "
                "where ends_date > shift_date and shift_date < %s group by 1",
                [company.last_day],
            ).fetchall()
        )
    )
    known = connection.execute(
        "select count(*) filter (where status in ('open', 'unclear')), count(*) from marts.fct_attendance "
        "where shift_date < %s",
        [company.last_day],
    ).fetchone()
    assert nights["present"] > 0.9 * nights.total()
    assert known
    assert known[0] == 0
    assert known[1] > 2000


class Answered(NamedTuple):
    """A ticket that was answered, as the reference reads it."""

    project_id: str
    post_function: str
    service_item_id: str
    is_workday: bool
    day_part: int
    day: date
    minutes: int
    is_understaffed: bool

    @property
    def kind(self) -> tuple[object, ...]:
        """Tickets of one kind are comparable."""
        return self.project_id, self.service_item_id, self.is_workday, self.day_part


def compared(tickets: list[Answered]) -> tuple[list[tuple[Answered, float]], float, float]:
    """What docs/decisions/0029 says of one project and function, ticket by ticket.

    Returns:
        The tickets compared and what is usual for them, the mean difference, and its standard error.
    """
    usual: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for ticket in tickets:
        if not ticket.is_understaffed:
            usual[ticket.kind].append(ticket.minutes)
    usual = {kind: minutes for kind, minutes in usual.items() if len(minutes) > 1}
    slowed = [(t, mean(usual[t.kind])) for t in tickets if t.is_understaffed and t.kind in usual]
    if not slowed:
        return [], 0.0, 0.0
    extra = mean(ticket.minutes - before for ticket, before in slowed)
    moved: dict[date, float] = defaultdict(float)
    for ticket, before in slowed:
        moved[ticket.day] += (ticket.minutes - before - extra) / len(slowed)
    shares = Counter(ticket.kind for ticket, _ in slowed)
    for ticket in tickets:
        if not ticket.is_understaffed and ticket.kind in shares:
            count = len(usual[ticket.kind])
            deviation = (ticket.minutes - mean(usual[ticket.kind])) / count * sqrt(count / (count - 1))
            moved[ticket.day] -= shares[ticket.kind] / len(slowed) * deviation
    days = len(moved)
    error = sqrt(sum(each**2 for each in moved.values()) * days / (days - 1)) if days > 1 else 0.0
    return slowed, extra, error


def minutes_are_found(connection: psycopg.Connection[Any], company: SimulatedCompany) -> None:
    tickets: dict[tuple[str, str], list[Answered]] = defaultdict(list)
    for row in connection.execute(
        "select t.project_id, i.item_function, t.service_item_id, l.day_kind = 'workday', "
        "date_part('hour', t.opened_at at time zone 'Asia/Shanghai')::integer / 6, t.opened_date, "
        "t.first_response_calendar_minutes, exists(select from marts.fct_understaffed_hour as u "
        "where (u.project_id, u.post_function, u.day) = (t.project_id, i.item_function, t.opened_date) "
        "and u.hour_of_day = date_part('hour', t.opened_at at time zone 'Asia/Shanghai')) "
        "from marts.fct_ticket as t inner join marts.dim_service_item as i using (service_item_id) "
        "inner join ops.labour_day as l on l.day = t.opened_date "
        "where t.first_response_calendar_minutes is not null"
    ):
        ticket = Answered(*row)
        tickets[ticket.project_id, ticket.post_function].append(ticket)
    assert sum(map(len, tickets.values())) > 1000
    found = {
        (row[0], row[1]): row[2:]
        for row in connection.execute(
            "select project_id, post_function, tickets, tickets_compared, extra_minutes::float, "
            "standard_error_minutes::float, extra_low_minutes::float, extra_high_minutes::float "
            "from marts.fct_understaffing_monthly where month = %s and span_months > 1 and clock = 'calendar'",
            [company.last_day.replace(day=1)],
        )
    }
    # what each ticket was slowed by, on the average of its item and day
    cost = {
        (row["project_id"], row["service_item_id"], date.fromisoformat(row["day"])): (
            float(row["extra_response_minutes"]) / int(row["tickets"])
        )
        for row in read_truth(company, "missing_staff")
    }
    true: dict[tuple[str, str], float] = {}
    for place, answered in tickets.items():
        slowed, extra, error = compared(answered)
        count = sum(ticket.is_understaffed for ticket in answered)
        assert (place in found) == (count > 0)
        if count:
            assert found[place][:2] == (count, len(slowed))
        if slowed:
            assert found[place][2] == pytest.approx(extra)
            assert found[place][3] == pytest.approx(error)
            true[place] = mean(cost.get((t.project_id, t.service_item_id, t.day), 0.0) for t, _ in slowed)
    # the planted shortage costs more than all else, and no interval misses what it is about
    told = {place: row for place, row in found.items() if row[4] is not None}
    [shortage] = read_truth(company, "shortages")
    worst = max(told, key=lambda place: told[place][1] * told[place][2])
    assert worst == (shortage["project_id"], "repair")
    assert told[worst][4] > 0
    for place, (_, _, _, _, low, high) in told.items():
        assert low <= true[place] <= high, place


def fewest_people_are_told(settings: Settings, company: SimulatedCompany) -> None:
    [shortage] = read_truth(company, "shortages")
    ask = partial(staffing.ask, settings, minutes=30, level=0.8)
    found = ask(shortage["project_id"], "repair", month=company.first_day)
    assert found.is_measured
    assert found.handling_minutes > 10
    assert {each.shift.name for each in found.shifts} <= {"早", "中", "白"}
    assert all(each.level_reached >= 0.8 for each in found.shifts if each.people_needed)
    tickets = sum(hour.tickets_per_hour for hour in found.hours)
    assert tickets == pytest.approx(len(final_tickets(company, shortage["project_id"])) / 31)
    quick = ask(shortage["project_id"], "repair", month=company.first_day, handling_minutes=15)
    assert sum(each.people_needed for each in quick.shifts) < sum(each.people_needed for each in found.shifts)
    for project, function, problem in (
        (shortage["project_id"], "support", "has no staffing figures of support"),
        ("P999", "repair", "it has none at all"),
    ):
        with pytest.raises(staffing.StaffingError, match=problem):
            ask(project, function, month=company.first_day)
    with pytest.raises(staffing.StaffingError, match="no month is published"):
        ask(shortage["project_id"], "repair")
    with pytest.raises(staffing.StaffingError, match="no staffing figures of 2031-05"):
        ask("P001", "repair", month=date(2031, 5, 1))


def final_tickets(company: SimulatedCompany, project_id: str) -> set[str]:
    """Tickets of one project that somebody of engineering has to see to, opened in the first month."""
    repair = {item.code for item in catalogue.ITEMS if item.department == "GC"}
    with (company.systems / "helpdesk/tickets.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line.partition("\t")[2]) for line in lines]
    return {
        row["id"]
        for row in rows
        if row["project"] == project_id
        and row["item"] in repair
        and row["created_at"][:7] == f"{company.first_day:%Y-%m}"
    }
