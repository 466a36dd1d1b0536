-- What became of the rows of each delivery: counted where it is recounted; elsewhere what has changed is added, so that
-- a day's cost is that of the rows it touches, not of the deliveries they once came in.
with counted as (
    select
        f.delivery_id,
        count(*) filter (where f.fate = 'staged') as staged,
        count(*) filter (where f.fate = 'superseded') as superseded,
        count(*) filter (where f.fate = 'duplicate') as duplicate,
        count(*) filter (where o.fate is null) as staged_before,
        count(*) filter (where o.fate = 'superseded') as superseded_before,
        count(*) filter (where o.fate = 'duplicate') as duplicate_before
    from row_fate as f
    left join ops.outdated_row as o on o.delivery_id = f.delivery_id and o.row_number = f.row_number
    group by f.delivery_id
),

rejected as (
    select delivery_id, count(distinct row_number) as row_count from ops.rejected
    where delivery_id in (select delivery_id from recounted)
    group by delivery_id
),

flagged as (
    select delivery_id, count(distinct row_number) as row_count from ops.flag
    where delivery_id in (select delivery_id from recounted)
    group by delivery_id
),

accounted as (
    select
        d.delivery_id,
        coalesce(c.staged, 0) as rows_staged,
        coalesce(c.superseded, 0) as rows_superseded,
        coalesce(c.duplicate, 0) as rows_duplicate,
        coalesce(r.row_count, 0) as rows_rejected,
        coalesce(f.row_count, 0) as rows_flagged
    from recounted as d
    left join counted as c on c.delivery_id = d.delivery_id
    left join rejected as r on r.delivery_id = d.delivery_id
    left join flagged as f on f.delivery_id = d.delivery_id
    union all
    select
        d.delivery_id,
        d.rows_staged + c.staged - c.staged_before,
        d.rows_superseded + c.superseded - c.superseded_before,
        d.rows_duplicate + c.duplicate - c.duplicate_before,
        d.rows_rejected,
        d.rows_flagged
    from counted as c
    inner join ops.delivery as d on d.delivery_id = c.delivery_id
    where
        d.is_counted_by_row
        and c.delivery_id not in (select delivery_id from recounted)
        and (c.staged, c.superseded, c.duplicate)
        is distinct from (c.staged_before, c.superseded_before, c.duplicate_before)
)

update ops.delivery as d
set
    rows_staged = a.rows_staged,
    rows_superseded = a.rows_superseded,
    rows_duplicate = a.rows_duplicate,
    rows_rejected = a.rows_rejected,
    rows_flagged = a.rows_flagged,
    accounted_build_id = %(build_id)s,
    is_counted_by_row = true
from accounted as a
where d.delivery_id = a.delivery_id
