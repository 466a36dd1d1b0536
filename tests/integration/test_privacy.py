"""What is personal goes when it has been kept long enough, or when a person asks; no figure moves."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
import yaml
from tests.complaint_deliveries import complaint, complaint_company
from tests.deliveries import MARTS, Company, project, ticket
from tests.integration.release_world import PERSON, build_world, execute
from tests.integration.test_posts import post
from tests.integration.test_publish import pass_gates
from tests.integration.test_readers import Reader

from yardstick import appraisal, privacy, publish, readers, transform
from yardstick.contracts import load_contracts
from yardstick.errors import BadInputError
from yardstick.privacy.classes import FILE
from yardstick.settings import Settings, project_root

AS_OF = date(2026, 9, 1)
FIRST = "2026-03-01"
ALL = ("complaints", "quality", "staff")
FIGURES = (
    *(name for name in MARTS if name not in ("ops.flag",)),
    *("marts.fct_complaint", "marts.fct_household_history", "marts.fct_survey_answer", "marts.dim_person"),
    *("marts.fct_attendance", "marts.fct_post_daily", "marts.fct_staff_monthly", "marts.fct_training"),
    *("marts.fct_certificate", "marts.fct_overtime_monthly", "marts.fct_turnover_monthly"),
)
GONE = (
    *("王芳", "13800000001", "13800000003", "1990-01-02", "1990年", "male", "4401011990"),
    *("说过的话", "吵闹", "3-1-1201", "不知道是什么", "业主老李"),
)
KEPT = ("赵敏", "13900000002", "刚说过")


def person(name: str, **fields: str) -> dict[str, str]:
    return {"person_id": name, "contract_type": "fixed_term", "joined_date": "2025-12-31", **fields}


def shift(name: str, who: str, day: str, **fields: str) -> dict[str, str]:
    return {
        "source_attendance_id": name, "person_id": who, "work_date": day, "post_id": "P1-guard",
        "clock_in_at": f"{day} 08:00:00", "clock_out_at": f"{day} 16:00:00", "note": "说过的话", **fields,
    }  # fmt: skip


@pytest.fixture
def company(settings: Settings, request: pytest.FixtureRequest) -> Company:
    """H1 left in March; H2 manages P1 and stays. Some rows are rejected for what is personal in them."""
    company = complaint_company(settings)
    company.families = getattr(request, "param", ALL)
    company.deliver(
        "project",
        {FIRST: [project("P1", manager_person_id="H2", manager_name="赵敏"), project("P2")]},
        file_name="managed.csv",
    )
    company.deliver("post", {FIRST: [post("P1-guard", date(2015, 1, 1))]})
    mine = {"person_name": "王芳", "phone": "13800000001", "birth_date": "1990-01-02", "gender": "male"}
    left = person("H1", **mine, left_date="2026-03-19", leaving_reason="resigned", extra="不知道是什么")
    company.deliver(
        "person",
        {FIRST: [person("H1", **mine), person("H2", person_name="赵敏", phone="13900000002")]},
    )
    header = [*load_contracts()["person"].fields, "extra"]
    company.deliver("person", {"2026-03-20": [left]}, header=header, file_name="left.csv")
    company.deliver("person", {"2026-03-21": [left | {"birth_date": "1990年"}]}, file_name="bad.csv")
    company.deliver("person", {"2026-03-22": [left, left | {"phone": "13800000003"}]}, file_name="twice.csv")
    held = {"post_id": "P1-guard", "valid_from": "2025-12-31"}
    company.deliver("assignment", {FIRST: [{"person_id": name, **held} for name in ("H1", "H2")]})
    certificate = {
        "source_certificate_id": "Z1", "person_id": "H1", "certificate_kind": "fire_control",
        "certificate_number": "4401011990", "valid_from": "2023-03-11", "valid_to": "2027-03-10",
    }  # fmt: skip
    company.deliver("certificate", {FIRST: [certificate]})
    company.deliver(
        "attendance",
        {
            "2026-03-09": [shift("A1", "H1", "2026-03-09"), shift("A2", "H2", "2026-03-09")],
            "2026-08-09": [shift("A3", "H2", "2026-08-09", note="刚说过")],
        },
    )
    company.deliver("ticket", {"2026-03-02": [ticket("T1", title="吵闹", household_id="3-1-1201")]})
    company.deliver(
        "complaint",
        {
            "2026-03-05": [complaint("C1", "2026-03-05", household_id="3-1-1201", summary="吵闹")],
            "2026-03-06": [complaint("C2", "2026-03-06", household_id="3-1-1201", summary="")],
        },
    )
    answer = {
        "source_survey_answer_id": "Q1", "survey_id": "2026", "project_id": "P1", "asked_at": "2026-03-07 10:00:00",
        "question_code": "open", "dimension": "overall", "respondent_id": "业主老李", "answer_text": "吵闹",
    }  # fmt: skip
    company.deliver("survey_answer", {"2026-03-07": [answer]})
    company.build()
    return company


@pytest.fixture
def strict(settings: Settings, tmp_path: Path) -> Settings:
    """An installation that keeps everything for a month, and whom it is about for good."""
    root = tmp_path / "root"
    (root / FILE).parent.mkdir(parents=True)
    content = yaml.safe_load((project_root() / FILE).read_text(encoding="utf-8"))
    for each in content["classes"]:
        each["months"] = 1200 if each["then"] == "erase" else 1
    (root / FILE).write_text(yaml.safe_dump(content), encoding="utf-8")
    return replace(settings, root=root)


def everything(company: Company, schemas: str = "raw, ops, staging, intermediate, marts, publish") -> str:
    """The text of every row of the schemas."""
    tables = company.rows(
        "select n.nspname || '.' || c.relname from pg_class as c "
        "inner join pg_namespace as n on n.oid = c.relnamespace "
        "where c.relkind = 'r' and n.nspname = any(%s) order by 1",
        [schemas.split(", ")],
    )
    return "\n".join(
        str(company.rows(f"select '{table}', t::text from {table} as t where t::text ~ '[^,()]'"))
        for (table,) in tables
    )


def test_retention_removes_what_is_personal_and_no_figure_moves(company: Company, strict: Settings) -> None:
    before, text = company.fingerprints(FIGURES), everything(company)
    counts = company.rows("select delivery_id, rows_landed, content_sha256 from ops.delivery order by 1")
    assert [value for value in (*GONE, *KEPT) if value not in text] == []
    assert company.rows("select field, rule from ops.rejected order by 1") == [
        ("birth_date", "date_unreadable"),
        ("person_id", "key_conflict"),
        ("person_id", "key_conflict"),
    ]
    planned = privacy.retain(strict, AS_OF, is_dry=True)
    assert everything(company) == text
    removed = privacy.retain(strict, AS_OF, run_by="night")
    assert removed == planned
    assert company.rows(
        "select class, relation, cut_off, rows from ops.privacy_removal order by removed_at, class, relation"
    ) == sorted((r.name, r.relation, r.cut_off, r.rows) for r in removed)
    assert {("personnel", "raw.person"), ("personnel", "raw.certificate"), ("households", "raw.ticket")} <= {
        (each.name, each.relation) for each in removed
    }
    assert privacy.retain(strict, AS_OF) == [], "nothing is left to remove"

    left = everything(company)
    assert [value for value in GONE if value in left] == []
    assert [value for value in KEPT if value not in left] == []
    assert company.fingerprints(FIGURES) == before
    assert company.rows("select has_verbatim from marts.fct_survey_answer") == [(True,)]
    hashes = "select delivery_id, row_number, content_md5 from staging.stg_delivered__{} order by 1, 2"
    entities = ("person_versions", "attendance_versions", "ticket_versions", "complaint_versions", "people")
    hashed = [company.rows(hashes.format(name)) for name in entities]

    company.forget()
    company.build()
    assert company.fingerprints(FIGURES) == before, "built anew from what is left"
    assert [company.rows(hashes.format(name)) for name in entities] == hashed
    assert (
        company.rows("select delivery_id, rows_landed, content_sha256 from ops.delivery order by 1") == counts
    )


@pytest.mark.parametrize("company", [("quality", "staff")], indirect=True)
def test_an_erased_person_is_a_pseudonym_from_then_on_and_no_figure_moves(
    company: Company, settings: Settings
) -> None:
    with company.open() as connection:
        connection.execute("insert into ops.reader (login, reader_role) values ('hr1', 'hr'), ('hq1', 'hq')")
    with pytest.raises(BadInputError, match="no reader of role hr"):
        privacy.extract(settings, "H2", "hq1")
    with pytest.raises(BadInputError, match="no reader of role hr"):
        privacy.erase(settings, "H2", "asked", "hq1")
    with pytest.raises(BadInputError, match="nothing is held"):
        privacy.extract(settings, "nobody", "hr1")

    told = privacy.extract(settings, "H2", "hr1")["relations"]
    assert {"raw.person", "raw.attendance", "raw.project", "marts.fct_attendance", "marts.dim_person"} <= set(
        told
    )
    assert told["raw.person"][0]["cells"]["person_name"] == "赵敏"
    assert "H1" not in json.dumps(told["marts.fct_attendance"])

    before = figures(company)
    pseudonym = privacy.erase(settings, "H2", "asked for it", "hr1")
    assert privacy.erase(settings, "H2", "asked for it", "hr1") == pseudonym
    text = everything(company)
    assert [value for value in ("H2", *KEPT) if value in text] == []
    assert "王芳" in text
    assert figures(company) == {
        name: sorted(row.replace("H2", pseudonym).replace("赵敏", "[removed]") for row in rows)
        for name, rows in before.items()
    }
    assert company.rows(
        "select kind, subject, reason, run_by from ops.privacy_run order by 1, privacy_run_id"
    ) == [
        ("erasure", pseudonym, "asked for it", "hr1"),
        ("erasure", pseudonym, "asked for it", "hr1"),
        ("extract", pseudonym, None, "hr1"),
    ]
    with pytest.raises(BadInputError, match="nothing is held"):
        privacy.extract(settings, "H2", "hr1")

    company.deliver(
        "person", {"2026-08-01": [person("H2", person_name="赵敏", job_grade="P2")]}, file_name="again.csv"
    )
    planned = transform.plan_build(settings, "tests")
    assert planned
    transform.stage(settings, planned.build_id)
    assert privacy.keep_erased(settings, planned.build_id) == 0, "it was done before anything was staged"
    assert [value for value in ("H2", *KEPT) if value in everything(company)] == []
    assert company.rows("select person_id, job_grade from staging.stg_delivered__people order by 2") == [
        (pseudonym, "P2"),
        ("H1", None),
    ]


def figures(company: Company) -> dict[str, list[str]]:
    """The rows of each figure's relation as text, in order."""
    return {
        name: sorted(text for (text,) in company.rows(f"select t::text from {name} as t"))
        for name in FIGURES
        if company.rows(f"select to_regclass('{name}')" if "(" not in name else "select true") != [(None,)]
    }


def test_a_release_keeps_who_was_paid_and_its_readers_see_the_pseudonym(settings: Settings) -> None:
    build_world(settings, audited=False)
    pass_gates(settings)
    publish.move(settings, 1)
    appraisal.release(settings, "month", "2015-01", PERSON)
    reader = Reader(settings, "hr")
    try:
        pseudonym = privacy.erase(settings, "person-1", "asked for it", reader.name)
        assert appraisal.verify(settings) == []
        shown = "select project_id, person_id, person_name from hr.{} order by version, project_id"
        erased, other = ("P1", pseudonym, None), ("P2", "person-2", "赵敏")
        with reader.connect() as connection:
            for view in ("appraisal", "appraisal_month"):
                assert connection.execute(shown.format(view).encode()).fetchall() == [erased, other]
            assert connection.execute("select person_name from hr.person order by person_id").fetchall() == [
                ("[removed]",),
                ("赵敏",),
            ]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select ops.erased_as('person-1')")
        assert execute(settings, "select 1 from publish.attendance where person_id = 'person-1'") == []

        assert appraisal.prepare(settings, "2015-01")["state"] == "released", "nothing to restate"
        execute(settings, "update appraisal.appraisal_score set score = 70 where project_id = 'P2'")
        appraisal.restate(settings, "month", "2015-01", "late tickets", PERSON)
        assert appraisal.verify(settings) == []
        assert "erased" not in str(execute(settings, "select * from release.difference"))
        with reader.connect() as connection:
            assert connection.execute(shown.format("appraisal").encode()).fetchall() == [erased, other] * 2
    finally:
        readers.remove(settings, reader.name)
