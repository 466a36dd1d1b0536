{{
    config(
        alias='flag',
        schema='ops',
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["delivery_id in ({{ deliveries_of_build() }})"],
        indexes=[{'columns': ['delivery_id', 'row_number']}],
    )
}}

with ticket_rows as (
    select * from {{ ref('stg_delivered__ticket_rows') }}
    where problems = '[]'
),

flagged as (
    select
        delivery_id,
        row_number,
        source_id,
        partition_date,
        'closed_at' as field,
        closed_at::text as value,
        'closed_before_opened' as rule,
        format('closed at %s, before it was opened at %s', closed_at, opened_at) as reason
    from ticket_rows
    where closed_at < opened_at
    union all
    select
        delivery_id,
        row_number,
        source_id,
        partition_date,
        'first_response_at' as field,
        first_response_at::text as value,
        'response_before_opened' as rule,
        format('answered at %s, before it was opened at %s', first_response_at, opened_at) as reason
    from ticket_rows
    where first_response_at < opened_at
    union all
    select
        delivery_id,
        row_number,
        source_id,
        partition_date,
        'closed_at' as field,
        null as value,
        'closing_time_missing' as rule,
        format('the ticket is %s but has no closing time', status) as reason
    from ticket_rows
    where status <> 'open' and closed_at is null
)

select
    delivery_id,
    row_number,
    source_id,
    'ticket' as entity,
    partition_date,
    field,
    value,
    rule,
    reason
from flagged
