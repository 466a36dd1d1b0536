-- The days to announce, written down as announced by this run: see publish.announce.
with tickets as (
    select
        partition_date as day,
        bool_and(audited_build_id is not null) as is_audited
    from ops.delivery
    where entity = 'ticket'
    group by partition_date
),

-- A day that was carried on without its tickets stands without any.
audited as (
    select day from tickets
    where is_audited
    union
    select day::date
    from ops.carried_on as c
    cross join generate_series(c.period_start, c.period_end, interval '1 day') as day
    where
        c.entity = 'ticket' and c.is_required
        and day::date not in (select t.day from tickets as t where not t.is_audited)
),

-- Deliveries that were carried on without and have come: their days are told once more.
come as (
    select d.source_id, d.entity, d.period_start, d.period_end
    from ops.deadline as d
    inner join ops.source as s on s.source_id = d.source_id
    where
        d.rule = 'carry_on'
        and (d.settled_at is null or d.settled_run_id = %(run)s)
        and ops.delivered_at(d.source_id, d.entity, d.is_dated, d.period_end, s.time_zone) is not null
        and not exists (
            select from ops.delivery as b
            where b.audited_build_id is null and b.source_id = d.source_id and b.entity = d.entity
        )
),

wanted as (
    select a.day
    from audited as a
    left join publish.day as p on p.day = a.day
    where
        p.announced_at is null
        or p.announced_run_id = %(run)s
        or a.day in (select b.day from ops.build_day as b where b.build_id = %(build)s)
        or exists (select from come as c where a.day between c.period_start and c.period_end)
),

span as (
    select
        date_trunc('month', min(day))::date as first_day,
        (date_trunc('month', max(day)) + interval '1 month - 1 day')::date as last_day
    from wanted
),

open as (
    select distinct e.period_start, e.period_end
    from span
    cross join lateral ops.expected_deliveries(span.first_day, span.last_day) as e
    where
        span.first_day is not null
        and e.is_required
        and (
            (e.delivered_at is null and e.rule is distinct from 'carry_on')
            or exists (
                select from ops.delivery as d
                where
                    d.audited_build_id is null and d.source_id = e.source_id and d.entity = e.entity
                    and (not e.is_dated or d.partition_date between e.period_start and e.period_end)
            )
        )
),

complete as (
    select a.day
    from audited as a
    cross join span
    where
        a.day between span.first_day and span.last_day
        and not exists (select from open as o where a.day between o.period_start and o.period_end)
),

months as (
    select date_trunc('month', day) as month
    from complete
    group by 1
    having
        count(*) = extract(day from date_trunc('month', min(day)) + interval '1 month - 1 day')
        and bool_or(day in (select w.day from wanted as w))
),

announced as (
    select c.day
    from complete as c
    where c.day in (select w.day from wanted as w) or date_trunc('month', c.day) in (select m.month from months as m)
),

settled as (
    update ops.deadline as d set settled_at = coalesce(d.settled_at, now()), settled_run_id = %(run)s
    from come as c
    where
        d.source_id = c.source_id and d.entity = c.entity
        and d.period_start = c.period_start and d.period_end = c.period_end
),

builds as (
    select coalesce(%(build)s::bigint, max(build_id)) as build_id from ops.build
    where status = 'audited'
),

noted as (
    insert into publish.day as p (day, build_id, announced_at, announced_run_id)
    select a.day, b.build_id, now(), %(run)s
    from announced as a
    cross join builds as b
    where b.build_id is not null
    on conflict (day) do update
    set announced_at = excluded.announced_at, announced_run_id = excluded.announced_run_id
    where p.announced_at is null
)

select a.day
from announced as a
cross join builds as b
where b.build_id is not null
order by a.day
