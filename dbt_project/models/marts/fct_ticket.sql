{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(source_id, source_ticket_id) in (
                select changed.source_id, changed.source_ticket_id from {{ ref('int_tickets__changed') }} as changed
            )"
        ],
        indexes=[
            {'columns': ['source_id', 'source_ticket_id'], 'unique': true},
            {'columns': ['opened_date']},
            {'columns': ['due_date']},
            {'columns': ['closed_date']},
            {'columns': ['delivery_id']},
        ],
        post_hook='{% if not is_incremental() %}analyze {{ this }}{% endif %}',
    )
}}

with tickets as (
    select * from {{ ref('int_tickets__judged') }}
),

changed as (
    select * from {{ ref('int_tickets__changed') }}
)

select
    {%- for column in ticket_columns() %}
    tickets.{{ column }}{% if not loop.last %},{% endif %}
    {%- endfor %}
from tickets
inner join changed
    on tickets.source_id = changed.source_id and tickets.source_ticket_id = changed.source_ticket_id
