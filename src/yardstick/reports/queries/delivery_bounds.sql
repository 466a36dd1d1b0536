-- The latest day that anybody has delivered or has to deliver, up to today, and now.
select
    now() as as_of,
    greatest(
        (select max(e.period_start) from ops.expected_deliveries(current_date - 45, current_date) as e),
        (select max(d.partition_date) from ops.delivery as d where d.partition_date <= current_date)
    ) as last_day
