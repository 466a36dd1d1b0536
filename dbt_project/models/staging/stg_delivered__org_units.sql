{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "delivery_id in ({{ deliveries_of_build() }})",
            "(org_unit_id) in (select org_unit_id from {{ ref('stg_delivered__org_unit_rows') }})",
        ],
        indexes=[
            {'columns': ['org_unit_id'], 'unique': true},
            {'columns': ['delivery_id']},
        ],
    )
}}

{{ current_rows('org_unit', ['org_unit_id']) }}
