{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["day in (select months.day from {{ ref('int_service__months') }} as months)"],
        indexes=[
            {'columns': ['project_id', 'day'], 'unique': true},
            {'columns': ['day']},
        ],
    )
}}

with months as (
    select * from {{ ref('int_service__months') }}
),

horizons as (
    select * from {{ ref('int_service__horizons') }}
    where matter = 'surveys'
),

answers as (
    select * from {{ ref('fct_survey_answer') }}
)

select
    answers.project_id,
    months.day,
    to_char(months.day, 'YYYY-MM') as subject,
    count(*)::integer as questions_asked,
    count(*) filter (where answers.is_answered)::integer as questions_answered,
    round(count(*) filter (where answers.is_answered)::numeric / count(*), 6) as response_share,
    round(
        sum(answers.score) filter (where answers.full_score > 0)
        / nullif(sum(answers.full_score) filter (where answers.score is not null and answers.full_score > 0), 0),
        6
    ) as points_share
from months
inner join answers on answers.asked_date between months.first_day and months.day
inner join horizons on answers.project_id = horizons.project_id
where horizons.horizon_date >= months.day
group by answers.project_id, months.day
