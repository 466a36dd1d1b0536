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

with project_days as (
    select * from {{ ref('int_project_days__affected') }}
),

horizons as (
    select * from {{ ref('int_sources__horizons') }}
),

entity_horizons as (
    select * from {{ ref('int_sources__entity_horizons') }}
),

deliveries as (
    select * from {{ source('ops', 'delivery') }}
),

builds as (
    select * from {{ source('ops', 'build') }}
),

build_days as (
    select * from {{ source('ops', 'build_day') }}
),

built as (
    select * from deliveries
    where entity = 'ticket' and delivery_id in ({{ deliveries_of_build() }})
),

seen as (
    select
        min(first_date) as first_date,
        max(horizon_date) as horizon_date
    from horizons
),

ticket_days as (
    select day from project_days
    union
    select built.partition_date as day
    from built
    inner join seen on built.partition_date between seen.first_date and seen.horizon_date
),

last_days as (
    select
        (select max(entity_horizons.horizon_date) from entity_horizons) as day,
        max(partition_date) filter (
            where audited_build_id is not null and delivery_id not in ({{ deliveries_of_build() }})
        ) as day_before
    from deliveries
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
    day
from ticket_days
union
select
    {{ var('build_id') }} as build_id,
    day
from other_days
