-- A delivery of the period that is in the facts but has not passed the gates.
select d.delivery_id, d.source_id, d.file_name, max(b.build_id)
from ops.delivery as d
inner join ops.build_delivery as b on b.delivery_id = d.delivery_id
where d.audited_build_id is null and d.partition_date between %(start)s and %(end)s
group by 1, 2, 3
order by 1
limit 1
