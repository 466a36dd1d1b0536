"""Take apart whole blocks of delimited text at once; what is not plainly sound is left to the careful reader.

A block is taken only when it can be shown to be sound: quotation marks open at the start of a cell and close
at its end, no cell holds a separator of ``raw``, and every row has the declared number of cells. Then
separators, quotation marks and line ends are found for the whole block by array operations, and the rows come
out in COPY text form without ever being objects of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_QUOTE, _NEWLINE, _RETURN, _TAB, _UNIT = 0x22, 0x0A, 0x0D, 0x09, 0x1F
# Stand for a line feed, carriage return or tab inside a cell until the rows are told apart.
_PLACEHOLDERS = {0x1E: _NEWLINE, 0x1D: _RETURN, 0x1C: _TAB}
_UNKEEPABLE = (b"\x00", b"\x1c", b"\x1d", b"\x1e", b"\x1f")
_COPY_ESCAPES = {b"\x1e": b"\\n", b"\x1d": b"\\r", b"\x1c": b"\\t"}


@dataclass(frozen=True)
class Block:
    """The rows of a sound block.

    Attributes:
        rows: each row's cells joined by ``UNIT``, in COPY text form, as UTF-8.
        event_values: the event date's cell of each row, as delivered; empty when none was asked for.
        length: bytes of the block that the rows take up; the rest belongs to a row that goes on.
    """

    rows: list[bytes]
    event_values: list[str]
    length: int


def take_apart(
    block: bytes, *, delimiter: int, quote: int | None, width: int, event: int | None, trailing: int = 0
) -> Block | None:
    """The rows of a block, or None when it has to be read row by row.

    Args:
        block: lines of valid UTF-8, the last one ended by a line feed, be it inside a quoted cell.
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
    has_quotes = quote is not None and b'"' in block
    length = len(block)
    text = block
    if b"\r" in text and not has_quotes:
        text = text.replace(b"\r\n", b"\n")
        if b"\r" in text:
            return None
    if has_quotes:
        unquoted = _without_quotes(text, delimiter)
        if unquoted is None:
            return None
        array, length = unquoted
    else:
        if delimiter != _TAB and b"\t" in text:
            text = text.replace(b"\t", b"\x1c")
        array = np.frombuffer(text, dtype=np.uint8).copy()
        array[array == delimiter] = _UNIT
    found = _places(array, width, trailing)
    if found is None:
        return None
    starts, places, ends = found
    body = array.tobytes()
    values: list[str] = []
    if event is not None:
        left = starts if event == 0 else places[:, event - 1] + 1
        right = ends if event == width + trailing - 1 else places[:, event]
        pairs = zip(left.tolist(), right.tolist(), strict=True)
        values = [body[start:end].decode() for start, end in pairs]
        for placeholder, meant in _PLACEHOLDERS.items():
            if bytes([placeholder]) in body:
                values = [value.replace(chr(placeholder), chr(meant)) for value in values]
    if b"\\" in body:
        body = body.replace(b"\\", b"\\\\")
    for placeholder_byte, escape in _COPY_ESCAPES.items():
        if placeholder_byte in body:
            body = body.replace(placeholder_byte, escape)
    rows = body[:-1].split(b"\n")
    if trailing:
        rows = [row[:-trailing] for row in rows]
    return Block(rows, values, length)


def _places(array: np.ndarray, width: int, trailing: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Where rows start, their separators stand and they end; None unless every row has as many cells."""
    units = np.flatnonzero(array == _UNIT)
    ends = np.flatnonzero(array == _NEWLINE)
    starts = np.concatenate(([0], ends[:-1] + 1))
    per_row = width + trailing - 1
    if len(units) != per_row * len(ends):
        return None
    places = units.reshape(len(ends), per_row)
    if per_row == 0:
        return None if (starts == ends).any() else (starts, places, ends)
    if (places[:, 0] < starts).any() or (places[:, -1] > ends).any():
        return None
    if trailing and (ends - places[:, width - 1] != trailing).any():
        return None
    return starts, places, ends


def _without_quotes(text: bytes, delimiter: int) -> tuple[np.ndarray, int] | None:
    """The block up to the last row that ends in it, separators marked and quotation marks undone.

    Returns:
        The bytes, and how many of the block they stand for; None when a mark stands where none may.
    """
    array = np.frombuffer(text, dtype=np.uint8)
    is_quote = array == _QUOTE
    inside = np.bitwise_xor.accumulate(is_quote)  # from an opening mark up to the byte before the closing one
    if inside[-1]:
        line_ends = np.flatnonzero((array == _NEWLINE) & ~inside)
        if not len(line_ends):
            return None
        cut = int(line_ends[-1]) + 1
        array, is_quote, inside = array[:cut], is_quote[:cut], inside[:cut]
    length = len(array)
    is_delimiter = array == delimiter
    places = np.flatnonzero(is_quote)
    opens = inside[places]
    opening, closing = places[opens], places[~opens]
    before = np.maximum(opening - 1, 0)
    after = closing + 1  # the block ends with a line end, so there is one
    starts_cell = (opening == 0) | (array[before] == _NEWLINE) | is_delimiter[before]
    ends_cell = (array[after] == _NEWLINE) | (array[after] == _RETURN) | is_delimiter[after]
    # A mark inside a quoted cell is doubled: it closes, and the next byte opens again.
    if not (starts_cell | (array[before] == _QUOTE)).all() or not (ends_cell | is_quote[after]).all():
        return None
    made = array.copy()
    made[is_delimiter & ~inside] = _UNIT
    keep = np.ones(length, dtype=bool)
    keep[opening[starts_cell]] = False
    keep[closing] = False
    for placeholder, meant in _PLACEHOLDERS.items():
        if meant in (_TAB, _RETURN) and bytes([meant]) not in text:
            continue
        is_meant = array == meant
        if meant == _TAB and delimiter != _TAB:
            made[is_meant] = placeholder
            continue
        made[is_meant & inside] = placeholder
        if meant == _RETURN:
            returns = np.flatnonzero(is_meant & ~inside)
            if (array[returns + 1] != _NEWLINE).any():
                return None
            keep[returns] = False
    kept: np.ndarray = made[keep]
    return kept, length
