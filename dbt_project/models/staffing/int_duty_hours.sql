{{
    config(
        materialized='table',
        schema='intermediate',
        contract={'enforced': false},
        indexes=[{'columns': ['project_id', 'post_function', 'day', 'hour_of_day'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

{%- set minutes = minutes_between(
    'greatest(spans.begins_at, hour.begins_at)', "least(spans.stops_at, hour.begins_at + interval '1 hour')"
) %}

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

-- A night reaches into the next month; a night between two months is asked for twice.
spans as (
    select distinct
        shifts.attendance_id,
        shifts.placed_project_id as project_id,
        shifts.placed_post_function as post_function,
        sources.time_zone,
        kind.is_planned,
        case when kind.is_planned and shifts.status in ('absent', 'leave') then shifts.person_id end
            as absent_person_id,
        kind.begins_at,
        kind.stops_at
    from months
    inner join shifts on months.month - 1 <= shifts.shift_date and months.next_month > shifts.shift_date
    inner join sources on shifts.source_id = sources.source_id
    cross join lateral (
        values
        (
            shifts.is_planned and shifts.shift_kind in ('work', 'training') and shifts.status <> 'cancelled',
            true, shifts.starts_at, shifts.ends_at
        ),
        (shifts.status = 'present', false, shifts.clock_in_at, shifts.clock_out_at)
    ) as kind (is_counted, is_planned, begins_at, stops_at)
    where kind.is_counted and kind.stops_at > kind.begins_at
),

-- Hour by hour of the clock at the place.
hours as (
    select
        spans.project_id,
        spans.post_function,
        spans.is_planned,
        spans.absent_person_id,
        hour.begins_at at time zone spans.time_zone as begins_at,
        {{ minutes }} as minutes
    from spans
    cross join lateral generate_series(
        date_trunc('hour', spans.begins_at, spans.time_zone), spans.stops_at, interval '1 hour'
    ) as hour (begins_at)
)

select
    months.month,
    hours.project_id,
    hours.post_function,
    hours.begins_at::date as day,
    date_part('hour', hours.begins_at)::integer as hour_of_day,
    coalesce(sum(hours.minutes) filter (where hours.is_planned), 0)::bigint as planned_minutes,
    coalesce(sum(hours.minutes) filter (where not hours.is_planned), 0)::bigint as on_duty_minutes,
    count(distinct hours.absent_person_id)::integer as absent_persons
from hours
inner join months on hours.begins_at >= months.month and hours.begins_at < months.next_month
where hours.minutes > 0
group by months.month, hours.project_id, hours.post_function, hours.begins_at
