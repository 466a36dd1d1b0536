{{ config(materialized='table', indexes=[{'columns': ['project_id', 'subject'], 'unique': true}]) }}

with findings as (
    select * from {{ ref('int_nonconformities') }}
    where closed_date is null and rectified_date is null and status in ('found', 'assigned')
),

horizons as (
    {{ finding_horizons() }}
)

select
    findings.project_id,
    findings.nonconformity_id as subject,
    horizons.horizon_date as day,
    findings.origin,
    findings.standard_code,
    findings.location,
    findings.severity,
    findings.status,
    findings.found_date,
    findings.due_date,
    case
        when findings.due_date is not null then greatest(horizons.horizon_date - findings.due_date, 0)
    end as days_past_due,
    -- takeover and fit-out findings are nobody's to assign: their sources do not say who mends them
    case
        when findings.origin = 'inspection' and findings.status = 'found'
            then horizons.horizon_date - findings.found_date
    end as days_unassigned
from findings
inner join horizons
    on
        findings.source_id = horizons.source_id
        and findings.origin = horizons.origin
