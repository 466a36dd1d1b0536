"""How lists and names inside JSON rows become rows and columns."""

from __future__ import annotations

from typing import Any

import pytest

from yardstick.sources.delivery import RefusedError
from yardstick.sources.json_rows import _text
from yardstick.sources.json_shape import Shaper, declared

ISSUE: dict[str, Any] = {
    "key": "HELP-1",
    "changelog": {
        "histories": [
            {"id": "1", "items": [{"field": "status", "to": "Done"}, {"field": "assignee", "to": "u1"}]},
            {"id": "2", "items": [{"field": "labels", "to": "wet"}]},
            {"id": "3", "items": []},
        ]
    },
}
EACH = {"changelog.histories": "each", "changelog.histories.items": "each"}


def shaped(rows: list[Any], **given: Any) -> tuple[list[Any], Shaper]:
    shaper = Shaper(declared(given), _text)
    return shaper.rows(rows, "pull: page 1"), shaper


def test_every_item_of_a_list_in_a_list_becomes_a_row_beside_what_it_stood_in() -> None:
    rows, _ = shaped([ISSUE, {"key": "HELP-2", "changelog": {"histories": []}}], lists=EACH)
    found = [
        (row["key"], row["changelog"]["histories"]["id"], row["changelog"]["histories"]["items"]["field"])
        for row in rows
    ]
    assert found == [("HELP-1", "1", "status"), ("HELP-1", "1", "assignee"), ("HELP-1", "2", "labels")]
    assert len(ISSUE["changelog"]["histories"]) == 3  # the page itself stays as it came


@pytest.mark.parametrize(
    ("how", "becomes"),
    [
        ("first", {"id": 7, "value": "A"}),
        ("last", {"id": 8, "value": "B"}),
        ({"by": "id"}, {"7": {"id": 7, "value": "A"}, "8": {"id": 8, "value": "B"}}),
    ],
)
def test_one_item_of_a_list_can_be_addressed(how: Any, becomes: Any) -> None:
    fields = [{"id": 7, "value": "A"}, {"id": 8, "value": "B"}]
    rows, _ = shaped([{"custom": fields}, {"custom": []}, {"custom": None}, {}], lists={"custom": how})
    assert rows == [{"custom": becomes}, {"custom": None}, {"custom": None}, {}]


def test_a_list_that_is_none_and_a_key_that_stands_twice_are_refused() -> None:
    with pytest.raises(RefusedError, match="page 1 has a row without a list at 'custom'"):
        shaped([{"custom": "none"}], lists={"custom": "each"})
    with pytest.raises(RefusedError, match="holds one 'id' twice"):
        shaped([{"custom": [{"id": 7}, {"id": "7"}]}], lists={"custom": {"by": "id"}})


def test_a_column_is_told_apart_by_the_one_that_names_it() -> None:
    rows, _ = shaped(
        [{"field": "state", "old": "1", "new": "2"}, {"field": "", "old": "x", "new": "y"}],
        spread={"by": "field", "columns": ["old", "new"]},
    )
    assert rows[0] == {"field": "state", "old": "1", "new": "2", "old[state]": "1", "new[state]": "2"}
    assert rows[1] == {"field": "", "old": "x", "new": "y"}


def test_the_key_that_an_object_has_becomes_a_column() -> None:
    rows, _ = shaped(
        [{"child": {"status": "open", "previous": "new"}}, {"child": {"tags": "x"}}],
        named={"child.changed": ["status", "group_id"]},
        spread={"by": "child.changed", "columns": ["child.previous"]},
    )
    assert rows[0]["child"]["changed"] == "status"
    assert rows[0]["child"]["previous[status]"] == "new"
    assert rows[1]["child"] == {"tags": "x", "status": None, "group_id": None, "changed": None}


def test_the_first_column_that_holds_something_is_taken() -> None:
    rows, _ = shaped([{"a": {}, "b": "2"}, {"a": "1", "b": "2"}, {"b": ""}], first_of={"due": ["a", "b"]})
    assert [row["due"] for row in rows] == ["2", "1", None]


def test_rows_that_are_no_data_are_left_out_and_told() -> None:
    rows, shaper = shaped(
        [{"kind": "Change", "open": True}, {"kind": "Note", "open": True}, {"open": True}, "no object"],
        keep={"kind": ["Change"], "open": [True]},
    )
    assert rows == [{"kind": "Change", "open": True}, "no object"]
    assert shaper.told() == [
        "2 row(s) hold something else in 'kind' than keep says: they are no data of this entity"
    ]
