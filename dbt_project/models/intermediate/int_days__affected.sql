{{ config(materialized='table', indexes=[{'columns': ['day'], 'unique': true}]) }}

-- These write down the days of the rows they change themselves.
-- depends_on: {{ ref('fct_inspection') }}
-- depends_on: {{ ref('fct_inspection_item') }}
-- depends_on: {{ ref('int_nonconformities') }}
-- depends_on: {{ ref('fct_survey_answer') }}
-- depends_on: {{ ref('fct_attendance') }}
-- depends_on: {{ ref('fct_post_daily') }}
-- depends_on: {{ ref('fct_training') }}
-- depends_on: {{ ref('fct_ticket_span') }}
-- depends_on: {{ ref('fct_sla_event') }}
-- depends_on: {{ ref('fct_complaint') }}

with changed as (
    select * from {{ ref('int_tickets__changed') }}
),

horizons as (
    select * from {{ ref('int_sources__horizons') }}
),

entity_horizons as (
    select * from {{ ref('int_sources__entity_horizons') }}
),

all_deliveries as (
    select * from {{ source('ops', 'delivery') }}
),

deliveries as (
    select * from all_deliveries
    where entity = 'ticket'
),

builds as (
    select * from {{ source('ops', 'build') }}
),

build_days as (
    select * from {{ source('ops', 'build_day') }}
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
),

ticket_days as (
    select affected_day.day::date as day
    from spans
    cross join generate_series(lower(spans.span), upper(spans.span) - 1, interval '1 day') as affected_day (day)
),

last_days as (
    select
        (select max(entity_horizons.horizon_date) from entity_horizons) as day,
        max(partition_date) filter (
            where audited_build_id is not null and delivery_id not in ({{ deliveries_of_build() }})
        ) as day_before
    from all_deliveries
),

-- Days of changed rows of the other facts, of this build and of those that failed since the last audited one, and
-- days that have come since: what was planned falls due on them. Beyond the last day that anybody delivered there
-- are no figures yet.
other_days as (
    select build_days.day
    from build_days
    inner join last_days on build_days.day <= last_days.day
    where
        build_days.build_id <= {{ var('build_id') }}
        and build_days.build_id > coalesce((
            select max(builds.build_id) from builds
            where builds.status = 'audited' and builds.build_id < {{ var('build_id') }}
        ), 0)
    union
    select come.day::date as day
    from last_days
    cross join generate_series(last_days.day_before + 1, last_days.day, interval '1 day') as come (day)
)

select
    {{ var('build_id') }} as build_id,
    coalesce(ticket_days.day, other_days.day) as day,
    ticket_days.day is not null as is_by_tickets
from ticket_days
full outer join other_days on ticket_days.day = other_days.day
