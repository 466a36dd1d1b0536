{{
    config(
        materialized='table',
        indexes=[{'columns': ['nonconformity_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

with delivered as (
    select * from {{ ref('int_nonconformities__delivered') }}
),

touched as (
    select * from {{ ref('int_nonconformities__touched') }}
),

-- Not materialised: what is asked of history is asked by key.
before as not materialized (
    {{ rows_before('intermediate', 'int_nonconformities', dict(
        nonconformity_columns(), repeats_nonconformity_id='text',
    )) }}
),

in_force as (
    select * from {{ ref('int_standards__in_force') }}
),

-- Standard and place of what is touched, as it was and as it is, and the days on which it can matter.
groups as (
    select
        project_id,
        standard_code,
        location,
        min(found_date) as first_date,
        max(found_date) as last_date
    from (
        select
            project_id,
            standard_code,
            location,
            found_date
        from delivered
        union all
        select
            before.project_id,
            before.standard_code,
            before.location,
            before.found_date
        from before
        inner join touched on before.nonconformity_id = touched.nonconformity_id
    ) as placed
    where standard_code is not null
    group by project_id, standard_code, location
),

reach as (
    select coalesce(max(repeat_within_days), 0) as days from in_force
),

neighbours as (
    select
        before.*,
        before.found_date > groups.first_date as is_later
    from groups
    cross join reach
    inner join before
        on
            groups.project_id = before.project_id
            and groups.standard_code = before.standard_code
            and groups.location is not distinct from before.location
            and before.found_date between groups.first_date - reach.days and groups.last_date + reach.days
    left join touched on before.nonconformity_id = touched.nonconformity_id
    where touched.nonconformity_id is null
),

members as (
    select
        nonconformity_id,
        project_id,
        standard_code,
        location,
        status,
        found_at,
        found_date,
        null as repeated_before,
        true as is_delivered,
        true as is_looked_at
    from delivered
    union all
    select
        nonconformity_id,
        project_id,
        standard_code,
        location,
        status,
        found_at,
        found_date,
        repeats_nonconformity_id as repeated_before,
        false as is_delivered,
        is_later as is_looked_at
    from neighbours
),

-- Found twice on one day is one finding with two sides, not a repeated one.
found_days as (
    select
        project_id,
        standard_code,
        location,
        found_date,
        (array_agg(nonconformity_id order by found_at desc, nonconformity_id desc))[1] as last_nonconformity_id
    from members
    where standard_code is not null and status <> 'cancelled'
    group by project_id, standard_code, location, found_date
),

preceded as (
    select
        *,
        lag(found_date) over same_place as previous_date,
        lag(last_nonconformity_id) over same_place as previous_nonconformity_id
    from found_days
    window same_place as (partition by project_id, standard_code, location order by found_date)
),

judged as (
    select
        members.nonconformity_id,
        members.is_delivered,
        members.is_looked_at,
        members.repeated_before,
        members.standard_code,
        case
            when members.status <> 'cancelled'
                and preceded.previous_date >= members.found_date - in_force.repeat_within_days
                then preceded.previous_nonconformity_id
        end as repeats_nonconformity_id
    from members
    left join preceded
        on
            members.project_id = preceded.project_id
            and members.standard_code = preceded.standard_code
            and members.location is not distinct from preceded.location
            and members.found_date = preceded.found_date
    left join in_force
        on
            members.found_date >= in_force.effective_from
            and members.found_date < in_force.effective_until
)

select
    nonconformity_id,
    is_delivered,
    case when standard_code is not null then repeats_nonconformity_id is not null end as is_repeated,
    repeats_nonconformity_id
from judged
where is_delivered or (is_looked_at and repeats_nonconformity_id is distinct from repeated_before)
