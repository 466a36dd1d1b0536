{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=['true'],
        indexes=[{'columns': ['person_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

with people as (
    select * from {{ ref('stg_delivered__people') }}
),

before as (
    {{ rows_before('marts', 'dim_person', {'person_id': 'text', 'delivery_id': 'bigint'}) }}
),

assignments as (
    select * from {{ ref('int_assignments__spans') }}
),

posts as (
    select * from {{ ref('int_posts__spans') }}
),

-- Main posts that are others than in the last audited build, or whose establishment says something else.
assignments_changed as (
    select person_id
    from assignments
    where is_main
    group by person_id, post_id, project_id, first_date, until_date
    having count(*) = 1
),

posts_changed as (
    select post_id
    from posts
    group by
        post_id, first_date, until_date, department_id, post_function, is_customer_manager, staffing_kind, job_grade,
        reports_to_post_id, matrix_reports_to_post_id
    having count(*) = 1
),

touched as (
    select person_id
    from people
    where delivery_id in ({{ deliveries_of_build() }})
    union
    select person_id
    from before
    where delivery_id in ({{ deliveries_of_build() }})
    union
    select person_id
    from assignments_changed
    union
    select assignments.person_id
    from assignments
    inner join posts_changed on assignments.post_id = posts_changed.post_id
    {{- left_over(['person_id']) }}
)

select
    {{ var('build_id') }} as build_id,
    person_id
from touched
