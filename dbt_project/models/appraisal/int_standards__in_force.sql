{{ config(materialized='view', tags=['facts']) }}

with

releases as (

    select * from {{ source('standards', 'standards_release') }}

)

select
    standards_release,
    content_sha256 as standards_sha256,
    effective_from,
    lead(effective_from, 1, 'infinity'::date) over (order by effective_from) as effective_until,
    points_at_floor,
    minimum_weight_measured,
    confidence_z,
    inspection_grace_days,
    repeat_within_days,
    complaint_repeat_within_days,
    staffing
from releases
