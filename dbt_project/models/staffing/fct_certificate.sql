{{
    config(
        materialized='table',
        indexes=[
            {'columns': ['source_id', 'source_certificate_id'], 'unique': true},
            {'columns': ['person_id', 'certificate_kind']},
        ],
    )
}}

with certificates as (
    select * from {{ ref('int_certificates__dated') }}
),

spans as (
    select * from {{ ref('int_certificates__spans') }}
    where build_id = {{ var('build_id') }}
),

people as (
    select * from {{ ref('dim_person') }}
    where is_last
),

bounds as (
    select * from {{ ref('int_staffing__bounds') }}
),

shifts as (
    select * from {{ ref('int_attendance__placed') }}
),

posts as (
    select * from {{ ref('int_posts__spans') }}
    where build_id = {{ var('build_id') }}
),

-- The one of a kind that a person held last: what is missing since is held against it.
ranked as (
    select
        *,
        row_number() over (
            partition by person_id, certificate_kind
            order by until_date desc, source_id asc, source_certificate_id asc
        ) as rank
    from certificates
),

-- Days on duty at a post that asks for it, after it ended and with no other of its kind.
expired_duty as (
    select
        ranked.source_id,
        ranked.source_certificate_id,
        count(distinct shifts.shift_date)::integer as expired_on_duty_days,
        max(shifts.shift_date) as last_expired_on_duty_date
    from ranked
    cross join bounds
    inner join shifts
        on
            ranked.person_id = shifts.person_id
            and ranked.certificate_kind = shifts.required_certificate_kind
            and ranked.until_date <= shifts.shift_date
            and shifts.is_on_duty
            and bounds.last_date >= shifts.shift_date
    where ranked.rank = 1 and ranked.until_date <= bounds.last_date
    group by ranked.source_id, ranked.source_certificate_id
),

-- As of the last day that is known, whether the person holds one of the kind, and until when.
held as (
    select
        spans.person_id,
        spans.certificate_kind,
        spans.until_date
    from spans
    inner join bounds on spans.first_date <= bounds.last_date and spans.until_date > bounds.last_date
)

select
    ranked.source_id,
    ranked.source_certificate_id,
    ranked.person_id,
    people.project_id,
    people.post_id,
    people.post_function,
    ranked.certificate_kind,
    ranked.certificate_name,
    ranked.issuer,
    ranked.issued_date,
    ranked.valid_from,
    ranked.valid_to,
    ranked.review_due_date,
    ranked.withdrawn_date,
    bounds.last_date as as_of_date,
    case
        when ranked.withdrawn_date <= bounds.last_date then 'withdrawn'
        when ranked.first_date > bounds.last_date then 'not_yet'
        when ranked.until_date <= bounds.last_date then 'expired'
        else 'valid'
    end as state,
    case when isfinite(ranked.until_date) then ranked.until_date - 1 - bounds.last_date end as days_left,
    people.person_id is not null and coalesce(people.left_date >= bounds.last_date, true) as is_in_service,
    coalesce(posts.required_certificate_kind = ranked.certificate_kind, false) as is_required,
    held.person_id is not null as is_covered,
    {%- for days in [30, 60, 90] %}
    coalesce(
        ranked.rank = 1 and held.until_date <= bounds.last_date + {{ days }}, false
    ) as is_expiring_in_{{ days }}_days,
    {%- endfor %}
    coalesce(expired_duty.expired_on_duty_days, 0) as expired_on_duty_days,
    expired_duty.last_expired_on_duty_date,
    ranked.delivery_id,
    ranked.row_number
from ranked
cross join bounds
left join people on ranked.person_id = people.person_id
left join posts
    on
        people.post_id = posts.post_id
        and bounds.last_date >= posts.first_date
        and bounds.last_date < posts.until_date
left join held on ranked.person_id = held.person_id and ranked.certificate_kind = held.certificate_kind
left join expired_duty
    on
        ranked.source_id = expired_duty.source_id
        and ranked.source_certificate_id = expired_duty.source_certificate_id
