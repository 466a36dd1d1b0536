{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=['true'],
        indexes=[{'columns': ['record_kind', 'source_id', 'source_record_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

with rosters as (
    select * from {{ ref('stg_delivered__rosters') }}
),

attendances as (
    select * from {{ ref('stg_delivered__attendances') }}
),

before as (
    {{ rows_before('intermediate', 'int_duty_records', {
        'record_kind': 'text', 'source_id': 'text', 'source_record_id': 'text', 'delivery_id': 'bigint',
    }) }}
),

touched as (
    select
        'roster' as record_kind,
        source_id,
        source_roster_id as source_record_id
    from rosters
    where delivery_id in ({{ deliveries_of_build() }})
    union
    select
        'attendance' as record_kind,
        source_id,
        source_attendance_id as source_record_id
    from attendances
    where delivery_id in ({{ deliveries_of_build() }})
    union
    -- a row may mean something else now: what it used to be is looked at as well
    select
        record_kind,
        source_id,
        source_record_id
    from before
    where delivery_id in ({{ deliveries_of_build() }})
    {{- left_over(['record_kind', 'source_id', 'source_record_id']) }}
)

select
    {{ var('build_id') }} as build_id,
    record_kind,
    source_id,
    source_record_id
from touched
