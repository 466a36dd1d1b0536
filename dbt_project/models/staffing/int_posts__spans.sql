{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["build_id is distinct from {{ audited_build_before() }}"],
        indexes=[{'columns': ['build_id', 'post_id', 'first_date'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

-- depends_on: {{ source('ops', 'build') }}

with posts as (
    select * from {{ ref('stg_delivered__posts') }}
),

-- The next row of a post ends the one before, whether or not that one says when it ends.
ended as (
    select
        *,
        least(
            coalesce(valid_to + 1, 'infinity'),
            lead(valid_from, 1, 'infinity'::date) over (partition by post_id order by valid_from)
        ) as until_date
    from posts
)

select
    {{ var('build_id') }} as build_id,
    post_id,
    valid_from as first_date,
    until_date,
    coalesce(project_id, '') as project_id,
    department_id,
    post_function,
    coalesce(is_customer_manager, false) as is_customer_manager,
    staffing_kind,
    job_grade,
    established_persons,
    required_certificate_kind,
    reports_to_post_id,
    matrix_reports_to_post_id
from ended
where valid_from < until_date
