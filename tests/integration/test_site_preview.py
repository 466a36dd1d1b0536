"""Preview on a real server: what it tells is what the build makes of the same deliveries, and nothing lands."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.deliveries import Company
from tests.delivery import HEADER, Inbox, csv_text, make_inbox, site_content, ticket
from tests.rest_server import VARIABLE, connection_json, serve, site_of, tickets

from yardstick import transform, warehouse
from yardstick.settings import Settings
from yardstick.sources import preview as preview_module
from yardstick.sources.preview import DATABASE, EntityPreview, PreviewError, preview

DAY = date(2015, 2, 3)


def content(**entity: Any) -> dict[str, Any]:
    """A site whose statuses are coded, whose channel keeps what it does not know, with a column optional."""
    made = site_content(**entity)
    made["entities"]["ticket"]["fields"] |= {
        "status": {"column": "State", "codes": {"Open": "open", "Closed": "closed", "Void": "cancelled"}},
        "priority": {"column": "Colour", "codes": {"red": "high"}, "unmapped": "keep"},
        "location": {"column": "Place", "optional": True},
    }
    return made


ROWS = [
    ticket(1, 3, "secret words"),
    ticket(2, 3),
    ticket(2, 3),  # the same row twice
    ticket(3, 3, state="Odd"),
    ticket(4, 4, state="Odd"),
    ticket(5, 4, closed="yesterday"),
    ticket(6, 5, closed="02/02/2015 08:00"),  # before it was opened
    ["", *ticket(7, 5)[1:]],
    ticket(8, 6),  # its row is made short
    ticket(9, 7, project="nowhere"),
]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What dbt has parsed, for all tests here: the first one waits for it."""
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(autouse=True)
def share_parsed(settings: Settings, parsed: Path) -> None:
    (settings.home / "preview").mkdir(parents=True)
    (settings.home / "preview/dbt").symlink_to(parsed)


@pytest.fixture
def inbox(settings: Settings, tmp_path: Path) -> Inbox:
    inbox = make_inbox(settings, tmp_path, content())
    rows = [[*row, "red" if number == 0 else "pale", "dry"] for number, row in enumerate(ROWS)]
    short = [row[:4] if row[0] == "000008" else row for row in rows]
    inbox.put("2015-02.csv", csv_text(short, [*HEADER, "Colour", "Weather"]))
    return inbox


def only(found: list[EntityPreview]) -> EntityPreview:
    (one,) = found
    return one


def counts_of(settings: Settings) -> dict[str, int]:
    """What a real build says became of the ticket rows."""
    with warehouse.connect(settings.require_database_url()) as connection:
        return warehouse.rows(
            connection,
            "select sum(rows_landed)::int as landed, sum(rows_staged)::int as staged, "
            "sum(rows_superseded)::int as superseded, sum(rows_duplicate)::int as duplicate, "
            "sum(rows_rejected)::int as rejected, sum(rows_flagged)::int as flagged "
            "from ops.delivery where entity = 'ticket'",
        )[0]


def rejects_of(settings: Settings) -> set[tuple[Any, ...]]:
    with warehouse.connect(settings.require_database_url()) as connection:
        return {
            tuple(row.values())
            for row in warehouse.rows(
                connection,
                "select field, rule, count(distinct row_number)::int from ops.reject "
                "where entity = 'ticket' group by 1, 2",
            )
        }


def databases(settings: Settings) -> list[str]:
    with psycopg.connect(settings.require_database_url()) as connection:
        return [row[0] for row in connection.execute("select datname from pg_database")]


def deliver_master(settings: Settings) -> None:
    """The project and the item that the tickets name, staged in the warehouse."""
    company = Company(settings, "company").register()
    company.deliver(
        "project", {"2015-01-01": [{"project_id": "p1", "project_name_en": "P", "project_grade": "A"}]}
    )
    company.deliver("service_item", {"2015-01-01": [{"service_item_id": "i1", "service_item_name_en": "I"}]})
    build = transform.plan_build(settings, "tests")
    assert build
    transform.stage(settings, build.build_id)
    company.audit(build.build_id)


def test_preview_agrees_with_the_build_that_follows(settings: Settings, inbox: Inbox) -> None:
    deliver_master(settings)
    found = only(preview(settings, inbox.site, DAY))
    assert found.unchecked == {"org_unit": 0} or found.unchecked == {}

    inbox.land()
    build = transform.plan_build(settings, "tests")
    assert build
    transform.stage(settings, build.build_id)
    made = counts_of(settings)
    assert made["rejected"] >= 5
    assert {name: found.counts[name] for name in made} == made
    told = {(each.field, each.rule, each.rows) for each in found.problems if each.is_reject}
    assert told == rejects_of(settings)
    assert (None, "missing_cells", 1) in told
    assert ("project_id", "unknown_project", 1) in told
    assert ("closed_at", "closed_before_opened") in {
        (p.field, p.rule) for p in found.problems if not p.is_reject
    }


def test_rows_gaps_and_columns_are_told(settings: Settings, inbox: Inbox) -> None:
    found = only(preview(settings, inbox.site, DAY, rows=3))
    assert [row["row"] for row in found.rows] == [2, 3, 4]
    first = found.rows[0]
    assert first["opened_at"] == "2015-02-03 08:30:00-05:00"
    assert first["status"] == "open"
    assert first["closure_note"] == "***", "a personal value is not shown"
    assert first["priority"] == "high"
    gaps = {(gap.field, gap.value, gap.rows, gap.becomes) for gap in found.gaps}
    assert ("status", "Odd", 2, "rejected") in gaps
    assert ("status", "Void", 0, "never delivered") in gaps
    assert ("priority", "pale", 8, "kept as it is") in gaps
    assert found.unmapped == ["weather"]
    assert found.missing == {"Place": "location"}
    (state,) = [each for each in found.problems if each.rule == "unknown_code"]
    assert (state.column, state.rows, state.first_row, state.file_name) == ("State", 2, 5, "2015-02.csv")


def test_what_nobody_has_delivered_cannot_be_checked(settings: Settings, inbox: Inbox) -> None:
    found = only(preview(settings, inbox.site, DAY))
    assert found.unchecked["project"] == found.unchecked["service_item"] > 0
    assert "unknown_project" not in {each.rule for each in found.problems}
    # tickets 3, 4 (state), 5 (closing), 7 (no id), 8 (short): what is wrong without any master data
    assert found.counts["rejected"] == 5
    assert found.counts["not checked"] == found.counts["landed"] - found.counts["rejected"]


def test_ids_are_looked_up_in_what_the_same_site_delivers(settings: Settings, tmp_path: Path) -> None:
    made = content()
    made["entities"]["project"] = {
        "folder": {"site": "."},
        "files": "projects.csv",
        "fields": {"project_id": "id", "project_name_en": "name", "project_grade": "grade"},
    }
    inbox = make_inbox(settings, tmp_path, made)
    (inbox.site.folder / "projects.csv").write_text("id,name,grade\np1,Park,A\n", encoding="utf-8")
    rows = [[*ticket(1, 3), ""], [*ticket(2, 3, project="p2"), ""]]
    inbox.put("2015-02.csv", csv_text(rows, [*HEADER, "Colour"]))
    found = only(preview(settings, inbox.site, DAY, names=["ticket"]))
    assert "project" not in found.unchecked
    assert [(each.rule, each.rows) for each in found.problems] == [("unknown_project", 1)]


def test_nothing_lands_and_nothing_is_left(settings: Settings, inbox: Inbox) -> None:
    before = inbox.counts()
    preview(settings, inbox.site, DAY)
    assert inbox.counts() == before == (0, 0, 0)
    assert not settings.store.exists()
    assert DATABASE not in databases(settings)
    assert sorted(path.name for path in (settings.home / "preview").iterdir()) == ["dbt", "lock"]


def test_nothing_is_left_after_an_error_either(
    settings: Settings, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        assert DATABASE in databases(settings)
        raise transform.TransformError("on purpose")

    monkeypatch.setattr(preview_module.transform, "stage", fails)
    with pytest.raises(transform.TransformError):
        preview(settings, inbox.site, DAY)
    assert DATABASE not in databases(settings)


def test_day_without_a_delivery_says_which_days_there_are(settings: Settings, inbox: Inbox) -> None:
    with pytest.raises(PreviewError, match=r"nothing is due for 2015-03-01.*2015-02-01 … 2015-02-28"):
        preview(settings, inbox.site, date(2015, 3, 1))
    (inbox.folder / "2015-02.csv").unlink()
    with pytest.raises(PreviewError, match="no file has such a name"):
        preview(settings, inbox.site, DAY)
    inbox.folder.rmdir()
    with pytest.raises(PreviewError, match="does not exist"):
        preview(settings, inbox.site, DAY)


def test_refused_file_is_an_outcome(settings: Settings, inbox: Inbox) -> None:
    inbox.put("2015-02.csv", "Something,Else\n1,2\n")
    found = only(preview(settings, inbox.site, DAY))
    assert [each.status for each in found.landed] == ["refused"]
    assert "holds none of the" in str(found.landed[0].reason)
    assert found.rows == []


def test_rest_source_is_pulled_for_the_day(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(tickets(25)) as api:
        monkeypatch.setenv(VARIABLE, connection_json(api))
        site = site_of(tmp_path)
        found = only(preview(settings, site, DAY, rows=5))
        assert api.asked, "the server was asked"
    assert found.counts["landed"] == 25
    assert len(found.rows) == 5


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("yardstick")), *arguments],
        env={**os.environ, **settings.environment()},
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_prints_csv_parts_when_piped(settings: Settings, inbox: Inbox) -> None:
    done = run(settings, "site", "preview", str(inbox.site.path), "--day", "2015-02-03", "--rows", "2")
    assert done.returncode == 0, done.stderr
    assert "2015-02.csv …" in done.stderr
    assert "# ticket · 工单 · Ticket\ndelivery,outcome,told\n2015-02.csv,read," in done.stdout
    assert "# ticket: rejects and remarks\nrows,is,field,column,rule,first,reason\n" in done.stdout
    assert "***" in done.stdout
    assert "secret words" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--day", "2015-02-30"], "2015-02-30"),
        (["--day", "2015-02-03", "--entity", "tickets"], "has no tickets; it has ticket"),
        (["--day", "2015-02-03", "--rows", "0"], "greater than or equal to 1"),
        ([], "--day"),
    ],
)
def test_wrong_arguments_are_told_with_code_2(
    settings: Settings, inbox: Inbox, arguments: list[str], told: str
) -> None:
    done = run(settings, "site", "preview", str(inbox.site.path), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in " ".join(done.stderr.replace("│", " ").split())
