"""Site files made from sample deliveries: what is guessed, what is asked, and what is never guessed."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.delivery import xlsx_bytes
from tests.rest_server import connection_json, serve, tickets
from typer.testing import CliRunner

from yardstick.cli import app
from yardstick.contracts import load_contracts
from yardstick.settings import project_root
from yardstick.sources import guess, sample, sample_pull
from yardstick.sources.delivery import RefusedError
from yardstick.sources.draft import DraftError, EntityDraft, append
from yardstick.sources.sample import Table, read_file
from yardstick.sources.site import Site
from yardstick.sources.site_file import load_sites

CONTRACTS = load_contracts()
CHINESE = [
    "工单号",
    "报单时间",
    "要求完成时间",
    "状态",
    "小区",
    "报修类型",
    "来源",
    "报修人",
    "联系电话",
    "报修内容",
]


def chinese_rows(count: int = 40) -> list[list[str]]:
    start = datetime(2026, 3, 1, 8, 5)
    return [
        [
            f"GD{number:06}", f"{start + timedelta(hours=17 * number):%Y/%m/%d %H:%M}",
            f"{start + timedelta(hours=17 * number + 48):%Y/%m/%d %H:%M}", ("已完成", "处理中", "待复核")[number % 3],
            f"P{number % 4:03}", ("水电", "电梯")[number % 2], ("电话", "业主APP")[number % 2],
            "张三", "13800138000", "厨房漏水",
        ]
        for number in range(count)
    ]  # fmt: skip


def csv_bytes(rows: list[list[str]], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue().encode(encoding)


@pytest.fixture
def chinese(tmp_path: Path) -> Path:
    path = tmp_path / "inbox/工单_2026-03.csv"
    path.parent.mkdir()
    path.write_bytes(csv_bytes([CHINESE, *chinese_rows()], "gb18030"))
    return path


def add(
    tmp_path: Path, *arguments: str | Path, answers: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("yardstick")), "site", "add", *map(str, arguments),
            "--out", str(tmp_path / "site.yml"), "--home", str(tmp_path / "home"),
        ],
        env={**os.environ, "YARDSTICK_ROOT": str(project_root()), **environment},
        input=answers or "",
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def made(tmp_path: Path) -> Site:
    (site,) = load_sites(tmp_path / "site.yml")
    return site


# --- the command ------------------------------------------------------------------------------------


def test_chinese_gb18030_file_becomes_a_site_without_a_question(tmp_path: Path, chinese: Path) -> None:
    done = add(tmp_path, chinese, "--yes", "--source-id", "helpdesk")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'site.yml'}\n"
    site = made(tmp_path)
    entity = site.entities["ticket"]
    assert (site.source_id, site.time_zone, list(site.entities)) == ("helpdesk", "Asia/Shanghai", ["ticket"])
    assert (entity.options.encoding, entity.options.pattern.text) == ("gb18030", "工单_{month:%Y-%m}.csv")
    assert {name: mapping.labels for name, mapping in entity.fields.items()} == {
        "source_ticket_id": ("工单号",), "opened_at": ("报单时间",), "due_at": ("要求完成时间",), "status": ("状态",),
        "project_id": ("小区",), "service_item_id": ("报修类型",), "channel": ("来源",), "title": ("报修内容",),
    }  # fmt: skip
    assert entity.fields["opened_at"].format == "%Y/%m/%d %H:%M"
    assert entity.fields["status"].codes == {"已完成": "closed", "处理中": "open"}
    assert entity.fields["channel"].codes == {"电话": "phone", "业主APP": "app"}
    assert entity.other_columns == ("报修人", "联系电话")
    text = (tmp_path / "site.yml").read_text(encoding="utf-8")
    assert "without a code, so rejected: 待复核 (13)" in text
    assert "site preview" in done.stderr
    for personal in ("张三", "13800138000", "厨房漏水"):
        assert personal not in text + done.stderr


def test_questions_are_answered_in_a_pipe(tmp_path: Path, chinese: Path) -> None:
    answers = [
        "Help Desk", "help_desk",  # the first identifier cannot be used
        "工单系统", "Helpdesk", "Asia/Peking", "Asia/Shanghai",  # nor can the first zone
        "", "tickets",  # name of the files, folder
        "",  # it is a ticket
        "titel=报修内容", "title=-", "location=报修内容", "channel==phone", "due_at~%d/%m/%Y", "due_at~%Y/%m/%d %H:%M",
        "",  # right so
        "done", "closed",  # a code that there is not, and one that there is
        "n",  # no preview
    ]  # fmt: skip
    done = add(tmp_path, chinese, answers="\n".join(answers) + "\n")
    assert done.returncode == 0, done.stderr
    site = made(tmp_path)
    fields = site.entities["ticket"].fields
    assert (site.source_id, dict(site.names)) == ("help_desk", {"zh": "工单系统", "en": "Helpdesk"})
    assert site.entities["ticket"].options.folder == "tickets"
    assert "title" not in fields
    assert fields["location"].labels == ("报修内容",)
    assert fields["channel"].constant == "phone"
    assert fields["status"].codes == {"已完成": "closed", "处理中": "open", "待复核": "closed"}
    for told in (
        "ticket has no field 'titel'. Is it 'title'?",
        "due_at: %d/%m/%Y fits no value",
        "one of open, closed, cancelled, or empty",
        "an IANA name",
    ):
        assert told in done.stderr
    assert done.stdout == f"{tmp_path / 'site.yml'}\n", "questions do not get in the way of what is printed"


def test_questions_without_an_end_write_nothing(tmp_path: Path, chinese: Path) -> None:
    done = add(tmp_path, chinese, answers="helpdesk\n")
    assert done.returncode == 1
    assert "Aborted" in done.stderr
    assert not (tmp_path / "site.yml").exists()


def test_workbook_with_title_rows_and_sheets_becomes_two_entities(tmp_path: Path) -> None:
    path = tmp_path / "台账.xlsx"
    path.write_bytes(
        xlsx_bytes(
            {
                "项目": [
                    ["某某物业项目台账"], ["打印日期", "2026-03-31"],
                    ["项目编号", "项目名称", "英文名", "服务等级", "业态", "管理面积(㎡)", "项目经理", "是否参与考核"],
                    *([f"P{n:03}", f"花园{n}", f"Garden {n}", "A", "住宅", 1200.5 + n, "王五", "是"] for n in range(9)),
                    ["合计", "", "", "", "", 9999],
                ],
                "服务事项": [
                    ["编号", "名称", "英文名称", "是否应急"],
                    ["E1", "电梯困人", "Trapped in a lift", "是"], ["R1", "水电", "Plumbing", "否"],
                ],
                "草稿": [["x"]],
            },
            hidden=["草稿"],
        )
    )  # fmt: skip
    done = add(tmp_path, path, "--yes", "--source-id", "master")
    assert done.returncode == 0, done.stderr
    site = made(tmp_path)
    project, item = site.entities["project"], site.entities["service_item"]
    assert (project.options.sheet, project.options.header_row) == ("项目", 3)
    assert project.options.totals == ("合计",)
    assert project.fields["area_m2"].labels == ("管理面积(㎡)",)
    assert project.fields["project_type"].codes == {"住宅": "residential"}
    assert project.fields["is_appraised"].codes == {"是": "true"}
    assert (item.options.sheet, item.fields["service_item_id"].labels) == ("服务事项", ("编号",))
    assert site.valid_from is not None, "undated master data needs a first day"


def us_rows(days: list[int]) -> list[list[str]]:
    return [
        ["WO Number", "Created Date", "Completion Date", "Status", "Property ID", "Category", "Source"],
        *(
            [f"WO-{n}", f"03/{day:02}/2026 08:15 AM", "", ("Open", "On Hold")[n % 2], "S1", "Plumbing", "Phone call"]
            for n, day in enumerate(days)
        ),
    ]  # fmt: skip


def test_american_dates_are_read_as_such_when_the_sample_shows_it(tmp_path: Path) -> None:
    path = tmp_path / "work_orders.csv"
    path.write_bytes(csv_bytes(us_rows([1, 2, 25]), delimiter=";"))
    done = add(tmp_path, path, "--yes", "--time-zone", "America/New_York")
    assert done.returncode == 0, done.stderr
    site = made(tmp_path)
    entity = site.entities["ticket"]
    assert (site.source_id, entity.options.delimiter) == ("work_orders", ";")
    assert entity.fields["source_ticket_id"].labels == ("WO Number",)
    assert entity.fields["opened_at"].format == "%m/%d/%Y %I:%M %p"
    assert entity.fields["closed_at"].format == "%m/%d/%Y %I:%M %p", "as its sister field, and said so"
    assert "empty in the sample" in (tmp_path / "site.yml").read_text(encoding="utf-8")
    assert entity.fields["channel"].codes == {"Phone call": "phone"}


def test_ambiguous_dates_are_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "work_orders.csv"
    path.write_bytes(csv_bytes(us_rows([1, 2, 4])))
    done = add(tmp_path, path, "--yes")
    assert done.returncode == 2
    assert (
        "opened_at: '03/01/2026 08:15 AM' may be 3 January 2026 (%d/%m/%Y %I:%M %p) or 1 March" in done.stderr
    )
    assert not (tmp_path / "site.yml").exists()
    done = add(tmp_path, path, "--yes", "--dates", "day-first")
    assert done.returncode == 0, done.stderr
    assert made(tmp_path).entities["ticket"].fields["opened_at"].format == "%d/%m/%Y %I:%M %p"


def test_ambiguous_dates_are_asked(tmp_path: Path) -> None:
    path = tmp_path / "work_orders.csv"
    path.write_bytes(csv_bytes(us_rows([1, 2, 4])))
    answers = ["", "", "", "Europe/London", "", "", "", "", "2", "n"]
    done = add(tmp_path, path, answers="\n".join(answers) + "\n")
    assert done.returncode == 0, done.stderr
    assert made(tmp_path).entities["ticket"].fields["opened_at"].format == "%m/%d/%Y %I:%M %p"


def test_saved_answer_of_an_api_becomes_a_rest_site(tmp_path: Path) -> None:
    path = tmp_path / "tickets.json"
    rows = [
        {"id": f"T{n}", "created_at": f"2026-03-{n + 1:02}T08:00:00+08:00", "state": "closed", "project": {"id": "P1"},
         "category": "lift"}
        for n in range(20)
    ]  # fmt: skip
    path.write_text(json.dumps({"data": {"items": rows, "next_cursor": "x"}}), encoding="utf-8")
    done = add(tmp_path, path, "--yes", "--source-id", "desk")
    assert done.returncode == 0, done.stderr
    site = made(tmp_path)
    entity = site.entities["ticket"]
    assert (site.connector, site.connection) == ("rest", "desk_api")
    assert (entity.options.path, entity.options.records) == ("/tickets", "data.items")
    assert entity.fields["project_id"].labels == ("project.id",)
    assert entity.fields["opened_at"].format == "%Y-%m-%dT%H:%M:%S%z"


def test_running_api_is_asked_for_one_page(tmp_path: Path) -> None:
    with serve(tickets(25)) as api:
        api.cap = 10
        variable = {"AIRFLOW_CONN_DESK_API": connection_json(api)}
        done = add(
            tmp_path, "--connection", "desk_api", "--path", "/link?per_page=10", "--yes", "--source-id", "desk",
            **variable,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert len(api.asked) == 1, "a sample is one page"
    entity = made(tmp_path).entities["ticket"]
    assert entity.options.pagination.kind == "link_header"
    assert dict(entity.options.params) == {"per_page": "10"}


def test_entity_is_added_to_a_site_file_that_is_there(tmp_path: Path, chinese: Path) -> None:
    assert add(tmp_path, chinese, "--yes", "--source-id", "helpdesk").returncode == 0
    before = (tmp_path / "site.yml").read_text(encoding="utf-8")
    items = tmp_path / "inbox/服务事项_2026-03.csv"
    items.write_bytes(
        csv_bytes([["编号", "名称", "英文名称"], ["R1", "水电", "Plumbing"], ["E1", "电梯", "Lift"]])
    )
    done = add(tmp_path, items, "--yes")
    assert done.returncode == 0, done.stderr
    assert sorted(made(tmp_path).entities) == ["service_item", "ticket"]
    text = (tmp_path / "site.yml").read_text(encoding="utf-8")
    assert text.startswith(before.rstrip("\n")), "what was there stays as it was"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "say where the sample is"),
        (["--path", "/x"], 2, "need --connection"),
        (["--query", "select 1"], 2, "need --connection"),
        (["{sample}", "--url", "http://x/y"], 2, "say where the sample is"),
        (["{sample}", "--entity", "tickets"], 2, "Is it 'ticket'?"),
        (["{sample}", "--time-zone", "Beijing"], 2, "IANA name"),
        (["{sample}", "--source-id", "Help Desk"], 2, "small letters"),
        (["{sample}", "--yes", "--field", "nonsense"], 2, "write field=column"),
        (["{sample}", "--yes", "--field", "status=Zustand"], 2, "has no column 'Zustand'"),
        (["{sample}", "--yes", "--field", "channel==fax"], 2, "'fax' is not one of"),
        (["{sample}", "--yes", "--field", "project_id=-"], 1, "no column looks like project_id"),
        (["{sample}", "--yes", "--encoding", "utf-9"], 1, "not an encoding"),
        (["{sample}", "--yes", "--header-row", "99"], 1, "is empty"),
        (["--connection", "nowhere", "--path", "/x", "--yes"], 1, "nowhere"),
        (["--url", "http://169.254.169.254/latest", "--yes"], 1, "no source system can be"),
        (["--url", "http://user:secret@host/x", "--yes"], 1, "without a login"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told(
    tmp_path: Path, chinese: Path, arguments: list[str], code: int, told: str
) -> None:
    given = [str(chinese) if each == "{sample}" else each for each in arguments]
    where = ["--out", str(tmp_path / "site.yml"), "--home", str(tmp_path / "home")]
    done = CliRunner().invoke(app, ["site", "add", *given, *where])
    assert done.exit_code == code, done.stderr
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""
    assert not (tmp_path / "site.yml").exists()


def test_samples_that_are_no_table_are_refused(tmp_path: Path) -> None:
    empty, text, archive = tmp_path / "a.csv", tmp_path / "b.json", tmp_path / "c.zip"
    empty.write_bytes(b" \n")
    text.write_text('{"message": "log in"}', encoding="utf-8")
    import zipfile

    with zipfile.ZipFile(archive, "w") as made_archive:
        made_archive.writestr("a.csv", "x,y\n")
    for path, told in ((empty, "is empty"), (text, "no list of objects"), (archive, "zip archive")):
        with pytest.raises(RefusedError, match=told):
            read_file(path)


# --- guessing ---------------------------------------------------------------------------------------


def _value(contract: Any, item: Any, number: int, in_chinese: bool) -> str:
    known = guess.synonyms()["codes"]["*"]
    if item.vocabulary:
        code = item.vocabulary[number % len(item.vocabulary)]
        words = [word for word in known.get(code, []) if not str(word).isascii()]
        return str(words[0]) if in_chinese and words else code
    moment = datetime(2026, 1, 1, 7, 30) + timedelta(hours=31 * number)
    kinds = {
        "boolean": ("是", "否")[number % 2] if in_chinese else "YN"[number % 2],
        "date": f"{moment:%Y/%m/%d}",
        "timestamp": f"{moment:%Y/%m/%d %H:%M}",
        "integer": str(number % 7),
        "numeric": f"{number % 11}.5",
    }
    text = f"X{number:05}" if contract.key == (item.name,) else f"{item.name[:3]}{number % 17}"
    return kinds.get(item.type, text)


@pytest.mark.parametrize("in_chinese", [True, False], ids=["zh", "en"])
@pytest.mark.parametrize("name", list(CONTRACTS))
def test_table_named_as_its_contract_is_recognised(name: str, in_chinese: bool) -> None:
    contract = CONTRACTS[name]
    fields = list(contract.fields.values())
    header = [
        guess._without_brackets(item.meaning["zh"]) if in_chinese else item.name.replace("_", " ").title()
        for item in fields
    ]
    rows = [[_value(contract, item, number, in_chinese) for item in fields] for number in range(30)]
    table = Table("x", header, rows, {})
    best = guess.rank(table, CONTRACTS)[0]
    assert best.entity == name
    assert {column: field for column, (field, _) in best.columns.items()} == dict(
        zip(header, contract.fields, strict=True)
    )
    draft = EntityDraft.of(table, contract, {}, best)
    assert (draft.lacking, draft.undecided) == ([], [])
    assert [field for field, one in draft.fields.items() if one.uncoded or one.unread] == []


def test_synonyms_are_of_fields_and_codes_that_there_are() -> None:
    known = guess.synonyms()
    assert set(known["entities"]) == set(CONTRACTS)
    fields = {name for contract in CONTRACTS.values() for name in contract.fields}
    assert set(known["fields"]["*"]) <= fields
    for entity, names in known["fields"].items():
        assert entity == "*" or set(names) <= set(CONTRACTS[entity].fields), entity
    items = [item for contract in CONTRACTS.values() for item in contract.fields.values()]
    codes = {code for item in items for code in item.vocabulary or ()} | {"true", "false"}
    assert set(known["codes"]["*"]) <= codes
    words = [word for table in known["codes"].values() for words in table.values() for word in words]
    assert words
    assert all(isinstance(word, str) for word in words), "quote what YAML reads as something else"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("工单号,状态\nA1,已完成\n", "gb18030"),
        ("工單號,狀態\nA1,已完成\n", "big5"),
        ("工单号,状态\nA1,已完成\n", "utf-8"),
        ("id,café\n1,Zürich\n", "cp1252"),
        ("plain,ascii\n", "utf-8"),
    ],
)
def test_encoding_is_recognised(text: str, encoding: str) -> None:
    assert sample.guess_encoding(text.encode(encoding)) == encoding


def test_byte_order_marks_are_recognised() -> None:
    assert sample.guess_encoding("\ufeff工单".encode()) == "utf-8"
    assert sample.guess_encoding("工单".encode("utf-16")) == "utf-16"


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["2026-03-01", "2026-03-02 08:30"], ["iso"]),
        (["2026/3/1 8:05", "2026/12/31 23:59"], ["%Y/%m/%d %H:%M"]),
        (["2026年3月1日"], ["%Y年%m月%d日"]),
        (["20260301", "20261231"], ["%Y%m%d"]),
        (["25/03/2026"], ["%d/%m/%Y"]),
        (["03/25/2026"], ["%m/%d/%Y"]),
        (["03/03/2026"], ["%d/%m/%Y"]),  # both readings are the same day
        (["03/04/2026"], ["%d/%m/%Y", "%m/%d/%Y"]),
        (["01/02/03"], ["%d/%m/%y", "%m/%d/%y", "%y/%m/%d"]),
        (["2026-03-01T08:00:00+08:00"], ["%Y-%m-%dT%H:%M:%S%z"]),
        (["01-Mar-2026", "02-Apr-2026"], ["%d-%b-%Y"]),
        (["soon", "later"], []),
    ],
)
def test_date_formats_that_fit_are_all_told(values: list[str], formats: list[str]) -> None:
    assert guess.date_formats(Counter(values))[0] == formats


def test_values_that_the_format_does_not_fit_are_told() -> None:
    formats, unread = guess.date_formats(Counter({"2026/03/01": 8, "2026/03/25": 3, "1.4.2026": 2}))
    assert (formats, unread) == (["%Y/%m/%d"], {"1.4.2026": 2})


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("已完成", "closed"), ("未完成", "open"), ("未办结", None), ("Not Resolved", None), ("Completed", "closed"),
        ("open", "open"), ("待派单", "open"), ("作废", "cancelled"), ("42", None),
    ],
)  # fmt: skip
def test_codes_are_guessed_by_meaning(value: str, code: str | None) -> None:
    ticket = CONTRACTS["ticket"]
    codes, uncoded = guess.code_table(ticket, ticket.fields["status"], {value: 1, "已办结": 1})
    assert codes.get(value) == code
    assert (value in uncoded) == (code is None)


def test_values_that_are_codes_need_no_table() -> None:
    ticket = CONTRACTS["ticket"]
    assert guess.code_table(ticket, ticket.fields["status"], {"open": 3, "closed": 1}) == ({}, {})
    assert guess.code_table(ticket, ticket.fields["is_emergency"], {"1": 3, "0": 1}) == ({}, {})


@pytest.mark.parametrize(
    ("name", "pattern", "first"),
    [
        ("工单_20260131.csv", "工单_{day:%Y%m%d}.csv", date(2026, 1, 31)),
        ("tickets-2026-03.csv.gz", "tickets-{month:%Y-%m}.csv.gz", date(2026, 3, 1)),
        ("工单2026年03月.xlsx", "工单{month:%Y年%m月}.xlsx", date(2026, 3, 1)),
        ("export_12345678.csv", "export_12345678.csv", None),
        ("projects.csv", "projects.csv", None),
    ],
)
def test_file_name_becomes_a_pattern(name: str, pattern: str, first: date | None) -> None:
    assert guess.file_pattern(name)[:2] == (pattern, first)


@pytest.mark.parametrize(
    ("document", "links", "params", "paging"),
    [
        ({"items": []}, {"next": {}}, {}, {"kind": "link_header"}),
        ({"meta": {"next_cursor": "abc"}}, {}, {}, {"kind": "cursor", "param": "cursor", "next": "meta.next_cursor"}),
        ({"next": "https://h/p?page=2"}, {}, {}, {"kind": "next_url", "next": "next"}),
        ({"page": 1, "total_pages": 3}, {}, {}, {"kind": "page", "param": "page", "pages": "total_pages"}),
        ({"offset": 0, "limit": 50}, {}, {}, {"kind": "offset", "limit": 50}),
        ({"rows": 3}, {}, {}, {"kind": "none"}),
    ],
)  # fmt: skip
def test_paging_is_guessed_from_an_answer(document: Any, links: Any, params: Any, paging: Any) -> None:
    assert sample_pull.guess_pagination(document, links, params, 50) == paging


def test_entity_goes_in_among_what_stands_around_it() -> None:
    ticket = CONTRACTS["ticket"]
    table = Table("t.csv", ["no"], [["1"]], {})
    draft = EntityDraft(ticket, table, {"files": "t.csv"})
    draft.say("source_ticket_id=no")
    text = "kind: site\nentities:\n  project:\n    files: a\n\nnotes: bye\n"
    added = append(text, draft)
    assert added.index("  project:") < added.index("  ticket:") < added.index("notes: bye")
    with pytest.raises(DraftError, match="no block"):
        append("kind: site\nentities: {project: {}}\n", draft)
