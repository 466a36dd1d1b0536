"""What the DAG `ingest` does, against a real server: lanes, many sources, trouble that stops only its own."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.delivery import csv_text, site_content, ticket, write_site

from yardstick import ingest, sources, warehouse
from yardstick.bench.sources import write_company, write_source
from yardstick.errors import CredentialsError, UnreachableError
from yardstick.settings import Settings
from yardstick.sources import files

DAY = date(2026, 3, 2)


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with warehouse.connect(settings.require_database_url()) as connection:
        return connection.execute(query.encode()).fetchall()


def in_company(settings: Settings, folder: Path, count: int, days: int = 1) -> Settings:
    sites, data = write_company(folder, count, DAY, days)
    return replace(settings, sites=sites, data=data)


def run(settings: Settings, run_id: str = "run", **how: Any) -> Counter[str]:
    """One run of ingest without Airflow; the first error of a lane ends it."""
    total: Counter[str] = Counter()
    for lane in ingest.find_due(settings, str(DAY), str(DAY), run_id=run_id, **how):
        total.update(ingest.land(settings, lane, run_id))
    return total


def test_five_hundred_sources_are_landed_in_forty_lanes_and_the_501st_is_one_file(
    settings: Settings, tmp_path: Path
):
    company = in_company(settings, tmp_path, 500)
    began = time.monotonic()
    lanes = ingest.find_due(company, str(DAY), str(DAY), run_id="run-1")
    print(f"find_due: {time.monotonic() - began:.1f} s")
    assert len(lanes) == ingest.LANES
    members = [item["source_id"] for lane in lanes for item in lane["items"]]
    assert sorted(members) == [f"s{n:03}" for n in range(1, 501)]
    assert max(len(lane["items"]) for lane in lanes) - min(len(lane["items"]) for lane in lanes) <= 1
    total: Counter[str] = Counter()
    for lane in lanes:
        total.update(ingest.land(company, lane, "run-1"))
    assert total == {"landed": 500, "rows": 1500}

    write_source(company.sites, company.data, 501, [DAY])
    assert run(company, "run-2") == {"landed": 1, "unchanged": 500, "rows": 3}
    assert rows(company, "select count(distinct source_id), count(*) from ops.delivery") == [(501, 501)]
    assert rows(company, "select run_id, outcome, count(*) from ops.look group by 1, 2 order by 1") == [
        ("run-1", "done", 500),
        ("run-2", "done", 501),
    ]


def test_lanes_keep_to_the_limit_of_each_system():
    items = [
        {
            "source_id": f"{system}{n}",
            "entity": "ticket",
            "system": system,
            "at_once": at_once,
            "deliveries": n,
        }
        for system, at_once, count in (("a", 1, 5), ("b", 3, 2), ("c", 2, 7))
        for n in range(count)
    ]
    lanes = ingest.deal(items)
    assert sorted(len(lane) for lane in lanes) == [1, 1, 3, 4, 5]
    for system, at_once in (("a", 1), ("b", 3), ("c", 2)):
        assert 1 <= sum(any(item["system"] == system for item in lane) for lane in lanes) <= at_once
    few = ingest.deal(items, most=3)
    assert len(few) == 3
    assert sorted(item["source_id"] for lane in few for item in lane) == sorted(i["source_id"] for i in items)
    assert max(map(len, few)) - min(map(len, few)) <= 2


def test_a_lane_says_what_is_in_it():
    def named(*pairs: tuple[str, str]) -> str:
        return ingest.label([{"source_id": source, "entity": entity} for source, entity in pairs])

    assert named(("helpdesk", "project"), ("helpdesk", "ticket")) == "helpdesk · project, ticket"
    assert named(("s001", "ticket"), ("s002", "ticket"), ("s003", "ticket")) == "s001 … s003 (3 sources)"
    assert ingest.label([{"source_id": "/sites/a.yml", "problem": "wrong"}]) == "a.yml"


def test_a_wrong_site_file_is_red_by_itself_and_the_other_sources_land(settings: Settings, tmp_path: Path):
    company = in_company(settings, tmp_path, 3)
    wrong = company.sites / "s002.yml"
    wrong.write_text(wrong.read_text().replace("opened_at: opened", "opend_at: opened"))
    lanes = ingest.find_due(company, str(DAY), str(DAY), run_id="run")
    landed, errors = [], []
    for lane in lanes:
        try:
            landed.append(ingest.land(company, lane, "run"))
        except ingest.RefusedDeliveriesError as error:
            errors.append((lane["label"], str(error)))
    assert landed == [{"landed": 1, "rows": 3}] * 2
    ((label, message),) = errors
    assert label == "s002.yml"
    assert "opend_at: the contract ticket has no such field. Use 'opened_at'" in message
    assert "opened_at is missing" in message


def test_only_the_asked_sources_are_looked_at(settings: Settings, tmp_path: Path):
    company = in_company(settings, tmp_path, 4)
    assert run(company, source_ids=["s002", "s004"]) == {"landed": 2, "rows": 6}
    assert rows(company, "select source_id from ops.look order by 1") == [("s002",), ("s004",)]


def test_a_missing_folder_is_red_where_it_is_missing(settings: Settings, tmp_path: Path):
    company = in_company(settings, tmp_path, 2)
    (company.data / "s001" / f"tickets-{DAY}.csv").unlink()
    (company.data / "s001").rmdir()
    lanes = ingest.find_due(company, str(DAY), str(DAY))
    with pytest.raises(ingest.RefusedDeliveriesError, match=r"s001 ticket: .*does not exist"):
        ingest.land(company, lanes[0], "run")
    assert ingest.land(company, lanes[1], "run") == {"landed": 1, "rows": 3}


@dataclass
class Line:
    """The files connector behind a line that can be cut: by source, what happens at the how manieth fetch."""

    faults: dict[str, tuple[int, Exception]]

    def __post_init__(self) -> None:
        self.fetched: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(files, name)

    def fetch(self, site: Any, entity: Any, due: Any, settings: Settings) -> Any:
        self.fetched[site.source_id] += 1
        at, error = self.faults.get(site.source_id, (0, UnreachableError()))
        if at and self.fetched[site.source_id] >= at:
            raise error
        return files.fetch(site, entity, due, settings)


def behind(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "connector", lambda _name: line)


def test_a_source_that_does_not_answer_stops_no_other_and_is_alone_tried_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    company = in_company(settings, tmp_path, 4, days=3)
    line = Line(
        {
            "s002": (2, UnreachableError("s002 did not answer within 10 s")),
            "s003": (1, CredentialsError("connection s003 was refused")),
        }
    )
    behind(line, monkeypatch)
    (lane,) = ingest.find_due(company, "2026-02-20", str(DAY), run_id="run", lanes=1)
    with pytest.raises(UnreachableError) as raised:
        ingest.land(company, lane, "run", 4)
    assert "s002 ticket: s002 did not answer" in str(raised.value)
    assert "s003 ticket: connection s003 was refused" in str(raised.value)
    assert line.fetched == {"s001": 3, "s002": 2, "s003": 1, "s004": 3}
    landed = "select source_id, count(*) from ops.delivery group by 1 order by 1"
    assert rows(company, landed) == [("s001", 3), ("s002", 1), ("s004", 3)]

    # Airflow tries again: the line is back, the password is still wrong and not tried a second time.
    line.faults["s002"] = (0, UnreachableError())
    with pytest.raises(CredentialsError, match="connection s003 was refused"):
        ingest.land(company, lane, "run", 4)
    assert line.fetched == {"s001": 3, "s002": 4, "s003": 1, "s004": 3}
    assert rows(company, landed) == [("s001", 3), ("s002", 3), ("s004", 3)]
    assert rows(company, "select count(*) from ops.arrival where status <> 'landed'") == [(0,)]

    # Somebody corrects the connection and clears the task: everything that failed is looked at anew.
    line.faults.clear()
    counts = ingest.land(company, lane, "run", 9)
    assert counts == {"landed": 3, "unchanged": 9, "rows": 9}
    assert rows(company, landed) == [(f"s00{n}", 3) for n in range(1, 5)]


def test_a_source_that_failed_twice_is_not_asked_for_its_other_entities(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    content = site_content()
    content["entities"]["project"] = {
        "folder": {"data": "tickets"},
        "files": "projects.csv",
        "fields": {
            "project_id": "id",
            "project_name_en": "id",
            "project_name_zh": "id",
            "project_grade": "id",
        },
    }
    content["entities"]["service_item"] = {
        "folder": {"data": "tickets"},
        "files": "items.csv",
        "fields": {"service_item_id": "id", "service_item_name_zh": "id", "service_item_name_en": "id"},
    }
    content["at_once"] = 1
    write_site(tmp_path / "sites", content)
    company = replace(settings, sites=tmp_path / "sites", data=tmp_path / "data")
    (company.data / "tickets").mkdir(parents=True)
    for name in ("projects.csv", "items.csv", "2015-02.csv"):
        (company.data / "tickets" / name).write_text(csv_text([ticket(1)]))
    line = Line({"test_site": (1, UnreachableError("down"))})
    behind(line, monkeypatch)
    (lane,) = ingest.find_due(company, "2015-02-01", "2015-02-28")
    assert len(lane["items"]) == 3
    with pytest.raises(UnreachableError, match="not asked, since the source did not answer before"):
        ingest.land(company, lane, "run")
    assert line.fetched == {"test_site": 2}


def test_a_refused_file_is_told_after_everything_else_has_landed(settings: Settings, tmp_path: Path):
    company = in_company(settings, tmp_path, 3)
    (company.data / "s002" / f"tickets-{DAY}.csv").write_text("no,opened\n1,2026-03-02 09:00\n")
    (lane,) = ingest.find_due(company, str(DAY), str(DAY), lanes=1)
    with pytest.raises(ingest.RefusedDeliveriesError) as raised:
        ingest.land(company, lane, "run")
    assert "s002 ticket: tickets-2026-03-02.csv" in str(raised.value)
    assert rows(company, "select source_id from ops.delivery order by 1") == [("s001",), ("s003",)]


def test_an_error_nobody_foresaw_costs_its_own_source_only(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    company = in_company(settings, tmp_path, 2)
    behind(Line({"s001": (1, KeyError("surprise"))}), monkeypatch)
    (lane,) = ingest.find_due(company, str(DAY), str(DAY), lanes=1)
    with pytest.raises(ingest.FailedSourcesError, match="s001 ticket: KeyError"):
        ingest.land(company, lane, "run")
    assert rows(company, "select source_id from ops.delivery") == [("s002",)]
