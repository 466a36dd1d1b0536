-- Rows about persons who left before the cut-off, valid or rejected.
select v.delivery_id, v.row_number
from staging.{versions} as v
where v.{whose} in (select l.person_id from pg_temp.leaver as l) and ({is_there})
union
select j.delivery_id, j.row_number
from ops.rejected as j
inner join ops.delivery as d on j.delivery_id = d.delivery_id
inner join pg_temp.layout as layout on d.arrival_id = layout.arrival_id and layout.field = {whose_name}
inner join raw.{entity_table} as r on j.delivery_id = r.delivery_id and j.row_number = r.row_number
where
    j.entity = {entity}
    and coalesce(r.problem_rule, 'as_judged') = 'as_judged'
    and ops.cell_value(string_to_array(r.cells, chr(31)), layout.places, layout.separator) in (
        select l.person_id from pg_temp.leaver as l
    )
