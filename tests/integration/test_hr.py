"""What HR is given: months of persons by SQL, as a workbook and as a file for payroll."""

from __future__ import annotations

import csv
import io
import random
import re
import stat
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from tests.integration.release_world import PERSON, build_world, execute
from typer.testing import CliRunner

from yardstick import appraisal, hr, privacy, warehouse
from yardstick.cli import app
from yardstick.settings import Settings, project_root

DAYS = 31
Part = tuple[str, str, Decimal, int]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def drawn_parts(draw: random.Random) -> list[Part]:
    """Months of persons split between up to three projects at any millionth of a day; person-1 was transferred."""
    found = [("person-1", "P1", Decimal("10.333333"), DAYS), ("person-1", "P2", Decimal("20.666667"), DAYS)]
    for number in range(3, 120):
        whole = draw.randint(1, DAYS)
        projects = draw.sample(["P1", "P2", ""], draw.choice((1, 1, 2, 3)))
        cuts = sorted(Decimal(draw.randint(0, whole * 10**6)) / 10**6 for _ in projects[1:])
        bounds = [Decimal(0), *cuts, Decimal(whole)]
        found += [
            (f"person-{number}", project, until - since, whole)
            for project, since, until in zip(projects, bounds[:-1], bounds[1:], strict=True)
        ]
    return found


@pytest.fixture
def parts() -> list[Part]:
    return drawn_parts(random.Random(20260131))


@pytest.fixture
def world(settings: Settings, parts: list[Part]) -> Settings:
    """January, released, and February, which nobody has signed."""
    build_world(settings)
    with warehouse.connect(settings.require_database_url()) as connection:
        connection.cursor().executemany(
            "insert into publish.staff_monthly (month, person_id, project_id, days, full_time_days, service_days, "
            "post_id, post_function, department_id, days_due, days_present, late_shifts, overtime_minutes, "
            "overtime_rest_day_minutes, leave_minutes, leave_minutes_by_kind, certificates_held) "
            "select month::date, %s, %s, %s, %s, %s, 'guard', 'security', 'D1', 10, 9, 1, 90, 90, 480, "
            """'{"sick": 300, "maternity": 180}', 2 from unnest(array['2015-01-01', '2015-02-01']) as month""",
            [(person, project, days, days, whole) for person, project, days, whole in parts],
        )
        connection.execute(
            "insert into publish.person (person_id, person_name) "
            "select distinct person_id, '=' || person_id || '王芳' from publish.staff_monthly"
        )
        connection.execute("insert into publish.org_unit select * from marts.dim_org_unit")
        columns = [
            column
            for (column,) in connection.execute(
                "select column_name from information_schema.columns "
                "where (table_schema, table_name) = ('release', 'staff') and column_name <> 'release_id'"
            )
        ]
        connection.execute(
            f"insert into appraisal.appraisal_staff (period_kind, period, {', '.join(columns)}) "
            f"select 'month', '2015-01', {', '.join(columns)} "
            "from publish.staff_monthly where month = '2015-01-01'".encode()
        )
    appraisal.release(settings, "month", "2015-01", PERSON)
    return settings


def restate(settings: Settings) -> None:
    """The score of P1 falls, and a late punch of its manager comes in."""
    execute(
        settings,
        "update appraisal.appraisal_person set score = 70, coefficient = 0.5 where project_id = 'P1'",
    )
    execute(
        settings,
        "update appraisal.appraisal_staff set days_present = 10 where person_id = 'person-1' and project_id = 'P1'",
    )
    appraisal.restate(settings, "month", "2015-01", "迟到的工单", PERSON)


def rows(settings: Settings, query: str) -> list[dict[str, Any]]:
    with warehouse.connect(settings.require_database_url()) as connection:
        return warehouse.rows(connection, query.encode())


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def total(lines: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(line[column]) for line in lines if line[column]), Decimal(0))


def test_a_transferred_month_is_split_by_days_and_its_parts_are_the_whole(
    world: Settings, parts: list[Part]
) -> None:
    assert sum(days % 1 != 0 for _, _, days, _ in parts) > 50
    told = {
        (row["person_id"], row["project_id"]): (row["days"], row["service_days"])
        for row in rows(
            world, "select * from hr.person_month_part where release_id = '2015-01.v1' and is_frozen"
        )
        if row["days"] is not None
    }
    assert told == {(person, project): (days, whole) for person, project, days, whole in parts}
    whole_months = rows(world, "select * from hr.person_month where days is not null")
    assert len(whole_months) == 2 * len({person for person, *_ in parts})
    assert all(row["days"] == row["service_days"] for row in whole_months)
    [manager] = rows(
        world,
        "select * from hr.person_month where person_id = 'person-1' and period = '2015-01'",
    )
    assert (manager["project_id"], manager["projects"]) == ("P2", 2)
    assert manager["days_by_project"] == {"P1": 10.333333, "P2": 20.666667}
    # as released for P1, the only project that the person answers for; never split, never recomputed
    assert (manager["score"], manager["grade"], manager["coefficient"]) == (91.5, "good", 1.0)
    assert (manager["release_id"], manager["version"]) == ("2015-01.v1", 1)
    assert [one["indicator"] for one in manager["indicators_by_project"]["P1"]] == ["completed_on_time"]
    assert (manager["leave_sick_minutes"], manager["leave_other_minutes"]) == (600, 360)
    by_status = {row["period"]: row["told"] for row in rows(
        world,
        "select period, array_agg(distinct appraisal_status order by appraisal_status) as told "
        "from hr.person_month group by period",
    )}  # fmt: skip
    assert by_status == {"2015-01": ["appraised", "not_appraised"], "2015-02": ["not_released"]}
    assert not rows(
        world,
        "select * from hr.person_month_part where release_id is null "
        "and (score is not null or coefficient is not null or grade is not null)",
    )


def test_payroll_adds_up_is_the_same_again_and_says_who_wrote_it(world: Settings, parts: list[Part]) -> None:
    paths = hr.payroll(world, "2015-01", written_by="Li Hua")
    lines, [control] = table(paths[0]), table(paths[1])
    assert len(lines) == int(control["rows"]) == len(parts) + 1  # person-2 answers for P2 and has no facts
    assert int(control["persons"]) == len({line["person_id"] for line in lines})
    for column in ("days", "coefficient", "overtime_rest_day_minutes"):
        assert total(lines, column) == Decimal(control[f"total_{column}"]) > 0
    by_person: dict[str, Decimal] = {}
    for line in lines:
        by_person[line["person_id"]] = by_person.get(line["person_id"], Decimal(0)) + Decimal(
            line["days"] or 0
        )
    assert by_person == {person: Decimal(whole) for person, _, _, whole in parts} | {"person-2": Decimal(0)}
    assert {(line["release_id"], line["version"]) for line in lines} == {("2015-01.v1", "1")}
    assert not {"person_name", "leave_sick_minutes"} & lines[0].keys()

    subprocess.run(["sha256sum", "--check", "--strict", paths[2].name], cwd=paths[2].parent, check=True)
    first = [path.read_bytes() for path in paths]
    execute(world, "update publish.staff_monthly set days = 0, overtime_rest_day_minutes = 1")
    execute(world, "update publish.person set person_name = 'somebody else'")
    assert [path.read_bytes() for path in hr.payroll(world, "2015-01", written_by="Zhao Min")] == first
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (world.hr, *paths[0].parents[:2])} == {0o700}
    assert not list(world.hr.rglob(".*"))
    ledger = rows(
        world, "select written_by, path, sha256, row_count from release.hand_off order by hand_off_id"
    )
    assert [row["written_by"] for row in ledger] == ["Li Hua"] * 3 + ["Zhao Min"] * 3
    assert paths[2].read_text().split()[0] == ledger[0]["sha256"] == ledger[3]["sha256"]
    assert ledger[0]["path"] == "2015-01/v1/payroll-2015-01.v1.csv"
    with pytest.raises(Exception, match="append-only"):
        execute(world, "delete from release.hand_off")


def test_what_is_not_released_is_paid_to_nobody(world: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", world.require_database_url())
    for verb in ("payroll", "workbook"):
        refused = CliRunner().invoke(app, ["hr", verb, "--period", "2015-02", "--home", str(world.home)])
        assert refused.exit_code == 1
        assert "2015-02 is not released" in refused.output
    with pytest.raises(hr.HrError, match="version 2 of 2015-01 is not released"):
        hr.payroll(world, "2015-01", version=2, written_by="Li Hua")
    with pytest.raises(hr.HrError, match="2015-Q1 is a quarter"):
        hr.payroll(world, "2015-Q1", written_by="Li Hua")
    assert not world.hr.exists()
    assert rows(world, "select * from release.hand_off") == []
    taken = CliRunner().invoke(app, ["hr", "payroll", "--period", "2015-01", "--home", str(world.home)])
    assert taken.exit_code == 0
    assert [Path(line).is_file() for line in taken.stdout.split()] == [True] * 3


def test_a_restatement_is_a_new_version_and_the_old_one_stays(world: Settings) -> None:
    before = {path: path.read_bytes() for path in hr.payroll(world, "2015-01", written_by="Li Hua")}
    restate(world)
    assert appraisal.verify(world) == []
    after = hr.payroll(world, "2015-01", written_by="Li Hua")
    assert not before.keys() & set(after)
    again = hr.payroll(world, "2015-01", version=1, written_by="Li Hua")
    assert {path: path.read_bytes() for path in again} == before
    line = next(
        line for line in table(after[0]) if (line["person_id"], line["project_id"]) == ("person-1", "P1")
    )
    assert {name: line[name] for name in ("score", "coefficient", "coefficient_before", "days_present", "version")} == {
        "score": "70", "coefficient": "0.5", "coefficient_before": "1", "days_present": "10", "version": "2",
    }  # fmt: skip
    assert (line["score_adjustment"], line["coefficient_adjustment"]) == ("-21.5", "-0.5")
    [control] = table(after[1])
    assert (control["total_coefficient_adjustment"], control["adjustment_reason"]) == ("-0.5", "迟到的工单")
    versions = rows(
        world,
        "select version, is_current, coefficient, coefficient_adjustment, days_present, adjustment_reason "
        "from hr.person_month where person_id = 'person-1' and period = '2015-01' order by version",
    )
    assert [tuple(row.values()) for row in versions] == [
        (1, False, 1.0, None, 18, None),
        (2, True, 0.5, -0.5, 19, "迟到的工单"),
    ]
    told = rows(world, "select before, after from release.difference where relation = 'staff'")
    assert [tuple(row.values()) for row in told] == [("9", "10")]


def test_an_erased_person_is_paid_as_before_and_shown_by_the_pseudonym(world: Settings) -> None:
    before = {path: path.read_bytes() for path in hr.payroll(world, "2015-01", written_by="Li Hua")}
    execute(world, "insert into ops.reader (login, reader_role) values ('hr1', 'hr')")
    pseudonym = privacy.erase(world, "person-1", "asked for it", "hr1")
    assert {
        path: path.read_bytes() for path in hr.payroll(world, "2015-01", written_by="Li Hua")
    } == before, "the record of what was paid"
    assert appraisal.draft(world, "month", "2015-01").state == "unchanged"
    shown = "select distinct person_id, person_name, period from hr.{} where {} order by period"
    for view in ("person_month", "person_month_part"):
        found = rows(world, shown.format(view, f"person_id in ('person-1', '{pseudonym}')"))
        assert [tuple(row.values()) for row in found] == [
            (pseudonym, None, "2015-01"),
            (pseudonym, "[removed]", "2015-02"),
        ]


@pytest.mark.parametrize("code", hr.LANGUAGES)
def test_the_workbook_can_be_worked_with(world: Settings, code: str) -> None:
    restate(world)
    [path] = hr.workbooks(world, "2015-01", languages=[code], written_by="Li Hua")
    assert path == world.hr / f"2015-01/v2/staff-2015-01.v2.{code}.xlsx"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    book = openpyxl.load_workbook(path)
    assert len(book.sheetnames) == 4
    is_chinese = code == "zh-Hans"
    for name, frozen in zip(book.sheetnames[:3], ("C5", "E5", "E5"), strict=True):
        sheet = book[name]
        heads = [cell for cell in sheet[4] if cell.value]
        assert bool(CHINESE.search(name)) is is_chinese
        assert sheet.freeze_panes == frozen
        assert sheet.auto_filter.ref == f"A4:{get_column_letter(len(heads))}{sheet.max_row}"
        assert len({cell.value for cell in heads}) == len(heads)
        for cell in heads:
            assert cell.comment, f"{name}: no note on {cell.value}"
            assert len(cell.comment.text) > 1
            assert bool(CHINESE.search(cell.comment.text)) is is_chinese
            width = sheet.column_dimensions[cell.column_letter].width
            longest = max(
                sum(2 if CHINESE.match(char) else 1 for char in word) for word in [*cell.value.split(), ""]
            )
            assert longest <= width * (3 if is_chinese else 1.1), f"{name}: {cell.value} does not fit"
        texts = [cell.value for row in sheet.iter_rows(min_row=5) for cell in row if cell.data_type == "s"]
        assert "=person-1王芳" in texts  # a name, not a formula
        assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)

    def found(name: str, person: str) -> dict[str, Any]:
        sheet = book[name]
        heads = [re.sub(r"\s+", " ", str(cell.value)) for cell in sheet[4]]
        return next(
            dict(zip(heads, row, strict=True)) for row in sheet.iter_rows(min_row=5) if row[0].value == person
        )

    persons, by_project = book.sheetnames[:2]
    names = {"score": ("得分", "Score"), "days": ("本项目天数", "Days here"), "share": ("占当月比例", "Share of month"),
             "overtime": ("休息日加班", "on rest days"), "grade": ("等级", "Grade"), "version": ("版本", "Version"),
             "adjusted": ("系数调整", "Coefficient adjusted"), "status": ("考核", "Appraisal")}  # fmt: skip
    head = {key: texts[not is_chinese] for key, texts in names.items()}
    row = found(persons, "person-1")
    assert (row[head["score"]].value, row[head["score"]].number_format) == (70, "#,##0.00")
    assert (row[head["overtime"]].value, row[head["version"]].value) == (3, 2)
    assert row[head["adjusted"]].value == -0.5
    assert row[head["grade"]].value == ("良好" if is_chinese else "Good")
    nobody = found(persons, "person-3")
    assert nobody[head["score"]].value is None
    assert nobody[head["status"]].value == ("不负责项目" if is_chinese else "answers for none")
    part = found(by_project, "person-1")
    assert (part[head["days"]].value, part[head["days"]].number_format) == (20.666667, "#,##0.####")
    assert (round(part[head["share"]].value, 6), part[head["share"]].number_format) == (0.666667, "0.0%")


def test_the_page_for_hr_names_every_column(world: Settings) -> None:
    page = (project_root() / "docs/hr.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page))
    columns = {
        row["column_name"]
        for row in rows(
            world,
            "select column_name from information_schema.columns where table_schema = 'hr' "
            "and table_name in ('person_month', 'person_month_part')",
        )
    } | set(table(hr.payroll(world, "2015-01", written_by="x")[0])[0])
    assert len(columns) > 60
    assert columns <= named, f"not told: {', '.join(sorted(columns - named))}"
