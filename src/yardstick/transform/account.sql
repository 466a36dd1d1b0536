-- What became of the rows of the build's {entity} deliveries, and of those whose rows they may have superseded.
with affected as (
    select b.delivery_id
    from ops.build_delivery as b
    inner join ops.delivery as d on d.delivery_id = b.delivery_id
    where b.build_id = %(build_id)s and d.entity = '{entity}'
    union
    select v.delivery_id
    from {versions} as v
    inner join (select distinct {staged_key} from {rows}) as touched using ({staged_key})
),

touched as (
    select distinct {staged_key} from {versions}
    where delivery_id in (select delivery_id from affected)
),

version as (
    select
        v.delivery_id,
        v.row_number,
        v.content_md5 = lag(v.content_md5) over (
            partition by {staged_key} order by v.delivery_id, v.row_number
        ) as is_repeat
    from {versions} as v
    inner join touched using ({staged_key})
),

counted as (
    select
        v.delivery_id,
        count(c.delivery_id) as staged,
        count(*) filter (where c.delivery_id is null and v.is_repeat) as repeated,
        count(*) filter (where c.delivery_id is null and v.is_repeat is not true) as superseded
    from version as v
    left join {current} as c
        on c.delivery_id = v.delivery_id and c.row_number = v.row_number
    group by v.delivery_id
),

rejected as (
    select delivery_id, count(distinct row_number) as row_count from ops.rejected
    where delivery_id in (select delivery_id from affected)
    group by delivery_id
),

flagged as (
    select delivery_id, count(distinct row_number) as row_count from ops.flag
    where delivery_id in (select delivery_id from affected)
    group by delivery_id
)

update ops.delivery as d
set
    rows_staged = coalesce(c.staged, 0),
    rows_superseded = coalesce(c.superseded, 0),
    rows_duplicate = coalesce(c.repeated, 0),
    rows_rejected = coalesce(r.row_count, 0),
    rows_flagged = coalesce(f.row_count, 0),
    accounted_build_id = %(build_id)s
from affected as a
left join counted as c on c.delivery_id = a.delivery_id
left join rejected as r on r.delivery_id = a.delivery_id
left join flagged as f on f.delivery_id = a.delivery_id
where d.delivery_id = a.delivery_id
