{{ config(materialized='view', schema='intermediate', contract={'enforced': false}) }}

with deliveries as (
    select * from {{ source('ops', 'delivery') }}
    where entity in ('post', 'assignment', 'person', 'attendance')
),

-- Rosters are planned ahead: what they reach is not known yet.
known as (
    select
        min(partition_date) as first_date,
        max(partition_date) as last_date
    from deliveries
    where audited_build_id is not null or delivery_id in ({{ deliveries_of_build() }})
),

known_before as (
    select
        min(partition_date) as first_date,
        max(partition_date) as last_date
    from deliveries
    where audited_build_id is not null and delivery_id not in ({{ deliveries_of_build() }})
)

select
    known.first_date,
    known.last_date,
    known_before.first_date as first_date_before,
    known_before.last_date as last_date_before
from known
cross join known_before
where known.first_date is not null
