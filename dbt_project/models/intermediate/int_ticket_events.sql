{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with tickets as (
    select * from {{ ref('int_tickets__profiled') }}
    where delivers_events
),

events as (
    select * from {{ ref('stg_delivered__ticket_events') }}
),

calendar as (
    select * from {{ ref('dim_calendar') }}
),

-- What happened before a ticket was opened takes effect when it is.
placed as (
    select
        tickets.source_id,
        tickets.source_ticket_id,
        row_number() over (
            partition by tickets.source_id, tickets.source_ticket_id
            order by events.occurred_at, length(events.source_ticket_event_id), events.source_ticket_event_id
        ) as event_number,
        events.event_kind,
        events.occurred_at,
        greatest({{ minute_of('events.occurred_at') }}, tickets.opened_minute) as minute,
        {{ service_calendar_key('greatest(events.occurred_at, tickets.opened_at)', 'tickets', 'profile_time_zone') }}
            as calendar_key,
        greatest(events.occurred_at, tickets.opened_at) as effective_at,
        {{ status_effect('events') }} as status_effect,
        events.from_department_id,
        events.to_department_id,
        events.approval_level,
        events.priority_after,
        events.service_item_id_after,
        case when inside.is_inside then events.actor_person_id end as actor_person_id,
        events.to_person_id,
        inside.is_inside
        and coalesce(events.is_visible_to_owner, events.event_kind in ('responded', 'attended')) as is_answer,
        events.event_kind = 'commented' and coalesce(events.actor_role = 'owner', false) as is_owner_message,
        events.event_kind <> 'opened' and inside.is_inside as is_touch
    from tickets
    inner join events
        on tickets.source_id = events.source_id and tickets.source_ticket_id = events.source_ticket_id
    cross join lateral (select coalesce(events.actor_role not in ('owner', 'system'), true) as is_inside) as inside
),

positioned as (
    select
        placed.*,
        {{ service_position('placed.effective_at', 'calendar') }} as service_position
    from placed
    left join calendar on placed.calendar_key = calendar.calendar_key
),

-- How a ticket began, and where its events end it.
{%- set firsts = {
    'opened_department_id': ("to_department_id", "event_kind = 'opened'"),
    'first_department_id': (
        "coalesce(from_department_id, to_department_id)",
        "from_department_id is not null or event_kind in ('assigned', 'accepted')"
    ),
    'opened_priority': ("priority_after", "event_kind = 'opened'"),
    'opened_service_item_id': ("service_item_id_after", "event_kind = 'opened'"),
} %}

told as (
    select
        source_id,
        source_ticket_id,
        {%- for name, (value, condition) in firsts.items() %}
        substr(min(
            lpad(event_number::text, 6, '0') || {{ value }} collate "C"
        ) filter (where {{ condition }}), 7) as {{ name }},
        {%- endfor %}
        count(priority_after) > 0 as tells_priority,
        count(service_item_id_after) > 0 as tells_service_item,
        max(minute) filter (where event_kind in ('closed', 'cancelled')) as closing_minute,
        max(service_position) filter (where event_kind in ('closed', 'cancelled')) as closing_position,
        max(minute) as last_minute,
        max(service_position) as last_position
    from positioned
    group by source_id, source_ticket_id
),

begun as (
    select
        tickets.source_id,
        tickets.source_ticket_id,
        tickets.opened_at,
        tickets.opened_minute,
        tickets.opened_position,
        coalesce(told.opened_department_id, told.first_department_id, tickets.department_id) as department_id,
        coalesce(told.opened_priority, case when not coalesce(told.tells_priority, false) then tickets.priority end)
            as priority,
        coalesce(
            told.opened_service_item_id,
            case when not coalesce(told.tells_service_item, false) then tickets.service_item_id end
        ) as service_item_id,
        case
            when tickets.is_ended
                then coalesce(tickets.ended_minute, told.closing_minute, told.last_minute, tickets.opened_minute)
        end as ended_minute,
        case
            when tickets.ended_minute is not null then tickets.closed_position
            when tickets.is_ended
                then coalesce(told.closing_position, told.last_position, tickets.opened_position)
        end as ended_position
    from tickets
    left join told
        on tickets.source_id = told.source_id and tickets.source_ticket_id = told.source_ticket_id
),

-- The opening is event 0.
numbered as (
    select
        source_id,
        source_ticket_id,
        0 as event_number,
        null as event_kind,
        opened_at as occurred_at,
        opened_minute as minute,
        opened_position as service_position,
        'open' as status_effect,
        department_id as department_effect,
        null as approval_effect,
        priority as priority_effect,
        service_item_id as service_item_effect,
        null as actor_person_id,
        null as to_person_id,
        false as is_answer,
        false as is_owner_message,
        false as is_touch
    from begun
    union all
    select
        source_id,
        source_ticket_id,
        event_number,
        event_kind,
        occurred_at,
        minute,
        service_position,
        status_effect,
        to_department_id as department_effect,
        -- empty: there is none any more
        case
            when status_effect <> 'waiting_approval' then ''
            when event_kind = 'approval_requested' then '=' || coalesce(approval_level, '')
        end as approval_effect,
        priority_after as priority_effect,
        service_item_id_after as service_item_effect,
        actor_person_id,
        to_person_id,
        is_answer,
        is_owner_message,
        is_touch
    from positioned
),

known as (
    select
        *,
        {{ last_known('status_effect', 'so_far') }} as status,
        {{ last_known('department_effect', 'so_far') }} as department_id,
        nullif({{ last_known('approval_effect', 'so_far') }}, '') as told_approval_level,
        {{ last_known('priority_effect', 'so_far') }} as priority,
        {{ last_known('service_item_effect', 'so_far') }} as service_item_id,
        count(*) filter (where is_answer) over so_far as answers_so_far
    from numbered
    window so_far as (partition by source_id, source_ticket_id order by event_number)
)

select
    known.source_id,
    known.source_ticket_id,
    known.event_number,
    known.event_kind,
    known.occurred_at,
    known.minute,
    known.service_position,
    known.status_effect,
    known.status,
    lag(known.status) over of_ticket as former_status,
    known.department_id,
    substr(known.told_approval_level, 2) as approval_level,
    known.priority,
    known.service_item_id,
    known.actor_person_id,
    known.to_person_id,
    known.is_answer,
    known.is_owner_message,
    known.is_touch,
    (known.answers_so_far - known.is_answer::integer)::integer as answers_before,
    begun.ended_minute,
    begun.ended_position,
    known.minute <= coalesce(begun.ended_minute, known.minute) as is_counted
from known
inner join begun
    on known.source_id = begun.source_id and known.source_ticket_id = begun.source_ticket_id
window of_ticket as (partition by known.source_id, known.source_ticket_id order by known.event_number)
