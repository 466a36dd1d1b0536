{{ config(materialized='table', indexes=[{'columns': ['source_id', 'source_ticket_id'], 'unique': true}]) }}

with touched as (
    select * from {{ ref('int_tickets__touched') }}
),

tickets as (
    select * from {{ ref('stg_delivered__tickets') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

source_calendars as (
    select * from {{ source('ops', 'source_calendar') }}
),

calendar as (
    select * from {{ ref('dim_calendar') }}
),

calendar_numbers as (
    select distinct
        calendar_id,
        calendar_number
    from calendar
),

-- Moments on the clock of the place, where service hours and business days are told.
local_times as (
    select
        tickets.*,
        calendar_numbers.calendar_number * 1000000 as calendar_key_base,
        tickets.opened_at at time zone sources.time_zone as opened_local,
        tickets.due_at at time zone sources.time_zone as due_local,
        tickets.first_response_at at time zone sources.time_zone as first_response_local,
        tickets.closed_at at time zone sources.time_zone as closed_local
    from tickets
    inner join touched
        on
            tickets.source_id = touched.source_id
            and tickets.source_ticket_id = touched.source_ticket_id
    inner join sources on tickets.source_id = sources.source_id
    left join source_calendars on tickets.source_id = source_calendars.source_id
    left join calendar_numbers
        on calendar_numbers.calendar_id = coalesce(source_calendars.calendar_id, 'standard')
),

keyed as (
    select
        *,
        coalesce(closed_at < opened_at, false) as is_closed_before_opened,
        {%- for moment in ['opened', 'first_response', 'closed'] %}
        calendar_key_base + ({{ moment }}_local::date - date '1970-01-01') as {{ moment }}_calendar_key,
        (date_part('hour', {{ moment }}_local) * 60 + date_part('minute', {{ moment }}_local))::integer
            as {{ moment }}_minute{% if not loop.last %},{% endif %}
        {%- endfor %}
    from local_times
),

-- The position of a moment: service minutes of its calendar up to it.
positioned as (
    select
        keyed.*,
        {%- for moment in ['opened', 'first_response', 'closed'] %}
        {{ moment }}_calendar.service_minutes_before + least(
            greatest(keyed.{{ moment }}_minute - {{ moment }}_calendar.opens_minute, 0),
            {{ moment }}_calendar.service_minutes
        ) as {{ moment }}_position{% if not loop.last %},{% endif %}
        {%- endfor %}
    from keyed
    {%- for moment in ['opened', 'first_response', 'closed'] %}
    left join calendar as {{ moment }}_calendar
        on keyed.{{ moment }}_calendar_key = {{ moment }}_calendar.calendar_key
    {%- endfor %}
)

select
    source_id,
    source_ticket_id,
    project_id,
    service_item_id,
    department_id,
    team_id,
    channel,
    priority,
    status,
    opened_at,
    opened_local::date as opened_date,
    due_at,
    due_local::date as due_date,
    first_response_at,
    closed_at,
    closed_local::date as closed_date,
    closed_at <= due_at as is_on_time,
    is_closed_before_opened,
    reopened_count,
    case
        when not is_closed_before_opened
            then floor(date_part('epoch', closed_at - opened_at) / 60)::integer
    end as close_calendar_minutes,
    case when not is_closed_before_opened then closed_position - opened_position end as close_service_minutes,
    case
        when first_response_at >= opened_at then first_response_position - opened_position
    end as first_response_service_minutes,
    delivery_id,
    row_number
from positioned
