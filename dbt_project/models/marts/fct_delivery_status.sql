{{ config(materialized='view') }}

with statuses as (

    select * from {{ source('ops', 'delivery_status') }}

)

select
    source_id,
    entity,
    day,
    period_start,
    is_expected,
    is_required,
    if_missing,
    deadline_at,
    delivered_at,
    status,
    rows_landed,
    rows_rejected,
    file_count,
    file_name,
    refused_count,
    refused_reason
from statuses
