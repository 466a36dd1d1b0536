"""Landing on a real server: registration, real deliveries, and the simulated company."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.delivery import Inbox, csv_text, make_inbox, site_content, ticket, write_site

from yardstick import sources, warehouse
from yardstick.landing import Landed, land
from yardstick.settings import Settings, project_root
from yardstick.simulator import running, simulate
from yardstick.sources import files
from yardstick.sources.delivery import Due
from yardstick.sources.register import register
from yardstick.sources.site import Site
from yardstick.sources.site_file import load_sites

BOSTON = Path(os.environ.get("YARDSTICK_BOSTON") or project_root().parent / "shared/data/boston_311_2015")


def register_and_land(settings: Settings, site: Site) -> list[Landed]:
    with warehouse.connect(settings.require_database_url()) as connection:
        register(connection, site)
    return [
        land(settings, site, entity, file, "test")
        for entity in site.entities.values()
        for file in files.due(site, entity, settings)
    ]


@pytest.mark.skipif(not BOSTON.is_dir(), reason=f"the Boston files are not at {BOSTON}; set YARDSTICK_BOSTON")
def test_boston_lands_whole_and_again_changes_nothing(settings: Settings) -> None:
    settings = replace(settings, data=BOSTON)
    (site,) = load_sites(project_root() / "sites/boston_311")
    landed = register_and_land(settings, site)
    assert {(result.status, result.reason) for result in landed} == {("landed", None)}
    with warehouse.connect(settings.require_database_url()) as connection:
        counts = dict(connection.execute("select entity, count(*) from ops.delivery group by 1").fetchall())
        rows = connection.execute("select count(*), count(problem_rule) from raw.ticket").fetchone()
        unknown = connection.execute(
            """
            select count(*) from raw.ticket as t
            join ops.delivery as d using (delivery_id)
            join ops.arrival as a using (arrival_id)
            left join ops.source_code as c
                on c.field = 'service_item_id' and c.source_value = concat_ws(
                    ' / ', (string_to_array(t.cells, chr(31)))[array_position(a.header, 'reason')],
                    (string_to_array(t.cells, chr(31)))[array_position(a.header, 'type')]
                )
            where c.code is null
            """
        ).fetchone()
    assert counts == {"project": 1, "service_item": 1, "org_unit": 1, "ticket": 181}
    assert rows == (58_119, 0)
    assert unknown == (0,)
    assert {(result.status, result.days) for result in register_and_land(settings, site)} == {
        ("unchanged", ())
    }


def test_declared_dates_read_the_same_in_postgresql_and_python(settings: Settings) -> None:
    from zoneinfo import ZoneInfo

    from yardstick.sources.dates import ISO, compile_format

    values = ["x", "31/02/2015 10:00", "1/2/2015 9:05", "01/02/2015 24:00", "2026-07-01T08:30", "2026-07-01",
              "2026-07-01 08:30:15.123456", "12/31/2015 12:00:01 AM", "13/31/2015 12:00:01 AM",
              "07-Mar-2026"]  # fmt: skip
    with warehouse.connect(settings.require_database_url()) as connection:
        for form in (ISO, "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%d-%b-%Y"):
            compiled = compile_format(form)
            for value in values:
                row = connection.execute(
                    """
                    select case
                        when %(v)s ~ %(p)s
                            and pg_input_is_valid(regexp_replace(%(v)s, %(p)s, %(t)s), 'timestamp')
                            then regexp_replace(%(v)s, %(p)s, %(t)s)::timestamp::date
                    end
                    """,
                    {"v": value, "p": compiled.pattern, "t": compiled.template},
                ).fetchone()
                assert row == (compiled.day(value, ZoneInfo("UTC")),), (form, value)


def test_excel_serials_read_the_same_in_postgresql_and_python(settings: Settings) -> None:
    from zoneinfo import ZoneInfo

    import jinja2

    from yardstick.sources.dates import EXCEL_SERIAL, compile_format

    source = (project_root() / "dbt_project/macros/delivered_rows.sql").read_text(encoding="utf-8")
    macros: Any = jinja2.Environment(autoescape=False).from_string(source).module
    read = macros.from_excel_serial("%(v)s::text")
    values = ["46204", "46204.354166667", "46203.999999", "46203.99999", "46203.9999942129", "46203.9999942130", "61",
              "60", "59", "1", "0", "60.99999", "2958464.999", "2958464.9999999", "2958465", "-1", "x", "",
              "46204.", "4e4", "00046204"]  # fmt: skip
    with warehouse.connect(settings.require_database_url()) as connection:
        for value in values:
            row = connection.execute(f"select ({read})::timestamp::date".encode(), {"v": value}).fetchone()
            assert row == (compile_format(EXCEL_SERIAL).day(value, ZoneInfo("UTC")),), value


def test_registration_writes_only_what_changed_and_makes_its_deliveries_dirty(
    settings: Settings, tmp_path: Path
) -> None:
    inbox = make_inbox(settings, tmp_path)
    inbox.put("2015-02.csv", csv_text([ticket(1)]))
    inbox.land()
    with warehouse.connect(settings.require_database_url()) as connection:
        connection.execute("update ops.delivery set audited_build_id = 1")
        assert register(connection, inbox.site) is False
        content = site_content()
        content["names"]["en"] = "Renamed"
        assert register(connection, load_sites(write_site(tmp_path / "sites", content))[0]) is True
        dirty = "select count(*) from ops.delivery where audited_build_id is null"
        assert connection.execute(dirty).fetchone() == (0,)
        content["entities"]["ticket"]["fields"]["status"]["codes"]["Shut"] = "closed"
        assert register(connection, load_sites(write_site(tmp_path / "sites", content))[0]) is True
        assert connection.execute(dirty).fetchone() == (28,)
        codes = connection.execute("select source_value, code from ops.source_code order by 1").fetchall()
        assert codes == [("Closed", "closed"), ("Open", "open"), ("Shut", "closed")]


def test_due_files_are_those_whose_days_touch_the_range(settings: Settings, tmp_path: Path) -> None:
    inbox = make_inbox(settings, tmp_path)
    for month in (1, 2, 3):
        inbox.put(f"2015-{month:02}.csv", csv_text([ticket(month, month=month)]))
    inbox.put("readme.txt", "no delivery")
    entity = inbox.site.entities["ticket"]
    due = files.due(inbox.site, entity, settings, date(2015, 1, 31), date(2015, 2, 1))
    assert [(file.name, file.last_day) for file in due] == [
        ("2015-01.csv", date(2015, 1, 31)),
        ("2015-02.csv", date(2015, 2, 28)),
    ]
    with pytest.raises(FileNotFoundError, match="Create it"):
        files.due(inbox.site, entity, replace(settings, data=tmp_path / "nowhere"))


def test_undated_ticket_file_vouches_for_the_days_it_holds(settings: Settings, tmp_path: Path) -> None:
    inbox = make_inbox(settings, tmp_path, site_content(files="tickets.csv"))
    inbox.put("tickets.csv", csv_text([ticket(1, 3), ticket(2, 6), ticket(3, opened="31/02/2015 08:00")]))
    assert inbox.land()["tickets.csv"].days == tuple(date(2015, 2, day) for day in (3, 4, 5, 6))
    assert inbox.query("select rows_landed from ops.delivery order by partition_date") == [
        (1,),
        (0,),
        (0,),
        (2,),
    ]


def test_changed_reading_of_the_same_bytes_is_looked_at_again(settings: Settings, tmp_path: Path) -> None:
    inbox = make_inbox(settings, tmp_path)
    inbox.put("2015-04.csv", csv_text([ticket(1, opened="03/04/2015 08:00")]))
    inbox.land()
    content = site_content()
    content["entities"]["ticket"]["fields"]["opened_at"]["format"] = "%m/%d/%Y %H:%M"
    inbox = make_inbox(settings, tmp_path, content)
    landed = inbox.land()["2015-04.csv"]
    # Read month first it is 4 March: outside the file's days, so it belongs to the delivery day.
    assert landed.days == (date(2015, 4, 3), date(2015, 4, 30))


def test_raw_refuses_every_change(settings: Settings, tmp_path: Path) -> None:
    import psycopg

    inbox = make_inbox(settings, tmp_path)
    inbox.put("2015-02.csv", csv_text([ticket(1)]))
    inbox.land()
    for statement in (
        "delete from raw.ticket",
        "update raw.ticket set row_number = 1",
        "truncate raw.ticket",
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            inbox.query(statement)


def test_simulated_company_lands_whole(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = simulate(tmp_path / "company", projects=3, months=1)
    settings = replace(settings, data=company.data)
    with running(company, settings) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        landed = []
        for site in load_sites(company.sites):
            with warehouse.connect(settings.require_database_url()) as connection:
                register(connection, site)
            connector = sources.connector(site.connector)
            landed += [
                land(settings, site, entity, due, "test")
                for entity in site.entities.values()
                for due in connector.due(site, entity, settings, company.first_day, company.last_day)
            ]
    assert {result.status for result in landed} == {"landed"}
    with warehouse.connect(settings.require_database_url()) as connection:
        for entity, account in company.accounts.items():
            count = connection.execute(f"select count(*) from raw.{entity}".encode()).fetchone()
            assert count == (account.counts["landed"],), entity


# --- manifests -------------------------------------------------------------------------------------


def listed(*lines: str, header: str = "file,sha256,size,rows") -> str:
    return "\r\n".join([header, *lines]) + "\r\n"


def line_for(name: str, content: str, rows: int | str = "") -> str:
    return f"{name},{hashlib.sha256(content.encode()).hexdigest()},{len(content.encode())},{rows}"


def manifest_inbox(settings: Settings, folder: Path, **entity: Any) -> Inbox:
    return make_inbox(settings, folder, site_content(manifest="manifest-{month:%Y-%m}.csv", **entity))


def test_only_what_a_manifest_lists_and_describes_rightly_is_landed(
    settings: Settings, tmp_path: Path
) -> None:
    inbox = manifest_inbox(settings, tmp_path)
    good, other = csv_text([ticket(1), ticket(2)]), csv_text([ticket(3, month=3)])
    inbox.put("2015-02.csv", good)
    inbox.put("2015-03.csv", other)
    assert inbox.land() == {}
    inbox.put("manifest-2015-02.csv", listed(line_for("2015-02.csv", good, 2), line_for("projects.csv", "x")))
    assert {name: found.status for name, found in inbox.land().items()} == {"2015-02.csv": "landed"}
    # A later manifest may correct what an earlier one said, and a corrected file comes with a new one.
    corrected = csv_text([ticket(1), ticket(2, note="corrected")])
    inbox.put("2015-02.csv", corrected)
    inbox.put(
        "manifest-2015-03.csv", listed(line_for("2015-02.csv", corrected), line_for("2015-03.csv", other))
    )
    assert {name: found.rows_landed for name, found in inbox.land().items()} == {
        "2015-02.csv": 2, "2015-03.csv": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (line_for("2015-02.csv", "another"), "2015-02.csv has .* bytes and manifest-2015-02.csv says 7"),
        (f"2015-02.csv,{'0' * 64},,", "2015-02.csv has another SHA-256 than manifest-2015-02.csv says"),
        ("2015-02.csv,,,3", "the source says 3 rows and delivered 2"),
        ("2015-02.csv,,,", None),
    ],
)
def test_file_that_its_manifest_describes_otherwise_is_refused_with_the_reason(
    settings: Settings, tmp_path: Path, line: str, why: str | None
) -> None:
    inbox = manifest_inbox(settings, tmp_path)
    inbox.put("2015-02.csv", csv_text([ticket(1), ticket(2)]))
    inbox.put("manifest-2015-02.csv", listed(line))
    landed = inbox.land()["2015-02.csv"]
    assert landed.status == ("refused" if why else "landed")
    assert re.search(why or "^$", landed.reason or "")
    assert len(inbox.raw()) == (0 if why else 2)


def test_listed_file_that_is_missing_is_told_once_it_is_settled(settings: Settings, tmp_path: Path) -> None:
    inbox = manifest_inbox(settings, tmp_path, settle_seconds=60)
    path = inbox.put("manifest-2015-02.csv", listed("2015-02.csv,,,"))
    entity = inbox.site.entities["ticket"]
    assert files.due(inbox.site, entity, settings) == []
    os.utime(path, (0, 0))
    landed = inbox.land()["2015-02.csv"]
    assert (landed.status, landed.reason) == (
        "refused",
        "manifest-2015-02.csv lists 2015-02.csv, which is not there. Deliver it, or a corrected manifest.",
    )
    # Once it comes it has as long to settle as any file.
    path = inbox.put("2015-02.csv", csv_text([ticket(1)]))
    assert files.due(inbox.site, entity, settings) == []
    os.utime(path, (0, 0))
    assert inbox.land()["2015-02.csv"].status == "landed"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "has no column 'file'; it has nothing"),
        (
            listed("2015-02.csv,1,2,3", header="document,sha256,size,rows"),
            "has no column 'file'; it has document",
        ),
        (listed("2015-02.csv,,"), "row 2 has 3 cells, the header has 4"),
        (listed("2015-02.csv,abc,,"), "what is no SHA-256"),
        (listed("2015-02.csv,,many,"), "row 2: size 'many' is not a number"),
        ('file\r\n"2015-02.csv', "cannot be read"),
    ],
)
def test_manifest_that_cannot_be_believed_is_refused_and_stops_no_other(
    settings: Settings, tmp_path: Path, content: str, why: str
) -> None:
    inbox = manifest_inbox(settings, tmp_path)
    for month in (2, 3):
        inbox.put(f"2015-{month:02}.csv", csv_text([ticket(1, month=month)]))
    inbox.put("manifest-2015-02.csv", content)
    inbox.put("manifest-2015-03.csv", "\ufeff" + listed("2015-03.csv,,,1", header="文件名,SHA256,大小,行数"))
    landed = inbox.land()
    assert landed["manifest-2015-02.csv"].status == "refused"
    assert why in (landed["manifest-2015-02.csv"].reason or "")
    assert landed["2015-03.csv"].status == "landed"
    assert "2015-02.csv" not in landed


def test_file_asked_for_by_name_is_looked_up_in_its_manifest(settings: Settings, tmp_path: Path) -> None:
    inbox = manifest_inbox(settings, tmp_path)
    content = csv_text([ticket(1)])
    inbox.put("2015-02.csv", content)
    entity = inbox.site.entities["ticket"]
    due = Due(date(2015, 2, 1), date(2015, 2, 28), "2015-02.csv")
    assert "is on no manifest" in (land(settings, inbox.site, entity, due).reason or "")
    inbox.put("manifest-2015-02.csv", listed(line_for("2015-02.csv", content)))
    assert land(settings, inbox.site, entity, due).status == "landed"
