{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=['true'],
        indexes=[{'columns': ['equipment_id']}],
        post_hook='analyze {{ this }}',
    )
}}

with records as (
    select * from {{ ref('stg_delivered__equipment_statuses') }}
    where delivery_id in ({{ deliveries_of_build() }})
),

records_before as (
    {{ rows_before('intermediate', 'int_equipment_records', {
        'source_id': 'text', 'source_equipment_status_id': 'text', 'equipment_id': 'text', 'first_date': 'date',
        'delivery_id': 'bigint',
    }) }}
),

register as (
    select * from {{ ref('stg_delivered__equipment') }}
),

register_before as (
    {{ rows_before('marts', 'dim_equipment', {'equipment_id': 'text', 'delivery_id': 'bigint'}) }}
),

versions as (
    select * from {{ ref('stg_delivered__equipment_versions') }}
),

-- A record changes nothing of the days before it; what the register says now holds for all of them.
touched as (
    select
        equipment_id,
        {{ first_day_of_record() }} as first_date
    from records
    union
    select
        records_before.equipment_id,
        records_before.first_date
    from records_before
    left join records
        on
            records_before.source_id = records.source_id
            and records_before.source_equipment_status_id = records.source_equipment_status_id
    where records.delivery_id is not null or records_before.delivery_id in ({{ deliveries_of_build() }})
    union
    select
        equipment_id,
        '-infinity'::date as first_date
    from register
    where delivery_id in ({{ deliveries_of_build() }})
    union
    select
        equipment_id,
        '-infinity'::date as first_date
    from register_before
    where delivery_id in ({{ deliveries_of_build() }})
    union
    -- when the next inspection is due is remembered as it was told
    select
        equipment_id,
        partition_date as first_date
    from versions
    where delivery_id in ({{ deliveries_of_build() }})
    {{- left_over(['equipment_id', 'first_date']) }}
)

select
    {{ var('build_id') }} as build_id,
    equipment_id,
    min(first_date) as first_date
from touched
group by equipment_id
