{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "month in (
                select date_trunc('month', affected.day)::date
                from {{ ref('int_post_days__affected') }} as affected
            )"
        ],
        indexes=[{'columns': ['month', 'project_id', 'post_function', 'staffing_kind'], 'unique': true}],
        meta={'days': ['month']},
        post_hook=note_days_when_new(),
    )
}}

-- Months are written down as days, which no figure of a day has to be computed anew for.
-- depends_on: {{ ref('int_days__affected') }}
-- depends_on: {{ ref('int_post_days__affected') }}

{#- Sums over the days of the month. -#}
{%- set sums = {
    'established_persons': 'established_person_days',
    'filled_persons': 'filled_person_days',
    'vacant_persons': 'vacant_person_days',
    'surplus_persons': 'surplus_person_days',
    'on_duty_persons': 'on_duty_person_days',
    'on_leave_persons': 'on_leave_person_days',
    'absent_persons': 'absent_person_days',
    'late_persons': 'late_person_days',
    'uncertified_on_duty_persons': 'uncertified_on_duty_person_days',
    'incomplete_punches': 'incomplete_punches',
    'planned_minutes': 'planned_minutes',
    'worked_minutes': 'worked_minutes',
    'overtime_minutes': 'overtime_minutes',
} %}

with affected as (
    select distinct date_trunc('month', day)::date as month
    from {{ ref('int_post_days__affected') }}
),

post_days as (
    select
        affected.month,
        posts.*
    from affected
    inner join {{ ref('fct_post_daily') }} as posts
        on affected.month <= posts.day and affected.month + interval '1 month' > posts.day
),

projects as (
    select * from {{ ref('dim_project') }}
),

bounds as (
    select * from {{ ref('int_staffing__bounds') }}
),

summed as (
    select
        post_days.month,
        post_days.project_id,
        coalesce(post_days.post_function, '') as post_function,
        kinds.staffing_kind,
        {%- for column, name in sums.items() %}
        coalesce(sum(post_days.{{ column }}), 0)::numeric as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from post_days
    cross join lateral (values ('all'), (coalesce(post_days.staffing_kind, 'own'))) as kinds (staffing_kind)
    group by post_days.month, post_days.project_id, coalesce(post_days.post_function, ''), kinds.staffing_kind
),

known as (
    select
        affected.month,
        least((affected.month + interval '1 month')::date, bounds.last_date + 1)
        - greatest(affected.month, bounds.first_date) as month_days
    from affected
    cross join bounds
)

select
    summed.month,
    summed.project_id,
    summed.post_function,
    summed.staffing_kind,
    known.month_days,
    {%- for name in sums.values() %}
    summed.{{ name }},
    {%- endfor %}
    projects.area_m2,
    projects.households,
    projects.area_m2 * known.month_days / nullif(summed.filled_person_days, 0) as area_m2_per_person,
    projects.households * known.month_days / nullif(summed.filled_person_days, 0) as households_per_person
from summed
inner join known on summed.month = known.month
left join projects on summed.project_id = projects.project_id
