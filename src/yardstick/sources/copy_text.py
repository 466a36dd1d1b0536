r"""The kept form of a database pull: a line of JSON with the column names, then rows in COPY text form.

Cells stand between tabs; backslash, tab, line feed and carriage return are ``\\``, ``\t``, ``\n``, ``\r``;
NULL is an empty cell; a last line ``\.`` says that all is there. Rows stand in the order of their bytes, so
that the same rows are the same bytes however the database returned them.
"""

from __future__ import annotations

import heapq
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from yardstick.sources.delivery import RECORD, UNIT, Page, RefusedError, Rows

END = b"\\.\n"
_CHUNK = 1 << 19
_RUN_BYTES = 64 << 20
_ROW_OVERHEAD_BYTES = 64  # what Python needs to hold a row besides its text
_TOLD_ROWS = 1_000_000
_MAX_HEADER_BYTES = 1 << 20
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def line(cells: Sequence[bytes | None]) -> bytes:
    """One row; None is an empty cell."""
    text = b"\t".join([cell or b"" for cell in cells])
    if (
        b"\\" in text or b"\n" in text or b"\r" in text or text.count(b"\t") != len(cells) - 1
    ):  # rare: most rows need no second look
        text = b"\t".join([_escape(cell or b"") for cell in cells])
    return text + b"\n"


def _escape(cell: bytes) -> bytes:
    cell = cell.replace(b"\\", b"\\\\")
    return cell.replace(b"\n", b"\\n").replace(b"\r", b"\\r").replace(b"\t", b"\\t")


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: _MEANT.get(match[1], match[1]), text)


def write(
    name: str, columns: Sequence[str], lines: Iterable[bytes], folder: Path, max_rows: int, max_bytes: int
) -> IO[bytes]:
    """Take rows as they come and keep them sorted; memory stays bounded, whatever their number.

    Args:
        name: the pull, for messages.
        columns: names as the database gives them.
        lines: rows, each ended by a line feed.
        folder: where it waits: in a file without a name, which a killed process takes with it.
        max_rows: more are refused.
        max_bytes: more are refused.

    Returns:
        The stream, at its start.

    Raises:
        RefusedError: for more than the pull may bring.
    """
    folder.mkdir(parents=True, exist_ok=True)
    runs: list[IO[bytes]] = []
    held: list[bytes] = []
    rows = size = held_bytes = 0
    try:
        for row in lines:
            held.append(row)
            rows += 1
            size += len(row)
            held_bytes += len(row) + _ROW_OVERHEAD_BYTES
            if rows > max_rows:
                raise RefusedError(
                    f"{name} brings more than {max_rows:,} rows. Ask for less in the query, or raise max_rows."
                )
            if size > max_bytes:
                raise RefusedError(
                    f"{name} brings more than {max_bytes:,} bytes. Ask for less in the query, "
                    "or raise max_bytes."
                )
            if held_bytes > _RUN_BYTES:
                runs.append(_run(sorted(held), folder))
                held.clear()
                held_bytes = 0
            if rows % _TOLD_ROWS == 0:
                print(f"{name}: {rows:,} rows so far", flush=True)
        held.sort()
        stream = _temporary(folder)
        stream.write(json.dumps({"columns": list(columns)}, ensure_ascii=False).encode() + b"\n")
        stream.writelines(heapq.merge(*runs, held) if runs else held)
        stream.write(END)
        stream.seek(0)
        return stream
    finally:
        for run in runs:
            run.close()


def _run(rows: list[bytes], folder: Path) -> IO[bytes]:
    run = _temporary(folder)
    run.writelines(rows)
    run.seek(0)
    return run


def _temporary(folder: Path) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=folder, buffering=_CHUNK)


def too_long(row: bytes, limit: int) -> int | None:
    """Position of the first cell of a row that has more characters than allowed; None when none has."""
    if len(row) > limit:
        for index, cell in enumerate(row.rstrip(b"\n").split(b"\t")):
            if len(cell) > limit and len(_unescape(cell.decode("utf-8", "replace"))) > limit:
                return index
    return None


def read_columns(name: str, stream: IO[bytes]) -> list[str]:
    """The column names; leaves the stream at the first row.

    Raises:
        RefusedError: for bytes that are no pull.
    """
    stream.seek(0)
    try:
        columns = json.loads(stream.readline(_MAX_HEADER_BYTES))["columns"]
    except (ValueError, KeyError, TypeError):
        columns = None
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        raise RefusedError(f"{name} does not begin with its column names: it is no pull. Pull it again.")
    return columns


def read_pages(name: str, stream: IO[bytes], width: int, event: int | None) -> Iterator[Page]:
    """The rows, from where the stream stands.

    Args:
        name: the pull, for messages.
        stream: behind the column names.
        width: number of columns.
        event: position of the event date's cell; None when the entity has none.

    Raises:
        RefusedError: at the end, when the last line is missing.
    """
    rows = Rows(width, event)
    number = 1
    rest = b""
    is_whole = False
    while not is_whole and (chunk := stream.read(_CHUNK)):
        chunk = rest + chunk
        cut = chunk.rfind(b"\n") + 1
        block, rest = chunk[:cut], chunk[cut:]
        if block == END or block.endswith(b"\n" + END):
            block, is_whole = block[: -len(END)], True
        if block:
            page = _page(rows, number, block)
            number += len(page.rows)
            yield page
    if not is_whole or rest or stream.read(1):
        raise RefusedError(f"{name} is cut off: its last line is missing. Pull it again.")


def _page(rows: Rows, number: int, block: bytes) -> Page:
    """The page of some whole lines; cells are looked at one by one only where something is odd."""
    try:
        text = block.decode()
        is_sound = UNIT not in text and RECORD not in text and "\x00" not in text
    except UnicodeDecodeError:
        text = block.decode("utf-8", "surrogateescape")
        is_sound = False
    count = text.count("\n")
    numbers = range(number, number + count)
    is_sound = is_sound and text.count("\t") == count * ((rows.width or 1) - 1)
    if not is_sound:
        lines = text.split("\n")[:-1]
        return rows.page(numbers, [[_unescape(cell) for cell in row.split("\t")] for row in lines])
    joined = text.replace("\t", UNIT).split("\n")
    joined.pop()
    if "\\" in text:
        joined = [_unescape(row) if "\\" in row else row for row in joined]
    event = rows.event
    return Page(
        numbers, joined, [] if event is None else [row.split(UNIT, event + 1)[event] for row in joined]
    )
