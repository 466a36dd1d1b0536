"""The readers' doors: every role walks every relation and sees what it may, and no more."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from tests.integration.release_world import PERSON, build_world, execute
from tests.integration.test_publish import pass_gates

from yardstick import appraisal, publish, readers, warehouse
from yardstick.contracts import load_contracts
from yardstick.settings import Settings, with_database

BI = {
    "project",
    "service_item",
    "org_unit",
    "ticket",
    "ticket_span",
    "ticket_handover",
    "sla_event",
    "sla_daily",
    "handover_matrix",
    "ticket_silence",
    "standard",
    "standard_category",
    "inspection",
    "inspection_item",
    "nonconformity",
    "survey_answer",
    "complaint",
    "household_history",
    "backlog_daily",
    "indicator_daily",
    "published_day",
    "release",
    "score",
    "indicator",
    "item",
    "category",
    "day",
    "difference",
    "delivery_status",
    *("post_daily", "staffing_monthly", "turnover_monthly", "workload_hourly", "overtime_monthly"),
    *("staffing_hourly", "understaffing_monthly"),
    *("attendance", "certificate", "training"),
    *("equipment", "equipment_daily", "equipment_kind_daily", "equipment_monthly", "goods_monthly"),
    *("digital_monthly", "cost_monthly"),
}
HR = {
    *("release", "appraisal", "appraisal_month", "inspection", "nonconformity", "complaint"),
    *("person", "person_history", "staff_monthly", "overtime_monthly", "person_month", "person_month_part"),
    *("attendance", "certificate", "training"),
}
NAMES = ("王芳", "赵敏", "Li Hua")
PROJECT_OF_PM = "P1"


class Reader:
    """A login and how to use it."""

    def __init__(self, settings: Settings, role: readers.Role, projects: tuple[str, ...] = ()) -> None:
        self.settings = settings
        self.role = role
        self.name = f"r_{role}_{secrets.token_hex(4)}"
        self.password = readers.add(settings, self.name, role, projects)

    def connect(self, url: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
        parts = urlsplit(url or self.settings.require_database_url())
        host = parts.netloc.rsplit("@", 1)[1]
        own = parts._replace(netloc=f"{self.name}:{self.password}@{host}")
        return psycopg.connect(
            urlunsplit(own),
            autocommit=True,
        )


@pytest.fixture
def world(settings: Settings) -> Settings:
    build_world(settings, audited=False)
    pass_gates(settings)
    publish.move(settings, 1)
    publish.delivery_status(settings)
    appraisal.release(settings, "month", "2015-01", PERSON)
    execute(settings, "update appraisal.appraisal_score set score = 70 where project_id = 'P2'")
    execute(settings, "update appraisal.appraisal_score set score = 60 where project_id = 'P1'")
    appraisal.restate(settings, "month", "2015-01", "late tickets", PERSON)
    return settings


@pytest.fixture
def logins(world: Settings) -> Iterator[dict[str, Reader]]:
    made = {
        "hq": Reader(world, "hq"),
        "hr": Reader(world, "hr"),
        "pm": Reader(world, "pm", (PROJECT_OF_PM,)),
    }
    yield made
    for reader in made.values():
        readers.remove(world, reader.name)


def relations(settings: Settings) -> list[tuple[str, str]]:
    found = execute(
        settings,
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relkind in ('r', 'v', 'm', 'p', 'f') "
        "and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_t%' "
        "order by 1, 2",
    )
    return [(str(schema), str(name)) for schema, name in found]


@pytest.mark.parametrize("role", ["hq", "hr", "pm"])
def test_role_sees_its_relations_and_no_other(world: Settings, logins: dict[str, Reader], role: str) -> None:
    may = {("bi", name) for name in BI} | ({("hr", name) for name in HR} if role == "hr" else set())
    walked = relations(world)
    assert may <= set(walked)
    assert {"raw", "ops", "marts", "appraisal", "publish", "release"} <= {schema for schema, _ in walked}
    seen = set()
    with logins[role].connect() as connection:
        for schema, name in walked:
            try:
                rows = connection.execute(f'select * from "{schema}"."{name}"'.encode()).fetchall()
            except psycopg.errors.InsufficientPrivilege:
                continue
            seen.add((schema, name))
            assert rows, f"{schema}.{name} shows {role} nothing"
            if schema == "bi":
                assert not any(person in str(rows) for person in NAMES), f"bi.{name} shows a person"
    assert seen == may


def test_no_personal_column_is_reachable_but_by_hr(world: Settings, logins: dict[str, Reader]) -> None:
    told = {
        item.name
        for contract in load_contracts().values()
        for item in contract.fields.values()
        if item.is_personal
    }
    assert {"person_name", "phone", "birth_date", "certificate_number", "household_id"} <= told
    columns = execute(
        world,
        "select table_schema, table_name, column_name from information_schema.columns "
        "where table_schema not in ('pg_catalog', 'information_schema')",
    )
    personal = [
        (str(schema), str(relation), str(column))
        for schema, relation, column in columns
        if column in told or str(column).endswith("person_id") or column == "leave_kind"
    ]
    assert {schema for schema, _, _ in personal} >= {"publish", "marts", "staging", "hr"}
    reached: dict[str, set[tuple[str, str, str]]] = {role: set() for role in logins}
    for role, reader in logins.items():
        with reader.connect() as connection:
            for place in personal:
                with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                    connection.execute('select "{2}" from "{0}"."{1}" limit 1'.format(*place).encode())
                    reached[role].add(place)
    assert reached["hq"] == reached["pm"] == set()
    assert {schema for schema, _, _ in reached["hr"]} == {"hr"}
    assert ("hr", "person", "phone") in reached["hr"]


def test_project_manager_sees_own_projects_only(world: Settings, logins: dict[str, Reader]) -> None:
    by_project = execute(
        world,
        "select table_name from information_schema.columns "
        "where table_schema = 'bi' and column_name = 'project_id'",
    )
    assert {"ticket", "score", "attendance", "post_daily"} <= {str(name) for (name,) in by_project}
    for role, expected in (("hq", {"P1", "P2"}), ("hr", {"P1", "P2"}), ("pm", {PROJECT_OF_PM})):
        with logins[role].connect() as connection:
            for (name,) in by_project:
                found = {row[0] for row in connection.execute(f"select project_id from bi.{name}".encode())}
                assert found == expected, f"bi.{name} as {role}"


def test_project_manager_sees_deliveries_of_sources_of_own_projects(
    world: Settings, logins: dict[str, Reader]
) -> None:
    query = "select count(*) from bi.delivery_status"
    for projects, visible in ((["P1", "P9"], True), (["P2"], False), ([], True)):
        execute(world, "delete from ops.source_project")
        for project in projects:
            execute(world, "insert into ops.source_project values ('demo', %s)", [project])
        publish.delivery_status(world)
        for role in ("hq", "pm"):
            with logins[role].connect() as connection:
                (count,) = connection.execute(query).fetchone() or (0,)
            assert bool(count) is (visible or role == "hq"), (projects, role)


def test_another_role_or_setting_opens_no_further_project(world: Settings, logins: dict[str, Reader]) -> None:
    with logins["pm"].connect() as connection:
        for statement in (
            "set role reader_hq",
            "set role yardstick_owner",
            "set session authorization reader_hq",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
        connection.execute("set role reader_pm")
        assert connection.execute("select distinct project_id from bi.score").fetchall() == [(PROJECT_OF_PM,)]
        connection.execute("set row_security = off")  # refused where it matters, not obeyed
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from bi.ticket")


@pytest.mark.parametrize("role", ["hq", "hr", "pm"])
def test_reader_can_write_nothing(world: Settings, logins: dict[str, Reader], role: str) -> None:
    statements = [
        "create table bi.mine (a int)",
        "create table public.mine (a int)",
        "create temporary table mine (a int)",
        "create schema mine",
        "update bi.project set region = 'x'",
        "delete from bi.score",
        "insert into bi.published_day values ('2015-01-01', now())",
        "select ops.ensure_role('mine')",
        "select ops.secure('bi.project'::regclass)",
        "select ops.note_hr_read('person')",
        "delete from ops.hr_read",
    ]
    with logins[role].connect() as connection:
        # a transaction that reads hr writes the log of its readers
        assert connection.execute("show default_transaction_read_only").fetchone() == (
            "off" if role == "hr" else "on",
        )
        connection.execute("set default_transaction_read_only = off")
        for statement in statements:
            with pytest.raises(
                (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)
            ):
                connection.execute(statement.encode())


def test_appraisal_of_a_month_is_for_hr(world: Settings, logins: dict[str, Reader]) -> None:
    with logins["hr"].connect() as connection:
        rows = connection.execute(
            "select person_name, version, is_current, signed_by from hr.appraisal_month order by 2, 1"
        ).fetchall()
    assert rows == [
        ("王芳", 1, False, "Li Hua"),
        ("赵敏", 1, False, "Li Hua"),
        ("王芳", 2, True, "Li Hua"),
        ("赵敏", 2, True, "Li Hua"),
    ]


def test_current_version_of_a_period_is_marked(world: Settings, logins: dict[str, Reader]) -> None:
    with logins["pm"].connect() as connection:
        assert connection.execute("select release_id, score from bi.score where is_current").fetchall() == [
            ("2015-01.v2", 60.0)
        ]


def test_reader_reaches_no_other_database_of_the_server(world: Settings, logins: dict[str, Reader]) -> None:
    for other in ("postgres", "airflow", "yardstick"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            logins["hq"].connect(with_database(world.require_database_url(), other))


def test_every_table_behind_the_doors_is_guarded(world: Settings) -> None:
    rows = execute(
        world,
        "select c.oid::regclass::text, c.relrowsecurity, c.relforcerowsecurity, r.rolname, r.rolcanlogin "
        "from pg_class c join pg_roles r on r.oid = c.relowner "
        "where c.relkind = 'r' and c.relnamespace in ('publish'::regnamespace, 'release'::regnamespace)",
    )
    assert len(rows) > 30
    assert {row[1:] for row in rows} == {(True, True, "yardstick_owner", False)}
    views = execute(
        world,
        "select c.reloptions, r.rolname from pg_class c join pg_roles r on r.oid = c.relowner "
        "where c.relkind = 'v' and c.relnamespace in ('bi'::regnamespace, 'hr'::regnamespace)",
    )
    assert len(views) == len(BI) + len(HR)
    assert {(tuple(options), owner) for options, owner in views} == {
        (("security_invoker=true",), "yardstick_owner")
    }


def test_row_security_survives_a_repeated_migration(world: Settings, logins: dict[str, Reader]) -> None:
    execute(world, "delete from ops.migration")
    warehouse.migrate(world.require_database_url())
    with logins["pm"].connect() as connection:
        assert connection.execute("select distinct project_id from bi.ticket").fetchall() == [
            (PROJECT_OF_PM,)
        ]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from release.person")


def test_changed_role_takes_the_old_rights_away(world: Settings) -> None:
    reader = Reader(world, "hr")
    try:
        reader.password = readers.add(world, reader.name, "pm", ["P2"])
        with reader.connect() as connection:
            assert connection.execute("select distinct project_id from bi.project").fetchall() == [("P2",)]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select * from hr.appraisal")
        [listed] = readers.list_readers(world)
        assert (listed["login"], listed["reader_role"], listed["projects"]) == (reader.name, "pm", ["P2"])
    finally:
        readers.remove(world, reader.name)
    assert readers.list_readers(world) == []
    with pytest.raises(psycopg.OperationalError):
        reader.connect()


@pytest.mark.parametrize(
    ("name", "role", "projects", "message"),
    [
        ("Bad-Name", "hq", (), "cannot be a reader's name"),
        ("pg_x", "hq", (), "cannot be a reader's name"),
        ("reader_hq", "hq", (), "cannot be a reader's name"),
        ("boss", "king", (), "is none of"),
        ("boss", "pm", (), "needs at least one project"),
        ("boss", "hq", ("P1",), "needs at least one project"),
        ("boss", "pm", ("P1", "P'; drop table x"), "unknown project"),
    ],
)
def test_reader_that_cannot_be_is_refused(
    world: Settings, name: str, role: readers.Role, projects: tuple[str, ...], message: str
) -> None:
    with pytest.raises(readers.ReaderError, match=message):
        readers.add(world, name, role, projects)
    assert execute(world, "select 1 from pg_roles where rolname = %s and rolcanlogin", [name]) == []


def test_login_of_somebody_else_is_left_alone(world: Settings) -> None:
    name = f"other_{secrets.token_hex(4)}"
    execute(world, f"create role {name} login password 'x'")
    try:
        with pytest.raises(readers.ReaderError, match="not a reader of this warehouse"):
            readers.add(world, name, "hq")
        with pytest.raises(readers.ReaderError, match="there is no reader"):
            readers.remove(world, name)
    finally:
        execute(world, f"drop role {name}")


def test_who_inspected_and_who_has_to_put_it_right_is_for_hr(
    world: Settings, logins: dict[str, Reader]
) -> None:
    persons = (
        "select inspector_person_id from hr.inspection where project_id = 'P1'",
        "select accountable_person_id from hr.nonconformity where project_id = 'P1'",
    )
    with logins["hr"].connect() as connection:
        assert [connection.execute(query.encode()).fetchall() for query in persons] == [
            [("person-9",)],
            [("person-1",)],
        ]
    for relation in ("publish.inspection", "publish.nonconformity"):
        for role in ("reader_hq", "reader_pm"):
            hidden = execute(
                world,
                "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 "
                "and not has_column_privilege(%s, attrelid, attnum, 'select')",
                [relation, role],
            )
            assert [str(name) for (name,) in hidden] in (["inspector_person_id"], ["accountable_person_id"])


def test_nothing_that_a_respondent_wrote_or_is_known_by_is_published(world: Settings) -> None:
    kept_back = {"respondent_id", "household_id", "answer_text", "finding", "measure", "remark"}
    columns = {
        str(name)
        for (name,) in execute(
            world,
            "select column_name from information_schema.columns "
            "where table_schema in ('publish', 'bi', 'hr', 'release')",
        )
    }
    assert {"has_verbatim", "question_code", "location"} <= columns
    assert not kept_back & columns
