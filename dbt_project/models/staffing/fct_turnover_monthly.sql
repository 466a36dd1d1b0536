{{
    config(
        materialized='table',
        indexes=[{'columns': ['month', 'project_id', 'post_function', 'staffing_kind'], 'unique': true}],
    )
}}

{#- Tenures at which people who leave so early were hired in vain, in days. -#}
{%- set early_days = 90 -%}
{%- set reasons = [
    'resigned', 'dismissed', 'contract_ended', 'retired', 'transferred', 'died', 'other', 'unknown',
] %}

with people as (
    select
        *,
        array[placed_project_id, placed_function, placed_kind] as place
    from (
        select
            *,
            coalesce(project_id, '') as placed_project_id,
            coalesce(post_function, '') as placed_function,
            coalesce(staffing_kind, case when contract_type = 'outsourced' then 'outsourced' else 'own' end)
                as placed_kind,
            coalesce(last_date + 1, 'infinity') as until_date
        from {{ ref('dim_person') }}
    ) as stretches
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

neighbours as (
    select
        *,
        coalesce(lag(place) over stretches <> place, true) as is_other_before,
        coalesce(lead(place) over stretches <> place, true) as is_other_after
    from people
    window stretches as (partition by person_id order by first_date)
),

counted as (
    select
        months.month,
        neighbours.placed_project_id as project_id,
        neighbours.placed_function as post_function,
        neighbours.placed_kind as staffing_kind,
        months.until_date - months.first_date as month_days,
        least(months.until_date, neighbours.until_date) - greatest(months.first_date, neighbours.first_date)
            as person_days,
        neighbours.first_date < months.first_date as is_at_start,
        neighbours.until_date > months.until_date as is_at_end,
        neighbours.first_date >= months.first_date and neighbours.first_date = neighbours.joined_date as is_joiner,
        neighbours.until_date <= months.until_date and neighbours.is_last as is_leaver,
        neighbours.first_date >= months.first_date
        and neighbours.first_date > neighbours.joined_date
        and neighbours.is_other_before as is_moved_in,
        neighbours.until_date <= months.until_date and not neighbours.is_last and neighbours.is_other_after
            as is_moved_out,
        coalesce(neighbours.leaving_reason, 'unknown') as leaving_reason,
        neighbours.left_date - neighbours.joined_date + 1 as tenure_at_leaving_days,
        months.until_date - neighbours.joined_date as tenure_at_end_days
    from months
    inner join neighbours
        on months.until_date > neighbours.first_date and months.first_date < neighbours.until_date
)

select
    month,
    project_id,
    post_function,
    staffing_kind,
    max(month_days) as month_days,
    sum(person_days)::bigint as person_days,
    (count(*) filter (where is_at_start))::integer as persons_at_start,
    (count(*) filter (where is_at_end))::integer as persons_at_end,
    (count(*) filter (where is_joiner))::integer as joiners,
    (count(*) filter (where is_leaver))::integer as leavers,
    {%- for reason in reasons %}
    (count(*) filter (where is_leaver and leaving_reason = '{{ reason }}'))::integer as leavers_{{ reason }},
    {%- endfor %}
    (count(*) filter (where is_leaver and tenure_at_leaving_days <= {{ early_days }}))::integer
        as leavers_within_{{ early_days }}_days,
    (count(*) filter (where is_moved_in))::integer as moved_in,
    (count(*) filter (where is_moved_out))::integer as moved_out,
    coalesce(sum(tenure_at_leaving_days) filter (where is_leaver), 0)::bigint as leavers_tenure_days,
    coalesce(sum(tenure_at_end_days) filter (where is_at_end), 0)::bigint as tenure_days
from counted
group by month, project_id, post_function, staffing_kind
