update ops.delivery as d
set
    rows_flagged = (
        select count(distinct f.row_number) from ops.flag as f
        where f.delivery_id = d.delivery_id
    ),
    accounted_build_id = %(build_id)s
where d.delivery_id = any(%(delivery_ids)s)
