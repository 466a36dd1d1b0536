"""Archives that would do harm, and cells without end: refused by name, in bounded memory, nothing written."""

from __future__ import annotations

import gzip
import io
import os
import resource
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.delivery import HEADER, csv_text, make_inbox, site_content, ticket, write_site, xlsx_bytes

from yardstick.settings import Settings
from yardstick.sources import files
from yardstick.sources.delivery import RefusedError
from yardstick.sources.site import Entity
from yardstick.sources.site_file import load_sites

GOOD = csv_text([ticket(1, 1), ticket(2, 9)])


@pytest.fixture
def entity(tmp_path: Path) -> Entity:
    return made(tmp_path)


def made(folder: Path, **options: Any) -> Entity:
    content = site_content(**{"files": "{month:%Y-%m}.zip", "member": "*.csv", **options})
    return load_sites(write_site(folder / "sites", content))[0].entities["ticket"]


def packed(*members: tuple[str | zipfile.ZipInfo, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def refused(entity: Entity, content: bytes) -> str:
    with pytest.raises(RefusedError) as caught:
        for _page in files.read(entity, "2015-02.zip", io.BytesIO(content)).pages:
            pass
    assert "2015-02.zip" in str(caught.value)
    return str(caught.value)


def cells(entity: Entity, content: bytes) -> list[list[str]]:
    reading = files.read(entity, "2015-02.zip", io.BytesIO(content))
    return [row.split("\x1f") for page in reading.pages for row in page.rows]


def test_the_archives_here_are_read_when_nothing_is_wrong(entity: Entity) -> None:
    assert [row[0] for row in cells(entity, packed(("a.csv", GOOD)))] == ["000001", "000002"]


@pytest.mark.parametrize(
    "name",
    ["../a.csv", "in/../../a.csv", "/etc/a.csv", "..\\a.csv", "C:\\a.csv", "c:/a.csv", "\\\\host\\a.csv"],
)
def test_member_that_leaves_its_folder_is_refused(entity: Entity, name: str) -> None:
    # Whatever else is in it: an archive with such a name is no honest one.
    reason = refused(entity, packed(("good.csv", GOOD), (name, "x")))
    assert f"{name.replace(chr(92), '/')!r} leaves its folder" in reason


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o060644])
def test_link_pipe_and_device_in_an_archive_are_refused(entity: Entity, mode: int) -> None:
    link = zipfile.ZipInfo("a.csv")
    link.create_system = 3
    link.external_attr = mode << 16
    assert "'a.csv' is a link or device" in refused(entity, packed((link, "/etc/passwd")))


def test_encrypted_member_is_refused_by_name(entity: Entity) -> None:
    content = bytearray(packed(("工单.csv", GOOD)))
    content[6] |= 1  # the flag in the member's own header, and in the list
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "工单.csv is protected by a password" in refused(entity, bytes(content))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_whose_unpacking_is_not_bounded_is_refused(entity: Entity, method: int) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("a.csv", GOOD)
    assert f"a.csv is packed by method {method}" in refused(entity, stream.getvalue())


def test_zip_bomb_is_refused_by_its_declared_size(entity: Entity) -> None:
    content = packed(("a.csv", b"0" * (100 << 20)))
    tracemalloc.start()
    assert "no honest table" in refused(entity, content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def _with_size(content: bytes, size: int) -> bytes:
    """The archive's list says that its only member unpacks to so many bytes."""
    made = bytearray(content)
    struct.pack_into("<I", made, made.index(b"PK\x01\x02") + 24, size)
    return bytes(made)


@pytest.mark.parametrize("size", [10, len(GOOD) - 1])
def test_member_that_unpacks_to_more_than_it_says_is_refused(entity: Entity, size: int) -> None:
    assert "a.csv is damaged" in refused(entity, _with_size(packed(("a.csv", GOOD)), size))


def test_member_that_unpacks_to_less_than_it_says_is_refused(entity: Entity) -> None:
    reason = refused(entity, _with_size(packed(("a.csv", GOOD)), len(GOOD) + 5))
    assert "a.csv is said to hold" in reason


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
def test_truncated_archive_is_refused(entity: Entity, kept: float) -> None:
    content = packed(("a.csv", csv_text([ticket(n, 1, os.urandom(20).hex()) for n in range(100)])))
    assert "cut off, damaged or no zip file" in refused(entity, content[: int(len(content) * kept)])


def test_damaged_member_is_refused(entity: Entity) -> None:
    content = bytearray(packed(("a.csv", csv_text([ticket(n, 1, os.urandom(20).hex()) for n in range(100)]))))
    content[200] ^= 0xFF
    assert "a.csv is damaged" in refused(entity, bytes(content))


@pytest.mark.parametrize("inner", ["zip", "gz", "xlsx"])
def test_nested_bomb_is_refused(tmp_path: Path, inner: str) -> None:
    zeros = b"0" * (80 << 20)
    if inner == "gz":
        entity, name, content = (
            made(tmp_path, member="*.gz"),
            "a.csv.gz",
            gzip.compress(GOOD.encode() + zeros),
        )
    elif inner == "zip":
        entity, name, content = made(tmp_path, member="*"), "a.zip", packed(("a.csv", zeros))
    else:
        entity, name = made(tmp_path, member="*.xlsx"), "a.xlsx"
        with zipfile.ZipFile(made_book := io.BytesIO(xlsx_bytes({"s": [HEADER]})), "a", 8) as book:
            book.writestr("xl/media/image1.png", zeros)
        content = made_book.getvalue()
    tracemalloc.start()
    reason = refused(entity, packed((name, content)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"2015-02.zip: {name}" in reason
    assert peak < 40 << 20


def test_archive_of_very_many_members_is_refused_before_they_are_listed(entity: Entity) -> None:
    content = packed(*((f"{number}.txt", b"") for number in range(10_001)))
    assert "10,001 parts" in refused(entity, content)
    # A list of members that is itself without end is not read.
    entry = b"PK\x01\x02" + bytes(42)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65535, 65535, len(entry) * 100_000, 0, 0)
    tracemalloc.start()
    assert "lists more members" in refused(entity, entry * 100_000 + end)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_two_members_of_one_name_are_refused(entity: Entity) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = packed(("a.csv", GOOD), ("a.csv", GOOD))
    assert "a.csv twice" in refused(entity, content)


def test_bad_archive_stops_nothing_else(settings: Settings, tmp_path: Path) -> None:
    inbox = make_inbox(settings, tmp_path, site_content(files="{month:%Y-%m}.zip"))
    inbox.put("2015-01.zip", packed(("../2015-01.csv", GOOD)))
    inbox.put("2015-02.zip", packed(("2015-02.csv", GOOD)))
    landed = inbox.land()
    assert {name: found.status for name, found in landed.items()} == {
        "2015-01.zip": "refused", "2015-02.zip": "landed",
    }  # fmt: skip
    assert len(inbox.raw()) == 2
    assert not (inbox.settings.data / "2015-01.csv").exists()


# --- a cell of two gigabytes ---------------------------------------------------------------------

_READ = """
import resource, sys
from pathlib import Path
from yardstick.sources import delimited, files, workbook
from yardstick.sources.delivery import RefusedError
from yardstick.sources.site_file import load_sites
entity = load_sites(Path(sys.argv[1]))[0].entities["ticket"]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open(sys.argv[2], "rb") as stream:
    try:
        for page in files.read(entity, "2015-02.csv", stream).pages:
            pass
    except RefusedError as error:
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10, error)
"""


@pytest.mark.parametrize("opening", ["", '"'])
def test_cell_of_two_gigabytes_is_refused_in_bounded_memory(tmp_path: Path, opening: str) -> None:
    site = write_site(tmp_path)
    path = tmp_path / "big.csv"
    with path.open("wb") as stream:
        stream.write((GOOD + f"000003,01/02/2015 08:30,,Open,p1,i1,{opening}").encode())
        stream.truncate(2 << 30)  # a hole takes no room on the disk
    _assert_refused(site, path, "2015-02.csv holds a line of more than 16,777,216 bytes")


def test_quoted_cell_of_two_gigabytes_of_lines_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    start = (GOOD + '000003,01/02/2015 08:30,,Open,p1,i1,"').encode()
    path = tmp_path / "big.csv"
    line = b"x" * 1023 + b"\n"
    with path.open("wb") as stream:
        stream.write(start)
        stream.write(line * (8 << 10))  # what comes behind the bound is never read
        stream.truncate(2 << 30)
    _assert_refused(site, path, "row 4 holds a cell of more than 4,194,304 characters")


def _assert_refused(site: Path, path: Path, why: str) -> None:
    limit = 3 << 30  # of address space, which libraries reserve freely; what is used is measured
    child = subprocess.run(
        [sys.executable, "-c", _READ, site, path],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    used, _, told = child.stdout.partition(" ")
    assert why in told
    assert int(used) < 120
