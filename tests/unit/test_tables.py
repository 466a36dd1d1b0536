"""Tables as people make them: titles above the header, headers of several rows, totals at the end, archives."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from tests.delivery import HEADER, csv_text, site_content, ticket, write_site, xlsx_bytes

from yardstick.sources import files, header
from yardstick.sources.delivery import MissingColumnsError, Reading, RefusedError
from yardstick.sources.site import Entity
from yardstick.sources.site_file import SiteError, load_sites

GOOD = [ticket(1, 1), ticket(2, 9), ticket(3, 28)]
TITLE = ["某某物业 工单月报", "", "2015年2月"]


def made(where: Path, **options: Any) -> Entity:
    return load_sites(write_site(where / "sites", site_content(**options)))[0].entities["ticket"]


def read(entity: Entity, content: bytes | str, name: str = "2015-02.csv") -> tuple[Reading, list[list[str]]]:
    """A reading that is used up, and its rows."""
    body = content.encode() if isinstance(content, str) else content
    reading = files.read(entity, name, io.BytesIO(body))
    return reading, [row.split("\x1f") for page in reading.pages for row in page.rows]


def numbers(entity: Entity, content: bytes | str, name: str = "2015-02.csv") -> list[int]:
    body = content.encode() if isinstance(content, str) else content
    return [number for page in files.read(entity, name, io.BytesIO(body)).pages for number in page.numbers]


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    return csv_text(rows[1:], rows[0])


def as_xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    return xlsx_bytes({"工单": rows})


@pytest.fixture(params=["csv", "xlsx"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def content_of(form: str, rows: Sequence[Sequence[str]]) -> bytes:
    return as_csv(rows).encode() if form == "csv" else as_xlsx(rows)


# --- headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("above", [0, 1, 4, 29])
def test_header_is_found_below_its_titles(tmp_path: Path, form: str, above: int) -> None:
    entity = made(tmp_path, format=form, header_row="find")
    rows = [*[[f"title {number}", HEADER[0]] for number in range(above)], HEADER, *GOOD]
    reading, found = read(entity, content_of(form, rows))
    assert reading.header == [name.lower() for name in HEADER]
    assert [row[0] for row in found] == ["000001", "000002", "000003"]
    assert numbers(entity, content_of(form, rows)) == [above + 2, above + 3, above + 4]


def test_header_that_is_not_found_is_told_by_the_row_that_comes_nearest(tmp_path: Path, form: str) -> None:
    entity = made(tmp_path, format=form, header_row="find")
    rows = [TITLE, ["Opened", "x"], [*HEADER[:3], "Condition", *HEADER[4:]], *GOOD]
    with pytest.raises(MissingColumnsError, match=r"row 3: column 'State'.*is missing") as caught:
        read(entity, content_of(form, rows))
    assert caught.value.columns == {"State": "status"}
    with pytest.raises(RefusedError, match="none of the first 2 rows holds the declared columns"):
        read(entity, content_of(form, [TITLE, ["a", "b"]]))
    with pytest.raises(RefusedError, match="none of the first 30 rows"):
        read(entity, content_of(form, [*[["title"]] * 30, HEADER, *GOOD]))


def test_declared_header_row_counts_titles_with_line_breaks_once(tmp_path: Path) -> None:
    entity = made(tmp_path, header_row=3)
    text = '"two\nlines",x\r\n"a title, and ""more"""\r\n' + csv_text(GOOD)
    assert numbers(entity, text) == [4, 5, 6]


def test_header_of_two_rows_with_merged_cells(tmp_path: Path) -> None:
    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream)
    sheet = workbook.add_worksheet("工单")
    plain = workbook.add_format()
    sheet.merge_range("A1:G1", "工单月报", plain)
    sheet.merge_range("A2:A3", "工单号", plain)
    sheet.merge_range("B2:C2", "时间", plain)
    sheet.write_row("B3", ["报单", "完成"])
    sheet.write_row("D2", ["状态", "小区"])  # not merged: the name stands in the upper row alone
    sheet.merge_range("F2:G2", "类别", plain)
    sheet.write_row("F3", ["编号", "备注"])
    sheet.write_row("A4", GOOD[0])
    workbook.close()
    fields = {
        "source_ticket_id": "工单号", "opened_at": {"column": "时间 报单", "format": "%d/%m/%Y %H:%M"},
        "closed_at": {"column": "时间 完成", "format": "%d/%m/%Y %H:%M"}, "status": "状态", "project_id": "小区",
        "service_item_id": "类别 编号", "closure_note": "类别 备注",
    }  # fmt: skip
    for row in (2, "find"):
        entity = made(tmp_path / str(row), format="xlsx", header_row=row, header_rows=2, fields=fields)
        reading, found = read(entity, stream.getvalue())
        assert reading.header == [
            "工单号", "时间 报单", "时间 完成", "状态", "小区", "类别 编号", "类别 备注",
        ]  # fmt: skip
        assert found == [GOOD[0]]
        assert numbers(entity, stream.getvalue()) == [4]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["id", "time", "", "state"], ["", "in", "out", ""]], ["id", "time in", "time out", "state"]),
        ([["id", "", "time", ""], ["no", "", "in", "out"]], ["id no", "", "time in", "time out"]),
        ([["a", "", "", ""], ["b", "", "c", ""], ["1", "2", "3", "4"]], ["a b 1", "a b 2", "a c 3", "a c 4"]),
        ([["a", "", "d", ""], ["b", "", "", ""], ["1", "2", "3", "4"]], ["a b 1", "a b 2", "d 3", "d 4"]),
        ([["id", "id"], ["id", "x"]], ["id", "id x"]),
        ([["a"], ["", "b"]], ["a", "a b"]),
    ],
)
def test_upper_names_reach_over_the_empty_cells_to_their_right(
    rows: list[list[str]], expected: list[str]
) -> None:
    assert header.names(rows, 0, len(rows)) == expected


def test_merged_title_above_the_header_names_no_column() -> None:
    rows = [["title", ""], ["id", "time"], ["", "in"]]
    merged = [((0, 0), (1, 1)), ((1, 0), (2, 0))]
    assert header.names(rows, 1, 2, merged) == ["id", "time in"]


# --- the end of a table --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row", [["合计", "", "3"], ["合 计：3"], ["", "合计 ", "3 条"], ["Total", "3"], ["ＴＯＴＡＬ (3)"]]
)
def test_rows_of_totals_are_told_and_no_data(tmp_path: Path, form: str, row: list[str]) -> None:
    entity = made(tmp_path, format=form, totals=["合计*", "total*"])
    reading, found = read(entity, content_of(form, [HEADER, *GOOD[:2], row, GOOD[2], row]))
    assert [cells[0] for cells in found] == ["000001", "000002", "000003"]
    assert reading.notices == ["2 rows (4, 6) of totals: not data"]


def test_total_is_matched_as_a_whole_cell_unless_it_says_otherwise(tmp_path: Path) -> None:
    entity = made(tmp_path, totals="合计")
    rows = [["合计-0001", *GOOD[0][1:]], ["合计", "1"]]
    assert [cells[0] for cells in read(entity, csv_text(rows))[1]] == ["合计-0001"]


@pytest.mark.parametrize(
    "row", [["共3条"], ["共 3 条，第1页"], ["合计", "3"], ["合计", "", "0,003"], ["合计：３"]]
)
def test_stated_number_of_rows_is_checked(tmp_path: Path, form: str, row: list[str]) -> None:
    entity = made(tmp_path, format=form, totals=["共{rows}条*", "合计{rows}", "合计：{rows}"])
    assert len(read(entity, content_of(form, [HEADER, *GOOD, row]))[1]) == 3
    with pytest.raises(RefusedError, match=r"row 4 says 3 rows and there are 2. Is the file cut off"):
        read(entity, content_of(form, [HEADER, *GOOD[:2], row]))


def test_last_rows_are_skipped_as_declared(tmp_path: Path, form: str) -> None:
    entity = made(tmp_path, format=form, skip_last_rows=2)
    footer = [["制表人：", "", "张"], ["制表日期", "2015年3月1日"]]
    reading, found = read(entity, content_of(form, [HEADER, *GOOD, *footer]))
    assert len(found) == 3
    assert reading.notices == ["2 rows (5, 6) at the end: skipped as declared"]


def test_last_row_that_reads_like_data_is_not_skipped_in_silence(tmp_path: Path, form: str) -> None:
    entity = made(tmp_path, format=form, skip_last_rows=1)
    with pytest.raises(RefusedError, match=r"row 4 is one of the last 1.*it has a date"):
        read(entity, content_of(form, [HEADER, *GOOD]))


def test_footer_of_a_long_file_is_found_behind_many_pages(tmp_path: Path) -> None:
    entity = made(tmp_path, totals="合计 {rows}", skip_last_rows=1)
    rows = [ticket(number, number % 28 + 1, 'a "note", long') for number in range(9_000)]
    reading, found = read(entity, csv_text([*rows, ["合计", "9000"], ["制表人"]]))
    assert found == rows
    assert len(reading.notices) == 2


# --- forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"format": "tsv"}, {"files": "{month:%Y-%m}.tsv"}, {"delimiter": "\t"}])
def test_tsv_is_separated_by_tabs(tmp_path: Path, how: dict[str, str]) -> None:
    text = csv_text([ticket(1, 1, "a, b")]).replace('"a, b"', "a; b").replace(",", "\t").replace("; b", ", b")
    _, found = read(made(tmp_path, **how), text)
    assert found == [ticket(1, 1, "a, b")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_headers_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    fields = {**site_content()["entities"]["ticket"]["fields"], "closure_note": "备注（客服）"}
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    entity = made(tmp_path, encoding=declared, fields=fields)
    text = csv_text([ticket(1, 1, "漏水,㐀")], [*HEADER[:-1], "备注（客服）"])
    reading, found = read(entity, text.encode(encoding))
    assert reading.header[-1] == "备注(客服)"
    assert found == [ticket(1, 1, "漏水,㐀")]


def test_text_of_numbers_is_left_as_delivered(tmp_path: Path, form: str) -> None:
    entity = made(tmp_path, format=form)
    row = ticket("００１", 1, "1,234.50")
    assert read(entity, content_of(form, [HEADER, row]))[1] == [row]


def test_excel_serial_numbers_are_dates_where_they_are_declared(tmp_path: Path) -> None:
    fields = site_content()["entities"]["ticket"]["fields"]
    fields["opened_at"] = {"column": "Opened At", "format": "excel_serial"}
    entity = made(tmp_path, format="xlsx", fields=fields)
    cells = [42036.35416667, datetime(2015, 2, 1, 8, 30), "42036.5", 42037]
    rows = [[f"{number:06}", cell, *ticket(1)[2:]] for number, cell in enumerate(cells)]
    reading = files.read(entity, "2015-02.xlsx", io.BytesIO(as_xlsx([HEADER, *rows])))
    (page,) = reading.pages
    event = entity.event_format()
    assert event is not None
    days = [str(event.day(value, _zone())) for value in page.event_values]
    assert days == ["2015-02-01"] * 3 + ["2015-02-02"]
    assert page.event_values == ["42036.35416667", "42036.354166666667", "42036.5", "42037"]


def _zone() -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo("UTC")


def test_workbook_that_counts_from_1904_is_not_misread(tmp_path: Path) -> None:
    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream, {"date_1904": True})
    sheet = workbook.add_worksheet()
    sheet.write_row(0, 0, HEADER)
    sheet.write_row(1, 0, GOOD[0])
    sheet.write_datetime(1, 1, datetime(2015, 2, 1, 8, 30), workbook.add_format({"num_format": "yyyy-mm-dd"}))
    workbook.close()
    assert read(made(tmp_path / "a", format="xlsx"), stream.getvalue())[1][0][1] == "01/02/2015 08:30"
    fields = site_content()["entities"]["ticket"]["fields"]
    fields["opened_at"] = {"column": "Opened At", "format": "excel_serial"}
    with pytest.raises(RefusedError, match="counts days from 1904"):
        read(made(tmp_path / "b", format="xlsx", fields=fields), stream.getvalue())


# --- archives ------------------------------------------------------------------------------------


def packed(*members: tuple[str | zipfile.ZipInfo, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def in_gb18030(content: bytes, name: str) -> bytes:
    """The archive as a Chinese Windows writes it: names in its own code page, without a flag."""
    placeholder = b"?" * len(name.encode("gb18030"))
    assert placeholder in content
    return content.replace(placeholder, name.encode("gb18030"))


@pytest.mark.parametrize(
    ("member", "body"),
    [
        ("*.csv", csv_text(GOOD)),
        ("*.tsv", csv_text(GOOD).replace(",", "\t")),
        ("*.csv.gz", gzip.compress(csv_text(GOOD).encode())),
        ("*.xlsx", as_xlsx([HEADER, *GOOD])),
    ],
)
def test_every_form_is_read_from_an_archive(tmp_path: Path, member: str, body: bytes | str) -> None:
    entity = made(tmp_path, files="{month:%Y-%m}.zip", member=member)
    content = packed(("说明.txt", "x"), ("__MACOSX/._x.csv", "x"), ("导出/工单" + member[1:], body))
    assert read(entity, content, "2015-02.zip")[1] == GOOD


def test_only_member_needs_no_pattern(tmp_path: Path) -> None:
    entity = made(tmp_path, files="{month:%Y-%m}.*")
    assert read(entity, packed(("a/", ""), ("a/工单.csv", csv_text(GOOD))), "2015-02.zip")[1] == GOOD
    assert read(entity, csv_text(GOOD))[1] == GOOD
    with pytest.raises(RefusedError, match=r"2015-02.csv is a zip or xlsx file"):
        read(entity, packed(("a.csv", csv_text(GOOD))))


def test_chinese_member_names_without_the_flag_for_utf8(tmp_path: Path) -> None:
    name = "二月工单.csv"
    content = packed(("?" * len(name.encode("gb18030")), csv_text(GOOD)), ("其他.csv", "x"))
    entity = made(tmp_path, files="{month:%Y-%m}.zip", member="*工单.csv")
    assert read(entity, in_gb18030(content, name), "2015-02.zip")[1] == GOOD


def test_none_or_several_members_are_told_by_name(tmp_path: Path) -> None:
    entity = made(tmp_path, files="{month:%Y-%m}.zip", member="*.csv")
    with pytest.raises(RefusedError, match=r"holds no member '\*.csv'; it holds 工单.txt"):
        read(entity, packed(("工单.txt", "x")), "2015-02.zip")
    with pytest.raises(RefusedError, match=r"holds 2 members .*a.csv, b.csv.*members: all"):
        read(entity, packed(("b.csv", csv_text(GOOD)), ("a.csv", csv_text(GOOD))), "2015-02.zip")


def test_all_members_are_one_table_with_numbers_that_run_on(tmp_path: Path) -> None:
    entity = made(tmp_path, files="{month:%Y-%m}.zip", member="*.csv", members="all")
    bad = [*ticket(4, 1), "more"]
    content = packed(("02.csv", csv_text([GOOD[2], bad])), ("01.csv", csv_text(GOOD[:2])))
    reading = files.read(entity, "2015-02.zip", io.BytesIO(content))
    pages = list(reading.pages)
    assert [number for page in pages for number in page.numbers] == [2, 3, 5, 6]
    assert [row.split("\x1f")[0] for page in pages for row in page.rows] == [
        "000001", "000002", "000003", "000004",
    ]  # fmt: skip
    assert [detail for page in pages for _, detail in page.problems.values()] == [
        "02.csv: row 3 has 8 cells, the header has 7"
    ]
    assert reading.notices == ["members: 01.csv up to row 3, 02.csv up to row 6"]
    other = packed(("01.csv", csv_text(GOOD)), ("02.csv", csv_text([[*GOOD[0], "x"]], [*HEADER, "Mood"])))
    with pytest.raises(RefusedError, match=r"2015-02.zip: 02.csv has other columns than 01.csv"):
        read(entity, other, "2015-02.zip")


# --- declarations --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"totals": "*"}, "totals: '\\*' would match rows of data"),
        ({"totals": ["合计", "{rows} rows"]}, "would match rows of data"),
        ({"totals": "合计{rows}{rows}"}, "write {rows} once"),
        ({"skip_last_rows": 0}, "skip_last_rows: 0 must be at least 1"),
        ({"header_row": "look"}, "header_row: 'look' must be a whole number or 'find'"),
        ({"members": "all"}, "members: is for zip archives"),
        ({"delimiter": "\n"}, "delimiter: '\\\\n' cannot be told from text"),
        ({"delimiter": '"'}, "delimiter: is the quotation mark"),
        ({"manifest": "{day:%d}.csv"}, "manifest: .* a day is written as"),
        ({"folder": {"remote": "/etc"}}, "folder.remote: '/etc' leaves its base folder"),
        ({"format": "ods"}, "format: 'ods' is not known. Use one of csv"),
    ],
)
def test_mistakes_in_the_site_file_say_what_to_write(
    tmp_path: Path, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(SiteError, match=why):
        made(tmp_path, **options)


def test_every_key_that_decides_how_bytes_are_read_is_part_of_the_reading(tmp_path: Path) -> None:
    keys = {
        "header_row": 2, "header_rows": 2, "totals": "合计", "skip_last_rows": 1, "member": "*.csv",
        "delimiter": ";", "quote": "'", "encoding": "gb18030", "format": "tsv", "sheet": "s",
        "max_cells": 5, "max_uncompressed_bytes": 5,
    }  # fmt: skip
    plain = made(tmp_path / "plain").options.reading_key()
    for key, value in keys.items():
        assert made(tmp_path / key, **{key: value}).options.reading_key() != plain, key
