{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['score'],
    incremental_predicates=['{{ is_this_period() }}'],
    indexes=[{'columns': ['period_kind', 'period', 'project_id', 'person_id'], 'unique': true}],
) }}

with

months as (

    select * from {{ ref('fct_staff_monthly') }}

)

select
    {{ var('period_kind') }} as period_kind,
    {{ var('period') }} as period,
    {%- for column in [
        'project_id', 'person_id', 'days', 'full_time_days', 'service_days', 'post_id', 'post_function', 'job_grade',
        'department_id', 'leave_minutes_by_kind', 'trainings_planned', 'trainings_done', 'trainings_passed',
        'training_hours', 'certificates_held', 'certificates_expiring', 'certificates_expired',
    ] + attendance_figures() %}
    {{ column }}{% if not loop.last %},{% endif %}
    {%- endfor %}
from months
where {{ var('period_kind') }} = 'month' and month = {{ var('period_start') }}
