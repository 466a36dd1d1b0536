"""Files of every form: cells as text, rows counted as a person counts, nothing inferred."""

from __future__ import annotations

import io
import zlib
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery import HEADER, csv_text, site_content, ticket, write_site, xlsx_bytes

from yardstick.sources import files, parts, unpack, workbook
from yardstick.sources.dates import ISO
from yardstick.sources.delivery import RECORD, UNIT, Page, Reading, Rows
from yardstick.sources.fold import fold
from yardstick.sources.site import Entity
from yardstick.sources.site_file import load_sites


def test_folding_joins_what_people_do_not_tell_apart() -> None:
    assert fold("  Opened　 At\n") == "opened at" == fold("ＯＰＥＮＥＤ AT")
    assert fold("工单 编号") != fold("工单编号")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("00123", "00123"),
        (123.0, "123"),
        (1.5, "1.5"),
        (-0.0, "0"),
        (1e300, "1e+300"),
        (True, "true"),
        (date(2026, 7, 1), "2026-07-01"),
        (datetime(2026, 7, 1, 8, 30), "2026-07-01 08:30:00"),
        (time(8, 30), "08:30:00"),
        (timedelta(hours=30, minutes=5), "30:05:00"),
        ("", ""),
    ],
)
def test_workbook_cell_as_text(cell: object, shown: str) -> None:
    assert workbook.show_cell(cell, ISO) == shown


def test_date_cell_is_shown_as_its_field_declares() -> None:
    assert workbook.show_cell(datetime(2026, 7, 1, 8, 30), "%d/%m/%Y %H:%M") == "01/07/2026 08:30"
    assert workbook.show_cell(date(2026, 7, 1), "%d/%m/%Y %H:%M") == "01/07/2026 00:00"


@pytest.fixture
def entity(tmp_path: Path) -> Entity:
    return load_sites(write_site(tmp_path))[0].entities["ticket"]


def numbers(reading: Reading) -> list[int]:
    return [number for page in reading.pages for number in page.numbers]


def test_rows_are_counted_as_a_person_counts(entity: Entity) -> None:
    text = (
        csv_text([ticket(1, note="two\nlines"), ticket(2)])
        + "\r\n"
        + csv_text([ticket(3)]).split("\r\n", 1)[1]
    )
    assert numbers(files.read(entity, "x.csv", io.BytesIO(text.encode()))) == [2, 3, 5]


def test_workbook_rows_keep_their_sheet_number(tmp_path: Path) -> None:
    content = site_content(files="{month:%Y-%m}.xlsx", header_row=3)
    entity = load_sites(write_site(tmp_path, content))[0].entities["ticket"]
    book = xlsx_bytes({"s": [["Report"], [], HEADER, ticket(1), [], ticket(2)]})
    reading = files.read(entity, "x.xlsx", io.BytesIO(book))
    assert numbers(reading) == [4, 6]
    assert reading.header == [fold(name) for name in HEADER]


def test_trailing_separators_of_every_row_are_no_cells(entity: Entity) -> None:
    text = csv_text([[*ticket(1), ""], [*ticket(2), "x"]], [*HEADER, ""])
    reading = files.read(entity, "x.csv", io.BytesIO(text.encode()))
    assert len(reading.header) == len(HEADER)
    (page,) = reading.pages
    assert {index: rule for index, (rule, _) in page.problems.items()} == {1: "extra_cells"}


@pytest.mark.parametrize("size", [1, 1000, 70_000, 3_000_000])
def test_gunzip_gives_back_what_was_packed_in_bounded_pieces(size: int) -> None:
    content = bytes(number % 251 for number in range(1000)) * (size // 1000 + 1)
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(content) + packer.flush()
    pieces = list(unpack.gunzip(unpack.plain(io.BytesIO(packed + packed)), "x.gz"))
    assert b"".join(pieces) == content * 2
    assert max(map(len, pieces)) <= unpack.CHUNK


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1e\x1f")),
            min_size=7,
            max_size=7,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_text_survives_the_copy_form(rows: list[list[str]]) -> None:
    page = Rows(7, 1).page(range(len(rows)), rows)
    assert not page.problems
    assert page.event_values == [row[1] for row in rows]
    packed = [row.decode() for row in page.packed()]
    assert not set("\n\r\t") & set("".join(packed))
    assert [_unescape(row).split(UNIT) for row in packed] == rows
    assert Page(page.numbers, None, [], packed=page.packed()).rows == page.rows


def _unescape(text: str) -> str:
    """Undo COPY text form."""
    plain, position, escapes = "", 0, {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
    while position < len(text):
        if text[position] == "\\":
            position += 1
            plain += escapes[text[position]]
        else:
            plain += text[position]
        position += 1
    return plain


@pytest.mark.parametrize("cell", ["a\0b", "a\x1fb", "a\x1eb", "a\udcffb"])
def test_text_that_cannot_be_kept_costs_its_row_and_is_shown(cell: str) -> None:
    page = Rows(2, None).page([2, 3, 4], [["x", "1"], [cell, "2"], ["y", "3"]])
    assert list(page.problems) == [1]
    assert [len(row.split(UNIT)) for row in page.rows] == [2, 2, 2]
    RECORD.join(page.rows).encode()


@given(st.integers(1, 40))
def test_workbook_scan_sees_the_same_in_pieces_of_any_size(size: int) -> None:
    strings = b"<sst><si><t>ab</t></si><si><t>cdef</t></si></sst>"
    sheet = (
        b'<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
        b'<row r="7"><c r="AB7" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="C7" t="s"><v>1</v></c></row>'
        b"</sheetData>"
    )
    whole, pieces = parts.PartScan(), parts.PartScan()
    for part in (strings, sheet):
        whole.feed(part)
        for start in range(0, len(part), size):
            pieces.feed(part[start : start + size])
    assert whole.lengths == pieces.lengths == [len(b"<sst><si><t>ab</t>"), len(b"<si><t>cdef</t>")]
    assert whole.shared == pieces.shared == {b"0": 1, b"1": 2}
    for scan in (whole, pieces):
        assert (scan.last_row, scan.last_column, scan.errors) == (7, 28, {7: ("AB", parts.ERROR)})
