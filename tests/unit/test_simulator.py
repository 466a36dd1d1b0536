"""The simulated company: reproducible, well-formed, with good and bad projects and known dirt."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pytest

from yardstick.simulator import SimulatedCompany, simulate
from yardstick.sources import files
from yardstick.sources.site import load_sites


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    return simulate(tmp_path_factory.mktemp("company"))


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def tickets(company: SimulatedCompany) -> list[dict[str, str]]:
    rows = []
    for path in sorted(company.data.glob("tickets/*.csv"), key=lambda path: path.name[-14:]):
        with path.open(encoding="utf-8", newline="") as stream:
            rows += list(csv.DictReader(stream))
    return rows


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    made = [
        simulate(tmp_path / name, projects=3, months=1, seed=seed)
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    ]
    first, second, other = (hashes(company.data) for company in made)
    assert len(first) > 31
    assert first == second
    assert first != other


def test_default_company_spans_three_whole_months(company: SimulatedCompany) -> None:
    assert (company.first_day, company.last_day) == (date(2026, 7, 1), date(2026, 9, 30))
    summary = json.loads((company.truth / "summary.json").read_text(encoding="utf-8"))
    assert len(summary["projects"]) == 12
    assert 5_000 < company.tickets < 15_000


def test_every_file_is_sound_and_due(company: SimulatedCompany, tmp_path: Path) -> None:
    from dataclasses import replace

    from yardstick import settings as settings_module

    settings = replace(settings_module.load(home=tmp_path), data=company.data)
    (site,) = load_sites(company.sites)
    rows: Counter[str] = Counter()
    for entity in site.entities.values():
        due = files.due(site, entity, settings, company.first_day, company.last_day)
        assert len(due) == (3 if entity.name != "ticket" else 3 * 92)
        for file in due:
            with files.open_delivery(file) as stream:
                rows[entity.name] += files.read(entity, file.name, stream).rows
    assert rows["ticket"] == company.rows
    assert rows["project"] == 36


def test_tickets_are_unique_and_their_days_are_those_of_their_files(company: SimulatedCompany) -> None:
    opened = {row["工单编号"]: row["受理时间"] for row in tickets(company) if None not in row}
    assert abs(len(opened) - company.tickets) <= sum(company.dirty.values())
    assert all(
        key[:8] == value[:10].replace("-", "") for key, value in opened.items() if value[5:10] != "02-30"
    )


def test_quality_of_a_project_shows_in_its_tickets(company: SimulatedCompany) -> None:
    quality = json.loads((company.truth / "summary.json").read_text(encoding="utf-8"))["projects"]
    final = {row["工单编号"]: row for row in tickets(company) if None not in row}
    on_time: dict[str, list[bool]] = defaultdict(list)
    for row in final.values():
        if row["状态"] == "已办结" and row["项目编号"] in quality:
            on_time[row["项目编号"]].append(row["办结时间"] <= row["承诺完成时间"])
    rates = {project: sum(values) / len(values) for project, values in on_time.items()}
    ranked = sorted(quality, key=quality.__getitem__)
    bad, good = ([rates[project] for project in half] for half in (ranked[:4], ranked[-4:]))
    assert max(bad) < min(good)


def test_dirty_rows_stand_where_the_truth_says(company: SimulatedCompany) -> None:
    with (company.truth / "dirty_rows.csv").open(encoding="utf-8", newline="") as stream:
        dirt = list(csv.DictReader(stream))
    assert {"late", "duplicate", "corrected", "wrong_date", "extra_separator", "wrong_project"} <= set(
        company.dirty
    )
    for told in dirt:
        with (company.data / "tickets" / told["file_name"]).open(encoding="utf-8", newline="") as stream:
            row = list(csv.reader(stream))[int(told["row_number"]) - 1]
        assert row[0] == told["source_ticket_id"]
        assert not told["value"] or told["value"] in row
        assert (len(row) > 15) == (told["kind"] == "extra_separator")
    assert len(dirt) < company.rows / 50


@pytest.mark.parametrize(("projects", "months"), [(1, 1), (40, 1)])
def test_any_size_works(tmp_path: Path, projects: int, months: int) -> None:
    company = simulate(tmp_path, projects=projects, months=months, first_month=date(2024, 2, 15))
    assert company.last_day == date(2024, 2, 29)
    assert company.tickets > 0


def test_no_company_without_projects(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        simulate(tmp_path, projects=0)
