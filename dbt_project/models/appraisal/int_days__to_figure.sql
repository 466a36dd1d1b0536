{{ config(materialized='table', tags=['facts'], indexes=[{'columns': ['day'], 'unique': true}]) }}

{#-
    indicator_daily is computed for these days, and these days are found by looking at indicator_daily: a
    circle that ref() does not allow. So this model looks at the table by name.
-#}
{%- set figures = adapter.get_relation(database=target.database, schema='appraisal', identifier='indicator_daily') %}

with

affected as (

    select * from {{ ref('int_days__affected') }}

),

in_force as (

    select * from {{ ref('int_standards__in_force') }}

),

horizons as (

    select * from {{ ref('int_sources__entity_horizons') }}
    where entity in ('ticket', 'inspection_item', 'rectification', 'survey_answer')

),

measured as (

    select
        min(first_date) as first_day,
        max(horizon_date) as last_day
    from horizons

),

-- What was to happen on these days is judged from now on, though no row of it changed.
reached as (

    select spine.day::date as day
    from measured
    cross join
        lateral (
            select max(deliveries.partition_date) as last_day
            from {{ source('ops', 'delivery') }} as deliveries
            where
                deliveries.entity in ('ticket', 'inspection_item', 'rectification', 'survey_answer')
                and deliveries.audited_build_id is not null
                and deliveries.delivery_id not in ({{ deliveries_of_build() }})
        ) as before
    cross join generate_series(before.last_day + 1, measured.last_day, interval '1 day') as spine (day)

),

-- Days computed under another content of the standards in force, or not yet. All rows of a day carry the
-- same fingerprint, so one probe per day tells.
outdated as (

    select spine.day::date as day
    from measured
    cross join generate_series(measured.first_day, measured.last_day, interval '1 day') as spine (day)
    {% if figures %}
    left join in_force on spine.day >= in_force.effective_from and spine.day < in_force.effective_until
    where in_force.standards_sha256 is distinct from (
        select figures.standards_sha256 from {{ figures }} as figures where figures.day = spine.day::date limit 1
    )
    {% endif %}

)

select day from affected
union
select day from reached
union
select day from outdated
