"""What a contract says is what staging does, for every kind of entity."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.deliveries import Company, project, ticket

from yardstick import staging_models, transform
from yardstick.contracts import load_contracts
from yardstick.settings import Settings
from yardstick.sources.dates import compile_format

DAY = "2026-03-02"


@pytest.fixture
def company(staged: Settings) -> Company:
    company = Company(staged, facts=()).register()
    company.deliver_master()
    return company


def rejects(company: Company, entity: str) -> set[tuple[object, ...]]:
    return set(company.rows("select row_number, field, rule from ops.rejected where entity = %s", [entity]))


def cost(name: str, amount: str, **fields: str) -> dict[str, str]:
    return {
        "source_cost_id": name, "cost_date": DAY, "project_id": "P1", "cost_kind": "energy",
        "amount_cny": amount, **fields,
    }  # fmt: skip


def post(name: str, first_day: str, **fields: str) -> dict[str, str]:
    return {
        "post_id": name, "valid_from": first_day, "post_function": "security", "established_persons": "2",
        **fields,
    }  # fmt: skip


def person(name: str, **fields: str) -> dict[str, str]:
    return {"person_id": name, "contract_type": "permanent", "joined_date": "2020-01-31", **fields}


def roster(name: str, who: str, **fields: str) -> dict[str, str]:
    return {
        "source_roster_id": name, "person_id": who, "shift_date": DAY, "shift_kind": "work",
        "starts_at": f"{DAY} 20:00", "ends_at": "2026-03-03 08:00", **fields,
    }  # fmt: skip


def event(name: str, of: str, **fields: str) -> dict[str, str]:
    return {
        "source_ticket_event_id": name, "source_ticket_id": of, "occurred_at": f"{DAY} 10:00",
        "event_kind": "assigned", **fields,
    }  # fmt: skip


def test_a_number_is_read_as_people_write_it_and_an_id_is_left_alone(company: Company) -> None:
    company.map("cost", "cost_kind", constant="energy", source_columns=[])
    written = {
        "1234.50": "1234.50", "1,234.5": "1234.5", "１，２３４．５": "1234.5", "￥1,234": "1234",
        "¥ 12": "12", "1,234,567元": "1234567", "-1,234": "-1234", "−5": "-5", "+0.5": "0.5", "1e3": "1000",
        "1,5": None, "1,23,456": None, "1 234": None, "$5": None, "12%": None, "1.234,5": None,
        "٣": None, "NaN": None, "0x10": None,
    }  # fmt: skip
    company.deliver("cost", {DAY: [cost(f"０{number:03}", text) for number, text in enumerate(written)]})
    company.build()
    staged = dict(company.rows("select source_cost_id, amount_cny::text from staging.stg_delivered__costs"))
    assert staged == {
        f"０{number:03}": value for number, value in enumerate(written.values()) if value is not None
    }
    assert {rule for *_, rule in rejects(company, "cost")} == {"number_unreadable"}
    told = {value for (value,) in company.rows("select value from ops.rejected")}
    assert told == {text for text, value in written.items() if value is None}


def test_staging_reads_a_date_on_the_day_that_landing_files_it_under(company: Company) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    forms = {
        "opened_at": "%Y-%m-%d %H:%M:%S", "due_at": "%d/%m/%Y %H:%M", "closed_at": "%Y%m%d%H%M%S",
        "first_response_at": "%m/%d/%Y %I:%M:%S %p", "acknowledged_at": "%d-%b-%Y",
        "attended_at": "iso_offset", "work_done_at": "excel_serial",
        "updated_at": "%Y-%m-%dT%H:%M:%S.%f%z",
    }  # fmt: skip
    for name, text in forms.items():
        form = compile_format(text)
        company.map("ticket", name, format=text, pattern=form.pattern, template=form.template)
    draw = random.Random(5)
    rows = []
    for number in range(400):
        moment = datetime.fromtimestamp(draw.randrange(1_100_000_000, 1_900_000_000), zone)
        row = {}
        for name, text in forms.items():
            if text == "excel_serial":
                value = str(
                    draw.choice([draw.randrange(55, 70), draw.uniform(30_000, 60_000), 2_958_464.99999])
                )
            else:
                value = moment.isoformat() if text == "iso_offset" else moment.strftime(text)
                if draw.random() < 0.3:  # not padded, out of range, or not in the format at all
                    value = draw.choice(
                        [
                            value.replace("0", "", 1),
                            value.replace("1", "3", 1),
                            value.replace(" ", "  "),
                            value[1:],
                        ]
                    )
            row[name] = value
        rows.append(ticket(f"T{number}", **row))
    company.deliver("ticket", {DAY: rows})
    company.build()
    read = seen = 0
    names = ", ".join(forms)
    staged = {
        number: moments
        for number, *moments in company.rows(
            f"select row_number, {names} from staging.stg_delivered__ticket_rows"
        )
    }
    assert len(staged) == len(rows)
    for number, row in enumerate(rows, 2):
        for (name, text), moment in zip(forms.items(), staged[number], strict=True):
            expected = compile_format(text).day(row[name], zone)
            assert (moment and moment.astimezone(zone).date()) == expected, (text, row[name])
            seen += 1
            read += expected is not None
    assert seen * 0.5 < read < seen


def test_a_day_is_a_day_whatever_time_stands_beside_it(company: Company) -> None:
    form = compile_format("%Y/%m/%d %H:%M %z")
    company.map("roster", "shift_date", format=form.text, pattern=form.pattern, template=form.template)
    company.deliver("person", {DAY: [person("A"), person("B", joined_date="2026-02-30")]})
    company.deliver(
        "roster",
        {
            DAY: [
                roster("R1", "A", shift_date="2026/03/02 23:30 +0000"),
                roster("R2", "A", shift_date="2026/03/02 23:30 +0900"),
                roster("R3", "A", shift_date="2026-03-02"),
            ]
        },
    )
    company.build()
    assert company.rows("select source_roster_id, shift_date::text from staging.stg_delivered__rosters") == [
        ("R1", "2026-03-03"),
        ("R2", "2026-03-02"),
    ]
    assert company.rows(
        "select extract(epoch from ends_at - starts_at)::int / 60 from staging.stg_delivered__rosters limit 1"
    ) == [(720,)]
    assert rejects(company, "roster") == {(4, "shift_date", "date_unreadable")}
    assert rejects(company, "person") == {(3, "joined_date", "date_unreadable")}


def test_a_key_of_several_fields_is_one_key(company: Company) -> None:
    company.deliver(
        "post", {DAY: [post("guard", "2025-01-01", valid_to="2026-02-28"), post("guard", "2026-03-01")]}
    )
    company.deliver("person", {DAY: [person("A")]})
    held = {"person_id": "A", "post_id": "guard", "valid_from": "2026-03-01"}
    company.deliver("assignment", {DAY: [held, held | {"post_id": "porter"}]})
    company.build()
    assert company.rows("select count(*) from staging.stg_delivered__posts") == [(2,)]
    assert company.rows("select share_pct from staging.stg_delivered__assignments") == [(100,)]
    assert rejects(company, "assignment") == {(3, "post_id", "unknown_post")}

    changed = company.deliver(
        "post",
        {
            "2026-03-03": [
                post("guard", "2025-01-01", valid_to="2026-02-28"),
                post("guard", "2026-03-01", established_persons="3"),
                post("clerk", "2026-03-01"),
                post("clerk", "2026-03-01", established_persons="9"),
            ]
        },
    )[0]
    company.build()
    assert company.counts(changed) == (4, 1, 0, 2, 1)
    assert company.rows(
        "select distinct key, value, field from ops.rejected where rule = 'key_conflict'"
    ) == [("clerk · 2026-03-01", "clerk · 2026-03-01", "post_id, valid_from")]


def test_rows_that_name_an_unknown_person_wait_for_them(company: Company) -> None:
    early = company.deliver("roster", {DAY: [roster("R1", "A"), roster("R2", "B")]})[0]
    company.deliver("person", {DAY: [person("B")]})
    company.build()
    assert company.counts(early) == (2, 1, 0, 1, 0)
    assert company.rows("select reason from ops.rejected") == [('no delivered person has the id "A"',)]
    company.deliver("project", {"2026-03-03": [project("P3")]})
    company.build()
    assert company.counts(early) == (2, 1, 0, 1, 0)
    company.deliver("person", {"2026-03-03": [person("A")]})
    company.build()
    assert company.counts(early) == (2, 2, 0, 0, 0)


def test_a_detail_before_its_head_is_kept_and_its_remark_goes_when_the_head_comes(company: Company) -> None:
    other = Company(company.settings, source_id="other", facts=()).register(with_calendar=False)
    unknown = {"to_department_id": "nowhere", "to_person_id": "X"}  # nobody delivers people at all
    early = company.deliver("ticket_event", {DAY: [event("E1", "T1"), event("E2", "T2", **unknown)]})[0]
    company.build()
    assert company.counts(early) == (2, 2, 0, 0, 0)
    flags = "select row_number, field, rule from ops.flag where entity = 'ticket_event' order by 1, 2"
    missing = [
        (2, "source_ticket_id", "unknown_ticket"),
        (3, "source_ticket_id", "unknown_ticket"),
        (3, "to_department_id", "unknown_org_unit"),
    ]
    assert company.rows(flags) == missing
    other.deliver("ticket", {DAY: [ticket("T1"), ticket("T2")]})
    company.build()
    assert company.rows(flags) == missing
    company.deliver("ticket", {DAY: [ticket("T1"), ticket("T2", status="strange")]})
    company.build()
    assert company.rows(flags) == missing[1:]
    flagged = "select rows_flagged from ops.delivery where delivery_id = %s"
    assert company.rows(flagged, [early]) == [(1,)]
    transform.rebuild(company.settings)
    company.build()
    assert company.rows(flags) == missing[1:]


def test_rules_between_fields_reject_or_tell_as_the_contract_says(company: Company) -> None:
    inspection = {
        "source_inspection_id": "I1", "planned_date": DAY, "project_id": "P1", "inspection_type": "monthly",
        "inspection_scope": "spot", "status": "done", "started_at": f"{DAY} 09:00", "full_score": "100",
    }  # fmt: skip
    rows = [
        inspection | {"score": "100", "ended_at": f"{DAY} 11:00"},
        inspection | {"source_inspection_id": "I2", "score": "100.5"},
        inspection | {"source_inspection_id": "I3", "score": "-1"},
        inspection | {"source_inspection_id": "I4", "score": "60", "ended_at": f"{DAY} 08:00"},
        inspection | {"source_inspection_id": "I5", "score": "250", "full_score": ""},
        inspection | {"source_inspection_id": "I6", "started_at": ""},
    ]
    delivery = company.deliver("inspection", {DAY: rows})[0]
    company.build()
    assert company.counts(delivery) == (6, 4, 0, 2, 0)
    assert rejects(company, "inspection") == {(3, "score", "out_of_range"), (4, "score", "out_of_range")}
    assert company.rows("select reason from ops.rejected where row_number = 3") == [
        ("score 100.5 is not between 0 and 100",)
    ]
    assert set(company.rows("select row_number, field, rule from ops.flag where entity = 'inspection'")) == {
        (5, "ended_at", "ended_before_started"),
        (7, "started_at", "starting_time_missing"),
    }


def test_a_personal_value_is_never_told(company: Company) -> None:
    company.deliver("person", {DAY: [person("A", birth_date="31.12.1999", gender="unsaid")]})
    company.build()
    assert set(company.rows("select field, value, rule from ops.rejected")) == {
        ("birth_date", "(personal)", "date_unreadable"),
        ("gender", "(personal)", "unknown_code"),
    }
    assert not company.rows("select 1 from ops.rejected where reason ~ '1999|unsaid'")


def test_only_entities_with_deliveries_are_staged_once_everything_exists(company: Company) -> None:
    company.deliver("ticket", {DAY: [ticket("T1")]})
    first = transform.plan_build(company.settings, "tests")
    assert first
    transform.stage(company.settings, first.build_id)
    made = {row[0] for row in company.rows("select tablename from pg_tables where schemaname = 'staging'")}
    assert made >= {name for each in load_contracts().values() for name in staging_models.staged_models(each)}
    company.audit(first.build_id)

    company.deliver("cost", {DAY: [cost("C1", "5")]})
    second = transform.plan_build(company.settings, "tests")
    assert second
    transform.stage(company.settings, second.build_id)
    heard = {
        row[0]
        for row in company.rows("select node from ops.model_run where build_id = %s", [second.build_id])
    }
    assert heard == {
        "stg_delivered__cost_rows", "stg_delivered__cost_versions", "stg_delivered__costs", "ops_flag",
    }  # fmt: skip
    assert company.rows("select count(*) from staging.stg_delivered__tickets") == [(1,)]


def test_a_field_that_a_contract_gains_is_asked_only_of_who_meets_that_version(
    company: Company, tmp_path: Path
) -> None:
    delivered = company.deliver("ticket", {DAY: [ticket("T1"), ticket("T2")]})[0]
    company.build()

    root = tmp_path / "later"
    shutil.copytree(company.settings.root / "dbt_project", root / "dbt_project")
    shutil.copytree(company.settings.root / "expectations/contracts", root / "expectations/contracts")
    contract = root / "expectations/contracts/ticket.yml"
    text = contract.read_text(encoding="utf-8").replace("version: 2\nchanges:", "version: 3\nchanges:")
    contract.write_text(
        text.replace(
            "names:", "  - {version: 3, date: 2027-01-01, zh: 补充, en: Cause added}\nnames:", 1
        ).replace(
            "rules:",
            "  - {name: cause, type: text, required: true, since: 3, meaning: {zh: 原因, en: Cause}}\nrules:",
        ),
        encoding="utf-8",
    )
    assert staging_models.write_models(root)
    company.settings = replace(company.settings, root=root)
    second = company.deliver("ticket", {DAY: [ticket("T1"), ticket("T2", status="cancelled"), ticket("T3")]})[
        0
    ]
    company.build()
    assert company.counts(second) == (3, 2, 0, 0, 1)
    assert company.counts(delivered) == (2, 1, 1, 0, 0)

    newer = Company(company.settings, source_id="newer", facts=()).register(with_calendar=False)
    with newer.open() as connection:
        connection.execute(
            "insert into ops.source_field (source_id, entity, field, source_columns) "
            "values ('newer', 'ticket', 'cause', '{cause}')"
        )
    header = [*load_contracts()["ticket"].fields, "cause"]
    newer.deliver("ticket", {DAY: [ticket("N1", cause="rain"), ticket("N2")]}, header=header)
    newer.build()
    assert company.rows("select row_number, field, rule from ops.rejected") == [
        (3, "cause", "required_missing")
    ]
    assert company.rows("select source_ticket_id, cause from staging.stg_delivered__tickets order by 1") == [
        ("N1", "rain"),
        ("T1", None),
        ("T2", None),
        ("T3", None),
    ]
