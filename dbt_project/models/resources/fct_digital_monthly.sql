{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "month in (select affected.month from {{ ref('int_digital__months') }} as affected)"
        ],
        indexes=[{'columns': ['month', 'project_id'], 'unique': true}],
        meta={'days': ['month']},
        post_hook=note_days_when_new(),
    )
}}

-- depends_on: {{ ref('int_digital__months') }}

{#- Ways a ticket comes by; self-service is what the owner enters, and nobody for the owner. -#}
{%- set channels = [
    'phone', 'app', 'web', 'mini_program', 'email', 'front_desk', 'staff', 'system', 'other'
] -%}
{%- set of_house = "('staff', 'system')" -%}
{%- set self_service = "('app', 'web', 'mini_program')" %}

with months as (
    select * from {{ ref('int_digital__months') }}
),

-- Not materialised, all four: what is asked of history is asked by day or key.
tickets as not materialized (
    select * from {{ ref('fct_ticket') }}
),

events as not materialized (
    select * from {{ ref('stg_delivered__ticket_events') }}
),

inspections as not materialized (
    select * from {{ ref('fct_inspection') }}
),

delivered as not materialized (
    select * from {{ ref('stg_delivered__inspections') }}
),

opened as materialized (
    select
        months.month,
        tickets.project_id,
        tickets.channel,
        tickets.source_id,
        tickets.source_ticket_id
    from months
    inner join tickets on months.month <= tickets.opened_date and months.next_month > tickets.opened_date
),

asked as (
    select
        month,
        project_id,
        count(*)::integer as tickets_opened,
        {%- for channel in channels %}
        (count(*) filter (where channel = '{{ channel }}'))::integer as tickets_{{ channel }},
        {%- endfor %}
        (count(*) filter (where channel not in {{ of_house }}))::integer as tickets_of_owners,
        (count(*) filter (where channel in {{ self_service }}))::integer as tickets_self_service
    from opened
    group by month, project_id
),

-- Who acted: a system, or a person of either side.
acted as (
    select
        opened.month,
        opened.project_id,
        count(*)::integer as ticket_events,
        (count(*) filter (where events.actor_role = 'system'))::integer as ticket_events_by_system,
        (count(*) filter (
            where events.actor_role <> 'system' or events.actor_role is null and events.actor_person_id is not null
        ))::integer as ticket_events_by_persons
    from opened
    inner join events
        on opened.source_id = events.source_id and opened.source_ticket_id = events.source_ticket_id
    group by opened.month, opened.project_id
),

inspected as (
    select
        months.month,
        inspections.project_id,
        count(*)::integer as inspections_done,
        count(delivered.recorded_by)::integer as inspections_recorded,
        (count(*) filter (where delivered.recorded_by = 'mobile'))::integer as inspections_mobile
    from months
    inner join inspections on months.month <= inspections.done_date and months.next_month > inspections.done_date
    inner join delivered
        on
            inspections.source_id = delivered.source_id
            and inspections.source_inspection_id = delivered.source_inspection_id
    where inspections.is_done
    group by months.month, inspections.project_id
),

places as (
    select
        month,
        project_id
    from asked
    union
    select
        month,
        project_id
    from inspected
)

select
    places.month,
    places.project_id,
    coalesce(asked.tickets_opened, 0) as tickets_opened,
    {%- for channel in channels %}
    coalesce(asked.tickets_{{ channel }}, 0) as tickets_{{ channel }},
    {%- endfor %}
    coalesce(asked.tickets_of_owners, 0) as tickets_of_owners,
    coalesce(asked.tickets_self_service, 0) as tickets_self_service,
    asked.tickets_self_service::numeric / nullif(asked.tickets_of_owners, 0) as self_service_share,
    coalesce(acted.ticket_events, 0) as ticket_events,
    coalesce(acted.ticket_events_by_system, 0) as ticket_events_by_system,
    coalesce(acted.ticket_events_by_persons, 0) as ticket_events_by_persons,
    acted.ticket_events_by_system::numeric / nullif(acted.ticket_events_by_system + acted.ticket_events_by_persons, 0)
        as automation_share,
    coalesce(inspected.inspections_done, 0) as inspections_done,
    coalesce(inspected.inspections_recorded, 0) as inspections_recorded,
    coalesce(inspected.inspections_mobile, 0) as inspections_mobile,
    inspected.inspections_mobile::numeric / nullif(inspected.inspections_recorded, 0) as mobile_inspection_share
from places
left join asked on places.month = asked.month and places.project_id = asked.project_id
left join acted on places.month = acted.month and places.project_id = acted.project_id
left join inspected on places.month = inspected.month and places.project_id = inspected.project_id
