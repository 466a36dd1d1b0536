{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "month in (
                select date_trunc('month', affected.day)::date
                from {{ ref('int_post_days__affected') }} as affected
            )"
        ],
        indexes=[{'columns': ['month', 'person_id', 'project_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

-- depends_on: {{ ref('int_post_days__affected') }}

with bounds as (
    select * from {{ ref('int_staffing__bounds') }}
),

months as (
    select distinct
        date_trunc('month', affected.day)::date as month,
        greatest(date_trunc('month', affected.day)::date, bounds.first_date) as first_date,
        least((date_trunc('month', affected.day) + interval '1 month')::date, bounds.last_date + 1) as until_date
    from {{ ref('int_post_days__affected') }} as affected
    cross join bounds
),

-- Not materialised: what is asked of history is asked by day.
attendance as not materialized (
    select * from {{ ref('int_attendance__placed') }}
),

shifts as (
    select
        months.month,
        attendance.*,
        attendance.placed_project_id as counts_at,
        coalesce(attendance.is_on_duty, false) as is_present,
        attendance.planned_minutes is not null and attendance.shift_kind in ('work', 'training') as is_due
    from months
    inner join attendance
        on months.first_date <= attendance.shift_date and months.until_date > attendance.shift_date
    where attendance.status <> 'open'
),

-- A person's day is one day, whatever the shifts in it: it counts where the person came, else where they were due.
days as (
    select
        *,
        row_number() over (
            person_day order by is_present desc, is_due desc, starts_at asc nulls last, attendance_id asc
        ) = 1 as is_first_of_day,
        bool_or(is_due) over person_day as is_day_due,
        bool_or(is_present) over person_day as is_day_present,
        bool_or(status = 'leave') over person_day as is_day_on_leave,
        bool_or(status = 'absent') over person_day as is_day_absent
    from shifts
    window person_day as (partition by person_id, shift_date)
),

leave_by_kind as (
    select
        month,
        person_id,
        counts_at,
        jsonb_object_agg(leave_kind, leave_minutes) as leave_minutes_by_kind
    from (
        select
            month,
            person_id,
            counts_at,
            coalesce(leave_kind, 'other') as leave_kind,
            sum(leave_minutes) as leave_minutes
        from shifts
        where leave_minutes > 0
        group by month, person_id, counts_at, coalesce(leave_kind, 'other')
    ) as kinds
    group by month, person_id, counts_at
),

summed as (
    select
        month,
        person_id,
        counts_at,
        count(*) filter (where is_first_of_day and is_day_due) as days_due,
        count(*) filter (where is_first_of_day and is_day_present) as days_present,
        count(*) filter (where is_first_of_day and is_day_on_leave and not is_day_present) as days_on_leave,
        count(*) filter (
            where is_first_of_day and is_day_absent and not is_day_present and not is_day_on_leave
        ) as days_absent,
        count(*) filter (where is_late) as late_shifts,
        sum(late_minutes) as late_minutes,
        count(*) filter (where is_early) as early_shifts,
        sum(early_minutes) as early_minutes,
        count(*) filter (where status = 'absent') as absent_shifts,
        count(*) filter (
            where status in ('missing_in', 'missing_out', 'contradictory', 'unclear')
        ) as unclear_shifts,
        sum(planned_minutes) filter (where is_due) as planned_minutes,
        sum(worked_minutes) as worked_minutes,
        sum(leave_minutes) as leave_minutes,
        sum(overtime_minutes) as overtime_minutes
        {%- for kind in overtime_kinds() %},
        sum(overtime_{{ kind }}_minutes) as overtime_{{ kind }}_minutes
        {%- endfor %}
    from days
    group by month, person_id, counts_at
)

select
    summed.month,
    summed.person_id,
    summed.counts_at as project_id,
    {%- for column in attendance_figures() %}
    coalesce(summed.{{ column }}, 0)::integer as {{ column }},
    {%- endfor %}
    coalesce(leave_by_kind.leave_minutes_by_kind, '{}') as leave_minutes_by_kind
from summed
left join leave_by_kind
    on
        summed.month = leave_by_kind.month
        and summed.person_id = leave_by_kind.person_id
        and summed.counts_at = leave_by_kind.counts_at
