{{
    config(
        materialized='table',
        schema='intermediate',
        contract={'enforced': false},
        indexes=[{'columns': ['day', 'equipment_id']}],
        post_hook='analyze {{ this }}',
    )
}}

with bounds as (
    select * from {{ ref('int_equipment__bounds') }}
),

touched as (
    select * from {{ ref('int_equipment__touched') }}
),

equipment as (
    select * from {{ ref('dim_equipment') }}
    where not is_goods
),

known as (
    select
        first_date,
        last_date,
        last_date_before,
        least(first_date, first_date_before) as from_date,
        greatest(last_date, last_date_before) as to_date,
        -- what was done before is not known: how long ago it must have been begins anew with another beginning
        coalesce(first_date_before <> first_date, true) as is_begun_anew
    from bounds
),

-- Days of every piece: those that have come, or that nobody knows any more.
whole_days as (
    select whole_day.day::date as day
    from known
    cross join generate_series(known.from_date, known.to_date, interval '1 day') as whole_day (day)
    where
        known.is_begun_anew
        or (whole_day.day::date <= known.last_date) <> (whole_day.day::date <= known.last_date_before)
)

select
    equipment.equipment_id,
    whole_days.day
from equipment
cross join whole_days
union
select
    touched.equipment_id,
    touched_day.day::date as day
from touched
cross join known
cross join generate_series(
    greatest(touched.first_date, known.from_date), known.to_date, interval '1 day'
) as touched_day (day)
