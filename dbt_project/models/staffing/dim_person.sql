{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "person_id in (select touched.person_id from {{ ref('int_people__touched') }} as touched)"
        ],
        indexes=[
            {'columns': ['person_id', 'first_date'], 'unique': true},
            {'columns': ['delivery_id']},
        ],
        post_hook='{% if not is_incremental() %}analyze {{ this }}{% endif %}',
    )
}}

{#- What a person's row says from day to day; nothing personal. -#}
{%- set told = [
    'contract_type', 'employer_name', 'job_grade', 'department_id', 'line_manager_person_id',
    'matrix_manager_person_id', 'working_hours_kind',
] -%}
{%- set of_post = [
    'post_id', 'project_id', 'post_function', 'is_customer_manager', 'staffing_kind', 'post_job_grade',
    'reports_to_post_id', 'matrix_reports_to_post_id',
] %}

with touched as (
    select * from {{ ref('int_people__touched') }}
),

people as (
    select delivered.*
    from {{ ref('stg_delivered__people') }} as delivered
    inner join touched on delivered.person_id = touched.person_id
),

-- What was told on a day, the last delivery of it before the others.
versions as (
    select distinct on (delivered.person_id, delivered.partition_date) delivered.*
    from {{ ref('stg_delivered__person_versions') }} as delivered
    inner join touched on delivered.person_id = touched.person_id
    order by
        delivered.person_id asc, delivered.partition_date asc, delivered.delivery_id desc, delivered.row_number desc
),

assignments as (
    select spans.*
    from {{ ref('int_assignments__spans') }} as spans
    inner join touched on spans.person_id = touched.person_id
    where spans.build_id = {{ var('build_id') }} and spans.is_main
),

posts as (
    select * from {{ ref('int_posts__spans') }}
    where build_id = {{ var('build_id') }}
),

-- The first thing told of a person holds from joining on.
told as (
    select
        *,
        case
            when lag(partition_date) over (partition by person_id order by partition_date) is null
                then '-infinity'::date
            else partition_date
        end as first_date,
        lead(partition_date, 1, 'infinity'::date) over (partition by person_id order by partition_date) as until_date
    from versions
),

service as (
    select
        person_id,
        joined_date as first_date,
        coalesce(left_date + 1, 'infinity') as until_date
    from people
),

bounds as (
    select
        person_id,
        first_date as day
    from service
    union
    select
        person_id,
        first_date as day
    from told
    union
    select
        assignments.person_id,
        bound.day
    from assignments
    cross join lateral (values (assignments.first_date), (assignments.until_date)) as bound (day)
),

pieces as (
    select
        bounds.person_id,
        bounds.day as first_date,
        service.until_date
    from bounds
    inner join service
        on
            bounds.person_id = service.person_id
            and bounds.day >= service.first_date
            and bounds.day < service.until_date
),

said as (
    select
        pieces.person_id,
        pieces.first_date,
        pieces.until_date,
        {%- for column in told %}
        told.{{ column }},
        {%- endfor %}
        {%- for column in of_post if column not in ('post_id', 'project_id', 'post_job_grade') %}
        posts.{{ column }},
        {%- endfor %}
        posts.job_grade as post_job_grade,
        assignments.post_id,
        assignments.project_id
    from pieces
    inner join told
        on
            pieces.person_id = told.person_id
            and pieces.first_date >= told.first_date
            and pieces.first_date < told.until_date
    left join assignments
        on
            pieces.person_id = assignments.person_id
            and pieces.first_date >= assignments.first_date
            and pieces.first_date < assignments.until_date
    left join posts
        on
            assignments.post_id = posts.post_id
            and pieces.first_date >= posts.first_date
            and pieces.first_date < posts.until_date
),

-- A stretch begins where anything differs from the day before.
begun as (
    select
        *,
        coalesce(lag(content) over (partition by person_id order by first_date) <> content, true) as is_new
    from (
        select
            *,
            array[
                {%- for column in told + of_post %}
                {{ column }}::text{% if not loop.last %},{% endif %}
                {%- endfor %}
            ] as content
        from said
    ) as written
),

stretches as (
    select
        *,
        lead(first_date, 1, until_date) over (partition by person_id order by first_date) as next_date
    from begun
    where is_new
)

select
    stretches.person_id,
    stretches.first_date,
    case when stretches.next_date < 'infinity' then stretches.next_date - 1 end as last_date,
    stretches.next_date = stretches.until_date as is_last,
    {%- for column in told + of_post %}
    stretches.{{ column }},
    {%- endfor %}
    people.joined_date,
    people.left_date,
    people.leaving_reason,
    people.delivery_id
from stretches
inner join people on stretches.person_id = people.person_id
