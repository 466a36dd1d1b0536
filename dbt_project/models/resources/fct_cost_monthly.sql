{{
    config(
        materialized='table',
        indexes=[{'columns': ['month', 'project_id'], 'unique': true}],
    )
}}

{#- A row for each project and month: few, and another area or number of households changes all of them. -#}
{%- set kinds = ['own_staff', 'outsourced', 'materials', 'energy', 'equipment', 'insurance', 'tax', 'other'] %}
{%- set compared = ['own_staff', 'outsourced', 'materials', 'total'] %}

with costs as (
    select * from {{ ref('fct_cost') }}
),

projects as (
    select * from {{ ref('dim_project') }}
),

due as (
    select * from {{ ref('int_tickets__due_monthly') }}
),

summed as (
    select
        month,
        project_id,
        {%- for kind in kinds %}
        sum(amount_cny) filter (where cost_kind = '{{ kind }}') as {{ kind }}_cny,
        {%- endfor %}
        sum(amount_cny) as total_cny
    from costs
    group by month, project_id
),

placed as (
    select
        summed.*,
        projects.area_m2,
        projects.households,
        {%- for kind in compared %}
        summed.{{ kind }}_cny / nullif(projects.area_m2, 0) as {{ kind }}_cny_per_m2,
        summed.{{ kind }}_cny / nullif(projects.households, 0) as {{ kind }}_cny_per_household,
        {%- endfor %}
        due.tickets_due,
        due.tickets_due_met,
        100.0 * due.tickets_due_met / nullif(due.tickets_due, 0) as on_time_pct
    from summed
    left join projects on summed.project_id = projects.project_id
    left join due on summed.month = due.month and summed.project_id = due.project_id
)

select
    month,
    project_id,
    {%- for kind in kinds %}
    {{ kind }}_cny,
    {%- endfor %}
    total_cny,
    area_m2,
    households,
    {%- for kind in compared %}
    {{ kind }}_cny_per_m2,
    {{ kind }}_cny_per_household,
    {%- endfor %}
    tickets_due,
    tickets_due_met,
    on_time_pct,
    case when total_cny_per_m2 > 0 then on_time_pct / total_cny_per_m2 end as on_time_pct_per_cny_per_m2
from placed
