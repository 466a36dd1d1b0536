{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "day in (
                select of_month.day::date
                from {{ ref('int_workload__months') }} as affected
                cross join generate_series(affected.month, affected.next_month - 1, interval '1 day') as of_month (day)
            )"
        ],
        indexes=[
            {'columns': ['project_id', 'post_function', 'day', 'hour_of_day'], 'unique': true},
            {'columns': ['day']},
        ],
        post_hook='{% if not is_incremental() %}analyze {{ this }}{% endif %}',
    )
}}

with months as (
    select * from {{ ref('int_workload__months') }}
),

duty as (
    select * from {{ ref('int_duty_hours') }}
),

-- Not materialised, both: what is asked of history is asked by day.
posts as not materialized (
    select * from {{ ref('fct_post_daily') }}
),

shifts as not materialized (
    select * from {{ ref('int_attendance__placed') }}
),

-- Who lacks on a day of which nobody says in which hours: posts that nobody holds, leave that was planned.
lacking as (
    select
        months.month,
        posts.project_id,
        coalesce(posts.post_function, '') as post_function,
        posts.day,
        posts.vacant_persons,
        null as absent_person_id
    from months
    inner join posts on months.month <= posts.day and months.next_month > posts.day
    where posts.vacant_persons > 0
    union all
    select
        months.month,
        shifts.placed_project_id as project_id,
        shifts.placed_post_function as post_function,
        shifts.shift_date as day,
        0 as vacant_persons,
        shifts.person_id as absent_person_id
    from months
    inner join shifts on months.month <= shifts.shift_date and months.next_month > shifts.shift_date
    where shifts.is_planned and shifts.status = 'leave' and shifts.starts_at is null
),

days as (
    select
        month,
        project_id,
        post_function,
        day,
        sum(vacant_persons) as vacant_persons,
        count(distinct absent_person_id)::integer as absent_persons
    from lacking
    group by month, project_id, post_function, day
),

-- The hours of the day in which anybody of the function is planned in the month.
worked as (
    select
        month,
        project_id,
        post_function,
        array_agg(distinct hour_of_day) as hours
    from duty
    where planned_minutes > 0
    group by month, project_id, post_function
),

day_hours as (
    select
        days.project_id,
        days.post_function,
        days.day,
        hour_of.day_hour as hour_of_day,
        days.vacant_persons,
        days.absent_persons
    from days
    left join worked
        on
            days.month = worked.month
            and days.project_id = worked.project_id
            and days.post_function = worked.post_function
    cross join generate_series(0, 23) as hour_of (day_hour)
    -- where nobody is planned all month, every hour lacks somebody
    where worked.hours is null or hour_of.day_hour = any(worked.hours)
),

absent as (
    select * from duty
    where absent_persons > 0
)

select
    coalesce(day_hours.project_id, absent.project_id) as project_id,
    coalesce(day_hours.post_function, absent.post_function) as post_function,
    coalesce(day_hours.day, absent.day) as day,
    coalesce(day_hours.hour_of_day, absent.hour_of_day) as hour_of_day,
    coalesce(day_hours.vacant_persons, 0) as vacant_persons,
    coalesce(day_hours.absent_persons, 0) + coalesce(absent.absent_persons, 0) as absent_persons
from day_hours
full outer join absent
    on
        day_hours.project_id = absent.project_id
        and day_hours.post_function = absent.post_function
        and day_hours.day = absent.day
        and day_hours.hour_of_day = absent.hour_of_day
