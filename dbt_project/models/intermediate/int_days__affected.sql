{{ config(materialized='table', indexes=[{'columns': ['day'], 'unique': true}]) }}

with changed as (
    select * from {{ ref('int_tickets__changed') }}
),

horizons as (
    select * from {{ ref('int_sources__horizons') }}
),

deliveries as (
    select * from {{ source('ops', 'delivery') }}
    where entity = 'ticket'
),

built as (
    select * from deliveries
    where delivery_id in ({{ deliveries_of_build() }})
),

built_before as (
    select
        source_id,
        max(partition_date) as horizon_date
    from deliveries
    where audited_build_id is not null and delivery_id not in ({{ deliveries_of_build() }})
    group by source_id
),

-- Days up to a later horizon have a backlog, even when nothing was delivered for them.
newly_seen as (
    select datemultirange(daterange(
        coalesce(built_before.horizon_date + 1, horizons.first_date), horizons.horizon_date, '[]'
    )) as days
    from horizons
    left join built_before on horizons.source_id = built_before.source_id
    where built_before.horizon_date is null or built_before.horizon_date < horizons.horizon_date
),

affected as (
    select affected_days as days from changed
    union all
    select days from newly_seen
    union all
    select datemultirange(daterange(partition_date, partition_date, '[]')) as days from built
),

seen as (
    select daterange(min(first_date), max(horizon_date), '[]') as days from horizons
),

spans as (
    select unnest(range_agg(affected.days) * datemultirange(seen.days)) as span
    from affected
    cross join seen
    group by seen.days
)

select
    {{ var('build_id') }} as build_id,
    affected_day.day::date as day
from spans
cross join generate_series(lower(spans.span), upper(spans.span) - 1, interval '1 day') as affected_day (day)
