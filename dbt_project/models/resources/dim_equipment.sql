{{
    config(
        materialized='table',
        indexes=[{'columns': ['equipment_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

-- What is touched is found out before the register is rewritten.
-- depends_on: {{ ref('int_equipment__touched') }}

with register as (
    select * from {{ ref('stg_delivered__equipment') }}
)

select
    equipment_id,
    equipment_name_zh,
    equipment_name_en,
    project_id,
    equipment_kind,
    case
        when equipment_kind in ('lift', 'escalator') then 'lift'
        when equipment_kind in ('fire_alarm', 'fire_pump', 'sprinkler') then 'fire'
        when equipment_kind in ('pressure_vessel', 'boiler') then 'pressure'
        else 'other'
    end as statutory_kind,
    equipment_kind in ('uniform', 'office', 'software') as is_goods,
    location,
    manufacturer,
    model,
    quantity,
    installed_date,
    retired_date,
    service_life_years,
    purchase_cost_cny,
    maintenance_interval_days,
    coalesce(is_statutory, statutory_due_date is not null) as is_statutory,
    statutory_inspected_date,
    statutory_due_date,
    maintainer_kind,
    accountable_post_id,
    source_id,
    delivery_id
from register
