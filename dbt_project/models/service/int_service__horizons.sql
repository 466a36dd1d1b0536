{{ config(materialized='view', schema='intermediate', contract={'enforced': false}) }}

with horizons as (
    select * from {{ ref('int_sources__entity_horizons') }}
),

projects as (
    select * from {{ ref('dim_project') }}
),

covered as (
    select * from {{ source('ops', 'source_project') }}
),

-- What a source plans ahead is no horizon: inspections are known as far as items and rectifications are.
matters as (
    select
        horizons.source_id,
        entities.matter,
        max(horizons.horizon_date) as horizon_date
    from horizons
    inner join (
        values
        ('inspection_item', 'inspections'),
        ('rectification', 'inspections'),
        ('complaint', 'complaints'),
        ('survey_answer', 'surveys')
    ) as entities (entity, matter)
        on horizons.entity = entities.entity
    group by horizons.source_id, entities.matter
),

reaching as (
    select
        matters.source_id,
        matters.matter,
        matters.horizon_date,
        count(covered.source_id) over (partition by matters.source_id) as projects_named,
        covered.project_id
    from matters
    left join covered on matters.source_id = covered.source_id
)

-- A source that names no projects covers all of them.
select
    projects.project_id,
    reaching.matter,
    max(reaching.horizon_date) as horizon_date
from projects
inner join reaching on reaching.projects_named = 0 or projects.project_id = reaching.project_id
group by projects.project_id, reaching.matter
