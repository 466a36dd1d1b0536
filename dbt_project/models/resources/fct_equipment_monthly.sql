{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "month in (
                select date_trunc('month', affected.day)::date
                from {{ ref('int_equipment_days__affected') }} as affected
            )"
        ],
        indexes=[{'columns': ['month', 'project_id', 'equipment_kind'], 'unique': true}],
        meta={'days': ['month']},
        post_hook=note_days_when_new(),
    )
}}

-- depends_on: {{ ref('int_equipment_days__affected') }}

{%- set sums = [
    'up_minutes', 'in_use_minutes', 'down_minutes', 'maintenance_minutes', 'unknown_minutes', 'failures',
    'restorations', 'restoration_minutes', 'repairs', 'repair_minutes', 'statutory_inspections',
    'statutory_inspections_passed',
] %}

with affected as (
    select distinct date_trunc('month', day)::date as month
    from {{ ref('int_equipment_days__affected') }}
),

days as (
    select
        affected.month,
        daily.*,
        daily.day = max(daily.day) over (partition by affected.month) as is_last_day
    from affected
    inner join {{ ref('fct_equipment_daily') }} as daily
        on affected.month <= daily.day and affected.month + interval '1 month' > daily.day
),

summed as (
    select
        month,
        project_id,
        equipment_kind,
        statutory_kind,
        count(*)::integer as piece_days,
        count(is_in_order)::integer as piece_days_known,
        (count(*) filter (where is_in_order))::integer as piece_days_in_order,
        {%- for column in sums %}
        sum({{ column }})::bigint as {{ column }},
        {%- endfor %}
        (count(*) filter (where is_maintenance_due))::integer as maintenance_due,
        (count(*) filter (where is_maintenance_done))::integer as maintenance_done,
        (count(*) filter (where is_maintenance_done_on_time))::integer as maintenance_done_on_time,
        (count(*) filter (where is_maintenance_overdue))::integer as maintenance_overdue_days,
        (count(*) filter (where is_statutory_overdue))::integer as statutory_overdue_days,
        (count(*) filter (where is_last_day))::integer as pieces,
        (count(*) filter (where is_last_day and is_statutory))::integer as statutory_pieces,
        (count(*) filter (
            where is_last_day and is_statutory and statutory_due_date between day and day + 30
        ))::integer as statutory_due_in_30_days,
        (count(*) filter (where is_last_day and is_statutory_overdue))::integer as statutory_overdue,
        avg(age_years) filter (where is_last_day) as age_years,
        (count(is_past_service_life) filter (where is_last_day))::integer as pieces_of_known_life,
        (count(*) filter (where is_last_day and is_past_service_life))::integer as pieces_past_service_life
    from days
    group by month, project_id, equipment_kind, statutory_kind
)

select
    month,
    project_id,
    equipment_kind,
    statutory_kind,
    piece_days,
    piece_days_known,
    piece_days_in_order,
    {%- for column in sums %}
    {{ column }},
    {%- endfor %}
    up_minutes::numeric / 60 / nullif(failures, 0) as mtbf_hours,
    restoration_minutes::numeric / 60 / nullif(restorations, 0) as mttr_hours,
    repair_minutes::numeric / 60 / nullif(repairs, 0) as mean_repair_hours,
    maintenance_due,
    maintenance_done,
    maintenance_done_on_time,
    maintenance_overdue_days,
    statutory_overdue_days,
    pieces,
    statutory_pieces,
    statutory_due_in_30_days,
    statutory_overdue,
    age_years,
    pieces_of_known_life,
    pieces_past_service_life
from summed
