{{ config(materialized='table', indexes=[{'columns': ['project_id', 'subject'], 'unique': true}]) }}

with complaints as (
    select * from {{ ref('int_complaints__timed') }}
)

select
    project_id,
    source_id || ':' || source_complaint_id as subject,
    horizon_date as day,
    severity,
    received_date,
    case when not is_answered then hours_to_answer end as hours_unanswered,
    hours_to_settle as hours_unsettled
from complaints
where not is_settled
