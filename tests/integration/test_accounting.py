"""Every row accounted for, on real input: the city's tickets through the real landing."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.deliveries import Company, ticket

from yardstick import landing, transform, warehouse
from yardstick.settings import Settings
from yardstick.sources import files
from yardstick.sources.register import register
from yardstick.sources.site_file import load_sites

BOSTON = Path(
    os.environ.get("YARDSTICK_BOSTON", Path(__file__).resolve().parents[3] / "shared/data/boston_311_2015")
)


def test_a_row_that_vanished_is_named_by_its_delivery(staged: Settings) -> None:
    company = Company(staged).register()
    company.deliver_master()
    delivery = company.deliver("ticket", {"2026-03-02": [ticket("T1")]})[0]
    with company.open() as connection:
        connection.execute("update ops.delivery set rows_landed = 2 where delivery_id = %s", [delivery])
    planned = transform.plan_build(staged, "tests")
    assert planned
    with pytest.raises(
        transform.ReconciliationError,
        match=rf"delivery {delivery} .*2 rows landed but 1 staged \+ 0 superseded",
    ):
        transform.stage(staged, planned.build_id)
    assert company.rows("select status, stage from ops.build") == [("failed", "account")]


@pytest.mark.skipif(
    not BOSTON.is_dir(), reason=f"the city's files are not at {BOSTON} (set YARDSTICK_BOSTON)"
)
def test_boston_adds_up_and_agrees_with_the_citys_own_label(settings: Settings) -> None:
    settings = replace(settings, data=BOSTON, sites=settings.root / "sites/boston_311")
    (site,) = load_sites(settings.sites)
    with warehouse.connect(settings.require_database_url()) as connection:
        register(connection, site)
    for entity in site.entities.values():
        for due in files.due(site, entity, settings, date.min, date.max):
            assert landing.land(settings, site, entity, due).status == "landed"
    planned = transform.plan_build(settings, "tests")
    assert planned
    assert (planned.first_day, planned.last_day) == (date(2015, 1, 1), date(2015, 6, 30))
    transform.stage(settings, planned.build_id)
    transform.facts(settings, planned.build_id)

    company = Company(settings)
    landed, accounted, staged = company.rows(
        "select sum(rows_landed), sum(rows_staged + rows_superseded + rows_rejected), sum(rows_staged) "
        "from ops.delivery where entity = 'ticket'"
    )[0]
    assert landed == accounted == 58_119
    assert company.rows("select count(*) from marts.fct_ticket") == [(staged,)]
    assert company.rows("select count(*) from ops.flag where rule = 'closed_before_opened'") == [(84,)]
    assert company.rows(
        "select count(*) from marts.fct_ticket "
        "where is_closed_before_opened and close_calendar_minutes is null"
    ) == [(84,)]
    assert company.rows(
        "select count(*) from marts.fct_ticket where due_at is null and is_on_time is null"
    ) == [(14_527,)]

    labelled = company.rows(
        "select (string_to_array(r.cells, chr(31)))[array_position(a.header, 'ontime_status')] as label, "
        "t.is_on_time, count(*) "
        "from marts.fct_ticket as t "
        "inner join raw.ticket as r on r.delivery_id = t.delivery_id and r.row_number = t.row_number "
        "inner join ops.delivery as d on d.delivery_id = t.delivery_id "
        "inner join ops.arrival as a on a.arrival_id = d.arrival_id "
        "where t.is_on_time is not null group by 1, 2"
    )
    assert {(label, is_on_time): count for label, is_on_time, count in labelled if label} == {
        ("ONTIME", True): 27_295,
        ("OVERDUE", False): 9_962,
    }

    per_day = company.rows(
        "select sum(tickets_opened), sum(tickets_closed) from marts.fct_ticket_backlog_daily "
        "union all "
        "select count(*), count(*) filter (where greatest(closed_date, opened_date) <= '2015-06-30' "
        "and closed_date is not null) from marts.fct_ticket"
    )
    assert per_day[0] == per_day[1]
    assert company.rows(
        "select sum(tickets_open), sum(tickets_overdue) from marts.fct_ticket_backlog_daily "
        "where day = '2015-04-15'"
    ) == company.rows(
        "select count(*), count(*) filter (where due_date <= '2015-04-15') from marts.fct_ticket "
        "where opened_date <= '2015-04-15' and case when closed_date is null then status = 'open' "
        "else closed_date > '2015-04-15' end"
    )
