{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['score'],
    incremental_predicates=['{{ is_this_period() }}'],
    indexes=[{'columns': ['period_kind', 'period', 'project_id', 'category'], 'unique': true}],
) }}

{%- set uncatalogued = "array['uncatalogued']" %}

with

items as (

    select * from {{ ref('int_inspection_items__weighted') }}
    where checked_date between {{ var('period_start') }} and {{ var('period_end') }}

),

nonconformities as (

    select * from {{ ref('fct_nonconformity') }}
    where origin = 'inspection' and status <> 'cancelled' and found_date <= {{ var('period_end') }}

),

standards as (

    select * from {{ ref('dim_standard') }}
    where standard_kind = 'inspection'

),

categories as (

    select * from {{ ref('dim_standard_category') }}

),

in_force as (

    select * from {{ ref('int_standards__in_force') }}

),

checked as (

    select
        items.project_id,
        coalesce(items.category_path, {{ uncatalogued }}) as category_path,
        count(*) as items_checked,
        count(*) filter (where items.is_passed) as items_passed,
        sum(items.weight) as weight_checked,
        sum(items.weight) filter (where items.is_passed) as weight_passed,
        sum(items.full_points) as full_points,
        sum(items.deducted_points) as deducted_points,
        sum(items.findings) as findings
    from items
    group by 1, 2

),

-- Whatever became of it later, as it stood when the period ended.
waiting as (

    select
        nonconformities.project_id,
        coalesce(standards.category_path, {{ uncatalogued }}) as category_path,
        count(*) as nonconformities_open,
        count(*) filter (
            where
                nonconformities.due_date <= {{ var('period_end') }}
                and (
                    nonconformities.rectified_date is null
                    or nonconformities.rectified_date > {{ var('period_end') }}
                )
        ) as nonconformities_overdue
    from nonconformities
    left join standards
        on
            nonconformities.standard_code = standards.standard_code
            and nonconformities.found_date >= standards.effective_from
            and nonconformities.found_date < standards.effective_until
    where
        (nonconformities.closed_date is null and nonconformities.status <> 'closed')
        or nonconformities.closed_date > {{ var('period_end') }}
    group by 1, 2

),

together as (

    select
        project_id,
        category_path,
        items_checked,
        items_passed,
        weight_checked,
        weight_passed,
        full_points,
        deducted_points,
        findings,
        0 as nonconformities_open,
        0 as nonconformities_overdue
    from checked

    union all

    select
        project_id,
        category_path,
        0 as items_checked,
        0 as items_passed,
        0 as weight_checked,
        0 as weight_passed,
        0 as full_points,
        0 as deducted_points,
        0 as findings,
        nonconformities_open,
        nonconformities_overdue
    from waiting

),

-- Each leaf counts for every category on its path.
rolled as (

    select
        together.project_id,
        node.category,
        node.depth,
        (together.category_path)[node.depth - 1] as parent_category,
        sum(together.items_checked) as items_checked,
        sum(together.items_passed) as items_passed,
        sum(together.weight_checked) as weight_checked,
        sum(together.weight_passed) as weight_passed,
        sum(together.full_points) as full_points,
        sum(together.deducted_points) as deducted_points,
        sum(together.findings) as findings,
        sum(together.nonconformities_open) as nonconformities_open,
        sum(together.nonconformities_overdue) as nonconformities_overdue
    from together
    cross join unnest(together.category_path) with ordinality as node (category, depth)
    group by 1, 2, 3, 4

),

-- As the latest release up to the period's end names it, which has every category that was checked.
named as (

    select distinct on (categories.category)
        categories.category,
        categories.category_name_zh,
        categories.category_name_en,
        categories.position
    from categories
    inner join in_force on categories.standards_release = in_force.standards_release
    where in_force.effective_from <= {{ var('period_end') }}
    order by categories.category asc, in_force.effective_from desc

)

select
    {{ var('period_kind') }} as period_kind,
    {{ var('period') }} as period,
    rolled.project_id,
    rolled.category,
    rolled.parent_category,
    rolled.depth::integer as depth,
    jsonb_strip_nulls(jsonb_build_object(
        'zh-Hans', named.category_name_zh, 'zh-Hant', named.category_name_zh, 'en', named.category_name_en
    )) as category_names,
    rolled.items_checked::bigint as items_checked,
    coalesce(rolled.items_passed, 0)::bigint as items_passed,
    rolled.weight_checked::double precision as weight_checked,
    coalesce(rolled.weight_passed, 0)::double precision as weight_passed,
    round(coalesce(rolled.weight_passed, 0) / nullif(rolled.weight_checked, 0), 6)::double precision as pass_share,
    coalesce(rolled.full_points, 0)::double precision as full_points,
    coalesce(rolled.deducted_points, 0)::double precision as deducted_points,
    rolled.findings::bigint as findings,
    rolled.nonconformities_open::bigint as nonconformities_open,
    rolled.nonconformities_overdue::bigint as nonconformities_overdue,
    named.position
from rolled
inner join {{ ref('dim_project') }} as projects on rolled.project_id = projects.project_id
left join named on rolled.category = named.category
