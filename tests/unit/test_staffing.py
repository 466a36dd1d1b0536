"""The staffing what-if: its formula against a discrete-event simulation, its shifts against all assignments."""

from __future__ import annotations

from datetime import date, time
from itertools import product
from random import Random

import ciw
import pytest

from yardstick.staffing.cover import Shift, fewest_per_shift
from yardstick.staffing.waiting import Demand
from yardstick.staffing.what_if import plan

MONTH = date(2026, 3, 1)
TARGET = 30.0


def simulated(demand: Demand, people: int, tickets: int, seed: int) -> list[float]:
    """Minutes that tickets waited, one after the other, in a simulation that knows nothing of the formula."""
    ciw.seed(seed)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(demand.tickets_per_hour / 60)],
        service_distributions=[ciw.dists.Exponential(1 / demand.handling_minutes)],
        number_of_servers=[people],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(tickets, method="Finish")
    waits = [record.waiting_time for record in simulation.get_all_records()]
    return waits[tickets // 20 :]  # the queue was empty when it began


@pytest.mark.parametrize(
    ("per_hour", "handling", "people"),
    [(0.5, 45, 1), (1, 60, 2), (2, 45, 2), (3, 40, 3), (12, 30, 8)],
)
def test_formula_agrees_with_a_simulation_within_five_percent(
    per_hour: float, handling: float, people: int
) -> None:
    demand = Demand(per_hour, handling)
    waits = simulated(demand, people, 60_000, seed=7)
    within = sum(wait <= TARGET for wait in waits) / len(waits)
    assert demand.answered_within(people, TARGET) == pytest.approx(within, rel=0.05)
    if demand.load < 0.6 * people:  # with fewer to spare, means of so many tickets still differ by more
        assert demand.mean_wait_minutes(people) == pytest.approx(sum(waits) / len(waits), rel=0.05)
    waiting = sum(wait > 0 for wait in waits) / len(waits)
    assert demand.waiting_probability(people) == pytest.approx(waiting, rel=0.05)


@pytest.mark.parametrize(("per_hour", "level"), [(0.3, 0.8), (2, 0.95), (9, 0.8)])
def test_one_fewer_would_not_do_in_the_simulation_either(per_hour: float, level: float) -> None:
    demand = Demand(per_hour, 50)
    people = demand.fewest(TARGET, level)
    reached = simulated(demand, people, 12_000, seed=3)
    assert sum(wait <= TARGET for wait in reached) / len(reached) > level - 0.01
    if people - 1 > demand.load:
        missed = simulated(demand, people - 1, 12_000, seed=3)
        assert sum(wait <= TARGET for wait in missed) / len(missed) < level + 0.01


def test_edges_of_the_formula() -> None:
    assert Demand(0, 30).fewest(TARGET, 0.8) == 0
    assert Demand(4, 30).answered_within(2, TARGET) == 0, "two are just busy for ever"
    assert Demand(4, 30).waiting_probability(2) == 1
    assert Demand(2000, 30).fewest(1, 0.9) > 1000, "as many as one likes"
    for demand, problem in (((-1, 30), "demand"), ((1, 0), "demand")):
        with pytest.raises(ValueError, match=problem):
            Demand(*demand)
    for minutes, level in ((-1, 0.8), (30, 0), (30, 1)):
        with pytest.raises(ValueError, match="target"):
            Demand(1, 30).fewest(minutes, level)


def test_fewest_per_shift_are_the_fewest_of_all() -> None:
    random = Random(5)
    solved = 0
    for _ in range(60):
        shifts = [
            Shift(time(random.randrange(24), 30 * random.randrange(2)), time(random.randrange(24)), "", 0)
            for _ in range(random.randrange(1, 4))
        ]
        needed = {hour: random.randrange(4) for hour in range(24)}
        people = fewest_per_shift(shifts, needed)
        hours = [shift.hours() for shift in shifts]

        def does(assigned: tuple[int, ...], hours: list[frozenset[int]] = hours) -> bool:
            return all(
                sum(n for n, covered in zip(assigned, hours, strict=True) if hour in covered) >= needed[hour]  # noqa: B023
                for hour in frozenset().union(*hours)
            )

        assert does(tuple(people))
        best = min(sum(each) for each in product(range(4), repeat=len(shifts)) if does(each))
        assert sum(people) == best
        solved += best > 0
    assert solved > 40


def test_a_shift_over_midnight_and_one_from_half_past() -> None:
    assert Shift(time(23), time(7), "夜", 1).hours() == {23, *range(7)}
    assert Shift(time(8, 30), time(17, 30), "白", 1).hours() == set(range(8, 18))
    assert Shift(time(8, 40), time(17, 20), "白", 1).hours() == set(range(9, 17))


def test_plan_puts_the_needed_people_into_the_shifts_worked() -> None:
    early, late = Shift(time(7), time(15), "早", 1.0), Shift(time(15), time(23), "中", 0.4)
    busy = dict.fromkeys(range(7, 15), (2.0, 1.0)) | dict.fromkeys(range(15, 24), (0.1, 0.4))
    found = plan(
        busy, [early, late], month=MONTH, minutes=30, level=0.8, handling_minutes=45, is_measured=True
    )
    by_name = {each.shift.name: each for each in found.shifts}
    assert by_name["早"].people_needed == Demand(2, 45).fewest(30, 0.8) == 3
    assert by_name["早"].level_now == 0, "one person is busy for an hour and a half of every hour"
    assert by_name["早"].level_reached > 0.8
    assert by_name["中"].people_needed == 1
    assert by_name["中"].level_now == 0, "nobody most of the time"
    assert found.uncovered_share == pytest.approx(0.1 / sum(tickets for tickets, _ in busy.values()))
    assert [hour.people_assigned for hour in found.hours] == [0] * 7 + [3] * 8 + [1] * 8 + [0]
    assert found.hours[23].people_needed == 1
