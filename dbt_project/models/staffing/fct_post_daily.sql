{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "day in (
                select affected.day from {{ ref('int_post_days__affected') }} as affected
                where affected.post_id is null
            )",
            "(post_id, day) in (
                select affected.post_id, affected.day from {{ ref('int_post_days__affected') }} as affected
                where affected.post_id is not null
            )",
        ],
        indexes=[
            {'columns': ['project_id', 'post_id', 'day'], 'unique': true},
            {'columns': ['post_id', 'day']},
            {'columns': ['day']},
        ],
        meta={'days': ['day']},
        post_hook=note_days_when_new(),
    )
}}

with affected as (
    select * from {{ ref('int_post_days__affected') }}
),

posts as (
    select * from {{ ref('int_posts__spans') }}
    where build_id = {{ var('build_id') }}
),

assignments as (
    select * from {{ ref('int_assignments__spans') }}
    where build_id = {{ var('build_id') }}
),

certificates as (
    select * from {{ ref('int_certificates__spans') }}
    where build_id = {{ var('build_id') }}
),

attendance as (
    select placed.*
    from {{ ref('int_attendance__placed') }} as placed
    inner join (
        select distinct day
        from affected
    ) as days on placed.shift_date = days.day
),

-- Every post on every day that is looked at.
scope as (
    select
        affected.day,
        known.post_id
    from affected
    cross join (
        select post_id
        from posts
        union
        select post_id
        from assignments
    ) as known
    where affected.post_id is null
    union all
    select
        day,
        post_id
    from affected
    where post_id is not null
),

established as (
    select
        posts.project_id,
        posts.post_id,
        scope.day,
        posts.established_persons
    from scope
    inner join posts
        on scope.post_id = posts.post_id and scope.day >= posts.first_date and scope.day < posts.until_date
),

filled as (
    select
        assignments.project_id,
        assignments.post_id,
        scope.day,
        sum(assignments.share) as filled_persons,
        count(*)::integer as assigned_persons,
        sum(assignments.share) filter (where assignments.is_certified) as certified_persons
    from scope
    inner join assignments
        on
            scope.post_id = assignments.post_id
            and scope.day >= assignments.first_date
            and scope.day < assignments.until_date
    group by assignments.project_id, assignments.post_id, scope.day
),

-- A person once for each post and day, however many shifts.
present as (
    select
        attendance.placed_project_id as project_id,
        attendance.placed_post_id as post_id,
        attendance.shift_date as day,
        attendance.person_id,
        bool_or(attendance.shift_kind in ('work', 'training') and attendance.status <> 'cancelled') as is_rostered,
        coalesce(bool_or(attendance.is_on_duty), false) as is_on_duty,
        bool_or(attendance.status = 'leave') as is_on_leave,
        bool_or(attendance.status = 'absent') as is_absent,
        bool_or(attendance.status in ('open', 'unclear')) as is_unknown,
        bool_or(attendance.is_late) as is_late,
        bool_or(attendance.is_early) as is_early,
        coalesce(bool_or(
            attendance.is_on_duty
            and attendance.required_certificate_kind is not null
            and certificates.person_id is null
        ), false) as is_uncertified,
        count(*) filter (where attendance.status in ('missing_in', 'missing_out', 'contradictory'))
            as incomplete_punches,
        sum(attendance.planned_minutes) as planned_minutes,
        sum(attendance.worked_minutes) as worked_minutes,
        sum(attendance.overtime_minutes) as overtime_minutes
    from attendance
    left join certificates
        on
            attendance.person_id = certificates.person_id
            and attendance.required_certificate_kind = certificates.certificate_kind
            and attendance.shift_date >= certificates.first_date
            and attendance.shift_date < certificates.until_date
    group by attendance.placed_project_id, attendance.placed_post_id, attendance.shift_date, attendance.person_id
),

on_duty as (
    select
        present.project_id,
        present.post_id,
        present.day,
        (count(*) filter (where present.is_rostered))::integer as rostered_persons,
        (count(*) filter (where present.is_on_duty))::integer as on_duty_persons,
        (count(*) filter (where present.is_on_leave and not present.is_on_duty))::integer as on_leave_persons,
        (count(*) filter (where present.is_absent and not present.is_on_duty))::integer as absent_persons,
        (count(*) filter (where present.is_unknown and not present.is_on_duty))::integer as unknown_persons,
        (count(*) filter (where present.is_late))::integer as late_persons,
        (count(*) filter (where present.is_early))::integer as early_persons,
        (count(*) filter (where present.is_uncertified))::integer as uncertified_on_duty_persons,
        sum(present.incomplete_punches)::integer as incomplete_punches,
        sum(present.planned_minutes)::bigint as planned_minutes,
        sum(present.worked_minutes)::bigint as worked_minutes,
        sum(present.overtime_minutes)::bigint as overtime_minutes
    from present
    inner join affected
        on present.day = affected.day and (affected.post_id is null or present.post_id = affected.post_id)
    group by present.project_id, present.post_id, present.day
),

places as (
    select
        project_id,
        post_id,
        day
    from established
    union
    select
        project_id,
        post_id,
        day
    from filled
    union
    select
        project_id,
        post_id,
        day
    from on_duty
)

select
    places.project_id,
    places.post_id,
    places.day,
    posts.department_id,
    posts.post_function,
    posts.is_customer_manager,
    posts.staffing_kind,
    posts.job_grade,
    coalesce(established.established_persons, 0) as established_persons,
    coalesce(filled.filled_persons, 0) as filled_persons,
    coalesce(filled.assigned_persons, 0) as assigned_persons,
    greatest(coalesce(established.established_persons, 0) - coalesce(filled.filled_persons, 0), 0) as vacant_persons,
    greatest(coalesce(filled.filled_persons, 0) - coalesce(established.established_persons, 0), 0) as surplus_persons,
    posts.required_certificate_kind,
    case when posts.required_certificate_kind is not null then coalesce(filled.certified_persons, 0) end
        as certified_persons,
    coalesce(on_duty.rostered_persons, 0) as rostered_persons,
    coalesce(on_duty.on_duty_persons, 0) as on_duty_persons,
    coalesce(on_duty.on_leave_persons, 0) as on_leave_persons,
    coalesce(on_duty.absent_persons, 0) as absent_persons,
    coalesce(on_duty.unknown_persons, 0) as unknown_persons,
    coalesce(on_duty.late_persons, 0) as late_persons,
    coalesce(on_duty.early_persons, 0) as early_persons,
    case when posts.required_certificate_kind is not null then coalesce(on_duty.uncertified_on_duty_persons, 0) end
        as uncertified_on_duty_persons,
    coalesce(on_duty.incomplete_punches, 0) as incomplete_punches,
    coalesce(on_duty.planned_minutes, 0) as planned_minutes,
    coalesce(on_duty.worked_minutes, 0) as worked_minutes,
    coalesce(on_duty.overtime_minutes, 0) as overtime_minutes
from places
left join posts
    on places.post_id = posts.post_id and places.day >= posts.first_date and places.day < posts.until_date
left join established
    on
        places.project_id = established.project_id
        and places.post_id = established.post_id
        and places.day = established.day
left join filled
    on places.project_id = filled.project_id and places.post_id = filled.post_id and places.day = filled.day
left join on_duty
    on places.project_id = on_duty.project_id and places.post_id = on_duty.post_id and places.day = on_duty.day
