"""Costs, goods, and what software does, from small deliveries."""

from __future__ import annotations

from tests.deliveries import Company, project, ticket, ticket_event
from tests.quality_deliveries import inspection

from yardstick.settings import Settings

FIRST, LAST = "2026-03-01", "2026-04-01"


def movement(name: str, day: str, kind: str, quantity: str, **fields: str) -> dict[str, str]:
    return {
        "source_goods_movement_id": name, "moved_date": day, "equipment_id": "GF", "project_id": "P1",
        "movement_kind": kind, "quantity": quantity, **fields,
    }  # fmt: skip


def test_costs_goods_and_digital_shares_of_months(staged: Settings) -> None:
    company = Company(staged, families=("quality", "resources")).register()
    company.deliver_master()
    company.deliver(
        "project",
        {FIRST: [project("P1", area_m2="1000", households="10"), project("P2")]},
        file_name="served.csv",
    )
    cost = {
        "source_cost_id": "C1", "cost_date": "2026-03-31", "period_from": "2026-03-02", "period_to": LAST,
        "project_id": "P1", "cost_kind": "own_staff", "amount_cny": "1000.00",
    }  # fmt: skip
    booked = {"source_cost_id": "C2", "cost_kind": "materials", "amount_cny": "-32.26", "period_to": ""}
    other = {"source_cost_id": "C3", "project_id": "P2", "period_from": "", "period_to": ""}
    company.deliver("cost", {"2026-03-31": [cost, cost | booked, cost | other]})
    company.deliver(
        "ticket",
        {
            "2026-03-02": [
                ticket("T1", due_at="2026-03-02 12:00:00", closed_at="2026-03-02 11:00:00", status="closed"),
                ticket("T2", channel="phone", due_at="2026-03-03 12:00:00"),
                ticket("T3", channel="system"),
                ticket("T4", channel=""),
            ],
            LAST: [ticket("T5", LAST, channel="web")],
        },
    )
    company.deliver(
        "ticket_event",
        {
            "2026-03-02": [
                ticket_event("V1", "T1", "2026-03-02 09:00:01", "assigned", actor_role="system"),
                ticket_event("V2", "T1", "2026-03-02 10:00:00", "responded", actor_role="technician"),
                ticket_event("V3", "T1", "2026-03-02 10:00:00", "commented"),
                ticket_event("V4", "T2", "2026-03-02 10:00:00", "accepted", actor_person_id="H1"),
            ]
        },
    )
    done = {"status": "done", "started_at": "2026-03-04 09:00:00"}
    company.deliver(
        "inspection",
        {
            "2026-03-04": [
                inspection("I1", "2026-03-04", recorded_by="mobile", **done),
                inspection("I2", "2026-03-04", recorded_by="paper", **done),
                inspection("I3", "2026-03-04", **done),
            ]
        },
    )
    uniform = {
        "equipment_id": "GF", "project_id": "P1", "equipment_kind": "uniform", "service_life_years": "1",
    }  # fmt: skip
    company.deliver("equipment", {FIRST: [uniform]})
    company.deliver(
        "goods_movement",
        {
            LAST: [
                movement("W0", "2026-02-27", "received", "99"),
                movement("W1", "2026-02-28", "counted", "10"),
                movement("W2", "2026-03-05", "issued", "2", person_id="H1", replace_due_date="2026-03-31"),
                movement("W3", "2026-03-05", "issued", "1", person_id="H2", replace_due_date=LAST),
                movement("W4", "2026-03-06", "issued", "1"),
                movement("W5", LAST, "returned", "1", person_id="H1"),
                movement("W6", LAST, "written_off", "1"),
            ]
        },
    )
    company.build()

    costs = (
        "select month::text, project_id, own_staff_cny::float, materials_cny::float, total_cny::float, "
        "round(total_cny_per_m2, 4)::float, round(own_staff_cny_per_household, 3)::float, on_time_pct::float, "
        "round(on_time_pct_per_cny_per_m2, 2)::float from marts.fct_cost_monthly order by 1, 2"
    )
    assert company.rows(costs) == [
        ("2026-03-01", "P1", 967.74, -32.26, 935.48, 0.9355, 96.774, 50.0, 53.45),
        ("2026-03-01", "P2", 1000.0, None, 1000.0, None, None, None, None),
        ("2026-04-01", "P1", 32.26, None, 32.26, 0.0323, 3.226, None, None),
    ]
    digital = (
        "select month::text, tickets_opened, tickets_app, tickets_system, tickets_of_owners, "
        "tickets_self_service, self_service_share::float, ticket_events, ticket_events_by_system, "
        "ticket_events_by_persons, round(automation_share, 3)::float, inspections_done, "
        "mobile_inspection_share::float from marts.fct_digital_monthly where project_id = 'P1' order by 1"
    )
    april = ("2026-04-01", 1, 0, 0, 1, 1, 1.0, 0, 0, 0, None, 0, None)
    assert company.rows(digital) == [
        ("2026-03-01", 4, 1, 1, 2, 1, 0.5, 4, 1, 2, 0.333, 3, 0.5),
        april,
    ]
    assert company.rows(
        "select month::text, received_pieces::integer, issued_pieces::integer, returned_pieces::integer, "
        "stock_pieces::integer, issued_now_pieces::integer, replacement_due_pieces::integer "
        "from marts.fct_goods_monthly order by 1"
    ) == [
        ("2026-02-01", 99, 0, 0, 10, 0, 0),
        ("2026-03-01", 0, 4, 0, 6, 4, 2),
        ("2026-04-01", 0, 0, 1, 6, 3, 2),
    ]
    assert company.rows("select count(*) from marts.fct_equipment_daily") == [(0,)]  # goods are in no state

    # a cost moved to another period and area leaves no part behind; an event that changes no ticket counts
    moved = cost | {"period_from": LAST, "period_to": LAST}
    company.deliver("cost", {"2026-04-02": [moved]}, file_name="moved.csv")
    company.deliver("project", {"2026-04-02": [project("P2", area_m2="500")]}, file_name="area.csv")
    noted = ticket_event("V5", "T2", "2026-04-02 10:00:00", "commented", actor_role="system")
    company.deliver("ticket_event", {"2026-04-02": [noted]}, file_name="noted.csv")
    company.build()
    assert [row[:5] for row in company.rows(costs)] == [
        ("2026-03-01", "P1", None, -32.26, -32.26),
        ("2026-03-01", "P2", 1000.0, None, 1000.0),
        ("2026-04-01", "P1", 1000.0, None, 1000.0),
    ]
    assert company.rows(costs)[0][8] is None  # nothing was spent
    assert company.rows(costs)[1][5] == 2.0
    assert company.rows(digital) == [
        ("2026-03-01", 4, 1, 1, 2, 1, 0.5, 5, 2, 2, 0.5, 3, 0.5),
        april,
    ]
