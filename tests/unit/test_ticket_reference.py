"""The slow reference of tickets, on lives worked out by hand: served from eight to six, every day."""

from __future__ import annotations

from datetime import date

import pytest
from tests.reference.backlog import backlog
from tests.reference.tickets import Both, Event, Life
from tests.ticket_lives import at, event, life


@pytest.fixture
def repair() -> Life:
    """Desk, team, parts for a night, and a day of rest before the owner opens it again."""
    return life(
        event("09:00", "opened", to_department_id="desk", actor_role="owner"),
        event("09:10", "assigned", to_department_id="desk", to_person_id="ann", actor_person_id="ann"),
        event("09:30", "handed_over", from_department_id="desk", to_department_id="team", actor_person_id="ann"),
        event("10:00", "responded", status_after="in_progress", actor_person_id="bob"),
        event("17:00", "paused", pause_reason="parts"),
        event("3 08:30", "resumed", actor_person_id="bob"),
        event("3 09:00", "closed", actor_person_id="bob"),
        event("4 09:00", "reopened", actor_role="owner"),
        event("4 09:15", "accepted", actor_person_id="bob", to_person_id="bob"),
        closed="4 10:00",
    )  # fmt: skip


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
    stays = life(
        event("09:00:10", "assigned", to_department_id="desk"),
        event("09:00:20", "handed_over", to_department_id="team"),
        event("09:20:00", "handed_over", to_department_id="other"),
        event("09:20:59", "accepted", to_department_id="desk"),
        closed="09:20:59",
    ).spans
    assert [(span.state.department, span.state.status) for span in stays] == [("team", "assigned")]
    assert life(closed="09:00:30").spans == []


def test_events_of_one_moment_follow_their_numbers() -> None:
    of_one_moment = [
        event("09:30", "paused", number="10", pause_reason="owner"),
        event("09:30", "resumed", number="9"),
    ]
    assert life(*of_one_moment).spans[-1].state.status == "waiting_owner"


def test_a_department_that_gets_it_back_is_told_from_one_that_gets_it() -> None:
    spans = life(
        event("09:10", "handed_over", from_department_id="a", to_department_id="b"),
        event("09:20", "handed_over", from_department_id="b", to_department_id="a"),
        event("09:30", "handed_over", to_department_id="c"),
        event("09:40", "handed_over", to_department_id="b"),
        event("09:50", "returned", to_department_id="a"),
        event("10:00", "returned", to_department_id="d"),
    ).spans
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
    stays = life(
        event("08:00", "assigned", to_department_id="team"),
        event("11:00", "paused", pause_reason="owner"),
        closed="10:00",
    )
    assert [(span.state.status, span.length) for span in stays.spans] == [("assigned", Both(60, 60))]
    assert stays.durations()["assign"] == Both(0, 0)


@pytest.mark.parametrize(
    ("events", "ended"),
    [
        ([], "09:00"),
        ([event("09:40", "commented")], "09:40"),
        ([event("09:30", "closed"), event("09:40", "commented")], "09:30"),
        ([event("08:30", "closed")], "09:00"),
    ],
)
def test_a_closing_time_nobody_knows_is_that_of_the_last_event(events: list[Event], ended: str) -> None:
    assert life(*events, status="closed").ended_at == at(ended)
    assert life(*events, status="cancelled", closed_at=at("08:00")).ended_at == at(ended)


def test_a_priority_before_the_first_change_is_not_known() -> None:
    changed = event("09:30", "priority_changed", priority_after="high")
    assert [span.state.priority for span in life(changed, priority="high").spans] == [None, "high"]
    assert [span.state.priority for span in life(priority="high").spans] == ["high"]
    opened = event("09:00", "opened", priority_after="low")
    assert [span.state.priority for span in life(opened, changed, priority="high").spans] == ["low", "high"]


def test_approvals_are_told_apart_by_level() -> None:
    asked = life(
        event("10:00", "approval_requested", approval_level="project"),
        event("10:30", "approval_requested", approval_level="region"),
        event("11:30", "approved", approval_level="region"),
        event("17:50", "approval_requested"),
        event("18:10", "approval_refused"),
        closed="18:10",
    )
    assert asked.durations()["approval_waiting"] == Both(110, 100)
    assert asked.approval_by_level() == {"project": 30, "region": 60, "": 20}


def test_messages_wait_for_the_next_answer_together() -> None:
    spoken = life(
        event("09:10", "commented", actor_role="owner"),
        event("09:20", "commented", actor_role="owner"),
        event("09:30", "commented", actor_role="technician", is_visible_to_owner=False),
        event("09:40", "commented", actor_role="technician", is_visible_to_owner=True),
        event("09:50", "responded", actor_role="system"),
        event("17:30", "commented", actor_role="owner"),
        closed="18:30",
    )
    assert spoken.durations()["reply_waiting"] == Both(30 + 60, 30 + 30)
    assert spoken.durations()["first_response"] == Both(40, 40)
    counts = spoken.counts()
    assert (counts["owner_messages"], counts["answers"], counts["touches"]) == (3, 1, 2)


def test_the_longest_silence_begins_where_nothing_happens_for_longest() -> None:
    silent = life(event("09:30", "responded"), event("11:00", "commented"), closed="12:30")
    assert silent.longest_silence() == (silent.begins + 30, 90)


def test_a_handover_knows_how_long_it_lay_on_either_side(repair: Life) -> None:
    [handover] = repair.handovers()
    assert (handover.giving, handover.taking, handover.at - repair.begins) == ("desk", "team", 30)
    assert (handover.from_held, handover.from_waiting) == (Both(30, 30), Both(30, 30))
    assert handover.to_waiting == Both(30, 30)
    waits = life(event("09:30", "handed_over", from_department_id="desk", to_department_id="team"))
    assert waits.handovers()[0].to_waiting is None


def test_a_day_s_backlog_is_that_of_its_end() -> None:
    wanders = life(
        event("09:10", "handed_over", from_department_id="desk", to_department_id="team"),
        event("3 09:00", "handed_over", to_department_id="other"),
        event("4 08:00", "handed_over", to_department_id="team"),
        closed="4 10:00",
        due_at=at("3 12:00"),
    )
    days = backlog([wanders], {"city": "UTC"}, {"city": date(2015, 3, 9)})
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
