{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['score'],
    incremental_predicates=['{{ is_this_period() }}'],
    indexes=[{'columns': ['period_kind', 'period', 'project_id', 'person_id'], 'unique': true}],
) }}

with

projects as (

    select * from {{ ref('dim_project') }}

),

scores as (

    select * from {{ ref('appraisal_score') }}

)

select
    scores.period_kind,
    scores.period,
    scores.project_id,
    projects.manager_person_id as person_id,
    projects.manager_name as person_name,
    scores.score,
    scores.grade,
    scores.coefficient
from scores
inner join projects on scores.project_id = projects.project_id
where
    {{ is_this_period() }}
    and projects.is_appraised
    and projects.manager_person_id is not null
