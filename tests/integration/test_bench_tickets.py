"""The benchmark of tickets measures what is right."""

from __future__ import annotations

from yardstick.bench.report import Report
from yardstick.bench.tickets import hours, minutes
from yardstick.bench.tickets.company import found
from yardstick.settings import Settings


def test_three_ways_to_count_service_minutes_agree_with_a_look_at_every_minute(settings: Settings) -> None:
    report = Report("tickets")
    minutes.measure(found(settings), 300, 1, report)
    assert report.sizes["events"] == 1_500
    assert report.details["checked"] == [
        {"tickets": 300, "differences": {"ours": 0, "without_holidays": 0, "with_holidays": 0}}
    ]
    assert set(report.ratios) == set(minutes.PEERS.values())
    assert min(report.ratios.values()) > 0


def test_answers_about_ten_times_the_tickets_are_looked_at_too(settings: Settings) -> None:
    report = Report("tickets")
    minutes.grow(found(settings), 50, report)
    assert report.sizes == {"events_1x": 250, "events_10x": 2_500}
    assert report.details["checked"] == 2 * [{"tickets": 50, "differences": {"ours": 0}}]
    assert report.ratios["service_minutes_10x_data"] > 0


def test_minutes_are_counted_from_each_event_to_the_next() -> None:
    served = hours.served("office")
    monday = 7 * hours.DAY_MINUTES  # 8 January 2024
    moments = [monday + at for at in (500, 520, 700, 840, 1200)]
    kinds = ["opened", "accepted", "paused", "resumed", "closed"]
    statuses = ["open", "in_progress", "waiting_parts", "in_progress", "closed"]
    found = minutes.count_minutes(served, moments, kinds, statuses)
    assert dict(zip([*minutes.MILESTONES, *minutes.STATES], found, strict=True)) == {
        "assign_service_minutes": 10,
        "first_response_service_minutes": 10,
        "first_resolution_service_minutes": 450,
        "close_service_minutes": 450,
        "waiting_service_minutes": 10,
        "work_service_minutes": 180 + 210,
        "owner_waiting_service_minutes": 0,
        "internal_waiting_service_minutes": 20 + 30,
        "outside_waiting_service_minutes": 0,
        "done_service_minutes": 0,
    }


def test_a_closed_day_is_served_where_holidays_do_not_count() -> None:
    new_year = slice(0, hours.DAY_MINUTES)
    assert hours.served("office")[new_year].sum() == 0
    assert hours.served("office", with_holidays=False)[new_year].sum() == 450
    assert hours.served("always")[new_year].sum() == hours.DAY_MINUTES
