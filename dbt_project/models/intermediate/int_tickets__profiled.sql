{{
    config(
        materialized='table',
        indexes=[{'columns': ['source_id', 'source_ticket_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

{%- set moments = ['opened', 'acknowledged', 'first_response', 'attended', 'work_done', 'closed'] %}

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

-- Business days are told on the clock of the place, hours of service on that of the profile.
keyed as (
    select
        tickets.*,
        sources.time_zone,
        profiles.profile_number,
        profiles.time_zone as profile_time_zone,
        (tickets.opened_at at time zone sources.time_zone)::date as opened_date,
        (tickets.due_at at time zone sources.time_zone)::date as due_date,
        (tickets.closed_at at time zone sources.time_zone)::date as closed_date,
        {%- for moment in moments %}
        {{ minute_of('tickets.' ~ moment ~ '_at') }} as {{ moment }}_minute,
        {{ service_calendar_key('tickets.' ~ moment ~ '_at', 'profiles') }} as {{ moment }}_calendar_key,
        {%- endfor %}
        coalesce(tickets.closed_at < tickets.opened_at, false) as is_closed_before_opened,
        {{ delivers('tickets.source_id', 'ticket_event') }} as delivers_events,
        {{ delivers('tickets.source_id', 'call_back') }} as delivers_call_backs
    from tickets
    inner join touched
        on
            tickets.source_id = touched.source_id
            and tickets.source_ticket_id = touched.source_ticket_id
    inner join sources on tickets.source_id = sources.source_id
    {{ join_service_profiles('tickets', 'profiles') }}
)

select
    keyed.source_id,
    keyed.source_ticket_id,
    keyed.project_id,
    keyed.service_item_id,
    keyed.department_id,
    keyed.team_id,
    keyed.channel,
    keyed.priority,
    keyed.status,
    keyed.is_emergency,
    keyed.is_within_authority,
    keyed.rating,
    keyed.opened_at,
    keyed.opened_date,
    keyed.due_at,
    keyed.due_date,
    keyed.first_response_at,
    keyed.closed_at,
    keyed.closed_date,
    keyed.is_closed_before_opened,
    keyed.reopened_count,
    keyed.delivers_events,
    keyed.delivers_call_backs,
    keyed.time_zone,
    keyed.profile_number,
    keyed.profile_time_zone,
    {%- for moment in moments %}
    keyed.{{ moment }}_minute,
    {{ service_position('keyed.' ~ moment ~ '_at', moment ~ '_calendar') }} as {{ moment }}_position,
    {%- endfor %}
    -- A ticket that is closed without a closing time is ended by its events, or where it began.
    keyed.status in ('closed', 'cancelled') as is_ended,
    case
        when keyed.status in ('closed', 'cancelled') and not keyed.is_closed_before_opened then keyed.closed_minute
    end as ended_minute,
    keyed.delivery_id,
    keyed.row_number
from keyed
{%- for moment in moments %}
left join calendar as {{ moment }}_calendar
    on keyed.{{ moment }}_calendar_key = {{ moment }}_calendar.calendar_key
{%- endfor %}
