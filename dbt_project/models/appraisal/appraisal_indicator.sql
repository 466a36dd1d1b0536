{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['score'],
    incremental_predicates=['{{ is_this_period() }}'],
    indexes=[{'columns': ['period_kind', 'period', 'project_id', 'indicator'], 'unique': true}],
) }}

with

indicators as (

    select * from {{ ref('int_indicators__scored') }}

),

-- Every indicator counts tickets, and tickets stand on the master data.
incomplete as (

    select
        project_id,
        count(distinct day) as days
    from {{ ref('int_days__incomplete') }}
    where
        day between {{ var('period_start') }} and {{ var('period_end') }}
        and entity in ('ticket', 'project', 'service_item', 'org_unit')
    group by 1

)

select
    indicators.period_kind,
    indicators.period,
    indicators.project_id,
    indicators.indicator,
    indicators.indicator_names,
    indicators.reform_part,
    indicators.unit,
    indicators.direction,
    indicators.numerator,
    indicators.denominator,
    indicators.value,
    indicators.value_low,
    indicators.value_high,
    indicators.floor_value,
    indicators.target_value,
    indicators.points::double precision as points,
    indicators.weight::double precision as weight,
    indicators.weight_effective::double precision as weight_effective,
    indicators.is_sample_sufficient,
    indicators.minimum_sample,
    indicators.position,
    incomplete.days::integer as days_incomplete
from indicators
left join incomplete on indicators.project_id = incomplete.project_id
where
    indicators.period_kind = {{ var('period_kind') }}
    and indicators.period = {{ var('period') }}
