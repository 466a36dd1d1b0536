{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "delivery_id in ({{ deliveries_of_build() }})",
            "(project_id) in (select project_id from {{ ref('stg_delivered__project_rows') }})",
        ],
        indexes=[
            {'columns': ['project_id'], 'unique': true},
            {'columns': ['delivery_id']},
        ],
    )
}}

{{ current_rows('project', ['project_id']) }}
