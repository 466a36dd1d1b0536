"""The life of rejects: listed, exported, corrected, delivered again, read anew, closed; never deleted."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from tests.deliveries import Company
from tests.delivery import HEADER, Inbox, csv_text, make_inbox, site_content, ticket, write_site

from yardstick import settings as settings_module
from yardstick import transform, warehouse
from yardstick.contracts import load_contracts
from yardstick.embedded.postgres import Server
from yardstick.rejects import Which, counts, listing, replay
from yardstick.rejects.export import Exported, ExportError, export
from yardstick.rejects.redeliver import Redelivered, RedeliveryError, redeliver
from yardstick.settings import Settings, project_root, with_database
from yardstick.sources.site import Site
from yardstick.sources.site_file import load_sites

NAME = "2015-02.csv"
ROWS = [
    ticket(1, 3),
    ticket(2, 3, state="Odd", note="=cmd|' /C calc'!A0"),
    ticket(3, 4, closed="yesterday", state="Odd"),
    ["", *ticket(4, 5, note="no number")[1:]],
    [*ticket(5, 5), "too", "many"],
    ticket(6, 6)[:4],
    ticket(7, 6, note="right"),
    ticket(7, 6, note="wrong"),
    ticket("08", 7, project="nowhere"),
    ticket(9, 7, opened="31/02/2015 09:00"),
]
REJECTED = 9


@dataclass
class World:
    """A site whose file of ten rows landed and was built; nine of its rows are rejected."""

    inbox: Inbox
    settings: Settings

    @property
    def sites(self) -> dict[str, Site]:
        return {site.source_id: site for site in load_sites(self.inbox.site.path)}

    def build(self) -> None:
        build = transform.plan_build(self.settings, "tests")
        assert build
        transform.stage(self.settings, build.build_id)
        Company(self.settings).audit(build.build_id)

    def export(self, folder: Path, language: str = "en", **which: Any) -> Exported:
        done = export(self.settings, "test_site", Which(**which), folder, language, self.sites["test_site"])
        assert done
        return done

    def statuses(self) -> dict[str, str]:
        """Status of each rejected row by its number; a row has one only when its rejects agree."""
        found: dict[str, set[str]] = {}
        for number, status in self.inbox.query(
            "select r.row_number, r.status from ops.reject as r join ops.delivery as d using (delivery_id) "
            "where r.entity = 'ticket' and d.file_name = %s",
            [NAME],
        ):
            found.setdefault(str(number), set()).add(status)
        return {number: "/".join(sorted(each)) for number, each in found.items()}

    def staged(self) -> dict[str, str]:
        """Closure note of every staged ticket."""
        return dict(
            self.inbox.query(
                "select source_ticket_id, coalesce(closure_note, '') from staging.stg_delivered__tickets"
            )
        )

    def redeliver(self, path: Path) -> Redelivered:
        (done,) = redeliver(self.settings, path, self.sites)
        return done


DATABASE, BUILT = "test_rejects", "test_rejects_built"


def make(settings: Settings, folder: Path) -> World:
    """An installation with the database of ``settings`` and everything else below the folder."""
    own = replace(settings, home=folder / "home", data=folder / "data")
    inbox = Inbox(own, load_sites(write_site(folder / "sites"))[0])
    inbox.put(NAME, csv_text(ROWS))
    return World(inbox, own)


@pytest.fixture(scope="module")
def built(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A database in which the site has landed and was built; the folder with what dbt has parsed."""
    folder = tmp_path_factory.mktemp("built")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        for name in (BUILT, DATABASE):
            connection.execute(f"create database {name} template {template}".encode())
    base = replace(
        settings_module.load(home=folder / "home", language="en"),
        database_url=with_database(server.url(), BUILT),
    )
    made = make(base, folder)
    make_inbox(made.settings, folder)
    company = Company(made.settings, "company").register()
    company.deliver(
        "project", {"2015-01-01": [{"project_id": "p1", "project_name_en": "P", "project_grade": "A"}]}
    )
    company.deliver("service_item", {"2015-01-01": [{"service_item_id": "i1", "service_item_name_en": "I"}]})
    made.inbox.land()
    made.build()
    (folder / "home/dbt").rename(folder / "dbt")
    yield folder
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        for name in (BUILT, DATABASE):
            connection.execute(f"drop database if exists {name} with (force)".encode())


@pytest.fixture
def world(server: Server, built: Path, tmp_path: Path) -> World:
    """A copy of it, always under one name: dbt parses its project anew for another database."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database if exists {DATABASE} with (force)".encode())
        connection.execute(f"create database {DATABASE} template {BUILT}".encode())
    url = with_database(server.url(), DATABASE)
    made = make(replace(settings_module.load(home=tmp_path, language="en"), database_url=url), tmp_path)
    made.settings.home.mkdir()
    (made.settings.home / "dbt").symlink_to(built / "dbt")
    return made


def sheet_of(path: Path) -> Worksheet:
    return openpyxl.load_workbook(path)["ticket"]


def titles(sheet: Worksheet) -> list[str]:
    return [cell.value for cell in sheet[4]]


def rows_of(sheet: Worksheet) -> dict[str, dict[str, Any]]:
    """Rows by the number they had in the delivered file."""
    names = titles(sheet)
    found = {}
    for row in sheet.iter_rows(min_row=5):
        cells = dict(zip(names, (cell.value for cell in row), strict=True))
        found[cells["※ Row"]] = cells
    return found


def correct(path: Path, changes: dict[str, dict[str, Any]], delete: tuple[str, ...] = ()) -> Path:
    """Correct cells by the number of the delivered row, as a person does, and save."""
    book = openpyxl.load_workbook(path)
    sheet = book["ticket"]
    names = titles(sheet)
    for line in range(sheet.max_row, 4, -1):
        number = sheet.cell(line, names.index("※ Row") + 1).value
        for name, value in changes.get(number, {}).items():
            sheet.cell(line, names.index(name) + 1).value = value
        if number in delete:
            sheet.delete_rows(line)
    book.save(path)
    return path


# --- listed ----------------------------------------------------------------------------------------


def test_rejects_are_listed_by_source_and_reason(world: World) -> None:
    with warehouse.connect(world.settings.require_database_url()) as connection:
        found = {(row["field"], row["rule"]): row["rows"] for row in counts(connection, Which("test_site"))}
        each = listing(connection, Which("test_site", "ticket"))
    assert found[("status", "unknown_code")] == 2
    assert found[("source_ticket_id", "key_conflict")] == 2
    assert found[("project_id", "unknown_project")] == 1
    assert sum(found.values()) == len(each) == REJECTED + 1, "one row has two reasons"
    assert {row["status"] for row in each} == {"open"}
    assert not any("wrong" in str(row) for row in each), "the free text of a row is not told"


# --- exported --------------------------------------------------------------------------------------


def test_workbook_shows_rows_as_delivered_with_reasons(world: World, tmp_path: Path) -> None:
    done = world.export(tmp_path)
    assert done.rows == {"ticket": REJECTED}
    sheet = sheet_of(done.path)
    assert titles(sheet) == ["※ Reason", "※ OK", *HEADER, "※ +", "※ +", "※ File", "※ Row", "※ ref"]
    rows = rows_of(sheet)
    assert len(rows) == REJECTED
    odd = rows["3"]
    assert [odd[name] or "" for name in HEADER] == ROWS[1], "delivered text, under the source's own names"
    assert odd["※ Reason"] == 'State: "Odd" is not in the code table; use Closed, Open'
    assert rows["4"]["※ Reason"].splitlines() == [
        'Closed At: "yesterday" is not a date; write it like this: 31/01/2026 08:30',
        'State: "Odd" is not in the code table; use Closed, Open',
    ]
    assert "Ticket No is empty" in rows["5"]["※ Reason"]
    assert rows["10"]["※ Reason"] == 'Project: no Project "nowhere" has been delivered (master data)'
    assert (rows["10"]["Ticket No"], rows["10"]["※ File"]) == ("08", NAME)
    assert [cell.value for cell in sheet[5 + 3]][-5:-3] == ["too", "many"]


def test_workbook_marks_what_is_wrong_and_nothing_in_it_computes(world: World, tmp_path: Path) -> None:
    sheet = sheet_of(world.export(tmp_path).path)
    names = titles(sheet)
    plain = sheet.cell(5, names.index("Project") + 1).fill.fgColor.rgb
    wrong = sheet.cell(5, names.index("State") + 1).fill.fgColor.rgb
    assert wrong != plain
    for row in sheet.iter_rows(min_row=5):
        assert all(cell.data_type in ("s", "n") for cell in row if cell.value is not None)
        assert all(isinstance(cell.value, str) for cell in row if cell.value is not None)
        assert {cell.number_format for cell in row[2:9]} == {"@"}, "what is typed stays text"
    assert sheet.cell(5, names.index("Note") + 1).value == ROWS[1][-1]
    assert sheet.freeze_panes == "C5"
    assert sheet.auto_filter.ref == f"A4:{sheet.cell(4, len(names)).column_letter}{4 + REJECTED}"
    assert all(8 <= sheet.column_dimensions[letter].width <= 60 for letter in "ACDEFGH")


def test_workbook_speaks_the_sites_language(world: World, tmp_path: Path) -> None:
    done = world.export(tmp_path, "zh-Hans")
    book = openpyxl.load_workbook(done.path)
    assert book["ticket"]["A1"].value == "测试 · 工单 · 需要更正的数据"
    reasons = [row[0].value for row in book["ticket"].iter_rows(min_row=5)]
    assert "State的值“Odd”不在代码表中,可用的值:Closed、Open" in reasons
    assert "Project的值“nowhere”没有对应的项目(主数据中没有)" in reasons
    told = [cell.value for row in book["说明"].iter_rows() for cell in row if cell.value]
    assert "如何更正" in told
    assert "How to correct" in told
    assert any("个人信息" in str(text) for text in told)


def test_same_rejects_give_the_same_bytes_readable_by_the_owner_only(world: World, tmp_path: Path) -> None:
    first, second = world.export(tmp_path / "a"), world.export(tmp_path / "b")
    assert first.path.name == second.path.name
    assert first.path.read_bytes() == second.path.read_bytes()
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600


def test_nothing_to_export_and_unknown_sources_are_told(world: World, tmp_path: Path) -> None:
    assert export(world.settings, "company", Which(), tmp_path, "en", None) is None
    with pytest.raises(ExportError, match="there is no source 'nobody'"):
        export(world.settings, "nobody", Which(), tmp_path, "en", None)


def test_without_a_site_file_columns_are_told_as_the_warehouse_knows_them(
    world: World, tmp_path: Path
) -> None:
    done = export(world.settings, "test_site", Which(), tmp_path, "en", None)
    assert done
    assert "ticket no" in titles(sheet_of(done.path))


# --- delivered again -------------------------------------------------------------------------------


def test_corrected_rows_are_delivered_and_close_their_rejects(world: World, tmp_path: Path) -> None:
    assert set(world.staged()) == {"000001"}
    path = correct(
        world.export(tmp_path).path,
        {
            "3": {"State": "Open"},
            "4": {"State": "Closed", "Closed At": datetime(2015, 2, 9, 10, 30)},  # a cell that became a date
            "5": {"Ticket No": "000004"},  # the key itself was wrong
            "6": {"※ +": None},  # the extra cells were rubbish
            "8": {"※ OK": "x"},
            "11": {"Opened At": "28/02/2015 09:00"},
        },
        delete=("9",),
    )
    # openpyxl found only the first of the two columns of extra cells
    book = openpyxl.load_workbook(path)
    sheet = book["ticket"]
    for line in range(5, sheet.max_row + 1):
        sheet.cell(line, titles(sheet).index("※ +") + 2).value = None
    book.save(path)

    done = world.redeliver(path)
    assert (done.source_id, done.entity, done.landed.status) == ("test_site", "ticket", "landed")
    assert (done.landed.rows_landed, done.corrected) == (6, 6)
    assert done.left == 2, "rows 7 and 10 were left as they are"
    world.build()
    assert world.statuses() == {
        "3": "superseded", "4": "superseded", "5": "superseded", "6": "superseded", "7": "open",
        "8": "superseded", "9": "superseded", "10": "open", "11": "superseded",
    }  # fmt: skip
    staged = world.staged()
    assert set(staged) == {"000001", "000002", "000003", "000004", "000005", "000007", "000009"}
    assert staged["000007"] == "right"
    assert staged["000002"] == ROWS[1][-1]
    closed = world.inbox.query(
        "select closed_at at time zone 'America/New_York' from staging.stg_delivered__tickets "
        "where source_ticket_id = '000003'"
    )
    assert closed == [(datetime(2015, 2, 9, 10, 30),)]
    assert world.inbox.query(
        "select count(*) from ops.delivery where rows_landed <> rows_staged + rows_superseded "
        "+ rows_rejected + rows_duplicate"
    ) == [(0,)]
    assert world.inbox.query("select count(*) from ops.reject where source_id = 'test_site'") == [
        (REJECTED + 1,)
    ]


def test_correction_is_no_drift_and_stands_for_a_day_that_was_delivered(world: World, tmp_path: Path) -> None:
    days = world.inbox.query("select distinct partition_date from ops.delivery where entity = 'ticket'")
    path = correct(world.export(tmp_path).path, {"3": {"State": "Open"}})
    done = world.redeliver(path)
    assert len(done.landed.days) == 1
    assert (done.landed.days[0],) in days
    assert world.inbox.query("select count(*) from ops.drift") == [(0,)]
    ((stored, name),) = world.inbox.query(
        "select file_sha256, file_name from ops.arrival order by arrival_id desc limit 1"
    )
    assert (stored, name) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.name), (
        "the original is kept"
    )


def test_same_correction_twice_changes_nothing(world: World, tmp_path: Path) -> None:
    path = correct(world.export(tmp_path).path, {"3": {"State": "Open"}, "4": {"State": "Open"}})
    assert world.redeliver(path).landed.status == "landed"
    before = world.inbox.counts()
    with warehouse.connect(world.settings.require_database_url()) as connection:
        connection.execute("delete from ops.correction")  # as if it had been killed before it noted them
    again = world.redeliver(path)
    assert (again.landed.status, again.corrected) == ("unchanged", 2)
    assert world.inbox.counts()[1:] == before[1:]
    assert world.inbox.query("select count(*) from ops.correction") == [(2,)]
    world.build()
    assert world.statuses()["3"] == "superseded"
    assert world.statuses()["4"] == "open", "it still has a wrong closing time"


def test_forgotten_row_may_be_added(world: World, tmp_path: Path) -> None:
    path = world.export(tmp_path).path
    book = openpyxl.load_workbook(path)
    book["ticket"].append([None, None, *ticket("A1", 8)])
    book.save(path)
    done = world.redeliver(path)
    assert (done.landed.rows_landed, done.corrected) == (1, 0)
    world.build()
    assert "A1" in world.staged()


def test_workbook_in_which_nothing_was_changed_is_refused(world: World, tmp_path: Path) -> None:
    arrivals = world.inbox.counts()[0]
    done = world.redeliver(world.export(tmp_path).path)
    assert done.landed.status == "refused"
    assert "no row was changed" in str(done.landed.reason)
    assert world.inbox.counts()[0] == arrivals, "nobody has delivered anything"


def test_wrong_correction_is_a_reject_like_any_other(world: World, tmp_path: Path) -> None:
    path = correct(world.export(tmp_path).path, {"3": {"State": "Odder"}})
    world.redeliver(path)
    world.build()
    assert world.statuses()["3"] == "open"
    assert world.inbox.query(
        "select r.value, d.file_name from ops.reject as r join ops.delivery as d using (delivery_id) "
        "where r.value = 'Odder'"
    ) == [("Odder", path.name)]


def test_rest_source_is_corrected_by_the_same_way(world: World, tmp_path: Path) -> None:
    site = replace(world.sites["test_site"], connector="rest")
    path = correct(world.export(tmp_path).path, {"3": {"State": "Open"}})
    (done,) = redeliver(world.settings, path, {"test_site": site})
    assert done.landed.status == "landed"


def spoil(path: Path, change: Any) -> Path:
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda book: book.remove(book["ticket"]), "has no sheet with a column"),
        (lambda book: book["ticket"].cell(5, 15, "1-2-3-4"), "was changed"),
        (lambda book: book["ticket"].cell(5, 15, "1-2-abcdef"), "of another installation|several entities"),
        (lambda book: book["ticket"].cell(6, 15, book["ticket"].cell(5, 15).value), "stands twice"),
        (lambda book: book["ticket"].delete_rows(5, 99), "is empty"),
    ],
)
def test_workbook_that_is_not_ours_is_told(world: World, tmp_path: Path, change: Any, told: str) -> None:
    path = world.export(tmp_path).path
    assert titles(sheet_of(path)).index("※ ref") + 1 == 14
    path = spoil(path, lambda book: change(_Shifted(book)))
    with pytest.raises(RedeliveryError, match=told):
        world.redeliver(path)
    assert world.inbox.query("select count(*) from ops.arrival where run_id = 'rejects redeliver'") == [(0,)]


class _Shifted:
    """A workbook whose reference column is number 15 to whoever writes a test."""

    def __init__(self, book: Any) -> None:
        self.book = book

    def remove(self, sheet: Any) -> None:
        self.book.remove(sheet.sheet if isinstance(sheet, _Cells) else sheet)

    def __getitem__(self, name: str) -> Any:
        return _Cells(self.book[name])


class _Cells:
    def __init__(self, sheet: Any) -> None:
        self.sheet = sheet

    def cell(self, row: int, column: int, value: Any = None) -> Any:
        place = titles(self.sheet).index("※ ref") + 1 if column == 15 else column
        return self.sheet.cell(row, place, value) if value else self.sheet.cell(row, place)

    def delete_rows(self, *arguments: int) -> None:
        self.sheet.delete_rows(*arguments)


def test_file_that_is_no_workbook_is_told(world: World, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(RedeliveryError, match="cannot be read"):
        world.redeliver(path)
    with pytest.raises(RedeliveryError, match="no site file of test_site"):
        redeliver(world.settings, world.export(tmp_path).path, {})


# --- read anew -------------------------------------------------------------------------------------


def test_mended_mapping_reads_the_same_rows_anew(world: World, tmp_path: Path) -> None:
    content = site_content()
    content["entities"]["ticket"]["fields"]["status"]["codes"]["Odd"] = "open"
    write_site(world.inbox.site.folder, content)
    done = replay(world.settings, list(world.sites.values()), Which())
    assert (done.registered, done.without_file) == (["test_site"], [])
    (row,) = done.rows
    assert (row["source_id"], row["entity"], row["rejected_rows"]) == ("test_site", "ticket", REJECTED)
    landed = world.inbox.counts()
    world.build()
    assert world.inbox.counts() == landed, "no row was delivered for it"
    statuses = world.statuses()
    assert statuses["3"] == "replayed"
    assert statuses["4"] == "open/replayed", "the closing time is wrong as before"
    assert "000002" in world.staged()


def test_replay_without_a_change_takes_the_rejects_of_what_is_asked_for(world: World) -> None:
    assert replay(world.settings, [], Which("company")).rows == []
    done = replay(world.settings, [], Which("test_site"))
    assert done.without_file == ["test_site"]
    assert [row["source_id"] for row in done.rows] == ["test_site"]
    world.build()
    assert set(world.statuses().values()) == {"open"}


# --- the commands ----------------------------------------------------------------------------------


def run(world: World, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("yardstick")), "rejects", *map(str, arguments)],
        env={**os.environ, **world.settings.environment(), "YARDSTICK_SITES": str(world.inbox.site.folder)},
        capture_output=True,
        text=True,
        check=False,
        cwd=world.settings.home.parent,
    )


def test_commands_lead_from_reject_to_correction(world: World, tmp_path: Path) -> None:
    listed = run(world)
    assert listed.stdout.splitlines()[0] == "source_id,entity,field,rule,rows,first_day,last_day,example"
    assert "test_site,ticket,status,unknown_code,2," in listed.stdout
    assert len(run(world, "--each", "--source", "test_site").stdout.splitlines()) == REJECTED + 2
    exported = run(world, "export", "--source", "test_site", "--out", tmp_path / "out", "--lang", "en")
    assert exported.returncode == 0, exported.stderr
    path = Path(exported.stdout.strip())
    assert path.parent == tmp_path / "out"
    delivered = run(world, "redeliver", correct(path, {"3": {"State": "Open"}}))
    assert delivered.returncode == 0, delivered.stderr
    assert delivered.stdout.splitlines()[1].startswith("test_site,ticket,landed,1,1,8,")
    assert "next run of the DAG build" in delivered.stderr
    replayed = run(world, "replay", "--source", "test_site")
    assert replayed.returncode == 0, replayed.stderr
    assert replayed.stdout.startswith("source_id,entity,deliveries,days,")
    world.build()
    assert "superseded" in run(world, "--all").stdout
    assert "superseded" not in run(world).stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--source", "nobody"], "there is company, test_site"),
        (["--entity", "tickets"], "there is "),
        (["--since", "yesterday"], "yesterday"),
        (["export"], "--source"),
        (["export", "--source", "test_site", "--lang", "fr"], "fr"),
        (["redeliver", "nowhere.xlsx"], "nowhere.xlsx"),
        (["--source", "test_site", "replay"], "options stand behind the command"),
    ],
)
def test_wrong_arguments_are_told_with_code_2(world: World, arguments: list[str], told: str) -> None:
    done = run(world, *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert told in " ".join(done.stderr.replace("│", " ").split())


def test_texts_are_whole_in_every_language() -> None:
    from yardstick.rejects.export import _texts

    texts = _texts()
    assert set(texts) == {"zh-Hans", "zh-Hant", "en"}
    for each in texts.values():
        assert set(each) == set(texts["en"])
        assert set(each["reasons"]) == set(texts["en"]["reasons"])
        assert len(each["explain"]) == len(texts["en"]["explain"])


def test_every_rule_of_the_contracts_is_put_into_words() -> None:
    rules = [
        rule for contract in load_contracts().values() for rule in contract.rules if rule.then == "reject"
    ]
    assert rules
    assert {rule.kind for rule in rules} <= {"order", "range", "needed"}
    assert (project_root() / "src/yardstick/rejects/texts.yml").is_file()
