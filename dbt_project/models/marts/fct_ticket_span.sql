{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(source_id, source_ticket_id) in (
                select touched.source_id, touched.source_ticket_id from {{ ref('int_tickets__touched') }} as touched
            )"
        ],
        indexes=[
            {'columns': ['source_id', 'source_ticket_id', 'span_number'], 'unique': true},
            {'columns': ['started_date']},
        ],
        meta={'days': ['started_date']},
        post_hook=note_days_when_new(),
    )
}}

-- Before the facts are rewritten, what differs is known.
-- depends_on: {{ ref('int_tickets__changed') }}
-- depends_on: {{ ref('int_tickets__touched') }}

select
    source_id,
    source_ticket_id,
    span_number,
    project_id,
    service_item_id,
    priority,
    department_id,
    status,
    approval_level,
    started_at,
    started_date,
    ended_at,
    ended_date,
    calendar_minutes,
    service_minutes,
    waits_for,
    entered_how,
    is_last
from {{ ref('int_ticket_spans') }}
