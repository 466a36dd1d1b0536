{{ config(materialized='table', indexes=[{'columns': ['source_id', 'source_ticket_id'], 'unique': true}]) }}

{%- set moments = ['opened', 'first_response', 'closed'] %}

with touched as (
    select * from {{ ref('int_tickets__touched') }}
),

tickets as (
    select * from {{ ref('stg_delivered__tickets') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

calendar as (
    select * from {{ ref('dim_calendar') }}
),

-- Business days are told on the clock of the place.
keyed as (
    select
        tickets.*,
        (tickets.opened_at at time zone sources.time_zone)::date as opened_date,
        (tickets.due_at at time zone sources.time_zone)::date as due_date,
        (tickets.closed_at at time zone sources.time_zone)::date as closed_date,
        {%- for moment in moments %}
        {{ service_calendar_key('tickets.' ~ moment ~ '_at', 'profiles') }} as {{ moment }}_calendar_key,
        {%- endfor %}
        coalesce(tickets.closed_at < tickets.opened_at, false) as is_closed_before_opened
    from tickets
    inner join touched
        on
            tickets.source_id = touched.source_id
            and tickets.source_ticket_id = touched.source_ticket_id
    inner join sources on tickets.source_id = sources.source_id
    {{ join_service_profiles('tickets', 'profiles') }}
),

positioned as (
    select
        keyed.*,
        {%- for moment in moments %}
        {{ service_position('keyed.' ~ moment ~ '_at', moment ~ '_calendar') }}
            as {{ moment }}_position{% if not loop.last %},{% endif %}
        {%- endfor %}
    from keyed
    {%- for moment in moments %}
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
    opened_date,
    due_at,
    due_date,
    first_response_at,
    closed_at,
    closed_date,
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
