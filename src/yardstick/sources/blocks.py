"""Take apart whole blocks of delimited text at once; what is not plainly sound is left to the row-by-row reader.

A block is taken only when it can be shown to be sound: quotation marks open at the start of a cell and close
at its end, and no cell holds a separator of ``raw``. Then separators, quotation marks and line ends are found
for the whole block by array operations, and the rows come out in COPY text form without ever being objects of
their own. Rows with a cell too many or too few cost only themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

_QUOTE, _NEWLINE, _RETURN, _TAB, _UNIT = 0x22, 0x0A, 0x0D, 0x09, 0x1F
# Stand for characters inside a quoted cell, and for tabs, until rows and cells are told apart.
_DELIMITER_INSIDE, _TAB_INSIDE, _RETURN_INSIDE, _NEWLINE_INSIDE = 0x1B, 0x1C, 0x1D, 0x1E
_DROPPED = 0x00
_UNKEEPABLE = (b"\x00", b"\x1b", b"\x1c", b"\x1d", b"\x1e", b"\x1f")
_COPY_ESCAPES = {_NEWLINE_INSIDE: b"\\n", _RETURN_INSIDE: b"\\r", _TAB_INSIDE: b"\\t"}
_MEANT = {_NEWLINE_INSIDE: "\n", _RETURN_INSIDE: "\r", _TAB_INSIDE: "\t"}


@dataclass(frozen=True)
class Block:
    """The rows of a sound block.

    Attributes:
        rows: each row's cells joined by ``UNIT``, in COPY text form, as UTF-8.
        event_values: the event date's cell of each row, as delivered; empty when none was asked for.
        length: bytes of the block that the rows take up; the rest belongs to a row that goes on.
        uneven: by index, how many cells those rows have that have not as many as they should.
    """

    rows: list[bytes]
    event_values: list[str]
    length: int
    uneven: dict[int, int]


def take_apart(
    block: bytes, *, delimiter: int, quote: int | None, width: int, event: int | None, trailing: int = 0
) -> Block | None:
    """The rows of a block, or None when it has to be read row by row.

    Args:
        block: whole lines of valid UTF-8, the last one ended.
        delimiter: separator of cells, one ASCII byte other than quotation mark and line break.
        quote: ``0x22``, or None when quotation marks mean nothing.
        width: number of cells of every row.
        event: position of the event date's cell; None when there is none.
        trailing: empty cells that every row has behind the last named column, as the header has.

    Returns:
        The same rows that a strict CSV reader gives. A block with a blank line is None, too.
    """
    if quote not in (None, _QUOTE) or any(byte in block for byte in _UNKEEPABLE):
        return None
    length = len(block)
    marked = block
    if quote is not None and b'"' in block:
        unquoted = _mark_quoted(block, delimiter)
        if unquoted is None:
            return None
        marked = unquoted
        length = len(marked)
    if b"\r" in marked:
        array = np.frombuffer(marked, np.uint8)
        if ((array[:-1] == _RETURN) & (array[1:] != _NEWLINE)).any():
            return None
    body = marked.translate(_table(delimiter), b"\x00\r")
    places = _places(body, width + trailing)
    uneven: dict[int, int] = {}
    if places is not None:
        if trailing and (places[:, -1] - places[:, width - 1] != trailing).any():
            return None
        values = [] if event is None else _values(body, places, event)
    elif trailing or body.startswith(b"\n") or b"\n\n" in body:
        return None
    else:
        rows = [row.split(b"\x1f") for row in body[:-1].split(b"\n")]
        uneven = {index: len(row) for index, row in enumerate(rows) if len(row) != width}
        cells = [] if event is None else [row[event] if event < len(row) else b"" for row in rows]
        values = _meant([cell.decode() for cell in cells], body)
    packed = _escaped(body)[:-1].split(b"\n")
    if trailing:
        packed = [row[:-trailing] for row in packed]
    return Block(packed, values, length, uneven)


@cache
def _table(delimiter: int) -> bytes:
    """Delimited text to rows of ``raw``, one byte for one."""
    table = bytearray(range(256))
    table[_DELIMITER_INSIDE] = delimiter
    table[_TAB] = _TAB_INSIDE
    table[delimiter] = _UNIT
    return bytes(table)


def _places(body: bytes, width: int) -> np.ndarray | None:
    """Where each cell of each row ends, one line per row; None unless every row has as many cells."""
    array = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero((array == _UNIT) | (array == _NEWLINE))
    if not len(ends) or len(ends) % width:
        return None
    places = ends.reshape(-1, width)
    found = array[places]
    if (found[:, :-1] != _UNIT).any() or (found[:, -1] != _NEWLINE).any():
        return None
    if width == 1 and (np.diff(places[:, 0], prepend=-1) == 1).any():
        return None  # a blank line
    return places


def _values(body: bytes, places: np.ndarray, column: int) -> list[str]:
    """The cells of one column as text."""
    before = places[:, column - 1] if column else np.concatenate(([-1], places[:-1, -1]))
    starts, lengths = before + 1, places[:, column] - before - 1
    length = int(lengths[0])
    if length and (lengths == length).all():  # as most dates are
        cells = np.lib.stride_tricks.sliding_window_view(np.frombuffer(body, np.uint8), length)[starts]
        text = cells.tobytes().decode("utf-8", "replace")
        if len(text) == length * len(starts):
            values = [text[at : at + length] for at in range(0, len(text), length)]
        else:
            values = [cell.tobytes().decode() for cell in cells]
    else:
        ends = places[:, column].tolist()
        values = [body[start:end].decode() for start, end in zip(starts.tolist(), ends, strict=True)]
    return _meant(values, body)


def _meant(values: list[str], body: bytes) -> list[str]:
    """Values with the characters that placeholders stand for."""
    for inside, meant in _MEANT.items():
        if inside in body:
            values = [value.replace(chr(inside), meant) for value in values]
    return values


def _escaped(body: bytes) -> bytes:
    """Rows in COPY text form."""
    if b"\\" in body:
        body = body.replace(b"\\", b"\\\\")
    for inside, escape in _COPY_ESCAPES.items():
        if inside in body:
            body = body.replace(bytes([inside]), escape)
    return body


def _mark_quoted(block: bytes, delimiter: int) -> bytes | None:
    """The block up to the last row that ends in it, with quotation marks to be dropped and cells made plain.

    Returns:
        None when a mark stands where none may.
    """
    array = np.frombuffer(block, np.uint8)
    marks = np.flatnonzero(array == _QUOTE)
    if len(marks) % 2:  # the last one opens a cell that goes on in the next block
        cut = _row_start(block, marks)
        if cut == 0:
            return None
        array, marks = array[:cut], marks[: np.searchsorted(marks, cut)]
    made = array.copy()
    opening, closing = marks[0::2], marks[1::2]
    # A mark inside a quoted cell is doubled: it closes, and the next byte opens again.
    is_doubled = closing[:-1] + 1 == opening[1:]
    if len(marks):
        before = array[np.maximum(opening - 1, 0)]
        starts_cell = (before == delimiter) | (before == _NEWLINE) | (opening == 0)
        starts_cell[1:] |= is_doubled
        after = array[closing + 1]  # the block ends with a line end, so there is one
        ends_cell = (after == delimiter) | (after == _NEWLINE) | (after == _RETURN)
        ends_cell[:-1] |= is_doubled
        if not (starts_cell.all() and ends_cell.all()):
            return None
    inside_of = {_NEWLINE: _NEWLINE_INSIDE, _RETURN: _RETURN_INSIDE}
    inside_of[delimiter] = _TAB_INSIDE if delimiter == _TAB else _DELIMITER_INSIDE
    lengths = closing - opening - 1
    count = int(lengths.sum())
    if count * 4 > len(array):  # most cells are quoted: look at every byte
        is_inside = np.bitwise_xor.accumulate(array == _QUOTE)
        for meant, placeholder in inside_of.items():
            made[is_inside & (array == meant)] = placeholder
    else:
        inside = np.repeat(opening + 1 - (np.cumsum(lengths) - lengths), lengths) + np.arange(count)
        held = array[inside]
        for meant, placeholder in inside_of.items():
            made[inside[held == meant]] = placeholder
    made[closing] = _DROPPED
    made[opening[:1]] = _DROPPED
    made[opening[1:][~is_doubled]] = _DROPPED
    return made.tobytes()


def _row_start(block: bytes, marks: np.ndarray) -> int:
    """Where the row begins that the last, unclosed quotation mark stands in; 0 when it is the first one."""
    right = int(marks[-1])
    for index in range(len(marks) - 2, -1, -2):  # what stands between a closing mark and the next is outside
        if (found := block.rfind(b"\n", int(marks[index]), right)) >= 0:
            return found + 1
        right = int(marks[index - 1])
    return block.rfind(b"\n", 0, int(marks[0])) + 1
