-- What falls short becomes a finding, once: found again it is the same row; settled before, it is opened anew.
with failing as (
    select * from jsonb_to_recordset(%(failing)s) as f (
        standards_release text, standard_code text, project_id text, subject text, found_date date,
        observed jsonb, severity text, rectify_within_days integer, accountable text
    )
)

insert into ops.service_finding as known (
    standards_release, standard_code, project_id, subject, found_date, observed, severity, due_date,
    accountable_post_id, opened_build_id, changed_build_id
)
select
    f.standards_release,
    f.standard_code,
    f.project_id,
    f.subject,
    f.found_date,
    f.observed,
    f.severity,
    f.found_date + f.rectify_within_days,
    {post},
    %(build)s,
    %(build)s
from failing as f
on conflict (standard_code, project_id, subject) do update set
standards_release
= case when known.settled_date is null then known.standards_release else excluded.standards_release end,
found_date = case when known.settled_date is null then known.found_date else excluded.found_date end,
observed = excluded.observed,
severity = case when known.settled_date is null then known.severity else excluded.severity end,
due_date = case when known.settled_date is null then known.due_date else excluded.due_date end,
accountable_post_id
= case when known.settled_date is null then known.accountable_post_id else excluded.accountable_post_id end,
opened_build_id = case when known.settled_date is null then known.opened_build_id else excluded.opened_build_id end,
opened_at = case when known.settled_date is null then known.opened_at else now() end,
times_opened = known.times_opened + (known.settled_date is not null)::integer,
settled_build_id = null,
settled_date = null,
settled_at = null,
changed_build_id = excluded.changed_build_id
where known.settled_date is not null or known.observed is distinct from excluded.observed
