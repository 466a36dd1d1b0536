-- Deliveries that no audited build has covered, and those that get another chance with them.
with dirty as (
    select delivery_id, arrival_id, entity from ops.delivery
    where audited_build_id is null
),

-- Rows that named an unknown project, person or item are read anew once rows of that entity arrive.
replayed as (
    select r.delivery_id from ops.rejected as r
    where r.rule in (select 'unknown_' || dirty.entity from dirty)
),

taken as (
    select delivery_id from dirty
    union
    select delivery_id from replayed
),

-- One key twice in one file is a conflict even when its days differ: such a file is judged whole.
siblings as (
    select sibling.delivery_id
    from taken
    inner join ops.delivery as d on d.delivery_id = taken.delivery_id
    inner join ops.delivery as sibling on sibling.arrival_id = d.arrival_id
    where exists (
        select 1 from ops.rejected as r
        inner join ops.delivery as conflicting on conflicting.delivery_id = r.delivery_id
        where r.rule = 'key_conflict' and conflicting.arrival_id = d.arrival_id
    )
)

select delivery_id from taken
union
select delivery_id from siblings
order by delivery_id
