{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "delivery_id in ({{ deliveries_of_build() }})",
            "(source_id, source_ticket_id) in (select source_id, source_ticket_id from {{ ref('stg_delivered__ticket_rows') }})",
        ],
        indexes=[
            {'columns': ['source_id', 'source_ticket_id'], 'unique': true},
            {'columns': ['delivery_id']},
        ],
    )
}}

with delivered_rows as (
    select * from {{ ref('stg_delivered__ticket_rows') }}
),

versions as (
    select * from {{ ref('stg_delivered__ticket_versions') }}
),

touched as (
    select
        source_id,
        source_ticket_id
    from delivered_rows
    {%- if is_incremental() %}
    union
    -- what a row meant may have changed since: its former key is judged again as well
    select
        source_id,
        source_ticket_id
    from {{ this }}
    where delivery_id in ({{ deliveries_of_build() }})
    {%- else %}
    group by source_id, source_ticket_id
    {%- endif %}
),

compared as (
    select
        versions.*,
        lag(versions.content_md5) over (
            partition by versions.source_id, versions.source_ticket_id
            order by versions.delivery_id, versions.row_number
        ) as content_md5_before
    from versions
    inner join touched
        on
            versions.source_id = touched.source_id
            and versions.source_ticket_id = touched.source_ticket_id
),

-- A row that repeats what was known keeps the earlier delivery as the one that brought it.
latest as (
    select distinct on (source_id, source_ticket_id) *
    from compared
    where content_md5 is distinct from content_md5_before
    order by source_id asc, source_ticket_id asc, delivery_id desc, row_number desc
)

select
    delivery_id,
    row_number,
    source_id,
    partition_date,
    {%- for field in contract_fields('ticket') %}
    {{ field.name }},
    {%- endfor %}
    content_md5
from latest
