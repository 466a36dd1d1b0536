{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "delivery_id in ({{ deliveries_of_build() }})",
            "(service_item_id) in (select service_item_id from {{ ref('stg_delivered__service_item_rows') }})",
        ],
        indexes=[
            {'columns': ['service_item_id'], 'unique': true},
            {'columns': ['delivery_id']},
        ],
    )
}}

{{ current_rows('service_item', ['service_item_id']) }}
