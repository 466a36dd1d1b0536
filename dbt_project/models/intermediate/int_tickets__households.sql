{{
    config(
        materialized='table',
        indexes=[{'columns': ['source_id', 'source_ticket_id'], 'unique': true}, {'columns': ['household_key']}],
        post_hook='analyze {{ this }}',
    )
}}

with touched as (
    select * from {{ ref('int_tickets__touched') }}
),

tickets as (
    select * from {{ ref('stg_delivered__tickets') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

household_salt as (
    select * from {{ source('ops', 'household_salt') }}
)

select
    {{ household_key('tickets.project_id', 'tickets.household_id', 'household_salt') }} as household_key,
    tickets.source_id,
    tickets.source_ticket_id,
    tickets.project_id,
    tickets.service_item_id,
    tickets.opened_at as happened_at,
    (tickets.opened_at at time zone sources.time_zone)::date as happened_date
from tickets
inner join touched
    on
        tickets.source_id = touched.source_id
        and tickets.source_ticket_id = touched.source_ticket_id
inner join sources on tickets.source_id = sources.source_id
cross join household_salt
where tickets.household_id is not null
