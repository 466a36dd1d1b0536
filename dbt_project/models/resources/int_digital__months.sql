{{
    config(
        materialized='table',
        schema='intermediate',
        contract={'enforced': false},
        post_hook='analyze {{ this }}',
    )
}}

with affected as (
    select * from {{ ref('int_days__affected') }}
),

touched as (
    select * from {{ ref('int_tickets__touched') }}
),

tickets as (
    select * from {{ ref('fct_ticket') }}
),

delivered as (
    select * from {{ ref('stg_delivered__inspections') }}
    where delivery_id in ({{ deliveries_of_build() }})
),

inspections as (
    select * from {{ ref('fct_inspection') }}
),

-- Events that leave a ticket as it was, and how an inspection was recorded, change no other fact.
days as (
    select day from affected
    union
    select tickets.opened_date as day
    from touched
    inner join tickets
        on touched.source_id = tickets.source_id and touched.source_ticket_id = tickets.source_ticket_id
    union
    select inspections.done_date as day
    from delivered
    inner join inspections
        on
            delivered.source_id = inspections.source_id
            and delivered.source_inspection_id = inspections.source_inspection_id
    where inspections.done_date is not null
)

select distinct
    date_trunc('month', day)::date as month,
    (date_trunc('month', day) + interval '1 month')::date as next_month
from days
