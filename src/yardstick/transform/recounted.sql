-- Deliveries of {entity} whose rows are counted one by one: the build's own, and those that have a row of a key that
-- the build's rows touch and were never counted row by row.
insert into recounted
select b.delivery_id
from ops.build_delivery as b
inner join ops.delivery as d on d.delivery_id = b.delivery_id
where b.build_id = %(build_id)s and d.entity = '{entity}'
union
select v.delivery_id
from {versions} as v
inner join (select distinct {staged_key} from {rows}) as touched using ({staged_key})
inner join ops.delivery as d on d.delivery_id = v.delivery_id
where not d.is_counted_by_row
