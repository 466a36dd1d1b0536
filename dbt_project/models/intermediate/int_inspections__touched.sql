{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=['true'],
        indexes=[{'columns': ['source_id', 'source_inspection_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

with inspections as (
    select * from {{ ref('stg_delivered__inspections') }}
),

items as (
    select * from {{ ref('stg_delivered__inspection_items') }}
),

touched_items as (
    select * from {{ ref('int_inspection_items__touched') }}
),

touched_duty as (
    select * from {{ ref('int_attendance__touched') }}
),

-- Not materialised: what is asked of history is asked by key.
inspections_before as not materialized (
    {{ rows_before('marts', 'fct_inspection', {
        'source_id': 'text', 'source_inspection_id': 'text', 'done_date': 'date', 'delivery_id': 'bigint',
    }) }}
),

items_before as (
    {{ rows_before('marts', 'fct_inspection_item', {
        'source_id': 'text', 'source_inspection_item_id': 'text', 'source_inspection_id': 'text',
    }) }}
),

-- Days of which it may be told otherwise who was on duty; a night's shift reaches into the next day.
duty_days as (
    select distinct touched_duty.day + past.days as day
    from touched_duty
    cross join (values (0), (1)) as past (days)
),

touched as (
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
    union
    -- items count in the inspection they belong to, and no longer in the one they belonged to
    select
        items.source_id,
        items.source_inspection_id
    from items
    inner join touched_items
        on
            items.source_id = touched_items.source_id
            and items.source_inspection_item_id = touched_items.source_inspection_item_id
    union
    select
        items_before.source_id,
        items_before.source_inspection_id
    from items_before
    inner join touched_items
        on
            items_before.source_id = touched_items.source_id
            and items_before.source_inspection_item_id = touched_items.source_inspection_item_id
    union
    select
        source_id,
        source_inspection_id
    from inspections_before
    where done_date in (select duty_days.day from duty_days)
    {{- left_over(['source_id', 'source_inspection_id']) }}
)

select
    {{ var('build_id') }} as build_id,
    source_id,
    source_inspection_id
from touched
