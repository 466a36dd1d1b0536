{{
    config(
        materialized='table',
        pre_hook='set local enable_nestloop = off',
        indexes=[{'columns': ['month', 'person_id', 'project_id'], 'unique': true}],
    )
}}

with assignments as (
    select * from {{ ref('int_assignments__spans') }}
    where build_id = {{ var('build_id') }}
),

people as (
    select * from {{ ref('stg_delivered__people') }}
),

bounds as (
    select * from {{ ref('int_staffing__bounds') }}
),

posts as (
    select distinct on (post_id)
        post_id,
        post_function
    from {{ ref('int_posts__spans') }}
    where build_id = {{ var('build_id') }}
    order by post_id asc, first_date desc
),

history as (
    select * from {{ ref('dim_person') }}
),

attendance as (
    select * from {{ ref('int_attendance__monthly') }}
),

trainings as (
    select * from {{ ref('fct_training') }}
),

certificates as (
    select * from {{ ref('int_certificates__spans') }}
    where build_id = {{ var('build_id') }}
),

months as (
    select
        month.first_day::date as month,
        greatest(month.first_day::date, bounds.first_date) as first_date,
        least((month.first_day + interval '1 month')::date, bounds.last_date + 1) as until_date
    from bounds
    cross join
        generate_series(date_trunc('month', bounds.first_date), bounds.last_date, interval '1 month')
            as month (first_day)
),

-- Days in service, as far as they are known.
service as (
    select
        months.month,
        people.person_id,
        least(months.until_date, coalesce(people.left_date + 1, 'infinity'))
        - greatest(months.first_date, people.joined_date) as service_days
    from months
    inner join people
        on
            months.until_date > people.joined_date
            and months.first_date <= coalesce(people.left_date, 'infinity')
),

parts as (
    select
        months.month,
        assignments.person_id,
        assignments.project_id,
        assignments.post_id,
        assignments.first_date,
        assignments.is_main,
        assignments.share,
        sum(assignments.share) over same_days as whole,
        least(months.until_date, assignments.until_date) - greatest(months.first_date, assignments.first_date) as days
    from months
    inner join assignments
        on months.until_date > assignments.first_date and months.first_date < assignments.until_date
    window same_days as (partition by months.month, assignments.person_id, assignments.first_date)
),

-- A day is split by the shares held on it; what rounding leaves over is the main post's.
split as (
    select
        *,
        case
            when is_main
                then 1 - coalesce(sum(round(share / nullif(whole, 0), 6)) filter (where not is_main) over same_days, 0)
            else round(share / nullif(whole, 0), 6)
        end as part
    from parts
    where whole > 0
    window same_days as (partition by month, person_id, first_date)
),

placed as (
    select
        month,
        person_id,
        project_id,
        (array_agg(post_id order by first_date desc, is_main desc, share desc, post_id asc))[1] as post_id,
        sum(part * days) as days,
        sum(share * days) as full_time_days
    from split
    group by month, person_id, project_id
),

-- Days in service without any post are nobody's.
unplaced as (
    select
        service.month,
        service.person_id,
        '' as project_id,
        null as post_id,
        service.service_days - coalesce(sum(placed.days), 0) as days,
        0 as full_time_days
    from service
    left join placed on service.month = placed.month and service.person_id = placed.person_id
    group by service.month, service.person_id, service.service_days
    having service.service_days - coalesce(sum(placed.days), 0) > 0
),

held as (
    select
        month,
        person_id,
        project_id,
        max(post_id) as post_id,
        sum(days) as days,
        sum(full_time_days) as full_time_days
    from (
        select * from placed
        union all
        select * from unplaced
    ) as all_days
    group by month, person_id, project_id
),

trained as (
    select
        month,
        person_id,
        project_id,
        count(*) filter (where is_planned) as trainings_planned,
        count(*) filter (where is_held) as trainings_done,
        count(*) filter (where is_held and is_passed) as trainings_passed,
        coalesce(sum(attended_hours) filter (where is_held), 0) as training_hours
    from (
        select
            trainings.person_id,
            coalesce(trainings.project_id, '') as project_id,
            trainings.is_passed,
            trainings.attended_hours,
            date_trunc('month', said.day)::date as month,
            said.is_planned,
            said.is_held
        from trainings
        cross join lateral (
            values
            (trainings.planned_date, trainings.status <> 'cancelled', false),
            (coalesce(trainings.held_date, trainings.planned_date), false, trainings.is_done)
        ) as said (day, is_planned, is_held)
        where said.is_planned or said.is_held
    ) as told
    group by month, person_id, project_id
),

-- Every part that anything is known of: who helps out, or learns, elsewhere has no days in service there.
known_parts as (
    select
        month,
        person_id,
        project_id
    from held
    union
    select
        month,
        person_id,
        project_id
    from attendance
    union
    select
        month,
        person_id,
        project_id
    from trained
),

-- The person as of the last day of the month in service.
described as (
    select distinct on (months.month, history.person_id)
        months.month,
        history.person_id,
        history.job_grade,
        history.department_id
    from months
    inner join history
        on months.until_date > history.first_date and months.first_date <= coalesce(history.last_date, 'infinity')
    order by months.month asc, history.person_id asc, history.first_date desc
),

-- Kinds of certificates as of the last known day of the month.
kinds as (
    select
        months.month,
        months.until_date - 1 as as_of_date,
        certificates.person_id,
        certificates.certificate_kind,
        max(certificates.until_date) as until_date
    from months
    inner join certificates on months.until_date > certificates.first_date
    group by months.month, months.until_date, certificates.person_id, certificates.certificate_kind
),

certified as (
    select
        month,
        person_id,
        count(*) filter (where until_date > as_of_date) as certificates_held,
        count(*) filter (where until_date > as_of_date and until_date <= as_of_date + 90) as certificates_expiring,
        count(*) filter (where until_date <= as_of_date) as certificates_expired
    from kinds
    group by month, person_id
)

select
    known_parts.month,
    known_parts.person_id,
    known_parts.project_id,
    coalesce(held.days, 0) as days,
    coalesce(held.full_time_days, 0) as full_time_days,
    coalesce(service.service_days, 0) as service_days,
    held.post_id,
    posts.post_function,
    described.job_grade,
    described.department_id,
    {%- for column in attendance_figures() %}
    coalesce(attendance.{{ column }}, 0) as {{ column }},
    {%- endfor %}
    coalesce(attendance.leave_minutes_by_kind, '{}') as leave_minutes_by_kind,
    coalesce(trained.trainings_planned, 0)::integer as trainings_planned,
    coalesce(trained.trainings_done, 0)::integer as trainings_done,
    coalesce(trained.trainings_passed, 0)::integer as trainings_passed,
    coalesce(trained.training_hours, 0) as training_hours,
    coalesce(certified.certificates_held, 0)::integer as certificates_held,
    coalesce(certified.certificates_expiring, 0)::integer as certificates_expiring,
    coalesce(certified.certificates_expired, 0)::integer as certificates_expired
from known_parts
inner join months on known_parts.month = months.month
left join held
    on
        known_parts.month = held.month
        and known_parts.person_id = held.person_id
        and known_parts.project_id = held.project_id
left join attendance
    on
        known_parts.month = attendance.month
        and known_parts.person_id = attendance.person_id
        and known_parts.project_id = attendance.project_id
left join trained
    on
        known_parts.month = trained.month
        and known_parts.person_id = trained.person_id
        and known_parts.project_id = trained.project_id
left join service on known_parts.month = service.month and known_parts.person_id = service.person_id
left join posts on held.post_id = posts.post_id
left join described on known_parts.month = described.month and known_parts.person_id = described.person_id
left join certified on known_parts.month = certified.month and known_parts.person_id = certified.person_id
