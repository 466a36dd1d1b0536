{{ config(materialized='view', schema='intermediate', contract={'enforced': false}) }}

with deliveries as (
    select
        *,
        delivery_id in ({{ deliveries_of_build() }}) as is_of_build
    from {{ source('ops', 'delivery') }}
    where entity in ('equipment', 'equipment_status')
),

{#- Once anybody tells states, days are known as far as states are; a register alone is known to its own last day. -#}
{%- set known = "
    select
        min(partition_date) as first_date,
        coalesce(max(partition_date) filter (where entity = 'equipment_status'), max(partition_date)) as last_date
    from deliveries
" %}

known as (
    {{- known }}
    where audited_build_id is not null or is_of_build
),

known_before as (
    {{- known }}
    where audited_build_id is not null and not is_of_build
)

select
    known.first_date,
    known.last_date,
    known_before.first_date as first_date_before,
    known_before.last_date as last_date_before
from known
cross join known_before
where known.first_date is not null
