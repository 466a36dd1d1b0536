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
    where matter = 'complaints'
),

complaints as (
    select * from {{ ref('int_complaints__timed') }}
)

select
    complaints.project_id,
    months.day,
    to_char(months.day, 'YYYY-MM') as subject,
    count(*)::integer as complaints,
    count(*) filter (where complaints.is_answered)::integer as complaints_answered,
    percentile_disc(0.9) within group (order by complaints.hours_to_answer) as hours_to_answer_p90,
    percentile_disc(0.9) within group (order by complaints.hours_to_settle) as hours_to_settle_p90
from months
inner join complaints on complaints.received_date between months.first_day and months.day
inner join horizons on complaints.project_id = horizons.project_id
where horizons.horizon_date >= months.day
group by complaints.project_id, months.day
