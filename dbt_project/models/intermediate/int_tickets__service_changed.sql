{{ config(materialized='table') }}

with changed as (
    select * from {{ ref('int_service_days__changed') }}
),

tickets as (
    select * from {{ ref('stg_delivered__tickets') }}
)

-- Tickets are looked at only when the service hours of any day have changed.
select
    tickets.source_id,
    tickets.source_ticket_id
from tickets
{{ join_service_profiles('tickets', 'former', audited_build_before()) }}
{{ join_service_profiles('tickets', 'present') }}
inner join changed
    on
        former.profile_number = changed.former_profile_number
        and present.profile_number = changed.present_profile_number
where
    exists (select any_day.days from changed as any_day)
    and changed.days && daterange(
        (tickets.opened_at at time zone present.time_zone)::date,
        (
            case when tickets.closed_at is not null
                then greatest(tickets.opened_at, tickets.first_response_at, tickets.closed_at)
            end at time zone present.time_zone
        )::date,
        '[]'
    )
