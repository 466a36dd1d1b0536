"""The staff: posts, who holds them, who comes and goes and changes places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from random import Random  # seeded on purpose: reproducible, not secret
from typing import NamedTuple

from yardstick.simulator import catalogue
from yardstick.simulator.calendar import Day
from yardstick.simulator.plan import Plan
from yardstick.simulator.posts import POST_KINDS, PostKind
from yardstick.simulator.projects import Project

HEADQUARTERS = "HQ"
INSPECTOR = "HQ-QI"


@dataclass
class Person:
    """A person; the latent traits are true and stand in no delivery.

    Attributes:
        person_id: six digits, leading zeros kept.
        name: full name.
        gender: ``female`` or ``male``.
        birth: day of birth.
        phone: phone number.
        education: highest degree.
        contract: kind of contract.
        grade: job grade.
        unit: org unit.
        function: function of the post held.
        joined: first day in service.
        left: last day in service; None while in service.
        reason: why the person left.
        lateness: chance of being late on a day.
    """

    person_id: str
    name: str
    gender: str
    birth: date
    phone: str
    education: str
    contract: str
    grade: str
    unit: str
    function: str
    joined: date
    left: date | None = None
    reason: str = ""
    lateness: float = 0.03


@dataclass(frozen=True)
class Post:
    """A post of the establishment.

    Attributes:
        post_id: its id.
        kind: what it is.
        project: None at headquarters.
        established: persons established.
        is_outsourced: filled by another company's staff.
    """

    post_id: str
    kind: PostKind
    project: Project | None
    established: int
    is_outsourced: bool

    @property
    def unit(self) -> str:
        """The org unit it belongs to."""
        if self.project is None:
            return HEADQUARTERS
        if self.kind.department == "PM":
            return self.project.project_id
        return f"{self.project.project_id}-{self.kind.department}"


@dataclass
class Stint:
    """One person on one seat of a post.

    Attributes:
        person: who.
        post: which post.
        seat: which of the post's seats, from 0.
        first: first day.
        last: last day, included; None while it lasts.
        kind: ``primary`` or ``acting``.
        share: percent of the working time.
        reason: why it began.
    """

    person: Person
    post: Post
    seat: int
    first: date
    last: date | None
    kind: str = "primary"
    share: int = 100
    reason: str = "joined"

    def covers(self, day: date) -> bool:
        """Whether the day is part of it."""
        return self.first <= day and (self.last is None or day <= self.last)


class Shift(NamedTuple):
    """A planned shift, or a day of leave, and what came of it.

    Attributes:
        person: whose.
        post: the post manned.
        day: the day it begins.
        code: the source's name of it; empty for leave.
        starts: planned beginning; None for leave.
        ends: planned end, which may be on the next day.
        leave: kind of leave taken, planned or not.
        is_leave_planned: whether the roster knew.
        clock_in: when the person came; None: not known or not there.
        clock_out: when the person went.
        overtime: minutes of overtime.
        swapped: the colleague the shift was swapped with.
        is_absent: nobody came and nobody said why.
    """

    person: Person
    post: Post
    day: Day
    code: str
    starts: datetime | None
    ends: datetime | None
    leave: str
    is_leave_planned: bool
    clock_in: datetime | None
    clock_out: datetime | None
    overtime: int
    swapped: Person | None
    is_absent: bool


@dataclass
class Staff:
    """Everybody, and who is where.

    Attributes:
        people: everybody who was ever in service, in order of their ids.
        posts: the establishment.
        stints: who held which seat.
        shifts: every planned shift and day of leave.
        inspectors: the inspectors, in order of their numbers.
        ratios: present by planned persons of a project's department, by day number; only where below 1.
        on_duty: persons at work by project, department and day number.
    """

    people: list[Person]
    posts: list[Post]
    stints: list[Stint]
    shifts: list[Shift] = field(default_factory=list, repr=False)
    inspectors: list[Person] = field(default_factory=list)
    ratios: dict[tuple[str, str, int], float] = field(default_factory=dict, repr=False)
    on_duty: dict[tuple[str, str, int], list[Person]] = field(default_factory=dict, repr=False)
    managers: dict[str, list[Stint]] = field(default_factory=dict, repr=False)

    def ratio(self, project_id: str, department: str, number: int) -> float:
        """Present by planned persons of a department on a day, drawn towards 1 for small teams."""
        return self.ratios.get((project_id, department, number), 1.0)

    def manager(self, project_id: str, day: date) -> Person | None:
        """The project's manager on a day."""
        return next((s.person for s in self.managers.get(project_id, ()) if s.covers(day)), None)


def inspectors_needed(projects: int) -> int:
    """How many inspectors a company of that size has."""
    return max(2, min(60, 2 + projects // 5))


def make_staff(projects: Sequence[Project], days: Sequence[Day], plan: Plan, seed: int) -> Staff:
    """Fill the posts; `duty.live` then goes through the days."""
    hiring = _Hiring(seed)
    staff = Staff(hiring.people, [], [])
    for post in _establishment(projects, seed):
        staff.posts.append(post)
        for seat in range(post.established):
            staff.stints += _seat(hiring, post, seat, days, plan, seed)
    _transfers(staff, days, seed)
    _acting(staff, days)
    for stint in staff.stints:
        if stint.post.kind.code == "PM" and stint.post.project:
            staff.managers.setdefault(stint.post.project.project_id, []).append(stint)
        if stint.post.post_id == INSPECTOR and stint.first <= days[0].date:
            staff.inspectors.append(stint.person)
    return staff


def _establishment(projects: Sequence[Project], seed: int) -> list[Post]:
    kind = PostKind("QI", "HQ", "management", "品质检查员", "Quality inspector", "", 0, "")
    head = PostKind("QM", "HQ", "management", "品质部经理", "Head of quality", "", 0, "")
    found = [
        Post("HQ-QM", head, None, 1, False),
        Post(INSPECTOR, kind, None, inspectors_needed(len(projects)), False),
    ]
    for project in projects:
        random = Random(f"{seed}/posts/{project.project_id}")  # noqa: S311
        size = project.area_m2 / 150_000
        numbers = {
            "PM": 1,
            "CM": 1,
            "FD": 1 + (size > 1.2),
            "ENG": 3 + (size > 1.3),
            "CLN": 3 + (size > 1.1),
            "GRD": 4,
            "GDN": 1,
        }
        for kind in POST_KINDS:
            found.append(
                Post(
                    f"{project.project_id}-{kind.code}",
                    kind,
                    project,
                    numbers[kind.code],
                    random.random() < kind.outsourced_share,
                )
            )
    return found


class _Hiring:
    """Numbers people as they come."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.people: list[Person] = []

    def hire(self, post: Post, joined: date, horizon: date) -> Person:
        """Somebody new."""
        number = len(self.people) + 1
        random = Random(f"{self.seed}/person/{number}")  # noqa: S311
        given = random.choice(catalogue.GIVEN)
        outsourced = post.is_outsourced
        person = Person(
            person_id=f"{number:06}",
            name=random.choice(catalogue.SURNAMES) + given,
            gender="female" if random.random() < (0.75 if post.kind.code in ("CM", "FD", "CLN") else 0.2) else "male",
            birth=horizon - timedelta(days=random.randrange(21 * 365, 56 * 365)),
            phone=f"1{random.choice('35789')}{random.randrange(10**9):09}",
            education=random.choice(("初中", "高中", "中专", "大专", "大专", "本科")),
            contract="outsourced" if outsourced else random.choices(
                ("fixed_term", "permanent", "temporary", "rehired"), (70, 18, 8, 4)
            )[0],
            grade=random.choice(("M1", "M2") if post.kind.function == "management" else ("P1", "P2", "P3")),
            unit=post.unit,
            function=post.kind.function,
            joined=joined,
            lateness=random.betavariate(1.2, 30),
        )  # fmt: skip
        self.people.append(person)
        return person


def _seat(hiring: _Hiring, post: Post, seat: int, days: Sequence[Day], plan: Plan, seed: int) -> list[Stint]:
    """Who sits on a seat, one after the other."""
    random = Random(f"{seed}/seat/{post.post_id}/{seat}")  # noqa: S311
    first, last = days[0].date, days[-1].date
    quality = post.project.level(post.kind.department, 0) if post.project else 0.5
    daily = (0.022 - 0.012 * quality) / 30  # chance of leaving on a day
    empty = [
        shortage
        for shortage in plan.shortages
        if post.project is not None
        and shortage.project_id == post.project.project_id
        and shortage.post == post.kind.code
        and seat < shortage.empty
    ]
    stints: list[Stint] = []
    day = first
    is_first = True
    while day <= last:
        joined = day
        if is_first:
            joined = first - timedelta(days=random.randrange(20, 2600))
            if post.kind.code not in ("PM", "CM", "QI", "QM") and random.random() < 0.03:
                day += timedelta(days=random.randrange(5, 40))  # vacant from the start
                is_first = False
                continue
        is_first = False
        blocked = next((s for s in empty if s.first_day <= day <= s.last_day), None)
        if blocked:
            day = blocked.last_day + timedelta(days=1)
            continue
        person = hiring.hire(post, joined, last)
        until = day + timedelta(days=int(random.expovariate(daily)))
        leaves = next((s.first_day - timedelta(days=1) for s in empty if day < s.first_day <= until), None)
        if leaves:
            until = leaves
        elif post.post_id == INSPECTOR:
            until = last + timedelta(days=1)
        if until >= last:
            stints.append(Stint(person, post, seat, joined, None))
            break
        person.left = until
        person.reason = "resigned" if leaves else random.choices(
            ("resigned", "dismissed", "contract_ended", "retired", "transferred"), (62, 6, 20, 7, 5)
        )[0]  # fmt: skip
        stints.append(Stint(person, post, seat, joined, until))
        day = until + timedelta(days=1 if post.kind.code == "PM" else random.randrange(8, 36))
    return stints


def _transfers(staff: Staff, days: Sequence[Day], seed: int) -> None:
    """In some middles of months two people of the same kind change places: both months are split."""
    random = Random(f"{seed}/transfers")  # noqa: S311
    first, last = days[0].date, days[-1].date
    movable = [
        stint
        for stint in staff.stints
        if stint.post.kind.code in ("FD", "ENG", "CLN", "GRD", "PM")
        and stint.last is None
        and stint.first <= first
        and not stint.post.is_outsourced
    ]
    for _ in range(max(1, len(staff.posts) // 50) if len(movable) > 3 and len(days) > 20 else 0):
        one = random.choice(movable)
        others = [
            other
            for other in movable
            if other.post.kind is one.post.kind and other.post.project is not one.post.project
        ]
        if not others:
            continue
        other = random.choice(others)
        for stint in (one, other):
            movable.remove(stint)
        month = random.choice(sorted({(day.date.year, day.date.month) for day in days}))
        moved = date(*month, random.randrange(8, 22))
        if not first < moved < last:
            continue
        for stint, goal in ((one, other), (other, one)):
            stint.last = moved - timedelta(days=1)
            staff.stints.append(Stint(stint.person, goal.post, goal.seat, moved, None, reason="transferred"))
            stint.person.unit = goal.post.unit


def _acting(staff: Staff, days: Sequence[Day]) -> None:
    """While a customer manager's post is empty, a neighbour's holds it beside their own: two posts at once."""
    held: dict[str, list[Stint]] = {}
    for stint in staff.stints:
        if stint.post.kind.code == "CM":
            held.setdefault(stint.post.post_id, []).append(stint)
    posts = [post for post in staff.posts if post.kind.code == "CM"]
    for index, post in enumerate(posts):
        stints = held.get(post.post_id, [])
        for before, after in pairwise(stints):
            if before.last is None or len(posts) < 2:
                continue
            gap = before.last + timedelta(days=1), after.first - timedelta(days=1)
            neighbour = posts[index - 1]
            person = next(
                (s.person for s in held.get(neighbour.post_id, []) if s.covers(gap[0]) and s.covers(gap[1])),
                None,
            )
            if person and gap[0] <= gap[1]:
                staff.stints.append(
                    Stint(person, post, 0, gap[0], gap[1], kind="acting", share=40, reason="other")
                )
