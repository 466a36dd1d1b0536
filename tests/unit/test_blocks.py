"""Blocks of delimited text: what is taken apart at once is what a strict reader reads, row by row."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yardstick.sources.blocks import Block, take_apart
from yardstick.sources.packing import unpack

CELL = st.text(st.sampled_from('a,\t"\n\r\\é漏 x;='), max_size=5)


def taken(text: str, delimiter: str = ",", width: int = 3) -> Block | None:
    return take_apart(text.encode(), delimiter=ord(delimiter), quote=ord('"'), width=width, event=1)


def agrees(text: str, delimiter: str) -> bool:
    """Whether the block was taken; what was taken must be what csv reads."""
    block = taken(text, delimiter)
    if block is None:
        return False
    whole = text.encode()[: block.length].decode()
    rows = list(csv.reader(io.StringIO(whole, newline=""), delimiter=delimiter, strict=True))
    assert [unpack(row.decode()).split("\x1f") for row in block.rows] == rows
    assert block.event_values == [row[1] if len(row) > 1 else "" for row in rows]
    assert block.uneven == {index: len(row) for index, row in enumerate(rows) if len(row) != 3}
    return True


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(",\t;"),
)
def test_every_well_formed_block_is_taken(rows: list[list[str]], quoting: int, delimiter: str) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, quoting=quoting).writerows(rows)
    assert agrees(stream.getvalue(), delimiter)


@settings(max_examples=2000, deadline=None)
@given(st.text(st.sampled_from('a,\t"\n,"\\\r'), max_size=25), st.sampled_from(",\t"))
def test_what_is_not_sound_is_never_taken_wrongly(text: str, delimiter: str) -> None:
    agrees(text + "\n", delimiter)


@pytest.mark.parametrize(
    "text",
    [
        "a,b,c\n\na,b,c\n",  # a blank line
        'a,"b"x,c\n',
        'a,5" pipe,c\n',
        "a,b,c\rd,e,f\n",
        "a,b\x1fc,d\n",
        "a,b\0c,d\n",
    ],
)
def test_faults_are_left_to_the_careful_reader(text: str) -> None:
    assert taken("1,2,3\n") is not None
    assert taken(text) is None
    more = taken("1,2,3\n" + text)
    assert more is None or (len(more.rows), more.length) == (1, len("1,2,3\n"))


def test_rows_with_cells_too_many_or_too_few_cost_only_themselves() -> None:
    text = "1,2,3\na,b\n4,5,6\na,b,c,d\nx\n"
    block = taken(text)
    assert block is not None
    assert agrees(text, ",")
    assert block.uneven == {1: 2, 3: 4, 4: 1}
    assert taken("a,b\na,b,c,d\n") is not None  # as many separators as two sound rows have


def test_a_row_that_goes_on_in_the_next_block_is_left_for_it() -> None:
    block = taken('1,2,3\n4,"five\n')
    assert block is not None
    assert block.length == len("1,2,3\n")
    assert block.rows == [b"1\x1f2\x1f3"]
