-- The same row, read anew, no longer has the problem.
update ops.reject as r
set
    status = 'replayed',
    closed_build_id = %(build_id)s,
    closed_by_delivery_id = null,
    closed_at = now()
from ops.build_delivery as b
where
    b.build_id = %(build_id)s
    and r.delivery_id = b.delivery_id
    and r.status <> 'replayed'
    and not exists (
        select 1 from found_reject as f
        where
            f.delivery_id = r.delivery_id
            and f.row_number = r.row_number
            and f.rule = r.rule
            and f.field is not distinct from r.field
    )
