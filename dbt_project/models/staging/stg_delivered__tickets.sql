{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "delivery_id in ({{ deliveries_of_build() }})",
            "(source_id, source_ticket_id) in (select source_id, source_ticket_id from {{ ref('stg_delivered__ticket_rows') }})",
        ],
        indexes=[
            {'columns': ['source_id', 'source_ticket_id'], 'unique': true},
            {'columns': ['delivery_id']},
        ],
    )
}}

{{ current_rows('ticket', ['source_id', 'source_ticket_id']) }}
