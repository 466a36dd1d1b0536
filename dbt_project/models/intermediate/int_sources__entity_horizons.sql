{{ config(materialized='view') }}

with deliveries as (
    select * from {{ source('ops', 'delivery') }}
),

deliveries_in_play as (
    select * from deliveries
    where audited_build_id is not null or delivery_id in ({{ deliveries_of_build() }})
)

select
    source_id,
    entity,
    min(partition_date) as first_date,
    max(partition_date) as horizon_date
from deliveries_in_play
group by source_id, entity
