-- What was judged again and no longer falls short is settled, on the last day that is known by now.
-- A month's finding is judged when the build changed days of its month; what is judged as it is at present,
-- with every build that brings anything of it; the finding of a standard that no release has any more is over.
with failing as (
    select * from jsonb_to_recordset(%(failing)s) as f (standard_code text, project_id text, subject text)
),

known as (
    select max(d.partition_date) as last_day
    from ops.delivery as d
    where
        d.audited_build_id is not null
        or d.delivery_id in (select b.delivery_id from ops.build_delivery as b where b.build_id = %(build)s)
)

update ops.service_finding as found
set
    settled_date = greatest(found.found_date, known.last_day),
    settled_build_id = %(build)s,
    settled_at = now(),
    changed_build_id = %(build)s
from known
where
    found.settled_date is null
    and (
        found.standard_code = any(%(present)s)
        or found.standard_code <> all(%(codes)s)
        or (
            found.standard_code = any(%(monthly)s)
            and found.found_date in (
                select m.day from intermediate.int_service__months as m where m.build_id = %(build)s
            )
        )
    )
    and not exists (
        select from failing as f
        where
            f.standard_code = found.standard_code and f.project_id = found.project_id and f.subject = found.subject
    )
