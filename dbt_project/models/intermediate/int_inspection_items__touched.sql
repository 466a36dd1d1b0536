{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=['true'],
        indexes=[{'columns': ['source_id', 'source_inspection_item_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

with inspections as (
    select * from {{ ref('stg_delivered__inspections') }}
),

items as (
    select * from {{ ref('stg_delivered__inspection_items') }}
),

inspections_before as (
    {{ rows_before('marts', 'fct_inspection', {
        'source_id': 'text', 'source_inspection_id': 'text', 'delivery_id': 'bigint',
    }) }}
),

-- Not materialised: what is asked of history is asked by key.
items_before as not materialized (
    {{ rows_before('marts', 'fct_inspection_item', {
        'source_id': 'text', 'source_inspection_item_id': 'text', 'source_inspection_id': 'text', 'delivery_id': 'bigint',
    }) }}
),

-- Inspections whose own row is new, or means something else now: their items say so too.
touched_inspections as (
    select
        source_id,
        source_inspection_id
    from inspections
    where delivery_id in ({{ deliveries_of_build() }})
    union
    select
        source_id,
        source_inspection_id
    from inspections_before
    where delivery_id in ({{ deliveries_of_build() }})
),

touched as (
    select
        source_id,
        source_inspection_item_id
    from items
    where delivery_id in ({{ deliveries_of_build() }})
    union
    select
        source_id,
        source_inspection_item_id
    from items_before
    where delivery_id in ({{ deliveries_of_build() }})
    union
    select
        items_before.source_id,
        items_before.source_inspection_item_id
    from items_before
    inner join touched_inspections
        on
            items_before.source_id = touched_inspections.source_id
            and items_before.source_inspection_id = touched_inspections.source_inspection_id
    {{- left_over(['source_id', 'source_inspection_item_id']) }}
)

select
    {{ var('build_id') }} as build_id,
    source_id,
    source_inspection_item_id
from touched
