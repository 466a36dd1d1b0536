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

with delivered_rows as (
    select * from {{ ref('stg_delivered__service_item_rows') }}
),

versions as (
    select * from {{ ref('stg_delivered__service_item_versions') }}
),

touched as (
    select service_item_id from delivered_rows
    {%- if is_incremental() %}
    union
    -- what a row meant may have changed since: its former key is judged again as well
    select service_item_id from {{ this }}
    where delivery_id in ({{ deliveries_of_build() }})
    {%- else %}
    group by service_item_id
    {%- endif %}
),

compared as (
    select
        versions.*,
        lag(versions.content_md5) over (
            partition by versions.service_item_id
            order by versions.delivery_id, versions.row_number
        ) as content_md5_before
    from versions
    inner join touched on versions.service_item_id = touched.service_item_id
),

-- A row that repeats what was known keeps the earlier delivery as the one that brought it.
latest as (
    select distinct on (service_item_id) *
    from compared
    where content_md5 is distinct from content_md5_before
    order by service_item_id asc, delivery_id desc, row_number desc
)

select
    delivery_id,
    row_number,
    source_id,
    partition_date,
    {%- for field in contract_fields('service_item') %}
    {{ field.name }},
    {%- endfor %}
    content_md5
from latest
