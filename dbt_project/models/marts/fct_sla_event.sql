{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(source_id, source_ticket_id) in (
                select touched.source_id, touched.source_ticket_id from {{ ref('int_tickets__touched') }} as touched
            )",
            "breaches_date <= (
                select max(horizons.horizon_date) from {{ ref('int_sources__horizons') }} as horizons
            ) and exists (
                select 1 from {{ ref('int_sources__horizons') }} as horizons
                where
                    horizons.source_id = fct_sla_event.source_id
                    and horizons.horizon_date >= fct_sla_event.breaches_date
            )",
        ],
        indexes=[
            {'columns': ['source_id', 'source_ticket_id', 'target', 'occurrence'], 'unique': true},
            {'columns': ['started_date']},
            {'columns': ['ended_date']},
            {'columns': ['breached_date']},
            {'columns': ['breaches_date']},
        ],
        meta={'days': ['started_date', 'ended_date', 'breached_date']},
        post_hook=note_days_when_new(),
    )
}}

{%- set moments = ['started', 'due', 'ended', 'breaches'] %}
{%- set kept = [
    'source_id', 'source_ticket_id', 'target', 'occurrence', 'project_id', 'service_item_id', 'department_id',
    'standards_release', 'policy', 'target_minutes', 'clock', 'status', 'started_at', 'started_date', 'due_at',
    'ended_at', 'ended_date', 'breaches_at', 'breaches_date', 'used_minutes',
] %}

with targets as (
    select * from {{ ref('int_sla_targets') }}
),

touched as (
    select * from {{ ref('int_tickets__touched') }}
),

horizons as (
    select * from {{ ref('int_sources__horizons') }}
),

timed as (
    select
        *,
        {%- for moment in moments %}
        {{ moment_of(moment ~ '_minute') }} as {{ moment }}_at,
        ({{ moment_of(moment ~ '_minute') }} at time zone time_zone)::date as {{ moment }}_date,
        {%- endfor %}
        case
            when ended_minute is null and target_minutes is null then 'void'
            when ended_minute is null and is_resting then 'paused'
            when ended_minute is null then 'running'
            when breaches_minute is not null then 'breached'
            when is_done and target_minutes is not null then 'met'
            else 'void'
        end as status
    from targets
),

{%- if is_incremental() %}

-- The day on which they are broken has come, and nobody did anything.
due_since as (
    select known.*
    from {{ this }} as known
    inner join horizons on known.source_id = horizons.source_id and known.breaches_date <= horizons.horizon_date
    where
        known.breaches_date <= (select max(any_horizon.horizon_date) from horizons as any_horizon)
        and not exists (
            select 1 from touched
            where
                touched.source_id = known.source_id and touched.source_ticket_id = known.source_ticket_id
        )
),
{%- endif %}

judged as (
    select
        {%- for column in kept %}
        {{ column }},
        {%- endfor %}
        is_done
    from timed
    {%- if is_incremental() %}
    union all
    select
        {%- for column in kept %}
        {{ column }},
        {%- endfor %}
        false as is_done
    from due_since
    {%- endif %}
),

known as (
    select
        judged.*,
        judged.breaches_at is not null
        and (judged.ended_at is not null or coalesce(judged.breaches_date <= horizons.horizon_date, false))
            as is_breached
    from judged
    left join horizons on judged.source_id = horizons.source_id
)

select
    source_id,
    source_ticket_id,
    target,
    occurrence,
    project_id,
    service_item_id,
    department_id,
    standards_release,
    policy,
    target_minutes,
    clock,
    case when is_breached and ended_at is null then 'breached_open' else status end as status,
    started_at,
    started_date,
    due_at,
    case when is_done then ended_at end as fulfilled_at,
    case when is_done then ended_date end as fulfilled_date,
    ended_at,
    ended_date,
    case when ended_at is null and not is_breached then breaches_at end as breaches_at,
    case when ended_at is null and not is_breached then breaches_date end as breaches_date,
    case when is_breached then breaches_at end as breached_at,
    case when is_breached then breaches_date end as breached_date,
    used_minutes
from known
