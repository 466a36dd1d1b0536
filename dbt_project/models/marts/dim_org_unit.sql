{{ config(materialized='table', indexes=[{'columns': ['org_unit_id'], 'unique': true}]) }}

select
    {%- for field in contract_fields('org_unit') %}
    {{ field.name }},
    {%- endfor %}
    source_id,
    delivery_id,
    row_number
from {{ ref('stg_delivered__org_units') }}
