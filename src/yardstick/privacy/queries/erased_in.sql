-- Whom some deliveries name who was erased, and what stands for them.
select
    named.person_id,
    ops.erased_as(named.person_id) as pseudonym
from (
    select distinct
        ops.cell_value(string_to_array(r.cells, chr(31)), layout.places, layout.separator) as person_id
    from raw.{entity_table} as r
    inner join ops.delivery as d on r.delivery_id = d.delivery_id
    inner join pg_temp.layout on d.arrival_id = layout.arrival_id and layout.field = any({fields})
    where r.delivery_id = any({deliveries}::bigint [])
) as named
where ops.erased_as(named.person_id) is not null
