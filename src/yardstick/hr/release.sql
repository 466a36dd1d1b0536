-- The release of a month: the newest version, or the one asked for.
select
    release_id,
    period,
    version,
    reason,
    content_sha256,
    period_start,
    period_end,
    signed_by,
    signed_how,
    signed_at
from release.release
where
    period_kind = 'month'
    and period = %(period)s
    and (cast(%(version)s as integer) is null or version = %(version)s)
order by version desc
limit 1
