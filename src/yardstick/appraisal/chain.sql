-- Releases in the order of their chain.
with recursive link as (
    select
        r.*,
        1 as place
    from release.release as r
    where r.previous_sha256 is null
    union all
    select
        r.*,
        l.place + 1
    from release.release as r
    inner join link as l on r.previous_sha256 = l.release_sha256
)

select * from link
order by place
