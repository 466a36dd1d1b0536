{{ config(materialized='view', tags=['facts']) }}

with

items as (

    select * from {{ ref('fct_inspection_item') }}

),

standards as (

    select * from {{ ref('dim_standard') }}
    where standard_kind = 'inspection'

),

-- A code that the catalogue of the day does not know has no category, and weighs what the inspectors' app
-- gives for it: docs/decisions/0020.
weighted as (

    select
        items.source_id,
        items.project_id,
        items.checked_date,
        items.standard_code,
        items.inspection_type,
        items.inspection_scope,
        items.is_passed,
        items.findings,
        items.deduction_points,
        items.score,
        standards.category_path,
        coalesce(standards.weight, items.full_score, 1)::numeric as weight,
        coalesce(items.full_score, standards.full_score)::numeric as full_points
    from items
    left join standards
        on
            items.standard_code = standards.standard_code
            and items.checked_date >= standards.effective_from
            and items.checked_date < standards.effective_until
    where items.is_passed is not null and items.project_id is not null

)

select
    source_id,
    project_id,
    checked_date,
    standard_code,
    category_path,
    inspection_type,
    inspection_scope,
    is_passed,
    weight,
    full_points,
    case
        when full_points is null then null
        else
            least(
                coalesce(deduction_points, full_points - score, case when is_passed then 0 else full_points end),
                full_points
            )
    end::numeric as deducted_points,
    coalesce(findings, case when is_passed then 0 else 1 end) as findings
from weighted
