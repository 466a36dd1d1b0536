insert into ops.outdated_row (delivery_id, row_number, fate)
select f.delivery_id, f.row_number, f.fate
from row_fate as f
inner join ops.delivery as d on d.delivery_id = f.delivery_id
where f.fate <> 'staged' and d.is_counted_by_row
on conflict (delivery_id, row_number) do nothing
