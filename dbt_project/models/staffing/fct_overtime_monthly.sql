{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "month in (
                select date_trunc('month', touched.day)::date
                from {{ ref('int_attendance__touched') }} as touched
            )"
        ],
        indexes=[{'columns': ['month', 'person_id'], 'unique': true}],
        meta={'days': ['month']},
        post_hook=note_days_when_new(),
    )
}}

with months as (
    select distinct
        date_trunc('month', day)::date as month,
        (date_trunc('month', day) + interval '1 month')::date as next_month
    from {{ ref('int_attendance__touched') }}
),

-- Not materialised: what is asked of history is asked by day.
attendance as not materialized (
    select * from {{ ref('fct_attendance') }}
),

in_force as (
    select
        effective_from,
        effective_until,
        staffing -> 'overtime' as overtime
    from {{ ref('int_standards__in_force') }}
),

-- A person's day, whatever the projects and posts.
person_days as (
    select
        months.month,
        attendance.person_id,
        attendance.shift_date,
        (
            array_agg(
                attendance.project_id order by attendance.overtime_minutes desc nulls last, attendance.project_id asc
            )
        )[1] as project_id,
        coalesce(sum(attendance.overtime_minutes), 0) as overtime_minutes,
        {%- for kind in overtime_kinds() %}
        coalesce(sum(attendance.overtime_{{ kind }}_minutes), 0) as overtime_{{ kind }}_minutes,
        {%- endfor %}
        count(*) filter (where attendance.overtime_minutes is null) as unknown_shifts
    from months
    inner join attendance on months.month <= attendance.shift_date and months.next_month > attendance.shift_date
    group by months.month, attendance.person_id, attendance.shift_date
),

limited as (
    select
        person_days.*,
        {%- for span in ['day', 'month'] %}
        {%- for kind in overtime_kinds() %}
        {{ '+ ' if not loop.first }}case
            when in_force.overtime -> 'limited_by_{{ span }}' ? '{{ kind }}'
                then person_days.overtime_{{ kind }}_minutes
            else 0
        end
        {%- endfor %} as {{ span }}_limited_minutes,
        (in_force.overtime ->> 'limit_hours_per_{{ span }}')::numeric * 60 as {{ span }}_limit_minutes
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from person_days
    left join in_force
        on person_days.shift_date >= in_force.effective_from and person_days.shift_date < in_force.effective_until
)

select
    month,
    person_id,
    coalesce((array_agg(project_id order by overtime_minutes desc, project_id asc))[1], '') as project_id,
    sum(overtime_minutes)::integer as overtime_minutes,
    {%- for kind in overtime_kinds() %}
    sum(overtime_{{ kind }}_minutes)::integer as overtime_{{ kind }}_minutes,
    {%- endfor %}
    (count(*) filter (where day_limited_minutes > day_limit_minutes))::integer as days_over_limit,
    max(month_limit_minutes) as month_limit_minutes,
    sum(month_limited_minutes) > max(month_limit_minutes) as is_over_month_limit,
    sum(unknown_shifts)::integer as unknown_shifts
from limited
group by month, person_id
