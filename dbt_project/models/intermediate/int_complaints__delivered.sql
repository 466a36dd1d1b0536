{{
    config(
        materialized='table',
        indexes=[{'columns': ['source_id', 'source_complaint_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

{%- set rungs = {'acknowledge': 'acknowledged', 'reply': 'replied', 'resolve': 'resolved', 'close': 'closed'} %}
{%- set moments = ['received'] + rungs.values() | list %}

with touched as (
    select * from {{ ref('int_complaints__touched') }}
),

complaints as (
    select * from {{ ref('stg_delivered__complaints') }}
),

-- Not materialised: what is asked of history is asked by key.
call_backs as not materialized (
    select * from {{ ref('stg_delivered__call_backs') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

source_fields as (
    select * from {{ source('ops', 'source_field') }}
),

household_salt as (
    select * from {{ source('ops', 'household_salt') }}
),

calendar as (
    select * from {{ ref('dim_calendar') }}
),

-- What a source tells at all: of what it does not, silence says nothing.
telling as (
    select
        source_id,
        bool_or(entity = 'complaint' and field in ('escalation_level', 'escalated_at')) as tells_escalation,
        bool_or(entity = 'call_back' and field = 'source_complaint_id') as tells_call_backs
    from source_fields
    group by source_id
),

-- What was resolved, or closed, was answered; what was closed is settled.
delivered as (
    select
        complaints.source_id,
        complaints.source_complaint_id,
        complaints.source_ticket_id,
        complaints.project_id,
        complaints.service_item_id as delivered_service_item_id,
        coalesce(complaints.service_item_id, '') as service_item_id,
        null::boolean as is_emergency,
        {{ household_key('complaints.project_id', 'complaints.household_id', 'household_salt') }} as household_key,
        complaints.channel,
        complaints.complaint_kind,
        complaints.severity,
        complaints.status,
        complaints.received_at,
        complaints.acknowledged_at,
        complaints.replied_at,
        coalesce(complaints.replied_at, complaints.resolved_at, complaints.closed_at) as answered_at,
        complaints.due_at,
        complaints.resolved_at,
        coalesce(complaints.resolved_at, complaints.closed_at) as settled_at,
        complaints.closed_at,
        complaints.escalation_level,
        complaints.escalated_at,
        complaints.is_upheld,
        complaints.rating,
        complaints.department_id,
        complaints.accountable_post_id,
        complaints.handler_person_id,
        complaints.delivery_id,
        complaints.row_number
    from complaints
    inner join touched
        on
            complaints.source_id = touched.source_id
            and complaints.source_complaint_id = touched.source_complaint_id
    left join household_salt on complaints.household_id is not null
),

-- Closing often waits for the call, so a call counts from when the complaint was resolved.
called as (
    select distinct on (delivered.source_id, delivered.source_complaint_id)
        delivered.source_id,
        delivered.source_complaint_id,
        call_backs.source_call_back_id,
        call_backs.called_at,
        call_backs.delivery_id
    from delivered
    inner join call_backs
        on
            delivered.source_id = call_backs.source_id
            and delivered.source_complaint_id = call_backs.source_complaint_id
    where call_backs.result = 'reached' and call_backs.called_at >= delivered.settled_at
    order by delivered.source_id, delivered.source_complaint_id, call_backs.called_at, call_backs.source_call_back_id
),

-- Business days are told on the clock of the place.
keyed as (
    select
        delivered.*,
        sources.time_zone,
        {%- for moment in moments %}
        {{ service_calendar_key('delivered.' ~ moment ~ '_at', 'profiles') }}
            as {{ moment }}_calendar_key{% if not loop.last %},{% endif %}
        {%- endfor %}
    from delivered
    inner join sources on delivered.source_id = sources.source_id
    {{ join_service_profiles('delivered', 'profiles') }}
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
    positioned.source_id,
    positioned.source_complaint_id,
    positioned.source_ticket_id,
    positioned.project_id,
    positioned.delivered_service_item_id as service_item_id,
    positioned.household_key,
    positioned.channel,
    positioned.complaint_kind,
    positioned.severity,
    positioned.status,
    positioned.received_at,
    (positioned.received_at at time zone positioned.time_zone)::date as received_date,
    positioned.acknowledged_at,
    positioned.replied_at,
    positioned.answered_at,
    positioned.due_at,
    (positioned.due_at at time zone positioned.time_zone)::date as due_date,
    positioned.resolved_at,
    positioned.settled_at,
    (positioned.settled_at at time zone positioned.time_zone)::date as settled_date,
    positioned.closed_at,
    (positioned.closed_at at time zone positioned.time_zone)::date as closed_date,
    case when positioned.status <> 'withdrawn' then positioned.settled_at <= positioned.due_at end as is_on_time,
    {%- for rung, moment in rungs.items() %}
    case
        when positioned.{{ moment }}_at >= positioned.received_at
            then (
                floor(date_part('epoch', positioned.{{ moment }}_at) / 60)
                - floor(date_part('epoch', positioned.received_at) / 60)
            )::integer
    end as {{ rung }}_calendar_minutes,
    case
        when positioned.{{ moment }}_at >= positioned.received_at
            then positioned.{{ moment }}_position - positioned.received_position
    end as {{ rung }}_service_minutes,
    {%- endfor %}
    case
        when positioned.escalation_level <> 'none' or positioned.escalated_at is not null then true
        when positioned.escalation_level = 'none' or telling.tells_escalation then false
    end as is_escalated,
    positioned.escalation_level,
    positioned.escalated_at,
    positioned.is_upheld,
    positioned.rating,
    case
        when positioned.status = 'withdrawn' or positioned.settled_at is null then null
        when called.called_at is not null then true
        when telling.tells_call_backs then false
    end as is_called_back,
    called.called_at as called_back_at,
    called.source_call_back_id,
    called.delivery_id as call_back_delivery_id,
    positioned.department_id,
    positioned.accountable_post_id,
    positioned.handler_person_id,
    positioned.delivery_id,
    positioned.row_number
from positioned
left join telling on positioned.source_id = telling.source_id
left join called
    on
        positioned.source_id = called.source_id
        and positioned.source_complaint_id = called.source_complaint_id
