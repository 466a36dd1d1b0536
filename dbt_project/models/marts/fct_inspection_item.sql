{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(source_id, source_inspection_item_id) in (
                select touched.source_id, touched.source_inspection_item_id
                from {{ ref('int_inspection_items__touched') }} as touched
            )"
        ],
        indexes=[
            {'columns': ['source_id', 'source_inspection_item_id'], 'unique': true},
            {'columns': ['source_id', 'source_inspection_id']},
            {'columns': ['checked_date']},
            {'columns': ['delivery_id']},
        ],
        meta={'days': ['checked_date']},
        post_hook=note_days_when_new(),
    )
}}

-- Which inspections are touched is found out before the items are rewritten.
-- depends_on: {{ ref('int_inspections__touched') }}

with touched as (
    select * from {{ ref('int_inspection_items__touched') }}
),

delivered as (
    select * from {{ ref('stg_delivered__inspection_items') }}
),

inspections as (
    select * from {{ ref('stg_delivered__inspections') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

standards as (
    select * from {{ ref('dim_standard') }}
    where standard_kind = 'inspection'
),

items as (
    select
        delivered.*,
        (delivered.checked_at at time zone sources.time_zone)::date as checked_date
    from delivered
    inner join touched
        on
            delivered.source_id = touched.source_id
            and delivered.source_inspection_item_id = touched.source_inspection_item_id
    inner join sources on delivered.source_id = sources.source_id
)

-- What the source does not say, the standard in force on that day does.
select
    items.source_id,
    items.source_inspection_item_id,
    items.source_inspection_id,
    coalesce(items.project_id, inspections.project_id) as project_id,
    items.checked_at,
    items.checked_date,
    items.standard_code,
    items.location,
    items.result,
    case items.result when 'passed' then true when 'failed' then false end as is_passed,
    items.score,
    coalesce(items.full_score, standards.full_score) as full_score,
    coalesce(
        items.deduction_points, coalesce(items.full_score, standards.full_score) - items.score
    ) as deduction_points,
    coalesce(items.findings, case items.result when 'passed' then 0 when 'failed' then 1 end) as findings,
    coalesce(items.is_veto, standards.is_veto, false) as is_veto,
    coalesce(items.severity, case when items.result = 'failed' then standards.severity end) as severity,
    items.evidence_count,
    coalesce(items.checked_by_person_id, inspections.inspector_person_id) as inspector_person_id,
    inspections.inspection_type,
    inspections.inspection_scope,
    items.accountable_post_id,
    items.delivery_id,
    items.row_number
from items
left join inspections
    on
        items.source_id = inspections.source_id
        and items.source_inspection_id = inspections.source_inspection_id
left join standards
    on
        items.standard_code = standards.standard_code
        and items.checked_date >= standards.effective_from
        and items.checked_date < standards.effective_until
