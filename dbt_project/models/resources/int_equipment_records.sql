{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "delivery_id in ({{ deliveries_of_build() }})",
            "(source_id, source_equipment_status_id) in (
                select delivered.source_id, delivered.source_equipment_status_id
                from {{ ref('stg_delivered__equipment_statuses') }} as delivered
                where delivered.delivery_id in ({{ deliveries_of_build() }})
            )",
        ],
        indexes=[
            {'columns': ['source_id', 'source_equipment_status_id'], 'unique': true},
            {'columns': ['equipment_id', 'started_at']},
            {'columns': ['delivery_id']},
        ],
        post_hook='{% if not is_incremental() %}analyze {{ this }}{% endif %}',
    )
}}

-- What is touched is found out before the records are rewritten.
-- depends_on: {{ ref('int_equipment__touched') }}

-- Not materialised: what is asked of history is asked by key.
with records as not materialized (
    select * from {{ ref('stg_delivered__equipment_statuses') }}
),

touched as (
    select
        source_id,
        source_equipment_status_id
    from records
    where delivery_id in ({{ deliveries_of_build() }})
    {%- if is_incremental() %}
    union
    -- a row may mean something else now: the record it used to be is looked at as well
    select
        source_id,
        source_equipment_status_id
    from {{ this }}
    where delivery_id in ({{ deliveries_of_build() }})
    {%- endif %}
)

select
    records.source_id,
    records.source_equipment_status_id,
    records.equipment_id,
    records.record_kind,
    records.equipment_state,
    records.is_in_use,
    records.started_at,
    records.ended_at,
    records.planned_date,
    records.result,
    coalesce(records.result in ('done', 'passed'), records.ended_at is not null) as is_done,
    coalesce(records.ended_at, records.started_at) as done_at,
    {{ first_day_of_record() }} as first_date,
    records.delivery_id,
    records.row_number
from records
inner join touched
    on
        records.source_id = touched.source_id
        and records.source_equipment_status_id = touched.source_equipment_status_id
