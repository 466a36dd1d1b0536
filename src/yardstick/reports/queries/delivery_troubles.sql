-- Sources that could not be asked the last time anybody looked.
select
    l.source_id,
    l.entity,
    l.outcome,
    coalesce(l.message, '') as message,
    l.looked_at
from (
    select distinct on (source_id, entity) source_id, entity, outcome, message, looked_at
    from ops.look
    where looked_at > now() - interval '7 days'
    order by source_id, entity, looked_at desc
) as l
where l.outcome in ('unreachable', 'credentials', 'failed')
order by l.source_id, l.entity
