{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["day in (select months.day from {{ ref('int_service__months') }} as months)"],
        indexes=[
            {'columns': ['project_id', 'day', 'standard_code', 'location'], 'unique': true},
            {'columns': ['day']},
        ],
    )
}}

with months as (
    select * from {{ ref('int_service__months') }}
),

horizons as (
    select * from {{ ref('int_service__horizons') }}
    where matter = 'inspections'
),

in_force as (
    select * from {{ ref('int_standards__in_force') }}
),

findings as (
    select * from {{ ref('int_nonconformities') }}
    where status <> 'cancelled' and standard_code is not null and location is not null
),

-- How far back the release in force at the month's end looks for the same finding.
windows as (
    select
        months.first_day,
        months.day,
        months.day - coalesce(in_force.repeat_within_days, months.day - months.first_day) as since
    from months
    inner join in_force on months.day >= in_force.effective_from and months.day < in_force.effective_until
)

select
    findings.project_id,
    windows.day,
    findings.standard_code,
    findings.location,
    to_char(windows.day, 'YYYY-MM') || '/' || findings.standard_code || '/' || findings.location as subject,
    count(*)::integer as times_found,
    count(*) filter (where findings.found_date >= windows.first_day)::integer as times_found_in_month,
    max(findings.found_date) as last_found_date
from windows
inner join findings on findings.found_date between windows.since and windows.day
inner join horizons on findings.project_id = horizons.project_id
where horizons.horizon_date >= windows.day
group by findings.project_id, windows.day, findings.standard_code, findings.location
having count(*) > 1 and count(*) filter (where findings.found_date >= windows.first_day) > 0
