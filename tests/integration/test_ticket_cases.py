"""Lives and promises that were worked out by hand, through the facts: these say what the reference says of them.

The numbers themselves are in tests/unit/test_ticket_reference.py and test_sla_reference.py.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from tests import drawn_tickets as drawn
from tests.deliveries import Company, project
from tests.reference.sla import Company as ServiceLevels
from tests.reference.tickets import Life, Ticket
from tests.ticket_facts import compare, expected_rows
from tests.ticket_lives import CASES, PROMISED, WORK

from yardstick import standards
from yardstick.settings import LANGUAGES, Settings, project_root

HORIZON = 5
CITIES = {f"city_{day}": day for day in (2, 3, HORIZON)}
"""Sources by the day of March that they have delivered up to."""
ITEMS = dict.fromkeys(["lift", *(f"item{number}" for number in range(len(PROMISED)))], ("equipment", None))
SERVED = replace(WORK, zones=dict.fromkeys(CITIES, "UTC"), items=ITEMS)
DEPARTMENTS = ("desk", "team", "other", "a", "b", "c", "d")


def lives() -> dict[str, tuple[Life, dict[str, Any]]]:
    """Every life worked out by hand and what was promised: each a ticket, and where promises are, a service item."""
    found: dict[str, tuple[Life, dict[str, Any]]] = {}
    for number, life in enumerate(CASES.values()):
        ticket = _named(life.ticket, f"L{number}", "lift")
        found[ticket.source_ticket_id] = (Life(replace(ticket, source_id=f"city_{HORIZON}"), SERVED), {})
    for number, case in enumerate(PROMISED.values()):
        item = f"item{number}"
        ticket = replace(_named(case.life.ticket, f"S{number}", item), source_id=f"city_{case.horizon}")
        policies = {
            f"{item}_{code}": copy.deepcopy(policy)
            | {"applies_to": policy.get("applies_to", {}) | {"service_items": [item]}}
            for code, policy in case.policies.items()
        }
        found[ticket.source_ticket_id] = (Life(ticket, SERVED), policies)
    return found


def _named(ticket: Ticket, name: str, item: str) -> Ticket:
    """The ticket and what happened to it, with names that no other has."""
    events = tuple(
        replace(
            event,
            source_ticket_event_id=f"{event.source_ticket_event_id} {name}",
            service_item_id_after=item if event.service_item_id_after else None,
        )
        for event in ticket.events or ()
    )
    calls = tuple(
        replace(call, source_call_back_id=f"{name}-{n}") for n, call in enumerate(ticket.call_backs)
    )
    return replace(ticket, source_ticket_id=name, service_item_id=item, events=events, call_backs=calls)


def release(folder: Path, policies: dict[str, Any]) -> Path:
    """The shipped release with the hours of the hand-worked lives, and the policies."""
    shutil.copytree(project_root() / "expectations/standards/2015-01", folder / "first")
    calendars = copy.deepcopy(WORK.releases[0][1]) | {"years": {"first": 2015, "last": 2016}}
    for calendar in calendars["calendars"].values():
        calendar["names"] = dict.fromkeys(LANGUAGES, "x")
    named = {code: policy | {"names": {"zh": code, "en": code}} for code, policy in policies.items()}
    for part, content in {"calendars": calendars, "sla": {"policies": named}}.items():
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        (folder / "first" / f"{part}.yml").write_text(text, encoding="utf-8")
    return folder


def found(settings: Settings, policies: dict[str, Any]) -> Company:
    """The company, its master data delivered."""
    company = Company(settings, source_id=next(iter(CITIES))).register(with_calendar=False)
    with company.open() as connection, connection.transaction():
        connection.execute("update ops.source set time_zone = 'UTC'")
        for city in CITIES:
            connection.execute(
                "insert into ops.source (source_id, names, site_file, time_zone, config_sha256) "
                "values (%s, '{}', 'site.yml', 'UTC', '') on conflict do nothing",
                [city],
            )
        connection.execute(
            "insert into ops.source_field (source_id, entity, field, source_columns) "
            "select other.source_id, field.entity, field.field, field.source_columns "
            "from ops.source_field as field cross join unnest(%s::text[]) as other (source_id) "
            "on conflict do nothing",
            [list(CITIES)],
        )
        standards.load(connection, standards.read(release(settings.home / "standards", policies)))
    company.deliver("project", {"2015-03-01": [project("P1", project_grade="A")]})
    company.deliver(
        "service_item",
        {
            "2015-03-01": [
                {"service_item_id": item, "service_item_name_en": item, "service_group_id": "equipment"}
                for item in ITEMS
            ]
        },
    )
    company.deliver(
        "org_unit",
        {"2015-03-01": [{"org_unit_id": name, "org_unit_name_en": name} for name in DEPARTMENTS]},
    )
    person = {"contract_type": "permanent", "joined_date": "2014-01-01"}
    company.deliver("person", {"2015-03-01": [{"person_id": name, **person} for name in ("ann", "bob")]})
    return company


def deliver(settings: Settings, tickets: list[Ticket]) -> None:
    """Each ticket, what happened to it and who called its owner, by its city; the last day of a city may be empty."""
    for city, horizon in CITIES.items():
        of_city = [ticket for ticket in tickets if ticket.source_id == city]
        site, last = Company(settings, source_id=city), f"2015-03-{horizon:02}"
        days: dict[str, list[dict[str, str]]] = {"2015-03-02": [drawn.row(ticket) for ticket in of_city]}
        site.deliver("ticket", days | {last: days.get(last, [])})
        site.deliver("ticket_event", {last: list(chain.from_iterable(map(drawn.event_rows, of_city)))})
        site.deliver("call_back", {last: list(chain.from_iterable(map(drawn.call_back_rows, of_city)))})


def promised(of: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """The policies of all cases, one after the other."""
    return {code: policy for policies in of for code, policy in policies.items()}


def test_hand_worked_lives_and_promises_are_told_by_the_facts(staged: Settings) -> None:
    cases = lives()
    policies = promised(policies for _, policies in cases.values())
    company = found(staged, policies)
    deliver(staged, [life.ticket for life, _ in cases.values()])
    company.build()
    assert company.rows("select * from ops.reject") == []
    levels = ServiceLevels(
        [(date(2015, 1, 1), "2015-01", {"policies": policies})],
        ITEMS,
        {"P1": "A"},
        SERVED.zones,
    )
    horizons = {city: date(2015, 3, day) for city, day in CITIES.items()}
    for relation, key, rows in expected_rows([life for life, _ in cases.values()], levels, horizons):
        assert rows
        compare(company, relation, key, rows, WORK.last)
