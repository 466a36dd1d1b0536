"""The appraisal models against a recomputation of the same figures in pandas."""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.conftest import installation, keep
from tests.integration.appraisal_world import ITEMS, PROJECTS, build, fill, make_world, score, table

from yardstick import standards, transform, warehouse
from yardstick.embedded.postgres import Server
from yardstick.settings import Settings

FIRST, HORIZON = date(2015, 1, 1), date(2015, 3, 31)
DAILY = {
    "int_measures__daily": "day, project_id, service_item_id, channel, measure",
    "int_histograms__daily": "day, project_id, service_item_id, channel, measure, from_minutes",
    "indicator_daily": "day, project_id, indicator",
    "indicator_histogram_daily": "day, project_id, indicator, from_minutes",
}
PERIODICAL = {
    "appraisal_indicator": "project_id, indicator",
    "appraisal_score": "project_id",
    "appraisal_person": "project_id, person_id",
    "appraisal_item": "project_id, service_item_id",
    "appraisal_day": "project_id, day",
}


@pytest.fixture(scope="module")
def world(
    server: Server, staged_template: str, parsed: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Name of a database that holds the small world: each test has a copy."""
    with installation(server, staged_template, parsed, tmp_path_factory.mktemp("world")) as made:
        make_world(made, FIRST, HORIZON)
        return keep(server, "template_world")


@pytest.fixture
def settings(server: Server, world: str, parsed: Path, tmp_path: Path) -> Iterator[Settings]:
    with installation(server, world, parsed, tmp_path) as made:
        yield made


def some_tickets(seed: int, count: int = 1500) -> pd.DataFrame:
    """Tickets of a quarter as fct_ticket has them; the last project has few."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        opened = FIRST + timedelta(days=draw.randrange(0, 90))
        is_open = draw.random() < 0.15
        minutes = int(math.exp(draw.gauss(7, 1.5)))
        closed = None if is_open else opened + timedelta(days=minutes // 720)
        due = None if draw.random() < 0.2 else opened + timedelta(days=draw.randrange(0, 9))
        answered = draw.random() < 0.9
        project = "p-small" if number < 12 else draw.choice(list(PROJECTS)[:4])
        status = "cancelled" if draw.random() < 0.05 else "open" if is_open else "closed"
        rows.append(
            {
                "source_id": "site",
                "source_ticket_id": f"t{number:05}",
                "project_id": project,
                "service_item_id": draw.choice(list(ITEMS)),
                "department_id": "d1",
                "team_id": None,
                "channel": draw.choice(["phone", "app", None]),
                "priority": None,
                "status": status,
                "opened_at": opened,
                "opened_date": opened,
                "due_at": due,
                "due_date": due,
                "first_response_at": opened if answered else None,
                "closed_at": closed,
                "closed_date": closed,
                "is_on_time": None if due is None or closed is None else closed <= due,
                "is_closed_before_opened": False,
                "reopened_count": draw.choice([None, 0, 0, 0, 1]),
                "close_calendar_minutes": None if is_open else minutes * 2,
                "close_service_minutes": None if is_open else minutes,
                "first_response_service_minutes": draw.randrange(0, 120) if answered else None,
                "delivery_id": 1,
                "row_number": number + 2,
            }
        )
    return pd.DataFrame(rows, dtype=object)


def backlog_of(tickets: pd.DataFrame) -> pd.DataFrame:
    """The tickets open at the end of every day, by project and service item, as the mart has them."""
    days = pd.DataFrame({"day": [FIRST + timedelta(days=n) for n in range((HORIZON - FIRST).days + 1)]})
    each = tickets.merge(days, how="cross")
    each = each[(each.opened_date <= each.day) & (each.closed_date.isna() | (each.closed_date > each.day))]
    each = each.assign(late=each.due_date.notna() & (each.due_date <= each.day))
    counted = each.groupby(["project_id", "service_item_id", "day"]).late.agg(["size", "sum"]).reset_index()
    return counted.rename(columns={"size": "tickets_open", "sum": "tickets_overdue"}).assign(
        **{"department_id": "", "tickets_opened": 0, "tickets_closed": 0}
        | {f"tickets_handed_{way}": 0 for way in ("in", "out")}
        | {f"tickets_open_{band}_days": 0 for band in ("0_1", "1_3", "3_7", "7_30", "30_plus")}
    )


def fill_marts(settings: Settings, tickets: pd.DataFrame, affected: set[date] | None = None) -> None:
    with warehouse.connect(settings.require_database_url()) as connection:
        fill(connection, "marts.fct_ticket", tickets)
        fill(connection, "marts.fct_ticket_backlog_daily", backlog_of(tickets))
        days = affected or {FIRST + timedelta(days=n) for n in range((HORIZON - FIRST).days + 1)}
        affected_days = pd.DataFrame({"day": sorted(days)})
        fill(connection, "intermediate.int_days__affected", affected_days)
        everywhere = affected_days.merge(pd.DataFrame({"project_id": list(PROJECTS)}), how="cross")
        fill(connection, "intermediate.int_project_days__affected", everywhere)


def everything(settings: Settings, period: str) -> dict[str, list[dict[str, Any]]]:
    found = {name: table(settings, name, order) for name, order in DAILY.items()}
    return found | {name: table(settings, name, order, period) for name, order in PERIODICAL.items()}


def prepare(settings: Settings, tickets: pd.DataFrame) -> None:
    """The small world with these tickets; the daily models are built."""
    fill_marts(settings, tickets)
    build(settings)


def recomputed(
    tickets: pd.DataFrame, start: date, end: date
) -> dict[tuple[str, str], tuple[float | None, float]]:
    """(project, indicator) → numerator, denominator, from the tickets alone."""
    live = tickets[tickets.status != "cancelled"]
    backlog = backlog_of(tickets)
    found: dict[tuple[str, str], tuple[float | None, float]] = {}

    def within(frame: pd.DataFrame, column: str, project: str) -> pd.DataFrame:
        return frame[
            (frame.project_id == project) & frame[column].map(lambda d: d is not None and start <= d <= end)
        ]

    for project in PROJECTS:
        due = within(live, "due_date", project)
        closed = within(live, "closed_date", project)
        opened = within(tickets, "opened_date", project)
        asked = within(live, "opened_date", project)
        waiting = within(backlog, "day", project)
        found[project, "ticket_on_time"] = ((due.is_on_time == True).sum(), len(due))  # noqa: E712
        found[project, "ticket_close_time"] = (None, closed.close_service_minutes.notna().sum())
        found[project, "ticket_overdue_open"] = (waiting.tickets_overdue.sum(), waiting.tickets_open.sum())
        found[project, "ticket_backlog_days"] = (waiting.tickets_open.sum(), len(opened))
        quick = asked.first_response_service_minutes.map(lambda m: m is not None and m < 60)
        found[project, "first_response_on_time"] = (quick.sum(), len(asked))
        known = closed[closed.reopened_count.notna()]
        found[project, "reopen_rate"] = ((known.reopened_count > 0).sum(), len(known))
    return found


def points_of(value: float, target: dict[str, float], at_floor: float) -> float:
    """Linear from zero over floor to target, whatever the direction."""
    xs = [target["zero"], target["floor"], target["target"]]
    ys = [0, at_floor, 100]
    if xs[0] > xs[2]:
        xs, ys = xs[::-1], ys[::-1]
    return float(np.interp(value, xs, ys))


def test_indicators_equal_a_recomputation_from_the_tickets(settings: Settings):
    tickets = some_tickets(seed=1)
    prepare(settings, tickets)
    score(settings, "2015-02")
    release = standards.read(settings.standards)[0]
    rows = table(settings, "appraisal_indicator", "project_id, indicator", "2015-02")
    expected = recomputed(tickets, date(2015, 2, 1), date(2015, 2, 28))
    assert {(row["project_id"], row["indicator"]) for row in rows} == set(expected)
    for row in rows:
        key = row["project_id"], row["indicator"]
        definition = release.indicators[row["indicator"]]
        numerator, denominator = expected[key]
        assert row["denominator"] == denominator, key
        if denominator == 0:
            assert (row["value"], row["points"]) == (None, None), key
            continue
        if row["indicator"] == "ticket_close_time":
            closed = tickets[
                (tickets.project_id == key[0])
                & (tickets.status != "cancelled")
                & tickets.closed_date.map(
                    lambda d: d is not None and date(2015, 2, 1) <= d <= date(2015, 2, 28)
                )
            ]
            wanted = np.quantile(closed.close_service_minutes.astype(float), 0.8, method="inverted_cdf") / 60
            assert row["value"] == pytest.approx(wanted, rel=0.1), key
        else:
            assert row["numerator"] == numerator, key
            assert row["value"] == pytest.approx(numerator / denominator, abs=1e-6), key
        assert row["value_low"] <= row["value"] <= row["value_high"], key
        days = 28 if definition.get("denominator") == "tickets_open" else 1
        assert row["is_sample_sufficient"] == (denominator / days >= definition["minimum_sample"]), key
        if row["is_sample_sufficient"]:
            target = definition["project_grades"][PROJECTS[key[0]][0]]
            assert row["points"] == pytest.approx(points_of(row["value"], target, 60), abs=0.001), key
        else:
            assert row["points"] is None, key
    wilson = next(row for row in rows if row["project_id"] == "p-a" and row["indicator"] == "ticket_on_time")
    p, n, z = wilson["value"], wilson["denominator"], 1.959963985
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert wilson["value_low"] == pytest.approx((p + z * z / (2 * n) - half) / (1 + z * z / n), abs=1e-5)
    assert wilson["value_high"] == pytest.approx((p + z * z / (2 * n) + half) / (1 + z * z / n), abs=1e-5)

    scores = {row["project_id"]: row for row in table(settings, "appraisal_score", "project_id", "2015-02")}
    assert set(scores) == set(PROJECTS)
    for project in ("p-a", "p-b", "p-c"):
        own = [row for row in rows if row["project_id"] == project and row["points"] is not None]
        weight = sum(row["weight"] for row in own)
        wanted = sum(row["weight"] * row["points"] for row in own) / weight
        assert scores[project]["score"] == pytest.approx(wanted, abs=0.006)
        assert sum(row["weight_effective"] * row["points"] for row in own) / 100 == pytest.approx(
            wanted, abs=1e-4
        )
        assert scores[project]["weight_measured"] == weight
        assert scores[project]["score_low"] <= scores[project]["score"] <= scores[project]["score_high"]
        assert scores[project]["rank_low"] <= scores[project]["rank"] <= scores[project]["rank_high"]
        grade = next(
            code for code, step in release.grades.items() if scores[project]["score"] >= step["minimum_score"]
        )
        assert scores[project]["grade"] == grade
        assert scores[project]["coefficient"] == release.grades[grade]["coefficient"]
    assert sorted(scores[project]["rank"] for project in ("p-a", "p-b", "p-c")) == [1, 2, 3]
    for project in ("p-free", "p-small"):
        assert (scores[project]["score"], scores[project]["rank"], scores[project]["grade"]) == (
            None,
            None,
            None,
        )
    assert scores["p-small"]["weight_measured"] < 50
    assert scores["p-free"]["weight_measured"] == 100

    people = table(settings, "appraisal_person", "project_id", "2015-02")
    assert [row["project_id"] for row in people] == ["p-a", "p-b", "p-c", "p-small"]
    days = table(settings, "appraisal_day", "project_id, day", "2015-02")
    assert len(days) == 28 * len(PROJECTS)
    items = table(settings, "appraisal_item", "project_id, service_item_id", "2015-02")
    for project in PROJECTS:
        met, due = expected[project, "ticket_on_time"]
        for each in (days, items):
            assert sum(row["tickets_due"] for row in each if row["project_id"] == project) == due
            assert sum(row["tickets_due_met"] for row in each if row["project_id"] == project) == met
        last = [row for row in days if row["project_id"] == project and row["day"] == date(2015, 2, 28)]
        assert last[0]["tickets_open"] == sum(
            row["tickets_open_at_end"] for row in items if row["project_id"] == project
        )


def test_months_add_up_to_the_quarter_and_a_rerun_changes_nothing(settings: Settings):
    prepare(settings, some_tickets(seed=2))
    sums: dict[tuple[str, str], list[float]] = {}
    for period in ("2015-01", "2015-02", "2015-03", "2015-Q1"):
        score(settings, period)
    for period in ("2015-01", "2015-02", "2015-03"):
        for row in table(settings, "appraisal_indicator", "project_id, indicator", period):
            sums.setdefault((row["project_id"], row["indicator"]), []).append(
                (row["numerator"] or 0, row["denominator"])
            )
    quarter = table(settings, "appraisal_indicator", "project_id, indicator", "2015-Q1")
    assert len(quarter) == len(sums)
    for row in quarter:
        months = sums[row["project_id"], row["indicator"]]
        assert (row["numerator"] or 0, row["denominator"]) == tuple(map(sum, zip(*months, strict=True)))

    before = everything(settings, "2015-Q1")
    assert all(before.values())
    build(settings)
    score(settings, "2015-Q1")
    assert everything(settings, "2015-Q1") == before


def test_corrected_tickets_change_the_same_rows_as_a_rebuild(settings: Settings):
    tickets = some_tickets(seed=3, count=600)
    prepare(settings, tickets)
    changed = tickets.copy()
    # All tickets of one day and item move to the next day, so that rows must vanish as well as change.
    lamps = changed[(changed.service_item_id == "lamp") & (changed.opened_date < HORIZON)]
    day = lamps.opened_date.iloc[0]
    later = day + timedelta(days=1)
    changed.loc[lamps.index[lamps.opened_date == day], ["opened_date", "opened_at"]] = later
    timed = changed[changed.closed_date.notna() & (changed.status == "closed")]
    timed = timed[timed.closed_date.map(lambda d: d <= HORIZON)]
    changed.loc[timed.index[0], "close_service_minutes"] = 5
    fill_marts(settings, changed, affected={day, later, timed.closed_date.iloc[0]})
    build(settings)
    incremental = {name: table(settings, name, order) for name, order in DAILY.items()}
    build(settings, "--full-refresh")
    assert {name: table(settings, name, order) for name, order in DAILY.items()} == incremental


def test_changed_unsigned_standard_is_figured_again(settings: Settings, tmp_path: Path):
    prepare(settings, some_tickets(seed=4, count=400))
    folder = Path(shutil.copytree(settings.standards, tmp_path / "standards"))
    shutil.copytree(folder / "2015-01", folder / "2015-03")
    for name, change in (
        ("release", {"standards_release": "2015-03", "effective_from": "2015-03-01"}),
        ("indicators", None),
    ):
        path = folder / "2015-03" / f"{name}.yml"
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=standards.Loader)
        if change:
            content.update(change)
        else:
            content["indicators"]["ticket_on_time"]["filters"] = {
                "service_group_id": ["repair"],
                "channel": ["app"],
            }
        path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    before = table(settings, "indicator_daily", DAILY["indicator_daily"])
    with warehouse.connect(settings.require_database_url()) as connection:
        standards.load(connection, standards.read(folder))
        connection.execute("truncate intermediate.int_days__affected")
    build(settings)
    after = table(settings, "indicator_daily", DAILY["indicator_daily"])

    def of(rows: list[dict[str, Any]], month: int) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in rows if row["day"].month == month]

    assert of(before, 2) == of(after, 2)
    assert {row["standards_release"] for row in after if row["day"].month == 3} == {"2015-03"}

    def due(rows: list[dict[str, Any]], month: int) -> int:
        return sum(
            row["denominator"]
            for row in rows
            if row["day"].month == month and row["indicator"] == "ticket_on_time"
        )

    assert 0 < due(after, 3) < due(before, 3)
    build(settings, "--full-refresh")
    assert table(settings, "indicator_daily", DAILY["indicator_daily"]) == after


def test_unit_tests_of_the_models_pass(settings: Settings):
    prepare(settings, some_tickets(seed=5, count=50))
    score(settings, "2015-01")
    ran: list[str] = []
    transform.run_dbt(
        settings,
        ["test", "--select", "path:models/appraisal,test_type:unit"],
        variables={"build_id": 1},
        on_node=lambda node, status, *_: ran.append(status),
    )
    assert len(ran) >= len(DAILY) + len(PERIODICAL)
    assert set(ran) == {"pass"}
