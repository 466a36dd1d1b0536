insert into ops.blanked_delivery as b (delivery_id, field, rows, is_whole)
select
    touched.delivery_id,
    {entity} || '.' || touched.field,
    count(changed.row_number),
    {is_whole}
from (
    select d.delivery_id, f.field
    from {deliveries} as d
    cross join unnest({fields}::text []) as f (field)
    group by d.delivery_id, f.field
) as touched
left join pg_temp.changed on touched.delivery_id = changed.delivery_id and touched.field = changed.field
group by touched.delivery_id, touched.field
having {is_whole} or count(changed.row_number) > 0
on conflict (delivery_id, field) do update set
    rows = b.rows + excluded.rows, is_whole = b.is_whole or excluded.is_whole
