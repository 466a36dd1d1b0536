{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["build_id is distinct from {{ audited_build_before() }}"],
        indexes=[
            {'columns': ['build_id', 'person_id', 'first_date', 'post_id'], 'unique': true},
            {'columns': ['build_id', 'post_id']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- depends_on: {{ source('ops', 'build') }}

with assignments as (
    select * from {{ ref('stg_delivered__assignments') }}
),

people as (
    select * from {{ ref('stg_delivered__people') }}
),

posts as (
    select * from {{ ref('int_posts__spans') }}
    where build_id = {{ var('build_id') }}
),

certificates as (
    select * from {{ ref('int_certificates__spans') }}
    where build_id = {{ var('build_id') }}
),

ended as (
    select
        *,
        least(
            coalesce(valid_to + 1, 'infinity'),
            lead(valid_from, 1, 'infinity'::date) over (partition by person_id, post_id order by valid_from)
        ) as until_date
    from assignments
),

-- Nobody holds a post before joining or after leaving.
held as (
    select
        ended.person_id,
        ended.post_id,
        ended.project_id,
        ended.assignment_kind,
        ended.share_pct,
        ended.change_reason,
        greatest(ended.valid_from, people.joined_date) as first_date,
        least(ended.until_date, coalesce(people.left_date + 1, 'infinity')) as until_date
    from ended
    inner join people on ended.person_id = people.person_id
),

bounds as (
    select
        person_id,
        first_date as day
    from held
    union
    select
        person_id,
        until_date as day
    from held
    union
    select
        held.person_id,
        bound.day
    from held
    inner join posts on held.post_id = posts.post_id
    cross join lateral (values (posts.first_date), (posts.until_date)) as bound (day)
    union
    select
        held.person_id,
        bound.day
    from held
    inner join posts on held.post_id = posts.post_id
    inner join certificates
        on held.person_id = certificates.person_id and posts.required_certificate_kind = certificates.certificate_kind
    cross join lateral (values (certificates.first_date), (certificates.until_date)) as bound (day)
),

pieces as (
    select
        person_id,
        day as first_date,
        lead(day) over (partition by person_id order by day) as until_date
    from bounds
),

covered as (
    select
        pieces.person_id,
        pieces.first_date,
        pieces.until_date,
        held.post_id,
        coalesce(held.project_id, posts.project_id, '') as project_id,
        held.assignment_kind,
        held.change_reason,
        held.share_pct,
        posts.required_certificate_kind,
        case when posts.required_certificate_kind is not null then certificates.person_id is not null end
            as is_certified,
        row_number() over (
            partition by pieces.person_id, pieces.first_date
            order by
                (coalesce(held.assignment_kind, 'primary') = 'primary') desc,
                held.share_pct desc,
                held.post_id collate "C" asc
        ) as rank,
        greatest(sum(held.share_pct) over (partition by pieces.person_id, pieces.first_date), 100) as whole_pct
    from pieces
    inner join held
        on
            pieces.person_id = held.person_id
            and pieces.first_date >= held.first_date
            and pieces.first_date < held.until_date
    left join posts
        on
            held.post_id = posts.post_id
            and pieces.first_date >= posts.first_date
            and pieces.first_date < posts.until_date
    left join certificates
        on
            held.person_id = certificates.person_id
            and posts.required_certificate_kind = certificates.certificate_kind
            and pieces.first_date >= certificates.first_date
            and pieces.first_date < certificates.until_date
    where held.first_date < held.until_date
),

rounded as (
    select
        *,
        round(share_pct / whole_pct, 6) as share
    from covered
)

-- What rounding leaves over is the main post's, so that the parts are the whole.
select
    {{ var('build_id') }} as build_id,
    person_id,
    post_id,
    project_id,
    first_date,
    until_date,
    assignment_kind,
    change_reason,
    rank = 1 as is_main,
    case
        when rank = 1
            then
                share + round(sum(share_pct) over person_piece / whole_pct, 6) - sum(share) over person_piece
        else share
    end as share,
    required_certificate_kind,
    is_certified
from rounded
window person_piece as (partition by person_id, first_date)
