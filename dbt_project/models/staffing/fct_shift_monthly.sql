{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "month in (select affected.month from {{ ref('int_workload__months') }} as affected)"
        ],
        indexes=[
            {'columns': ['month', 'project_id', 'post_function', 'starts_time', 'ends_time'], 'unique': true},
        ],
    )
}}

with months as (
    select * from {{ ref('int_workload__months') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

-- Not materialised: what is asked of history is asked by day.
shifts as not materialized (
    select * from {{ ref('int_attendance__placed') }}
),

planned as (
    select
        months.month,
        shifts.placed_project_id as project_id,
        shifts.placed_post_function as post_function,
        (shifts.starts_at at time zone sources.time_zone)::time as starts_time,
        (shifts.ends_at at time zone sources.time_zone)::time as ends_time,
        shifts.shift_code,
        shifts.is_on_duty
    from months
    inner join shifts on months.month <= shifts.shift_date and months.next_month > shifts.shift_date
    inner join sources on shifts.source_id = sources.source_id
    where
        shifts.is_planned
        and shifts.shift_kind in ('work', 'training')
        and shifts.status <> 'cancelled'
        and shifts.starts_at < shifts.ends_at
)

select
    month,
    project_id,
    post_function,
    starts_time,
    ends_time,
    min(shift_code collate "C") as shift_code,
    count(*)::integer as shifts_planned,
    (count(*) filter (where is_on_duty))::integer as shifts_on_duty
from planned
group by month, project_id, post_function, starts_time, ends_time
