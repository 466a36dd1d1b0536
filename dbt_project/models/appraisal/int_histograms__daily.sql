{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['facts'],
    incremental_predicates=[
        "(day, project_id) in (
            select affected.day, affected.project_id from {{ ref('int_project_days__affected') }} as affected
        )"
    ],
    indexes=[{
        'columns': ['day', 'project_id', 'service_item_id', 'channel', 'measure', 'from_minutes'], 'unique': true
    }],
) }}

{#- Eight buckets per doubling, so that a quantile is known to one part in eleven, and the round
    durations at which an indicator may cut. Whole minutes: 0, 1, 2, … 2^24 (32 years). -#}
{%- set bounds = [0] + (config.meta_get('exact_minutes') or []) -%}
{%- for step in range(0, 193) -%}
{%- do bounds.append((2 ** (step / 8)) | round(0, 'ceil') | int) -%}
{%- endfor -%}
{%- set bounds = bounds | unique | sort | list -%}

with

affected as not materialized (

    select * from {{ ref('int_project_days__affected') }}

),

horizons as (

    select * from {{ ref('int_sources__horizons') }}

),

-- Not materialised: a build reads the days it changed, by index, not history.
tickets as not materialized (

    select
        fct_ticket.*,
        coalesce(fct_ticket.channel, '') as channel_code,
        horizons.horizon_date
    from {{ ref('fct_ticket') }} as fct_ticket
    inner join horizons on fct_ticket.source_id = horizons.source_id
    where fct_ticket.status <> 'cancelled'

),

durations as (

    select
        closed_date as day,
        project_id,
        service_item_id,
        channel_code,
        measured.measure,
        measured.minutes
    from tickets
    cross join lateral (
        values
        ('close_service_minutes', close_service_minutes), ('close_calendar_minutes', close_calendar_minutes)
    ) as measured (measure, minutes)
    where {{ in_affected_days('closed_date') }} and closed_date <= horizon_date and measured.minutes >= 0

    union all

    -- On the day of opening, where tickets_response_expected counts the ticket too.
    select
        opened_date as day,
        project_id,
        service_item_id,
        channel_code,
        'first_response_service_minutes' as measure,
        first_response_service_minutes as minutes
    from tickets
    where {{ in_affected_days('opened_date') }} and opened_date <= horizon_date and first_response_service_minutes >= 0

),

bounds as (

    select array[{{ bounds | join(', ') }}]::bigint [] as minutes

),

bucketed as (

    select
        durations.*,
        bounds.minutes as bounds,
        width_bucket(durations.minutes::bigint, bounds.minutes) as bucket
    from durations
    cross join bounds

)

select
    day,
    project_id,
    service_item_id,
    channel_code as channel,
    measure,
    bounds[bucket] as from_minutes,
    coalesce(bounds[bucket + 1], bounds[bucket] * 2) as to_minutes,
    count(*) as tickets
from bucketed
group by 1, 2, 3, 4, 5, 6, 7
