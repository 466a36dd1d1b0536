{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(record_kind, source_id, source_record_id) in (
                select touched.record_kind, touched.source_id, touched.source_record_id
                from {{ ref('int_duty_records__touched') }} as touched
            )"
        ],
        indexes=[
            {'columns': ['record_kind', 'source_id', 'source_record_id'], 'unique': true},
            {'columns': ['source_id', 'source_roster_id']},
            {'columns': ['person_id', 'day']},
            {'columns': ['delivery_id']},
        ],
        post_hook='{% if not is_incremental() %}analyze {{ this }}{% endif %}',
    )
}}

-- Which days are touched is found out before the records are rewritten.
-- depends_on: {{ ref('int_attendance__touched') }}
-- depends_on: {{ ref('int_duty_records__touched') }}

with delivered as (
    select * from {{ ref('int_duty_records__delivered') }}
)

select
    record_kind,
    source_id,
    source_record_id,
    source_roster_id,
    person_id,
    day,
    delivery_id,
    row_number
from delivered
