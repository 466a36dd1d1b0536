{{ config(materialized='view') }}

with delivered as (
    select * from {{ ref('int_nonconformities') }}
),

service_findings as (
    select * from {{ source('ops', 'service_finding') }}
),

deliveries as (
    select * from {{ source('ops', 'delivery') }}
),

-- The last day that any build has taken in, whoever looks; what is planned reaches beyond it.
horizon as (
    select max(partition_date) as horizon_date
    from deliveries
    where entity in ('ticket', 'inspection_item', 'rectification', 'survey_answer') and rows_staged is not null
)

select
    nonconformity_id,
    origin,
    source_id,
    source_nonconformity_id,
    project_id,
    standard_code,
    location,
    severity,
    status,
    found_at,
    found_date,
    assigned_at,
    due_at,
    due_date,
    rectified_at,
    rectified_date,
    reinspected_at,
    reinspection_result,
    closed_at,
    closed_date,
    is_overdue,
    is_rectified_on_time,
    is_repeated,
    repeats_nonconformity_id,
    accountable_post_id,
    accountable_person_id,
    department_id,
    null::jsonb as observed,
    delivery_id,
    row_number
from delivered

union all

select
    'service_finding:' || service_findings.service_finding_id as nonconformity_id,
    'automatic' as origin,
    null as source_id,
    service_findings.subject as source_nonconformity_id,
    service_findings.project_id,
    service_findings.standard_code,
    null as location,
    service_findings.severity,
    case when service_findings.settled_date is null then 'found' else 'closed' end as status,
    null as found_at,
    service_findings.found_date,
    null as assigned_at,
    null as due_at,
    service_findings.due_date,
    null as rectified_at,
    service_findings.settled_date as rectified_date,
    null as reinspected_at,
    null as reinspection_result,
    null as closed_at,
    service_findings.settled_date as closed_date,
    service_findings.settled_date is null and service_findings.due_date <= horizon.horizon_date as is_overdue,
    case
        when service_findings.due_date <= horizon.horizon_date
            then coalesce(service_findings.settled_date <= service_findings.due_date, false)
    end as is_rectified_on_time,
    false as is_repeated,
    null as repeats_nonconformity_id,
    service_findings.accountable_post_id,
    null as accountable_person_id,
    null as department_id,
    service_findings.observed,
    null as delivery_id,
    null as row_number
from service_findings
cross join horizon
