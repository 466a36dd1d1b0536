-- Rejected rows of the period's current deliveries, by rule and field.
with current_delivery as (
    select distinct on (source_id, entity, partition_date, file_name) delivery_id
    from ops.delivery
    where partition_date between %s and %s
    order by source_id, entity, partition_date, file_name, revision desc
)

select
    r.source_id,
    r.entity,
    r.rule,
    coalesce(r.field, '') as field,
    count(distinct (r.delivery_id, r.row_number)) as rows
from ops.rejected as r
inner join current_delivery as d on d.delivery_id = r.delivery_id
group by 1, 2, 3, 4
