{{ config(materialized='table', indexes=[{'columns': ['project_id'], 'unique': true}]) }}

select
    {%- for field in contract_fields('project') %}
    {{ field.name }},
    {%- endfor %}
    source_id,
    delivery_id,
    row_number
from {{ ref('stg_delivered__projects') }}
