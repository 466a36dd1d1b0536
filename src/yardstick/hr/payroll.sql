-- One person and project of a release, from what it froze alone: the same rows whenever they are asked for. Who is not
-- appraised any more since the version before has what they had.
with header as (
    select * from release.release
    where release_id = %(release_id)s
),

before as (
    select
        person.project_id,
        person.person_id,
        person.score,
        person.coefficient
    from release.person as person
    inner join release.release as earlier on person.release_id = earlier.release_id
    inner join header on earlier.period = header.period and earlier.version = header.version - 1
),

staff as (
    select * from release.staff
    where release_id = %(release_id)s
),

appraised as (
    select * from release.person
    where release_id = %(release_id)s
),

parts as (
    select
        coalesce(staff.person_id, appraised.person_id) as person_id,
        coalesce(staff.project_id, appraised.project_id) as project_id,
        staff.days::numeric as days,
        staff.service_days,
        staff.days_due,
        staff.days_present,
        staff.days_absent,
        staff.leave_minutes,
        staff.overtime_workday_minutes,
        staff.overtime_rest_day_minutes,
        staff.overtime_public_holiday_minutes,
        appraised.score,
        appraised.grade,
        appraised.coefficient
    from staff
    full join appraised
        on staff.person_id = appraised.person_id and staff.project_id = appraised.project_id
)

select
    header.period,
    person_id,
    project_id,
    parts.days,
    parts.service_days,
    round(parts.days / nullif(parts.service_days, 0), 6) as month_share,
    parts.days_due,
    parts.days_present,
    parts.days_absent,
    parts.leave_minutes,
    parts.overtime_workday_minutes,
    parts.overtime_rest_day_minutes,
    parts.overtime_public_holiday_minutes,
    parts.score::numeric as score,
    parts.grade,
    parts.coefficient::numeric as coefficient,
    before.score::numeric as score_before,
    before.coefficient::numeric as coefficient_before,
    parts.score::numeric - before.score::numeric as score_adjustment,
    parts.coefficient::numeric - before.coefficient::numeric as coefficient_adjustment,
    header.release_id,
    header.version,
    header.content_sha256
from parts
full join before using (person_id, project_id)
cross join header
order by person_id collate "C" asc, project_id collate "C" asc
