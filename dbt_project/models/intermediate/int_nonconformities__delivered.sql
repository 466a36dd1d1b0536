{{
    config(
        materialized='table',
        indexes=[{'columns': ['nonconformity_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

with touched as (
    select * from {{ ref('int_nonconformities__touched') }}
),

rectifications as (
    select delivered.*
    from {{ ref('stg_delivered__rectifications') }} as delivered
    inner join touched
        on
            touched.source_kind = 'rectification'
            and delivered.source_id = touched.source_id
            and delivered.source_rectification_id = touched.source_nonconformity_id
),

-- Not materialised: what is asked of history is asked by key.
items as not materialized (
    select * from {{ ref('fct_inspection_item') }}
),

takeovers as (
    select delivered.*
    from {{ ref('stg_delivered__takeover_findings') }} as delivered
    inner join touched
        on
            touched.source_kind = 'takeover_finding'
            and delivered.source_id = touched.source_id
            and delivered.source_takeover_finding_id = touched.source_nonconformity_id
),

fit_outs as (
    select delivered.*
    from {{ ref('stg_delivered__fit_out_findings') }} as delivered
    inner join touched
        on
            touched.source_kind = 'fit_out_finding'
            and delivered.source_id = touched.source_id
            and delivered.source_fit_out_finding_id = touched.source_nonconformity_id
),

sources as (
    select * from {{ source('ops', 'source') }}
),

horizons as (
    {{ finding_horizons() }}
),

standards as (
    select * from {{ ref('dim_standard') }}
    where standard_kind = 'inspection'
),

findings as (
    select
        'inspection' as origin,
        'rectification' as source_kind,
        rectifications.source_id,
        rectifications.source_rectification_id as source_nonconformity_id,
        rectifications.source_inspection_item_id,
        rectifications.project_id,
        coalesce(rectifications.standard_code, items.standard_code) as standard_code,
        coalesce(rectifications.location, items.location) as location,
        coalesce(rectifications.severity, items.severity) as severity,
        case rectifications.status when 'open' then 'found' else rectifications.status end as status,
        rectifications.raised_at as found_at,
        rectifications.assigned_at,
        rectifications.due_at,
        rectifications.rectified_at,
        rectifications.reinspected_at,
        rectifications.reinspection_result,
        rectifications.closed_at,
        coalesce(rectifications.accountable_post_id, items.accountable_post_id) as accountable_post_id,
        rectifications.accountable_person_id,
        rectifications.department_id,
        rectifications.delivery_id,
        rectifications.row_number
    from rectifications
    left join items
        on
            rectifications.source_id = items.source_id
            and rectifications.source_inspection_item_id = items.source_inspection_item_id

    union all

    -- Failed, and nobody has asked for it to be put right. Every rectification of a touched item is touched.
    select
        'inspection' as origin,
        'inspection_item' as source_kind,
        items.source_id,
        items.source_inspection_item_id as source_nonconformity_id,
        items.source_inspection_item_id,
        items.project_id,
        items.standard_code,
        items.location,
        items.severity,
        'found' as status,
        items.checked_at as found_at,
        null as assigned_at,
        null as due_at,
        null as rectified_at,
        null as reinspected_at,
        null as reinspection_result,
        null as closed_at,
        items.accountable_post_id,
        null as accountable_person_id,
        null as department_id,
        items.delivery_id,
        items.row_number
    from items
    inner join touched
        on
            touched.source_kind = 'inspection_item'
            and items.source_id = touched.source_id
            and items.source_inspection_item_id = touched.source_nonconformity_id
    left join rectifications
        on
            items.source_id = rectifications.source_id
            and items.source_inspection_item_id = rectifications.source_inspection_item_id
    where items.result = 'failed' and rectifications.source_id is null

    union all

    select
        'takeover' as origin,
        'takeover_finding' as source_kind,
        source_id,
        source_takeover_finding_id as source_nonconformity_id,
        null as source_inspection_item_id,
        project_id,
        standard_code,
        location,
        severity,
        case status when 'open' then 'found' when 'accepted' then 'closed' else status end as status,
        found_at,
        null as assigned_at,
        due_at,
        rectified_at,
        reinspected_at,
        reinspection_result,
        closed_at,
        null as accountable_post_id,
        null as accountable_person_id,
        null as department_id,
        delivery_id,
        row_number
    from takeovers

    union all

    -- The place is a household's, which stays in staging.
    select
        'fit_out' as origin,
        'fit_out_finding' as source_kind,
        source_id,
        source_fit_out_finding_id as source_nonconformity_id,
        null as source_inspection_item_id,
        project_id,
        null as standard_code,
        null as location,
        severity,
        case status when 'open' then 'found' else status end as status,
        inspected_at as found_at,
        null as assigned_at,
        due_at,
        rectified_at,
        null as reinspected_at,
        null as reinspection_result,
        closed_at,
        null as accountable_post_id,
        null as accountable_person_id,
        null as department_id,
        delivery_id,
        row_number
    from fit_outs
    where result = 'violation'
),

dated as (
    select
        findings.*,
        sources.time_zone,
        horizons.horizon_date,
        (findings.found_at at time zone sources.time_zone)::date as found_date,
        coalesce(findings.reinspection_result = 'failed', false)
        and not coalesce(findings.reinspected_at < findings.rectified_at, false) as is_found_wanting
    from findings
    inner join sources on findings.source_id = sources.source_id
    left join horizons on findings.source_id = horizons.source_id and findings.origin = horizons.origin
),

-- What nobody dated is due when the standard in force on the day says so.
due as (
    select
        dated.*,
        coalesce(
            (dated.due_at at time zone dated.time_zone)::date, dated.found_date + standards.rectify_within_days
        ) as due_date,
        case
            when dated.is_found_wanting then dated.closed_at
            else coalesce(dated.rectified_at, dated.closed_at)
        end as mended_at,
        standards.severity as standard_severity
    from dated
    left join standards
        on
            dated.standard_code = standards.standard_code
            and dated.found_date >= standards.effective_from
            and dated.found_date < standards.effective_until
),

judged as (
    select
        *,
        coalesce(mended_at <= due_at, (mended_at at time zone time_zone)::date <= due_date) as is_mended_in_time,
        mended_at is null
        and (status in ('found', 'assigned') or (status = 'rectified' and is_found_wanting)) as is_open,
        due_date <= horizon_date and status <> 'cancelled' as is_due
    from due
)

select
    source_kind || ':' || source_id || ':' || source_nonconformity_id as nonconformity_id,
    origin,
    source_kind,
    source_id,
    source_nonconformity_id,
    source_inspection_item_id,
    project_id,
    standard_code,
    location,
    coalesce(severity, standard_severity) as severity,
    status,
    found_at,
    found_date,
    assigned_at,
    due_at,
    due_date,
    rectified_at,
    (rectified_at at time zone time_zone)::date as rectified_date,
    reinspected_at,
    reinspection_result,
    closed_at,
    (closed_at at time zone time_zone)::date as closed_date,
    coalesce(is_due and is_open, false) as is_overdue,
    case when is_due then coalesce(is_mended_in_time, case when is_open then false end) end as is_rectified_on_time,
    accountable_post_id,
    accountable_person_id,
    department_id,
    delivery_id,
    row_number
from judged
