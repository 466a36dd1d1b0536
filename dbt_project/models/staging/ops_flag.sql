{{
    config(
        alias='flag',
        schema='ops',
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["delivery_id in ({{ deliveries_of_build() }})"],
        indexes=[{'columns': ['delivery_id', 'row_number']}, {'columns': ['rule', 'value']}],
    )
}}

with flagged as (
    {%- for entity in entities_of_build() %}
    {{ flagged_rows(entity) }}
    union all
    {%- endfor %}
    select
        null::bigint as delivery_id,
        null::integer as row_number,
        null as source_id,
        null as entity,
        null::date as partition_date,
        null::jsonb as told
    where false
)

select
    delivery_id,
    row_number,
    source_id,
    entity,
    partition_date,
    told ->> 'field' as field,
    told ->> 'value' as value,
    told ->> 'rule' as rule,
    told ->> 'reason' as reason
from flagged
