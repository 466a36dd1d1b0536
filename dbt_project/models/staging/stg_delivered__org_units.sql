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

with delivered_rows as (
    select * from {{ ref('stg_delivered__org_unit_rows') }}
),

versions as (
    select * from {{ ref('stg_delivered__org_unit_versions') }}
),

touched as (
    select org_unit_id from delivered_rows
    {%- if is_incremental() %}
    union
    -- what a row meant may have changed since: its former key is judged again as well
    select org_unit_id from {{ this }}
    where delivery_id in ({{ deliveries_of_build() }})
    {%- else %}
    group by org_unit_id
    {%- endif %}
),

compared as (
    select
        versions.*,
        lag(versions.content_md5) over (
            partition by versions.org_unit_id
            order by versions.delivery_id, versions.row_number
        ) as content_md5_before
    from versions
    inner join touched on versions.org_unit_id = touched.org_unit_id
),

-- A row that repeats what was known keeps the earlier delivery as the one that brought it.
latest as (
    select distinct on (org_unit_id) *
    from compared
    where content_md5 is distinct from content_md5_before
    order by org_unit_id asc, delivery_id desc, row_number desc
)

select
    delivery_id,
    row_number,
    source_id,
    partition_date,
    {%- for field in contract_fields('org_unit') %}
    {{ field.name }},
    {%- endfor %}
    content_md5
from latest
