{{
    config(
        materialized='table',
        indexes=[{'columns': ['source_id', 'source_ticket_id', 'target', 'occurrence'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

{%- set key = ['source_id', 'source_ticket_id', 'target', 'occurrence'] %}

with pieces as (
    select * from {{ ref('int_sla_pieces') }}
),

-- The pieces in which a target may be broken, or fall due, and after how many minutes of theirs.
sought as (
    select
        *,
        'breaches' as what,
        target_minutes + 1 - used_before as needed
    from pieces
    where
        target_minutes is not null
        and (
            used_before > target_minutes
            or (not is_resting and coalesce(used_before + minutes > target_minutes, true))
        )
    union all
    select
        *,
        'due' as what,
        final_minutes - used_before as needed
    from pieces
    where
        target_minutes is not null
        and not is_resting
        and used_before < final_minutes
        and (is_final or used_before + minutes >= final_minutes)
),

found as (
    select
        sought.*,
        case
            when sought.needed <= 0 then sought.from_minute
            when sought.clock = 'calendar' then sought.from_minute + sought.needed
            else {{ minute_at_service_position('(sought.from_position + sought.needed)', 'service_day') }}
        end as minute
    from sought
    {{ join_service_day(
        "case when sought.clock = 'service' and sought.needed > 0 then sought.profile_number end",
        '(sought.from_position + sought.needed)', 'service_day'
    ) }}
),

-- In its last minute a stay gives way to the next one, and so does its policy.
first_found as (
    select distinct on (source_id, source_ticket_id, target, occurrence, what)
        source_id,
        source_ticket_id,
        target,
        occurrence,
        what,
        minute,
        department_id
    from found
    where minute is not null and (what = 'due' or needed <= 0 or is_final or minute < until_minute)
    order by source_id, source_ticket_id, target, occurrence, what, span_number
)

select
    pieces.source_id,
    pieces.source_ticket_id,
    pieces.target,
    pieces.occurrence,
    pieces.project_id,
    pieces.service_item_id,
    pieces.time_zone,
    case when breaches.minute is null then pieces.department_id else breaches.department_id end as department_id,
    pieces.standards_release,
    pieces.policy,
    pieces.target_minutes,
    pieces.clock,
    pieces.is_resting,
    pieces.is_done,
    pieces.started_minute,
    pieces.ended_minute,
    due.minute as due_minute,
    breaches.minute as breaches_minute,
    case when pieces.ended_minute is not null then pieces.used_before + pieces.minutes end as used_minutes
from pieces
{%- for what in ['breaches', 'due'] %}
left join first_found as {{ what }}
    on
        {%- for column in key %}
        pieces.{{ column }} = {{ what }}.{{ column }} and
        {%- endfor %}
        {{ what }}.what = '{{ what }}'
{%- endfor %}
where pieces.is_final
