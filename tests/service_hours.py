"""A company with service hours of every kind, drawn at random, for tests of working time."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
import yaml

from tests.deliveries import Company, project
from tests.reference.working_time import WEEKDAYS, Ticket, WorkingTime, utc
from yardstick import standards
from yardstick.settings import LANGUAGES, Settings, project_root

SECOND_FROM = date(2026, 7, 1)
# First day in force, and name.
RELEASES = ((date(2025, 1, 1), "first"), (SECOND_FROM, "second"))
FIRST, LAST = utc("2025-12-20T00:00"), utc("2026-11-10T00:00")
ZONES = {
    "shanghai": "Asia/Shanghai",
    "new_york": "America/New_York",
    "berlin": "Europe/Berlin",
    "lord_howe": "Australia/Lord_Howe",  # half an hour
    "havana": "America/Havana",  # midnight comes twice, or not at all
    "beirut": "Asia/Beirut",  # the last hour of the day comes twice
}
# The hour of the wall's clock that comes twice.
TURNED_BACK = {"new_york": 1, "berlin": 2, "havana": 0, "beirut": 23}
ITEMS: dict[str, tuple[str | None, bool | None]] = {
    "lift": ("equipment", True),
    "leak": ("repair", False),
    "lawn": ("greening", None),
    "noise": (None, None),
}
GRADES = {"P1": "A", "P2": "B", "P3": "C"}
PROJECTS = tuple(GRADES)


def week(draw: random.Random) -> dict[str, Any]:
    """Hours of some weekdays: none, one interval or two, by day or by night."""
    kind = draw.random()
    if kind < 0.15:
        return {day: ["00:00", "24:00"] for day in WEEKDAYS}
    if kind < 0.3:
        return {day: [["00:00", "06:00"], ["22:00", "24:00"]] for day in WEEKDAYS}
    found: dict[str, Any] = {}
    for day in WEEKDAYS:
        if draw.random() < 0.2 and day != "mon":
            continue
        # Many bounds lie where clocks are turned.
        latest = draw.choice([180, 1440])
        bounds = sorted(draw.sample(range(0, latest + 1, draw.choice([1, 5, 30])), 4))
        pairs = [[clock(bounds[0]), clock(bounds[1])], [clock(bounds[2]), clock(bounds[3])]]
        found[day] = pairs if draw.random() < 0.5 else pairs[0]
    return found


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def shown_twice(source: str) -> dict[str, Any]:
    """Hours that clocks show twice when they are turned back."""
    hour = TURNED_BACK[source] * 60
    pairs = [[clock(hour + 10), clock(hour + 20)], [clock(hour + 40), clock(hour + 50)]]
    return {"names": dict.fromkeys(LANGUAGES, "x"), "weekly": dict.fromkeys(WEEKDAYS, pairs)}


def calendar(draw: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {"names": dict.fromkeys(LANGUAGES, "x"), "weekly": week(draw)}
    if draw.random() < 0.5:
        found["seasons"] = [{"from": "11-15", "until": "03-15", "weekly": week(draw)}]
        if draw.random() < 0.5:
            found["seasons"].append({"from": "06-01", "until": "08-31", "weekly": week(draw)})
    if draw.random() < 0.6:
        found["holidays"] = draw.choice(
            [
                {"country": "CN", "make_up_as": "mon"},
                {"country": "US", "subdivision": "MA"},
                {"country": "DE"},
            ]
        )
    if draw.random() < 0.4:
        found["closures"] = [a_day(draw) for _ in range(3)]
    if draw.random() < 0.3:
        found["closed_with_project"] = False
    return found


def a_day(draw: random.Random) -> str:
    return (FIRST.date() + timedelta(days=draw.randrange((LAST - FIRST).days))).isoformat()


def service_hours(draw: random.Random) -> dict[str, Any]:
    """The content of a calendars.yml."""
    calendars = {code: calendar(draw) for code in ("standard", "one", "two", "three")}
    calendars |= {source: shown_twice(source) for source in TURNED_BACK}
    day_and_night = {day: ["00:00", "24:00"] for day in WEEKDAYS}
    calendars["always"] = {"names": dict.fromkeys(LANGUAGES, "x"), "weekly": day_and_night}
    codes = list(calendars)
    profiles: list[dict[str, Any]] = [
        {"calendar": "always", "is_emergency": True, "sources": ["new_york", "lord_howe"]}
    ]
    for _ in range(8):
        rule: dict[str, Any] = {"calendar": draw.choice(codes)}
        while len(rule) == 1:
            if draw.random() < 0.3:
                rule["sources"] = draw.sample(list(ZONES), 2)
            if draw.random() < 0.3:
                rule["projects"] = draw.sample(PROJECTS, draw.choice([1, 2]))
            if draw.random() < 0.3:
                rule["service_items"] = draw.sample(list(ITEMS), 2)
            elif draw.random() < 0.3:
                rule["service_groups"] = draw.sample(["equipment", "repair", "greening"], 1)
            if draw.random() < 0.3:
                rule["is_emergency"] = draw.random() < 0.5
            if draw.random() < 0.4:
                rule["from"], rule["until"] = sorted([a_day(draw), a_day(draw)])
        profiles.append(rule)
    return {
        "years": {"first": 2025, "last": 2027},
        "by_source": {source: source for source in TURNED_BACK} | {"lord_howe": draw.choice(codes)},
        "profiles": profiles,
        "project_closures": {name: sorted({a_day(draw) for _ in range(4)}) for name in PROJECTS[:2]},
        "calendars": calendars,
    }


def write(
    folder: Path,
    *contents: dict[str, Any],
    sla: Sequence[dict[str, Any]] = (),
    releases: Sequence[tuple[date, str]] = RELEASES,
) -> Path:
    """Put a release below ``folder`` for each content; the second comes into force in the middle of the year.

    Args:
        folder: the folder of releases.
        contents: of each release's calendars.yml.
        sla: of each release's sla.yml, if any.
        releases: first day in force and name of each.
    """
    shipped = project_root() / "expectations/standards/2015-01"
    shutil.copytree(shipped, folder / "first", dirs_exist_ok=True)
    head = yaml.load((shipped / "release.yml").read_text(encoding="utf-8"), Loader=standards.Loader)
    for number, ((effective_from, name), content) in enumerate(zip(releases, contents, strict=False)):
        (folder / name).mkdir(exist_ok=True)
        # A release that is in force before its years would not be well-formed.
        content["years"]["first"] = content["years"]["first"] if number else effective_from.year
        head |= {"standards_release": name, "effective_from": effective_from.isoformat()}
        release = head | ({"based_on": "first"} if number else {})
        parts = {"release": release, "calendars": content} | ({"sla": sla[number]} if sla else {})
        for part, written in parts.items():
            text = yaml.safe_dump(written, allow_unicode=True, sort_keys=False)
            (folder / name / f"{part}.yml").write_text(text, encoding="utf-8")
    return folder


def found(
    settings: Settings, *contents: dict[str, Any], sla: Sequence[dict[str, Any]] = ()
) -> tuple[Company, WorkingTime]:
    """The company in an empty installation, its master data delivered but not built, and the reference."""
    company = Company(settings, source_id="shanghai").register(with_calendar=False)
    with company.open() as connection, connection.transaction():
        for source, zone in ZONES.items():
            connection.execute(
                "insert into ops.source (source_id, names, site_file, time_zone, config_sha256) "
                "values (%s, '{}', 'site.yml', %s, '') on conflict do nothing",
                [source, zone],
            )
    load(company, *contents, sla=sla)
    projects = [project(name, project_grade=grade) for name, grade in GRADES.items()]
    company.deliver("project", {"2026-03-01": projects})
    company.deliver("service_item", {"2026-03-01": [item_row(item) for item in ITEMS]})
    return company, reference(*contents)


def item_row(item: str, items: Mapping[str, tuple[str | None, bool | None]] = ITEMS) -> dict[str, str]:
    """A service item as it is delivered."""
    group, is_emergency = items[item]
    return {
        "service_item_id": item,
        "service_item_name_en": item,
        "service_group_id": group or "",
        "is_emergency": "" if is_emergency is None else str(is_emergency).lower(),
    }


def load(company: Company, *contents: dict[str, Any], sla: Sequence[dict[str, Any]] = ()) -> None:
    """Make releases of the contents, and load them."""
    folder = write(company.settings.home / "standards", *contents, sla=sla)
    with company.open() as connection, connection.transaction():
        standards.load(connection, standards.read(folder))


def reference(*contents: dict[str, Any]) -> WorkingTime:
    return WorkingTime(
        [(first, content) for (first, _), content in zip(RELEASES, contents, strict=False)],
        ZONES,
        ITEMS,
        FIRST,
        LAST,
    )


def tickets() -> list[Ticket]:
    """Every ticket there can be, as far as service hours go."""
    return [
        Ticket(source, name, item, told)
        for source in ZONES
        for name in PROJECTS
        for item in ITEMS
        for told in (None, True, False)
    ]


def moment(draw: random.Random) -> datetime:
    """Any second of the time that is looked at; many near a turn of clocks or of the year."""
    if draw.random() < 0.5:
        about = utc(
            draw.choice(
                [
                    "2025-12-31",
                    "2026-03-08",
                    "2026-03-29",
                    "2026-04-04",
                    "2026-10-03",
                    "2026-10-25",
                    "2026-11-01",
                ]
            )
            + "T06:00"
        )
        return about + timedelta(seconds=draw.randrange(-86400, 86400))
    return FIRST + timedelta(seconds=draw.randrange(int((LAST - FIRST).total_seconds())))


def macros() -> Any:
    """The project's macros for positions, for SQL outside dbt."""
    text = (project_root() / "dbt_project/macros/service_position.sql").read_text(encoding="utf-8")
    names = {
        "ref": lambda name: ("marts." if name.startswith("dim_") else "intermediate.") + name,
        "source": lambda schema, name: f"{schema}.{name}",
        "var": lambda name: f"current_setting('yardstick.{name}')::bigint",
    }
    return jinja2.Environment(autoescape=False).from_string(text, globals=names).module
