{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['score'],
    incremental_predicates=['{{ is_this_period() }}'],
    indexes=[{'columns': ['period_kind', 'period', 'project_id', 'day'], 'unique': true}],
) }}

with

projects as (

    select * from {{ ref('dim_project') }}

),

measures as (

    select * from {{ ref('int_measures__daily') }}

),

sums as (

    select
        project_id,
        day,
        sum(value) filter (where measure = 'tickets_opened') as tickets_opened,
        sum(value) filter (where measure = 'tickets_closed') as tickets_closed,
        sum(value) filter (where measure = 'tickets_open') as tickets_open,
        sum(value) filter (where measure = 'tickets_due') as tickets_due,
        sum(value) filter (where measure = 'tickets_due_met') as tickets_due_met
    from measures
    where day between {{ var('period_start') }} and {{ var('period_end') }}
    group by 1, 2

)

select
    {{ var('period_kind') }} as period_kind,
    {{ var('period') }} as period,
    projects.project_id,
    spine.day::date as day,
    coalesce(sums.tickets_opened, 0)::bigint as tickets_opened,
    coalesce(sums.tickets_closed, 0)::bigint as tickets_closed,
    coalesce(sums.tickets_open, 0)::bigint as tickets_open,
    coalesce(sums.tickets_due, 0)::bigint as tickets_due,
    coalesce(sums.tickets_due_met, 0)::bigint as tickets_due_met
from projects
cross join
    generate_series(
        {{ var('period_start') }}, {{ var('period_end') }}, interval '1 day'
    ) as spine (day)
left join sums on projects.project_id = sums.project_id and spine.day::date = sums.day
