-- The first delivery of the build whose rows do not add up.
select
    d.delivery_id, d.source_id, d.entity, d.partition_date, d.file_name,
    d.rows_landed, d.rows_staged, d.rows_superseded, d.rows_rejected, d.rows_duplicate
from ops.build_delivery as b
inner join ops.delivery as d on d.delivery_id = b.delivery_id
where
    b.build_id = %(build_id)s
    and d.rows_landed is distinct from d.rows_staged + d.rows_superseded + d.rows_rejected + d.rows_duplicate
order by d.delivery_id
limit 1
