"""The slow reference of service levels, on promises worked out by hand: served from eight to six, every day."""

from __future__ import annotations

from datetime import date

from tests.reference.sla import Company, Promise, Promises
from tests.reference.tickets import minute
from tests.ticket_lives import PROMISED, at


def promises(name: str) -> list[Promise]:
    case = PROMISED[name]
    company = Company(
        [(date(2015, 1, 1), "first", {"policies": case.policies})],
        {"lift": ("equipment", False)},
        {"P1": "A"},
        {"city": "UTC"},
    )
    return list(Promises(case.life, company, date(2015, 3, case.horizon)).all())


def clock(at_minute: int | None) -> str | None:
    """As in ``2 09:00``."""
    if at_minute is None:
        return None
    day, minutes = divmod(at_minute - minute(at("1 00:00")), 1_440)
    return f"{day + 1} {minutes // 60:02}:{minutes % 60:02}"


def test_a_promise_is_broken_in_the_minute_after_the_last_one() -> None:
    [kept], [broken] = promises("kept in the last minute"), promises("a minute late")
    assert (kept.status, kept.used, kept.breached) == ("met", 60, None)
    assert (broken.status, broken.used, clock(broken.breached)) == ("breached", 61, "2 10:01")
    assert clock(kept.due) == clock(broken.due) == "2 10:00"


def test_minutes_rest_while_the_owner_is_waited_for_and_outside_the_hours() -> None:
    [complete] = promises("rests for the owner and at night")
    assert (complete.used, clock(complete.breached), clock(complete.due)) == (540, "3 08:21", "3 08:20")


def test_what_runs_is_broken_when_its_day_has_come() -> None:
    [early], [late] = promises("runs"), promises("runs and its day has come")
    assert (early.status, clock(early.breaches), early.breached) == ("running", "3 09:01", None)
    assert (late.status, clock(late.breached), clock(late.due)) == ("breached_open", "3 09:01", "3 09:00")
    [paused] = promises("rests")
    assert (paused.status, paused.breaches, paused.due, paused.used) == ("paused", None, None, None)


def test_a_stricter_policy_breaks_at_once_and_a_milder_one_heals_nothing() -> None:
    [complete] = promises("stricter, then milder")
    assert (complete.policy, complete.target_minutes) == ("mild", 300)
    assert (complete.status, clock(complete.breached), clock(complete.due)) == (
        "breached",
        "2 10:00",
        "2 14:00",
    )


def test_what_nobody_promises_is_void_or_nothing() -> None:
    assert [each.status for each in promises("no longer promised")] == ["void"]
    assert promises("never promised") == []


def test_closing_answers_nothing() -> None:
    assert [(each.target, each.status) for each in promises("closed without an answer")] == [
        ("respond", "void"),
        ("attend", "void"),
        ("update", "void"),
    ]
    assert [each.status for each in promises("cancelled late")] == ["breached"]


def test_messages_and_updates_are_promised_one_by_one() -> None:
    assert [
        (each.target, each.occurrence, clock(each.started), clock(each.fulfilled), each.status)
        for each in promises("messages and updates")
    ] == [
        ("next_reply", 1, "2 09:10", "2 09:30", "met"),
        ("next_reply", 2, "2 09:40", None, "breached"),
        ("update", 1, "2 09:00", "2 09:30", "met"),
        ("update", 2, "2 09:30", None, "breached"),
    ]


def test_calling_back_begins_at_the_end_and_never_rests() -> None:
    [called] = promises("called back")
    assert (called.status, called.used, clock(called.started)) == ("met", 30, "2 10:00")
    [waits] = promises("not called back")
    assert (waits.status, clock(waits.breached)) == ("breached_open", "2 11:01")


def test_a_ticket_that_ends_as_it_begins_was_promised_all_the_same() -> None:
    assert [(each.target, each.status, each.used) for each in promises("ends as it begins")] == [
        ("respond", "void", 0),
        ("complete", "met", 0),
    ]
