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

definitions as (

    select * from {{ source('standards', 'standards_indicator') }}

),

missing as (

    select * from {{ ref('int_days__incomplete') }}
    where day between {{ var('period_start') }} and {{ var('period_end') }}

),

-- Each indicator by the entities it counts and the master data these stand on.
incomplete as (

    select
        missing.project_id,
        definitions.standards_release,
        definitions.indicator,
        count(distinct missing.day) as days
    from missing
    inner join definitions on definitions.entities ? missing.entity
    group by 1, 2, 3

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
    indicators.sample_effective,
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
left join incomplete
    on
        indicators.project_id = incomplete.project_id
        and indicators.standards_release = incomplete.standards_release
        and indicators.indicator = incomplete.indicator
where
    indicators.period_kind = {{ var('period_kind') }}
    and indicators.period = {{ var('period') }}
