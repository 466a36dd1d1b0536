{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=['true'],
        indexes=[{'columns': ['source_id', 'source_complaint_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

with complaints as (
    select * from {{ ref('stg_delivered__complaints') }}
),

call_backs as (
    select * from {{ ref('stg_delivered__call_backs') }}
    where delivery_id in ({{ deliveries_of_build() }})
),

-- Not materialised: what is asked of history is asked by key.
before as not materialized (
    {{ rows_before('marts', 'fct_complaint', complaint_columns()) }}
),

changed_hours as (
    select * from {{ ref('int_service_days__changed') }}
),

-- No service item is a matter of service hours as well: the rules that ask for none.
placed as (
    select
        source_id,
        source_complaint_id,
        project_id,
        coalesce(service_item_id, '') as service_item_id,
        null::boolean as is_emergency,
        received_at,
        greatest(received_at, acknowledged_at, replied_at, resolved_at, closed_at) as until_at
    from complaints
    where exists (select any_day.days from changed_hours as any_day)
),

standards as (
    select * from {{ source('standards', 'standards_release') }}
),

builds as (
    select * from {{ source('ops', 'build') }}
),

-- Releases read since the last audited build, and the days until the next one.
new_standards as (
    select
        in_force.effective_from,
        in_force.effective_until
    from {{ ref('int_standards__in_force') }} as in_force
    inner join standards on in_force.standards_release = standards.standards_release
    where
        standards.loaded_at > coalesce(
            (select max(builds.started_at) filter (where builds.status = 'audited') from builds), '-infinity'
        )
),

touched as (
    select
        source_id,
        source_complaint_id
    from complaints
    where delivery_id in ({{ deliveries_of_build() }})
    union
    -- a row may mean something else now: the complaint it used to be is looked at as well
    select
        source_id,
        source_complaint_id
    from before
    where delivery_id in ({{ deliveries_of_build() }})
    union
    select
        source_id,
        source_complaint_id
    from before
    where call_back_delivery_id in ({{ deliveries_of_build() }})
    union
    select
        source_id,
        source_complaint_id
    from call_backs
    where source_complaint_id is not null
    union
    -- and the one that a call was of
    select
        before.source_id,
        before.source_complaint_id
    from before
    inner join call_backs
        on
            before.source_id = call_backs.source_id
            and before.source_call_back_id = call_backs.source_call_back_id
    union
    -- the service hours of its days are others now
    select
        placed.source_id,
        placed.source_complaint_id
    from placed
    {{ join_service_profiles('placed', 'former', audited_build_before()) }}
    {{ join_service_profiles('placed', 'present') }}
    inner join changed_hours
        on
            former.profile_number = changed_hours.former_profile_number
            and present.profile_number = changed_hours.present_profile_number
    where
        changed_hours.days && daterange(
            (placed.received_at at time zone present.time_zone)::date,
            (placed.until_at at time zone present.time_zone)::date,
            '[]'
        )
    union
    select
        before.source_id,
        before.source_complaint_id
    from before
    inner join new_standards
        on
            before.received_date >= new_standards.effective_from
            and before.received_date < new_standards.effective_until
    {{- left_over(['source_id', 'source_complaint_id']) }}
)

-- A call may be of a complaint that nobody has delivered, now or before.
select
    {{ var('build_id') }} as build_id,
    source_id,
    source_complaint_id
from touched
