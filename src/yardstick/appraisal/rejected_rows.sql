-- Rejected rows of the period's current deliveries; one row may break several rules.
with current_delivery as (
    select distinct on (source_id, entity, partition_date, file_name) delivery_id
    from ops.delivery
    where partition_date between %(start)s and %(end)s
    order by source_id, entity, partition_date, file_name, revision desc
)

select count(distinct (r.delivery_id, r.row_number))
from ops.rejected as r
inner join current_delivery as d on d.delivery_id = r.delivery_id
