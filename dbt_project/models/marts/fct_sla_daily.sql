{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["day in (select affected.day from {{ ref('int_days__affected') }} as affected)"],
        indexes=[{'columns': ['day', 'project_id', 'service_item_id', 'target'], 'unique': true}],
    )
}}

{%- set scope -%}
{%- if is_incremental() -%}
= any(array(select affected.day from {{ ref('int_days__affected') }} as affected))
{%- else -%}
is not null
{%- endif -%}
{%- endset %}
{%- set counts = ['started', 'met', 'breached', 'voided', 'fulfilled'] %}
{%- set parts = {
    'started_date': {'started': 'true'},
    'breached_date': {'breached': 'true'},
    'ended_date': {
        'met': "status = 'met'", 'voided': "status = 'void'", 'fulfilled': 'fulfilled_date is not null',
    },
} %}

-- depends_on: {{ ref('int_days__affected') }}

with horizons as (
    select * from {{ ref('int_sources__horizons') }}
),

-- Not materialised: a build reads the days it changed, by index, not history.
targets as not materialized (
    select
        fct_sla_event.project_id,
        fct_sla_event.service_item_id,
        fct_sla_event.target,
        fct_sla_event.status,
        fct_sla_event.started_date,
        fct_sla_event.ended_date,
        fct_sla_event.breached_date,
        fct_sla_event.fulfilled_date,
        fct_sla_event.used_minutes,
        horizons.horizon_date
    from {{ ref('fct_sla_event') }} as fct_sla_event
    inner join horizons on fct_sla_event.source_id = horizons.source_id
),

counted as (
    {%- for day, told in parts.items() %}
    select
        {{ day }} as day,
        project_id,
        service_item_id,
        target,
        {%- for count in counts %}
        {{ 'count(*) filter (where ' ~ told[count] ~ ')' if count in told else 0 }} as targets_{{ count }},
        {%- endfor %}
        {{ 'sum(used_minutes) filter (where fulfilled_date is not null)' if 'fulfilled' in told else 0 }}
            as used_minutes
    from targets
    where {{ day }} {{ scope }} and {{ day }} <= horizon_date
    group by {{ day }}, project_id, service_item_id, target
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    day,
    project_id,
    service_item_id,
    target,
    {%- for count in counts %}
    sum(targets_{{ count }})::integer as targets_{{ count }},
    {%- endfor %}
    coalesce(sum(used_minutes), 0)::bigint as used_minutes
from counted
group by day, project_id, service_item_id, target
having sum(targets_started + targets_breached + targets_voided + targets_fulfilled) > 0
