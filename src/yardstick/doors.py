"""What is published: every table that readers see, and the relation its rows come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Door:
    """One table of ``publish`` and where its rows come from.

    Attributes:
        name: table in ``publish``; its columns are what is moved.
        source: the dbt relation.
        key: columns that identify a row in both.
        day: the column that says which day's transaction a row belongs to; None for a dimension.
        has_lineage: the source says which delivery brought a row (``delivery_id``; null: none did).
        is_figure: the day has published figures when its rows are in; other rows may lie on days that are
            planned, or long past.
    """

    name: str
    source: tuple[str, str]
    key: tuple[str, ...]
    day: str | None = None
    has_lineage: bool = False
    is_figure: bool = False


DOORS = (
    Door("project", ("marts", "dim_project"), ("project_id",)),
    Door("service_item", ("marts", "dim_service_item"), ("service_item_id",)),
    Door("org_unit", ("marts", "dim_org_unit"), ("org_unit_id",)),
    Door("person", ("staging", "stg_delivered__people"), ("person_id",)),
    Door("person_history", ("marts", "dim_person"), ("person_id", "first_date")),
    Door("certificate", ("marts", "fct_certificate"), ("source_id", "source_certificate_id")),
    Door("staff_monthly", ("marts", "fct_staff_monthly"), ("month", "person_id", "project_id")),
    Door(
        "turnover_monthly",
        ("marts", "fct_turnover_monthly"),
        ("month", "project_id", "post_function", "staffing_kind"),
    ),
    Door("standard", ("marts", "dim_standard"), ("standards_release", "standard_code")),
    Door("standard_category", ("marts", "dim_standard_category"), ("standards_release", "category")),
    Door(
        "ticket",
        ("marts", "fct_ticket"),
        ("source_id", "source_ticket_id"),
        day="opened_date",
        has_lineage=True,
        is_figure=True,
    ),
    Door(
        "ticket_span",
        ("marts", "fct_ticket_span"),
        ("source_id", "source_ticket_id", "span_number"),
        day="started_date",
    ),
    Door(
        "ticket_handover",
        ("marts", "fct_ticket_handover"),
        ("source_id", "source_ticket_id", "handover_number"),
        day="handed_date",
    ),
    Door(
        "sla_event",
        ("marts", "fct_sla_event"),
        ("source_id", "source_ticket_id", "target", "occurrence"),
        day="started_date",
    ),
    Door(
        "sla_daily",
        ("marts", "fct_sla_daily"),
        ("day", "project_id", "service_item_id", "target"),
        day="day",
        is_figure=True,
    ),
    Door(
        "inspection",
        ("marts", "fct_inspection"),
        ("source_id", "source_inspection_id"),
        day="planned_date",
        has_lineage=True,
    ),
    Door(
        "inspection_item",
        ("marts", "fct_inspection_item"),
        ("source_id", "source_inspection_item_id"),
        day="checked_date",
        has_lineage=True,
    ),
    Door(
        "nonconformity",
        ("marts", "fct_nonconformity"),
        ("nonconformity_id",),
        day="found_date",
        has_lineage=True,
    ),
    Door(
        "survey_answer",
        ("marts", "fct_survey_answer"),
        ("source_id", "source_survey_answer_id"),
        day="asked_date",
        has_lineage=True,
    ),
    Door(
        "complaint",
        ("marts", "fct_complaint"),
        ("source_id", "source_complaint_id"),
        day="received_date",
        has_lineage=True,
    ),
    Door(
        "household_history",
        ("marts", "fct_household_history"),
        ("kind", "source_id", "source_subject_id"),
        day="happened_date",
    ),
    Door(
        "staffing_monthly",
        ("marts", "fct_staffing_monthly"),
        ("month", "project_id", "post_function", "staffing_kind"),
        day="month",
    ),
    Door(
        "workload_hourly",
        ("marts", "fct_workload_hourly"),
        ("month", "project_id", "hour_of_week"),
        day="month",
    ),
    Door(
        "staffing_hourly",
        ("marts", "fct_staffing_hourly"),
        ("month", "project_id", "post_function", "hour_of_week"),
        day="month",
    ),
    Door(
        "understaffing_monthly",
        ("marts", "fct_understaffing_monthly"),
        ("month", "span_months", "clock", "project_id", "post_function"),
        day="month",
    ),
    Door("equipment", ("marts", "dim_equipment"), ("equipment_id",)),
    Door("equipment_daily", ("marts", "fct_equipment_daily"), ("equipment_id", "day"), day="day"),
    Door(
        "equipment_monthly",
        ("marts", "fct_equipment_monthly"),
        ("month", "project_id", "equipment_kind"),
        day="month",
    ),
    Door("goods_monthly", ("marts", "fct_goods_monthly"), ("month", "project_id", "equipment_id")),
    Door("digital_monthly", ("marts", "fct_digital_monthly"), ("month", "project_id"), day="month"),
    Door("cost_monthly", ("marts", "fct_cost_monthly"), ("month", "project_id")),
    Door("overtime_monthly", ("marts", "fct_overtime_monthly"), ("month", "person_id"), day="month"),
    Door("attendance", ("marts", "fct_attendance"), ("attendance_id",), day="shift_date"),
    Door("post_daily", ("marts", "fct_post_daily"), ("project_id", "post_id", "day"), day="day"),
    Door(
        "training",
        ("marts", "fct_training"),
        ("source_id", "source_training_id"),
        day="planned_date",
        has_lineage=True,
    ),
    Door(
        "backlog_daily",
        ("marts", "fct_ticket_backlog_daily"),
        ("project_id", "service_item_id", "department_id", "day"),
        day="day",
        is_figure=True,
    ),
    Door(
        "indicator_daily",
        ("appraisal", "indicator_daily"),
        ("project_id", "indicator", "day"),
        day="day",
        is_figure=True,
    ),
)
