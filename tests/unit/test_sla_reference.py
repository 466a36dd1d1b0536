"""The slow reference of service levels, on promises worked out by hand: served from eight to six, every day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from tests.reference.sla import Company, Promise, Promises
from tests.reference.tickets import CallBack, Event, Life, minute
from tests.ticket_lives import at, event, life

EVERYTHING = {"minutes": 60, "clock": "calendar"}
CLOSED = "20:00"


def promised(*events: Event, closed: str | None = CLOSED, horizon: int = 2, **policies: Any) -> list[Promise]:
    return promises(life(*events, closed=closed), horizon, **policies)


def promises(of: Life, horizon: int = 2, **policies: Any) -> list[Promise]:
    company = Company(
        [(date(2015, 1, 1), "first", {"policies": policies})],
        {"lift": ("equipment", False)},
        {"P1": "A"},
        {"city": "UTC"},
    )
    return list(Promises(of, company, date(2015, 3, horizon)).all())


def policy(**targets: Any) -> dict[str, Any]:
    return {"targets": targets}


def clock(at_minute: int | None) -> str | None:
    """As in ``2 09:00``."""
    if at_minute is None:
        return None
    day, minutes = divmod(at_minute - minute(at("1 00:00")), 1_440)
    return f"{day + 1} {minutes // 60:02}:{minutes % 60:02}"


def test_a_promise_is_broken_in_the_minute_after_the_last_one() -> None:
    kept, broken = (
        promised(event(when, "responded"), all=policy(respond=EVERYTHING))[0] for when in ("10:00", "10:01")
    )
    assert (kept.status, kept.used, kept.breached) == ("met", 60, None)
    assert (broken.status, broken.used, clock(broken.breached)) == ("breached", 61, "2 10:01")
    assert clock(kept.due) == clock(broken.due) == "2 10:00"


def test_minutes_rest_while_the_owner_is_waited_for_and_outside_the_hours() -> None:
    target = {"minutes": 500, "clock": "service", "paused_in": ["waiting_owner"]}
    [complete] = promised(
        event("10:00", "paused", pause_reason="owner"),
        event("11:00", "resumed"),
        closed="3 09:00",
        horizon=3,
        all=policy(complete=target),
    )
    assert (complete.used, clock(complete.breached), clock(complete.due)) == (540, "3 08:21", "3 08:20")


def test_what_runs_is_broken_when_its_day_has_come() -> None:
    target = {"minutes": 600, "clock": "service"}
    open_ticket = life()
    [early], [late] = (promises(open_ticket, day, all=policy(respond=target)) for day in (2, 3))
    assert (early.status, clock(early.breaches), early.breached) == ("running", "3 09:01", None)
    assert (late.status, clock(late.breached), clock(late.due)) == ("breached_open", "3 09:01", "3 09:00")
    resting = life(event("09:30", "paused", pause_reason="owner"))
    [paused] = promises(resting, 3, all=policy(respond=target | {"paused_in": ["waiting_owner"]}))
    assert (paused.status, paused.breaches, paused.due, paused.used) == ("paused", None, None, None)


def test_a_stricter_policy_breaks_at_once_and_a_milder_one_heals_nothing() -> None:
    strict = {"applies_to": {"priorities": ["high"]}} | policy(complete={"minutes": 30, "clock": "calendar"})
    mild = policy(complete={"minutes": 300, "clock": "calendar"})
    [complete] = promised(
        event("10:00", "priority_changed", priority_after="high"),
        event("10:30", "priority_changed", priority_after="low"),
        event("10:40", "item_changed", service_item_id_after="lift"),
        closed="11:00",
        strict=strict,
        mild=mild,
    )
    assert (complete.policy, complete.target_minutes) == ("mild", 300)
    assert (complete.status, clock(complete.breached), clock(complete.due)) == (
        "breached",
        "2 10:00",
        "2 14:00",
    )


def test_what_nobody_promises_is_void_or_nothing() -> None:
    of_lifts = {"applies_to": {"priorities": ["high"]}} | policy(complete=EVERYTHING)
    raised = event("09:10", "priority_changed", priority_after="high")
    lowered = event("09:20", "priority_changed", priority_after="low")
    assert promised(raised, lowered, closed="09:30", of_lifts=of_lifts)[0].status == "void"
    assert promised(lowered, closed="09:30", of_lifts=of_lifts) == []


def test_closing_answers_nothing() -> None:
    unanswered = promised(
        closed="09:30", all=policy(respond=EVERYTHING, attend=EVERYTHING, update=EVERYTHING)
    )
    assert [(each.target, each.status) for each in unanswered] == [
        ("respond", "void"),
        ("attend", "void"),
        ("update", "void"),
    ]
    cancelled = life(status="cancelled", closed_at=at("11:00"))
    assert [each.status for each in promises(cancelled, all=policy(complete=EVERYTHING))] == ["breached"]


def test_messages_and_updates_are_promised_one_by_one() -> None:
    told = promised(
        event("09:10", "commented", actor_role="owner"),
        event("09:20", "commented", actor_role="owner"),
        event("09:30", "responded"),
        event("09:40", "commented", actor_role="owner"),
        closed="10:50",
        all=policy(next_reply=EVERYTHING, update=EVERYTHING),
    )
    assert [
        (each.target, each.occurrence, clock(each.started), clock(each.fulfilled), each.status)
        for each in told
    ] == [
        ("next_reply", 1, "2 09:10", "2 09:30", "met"),
        ("next_reply", 2, "2 09:40", None, "breached"),
        ("update", 1, "2 09:00", "2 09:30", "met"),
        ("update", 2, "2 09:30", None, "breached"),
    ]


def test_calling_back_begins_at_the_end_and_never_rests() -> None:
    of = life(closed="10:00")
    reached = life(closed="10:00", call_backs=(CallBack("1", at("10:30"), "reached"),))
    [called] = promises(reached, all=policy(call_back=EVERYTHING))
    assert (called.status, called.used, clock(called.started)) == ("met", 30, "2 10:00")
    [waits] = promises(of, all=policy(call_back=EVERYTHING))
    assert (waits.status, clock(waits.breached)) == ("breached_open", "2 11:01")


def test_a_ticket_that_ends_as_it_begins_was_promised_all_the_same() -> None:
    of = replace(life(closed="09:00:40").ticket, events=())
    kept = promises(Life(of, life().work), all=policy(complete=EVERYTHING, respond=EVERYTHING))
    assert [(each.target, each.status, each.used) for each in kept] == [
        ("respond", "void", 0),
        ("complete", "met", 0),
    ]
