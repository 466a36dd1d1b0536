{{
    config(
        materialized='table',
        indexes=[{'columns': ['day', 'project_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

with changed as (
    select * from {{ ref('int_tickets__changed') }}
),

projects as (
    select project_id from {{ ref('dim_project') }}
),

horizons as (
    select * from {{ ref('int_sources__horizons') }}
),

deliveries as (
    select * from {{ source('ops', 'delivery') }}
    where entity = 'ticket'
),

build_deliveries as (
    select * from {{ source('ops', 'build_delivery') }}
),

builds as (
    select * from {{ source('ops', 'build') }}
),

built_before as (
    select
        source_id,
        min(partition_date) as first_date,
        max(partition_date) as horizon_date
    from deliveries
    where audited_build_id is not null and delivery_id not in ({{ deliveries_of_build() }})
    group by source_id
),

-- Days from an earlier first one, and up to a later horizon, have a backlog, even when nothing was delivered for them.
newly_seen as (
    select
        datemultirange(daterange(horizons.first_date, horizons.horizon_date, '[]'))
        - case
            when built_before.source_id is null then '{}'
            else datemultirange(daterange(built_before.first_date, built_before.horizon_date, '[]'))
        end as days
    from horizons
    left join built_before on horizons.source_id = built_before.source_id
),

-- Whoever has a day built again wants all of it made anew.
built_again as (
    select datemultirange(daterange(deliveries.partition_date, deliveries.partition_date, '[]')) as days
    from deliveries
    where
        deliveries.delivery_id in ({{ deliveries_of_build() }})
        and exists (
            select 1 from build_deliveries
            inner join builds on build_deliveries.build_id = builds.build_id
            where build_deliveries.delivery_id = deliveries.delivery_id and builds.status = 'audited'
        )
),

of_all as (
    select days from newly_seen
    union
    select days from built_again
),

affecting as (
    select
        places.project_id,
        changed.affected_days,
        changed.backlog_days
    from changed
    cross join jsonb_array_elements_text(changed.project_ids) as places (project_id)
    union all
    select
        projects.project_id,
        of_all.days as affected_days,
        of_all.days as backlog_days
    from of_all
    cross join projects
),

together as (
    select
        project_id,
        range_agg(affected_days) as affected_days,
        range_agg(backlog_days) as backlog_days
    from affecting
    group by project_id
),

seen as (
    select datemultirange(daterange(min(first_date), max(horizon_date), '[]')) as days from horizons
),

spans as (
    select
        together.project_id,
        span.days,
        part.is_of_backlog
    from together
    cross join seen
    cross join lateral (
        values (together.backlog_days, true), (together.affected_days - together.backlog_days, false)
    ) as part (days, is_of_backlog)
    cross join unnest(part.days * seen.days) as span (days)
)

select
    spans.project_id,
    spread.day::date as day,
    case when spans.is_of_backlog then lower(spans.days) end as backlog_first_day,
    case when spans.is_of_backlog then upper(spans.days) - 1 end as backlog_last_day
from spans
cross join generate_series(lower(spans.days), upper(spans.days) - 1, interval '1 day') as spread (day)
