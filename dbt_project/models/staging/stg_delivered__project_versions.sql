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

with delivered_rows as (
    select * from {{ ref('stg_delivered__project_rows') }}
)

select
    delivery_id,
    row_number,
    source_id,
    partition_date,
    {%- for field in contract_fields('project') %}
    {{ field.name }},
    {%- endfor %}
    content_md5
from delivered_rows
where problems = '[]'
