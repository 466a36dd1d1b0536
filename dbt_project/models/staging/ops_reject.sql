{{
    config(
        alias='reject',
        schema='ops',
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["delivery_id in ({{ deliveries_of_build() }})"],
        indexes=[{'columns': ['delivery_id', 'row_number']}, {'columns': ['partition_date']}],
    )
}}

with delivered_rows as (
    {%- for entity in ['project', 'service_item', 'org_unit', 'ticket'] %}
    select delivery_id, row_number, source_id, partition_date, '{{ entity }}' as entity, problems
    from {{ ref('stg_delivered__' ~ entity ~ '_rows') }}
    where problems <> '[]'
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    r.delivery_id,
    r.row_number,
    r.source_id,
    r.entity,
    r.partition_date,
    p.problem ->> 'field' as field,
    p.problem ->> 'value' as value,
    p.problem ->> 'rule' as rule,
    p.problem ->> 'reason' as reason
from delivered_rows as r
cross join jsonb_array_elements(r.problems) as p (problem)
