"""Duty: who should be at work when, who was, and how many were missing.

How many of a department are at work on a day, against how many should be, is what makes tickets slow,
steps skipped and standards failed elsewhere in the simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random  # seeded on purpose: reproducible, not secret

from yardstick.simulator.calendar import Day
from yardstick.simulator.people import HEADQUARTERS, Post, Shift, Staff, Stint
from yardstick.simulator.plan import Plan

_DAY, _EARLY, _MID, _NIGHT, _OFFICE, _CLEAN = "白", "早", "中", "夜", "行", "洁"
_HOURS = {
    _DAY: (8, 30, 540),
    _EARLY: (7, 0, 480),
    _MID: (15, 0, 480),
    _NIGHT: (23, 0, 480),
    _OFFICE: (9, 0, 540),
    _CLEAN: (6, 30, 480),
}
_GUARD = (_EARLY, _MID, _NIGHT, "")


def _code(post: Post, seat: int, day: Day) -> str:
    """The shift a seat has on a day; empty for a day off."""
    kind = post.kind.code
    if kind in ("PM", "CM", "GDN", "QI", "QM"):
        return _OFFICE if day.is_workday else ""
    if kind == "FD":
        return "" if (day.number + seat * 3) % 7 in (5, 6) else _DAY
    if kind == "CLN":
        return "" if (day.number + seat * 2) % 7 == 0 else _CLEAN
    if kind == "GRD":
        return _GUARD[(day.number + seat) % 4]
    turn = (day.number + seat) % post.established
    return (_EARLY, _MID, "", _DAY)[turn] if turn < 4 else _DAY


def live(staff: Staff, days: Sequence[Day], plan: Plan, seed: int) -> None:
    """Go through every seat's days; fills in shifts, who is on duty, and how many were missing."""
    planned: dict[tuple[str, str, int], int] = {}
    by_post: dict[str, list[Stint]] = {}
    for stint in staff.stints:
        if stint.kind == "primary":
            by_post.setdefault(stint.post.post_id, []).append(stint)
    short = {(s.project_id, s.department): (s.first_day, s.last_day) for s in plan.shortages}
    for post in staff.posts:
        project_id = post.project.project_id if post.project else HEADQUARTERS
        department = post.kind.department
        span = short.get((project_id, department))
        for seat in range(post.established):
            for day in days:
                if _code(post, seat, day):
                    place = project_id, department, day.number
                    planned[place] = planned.get(place, 0) + 1
            for stint in by_post.get(post.post_id, ()):
                if stint.seat == seat:
                    _serve(staff, stint, days, span, by_post[post.post_id], seed)
    for place, count in planned.items():
        present = len(staff.on_duty.get(place, ()))
        if present < count:
            staff.ratios[place] = (present + 0.6) / (count + 0.6)


def _serve(
    staff: Staff,
    stint: Stint,
    days: Sequence[Day],
    span: tuple[date, date] | None,
    colleagues: Sequence[Stint],
    seed: int,
) -> None:
    """One person's days on one seat."""
    person, post = stint.person, stint.post
    project_id = post.project.project_id if post.project else HEADQUARTERS
    random = Random(f"{seed}/duty/{person.person_id}/{stint.first}")  # noqa: S311
    draw = random.random
    goes_home = draw() < 0.22
    leave_until, leave, is_planned = days[0].date - timedelta(days=1), "", True
    for day in days[max(0, (stint.first - days[0].date).days) :]:
        today = day.date
        if stint.last is not None and today > stint.last:
            break
        code = _code(post, stint.seat, day)
        if today > leave_until:
            leave = ""
            if day.is_festival and goes_home:
                goes_home = False
                leave, leave_until, is_planned = "annual", today + timedelta(days=6), True
            elif (chance := draw()) < 0.0035:
                leave, is_planned = "annual", True
                leave_until = today + timedelta(days=random.randrange(1, 5))
            elif chance < 0.006:
                leave, is_planned = "sick", False
                leave_until = today + timedelta(days=random.randrange(0, 3))
            elif chance < 0.0072:
                leave = random.choice(("personal", "compensatory", "marriage", "bereavement", "childcare"))
                is_planned, leave_until = True, today + timedelta(days=random.randrange(0, 3))
        if not code:
            continue
        hour, minute, minutes = _HOURS[code]
        starts = datetime(today.year, today.month, today.day, hour, minute)
        ends = starts + timedelta(minutes=minutes)
        if leave:
            staff.shifts.append(
                Shift(person, post, day, code, starts, ends, leave, is_planned, None, None, 0, None, False)
            )
            continue
        chance = draw()
        if chance < 0.004:
            staff.shifts.append(
                Shift(person, post, day, code, starts, ends, "", False, None, None, 0, None, True)
            )
            continue
        staff.on_duty.setdefault((project_id, post.kind.department, day.number), []).append(person)
        late = draw() < person.lateness
        clock_in: datetime | None = starts + timedelta(
            seconds=random.randrange(60, 2700) if late else -random.randrange(10, 1200)
        )
        overtime = 0
        if day.is_holiday:
            overtime = minutes - 60 if code in (_DAY, _OFFICE) else minutes
        elif (span and span[0] <= today <= span[1] and chance < 0.5) or (day.is_storm and chance < 0.3):
            overtime = 30 * random.randrange(2, 7)
        early = draw() < 0.008
        clock_out: datetime | None = ends + timedelta(
            seconds=-random.randrange(300, 3600)
            if early
            else random.randrange(5, 1500) + (0 if day.is_holiday else overtime * 60)
        )
        if chance > 0.991:  # a punch is missing: said, not guessed
            if chance > 0.9955:
                clock_in = None
            else:
                clock_out = None
        swapped = None
        if 0.5 < chance < 0.505:
            others = [
                other.person for other in colleagues if other.person is not person and other.covers(today)
            ]
            swapped = random.choice(others) if others else None
        staff.shifts.append(
            Shift(
                person,
                post,
                day,
                code,
                starts,
                ends,
                "",
                False,
                clock_in,
                clock_out,
                overtime,
                swapped,
                False,
            )
        )
