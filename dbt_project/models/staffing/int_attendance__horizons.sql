{{ config(materialized='view', schema='intermediate', contract={'enforced': false}) }}

with horizons as (
    select * from {{ ref('int_sources__entity_horizons') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

-- A source of rosters without clocks knows as much as the slowest of those that have them.
slowest as (
    select min(horizon_date) as horizon_date
    from horizons
    where entity = 'attendance'
)

select
    sources.source_id,
    coalesce(horizons.horizon_date, slowest.horizon_date) as horizon_date
from sources
cross join slowest
left join horizons on sources.source_id = horizons.source_id and horizons.entity = 'attendance'
