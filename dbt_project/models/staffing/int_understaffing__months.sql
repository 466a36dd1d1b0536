{{ config(materialized='table', schema='intermediate', contract={'enforced': false}) }}

with changed as (
    select * from {{ ref('int_workload__months') }}
),

known as (
    select * from {{ ref('int_staffing__bounds') }}
),

in_force as (
    select
        effective_from,
        effective_until,
        confidence_z,
        (staffing -> 'understaffing' ->> 'comparable_months')::integer as comparable_months,
        (staffing -> 'understaffing' ->> 'minimum_days')::integer as minimum_days
    from {{ ref('int_standards__in_force') }}
),

-- A month's tickets are compared in it and in the months after it.
months as (
    select distinct reached.month::date as month
    from changed
    cross join known
    cross join generate_series(
        changed.month,
        greatest(changed.month, least(
            changed.month + make_interval(months => (select max(in_force.comparable_months) - 1 from in_force)),
            known.last_date
        )),
        interval '1 month'
    ) as reached (month)
)

select
    months.month,
    (months.month + interval '1 month')::date as next_month,
    (months.month - make_interval(months => in_force.comparable_months - 1))::date as first_month,
    in_force.comparable_months,
    in_force.minimum_days,
    in_force.confidence_z
from months
inner join in_force on months.month >= in_force.effective_from and months.month < in_force.effective_until
