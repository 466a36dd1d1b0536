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

with delivered_rows as (
    select * from {{ ref('stg_delivered__project_rows') }}
),

versions as (
    select * from {{ ref('stg_delivered__project_versions') }}
),

touched as (
    select project_id from delivered_rows
    {%- if is_incremental() %}
    union
    -- what a row meant may have changed since: its former key is judged again as well
    select project_id from {{ this }}
    where delivery_id in ({{ deliveries_of_build() }})
    {%- else %}
    group by project_id
    {%- endif %}
),

compared as (
    select
        versions.*,
        lag(versions.content_md5) over (
            partition by versions.project_id
            order by versions.delivery_id, versions.row_number
        ) as content_md5_before
    from versions
    inner join touched on versions.project_id = touched.project_id
),

-- A row that repeats what was known keeps the earlier delivery as the one that brought it.
latest as (
    select distinct on (project_id) *
    from compared
    where content_md5 is distinct from content_md5_before
    order by project_id asc, delivery_id desc, row_number desc
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
from latest
