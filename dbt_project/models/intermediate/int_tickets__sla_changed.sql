{{ config(materialized='table') }}

with terms as (
    select * from {{ ref('int_sla_terms') }}
),

tickets as (
    select * from {{ ref('stg_delivered__tickets') }}
),

events as (
    select * from {{ ref('stg_delivered__ticket_events') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

former as (
    select
        *,
        datemultirange(daterange(first_day, until_day)) as days
    from terms
    where build_id = {{ audited_build_before() }}
),

present as (
    select
        *,
        datemultirange(daterange(first_day, until_day)) as days
    from terms
    where build_id = {{ var('build_id') }}
),

-- A release that only ends earlier, because there is a later one, says something else of the days that are not its own.
changed as (
    select
        coalesce(present.kind, former.kind) as kind,
        coalesce(present.key_id, former.key_id) as key_id,
        case
            when former.terms_md5 = present.terms_md5
                then (former.days - present.days) + (present.days - former.days)
            else coalesce(former.days, '{}') + coalesce(present.days, '{}')
        end as days
    from former
    full outer join present on former.kind = present.kind and former.key_id = present.key_id
    where
        (former.terms_md5 is distinct from present.terms_md5 or former.days <> present.days)
        and exists (select any_former.kind from former as any_former)
)

-- Tickets are looked at only when anything has changed.
select
    tickets.source_id,
    tickets.source_ticket_id
from tickets
inner join changed on tickets.project_id = changed.key_id and changed.kind = 'project'
where exists (
    select any_change.kind from changed as any_change
    where any_change.kind = 'project'
)
union
select
    tickets.source_id,
    tickets.source_ticket_id
from tickets
inner join changed on tickets.service_item_id = changed.key_id and changed.kind = 'service_item'
where exists (
    select any_change.kind from changed as any_change
    where any_change.kind = 'service_item'
)
union
select
    events.source_id,
    events.source_ticket_id
from events
inner join changed on events.service_item_id_after = changed.key_id and changed.kind = 'service_item'
where
    events.source_ticket_id is not null
    and exists (
        select any_change.kind from changed as any_change
        where any_change.kind = 'service_item'
    )
union
select
    tickets.source_id,
    tickets.source_ticket_id
from tickets
inner join sources on tickets.source_id = sources.source_id
inner join changed
    on
        changed.kind = 'release'
        and changed.days && daterange(
            (tickets.opened_at at time zone sources.time_zone)::date,
            (
                case when tickets.closed_at is not null then greatest(tickets.opened_at, tickets.closed_at) end
                at time zone sources.time_zone
            )::date,
            '[]'
        )
where exists (
    select any_change.kind from changed as any_change
    where any_change.kind = 'release'
)
