{{
    config(
        materialized='table',
        indexes=[{'columns': ['month', 'person_id', 'project_id'], 'unique': true}],
    )
}}

with assignments as (
    select * from {{ ref('int_assignments__spans') }}
    where build_id = {{ var('build_id') }}
),

people as (
    select * from {{ ref('stg_delivered__people') }}
),

bounds as (
    select * from {{ ref('int_staffing__bounds') }}
),

months as (
    select
        month.first_day::date as month,
        greatest(month.first_day::date, bounds.first_date) as first_date,
        least((month.first_day + interval '1 month')::date, bounds.last_date + 1) as until_date
    from bounds
    cross join
        generate_series(date_trunc('month', bounds.first_date), bounds.last_date, interval '1 month')
            as month (first_day)
),

-- Days in service, as far as they are known.
service as (
    select
        months.month,
        people.person_id,
        least(months.until_date, coalesce(people.left_date + 1, 'infinity'))
        - greatest(months.first_date, people.joined_date) as service_days
    from months
    inner join people
        on
            months.until_date > people.joined_date
            and months.first_date <= coalesce(people.left_date, 'infinity')
),

parts as (
    select
        months.month,
        assignments.person_id,
        assignments.project_id,
        assignments.first_date,
        assignments.is_main,
        assignments.share,
        sum(assignments.share) over same_days as whole,
        least(months.until_date, assignments.until_date) - greatest(months.first_date, assignments.first_date) as days
    from months
    inner join assignments
        on months.until_date > assignments.first_date and months.first_date < assignments.until_date
    window same_days as (partition by months.month, assignments.person_id, assignments.first_date)
),

-- A day is split by the shares held on it; what rounding leaves over is the main post's.
split as (
    select
        *,
        case
            when is_main
                then 1 - coalesce(sum(round(share / nullif(whole, 0), 6)) filter (where not is_main) over same_days, 0)
            else round(share / nullif(whole, 0), 6)
        end as part
    from parts
    where whole > 0
    window same_days as (partition by month, person_id, first_date)
),

placed as (
    select
        month,
        person_id,
        project_id,
        sum(part * days) as days,
        sum(share * days) as full_time_days
    from split
    group by month, person_id, project_id
),

-- Days in service without any post are nobody's.
unplaced as (
    select
        service.month,
        service.person_id,
        '' as project_id,
        service.service_days - coalesce(sum(placed.days), 0) as days,
        0 as full_time_days
    from service
    left join placed on service.month = placed.month and service.person_id = placed.person_id
    group by service.month, service.person_id, service.service_days
    having service.service_days - coalesce(sum(placed.days), 0) > 0
),

together as (
    select
        month,
        person_id,
        project_id,
        sum(days) as days,
        sum(full_time_days) as full_time_days
    from (
        select * from placed
        union all
        select * from unplaced
    ) as all_days
    group by month, person_id, project_id
)

select
    together.month,
    together.person_id,
    together.project_id,
    together.days,
    together.full_time_days,
    service.service_days
from together
inner join service on together.month = service.month and together.person_id = service.person_id
