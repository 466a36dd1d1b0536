"""Bad input at the front door: each fault costs its row or its file, never another's, and says why."""

from __future__ import annotations

import gzip
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter
from tests.delivery import HEADER, Inbox, csv_text, make_inbox, site_content, ticket, xlsx_bytes

from yardstick import warehouse
from yardstick.landing import land
from yardstick.settings import Settings
from yardstick.sources import files
from yardstick.sources.delivery import Due

GOOD = [ticket(1, 1), ticket(2, 1), ticket(3, 28)]


@pytest.fixture
def inbox(settings: Settings, tmp_path: Path) -> Inbox:
    return make_inbox(settings, tmp_path, site_content(files="{month:%Y-%m}.csv*"))


def refused(inbox: Inbox, name: str, content: str | bytes) -> str:
    """Drop a bad file beside a good one; the bad one is refused whole, the good one lands. The reason."""
    inbox.put("2015-01.csv", csv_text([ticket(7, 5, month=1)]))
    inbox.put(name, content)
    landed = inbox.land()
    assert landed["2015-01.csv"].status == "landed"
    assert landed[name].status == "refused"
    assert len(inbox.raw()) == 1
    rows = inbox.query("select status, reason from ops.arrival where file_name = %s", [name])
    assert rows == [("refused", landed[name].reason)]
    reason = landed[name].reason
    assert reason
    assert name in reason
    return reason


# --- whole files -------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_truncated_gz_is_refused_whole(inbox: Inbox, kept: float) -> None:
    packed = gzip.compress(
        csv_text([ticket(number, 3, note=os.urandom(20).hex()) for number in range(500)]).encode()
    )
    assert "cut off" in refused(inbox, "2015-02.csv.gz", packed[: int(len(packed) * kept)])


def test_damaged_gz_is_refused_whole(inbox: Inbox) -> None:
    packed = bytearray(gzip.compress(csv_text(GOOD).encode()))
    packed[-6] ^= 0xFF
    assert "damaged" in refused(inbox, "2015-02.csv.gz", bytes(packed))


def test_whole_gz_lands_after_a_truncated_one(inbox: Inbox) -> None:
    packed = gzip.compress(csv_text(GOOD).encode())
    refused(inbox, "2015-02.csv.gz", packed[:-9])
    inbox.put("2015-02.csv.gz", packed)
    assert inbox.land()["2015-02.csv.gz"].rows_landed == 3
    assert len(inbox.raw()) == 4


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        ("utf-8", csv_text([ticket(n, 1, "卫生间漏水") for n in range(9)]).encode("gb18030")),
        ("utf-8", csv_text(GOOD, [*HEADER[:-1], "备注"]).encode("gb18030")),
        ("utf-8", csv_text(GOOD).encode("utf-16")),
        ("gb18030", csv_text([ticket(n, 1, "漏水维修") for n in range(9)]).encode()),
        ("gb18030", csv_text(GOOD).encode("utf-8-sig")),
    ],
)
def test_another_encoding_than_declared_is_refused(
    settings: Settings, tmp_path: Path, declared: str, content: bytes
) -> None:
    inbox = make_inbox(settings, tmp_path, site_content(encoding=declared))
    assert f"is not {declared}" in refused(inbox, "2015-02.csv", content)


def test_declared_encoding_is_read_exactly(settings: Settings, tmp_path: Path) -> None:
    inbox = make_inbox(settings, tmp_path, site_content(encoding="gb18030"))
    inbox.put("2015-02.csv", csv_text([ticket(1, 1, "漏水,㐀𠀀")]).encode("gb18030"))
    inbox.land()
    assert inbox.raw()[0][1][6] == "漏水,㐀𠀀"


def test_missing_column_is_named_with_its_likely_new_name(inbox: Inbox) -> None:
    header = ["Ticket No", "Opened", *HEADER[2:]]
    reason = refused(inbox, "2015-02.csv", csv_text(GOOD, header))
    assert "row 1" in reason
    assert "'Opened At' (for opened_at) is missing" in reason
    assert "'opened', renamed?" in reason


def test_file_without_header_is_refused(inbox: Inbox) -> None:
    assert "header row missing" in refused(inbox, "2015-02.csv", csv_text(GOOD).split("\r\n", 1)[1])


def test_doubled_column_is_refused(inbox: Inbox) -> None:
    content = csv_text([[*row, "x"] for row in GOOD], [*HEADER, " state "])
    assert "'State' stands 2 times" in refused(inbox, "2015-02.csv", content)


@pytest.mark.parametrize("content", ["", csv_text([]), csv_text([]) + "\r\n\r\n"])
def test_empty_file_is_no_delivery(inbox: Inbox, content: str) -> None:
    refused(inbox, "2015-02.csv", content)


def test_quotation_that_never_closes_is_refused(inbox: Inbox) -> None:
    content = csv_text(GOOD) + '000009,01/02/2015 08:30,,Open,p1,i1,"cut off he'
    assert "row 5 opens a quotation mark" in refused(inbox, "2015-02.csv", content)


@pytest.mark.parametrize(
    ("line_end", "why"), [(b"", "a line of more than 16,777,216 bytes"), (b"\r\n", "no honest table")]
)
def test_gz_bomb_is_refused_in_bounded_memory(inbox: Inbox, line_end: bytes, why: str) -> None:
    packed = io.BytesIO()
    row = ",".join(ticket(4)).encode()
    with gzip.GzipFile(fileobj=packed, mode="wb") as stream:
        stream.write(csv_text(GOOD).encode())
        for _ in range(600):
            stream.write(row + b"0" * (1 << 18) + line_end)
    tracemalloc.start()
    reason = refused(inbox, "2015-02.csv.gz", packed.getvalue())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert why in reason
    assert peak < 60 << 20


def test_declared_maximum_holds_for_plain_and_packed_files(settings: Settings, tmp_path: Path) -> None:
    content = csv_text(GOOD)
    inbox = make_inbox(
        settings, tmp_path, site_content(files="{month:%Y-%m}.csv*", max_uncompressed_bytes=len(content) - 1)
    )
    assert "unpacks to more than" in refused(inbox, "2015-02.csv", content)
    inbox.put("2015-03.csv.gz", gzip.compress(csv_text(GOOD).encode()))
    assert inbox.land()["2015-03.csv.gz"].status == "refused"


# --- names -------------------------------------------------------------------------------------


def test_symbolic_link_is_refused(inbox: Inbox, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text(csv_text(GOOD), encoding="utf-8")
    (inbox.folder / "2015-02.csv").symlink_to(outside)
    landed = inbox.land()["2015-02.csv"]
    assert landed.status == "refused"
    assert "symbolic link" in (landed.reason or "")
    assert inbox.raw() == []


def test_name_that_leaves_the_folder_is_refused(inbox: Inbox, tmp_path: Path) -> None:
    outside = inbox.settings.data / "2015-02.csv"
    outside.write_text(csv_text(GOOD), encoding="utf-8")
    due = Due(date(2015, 2, 1), date(2015, 2, 28), "../2015-02.csv")
    landed = land(inbox.settings, inbox.site, inbox.site.entities["ticket"], due)
    assert landed.status == "refused"
    assert inbox.raw() == []


def test_pipe_does_not_block_the_run(inbox: Inbox) -> None:
    os.mkfifo(inbox.folder / "2015-02.csv")
    assert inbox.land()["2015-02.csv"].status == "refused"


def test_sql_in_a_name_is_a_strange_name(settings: Settings, tmp_path: Path) -> None:
    name = "2015-02'; drop table raw.ticket; --.csv"
    inbox = make_inbox(settings, tmp_path, site_content(files="{month:%Y-%m}*.csv"))
    inbox.put(name, csv_text(GOOD))
    assert inbox.land()[name].status == "landed"
    assert inbox.query("select distinct file_name from ops.delivery") == [(name,)]
    assert len(inbox.raw()) == 3


def test_name_that_is_no_text_is_refused_and_stops_no_other(settings: Settings, tmp_path: Path) -> None:
    inbox = make_inbox(settings, tmp_path, site_content(files="*.csv"))
    (inbox.folder / os.fsdecode("工单.csv".encode("gb18030"))).write_text(csv_text(GOOD), encoding="utf-8")
    inbox.put("工单.csv", csv_text(GOOD))
    landed = inbox.land()
    assert landed["工单.csv"].status == "landed"
    (refusal,) = (found for name, found in landed.items() if name != "工单.csv")
    assert (refusal.status, refusal.reason) == (
        "refused", r"The name of \udcb9\udca4\udcb5\udca5.csv is not UTF-8. Rename it.",
    )  # fmt: skip


# --- rows --------------------------------------------------------------------------------------


def test_structural_faults_cost_their_row_only(inbox: Inbox) -> None:
    lines = csv_text(GOOD).split("\r\n")
    lines[1:1] = [
        "000010,01/02/2015 08:30,,Open,p1,i1,leak, again",
        "000011,01/02/2015 08:30,,Open",
        "000012,01/02/2015 08:30,,Open,p1,i1,a\x00b",
        '000013,01/02/2015 08:30,,Open,p1,i1,"quoted" badly',
    ]
    inbox.put("2015-02.csv", "\r\n".join(lines))
    assert inbox.land()["2015-02.csv"].rows_landed == 7
    rows = {number: (cells, rule) for number, cells, rule in inbox.raw()}
    assert [rows[number][1] for number in range(2, 9)] == [
        "extra_cells", "missing_cells", "nul_byte", "bad_quoting", None, None, None,
    ]  # fmt: skip
    assert rows[2][0][-2:] == ["leak", " again"]
    assert rows[3][0] == ["000011", "01/02/2015 08:30", "", "Open"]
    assert rows[4][0][-1] == "a␀b"
    assert rows[5][0] == [lines[4]]
    details = inbox.query("select problem_detail from raw.ticket where problem_rule = 'extra_cells'")
    assert details == [("row 2 has 8 cells, the header has 7",)]


def test_undecodable_bytes_cost_their_row_and_are_shown(inbox: Inbox) -> None:
    content = csv_text([ticket(n, 1, "ok") for n in range(200)]).encode().replace(b"000003", b"00\xff\xfe03")
    inbox.put("2015-02.csv", content)
    assert inbox.land()["2015-02.csv"].rows_landed == 200
    bad = [row for row in inbox.raw() if row[2]]
    assert [(number, rule) for number, _, rule in bad] == [(5, "undecodable")]
    assert bad[0][1][0] == r"00\xff\xfe03"


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16-le"])
def test_undecodable_bytes_in_other_encodings(settings: Settings, tmp_path: Path, encoding: str) -> None:
    inbox = make_inbox(settings, tmp_path, site_content(encoding=encoding))
    content = csv_text([ticket(n, 1, "漏水") for n in range(200)]).encode(encoding)
    bad = b"\xff" if encoding == "gb18030" else b"\x00\xdc"
    inbox.put("2015-02.csv", content.replace("000003".encode(encoding), bad + "00003".encode(encoding)))
    assert inbox.land()["2015-02.csv"].rows_landed == 200
    assert [(number, rule) for number, _, rule in inbox.raw() if rule] == [(5, "undecodable")]


def test_unreadable_date_lands_with_the_delivery_day(inbox: Inbox) -> None:
    rows = [
        ticket(1, 3),
        ticket(2, opened="31/02/2015 10:00"),
        ticket(3, opened=""),
        ticket(4, opened="2015-02-03"),
    ]
    inbox.put("2015-02.csv", csv_text(rows))
    inbox.land()
    found = inbox.query(
        "select partition_date, split_part(cells, chr(31), 1) "
        "from raw.ticket join ops.delivery using (delivery_id) order by 1, 2"
    )
    last = date(2015, 2, 28)
    assert found == [(date(2015, 2, 3), "000001"), *((last, f"00000{n}") for n in (2, 3, 4))]


def test_only_the_declared_reading_of_an_ambiguous_date_counts(inbox: Inbox) -> None:
    inbox.put("2015-04.csv", csv_text([ticket(1, opened="03/04/2015 00:10")]))
    assert inbox.land()["2015-04.csv"].rows_landed == 1
    assert inbox.query("select partition_date from ops.delivery where rows_landed = 1") == [
        (date(2015, 4, 3),)
    ]


def test_date_outside_the_files_days_lands_with_the_delivery_day(inbox: Inbox) -> None:
    inbox.put("2015-02.csv", csv_text([ticket(1, 9, month=1)]))
    inbox.land()
    assert inbox.query("select partition_date from ops.delivery where rows_landed = 1") == [
        (date(2015, 2, 28),)
    ]


def test_same_id_twice_is_landed_twice(inbox: Inbox) -> None:
    inbox.put("2015-02.csv", csv_text([ticket(1, 1, "a"), ticket(1, 1, "b"), ticket(1, 1, "b")]))
    inbox.land()
    assert [(number, cells[6]) for number, cells, _ in inbox.raw()] == [(2, "a"), (3, "b"), (4, "b")]


@pytest.mark.parametrize(
    "value",
    ["NA", "null", "None", "NaN", "007", "123456789012345678", "1e5", "1.10", "TRUE", " padded ", "\\N",
     "{a,\"b\"}",
     "line\nbreak", "tab\there", "=cmd|' /C calc'!A0", "\u2028", "'); drop table x; --"],
)  # fmt: skip
def test_cells_are_kept_exactly(inbox: Inbox, value: str) -> None:
    inbox.put("2015-02.csv", csv_text([ticket(1), ticket(value, 1, value), ticket(2)]))
    inbox.land()
    rows = inbox.raw()
    assert len(rows) == 3
    assert rows[1][1][0] == value
    assert rows[1][1][6] == value
    assert rows[1][2] is None


def test_header_spacing_case_and_order_are_matched(inbox: Inbox) -> None:
    header = [" ticket  no", "OPENED\u3000AT", "closed at ", "state", "project", "ITEM", "Ｎote"]
    inbox.put("2015-02.csv", "\ufeff" + csv_text([row[::-1] for row in GOOD], header[::-1]))
    assert inbox.land()["2015-02.csv"].status == "landed"
    assert inbox.query("select header from ops.arrival") == [([name.lower() for name in reversed(HEADER)],)]
    assert [cells[-1] for _, cells, _ in inbox.raw()] == ["000001", "000002", "000003"]


def test_new_column_is_kept_and_told_once(inbox: Inbox) -> None:
    inbox.put("2015-01.csv", csv_text([ticket(9, month=1)]))
    inbox.put("2015-02.csv", csv_text([[*row, "extra"] for row in GOOD], [*HEADER, "Mood"]))
    landed = inbox.land()
    assert landed["2015-01.csv"].reason is None
    assert landed["2015-02.csv"].status == "landed"
    assert "new column 'mood'" in (landed["2015-02.csv"].reason or "")
    assert [cells[7] for _, cells, _ in inbox.raw() if len(cells) == 8] == ["extra"] * 3


# --- again, corrected, twice at once -----------------------------------------------------------


def test_redelivered_file_changes_nothing(inbox: Inbox) -> None:
    inbox.put("2015-02.csv", csv_text(GOOD))
    inbox.land()
    _, deliveries, rows = inbox.counts()
    assert deliveries == 28
    again = inbox.land()["2015-02.csv"]
    assert (again.status, again.days, again.rows_read) == ("unchanged", (), 3)
    assert inbox.counts()[1:] == (deliveries, rows)


def test_same_bytes_under_a_new_name_are_nothing_new(inbox: Inbox) -> None:
    inbox.put("2015-02.csv", csv_text(GOOD))
    inbox.land()
    before = inbox.counts()[1:]
    inbox.put("2015-02.csv.gz", gzip.compress(csv_text(GOOD).encode()))
    assert inbox.land()["2015-02.csv.gz"].status == "unchanged"
    assert inbox.counts()[1:] == before


def test_corrected_file_lands_exactly_its_changed_days(inbox: Inbox) -> None:
    inbox.put("2015-02.csv", csv_text(GOOD))
    inbox.land()
    corrected = [ticket(1, 1), ticket(2, 1, "corrected"), ticket(3, 28), ticket(4, 9)]
    inbox.put("2015-02.csv", csv_text(corrected))
    landed = inbox.land()["2015-02.csv"]
    assert landed.days == (date(2015, 2, 1), date(2015, 2, 9))
    assert landed.rows_landed == 3
    revisions = inbox.query("select partition_date, revision from ops.delivery where revision > 1 order by 1")
    assert revisions == [(date(2015, 2, 1), 2), (date(2015, 2, 9), 2)]
    assert len(inbox.raw()) == 3 + 3


def test_there_and_back_again_is_a_third_revision(inbox: Inbox) -> None:
    first, second = csv_text(GOOD), csv_text([*GOOD[:2], ticket(3, 28, "changed")])
    for content in (first, second, first, first):
        inbox.put("2015-02.csv", content)
        inbox.land()
    assert inbox.query("select max(revision) from ops.delivery") == [(3,)]
    assert [cells[6] for _, cells, _ in inbox.raw() if cells[0] == "000003"] == ["", "changed", ""]


def test_original_bytes_are_kept_under_their_hash(inbox: Inbox) -> None:
    content = csv_text(GOOD).encode()
    inbox.put("2015-02.csv", content)
    inbox.land()
    (sha256,) = inbox.query("select file_sha256 from ops.arrival")[0]
    assert (inbox.settings.store / sha256[:2] / sha256).read_bytes() == content


def test_file_still_being_written_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    inbox = make_inbox(settings, tmp_path, site_content(settle_seconds=60))
    path = inbox.put("2015-02.csv", csv_text(GOOD))
    entity, now = inbox.site.entities["ticket"], time.time()
    assert files.due(inbox.site, entity, settings, now=now) == []
    os.utime(path, (now - 61, now - 61))
    assert [file.name for file in files.due(inbox.site, entity, settings, now=now)] == ["2015-02.csv"]


@pytest.mark.parametrize(
    "name", ["2015-02.csv.part", "2015-02.csv.tmp", "2015-02.csv.filepart", "2015-02.csv~"]
)
def test_name_of_a_file_still_being_written_is_left_alone(inbox: Inbox, name: str) -> None:
    inbox.put(name, csv_text(GOOD))
    assert inbox.land() == {}
    (inbox.folder / name).rename(inbox.folder / "2015-02.csv")
    assert inbox.land()["2015-02.csv"].rows_landed == 3


def test_file_that_changes_while_it_is_read_waits(inbox: Inbox) -> None:
    path = inbox.put("2015-02.csv", csv_text([ticket(n, 1) for n in range(20_000)]))
    done = threading.Event()

    def write() -> None:
        with path.open("a", encoding="utf-8") as stream:
            while not done.is_set():
                stream.write(",".join(ticket(99, 1)) + "\r\n")
                stream.flush()
                done.wait(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        landed = inbox.land()["2015-02.csv"]
    finally:
        done.set()
        writer.join()
    assert landed.status == "waiting"
    assert inbox.counts() == (0, 0, 0)
    assert inbox.land()["2015-02.csv"].status == "landed"


def test_poison_file_stops_nothing_else(inbox: Inbox) -> None:
    for month in (1, 2, 4):
        inbox.put(f"2015-{month:02}.csv", csv_text([ticket(month, 1, month=month)]))
    inbox.put("2015-03.csv", os.urandom(5000))
    landed = inbox.land()
    assert [landed[f"2015-{month:02}.csv"].status for month in (1, 2, 3, 4)] == [
        "landed", "landed", "refused", "landed",
    ]  # fmt: skip


def test_two_at_once_land_once(inbox: Inbox) -> None:
    inbox.put("2015-02.csv", csv_text([ticket(n, n % 28 + 1) for n in range(2000)]))
    entity = inbox.site.entities["ticket"]
    (due,) = files.due(inbox.site, entity, inbox.settings)
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(
            landed.status
            for landed in pool.map(lambda _: land(inbox.settings, inbox.site, entity, due), range(4))
        )
    assert statuses == ["landed", "unchanged", "unchanged", "unchanged"]
    assert inbox.counts()[1:] == (28, 2000)


def test_two_sources_into_one_entity_are_both_whole(settings: Settings, tmp_path: Path) -> None:
    inboxes = [make_inbox(settings, tmp_path / name, site_content(name)) for name in ("north", "south")]
    inboxes[0].put("2015-02.csv", csv_text(GOOD))
    for inbox in inboxes:
        assert inbox.land()["2015-02.csv"].rows_landed == 3
    assert len(inboxes[0].raw()) == 6


_KILLED = """
import sys
from pathlib import Path
from dataclasses import replace
from yardstick import settings as s
from yardstick.sources import files
from yardstick.sources.site_file import load_sites
from yardstick.landing import land
settings = replace(s.load(home=Path(sys.argv[1]), data=Path(sys.argv[2])), database_url=sys.argv[3])
site = load_sites(Path(sys.argv[4]))[0]
entity = site.entities["ticket"]
for due in files.due(site, entity, settings):
    land(settings, site, entity, due, "killed")
"""


@pytest.mark.parametrize("lock", ["raw.ticket", "ops.delivery", "ops.arrival"])
def test_killed_in_the_middle_of_landing_leaves_nothing(inbox: Inbox, lock: str) -> None:
    inbox.put("2015-02.csv", csv_text([ticket(n, n % 28 + 1) for n in range(500)]))
    url = inbox.settings.require_database_url()
    waiting = (
        "select count(*) from pg_stat_activity where datname = current_database() "
        "and application_name = 'yardstick-land' and wait_event_type = 'Lock'"
    )
    # A lock that lets readers through and stops the writer where it is to be killed.
    with warehouse.connect(url) as blocker:
        blocker.execute(f"lock table {lock} in share row exclusive mode".encode())
        child = subprocess.Popen(
            [sys.executable, "-c", _KILLED, inbox.settings.home, inbox.settings.data, url, inbox.site.path]
        )
        deadline = time.monotonic() + 60
        while not inbox.query(waiting)[0][0]:
            assert child.poll() is None, "the landing ended before it met the lock"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
        blocker.rollback()
    while inbox.query("select count(*) from pg_stat_activity where application_name = 'yardstick-land'")[0][
        0
    ]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert inbox.counts() == (0, 0, 0)
    assert inbox.land()["2015-02.csv"].rows_landed == 500
    assert inbox.counts() == (1, 28, 500)


def test_database_gone_is_an_error_and_not_a_refusal(inbox: Inbox) -> None:
    inbox.put("2015-02.csv", csv_text(GOOD))
    broken = replace(inbox.settings, database_url="postgresql://nobody@127.0.0.1:1/none")
    entity = inbox.site.entities["ticket"]
    (due,) = files.due(inbox.site, entity, broken)
    with pytest.raises(Exception, match="connection"):
        land(broken, inbox.site, entity, due)
    assert inbox.counts() == (0, 0, 0)


# --- workbooks ---------------------------------------------------------------------------------


@pytest.fixture
def books(settings: Settings, tmp_path: Path) -> Inbox:
    return make_inbox(settings, tmp_path, site_content(files="{month:%Y-%m}.xlsx", sheet="工单 表"))


def book_refused(books: Inbox, content: bytes) -> str:
    books.put("2015-02.xlsx", content)
    landed = books.land()["2015-02.xlsx"]
    assert landed.status == "refused"
    assert books.raw() == []
    return landed.reason or ""


def test_truncated_workbook_is_refused(books: Inbox) -> None:
    assert "cut off" in book_refused(books, xlsx_bytes({"工单 表": [HEADER, *GOOD]})[:-400])


def test_renamed_sheet_stops_and_hidden_sheet_stops(books: Inbox) -> None:
    assert "no sheet '工单 表'; it has 别的" in book_refused(books, xlsx_bytes({"别的": [HEADER, *GOOD]}))
    hidden = xlsx_bytes({"x": [["x"]], "工单 表": [HEADER, *GOOD]}, hidden=["工单 表"])
    assert "hidden" in book_refused(books, hidden)


def test_sheet_name_is_matched_without_case_and_spacing(settings: Settings, tmp_path: Path) -> None:
    books = make_inbox(settings, tmp_path, site_content(files="{month:%Y-%m}.xlsx", sheet="tickets ALL"))
    books.put("2015-02.xlsx", xlsx_bytes({"Tickets  all": [HEADER, *GOOD]}))
    assert books.land()["2015-02.xlsx"].rows_landed == 3


def test_number_where_an_id_should_be_is_marked(books: Inbox) -> None:
    rows = [ticket("00123", 1), [123456789012345678, *ticket(1)[1:]], ticket(3)]
    books.put("2015-02.xlsx", xlsx_bytes({"工单 表": [HEADER, *rows]}))
    assert books.land()["2015-02.xlsx"].rows_landed == 3
    assert [(number, rule) for number, _, rule in books.raw()] == [
        (2, None), (3, "number_in_text_column"), (4, None),
    ]  # fmt: skip
    assert books.raw()[0][1][0] == "00123"


def test_formula_error_is_marked_and_not_read_as_empty(books: Inbox) -> None:
    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream)
    workbook.add_worksheet("first").write_formula("A2", "=1/0", value="#DIV/0!")
    sheet = workbook.add_worksheet("工单 表")
    for number, row in enumerate([HEADER, *GOOD]):
        sheet.write_row(number, 0, row)
    sheet.write_formula("C3", "=NA()", value="#N/A")
    workbook.close()
    books.put("2015-02.xlsx", stream.getvalue())
    assert books.land()["2015-02.xlsx"].rows_landed == 3
    assert [(number, rule) for number, _, rule in books.raw()] == [(2, None), (3, "error_cell"), (4, None)]


def test_formula_counts_by_its_stored_value_and_one_without_is_marked(books: Inbox) -> None:
    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream)
    sheet = workbook.add_worksheet("工单 表")
    for number, row in enumerate([HEADER, *GOOD]):
        sheet.write_row(number, 0, row)
    sheet.write_formula("G2", '=CONCATENATE("a","b")', value="ab")
    sheet.write_formula("G3", "=G2", value="never")
    sheet.write_formula("G4", '=""', value="")
    workbook.close()
    with zipfile.ZipFile(stream) as archive:
        part = archive.read("xl/worksheets/sheet1.xml")
    # As a program writes it that cannot compute: the formula and no value.
    part, changes = re.subn(rb'(<c r="G3")[^>]*>(<f>G2</f>)<v>never</v>', rb"\1>\2<v></v>", part)
    assert changes == 1
    part, changes = re.subn(
        rb'<c r="G4"', rb'<c r="G4" t="str"', part
    )  # as Excel says that it is an empty text
    assert changes == 1
    books.put("2015-02.xlsx", _zip_with(stream.getvalue(), "xl/worksheets/sheet1.xml", part))
    assert books.land()["2015-02.xlsx"].rows_landed == 3
    assert [(cells[6], rule) for _, cells, rule in books.raw()] == [
        ("ab", None), ("", "error_cell"), ("", None),
    ]  # fmt: skip
    (detail,) = books.query("select problem_detail from raw.ticket where problem_rule is not null")
    assert "cell G3 holds a formula whose value was never computed" in detail[0]


def test_external_links_are_not_followed(books: Inbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/other.xlsx"
        stream = io.BytesIO()
        workbook = xlsxwriter.Workbook(stream)
        sheet = workbook.add_worksheet("工单 表")
        for number, row in enumerate([HEADER, *GOOD]):
            sheet.write_row(number, 0, row)
        sheet.write_formula("G2", "=[1]Sheet1!A1", value="as stored")
        sheet.write_url("G3", address, string="link")
        workbook.close()
        space = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        relations = (
            f'<?xml version="1.0"?><Relationships xmlns="{space.replace("officeDocument", "package")}">'
            f'<Relationship Id="rId1" Type="{space}/externalLinkPath" Target="{address}" TargetMode="External"/>'
            "</Relationships>"
        )
        link = (
            '<?xml version="1.0"?><externalLink xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            f'<externalBook xmlns:r="{space}" r:id="rId1"/></externalLink>'
        )
        content = _zip_with(stream.getvalue(), "xl/externalLinks/externalLink1.xml", link.encode())
        content = _zip_with(content, "xl/externalLinks/_rels/externalLink1.xml.rels", relations.encode())
        books.put("2015-02.xlsx", content)
        assert books.land()["2015-02.xlsx"].rows_landed == 3
        assert [cells[6] for _, cells, _ in books.raw()] == ["as stored", "link", ""]
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("content", [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), b"not a workbook"])
def test_what_is_no_xlsx_is_refused(books: Inbox, content: bytes) -> None:
    reason = book_refused(books, content)
    assert "2015-02.xlsx is " in reason
    assert ("an old .xls file" if content[0] == 0xD0 else "no xlsx file") in reason


def test_date_cells_are_read_whatever_format_is_declared_for_text(books: Inbox) -> None:
    row = ticket(1)
    books.put(
        "2015-02.xlsx", xlsx_bytes({"工单 表": [HEADER, [row[0], datetime(2015, 2, 9, 8, 30), *row[2:]]]})
    )
    books.land()
    assert books.query("select partition_date from ops.delivery where rows_landed = 1") == [
        (date(2015, 2, 9),)
    ]
    assert books.raw()[0][1][1] == "09/02/2015 08:30"


def _zip_with(content: bytes, name: str, part: bytes) -> bytes:
    """A workbook with one part replaced or added."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info, old.read(info))
        new.writestr(name, part)
    return made.getvalue()


def test_workbook_bomb_is_refused_in_bounded_memory(books: Inbox) -> None:
    good = xlsx_bytes({"工单 表": [HEADER, *GOOD]})
    bomb = _zip_with(good, "xl/media/image1.png", b"\0" * (200 << 20))
    tracemalloc.start()
    reason = book_refused(books, bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "no honest table" in reason
    assert peak < 20 << 20


def test_workbook_that_lies_about_its_size_is_refused(books: Inbox) -> None:
    bomb = bytearray(_zip_with(xlsx_bytes({"工单 表": [HEADER, *GOOD]}), "xl/media/a.bin", b"\0" * (5 << 20)))
    size = (5 << 20).to_bytes(4, "little")
    while (place := bomb.find(size)) >= 0:
        bomb[place : place + 4] = (100).to_bytes(4, "little")
    assert "damaged" in book_refused(books, bytes(bomb))


def test_cell_at_the_far_end_of_the_sheet_is_refused_before_parsing(books: Inbox) -> None:
    good = xlsx_bytes({"工单 表": [HEADER, *GOOD]})
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    far = sheet.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')
    assert "1,048,576 rows" in book_refused(books, _zip_with(good, "xl/worksheets/sheet1.xml", far))


def test_shared_text_used_a_million_times_is_refused_before_parsing(
    settings: Settings, tmp_path: Path
) -> None:
    books = make_inbox(
        settings, tmp_path, site_content(files="{month:%Y-%m}.xlsx", max_uncompressed_bytes=20 << 20)
    )
    rows = [ticket(number, 1, "x" * 30_000) for number in range(2000)]
    assert "bytes of text" in book_refused(books, xlsx_bytes({"工单 表": [HEADER, *rows]}))


def test_large_workbook_with_long_notes_lands(books: Inbox) -> None:
    rows = [ticket(number, number % 28 + 1, f"note {number} " * 20) for number in range(5000)]
    books.put("2015-02.xlsx", xlsx_bytes({"工单 表": [HEADER, *rows]}))
    assert books.land()["2015-02.xlsx"].rows_landed == 5000


def test_xml_entities_are_refused(books: Inbox) -> None:
    good = xlsx_bytes({"工单 表": [HEADER, *GOOD]})
    part = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><sst>&a;</sst>'
    assert "XML entities" in book_refused(books, _zip_with(good, "xl/sharedStrings.xml", part))
