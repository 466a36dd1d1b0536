{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "month in (select affected.month from {{ ref('int_workload__months') }} as affected)"
        ],
        indexes=[{'columns': ['month', 'project_id', 'hour_of_week'], 'unique': true}],
        meta={'days': ['month']},
        post_hook=note_days_when_new(),
    )
}}

-- depends_on: {{ ref('int_workload__months') }}

{%- set minutes = minutes_between(
    'greatest(lasting.begins_at, hour.begins_at)', "least(lasting.stops_at, hour.begins_at + interval '1 hour')"
) %}

with months as (
    select * from {{ ref('int_workload__months') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

-- Not materialised, all four: what is asked of history is asked by day.
shifts as not materialized (
    select * from {{ ref('int_attendance__placed') }}
),

tickets as not materialized (
    select * from {{ ref('fct_ticket') }}
),

inspections as not materialized (
    select * from {{ ref('fct_inspection') }}
),

executions as not materialized (
    select * from {{ ref('stg_delivered__procedure_executions') }}
),

-- Whatever lasts; a night reaches into the next month.
lasting as (
    select
        shifts.attendance_id as record_id,
        shifts.placed_project_id as project_id,
        sources.time_zone,
        'on_duty' as kind,
        shifts.clock_in_at as begins_at,
        shifts.clock_out_at as stops_at
    from months
    inner join shifts on months.month - 1 <= shifts.shift_date and months.next_month > shifts.shift_date
    inner join sources on shifts.source_id = sources.source_id
    where shifts.status = 'present'
    union
    select
        executions.source_id || ':' || executions.source_procedure_execution_id as record_id,
        executions.project_id,
        sources.time_zone,
        'procedure' as kind,
        executions.started_at as begins_at,
        executions.ended_at as stops_at
    from months
    inner join executions
        on
            months.month - interval '2 days' <= executions.started_at
            and months.next_month + interval '1 day' > executions.started_at
    inner join sources on executions.source_id = sources.source_id
    where executions.ended_at > executions.started_at
),

-- Hour by hour of the clock at the place.
happened as (
    select
        lasting.project_id,
        hour.begins_at at time zone lasting.time_zone as begins_at,
        case when lasting.kind = 'on_duty' then {{ minutes }} else 0 end as on_duty_minutes,
        case when lasting.kind = 'procedure' then {{ minutes }} else 0 end as procedure_minutes,
        0 as tickets,
        0 as inspections
    from lasting
    cross join lateral generate_series(
        date_trunc('hour', lasting.begins_at, lasting.time_zone), lasting.stops_at, interval '1 hour'
    ) as hour (begins_at)
    union all
    select
        tickets.project_id,
        tickets.opened_at at time zone sources.time_zone as begins_at,
        0 as on_duty_minutes,
        0 as procedure_minutes,
        1 as tickets,
        0 as inspections
    from months
    inner join tickets on months.month <= tickets.opened_date and months.next_month > tickets.opened_date
    inner join sources on tickets.source_id = sources.source_id
    union all
    select
        inspections.project_id,
        inspections.started_at at time zone sources.time_zone as begins_at,
        0 as on_duty_minutes,
        0 as procedure_minutes,
        0 as tickets,
        1 as inspections
    from months
    inner join inspections on months.month <= inspections.done_date and months.next_month > inspections.done_date
    inner join sources on inspections.source_id = sources.source_id
    where inspections.started_at is not null
),

summed as (
    select
        happened.project_id,
        months.month,
        months.next_month,
        (date_part('isodow', happened.begins_at)::integer - 1) * 24 + date_part('hour', happened.begins_at)::integer
            as hour_of_week,
        sum(happened.on_duty_minutes)::bigint as on_duty_minutes,
        sum(happened.procedure_minutes)::bigint as procedure_minutes,
        sum(happened.tickets)::integer as tickets_opened,
        sum(happened.inspections)::integer as inspections_started
    from happened
    inner join months on happened.begins_at >= months.month and happened.begins_at < months.next_month
    group by happened.project_id, months.month, months.next_month, 4
)

select
    month,
    project_id,
    hour_of_week,
    (
        select count(*)
        from generate_series(month, next_month - 1, interval '1 day') as of_month (day)
        where date_part('isodow', of_month.day)::integer = hour_of_week / 24 + 1
    )::integer as hours,
    on_duty_minutes,
    tickets_opened,
    inspections_started,
    procedure_minutes
from summed
where on_duty_minutes + procedure_minutes + tickets_opened + inspections_started > 0
