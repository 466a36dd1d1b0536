"""The HR system's tables: an old database with short column names, coded values and dates as eight digits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from random import Random  # seeded on purpose: reproducible, not secret
from typing import Any

from yardstick.simulator import catalogue
from yardstick.simulator.calendar import Day
from yardstick.simulator.people import HEADQUARTERS, Staff
from yardstick.simulator.posts import POST_KINDS
from yardstick.simulator.projects import Project
from yardstick.simulator.tables import Row, Table, columns

SOURCE = "hr"

CONTRACTS = {"permanent": "01", "fixed_term": "02", "outsourced": "03", "temporary": "04", "rehired": "05"}
LEAVING = {"resigned": "A", "dismissed": "B", "contract_ended": "C", "retired": "D", "transferred": "E"}
LEAVES = {
    "annual": "年假",
    "sick": "病假",
    "personal": "事假",
    "compensatory": "调休",
    "marriage": "婚假",
    "bereavement": "丧假",
    "childcare": "育儿假",
}
COURSES = (
    ("C-IND", "新员工入职培训", "induction", 8),
    ("C-SVC", "服务礼仪", "service", 4),
    ("C-FIR", "消防安全", "safety", 4),
    ("C-SKL", "岗位技能", "skills", 6),
    ("C-LAW", "法律法规", "legal", 2),
)
CERTIFICATES = {
    "property_manager": ("物业经理岗位证", "中国物业管理协会"),
    "electrician": ("低压电工作业证", "应急管理局"),
    "fire_control": ("消防设施操作员证", "消防救援局"),
}

# Columns by table, as the database calls them.
_COLUMNS = {
    "org_unit": columns("unit_no unit_cn unit_en up_unit_no unit_type leader_post eff_date end_date"),
    "org_membership": columns("unit_no belongs_to rel_type leader_post eff_date end_date"),
    "post": columns(
        "post_no post_cn post_en project_no unit_no func is_cm staffing headcount grade cert_type "
        "up_post_no matrix_post_no eff_date end_date"
    ),
    "person": columns(
        "emp_no emp_name sex birthday mobile education contract_type employer grade unit_no leader_no "
        "matrix_leader_no hours_type hire_date leave_date leave_reason"
    ),
    "assignment": columns("emp_no post_no project_no kind share eff_date end_date reason"),
    "responsibility": columns("item_no project_no post_no unit_no eff_date end_date"),
    "training": columns(
        "train_no emp_no course_no course_name course_type guide_no plan_date held_date status plan_hours "
        "hours score passed"
    ),
    "certificate": columns(
        "cert_no emp_no cert_type cert_name cert_serial issuer issue_date valid_from valid_to status"
    ),
}


def make_tables(
    staff: Staff, projects: Sequence[Project], days: Sequence[Day], seed: int, *, gaps: dict[str, int]
) -> Iterable[Table]:
    """Every table, one after the other.

    Args:
        staff: the people.
        projects: the projects.
        days: the company's days.
        seed: of the company.
        gaps: filled: service items without an accountable post, by project.
    """
    begin = datetime.combine(days[0].date, time())
    rows: dict[str, Iterable[list[Any]]] = {
        "org_unit": _units(projects),
        "org_membership": _memberships(projects),
        "post": _posts(staff, days, seed),
        "person": _people(staff, days[-1].date),
        "assignment": _assignments(staff, days[-1].date),
        "responsibility": _responsibilities(projects, seed, gaps),
        "training": _training(staff, days, seed),
        "certificate": _certificates(staff, days, seed),
    }
    for entity, cells in rows.items():
        yield Table(
            SOURCE, entity, _COLUMNS[entity], [Row(begin, each) for each in cells], pace="once", is_set=True
        )
    yield _roster(staff)
    yield _attendance(staff)


def _eight(day: date | None) -> str | None:
    return f"{day:%Y%m%d}" if day else None


# --- organisation --------------------------------------------------------------------------------

_FOUNDED = date(2015, 1, 1)


def _units(projects: Sequence[Project]) -> Iterable[list[Any]]:
    since = _eight(_FOUNDED)
    yield ["HQ", "总部", "Headquarters", None, "总部", None, since, None]
    for code, (zh, en) in catalogue.DEPARTMENTS.items():
        yield [code, zh, en, "HQ", "服务中心" if code == "KF" else "部门", None, since, None]
    yield ["QA", "品质管理部", "Quality department", "HQ", "部门", "HQ-QM", since, None]
    for region in sorted({project.region for project in projects}):
        yield [region, catalogue.REGIONS[region], f"Region {region}", "HQ", "区域", None, since, None]
    for project in projects:
        leader = f"{project.project_id}-PM"
        yield [
            project.project_id,
            project.name_zh,
            project.name_en,
            project.region,
            "项目",
            leader,
            since,
            None,
        ]
        for code, (zh, en) in catalogue.DEPARTMENTS.items():
            yield [
                f"{project.project_id}-{code}", f"{project.name_zh}{zh}", f"{project.name_en} {en}",
                project.project_id, "服务中心" if code == "KF" else "班组",
                f"{project.project_id}-CM" if code == "KF" else leader, since, None,
            ]  # fmt: skip


def _memberships(projects: Sequence[Project]) -> Iterable[list[Any]]:
    since = _eight(_FOUNDED)
    for code in (*catalogue.DEPARTMENTS, "QA", *sorted({project.region for project in projects})):
        yield [code, "HQ", "L", None, since, None]
    for project in projects:
        yield [project.project_id, project.region, "L", f"{project.project_id}-PM", since, None]
        for code in catalogue.DEPARTMENTS:
            unit = f"{project.project_id}-{code}"
            yield [unit, project.project_id, "L", f"{project.project_id}-PM", since, None]
            yield [unit, code, "M", None, since, None]


def _posts(staff: Staff, days: Sequence[Day], seed: int) -> Iterable[list[Any]]:
    middle = days[len(days) // 2].date.replace(day=1)
    for post in staff.posts:
        random = Random(f"{seed}/establishment/{post.post_id}")  # noqa: S311
        project_id = post.project.project_id if post.project else None
        up = f"{project_id}-{post.kind.reports_to}" if post.kind.reports_to else None
        # now and then the establishment was cut in the middle of the time
        former = post.established + 1 if random.random() < 0.03 and middle > days[0].date else None
        spans = [(_FOUNDED, middle - timedelta(days=1), former), (middle, None, post.established)]
        for first, last, count in spans if former else [(_FOUNDED, None, post.established)]:
            yield [
                post.post_id, post.kind.name_zh, post.kind.name_en, project_id,
                post.unit if post.project else "QA", post.kind.function, "Y" if post.kind.code == "CM" else "N",
                "W" if post.is_outsourced else "Z", str(count), "M1" if post.kind.function == "management" else "P2",
                post.kind.certificate or None, up, "HQ-QM" if post.kind.code == "PM" else None,
                _eight(first), _eight(last),
            ]  # fmt: skip


def _people(staff: Staff, last_day: date) -> Iterable[list[Any]]:
    for person in staff.people:
        project_id = person.unit.partition("-")[0]
        leader = staff.manager(project_id, person.left or last_day)
        yield [
            person.person_id, person.name, {"male": "1", "female": "2"}[person.gender], _eight(person.birth),
            person.phone, person.education, CONTRACTS[person.contract],
            "启明人力" if person.contract == "outsourced" else None, person.grade,
            "QA" if person.unit == HEADQUARTERS else person.unit,
            leader.person_id if leader and leader is not person else None, None,
            "Z" if person.function in ("security", "repair", "cleaning") else "B",
            _eight(person.joined), _eight(person.left), LEAVING.get(person.reason),
        ]  # fmt: skip


def _assignments(staff: Staff, last_day: date) -> Iterable[list[Any]]:
    for stint in staff.stints:
        reason = {"joined": "入职", "transferred": "调动", "other": "代管"}[stint.reason]
        until = stint.last
        yield [
            stint.person.person_id, stint.post.post_id,
            stint.post.project.project_id if stint.post.project else None,
            {"primary": "主", "acting": "代"}[stint.kind], str(stint.share), _eight(stint.first),
            _eight(until if until and until <= last_day else None), reason,
        ]  # fmt: skip


def _responsibilities(projects: Sequence[Project], seed: int, gaps: dict[str, int]) -> Iterable[list[Any]]:
    posts = {kind.department: kind.code for kind in POST_KINDS if kind.code != "FD"}
    since = _eight(_FOUNDED)
    for project in projects:
        random = Random(f"{seed}/responsibility/{project.project_id}")  # noqa: S311
        missing = random.sample(range(len(catalogue.ITEMS)), max(0, round(2 - 3 * project.quality)))
        gaps[project.project_id] = len(missing)
        for number, item in enumerate(catalogue.ITEMS):
            if number not in missing:
                post = f"{project.project_id}-{posts[item.department]}"
                yield [
                    item.code,
                    project.project_id,
                    post,
                    f"{project.project_id}-{item.department}",
                    since,
                    None,
                ]


def _training(staff: Staff, days: Sequence[Day], seed: int) -> Iterable[list[Any]]:
    first, last = days[0].date, days[-1].date
    months = days[-1].month + 1
    number = 0
    workdays = [
        [day.date for day in days if day.month == month and day.is_workday] for month in range(months)
    ]
    for person in staff.people:
        random = Random(f"{seed}/training/{person.person_id}")  # noqa: S311
        plan: list[tuple[int, tuple[str, str, str, int]]] = []
        if person.joined >= first:
            joined = (person.joined.year - first.year) * 12 + person.joined.month - first.month
            plan.append((joined, COURSES[0]))
        plan += [
            (month, COURSES[1 + (month + len(plan)) % 4]) for month in range(months) if random.random() < 0.6
        ]
        for month, (course, name, kind, hours) in plan:
            if month >= months or not workdays[month]:
                continue
            day = random.choice(workdays[month])
            if day < person.joined or (person.left and day > person.left):
                continue
            number += 1
            done = random.random() < 0.9
            score = max(35, min(100, round(random.gauss(82, 9)))) if done else None
            held = day + timedelta(days=random.choice((0, 0, 0, 2))) if done else None
            if held and held > last:
                held = day
            yield [
                f"T{number:07}", person.person_id, course, name, kind, None, _eight(day), _eight(held),
                "完成" if done else random.choice(("缺席", "缺席", "取消")), str(hours),
                str(hours if done and random.random() < 0.95 else hours / 2 if done else 0),
                str(score) if score is not None else None,
                None if score is None else "Y" if score >= 60 else "N",
            ]  # fmt: skip


def _certificates(staff: Staff, days: Sequence[Day], seed: int) -> Iterable[list[Any]]:
    first, last = days[0].date, days[-1].date
    number = 0
    kinds = {kind.function: kind.certificate for kind in POST_KINDS if kind.certificate}
    for person in staff.people:
        random = Random(f"{seed}/certificate/{person.person_id}")  # noqa: S311
        kind = kinds.get(person.function)
        if not kind or random.random() > 0.93:
            continue
        number += 1
        name, issuer = CERTIFICATES[kind]
        years = 3
        if random.random() < 0.12:  # expires while the person is on duty
            until = first + timedelta(days=random.randrange((last - first).days + 60))
        else:
            until = last + timedelta(days=random.randrange(30, 900))
        since = until - timedelta(days=365 * years - 1)
        yield [
            f"Z{number:06}", person.person_id, kind, name, f"{random.randrange(10**11):011}", issuer,
            _eight(since), _eight(since), _eight(until), "有效",
        ]  # fmt: skip


# --- duty ----------------------------------------------------------------------------------------

ROSTER = columns(
    "roster_no emp_no post_no project_no shift_date kind shift_code begin_at end_at break_min "
    "leave_type ot_type swap_emp_no status"
)
ATTENDANCE = columns(
    "att_no emp_no roster_no post_no project_no work_date in_at out_at in_src out_src ot_type ot_min "
    "leave_type leave_min note"
)


def _clock(moment: datetime | None) -> str | None:
    return moment.isoformat(sep=" ") if moment else None


def _roster(staff: Staff) -> Table:
    table = Table(SOURCE, "roster", ROSTER, is_set=True)
    for number, shift in enumerate(staff.shifts, start=1):
        # rosters are locked on the morning of the day
        moment = datetime.combine(shift.day.date, time(5)) + timedelta(seconds=number % 3600)
        is_leave = bool(shift.leave and shift.is_leave_planned)
        project_id = shift.post.project.project_id if shift.post.project else None
        table.rows.append(
            Row(
                moment,
                [
                    f"R{number:08}", shift.person.person_id, shift.post.post_id, project_id,
                    _eight(shift.day.date), "假" if is_leave else "班", shift.code,
                    None if is_leave else _clock(shift.starts), None if is_leave else _clock(shift.ends),
                    "60" if shift.code in ("白", "行") else "0",
                    LEAVES[shift.leave] if is_leave else None,
                    "HO" if shift.day.is_holiday and not is_leave else None,
                    shift.swapped.person_id if shift.swapped else None, "C" if shift.swapped else "P",
                ],
            )
        )  # fmt: skip
    return table


def _attendance(staff: Staff) -> Table:
    table = Table(SOURCE, "attendance", ATTENDANCE, is_set=True)
    for number, shift in enumerate(staff.shifts, start=1):
        if shift.is_absent:
            continue
        assert shift.starts is not None  # noqa: S101
        assert shift.ends is not None  # noqa: S101
        if shift.leave:
            moment = datetime.combine(shift.day.date, time(19)) + timedelta(seconds=number % 3600)
        else:
            moment = max(shift.clock_out or shift.ends, shift.ends) + timedelta(
                minutes=20, seconds=number % 600
            )
        kind = None
        if shift.overtime:
            kind = "HO" if shift.day.is_holiday else "WD" if shift.day.is_workday else "RD"
        minutes = int((shift.ends - shift.starts).total_seconds() // 60)
        table.rows.append(
            Row(
                moment,
                [
                    f"A{number:08}", shift.person.person_id, f"R{number:08}", shift.post.post_id,
                    shift.post.project.project_id if shift.post.project else None, _eight(shift.day.date),
                    _clock(shift.clock_in), _clock(shift.clock_out), "D" if shift.clock_in else None,
                    ("M" if number % 29 == 0 else "D") if shift.clock_out else None, kind,
                    str(shift.overtime) if shift.overtime else None,
                    LEAVES[shift.leave] if shift.leave else None,
                    str(minutes) if shift.leave else None,
                    None if shift.leave or number % 40 else "补打卡说明",
                ],
            )
        )  # fmt: skip
    return table
