"""The simulated company: reproducible, well-formed, with known truths and known dirt."""

from __future__ import annotations

import csv
import hashlib
import json
import statistics
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from yardstick.contracts import load_contracts
from yardstick.simulator import SimulatedCompany, servers, simulate
from yardstick.simulator.calendar import days_of
from yardstick.simulator.standards import release
from yardstick.sources.site_file import load_sites

SYSTEMS = {"assets", "helpdesk", "hr", "inspection_app", "master_data", "survey_platform"}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    return simulate(tmp_path_factory.mktemp("company"), projects=10, months=3, seed=4)


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def kept(company: SimulatedCompany, system: str, name: str) -> list[dict[str, Any]]:
    """What a REST system keeps, in the order in which it was recorded."""
    with (company.systems / system / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line.partition("\t")[2]) for line in lines]


def truth(company: SimulatedCompany, name: str) -> list[dict[str, str]]:
    with (company.truth / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate(tmp_path / name, projects=3, months=1, seed=seed)
    first, second, other = (hashes(tmp_path / name) for name in "abc")
    assert len(first) > 40
    assert first == second
    same = {name for name in first if first[name] == other.get(name)}
    assert not any(name.startswith(("data/", "systems/helpdesk", "systems/assets")) for name in same)


def test_a_smaller_company_leaves_nothing_of_a_larger_one(tmp_path: Path) -> None:
    simulate(tmp_path / "twice", projects=2, months=2)
    simulate(tmp_path / "twice", projects=2, months=1)
    simulate(tmp_path / "once", projects=2, months=1)
    assert hashes(tmp_path / "twice") == hashes(tmp_path / "once")


def test_every_contract_is_delivered_by_one_system(company: SimulatedCompany) -> None:
    sites = load_sites(company.sites)
    assert {site.source_id for site in sites} == SYSTEMS
    delivered = Counter(entity for site in sites for entity in site.entities)
    assert set(delivered) == set(load_contracts()) == set(company.accounts)
    assert set(delivered.values()) == {1}
    assert {site.source_id: site.connector for site in sites} == {
        "assets": "rest",
        "helpdesk": "rest",
        "hr": "database",
        "inspection_app": "files",
        "master_data": "files",
        "survey_platform": "files",
    }


def test_every_row_is_accounted_for(company: SimulatedCompany) -> None:
    for account in company.accounts.values():
        counts = account.counts
        assert counts["landed"] > 0, account.entity
        assert (
            counts["landed"]
            == counts["staged"] + counts["superseded"] + counts["rejected"] + counts["duplicate"]
        )
    assert company.rows == sum(account.counts["landed"] for account in company.accounts.values())
    assert company.accounts["ticket"].counts["staged"] == company.tickets


def test_every_system_is_dirty_in_its_own_way(company: SimulatedCompany) -> None:
    rows = truth(company, "dirty_rows")
    assert {row["source_id"] for row in rows} >= SYSTEMS - {"master_data"}
    by_source = defaultdict(set)
    for row in rows:
        by_source[row["source_id"]].add(row["kind"])
        assert row["expected"], row
        assert row["delivery"], row
    everywhere = {"late", "corrected", "duplicate", "conflict", "wrong_date", "missing_required"}
    assert everywhere <= by_source["helpdesk"] & by_source["hr"] & by_source["inspection_app"]
    assert "extra_separator" in by_source["survey_platform"]
    assert "extra_separator" not in by_source["helpdesk"]
    assert len(rows) < company.rows / 50


def test_dirty_rows_stand_where_the_truth_says(company: SimulatedCompany) -> None:
    """In the REST systems: number n of a day is the row the truth tells of."""
    by_day: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with (company.systems / "helpdesk/ticket-events.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            moment, _, text = line.partition("\t")
            by_day[moment[:10]].append(json.loads(text))
    told = [row for row in truth(company, "dirty_rows") if row["entity"] == "ticket_event"]
    assert len(told) > 100
    for row in told:
        event = by_day[row["delivery"].partition("@")[2]][int(row["row_number"]) - 1]
        assert (event["id"] or "None") == row["key"]
        if row["kind"] == "wrong_code":
            assert row["value"] in event.values()


def test_without_dirt_and_plants_there_is_nothing_to_find(tmp_path: Path) -> None:
    clean = simulate(tmp_path, projects=4, months=1, dirty=0, planted=False)
    assert clean.dirty == {}
    assert all(account.counts["rejected"] == 0 for account in clean.accounts.values())
    assert truth(clean, "shortages") == []
    assert {row["verdict"] for row in truth(clean, "inspectors")} == {"fair"}
    assert {row["verdict"] for row in truth(clean, "standards")} == {"fine"}


def test_dirt_does_not_change_what_stands_in_the_end(tmp_path: Path) -> None:
    clean = simulate(tmp_path / "clean", projects=3, months=1, dirty=0)
    dirty = simulate(tmp_path / "dirty", projects=3, months=1, dirty=0.03)
    assert sum(dirty.dirty.values()) > 300
    for entity, account in clean.accounts.items():
        assert account.counts["staged"] == dirty.accounts[entity].counts["staged"], entity


def test_quality_of_a_project_shows_in_its_tickets(company: SimulatedCompany) -> None:
    quality = {row["project_id"]: float(row["quality"]) for row in truth(company, "projects")}
    final = {row["id"]: row for row in kept(company, "helpdesk", "tickets")}
    assert len(final) > 5000
    on_time = defaultdict(list)
    for row in final.values():
        if row["state"] == "已办结" and row["project"] in quality and row["finished_at"]:
            on_time[row["project"]].append(row["finished_at"] <= row["promised_at"])
    rates = {project: statistics.mean(values) for project, values in on_time.items()}
    ranked = sorted(quality, key=quality.__getitem__)
    assert statistics.mean(rates[p] for p in ranked[:4]) + 0.02 < statistics.mean(
        rates[p] for p in ranked[-4:]
    )


def test_a_shortage_makes_tickets_slow(company: SimulatedCompany) -> None:
    shortages = truth(company, "shortages")
    assert shortages
    for row in shortages:
        assert int(row["tickets"]) > 10
        assert float(row["extra_response_minutes"]) / int(row["tickets"]) > 3
        people = [
            line.split("\t") for line in (company.systems / "hr/assignment.copy").read_text().splitlines()
        ]
        held = sum(
            cells[2] == row["post_id"]
            and cells[6] <= row["last_day"].replace("-", "")
            and (cells[7] == r"\N" or cells[7] >= row["last_day"].replace("-", ""))
            for cells in people
        )
        assert held <= 3


def test_lax_inspectors_and_unfit_standards_show(company: SimulatedCompany, tmp_path: Path) -> None:
    from python_calamine import CalamineWorkbook

    leniency = {row["person_id"]: float(row["leniency"]) for row in truth(company, "inspectors")}
    verdicts = {row["standard_code"]: row["verdict"] for row in truth(company, "standards")}
    known = release().inspection_standards
    assert set(verdicts) == set(known)
    by_inspector, by_verdict = defaultdict(list), defaultdict(list)
    for path in sorted((company.data / "inspections").glob("*.xlsx")):
        rows = CalamineWorkbook.from_path(path).get_sheet_by_name("检查项").to_python()
        header = rows[2]
        for cells in rows[3:]:
            row = dict(zip(header, cells, strict=False))
            if row["结果"] in ("合格", "不合格") and row["检查人工号"] in leniency and row["标准编号"]:
                by_inspector[row["检查人工号"]].append(row["结果"] == "合格")
                by_verdict[verdicts[row["标准编号"]]].append(row["结果"] == "合格")
    rates = {verdict: statistics.mean(values) for verdict, values in by_verdict.items()}
    assert rates["too_strict"] < 0.3 < rates["does_not_discriminate"] < rates["fine"] < rates["too_lax"]
    lax = max(leniency, key=leniency.__getitem__)
    assert leniency[lax] > 0
    assert statistics.mean(by_inspector[lax]) == max(map(statistics.mean, by_inspector.values()))


def test_holidays_and_make_up_days_are_those_of_china() -> None:
    days = {day.date: day for day in days_of(date(2026, 1, 1), date(2026, 2, 28), 1)}
    assert not days[date(2026, 1, 1)].is_workday
    assert days[date(2026, 1, 4)].is_workday  # a Sunday that makes up for the second
    assert days[date(2026, 2, 17)].is_holiday
    assert days[date(2026, 2, 15)].is_festival
    assert not days[date(2026, 1, 10)].is_workday


@pytest.mark.parametrize(("projects", "months"), [(1, 1), (40, 1)])
def test_any_size_works(tmp_path: Path, projects: int, months: int) -> None:
    company = simulate(tmp_path, projects=projects, months=months, first_month=date(2024, 2, 15))
    assert company.last_day == date(2024, 2, 29)
    assert company.tickets > 0


def test_no_company_without_projects(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        simulate(tmp_path, projects=0)


# --- the APIs ------------------------------------------------------------------------------------


@contextmanager
def serving(api: servers.Api) -> Iterator[str]:
    thread = threading.Thread(target=api.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{api.port}"
    finally:
        api.shutdown()
        api.server_close()
        thread.join()


def log_in(url: str, secret: str = "geheim") -> httpx.Response:
    return httpx.post(
        f"{url}/oauth/token",
        data={"grant_type": "client_credentials", "client_id": servers.CLIENT, "client_secret": secret},
    )


def pull(url: str, token: str, path: str, **params: str | int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        while True:
            answer = client.get(path, params=params)
            if answer.status_code in (429, 500):
                continue
            page = answer.raise_for_status().json()["data"]
            rows += page["items"]
            if page["next_cursor"] is None:
                return rows
            params["cursor"] = page["next_cursor"]


def test_windows_of_the_ticket_system_add_up_to_its_history(company: SimulatedCompany) -> None:
    with serving(servers.open_helpdesk(company.systems, "geheim")) as url:
        token = log_in(url).json()["access_token"]
        days = [f"2026-03-{day:02}T00:00:00+08:00" for day in range(1, 31)]
        rows = [
            row
            for since, until in pairwise(days)
            for row in pull(
                url, token, "/api/v2/tickets", updated_from=since, updated_until=until, per_page=7
            )
        ]
    expected = [
        row
        for row in kept(company, "helpdesk", "tickets")
        if "2026-03-01" <= row["updated_at"][:10] < "2026-03-30"
    ]
    assert len(expected) > 1000
    assert rows == expected


def test_a_moment_in_another_zone_is_the_same_moment(company: SimulatedCompany) -> None:
    with serving(servers.open_helpdesk(company.systems, "geheim")) as url:
        token = log_in(url).json()["access_token"]
        local, utc = (
            pull(url, token, "/api/v2/ticket-events", updated_from=since, updated_until=until, per_page=1000)
            for since, until in (
                ("2026-01-05T00:00:00+08:00", "2026-01-06T00:00:00+08:00"),
                ("2026-01-04T16:00:00Z", "2026-01-05T16:00:00Z"),
            )
        )
    assert local == utc != []


def test_nobody_gets_in_without_a_key(company: SimulatedCompany) -> None:
    with serving(servers.open_helpdesk(company.systems, "geheim")) as url:
        assert log_in(url, "falsch").status_code == 401
        assert httpx.get(f"{url}/api/v2/tickets").status_code == 401
    with serving(servers.open_assets(company.systems, "geheim")) as url:
        assert httpx.get(f"{url}/api/equipment").status_code == 401
        assert httpx.get(f"{url}/api/equipment", headers={"X-API-Key": "falsch"}).status_code == 401


def test_the_apis_have_their_moods(company: SimulatedCompany) -> None:
    with serving(servers.open_helpdesk(company.systems, "geheim")) as url:
        tokens = [log_in(url).json()["access_token"] for _ in range(servers.DEAD_TOKEN_EVERY)]
        with httpx.Client(base_url=url) as client:

            def status(token: str) -> httpx.Response:
                return client.get(
                    "/api/v2/call-backs?per_page=1", headers={"Authorization": f"Bearer {token}"}
                )

            dead = [
                number for number, token in enumerate(tokens, start=1) if status(token).status_code == 401
            ]
            assert dead == [servers.DEAD_TOKEN_EVERY]
            answers = [status(tokens[0]) for _ in range(servers.FAILING_EVERY)]
    seen = Counter(answer.status_code for answer in answers)
    assert seen[429] >= 1
    assert seen[500] == 1
    assert all(a.headers["Retry-After"] == "1" for a in answers if a.status_code == 429)


def test_pages_of_the_equipment_platform_hold_everything_once(company: SimulatedCompany) -> None:
    with serving(servers.open_assets(company.systems, "geheim")) as url:
        head = {"X-API-Key": "geheim"}
        first = httpx.get(f"{url}/api/equipment?size=100&page=1", headers=head).json()
        pages = [
            httpx.get(f"{url}/api/equipment?size=100&page={page}", headers=head).json()["rows"]
            for page in range(1, first["pages"] + 1)
        ]
        params = {"recorded_from": "2026-01-05 23:00:00", "recorded_until": "2026-01-07 00:00:00"}
        offsets = [
            httpx.get(
                f"{url}/api/status-records", params={**params, "offset": at, "limit": 20}, headers=head
            ).json()
            for at in (0, 20)
        ]
    register = [row for page in pages for row in page]
    assert register == kept(company, "assets", "equipment")
    assert len(register) == first["total"]
    assert offsets[0]["total"] == offsets[1]["total"] > 20
    assert not {row["id"] for row in offsets[0]["rows"]} & {row["id"] for row in offsets[1]["rows"]}
