"""The slow reference of tickets, on lives worked out by hand: served from eight to six, every day."""

from __future__ import annotations

from datetime import date

import pytest
from tests.reference.backlog import backlog
from tests.reference.tickets import Both, Life
from tests.ticket_lives import CASES, CLOSING_UNKNOWN, at, unknown_closing


@pytest.fixture
def repair() -> Life:
    return CASES["repair"]


def test_parts_of_a_life_add_up_to_the_whole(repair: Life) -> None:
    durations = repair.durations()
    parts = {
        "work": Both(420 + 30 + 45, 420 + 30 + 45),
        "owner_waiting": Both(0, 0),
        "internal_waiting": Both(60 + 930 + 15, 60 + 90 + 15),
        "outside_waiting": Both(0, 0),
        "resting": Both(1440, 600),
    }
    assert {name: durations[name] for name in parts} == parts
    whole = repair.to(repair.ended_at)
    assert whole == Both(2940, 1260)
    assert whole == tuple(map(sum, zip(*parts.values(), strict=True)))
    assert durations["assign"] == Both(10, 10)
    assert durations["first_response"] == Both(60, 60)
    assert durations["first_resolution"] == Both(1440, 600)
    assert durations["attend"] is None


def test_a_life_is_cut_into_stays(repair: Life) -> None:
    assert [(span.state.department, span.state.status, span.entered_how) for span in repair.spans] == [
        ("desk", "open", "opened"),
        ("desk", "assigned", "status_changed"),
        ("team", "assigned", "handed_over"),
        ("team", "in_progress", "status_changed"),
        ("team", "waiting_parts", "status_changed"),
        ("team", "in_progress", "status_changed"),
        ("team", "closed", "status_changed"),
        ("team", "open", "reopened"),
        ("team", "in_progress", "status_changed"),
    ]
    assert [span.waits_for for span in repair.spans[3:7]] == [None, "inside", None, None]
    assert [span.is_last for span in repair.spans] == [False] * 8 + [True]


def test_stays_within_a_minute_are_none() -> None:
    stays = CASES["stays within a minute"].spans
    assert [(span.state.department, span.state.status) for span in stays] == [("team", "assigned")]
    assert CASES["over within a minute"].spans == []


def test_events_of_one_moment_follow_their_numbers() -> None:
    assert CASES["events of one moment"].spans[-1].state.status == "waiting_owner"


def test_a_department_that_gets_it_back_is_told_from_one_that_gets_it() -> None:
    spans = CASES["given back"].spans
    assert [span.entered_how for span in spans] == [
        "opened",
        "handed_over",
        "returned",
        "handed_over",
        "handed_over",
        "returned",
        "returned",
    ]
    assert spans[0].state.department == "a"
    assert spans[-1].length is None


def test_an_early_event_happens_at_opening_and_one_after_the_end_never() -> None:
    stays = CASES["before opening and after the end"]
    assert [(span.state.status, span.length) for span in stays.spans] == [("assigned", Both(60, 60))]
    assert stays.durations()["assign"] == Both(0, 0)


@pytest.mark.parametrize("status", ["closed", "cancelled"])
@pytest.mark.parametrize("name", CLOSING_UNKNOWN)
def test_a_closing_time_nobody_knows_is_that_of_the_last_event(name: str, status: str) -> None:
    assert unknown_closing(name, status).ended_at == at(CLOSING_UNKNOWN[name][1])


def test_a_priority_before_the_first_change_is_not_known() -> None:
    found = {
        name: [span.state.priority for span in CASES[f"priority {name}"].spans]
        for name in ("changed", "kept", "told at opening")
    }
    assert found == {"changed": [None, "high"], "kept": ["high"], "told at opening": ["low", "high"]}


def test_approvals_are_told_apart_by_level() -> None:
    asked = CASES["approvals"]
    assert asked.durations()["approval_waiting"] == Both(110, 100)
    assert asked.approval_by_level() == {"project": 30, "region": 60, "": 20}


def test_messages_wait_for_the_next_answer_together() -> None:
    spoken = CASES["messages"]
    assert spoken.durations()["reply_waiting"] == Both(30 + 60, 30 + 30)
    assert spoken.durations()["first_response"] == Both(40, 40)
    counts = spoken.counts()
    assert (counts["owner_messages"], counts["answers"], counts["touches"]) == (3, 1, 2)


def test_the_longest_silence_begins_where_nothing_happens_for_longest() -> None:
    silent = CASES["silence"]
    assert silent.longest_silence() == (silent.begins + 30, 90)


def test_a_handover_knows_how_long_it_lay_on_either_side(repair: Life) -> None:
    [handover] = repair.handovers()
    assert (handover.giving, handover.taking, handover.at - repair.begins) == ("desk", "team", 30)
    assert (handover.from_held, handover.from_waiting) == (Both(30, 30), Both(30, 30))
    assert handover.to_waiting == Both(30, 30)
    waits = CASES["handed over and still there"]
    assert waits.handovers()[0].to_waiting is None


def test_a_day_s_backlog_is_that_of_its_end() -> None:
    days = backlog([CASES["wanders"]], {"city": "UTC"}, {"city": date(2015, 3, 9)})
    found = {
        (key.department, key.day.day): {name: number for name, number in vars(figures).items() if number}
        for key, figures in days.items()
    }
    assert found == {
        ("team", 2): {"opened": 1, "open": 1, "open_0_1": 1},
        ("team", 3): {"handed_out": 1},
        ("other", 3): {"handed_in": 1, "open": 1, "overdue": 1, "open_1_3": 1},
        ("other", 4): {"handed_out": 1},
        ("team", 4): {"handed_in": 1, "closed": 1},
    }
