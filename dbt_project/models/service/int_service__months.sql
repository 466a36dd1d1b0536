{{
    config(
        materialized='table',
        schema='intermediate',
        contract={'enforced': false},
        indexes=[{'columns': ['day'], 'unique': true}],
    )
}}

with days as (
    select * from {{ ref('int_days__to_figure') }}
)

select distinct
    {{ var('build_id') }} as build_id,
    date_trunc('month', day)::date as first_day,
    (date_trunc('month', day) + interval '1 month - 1 day')::date as day
from days
