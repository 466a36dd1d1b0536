-- A reject is superseded while a valid row stands that a later delivery brought of the same key, or to correct it;
-- open otherwise.
with touched as (
    select r.reject_id from ops.reject as r
    inner join ops.build_delivery as b on b.delivery_id = r.delivery_id
    where b.build_id = %(build_id)s and r.entity = '{entity}' and r.status <> 'replayed'
    union
    select r.reject_id from ops.reject as r
    inner join ops.build_delivery as b on b.delivery_id = r.closed_by_delivery_id
    where b.build_id = %(build_id)s and r.entity = '{entity}'
    union
    select r.reject_id from ops.reject as r
    inner join ops.correction as c on c.corrects_delivery_id = r.delivery_id and c.corrects_row_number = r.row_number
    inner join ops.build_delivery as b on b.delivery_id = c.delivery_id
    where b.build_id = %(build_id)s and r.entity = '{entity}' and r.status <> 'replayed'
    union
    select reject_id from ops.reject
    where
        entity = '{entity}' and status <> 'replayed'
        and ({source_too}key_values) in (select {source_too}array[{key_values}] from {rows} as r)
),

judged as (
    select
        t.reject_id,
        least(
            (
                select min(v.delivery_id) from {versions} as v
                where {is_same_key} and v.delivery_id > t.delivery_id
            ),
            (
                select min(v.delivery_id) from {versions} as v
                inner join ops.correction as c on c.delivery_id = v.delivery_id and c.row_number = v.row_number
                where c.corrects_delivery_id = t.delivery_id and c.corrects_row_number = t.row_number
            )
        ) as later_delivery_id
    from ops.reject as t
    where t.reject_id in (select touched.reject_id from touched)
)

update ops.reject as r
set
    status = case when j.later_delivery_id is null then 'open' else 'superseded' end,
    closed_build_id = case when j.later_delivery_id is not null then %(build_id)s end,
    closed_by_delivery_id = j.later_delivery_id,
    closed_at = case when j.later_delivery_id is not null then now() end
from judged as j
where j.reject_id = r.reject_id and r.closed_by_delivery_id is distinct from j.later_delivery_id
