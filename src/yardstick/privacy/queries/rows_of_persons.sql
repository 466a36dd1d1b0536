-- Rows that name one of the persons in a field, whatever became of them.
select
    r.delivery_id,
    r.row_number,
    {named}
from raw.{entity_table} as r
inner join ops.delivery as d on r.delivery_id = d.delivery_id
cross join lateral (select string_to_array(r.cells, chr(31)) as cells) as cut
{joined}
where ({is_any}) and ({deliveries}::bigint [] is null or r.delivery_id = any({deliveries}))
