{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with touched as (
    select * from {{ ref('int_tickets__touched') }}
),

call_backs as (
    select * from {{ ref('stg_delivered__call_backs') }}
)

select
    call_backs.source_id,
    call_backs.source_ticket_id,
    call_backs.source_call_back_id,
    call_backs.called_at,
    {{ minute_of('call_backs.called_at') }} as minute,
    call_backs.result,
    call_backs.rating
from call_backs
inner join touched
    on
        call_backs.source_id = touched.source_id
        and call_backs.source_ticket_id = touched.source_ticket_id
