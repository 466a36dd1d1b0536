{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "month in (select affected.month from {{ ref('int_workload__months') }} as affected)"
        ],
        indexes=[{'columns': ['month', 'project_id', 'post_function', 'hour_of_week'], 'unique': true}],
        meta={'days': ['month']},
        post_hook=note_days_when_new(),
    )
}}

with months as (
    select * from {{ ref('int_workload__months') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

items as (
    select * from {{ ref('dim_service_item') }}
),

duty as (
    select * from {{ ref('int_duty_hours') }}
),

-- Not materialised, both: what is asked of history is asked by day.
understaffed as not materialized (
    select * from {{ ref('fct_understaffed_hour') }}
),

tickets as not materialized (
    select * from {{ ref('fct_ticket') }}
),

opened as (
    select
        tickets.project_id,
        coalesce(items.item_function, '') as post_function,
        (tickets.opened_at at time zone sources.time_zone)::date as day,
        date_part('hour', tickets.opened_at at time zone sources.time_zone)::integer as hour_of_day,
        -- on site until it was done for the first time; where nobody says when they came, in progress
        case
            when tickets.is_closed_before_opened or tickets.first_resolution_service_minutes is null then null
            when tickets.attend_service_minutes is not null
                then greatest(tickets.first_resolution_service_minutes - tickets.attend_service_minutes, 0)
            else tickets.work_service_minutes
        end as handling_minutes
    from months
    inner join tickets on months.month <= tickets.opened_date and months.next_month > tickets.opened_date
    inner join sources on tickets.source_id = sources.source_id
    inner join items on tickets.service_item_id = items.service_item_id
),

happened as (
    select
        project_id,
        post_function,
        day,
        hour_of_day,
        planned_minutes,
        on_duty_minutes,
        0 as understaffed_hours,
        0 as tickets_opened,
        0 as tickets_handled,
        0 as handling_minutes
    from duty
    union all
    select
        understaffed.project_id,
        understaffed.post_function,
        understaffed.day,
        understaffed.hour_of_day,
        0 as planned_minutes,
        0 as on_duty_minutes,
        1 as understaffed_hours,
        0 as tickets_opened,
        0 as tickets_handled,
        0 as handling_minutes
    from months
    inner join understaffed on months.month <= understaffed.day and months.next_month > understaffed.day
    union all
    select
        project_id,
        post_function,
        day,
        hour_of_day,
        0 as planned_minutes,
        0 as on_duty_minutes,
        0 as understaffed_hours,
        1 as tickets_opened,
        (handling_minutes is not null)::integer as tickets_handled,
        coalesce(handling_minutes, 0) as handling_minutes
    from opened
),

summed as (
    select
        months.month,
        months.next_month,
        happened.project_id,
        happened.post_function,
        (date_part('isodow', happened.day)::integer - 1) * 24 + happened.hour_of_day as hour_of_week,
        sum(happened.planned_minutes)::bigint as planned_minutes,
        sum(happened.on_duty_minutes)::bigint as on_duty_minutes,
        sum(happened.understaffed_hours)::integer as understaffed_hours,
        sum(happened.tickets_opened)::integer as tickets_opened,
        sum(happened.tickets_handled)::integer as tickets_handled,
        sum(happened.handling_minutes)::bigint as handling_minutes
    from happened
    inner join months on happened.day >= months.month and happened.day < months.next_month
    group by months.month, months.next_month, happened.project_id, happened.post_function, 5
)

select
    month,
    project_id,
    post_function,
    hour_of_week,
    (
        select count(*)
        from generate_series(month, next_month - 1, interval '1 day') as of_month (day)
        where date_part('isodow', of_month.day)::integer = hour_of_week / 24 + 1
    )::integer as hours,
    planned_minutes,
    on_duty_minutes,
    understaffed_hours,
    tickets_opened,
    tickets_handled,
    handling_minutes,
    tickets_opened * 60.0 / nullif(on_duty_minutes, 0) as tickets_per_person_hour
from summed
