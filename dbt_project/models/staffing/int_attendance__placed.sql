{{ config(materialized='view', schema='intermediate', contract={'enforced': false}) }}

with attendance as (
    select * from {{ ref('fct_attendance') }}
),

assignments as (
    select * from {{ ref('int_assignments__spans') }}
    where build_id = {{ var('build_id') }} and is_main
),

posts as (
    select * from {{ ref('int_posts__spans') }}
    where build_id = {{ var('build_id') }}
)

-- A shift that names no post stands on the main post of the person, and in its project unless it names one.
select
    attendance.*,
    coalesce(attendance.post_id, assignments.post_id, '') as placed_post_id,
    coalesce(
        attendance.project_id,
        case when attendance.post_id is null then assignments.project_id end,
        posts.project_id, ''
    ) as placed_project_id,
    coalesce(posts.post_function, '') as placed_post_function,
    posts.required_certificate_kind
from attendance
left join assignments
    on
        attendance.person_id = assignments.person_id
        and attendance.shift_date >= assignments.first_date
        and attendance.shift_date < assignments.until_date
left join posts
    on
        coalesce(attendance.post_id, assignments.post_id) = posts.post_id
        and attendance.shift_date >= posts.first_date
        and attendance.shift_date < posts.until_date
