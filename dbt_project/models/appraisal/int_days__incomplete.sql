{{ config(materialized='view', tags=['facts']) }}

with

missing as (

    select * from {{ source('ops', 'carried_on') }}

),

projects as (

    select * from {{ ref('dim_project') }}

)

-- A source that names no projects covers all of them.
select distinct
    projects.project_id,
    missing.entity,
    spine.day::date as day
from missing
cross join generate_series(missing.period_start, missing.period_end, interval '1 day') as spine (day)
inner join projects
    on
        cardinality(missing.projects) = 0
        or projects.project_id = any(missing.projects)
