"""A sample delivery, looked at without any declaration: encoding, delimiter, header row, sheets.

Only ``yardstick site add`` reads this way. What it finds becomes a declaration that a person confirms;
deliveries are read by what the site file declares (``delimited``, ``workbook``).
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from yardstick.sources import unpack
from yardstick.sources.dates import ISO
from yardstick.sources.delivery import RefusedError
from yardstick.sources.fold import fold
from yardstick.sources.workbook import show_cell

MAX_BYTES = 16 << 20
MAX_ROWS = 20_000
HEADER_ROWS = 20
_DELIMITERS = (",", ";", "\t", "|")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TOTALS = {"合计", "总计", "小计", "共计", "汇总", "total", "totals", "sum", "grand total", "subtotal"}
_NUMBER = re.compile(r"[-+]?[0-9][0-9.,/:% -]*")


@dataclass(frozen=True)
class Table:
    """One table of a sample.

    Attributes:
        name: the file's name, or the path or query asked for.
        header: column names as delivered.
        rows: cells as text, each row as wide as the header; at most ``MAX_ROWS``.
        reading: the keys of a site file that make it be read so (``encoding``, ``sheet`` …).
        is_cut: there is more than was looked at.
        notices: what else a person should know.
    """

    name: str
    header: list[str]
    rows: list[list[str]]
    reading: dict[str, Any]
    is_cut: bool = False
    notices: list[str] = field(default_factory=list)

    def column(self, name: str) -> list[str]:
        """The cells of a column, without white space at their ends."""
        place = self.header.index(name)
        return [row[place].strip() for row in self.rows]


def read_file(path: Path, given: dict[str, Any] | None = None) -> list[Table]:
    """The tables of a sample file: one of a text file, one per visible sheet of a workbook.

    Args:
        path: csv, tsv, csv.gz, xlsx, or an answer of an API saved as JSON.
        given: what a person says of ``encoding``, ``delimiter``, ``header_row`` and ``sheet`` already.

    Raises:
        RefusedError: for what is no table, with the reason.
    """
    given = given or {}
    with path.open("rb") as stream:
        start = stream.read(4)
        stream.seek(0)
        if start == unpack.ZIP_MAGIC:
            return _workbook(path, given)
        is_gzip = start.startswith(unpack.GZIP_MAGIC)
        body = bytearray()
        for piece in unpack.gunzip(unpack.plain(stream), path.name) if is_gzip else unpack.plain(stream):
            body += piece
            if len(body) > MAX_BYTES:
                break
    is_cut = len(body) > MAX_BYTES
    if not body.strip():
        raise RefusedError(f"{path} is empty. Give a delivery with some rows.")
    if path.suffix.lower() == ".json" or bytes(body).lstrip()[:1] in (b"{", b"["):
        return [from_json(path.name, bytes(body))]
    return [_text(path.name, bytes(body), is_cut, given)]


# --- text -----------------------------------------------------------------------------------------


def guess_encoding(body: bytes) -> str:
    """The encoding that a text is most likely of.

    UTF-8 is sure when it decodes. Else the Chinese encodings are tried: the one whose everyday characters
    make up most of the text. What is none of them is taken for ``cp1252``.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    if body[:2000].count(0) > len(body[:2000]) // 4:
        return "utf-16"
    common = {name: _everyday_share(body, name) for name in ("gb18030", "big5")}
    best = max(common, key=lambda name: common[name])
    return best if common[best] > 0.5 else "cp1252"


def _everyday_share(body: bytes, encoding: str) -> float:
    """Share of the characters beyond ASCII that are everyday Chinese; 0 when it does not decode."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(body)
    except UnicodeDecodeError:
        return 0.0
    beyond = [character for character in text if character > "\x7f"]
    everyday = sum(_is_everyday(character, encoding) for character in beyond)
    return everyday / len(beyond) if beyond else 0.0


def _is_everyday(character: str, encoding: str) -> bool:
    """Whether it is among the first level of the character set, or a mark of punctuation."""
    code = character.encode(encoding)
    if len(code) != 2:
        return False
    if encoding == "big5":
        return 0xA1 <= code[0] <= 0xC6
    return 0xA1 <= code[0] <= 0xA3 or (0xB0 <= code[0] <= 0xD7 and code[1] >= 0xA1)


def guess_delimiter(text: str) -> str:
    """The delimiter that gives most rows the same number of cells, and more than one."""
    best, chosen = (0.0, 0), ","
    for delimiter in _DELIMITERS:
        try:
            widths = [
                len(row) for row in islice(csv.reader(io.StringIO(text), delimiter=delimiter), 60) if row
            ]
        except csv.Error:
            continue
        width, count = Counter(widths).most_common(1)[0] if widths else (1, 0)
        if width > 1 and (count / len(widths), width) > best:
            best, chosen = (count / len(widths), width), delimiter
    return chosen


def _text(name: str, body: bytes, is_cut: bool, given: dict[str, Any]) -> Table:
    encoding = given.get("encoding") or guess_encoding(body)
    try:
        decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)("replace")
    except LookupError:
        raise RefusedError(f"{encoding!r} is not an encoding. Write utf-8, gb18030, …") from None
    text = decoder.decode(body)
    if is_cut:
        text = text[: text.rfind("\n") + 1]
    delimiter = given.get("delimiter") or guess_delimiter(text)
    csv.field_size_limit(MAX_BYTES)
    try:
        rows = list(
            islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), MAX_ROWS + HEADER_ROWS)
        )
    except csv.Error as error:
        raise RefusedError(f"{name} cannot be read as delimited text: {error}. Check it.") from None
    reading: dict[str, Any] = {}
    if encoding != "utf-8":
        reading["encoding"] = encoding
    if delimiter != ("\t" if name.lower().removesuffix(".gz").endswith((".tsv", ".tab")) else ","):
        reading["delimiter"] = delimiter
    return _table(name, rows, reading, is_cut, given.get("header_row"))


# --- workbooks ------------------------------------------------------------------------------------


def _workbook(path: Path, given: dict[str, Any]) -> list[Table]:
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    try:
        with zipfile.ZipFile(path) as archive:
            if "[Content_Types].xml" not in archive.namelist():
                raise RefusedError(
                    f"{path.name} is a zip archive. Give one of the files in it as the sample; in the site file, "
                    "files names the archive then and member the file."
                )
            total = sum(part.file_size for part in archive.infolist())
        unpack.check_size(path.name, path.stat().st_size, total, 1 << 30)
        workbook = CalamineWorkbook.from_path(path)
        visible = [
            sheet.name for sheet in workbook.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible
        ]
        wanted = given.get("sheet")
        if wanted and fold(wanted) not in [fold(sheet) for sheet in visible]:
            raise RefusedError(f"{path.name} has no visible sheet {wanted!r}; it has {', '.join(visible)}.")
        tables = []
        for sheet in visible:
            if wanted and fold(sheet) != fold(wanted):
                continue
            cells = workbook.get_sheet_by_name(sheet).to_python(
                skip_empty_area=False, nrows=MAX_ROWS + HEADER_ROWS
            )
            rows = [[show_cell(cell, ISO) for cell in row] for row in cells]
            if not any(any(row) for row in rows):
                continue
            reading = {"sheet": sheet} if len(visible) > 1 else {}
            tables.append(_table(path.name, rows, reading, False, given.get("header_row")))
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError) as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(
            f"{path.name} cannot be read as a workbook ({error}). Save it again as .xlsx."
        ) from None
    if not tables:
        raise RefusedError(f"{path.name} has no visible sheet with anything in it.")
    return tables


# --- answers of an API ----------------------------------------------------------------------------


def from_json(name: str, body: bytes) -> Table:
    """The longest list of objects in a JSON document, its cells as the REST connector reads them.

    Raises:
        RefusedError: when there is none.
    """
    from yardstick.sources import json_rows

    try:
        document = json_rows.decode(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"{name} is not JSON ({error}).") from None
    found = max(_lists(document, ""), key=lambda each: len(each[1]), default=None)
    if found is None or not found[1]:
        raise RefusedError(f"{name} holds no list of objects. Give an answer that has some rows.")
    place, objects = found
    header: list[str] = []
    flat: list[dict[str, str]] = []
    for row in objects[:MAX_ROWS]:
        names: list[str] = []
        values: list[str] = []
        json_rows.flatten("", row, names, values)
        flat.append(dict(zip(names, values, strict=True)))
        header += [each for each in names if each not in header]
    reading: dict[str, Any] = {"records": place} if place else {}
    return Table(name, header, [[row.get(each, "") for each in header] for row in flat], reading)


def _lists(document: Any, place: str) -> list[tuple[str, list[Any]]]:
    """Every list of objects, by its JSONPath; those inside of rows do not count."""
    if isinstance(document, list):
        return [(place, document)] if document and all(isinstance(row, dict) for row in document) else []
    if not isinstance(document, dict):
        return []
    return [
        found
        for key, inner in document.items()
        for found in _lists(inner, ".".join(filter(None, [place, _step(key)])))
    ]


def _step(key: str) -> str:
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key)
    return key if is_plain else json.dumps(key, ensure_ascii=False).replace('"', "'")


# --- header ---------------------------------------------------------------------------------------


def _table(
    name: str, rows: list[list[str]], reading: dict[str, Any], is_cut: bool, header_row: int | None
) -> Table:
    number = header_row or guess_header_row(rows)
    if number > len(rows) or not any(cell.strip() for cell in rows[number - 1]):
        raise RefusedError(f"{name}: row {number} is empty; the column names were expected there.")
    header = [cell.strip() for cell in rows[number - 1]]
    while header and not header[-1]:
        header.pop()
    if number > 1:
        reading["header_row"] = number
    below = [row for row in rows[number:] if any(cell.strip() for cell in row)]
    notices = []
    last = next((cell.strip() for cell in below[-1] if cell.strip()), "") if below else ""
    if fold(last).rstrip(":") in _TOTALS:
        notices.append(f"the last row begins with {last!r}: totals, which are left out")
        reading["totals"] = last
        below.pop()
    if twice := [column for column, count in Counter(map(fold, header)).items() if count > 1 and column]:
        notices.append(f"column {', '.join(twice)} stands more than once: it cannot be mapped")
    wrong = sum(len(row) != len(header) and any(cell.strip() for cell in row[len(header) :]) for row in below)
    if wrong:
        notices.append(f"{wrong:,} rows have more cells than the header")
    width = len(header)
    cells = [(row + [""] * width)[:width] for row in below[:MAX_ROWS]]
    return Table(name, header, cells, reading, is_cut or len(below) > MAX_ROWS, notices)


def guess_header_row(rows: Sequence[Sequence[str]]) -> int:
    """The number of the row that holds the column names, from 1.

    It is as wide as the rows below, its cells are words, and no two are alike; rows above it (titles, dates
    of printing) have few cells.
    """
    look = [[cell.strip() for cell in row] for row in rows[:HEADER_ROWS]]
    width = max((sum(map(bool, row)) for row in look), default=0)
    best, chosen = -1.0, 1
    for number, row in enumerate(look, start=1):
        cells = [cell for cell in row if cell]
        if not cells:
            continue
        words = sum(not _NUMBER.fullmatch(cell) and len(cell) <= 60 for cell in cells) / len(cells)
        distinct = len({fold(cell) for cell in cells}) / len(cells)
        score = len(cells) / width + words + distinct - 0.02 * number
        if score > best:
            best, chosen = score, number
    return chosen
