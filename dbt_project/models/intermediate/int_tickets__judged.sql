{{ config(materialized='view') }}

with tickets as (
    select * from {{ ref('int_tickets__measured') }}
),

call_backs as (
    select * from {{ ref('int_sla_targets') }}
    where target = 'call_back' and is_done and target_minutes is not null
)

select
    tickets.*,
    case when call_backs.source_id is not null then call_backs.breaches_minute is null end as is_called_back_on_time
from tickets
left join call_backs
    on tickets.source_id = call_backs.source_id and tickets.source_ticket_id = call_backs.source_ticket_id
