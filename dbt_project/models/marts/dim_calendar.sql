{{ config(materialized='table', indexes=[{'columns': ['calendar_key'], 'unique': true}]) }}

with calendar_days as (
    select
        *,
        case when is_workday then closes_minute - opens_minute else 0 end as service_minutes
    from {{ source('ops', 'calendar_day') }}
),

numbered as (
    select
        *,
        dense_rank() over (order by calendar_id)::integer as calendar_number,
        sum(service_minutes) over (partition by calendar_id order by day)::integer as service_minutes_until_end
    from calendar_days
)

select
    calendar_number * 1000000 + (day - date '1970-01-01') as calendar_key,
    calendar_id,
    calendar_number,
    day,
    is_workday,
    opens_minute,
    closes_minute,
    service_minutes,
    service_minutes_until_end - service_minutes as service_minutes_before
from numbered
