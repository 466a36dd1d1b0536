"""The ticket system: tickets and what happened to them, complaints and call-backs.

A row is kept as it stood at the end of every day on which it changed. How long things take follows from the
department's level, from the weather and from how many of the department are at work that day.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random  # seeded on purpose: reproducible, not secret
from typing import Any, NamedTuple

from yardstick.simulator import catalogue
from yardstick.simulator.calendar import Day
from yardstick.simulator.catalogue import Item
from yardstick.simulator.people import Person, Staff
from yardstick.simulator.plan import Bounce, Plan, Shortage
from yardstick.simulator.projects import Project, house_of
from yardstick.simulator.tables import Row, Table, columns

SOURCE = "helpdesk"
TICKET = columns(
    "id created_at promised_at first_reply_at finished_at state project item dept team source "
    "priority reopened title resolution confirmed_at arrived_at repaired_at house place asset handler "
    "urgent own_authority stars"
)
EVENT = columns(
    "id ticket at type from_state to_state from_dept to_dept from_person to_person actor role level "
    "reason new_priority new_item public text"
)
COMPLAINT = columns(
    "id ticket received_at project item house source kind severity state confirmed_at replied_at "
    "promised_at resolved_at closed_at escalated_at escalated_to upheld dept post handler stars text"
)
CALL_BACK = columns("id ticket complaint project at by result solved stars caller text")

(_RESPONDED, _CLOSED, _STATE, _ITEM, _DEPT, _TEAM, _PRIORITY, _REOPENED, _NOTE, _CONFIRMED, _ARRIVED, _DONE, _HANDLER,
 _AUTHORITY, _STARS) = (3, 4, 5, 7, 8, 9, 11, 12, 14, 15, 16, 17, 21, 23, 24)  # fmt: skip

_TICKETS_PER_HOUSEHOLD_DAY = 0.0038
_HOURS = (1, 1, 1, 1, 1, 2, 5, 12, 20, 24, 22, 16, 14, 15, 17, 18, 17, 18, 22, 24, 20, 13, 6, 3)
_STAFF_WEIGHT = 1.3  # response minutes grow with this power of planned by present staff
_ON_SITE = ("repair", "equipment", "cleaning", "security", "greening")
_COMPLAINTS = {"0601": "attitude", "0602": "quality", "0603": "fees"}


class Breakdown(NamedTuple):
    """A piece of equipment that stood still, as its ticket tells."""

    asset: str
    ticket: str
    began: datetime
    attended: datetime
    ended: datetime
    handler: str | None


@dataclass
class Effect:
    """What missing staff has cost the tickets opened meanwhile, the same draws with and without it."""

    tickets: int = 0
    response_minutes: float = 0.0
    close_minutes: float = 0.0
    late: int = 0


@dataclass
class Helpdesk:
    """What the ticket system holds.

    Attributes:
        ticket: tickets by end of day.
        event: what happened to them.
        complaint: complaints by end of day.
        call_back: calls after closing.
        count: how many tickets there are.
        breakdowns: equipment that stood still.
        effects: what each shortage has cost, by project and department.
        missing: what missing staff has cost, whatever the reason, by project, service item and day.
        complainers: complaints of the households that complain again and again, by project, item and household.
    """

    ticket: Table
    event: Table
    complaint: Table
    call_back: Table
    count: int = 0
    breakdowns: list[Breakdown] = field(default_factory=list, repr=False)
    effects: dict[tuple[str, str], Effect] = field(default_factory=dict)
    missing: dict[tuple[str, str, date], Effect] = field(default_factory=dict)
    complainers: Counter[tuple[str, str, str]] = field(default_factory=Counter)


@dataclass
class _Context:
    """What is the same for all tickets of a project and day."""

    random: Random
    project: Project
    day: Day
    staff: Staff
    assets: dict[str, list[str]]
    bounce: Bounce | None
    shortages: list[Shortage]
    end: datetime
    desk: Helpdesk
    level: dict[str, float]


def make_helpdesk(
    projects: Sequence[Project],
    days: Sequence[Day],
    staff: Staff,
    plan: Plan,
    assets: dict[str, dict[str, list[str]]],
    seed: int,
) -> Helpdesk:
    """Live through every project's days.

    Args:
        projects: the projects.
        days: the days.
        staff: who is on duty.
        plan: what is planted.
        assets: ids of equipment by project and kind.
        seed: of the company.
    """
    desk = Helpdesk(
        Table(SOURCE, "ticket", TICKET, moment_column="updated_at"),
        Table(SOURCE, "ticket_event", EVENT),
        Table(SOURCE, "complaint", COMPLAINT),
        Table(SOURCE, "call_back", CALL_BACK),
    )
    end = datetime.combine(days[-1].date, time(23, 59, 59))
    for project in projects:
        bounce = next((b for b in plan.bounces if b.project_id == project.project_id), None)
        shortages = [s for s in plan.shortages if s.project_id == project.project_id]
        for day in days:
            random = Random(f"{seed}/{project.project_id}/{day.date}")  # noqa: S311
            weights, pressure = _demand(project, day)
            level = {
                code: max(
                    -1.2,
                    (base := project.level(code, day.month) + plan.boost(project.project_id, code, day.month))
                    # a storm day overwhelms a weak team more than a strong one
                    - max(0.0, pressure - 1.15) * (0.5 - 0.3 * base),
                )
                for code in catalogue.DEPARTMENTS
            }
            context = _Context(
                random, project, day, staff, assets[project.project_id], bounce, shortages, end, desk, level
            )
            size = project.households if project.kind == "residential" else project.area_m2 / 90
            expected = size * _TICKETS_PER_HOUSEHOLD_DAY * pressure * _weekday(project, day)
            for number in range(_poisson(random, expected)):
                desk.count += 1
                _ticket(context, number, weights)
    return desk


def _demand(project: Project, day: Day) -> tuple[list[float], float]:
    """Weights of the service items on a day, and how much they press against a mild day."""
    season = {"": 1.0, "heat": day.heat, "rain": day.rain, "cold": day.cold}
    weights = [item.share * season[item.season] for item in catalogue.ITEMS]
    if project.kind != "residential":
        weights = [
            weight * (0.4 if item.group == "fit_out" else 1)
            for weight, item in zip(weights, catalogue.ITEMS, strict=True)
        ]
    return weights, sum(weights) / sum(item.share for item in catalogue.ITEMS)


def _weekday(project: Project, day: Day) -> float:
    if project.kind == "office":
        return 1.2 if day.is_workday else 0.25
    factor = (1.12, 1.0, 0.97, 0.98, 1.0, 1.15, 1.05)[day.date.weekday()]
    if day.is_festival:
        return factor * (0.5 if project.kind == "commercial" else 0.75)
    return factor * (1.1 if day.is_holiday else 1)


def _poisson(random: Random, expected: float) -> int:
    limit, product, count = math.exp(-min(expected, 500)), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count


def _someone(context: _Context, department: str, random: Random) -> str | None:
    """Somebody of the department who is at work today."""
    people: Sequence[Person] = context.staff.on_duty.get(
        (context.project.project_id, department, context.day.number), ()
    )
    return random.choice(people).person_id if people else None


def _complainer(project: Project, item: Item) -> str:
    """The household that complains again and again about the same thing."""
    return f"{project.project_id}-0110{1 + catalogue.ITEMS.index(item) % 3}01"


def _ticket(context: _Context, number: int, weights: Sequence[float]) -> None:
    """One ticket from opening to the last call."""
    random, project, day, desk = context.random, context.project, context.day, context.desk
    item: Item = random.choices(catalogue.ITEMS, weights)[0]
    hour = random.choices(range(24), _HOURS)[0]
    today = day.date
    opened = datetime(today.year, today.month, today.day, hour, random.randrange(60), random.randrange(60))
    due = opened + timedelta(hours=item.due_hours)
    level = context.level[item.department]
    ratio = context.staff.ratio(project.project_id, item.department, day.number)
    slow = ratio**-_STAFF_WEIGHT

    # how long it takes; the same draws without the missing staff tell what they cost
    brisk = item.response_minutes * math.exp(random.gauss(-0.25 - 0.45 * level, 0.6))
    longest = 120 * item.due_hours
    response = min(brisk * slow, longest)
    chance, ordinary = random.random(), 0.055 - 0.05 * level + (0.03 if item.group == "complaint" else 0)
    is_late = chance < ordinary + 0.30 * (1 - ratio)
    late_share = random.uniform(1.05, 3.5)
    share = min(0.98, random.betavariate(2.2, 3 + 1.5 * level))
    hours = item.due_hours * (late_share if is_late else min(0.98, share * slow**0.5))
    responded = opened + timedelta(seconds=round(60 * response))
    closed = max(opened + timedelta(seconds=round(3600 * hours)), responded + timedelta(minutes=6))
    effects = [
        desk.effects.setdefault((project.project_id, item.department), Effect())
        for shortage in context.shortages
        if shortage.department == item.department and shortage.first_day <= today <= shortage.last_day
    ]
    if ratio < 1:
        effects.append(desk.missing.setdefault((project.project_id, item.code, today), Effect()))
    for effect in effects:
        effect.tickets += 1
        effect.response_minutes += response - min(brisk, longest)
        usual = item.due_hours * (late_share if chance < ordinary else share)
        effect.close_minutes += 60 * (hours - usual)
        effect.late += is_late and chance >= ordinary

    house = house_of(project, random)
    place = f"{int(house[-7:-5])}栋{house[-5]}单元{int(house[-4:-2])}层"
    asset = None
    if item.asset and context.assets.get(item.asset):
        asset = random.choice(context.assets[item.asset])
    if item.group == "complaint" and random.random() < 0.25:
        house = _complainer(project, item)
    channels = catalogue.CHANNELS
    source = random.choices(list(channels), [weight for _, weight in channels.values()])[0]
    ticket_id = f"{today:%Y%m%d}{project.project_id[1:]}{number:07}"
    priority = next(name for limit, name in catalogue.PRIORITIES.items() if item.due_hours <= limit)
    desk_person = _someone(context, "KF", random)
    team, desk_team = f"{project.project_id}-{item.department}", f"{project.project_id}-KF"
    handler = _someone(context, item.department, random) if item.department != "KF" else desk_person

    cells: list[Any] = [
        ticket_id, _iso(opened), _iso(due), None, None, "待受理", project.project_id, item.code, "KF", desk_team,
        source, priority, 0, f"{place} {item.name_zh}", None, None, None, None, house, place, asset, None,
        item.due_hours <= 1, None, None,
    ]  # fmt: skip
    life = _Life(context, ticket_id, cells)
    life.happens(opened, "created", to_state="待受理", to_dept=desk_team,
                 role="owner" if source != "设备告警" else "system")  # fmt: skip
    confirmed = opened + timedelta(seconds=round(random.uniform(0.15, 0.5) * 60 * min(response, 40)))
    life.happens(confirmed, "confirmed", actor=desk_person, role="service_centre", public=True,
                 change={_CONFIRMED: _iso(confirmed), _STATE: "处理中"})  # fmt: skip
    if random.random() < 0.02:
        at = max(opened + timedelta(minutes=random.randrange(5, 240)), confirmed + timedelta(minutes=1))
        life.happens(at, "cancelled", from_state="处理中", to_state="已取消", role="owner",
                     change={_STATE: "已取消", _CLOSED: _iso(at), _NOTE: "业主取消"})  # fmt: skip
        life.settle()
        return
    moved = confirmed + (responded - confirmed) * 0.4
    if item.department != "KF":
        life.happens(moved, "transferred", from_dept=desk_team, to_dept=team, from_person=desk_person,
                     to_person=handler, actor=desk_person, role="service_centre",
                     change={_DEPT: item.department, _TEAM: team, _HANDLER: handler})  # fmt: skip
        bounce = context.bounce
        if bounce and bounce.from_department == item.department and random.random() < bounce.share:
            other = f"{project.project_id}-{bounce.to_department}"
            away, back = moved + (closed - moved) * 0.15, moved + (closed - moved) * 0.6
            life.happens(away, "transferred", from_dept=team, to_dept=other, actor=handler, role="technician")
            life.happens(back, "returned", from_dept=other, to_dept=team, role="supervisor")
    else:
        life.happens(moved, "assigned", to_dept=desk_team, to_person=handler, actor=desk_person,
                     role="service_centre", change={_HANDLER: handler})  # fmt: skip
    life.happens(responded, "replied", actor=handler, from_state="待受理", to_state="处理中",
                 role="technician" if item.department != "KF" else "customer_manager", public=True,
                 change={_RESPONDED: _iso(responded)})  # fmt: skip
    done = closed
    if item.group in _ON_SITE:
        attended = responded + (closed - responded) * random.uniform(0.05, 0.3)
        attended = attended.replace(microsecond=0)
        done = (closed - (closed - attended) * random.uniform(0.02, 0.2)).replace(microsecond=0)
        if item.group in ("repair", "equipment", "security"):
            life.happens(
                attended, "arrived", actor=handler, role="technician", change={_ARRIVED: _iso(attended)}
            )
        _pause(life, item, attended, done)
        life.happens(
            done, "repaired", actor=handler, role="technician", to_state="已完工", change={_DONE: _iso(done)}
        )
        if asset:
            desk.breakdowns.append(Breakdown(asset, ticket_id, opened, attended, done, handler))
    has_approval = item.code in ("0801", "0105") and random.random() < (0.9 if item.code == "0801" else 0.4)
    if has_approval:
        level_name = "region" if random.random() < 0.35 else "project"
        ask, answer = responded + (done - responded) * 0.3, responded + (done - responded) * 0.85
        life.happens(
            ask, "approval_asked", actor=handler, role="technician", level=level_name, to_state="待审批"
        )
        life.happens(answer, "approved", role="manager" if level_name == "project" else "headquarters",
                     level=level_name, from_state="待审批", to_state="处理中")  # fmt: skip
    if random.random() < 0.015:
        at = confirmed + (closed - confirmed) * 0.3
        life.happens(at, "priority_changed", actor=desk_person, role="service_centre", new_priority="急",
                     change={_PRIORITY: "急"})  # fmt: skip
    if random.random() < 0.06:
        life.happens(responded + (closed - responded) * 0.5, "note", actor=handler, role="technician",
                     text="已联系业主说明进度", public=True)  # fmt: skip
    authority = item.department == "KF" and not has_approval
    life.happens(closed, "closed", actor=handler, role="technician", from_state="处理中", to_state="已办结",
                 change={_STATE: "已办结", _CLOSED: _iso(closed), _NOTE: random.choice(catalogue.CLOSING),
                         _AUTHORITY: authority})  # fmt: skip
    final, reopened = closed, random.random() < 0.045 - 0.035 * level
    if reopened:
        again = (closed + timedelta(hours=random.uniform(2, 60))).replace(microsecond=0)
        final = (again + timedelta(hours=item.due_hours * random.uniform(0.2, 1.2))).replace(microsecond=0)
        life.happens(again, "reopened", role="owner", from_state="已办结", to_state="处理中",
                     change={_STATE: "处理中", _CLOSED: None, _REOPENED: 1})  # fmt: skip
        life.happens(final, "closed", actor=handler, role="technician", from_state="处理中", to_state="已办结",
                     change={_STATE: "已办结", _CLOSED: _iso(final)})  # fmt: skip
    content = 4.35 + 0.55 * level - 1.3 * is_late - 0.9 * reopened
    complaint = None
    if item.code in _COMPLAINTS:
        if house == _complainer(project, item):
            desk.complainers[project.project_id, item.code, house] += 1
        complaint = _complaint(
            context, item, ticket_id, house, opened, confirmed, responded, final, content, level
        )
    _call(context, life, ticket_id, complaint, final, content, level)
    life.settle()


def _pause(life: _Life, item: Item, attended: datetime, done: datetime) -> None:
    """Now and then the work waits: for parts, for the owner, for the weather."""
    random = life.context.random
    chance = random.random()
    if item.group == "repair" and chance < 0.08:
        reason, state = "parts", "待配件"
    elif item.group in ("repair", "cleaning") and chance < 0.14:
        reason, state = "owner", "待业主"
    elif life.context.day.is_storm and item.season == "rain" and chance < 0.4:
        reason, state = "weather", "待天气"
    else:
        return
    begin, end = attended + (done - attended) * 0.2, attended + (done - attended) * 0.8
    life.happens(begin, "suspended", role="technician", from_state="处理中", to_state=state, reason=reason)
    life.happens(end, "resumed", role="technician", from_state=state, to_state="处理中")


class _Life:
    """Collects what happens to a ticket and writes it down by the end of each day."""

    __slots__ = ("cells", "changes", "context", "ticket_id")

    def __init__(self, context: _Context, ticket_id: str, cells: list[Any]) -> None:
        self.context = context
        self.ticket_id = ticket_id
        self.cells = cells
        self.changes: list[tuple[datetime, dict[int, Any] | None, list[Any] | None]] = []

    def happens(
        self,
        at: datetime,
        kind: str,
        *,
        from_state: str | None = None,
        to_state: str | None = None,
        from_dept: str | None = None,
        to_dept: str | None = None,
        from_person: str | None = None,
        to_person: str | None = None,
        actor: str | None = None,
        role: str = "",
        level: str | None = None,
        reason: str | None = None,
        new_priority: str | None = None,
        text: str | None = None,
        public: bool = False,
        change: dict[int, Any] | None = None,
    ) -> None:
        """Something happens, and may change the ticket."""
        at = at.replace(microsecond=0)
        event = [
            "", self.ticket_id, _iso(at), kind, from_state, to_state, from_dept, to_dept, from_person, to_person,
            actor, role or None, level, reason, new_priority, None, public, text,
        ]  # fmt: skip
        self.changes.append((at, change, event))

    def changes_to(self, at: datetime, change: dict[int, Any]) -> None:
        """The ticket changes without an event."""
        self.changes.append((at, change, None))

    def settle(self) -> None:
        """Write the events, and the ticket as it stood at the end of every day on which it changed."""
        desk, end, cells = self.context.desk, self.context.end, self.cells
        events, tickets = desk.event.rows, desk.ticket.rows
        number = 0
        last: datetime | None = None
        for at, change, event in sorted(self.changes, key=lambda each: each[0]):
            if at > end:
                break
            if event:
                number += 1
                event[0] = f"{self.ticket_id}-{number:02}"
                events.append(Row(at, event))
            if change:
                if last is not None and at.date() != last.date():
                    tickets.append(Row(last, list(cells)))
                for place, value in change.items():
                    cells[place] = value
                last = at
            elif last is None:
                last = at
        if last is not None:
            tickets.append(Row(last, cells))


def _complaint(
    context: _Context,
    item: Item,
    ticket_id: str,
    house: str,
    received: datetime,
    confirmed: datetime,
    replied: datetime,
    resolved: datetime,
    content: float,
    level: float,
) -> str:
    """The complaint behind a ticket, by the end of every day on which it changed."""
    random, project = context.random, context.project
    complaint_id = f"TS{ticket_id}"
    severity = random.choices(("一般", "严重", "重大"), (86, 12, 2))[0]
    cells: list[Any] = [
        complaint_id, ticket_id, _iso(received), project.project_id, item.code, house,
        random.choice(("电话", "业主APP", "微信小程序", "来访", "12345热线")), _COMPLAINTS[item.code], severity,
        "处理中", None, None, _iso(received + timedelta(hours=item.due_hours)), None, None, None, "无", None,
        f"{project.project_id}-{random.choice(('GC', 'KF', 'ZX'))}", f"{project.project_id}-CM",
        _someone(context, "KF", random), None, f"业主反映{item.name_zh}",
    ]  # fmt: skip
    changes: list[tuple[datetime, dict[int, Any]]] = [
        (received, {}),
        (confirmed, {10: _iso(confirmed)}),
        (
            max(replied, confirmed + timedelta(minutes=2)),
            {11: _iso(max(replied, confirmed + timedelta(minutes=2)))},
        ),
        (resolved, {13: _iso(resolved), 9: "已解决", 17: random.random() < 0.62 - 0.12 * level}),
    ]
    if random.random() < 0.10 - 0.06 * level or severity == "重大":
        at = (received + (resolved - received) * 0.5).replace(microsecond=0)
        changes.append((at, {15: _iso(at), 16: random.choices(("项目", "区域", "总部"), (60, 30, 10))[0]}))
    closed = (resolved + timedelta(hours=random.uniform(1, 30))).replace(microsecond=0)
    stars = max(1, min(5, round(random.gauss(content - 0.5, 0.8))))
    changes.append((closed, {14: _iso(closed), 9: "已关闭", 21: stars}))
    last: datetime | None = None
    for at, change in sorted(changes, key=lambda each: each[0]):
        if at > context.end:
            break
        if last is not None and at.date() != last.date():
            context.desk.complaint.rows.append(Row(last, list(cells)))
        for place, value in change.items():
            cells[place] = value
        last = at
    if last is not None:
        context.desk.complaint.rows.append(Row(last, cells))
    return complaint_id


def _call(
    context: _Context,
    life: _Life,
    ticket_id: str,
    complaint: str | None,
    closed: datetime,
    content: float,
    level: float,
) -> None:
    """Ask the owner, once or twice."""
    random = context.random
    if random.random() > (0.93 + 0.06 * level if complaint else 0.40 + 0.18 * level):
        return
    at = closed + timedelta(hours=random.uniform(1, 40))
    at = at.replace(hour=random.randrange(9, 20), minute=random.randrange(60), second=random.randrange(60))
    at = at.replace(microsecond=0)
    if at <= closed:
        at += timedelta(days=1)
    caller = _someone(context, "KF", random)
    for attempt in (1, 2):
        if at > context.end:
            return
        chance = random.random()
        result = "接通" if chance < 0.8 else "未接通" if chance < 0.96 else "拒访"
        stars = max(1, min(5, round(random.gauss(content, 0.75)))) if result == "接通" else None
        context.desk.call_back.rows.append(
            Row(
                at,
                [
                    f"HF{ticket_id}{attempt}", ticket_id, complaint, context.project.project_id, _iso(at),
                    random.choice(("电话", "电话", "微信")), result, None if stars is None else stars >= 3, stars,
                    caller, "业主表示满意" if stars and stars >= 4 else None,
                ],
            )
        )  # fmt: skip
        if stars is not None:
            life.happens(at, "called_back", actor=caller, role="service_centre", change={_STARS: stars})
            return
        at += timedelta(days=1)


def _iso(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat() + "+08:00"
