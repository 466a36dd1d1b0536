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

)

select
    period_kind,
    period,
    project_id,
    indicator,
    indicator_names,
    reform_part,
    unit,
    direction,
    numerator,
    denominator,
    value,
    value_low,
    value_high,
    floor_value,
    target_value,
    points::double precision as points,
    weight::double precision as weight,
    weight_effective::double precision as weight_effective,
    is_sample_sufficient,
    minimum_sample,
    position
from indicators
where {{ is_this_period() }}
