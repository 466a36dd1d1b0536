"""How long a ticket waits until somebody is free: Erlang C, the queue M/M/c.

Tickets come at random and independently (Poisson), handling times are exponential, whoever is on duty takes the
ticket that has waited longest, nobody gives up, and the hour is long enough to be in balance. Formulas: A. K. Erlang,
"Solution of some problems in the theory of probabilities of significance in automatic telephone exchanges", 1917.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import poisson


@dataclass(frozen=True)
class Demand:
    """What is asked of the people on duty.

    Attributes:
        tickets_per_hour: tickets that come in one hour; 0 or more.
        handling_minutes: mean minutes for which a ticket keeps one person busy; more than 0.
    """

    tickets_per_hour: float
    handling_minutes: float

    def __post_init__(self) -> None:
        if self.tickets_per_hour < 0 or self.handling_minutes <= 0:
            raise ValueError(
                "demand is a number of tickets not below 0 and handling minutes above 0, "
                f"not {self.tickets_per_hour} and {self.handling_minutes}"
            )

    @property
    def load(self) -> float:
        """Persons it keeps busy on average (erlang)."""
        return self.tickets_per_hour * self.handling_minutes / 60

    def waiting_probability(self, people: int) -> float:
        """Share of the tickets that find nobody free; 1 when people are not enough at all.

        Args:
            people: persons on duty.
        """
        if self.load == 0:
            return 0.0 if people else 1.0
        if people <= self.load:
            return 1.0
        lost = float(poisson.pmf(people, self.load) / poisson.cdf(people, self.load))  # Erlang B
        return people * lost / (people - self.load * (1 - lost))

    def answered_within(self, people: int, minutes: float) -> float:
        """Share of the tickets that somebody takes up within so many minutes; 0 when the queue grows for ever.

        Args:
            people: persons on duty.
            minutes: how long a ticket may wait.
        """
        if people <= self.load:
            return 0.0 if self.load or not people else 1.0
        spare = (people - self.load) * minutes / self.handling_minutes
        return 1 - self.waiting_probability(people) * math.exp(-spare)

    def mean_wait_minutes(self, people: int) -> float:
        """Mean minutes until somebody takes a ticket up; infinite when the queue grows for ever."""
        if people <= self.load:
            return math.inf
        return self.waiting_probability(people) * self.handling_minutes / (people - self.load)

    def fewest(self, minutes: float, level: float) -> int:
        """The fewest persons with whom the share answered within so many minutes reaches the level.

        Args:
            minutes: how long a ticket may wait; 0 or more.
            level: share that must not wait longer, between 0 and 1, both excluded.

        Raises:
            ValueError: for minutes or a level that are none.
        """
        if minutes < 0 or not 0 < level < 1:
            raise ValueError(
                f"a target is minutes not below 0 and a level between 0 and 1, not {minutes}, {level}"
            )
        if self.load == 0:
            return 0
        people = math.floor(self.load) + 1
        while self.answered_within(people, minutes) < level:
            people += 1
        return people
