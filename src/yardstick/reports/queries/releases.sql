-- Every release, the latest period first, the latest version of a period first.
select
    release_id,
    period_kind,
    period,
    period_start,
    period_end,
    version,
    status,
    reason,
    standards_release,
    code_version,
    tickets,
    rejects,
    content_sha256,
    previous_sha256,
    release_sha256,
    signed_by,
    signed_how,
    signed_at
from release.release
order by period_start desc, period_end asc, version desc
