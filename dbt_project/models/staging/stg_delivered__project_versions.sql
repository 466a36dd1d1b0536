{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["delivery_id in ({{ deliveries_of_build() }})"],
        indexes=[
            {'columns': ['delivery_id', 'row_number'], 'unique': true},
            {'columns': ['project_id']},
        ],
    )
}}

{{ valid_versions('project') }}
