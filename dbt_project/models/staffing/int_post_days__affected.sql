{{
    config(
        materialized='table',
        schema='intermediate',
        contract={'enforced': false},
        indexes=[{'columns': ['day', 'post_id']}],
        post_hook='analyze {{ this }}',
    )
}}

{#- What says who should be, is and may be at a post, span by span; two builds are compared by it. -#}
{%- set spans = {
    'int_posts__spans': [
        'post_id', 'first_date', 'until_date', 'project_id', 'department_id', 'post_function', 'is_customer_manager',
        'staffing_kind', 'job_grade', 'established_persons', 'required_certificate_kind',
    ],
    'int_assignments__spans': [
        'post_id', 'first_date', 'until_date', 'person_id', 'project_id', 'is_main', 'share', 'is_certified',
    ],
} %}

with bounds as (
    select * from {{ ref('int_staffing__bounds') }}
),

touched as (
    select * from {{ ref('int_attendance__touched') }}
),

certificates as (
    select * from {{ ref('int_certificates__spans') }}
),

attendance as (
    select * from {{ ref('fct_attendance') }}
),

assignments as (
    select * from {{ ref('int_assignments__spans') }}
),

{%- for relation, columns in spans.items() %}

{{ relation }}_changed as (
    select
        post_id,
        first_date,
        until_date
    from (
        select {{ columns | join(', ') }}
        from {{ ref(relation) }}
        group by {{ columns | join(', ') }}
        having count(*) = 1
    ) as changed
),
{%- endfor %}

certificates_changed as (
    select
        person_id,
        first_date,
        until_date
    from certificates
    group by person_id, certificate_kind, first_date, until_date
    having count(*) = 1
),

-- Days of everybody: newly known ones, and those of which somebody's attendance may be another one.
whole_days as (
    select newly_known.day::date as day
    from bounds
    cross join generate_series(bounds.first_date, bounds.last_date, interval '1 day') as newly_known (day)
    where
        bounds.first_date_before is null
        or newly_known.day::date not between bounds.first_date_before and bounds.last_date_before
    union
    select touched.day
    from touched
    cross join bounds
    where touched.day between bounds.first_date and bounds.last_date
),

parts as (
    {%- for relation in spans %}
    select
        post_id,
        first_date,
        until_date
    from {{ relation }}_changed
    union
    {%- endfor %}
    -- attendance without a post stands on the main post of the person
    select
        '' as post_id,
        first_date,
        until_date
    from int_assignments__spans_changed
),

post_days as (
    select
        parts.post_id,
        part_day.day::date as day
    from parts
    cross join bounds
    cross join generate_series(
        greatest(parts.first_date, bounds.first_date), least(parts.until_date - 1, bounds.last_date), interval '1 day'
    ) as part_day (day)
    union
    select
        coalesce(attendance.post_id, assignments.post_id, '') as post_id,
        attendance.shift_date as day
    from certificates_changed
    inner join attendance
        on
            certificates_changed.person_id = attendance.person_id
            and certificates_changed.first_date <= attendance.shift_date
            and certificates_changed.until_date > attendance.shift_date
    inner join bounds on attendance.shift_date between bounds.first_date and bounds.last_date
    left join assignments
        on
            attendance.person_id = assignments.person_id
            and assignments.build_id = {{ var('build_id') }}
            and assignments.is_main
            and attendance.shift_date >= assignments.first_date
            and attendance.shift_date < assignments.until_date
)

select
    null as post_id,
    day
from whole_days
union all
select
    post_days.post_id,
    post_days.day
from post_days
left join whole_days on post_days.day = whole_days.day
where whole_days.day is null
