{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with spans as (
    select * from {{ ref('int_ticket_spans') }}
),

events as (
    select * from {{ ref('int_ticket_events') }}
),

tickets as (
    select * from {{ ref('int_tickets__profiled') }}
),

projects as (
    select * from {{ ref('dim_project') }}
),

service_items as (
    select * from {{ ref('dim_service_item') }}
),

releases as (
    select * from {{ ref('int_standards__in_force') }}
),

policies as (
    select * from {{ source('standards', 'sla_policy') }}
),

-- A ticket that ended in the minute in which it was opened stayed nowhere, and has a policy all the same.
ended_at_once as (
    select distinct on (source_id, source_ticket_id)
        source_id,
        source_ticket_id,
        service_item_id,
        priority,
        department_id,
        status,
        minute,
        service_position
    from events
    where is_counted and minute = ended_minute
        and not exists (
            select 1 from spans
            where spans.source_id = events.source_id and spans.source_ticket_id = events.source_ticket_id
        )
    order by source_id asc, source_ticket_id asc, event_number desc
),

stays as (
    select
        source_id,
        source_ticket_id,
        span_number,
        service_item_id,
        priority,
        department_id,
        status,
        started_minute,
        started_position,
        ended_minute,
        ended_position,
        is_last
    from spans
    union all
    select
        source_id,
        source_ticket_id,
        1 as span_number,
        service_item_id,
        priority,
        department_id,
        status,
        minute as started_minute,
        service_position as started_position,
        minute as ended_minute,
        service_position as ended_position,
        true as is_last
    from ended_at_once
),

compared as (
    select
        *,
        coalesce(
            span_number = 1
            or priority is distinct from lag(priority) over of_ticket
            or service_item_id is distinct from lag(service_item_id) over of_ticket, true
        ) as is_chosen_anew
    from stays
    window of_ticket as (partition by source_id, source_ticket_id order by span_number)
),

numbered as (
    select
        *,
        count(*) filter (where is_chosen_anew) over (
            partition by source_id, source_ticket_id order by span_number
        ) as choice_number
    from compared
),

-- What a policy may ask for, as text: few tickets differ in it.
asked as (
    select
        numbered.source_id,
        numbered.source_ticket_id,
        numbered.choice_number,
        releases.standards_release,
        numbered.service_item_id,
        service_items.service_group_id,
        numbered.priority,
        projects.project_grade,
        tickets.channel,
        coalesce(tickets.is_emergency, service_items.is_emergency, false) as is_emergency,
        row(
            releases.standards_release, numbered.service_item_id, numbered.priority, projects.project_grade,
            tickets.channel, coalesce(tickets.is_emergency, service_items.is_emergency, false)
        )::text as asked_key
    from numbered
    inner join tickets
        on numbered.source_id = tickets.source_id and numbered.source_ticket_id = tickets.source_ticket_id
    inner join releases
        on
            ({{ moment_of('numbered.started_minute') }} at time zone tickets.time_zone)::date
            >= releases.effective_from
            and ({{ moment_of('numbered.started_minute') }} at time zone tickets.time_zone)::date
            < releases.effective_until
    left join projects on tickets.project_id = projects.project_id
    left join service_items on numbered.service_item_id = service_items.service_item_id
    where numbered.is_chosen_anew
),

kinds as (
    select distinct on (asked_key)
        asked_key,
        standards_release,
        service_item_id,
        service_group_id,
        priority,
        project_grade,
        channel,
        is_emergency
    from asked
    order by asked_key
),

chosen as (
    select distinct on (kinds.asked_key)
        kinds.asked_key,
        policies.policy
    from kinds
    inner join policies
        on
            kinds.standards_release = policies.standards_release
            and (policies.service_items is null or kinds.service_item_id = any(policies.service_items))
            and (policies.service_groups is null or kinds.service_group_id = any(policies.service_groups))
            and (policies.priorities is null or kinds.priority = any(policies.priorities))
            and (policies.project_grades is null or kinds.project_grade = any(policies.project_grades))
            and (policies.channels is null or kinds.channel = any(policies.channels))
            and (policies.is_emergency is null or kinds.is_emergency = policies.is_emergency)
    order by kinds.asked_key, policies.position
)

select
    numbered.source_id,
    numbered.source_ticket_id,
    numbered.span_number,
    numbered.department_id,
    numbered.status,
    numbered.started_minute,
    numbered.started_position,
    numbered.ended_minute,
    numbered.ended_position,
    numbered.is_last,
    case when chosen.policy is not null then asked.standards_release end as standards_release,
    chosen.policy
from numbered
left join asked
    on
        numbered.source_id = asked.source_id
        and numbered.source_ticket_id = asked.source_ticket_id
        and numbered.choice_number = asked.choice_number
left join chosen on asked.asked_key = chosen.asked_key
