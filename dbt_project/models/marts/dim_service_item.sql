{{ config(materialized='table', indexes=[{'columns': ['service_item_id'], 'unique': true}]) }}

select
    {%- for field in contract_fields('service_item') %}
    {{ field.name }},
    {%- endfor %}
    source_id,
    delivery_id,
    row_number
from {{ ref('stg_delivered__service_items') }}
