{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["day in (select months.day from {{ ref('int_service__months') }} as months)"],
        indexes=[
            {'columns': ['project_id', 'day', 'inspection_scope'], 'unique': true},
            {'columns': ['day']},
        ],
    )
}}

with months as (
    select * from {{ ref('int_service__months') }}
),

horizons as (
    select * from {{ ref('int_service__horizons') }}
    where matter = 'inspections'
),

projects as (
    select * from {{ ref('dim_project') }}
),

inspections as (
    select * from {{ ref('fct_inspection') }}
    where status <> 'cancelled'
),

-- Months that are over for a project under management in all of them.
whole as (
    select
        projects.project_id,
        months.first_day,
        months.day
    from projects
    inner join horizons on projects.project_id = horizons.project_id
    inner join months on horizons.horizon_date >= months.day
    where
        coalesce(projects.project_stage, 'operating') in ('move_in', 'operating')
        and coalesce(projects.takeover_date <= months.first_day, true)
        and coalesce(projects.ended_date >= months.day, true)
),

scopes as (
    select scope.inspection_scope
    from (values ('comprehensive'), ('thematic'), ('spot')) as scope (inspection_scope)
),

-- A planned inspection counts in the month of its last day in time, one that was done in the month it was done.
counted as (
    select
        due_date as counts_on,
        project_id,
        inspection_scope,
        1 as planned,
        coalesce(done_date <= due_date, false)::integer as done_on_time,
        0 as done,
        0 as vetoed
    from inspections
    where due_date between (select min(months.first_day) from months) and (select max(months.day) from months)
    union all
    select
        done_date as counts_on,
        project_id,
        inspection_scope,
        0 as planned,
        0 as done_on_time,
        1 as done,
        is_vetoed::integer as vetoed
    from inspections
    where done_date between (select min(months.first_day) from months) and (select max(months.day) from months)
)

select
    whole.project_id,
    whole.day,
    coalesce(scopes.inspection_scope, 'all') as inspection_scope,
    to_char(whole.day, 'YYYY-MM') || '/' || coalesce(scopes.inspection_scope, 'all') as subject,
    coalesce(sum(counted.planned), 0)::integer as inspections_planned,
    coalesce(sum(counted.done_on_time), 0)::integer as inspections_done_on_time,
    coalesce(sum(counted.done), 0)::integer as inspections_done,
    coalesce(sum(counted.vetoed), 0)::integer as inspections_vetoed,
    round(sum(counted.done_on_time)::numeric / nullif(sum(counted.planned), 0), 6) as done_share
from whole
cross join scopes
left join counted
    on
        whole.project_id = counted.project_id
        and scopes.inspection_scope = counted.inspection_scope
        and counted.counts_on between whole.first_day and whole.day
group by grouping sets (
    (whole.project_id, whole.day, scopes.inspection_scope), (whole.project_id, whole.day)
)
