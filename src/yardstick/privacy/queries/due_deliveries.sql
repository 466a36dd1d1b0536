create temporary table due as
select d.delivery_id
from ops.delivery as d
where
    d.entity = {entity} and d.partition_date < {cut_off} and d.audited_build_id is not null
    and not exists (
        select from ops.blanked_delivery as b
        where b.delivery_id = d.delivery_id and b.is_whole and b.field = any({fields}::text [])
        having count(*) = cardinality({fields}::text [])
    )
