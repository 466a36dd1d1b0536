{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["day in (select months.day from {{ ref('int_service__months') }} as months)"],
        indexes=[
            {'columns': ['project_id', 'day', 'indicator'], 'unique': true},
            {'columns': ['day']},
        ],
    )
}}

with months as (
    select * from {{ ref('int_service__months') }}
),

-- The last day that anybody delivered anything of what indicators count.
horizon as (
    select max(horizon_date) as horizon_date
    from {{ ref('int_sources__entity_horizons') }}
    where entity in ('ticket', 'inspection_item', 'rectification', 'survey_answer')
),

projects as (
    select * from {{ ref('dim_project') }}
),

indicators as (
    select * from {{ source('standards', 'standards_indicator') }}
),

-- The release in force on the first of the month says what is counted and how large a sample must be.
in_force as (
    select * from {{ ref('int_standards__in_force') }}
),

indicators_daily as (
    select * from {{ ref('indicator_daily') }}
),

summed as (
    select
        indicators_daily.project_id,
        indicators_daily.indicator,
        months.first_day,
        months.day,
        sum(indicators_daily.numerator) as numerator,
        sum(indicators_daily.denominator) as denominator,
        sum(indicators_daily.squares) as squares
    from months
    cross join horizon
    inner join indicators_daily on indicators_daily.day between months.first_day and months.day
    where horizon.horizon_date >= months.day
    group by indicators_daily.project_id, indicators_daily.indicator, months.first_day, months.day
)

-- The sample is that of the appraisal: what is counted at the end of every day counts once a month.
select
    summed.project_id,
    summed.day,
    summed.indicator,
    to_char(summed.day, 'YYYY-MM') as subject,
    projects.project_grade,
    in_force.standards_release,
    summed.numerator,
    summed.denominator,
    round(summed.numerator / summed.denominator, 6) as value,
    round(
        summed.denominator ^ 2 / nullif(summed.squares, 0)
        / case when indicators.is_denominator_stock then summed.day - summed.first_day + 1 else 1 end, 6
    ) as sample
from summed
inner join projects on summed.project_id = projects.project_id
inner join in_force
    on summed.first_day >= in_force.effective_from and summed.first_day < in_force.effective_until
inner join indicators
    on
        in_force.standards_release = indicators.standards_release
        and summed.indicator = indicators.indicator
where indicators.kind <> 'quantile' and summed.denominator > 0
