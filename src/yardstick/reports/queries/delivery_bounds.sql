-- The last day to show, and now: today while anything is delivered or missed, else the latest day delivered (a year
-- of history that was just loaded).
with delivered as (
    select max(d.partition_date) as last_day from ops.delivery as d where d.partition_date <= current_date
),

expected as (
    select
        max(e.period_start) as last_day,
        coalesce(bool_or(not e.is_history and e.status in ('missing', 'late', 'carried_on')), false) as is_missed
    from ops.expected_deliveries(current_date - 28, current_date) as e
)

select
    now() as as_of,
    case
        when delivered.last_day < current_date - 28 and not expected.is_missed then delivered.last_day
        else greatest(delivered.last_day, expected.last_day)
    end as last_day
from delivered
cross join expected
