{{ config(materialized='view') }}

-- What to inspect in a month: every active project with every inspection standard that applies to it and has a longest
-- time between two checks. The month is that of the session setting yardstick.plan_month (its first day), otherwise the
-- one after the last day that has inspections. What was checked in the month or later is not known yet.
with horizons as (
    select * from {{ ref('int_sources__entity_horizons') }}
),

planned_month as (
    select
        month_start::date as month_start,
        (month_start + interval '1 month - 1 day')::date as month_end
    from (
        select
            coalesce(
                date_trunc('month', nullif(current_setting('yardstick.plan_month', true), '')::timestamp),
                date_trunc('month', max(horizon_date)::timestamp) + interval '1 month'
            ) as month_start
        from horizons
        where entity = 'inspection_item'
    ) as chosen
),

releases as (
    select
        standards_release,
        effective_from,
        lead(effective_from, 1, 'infinity'::date) over (order by effective_from) as effective_until,
        (sampling ->> 'prior_checks')::float8 as prior_checks,
        (sampling ->> 'prior_chance')::float8 as prior_chance,
        (sampling ->> 'half_life_days')::float8 as half_life_days,
        (sampling ->> 'veto_factor')::float8 as veto_factor,
        (sampling ->> 'overdue_within_days')::integer as overdue_within_days,
        (sampling ->> 'inspections_per_month')::integer
        * (sampling ->> 'standards_per_inspection')::integer as budget
    from {{ source('standards', 'standards_release') }}
),

in_force as (
    select
        releases.*,
        planned_month.month_start,
        planned_month.month_end
    from planned_month
    inner join releases
        on
            planned_month.month_start >= releases.effective_from
            and planned_month.month_start < releases.effective_until
    where releases.prior_checks is not null
),

projects as (
    select
        *,
        array_remove(
            array[
                case when lifts > 0 then 'lift' end,
                case when has_garage then 'garage' end,
                case when has_public_washroom then 'public_washroom' end,
                case when has_pool then 'pool' end,
                case when has_fire_control_room then 'fire_control_room' end,
                case when green_area_m2 > 0 then 'green_area' end
            ],
            null
        ) as facilities
    from {{ ref('dim_project') }}
),

standards as (
    select * from {{ ref('dim_standard') }}
    where standard_kind = 'inspection' and check_every_days is not null
),

-- A project of unknown type has none of the standards of a type, and so with facilities.
applicable as (
    select
        in_force.*,
        projects.project_id,
        projects.project_name_zh,
        projects.project_name_en,
        projects.project_grade,
        standards.standard_code,
        standards.standard_name_zh,
        standards.standard_name_en,
        standards.category,
        standards.category_path,
        standards.weight::float8 as weight,
        standards.is_veto,
        standards.check_every_days
    from in_force
    inner join standards on in_force.standards_release = standards.standards_release
    inner join projects
        on
            coalesce(in_force.month_end >= projects.takeover_date, true)
            and coalesce(in_force.month_start <= projects.ended_date, true)
            and coalesce(projects.project_stage <> 'ended', true)
            and (standards.project_grades is null or projects.project_grade = any(standards.project_grades))
            and (standards.project_types is null or projects.project_type = any(standards.project_types))
            and (standards.facilities is null or standards.facilities <@ projects.facilities)
),

-- A check counts half after half_life_days; checks at several places on one day are as many checks. Rounded numbers add
-- up to the same in any order.
checked as (
    select
        items.project_id,
        items.standard_code,
        count(*) as times_checked,
        count(*) filter (where not items.is_passed) as times_failed,
        max(items.checked_date) as last_checked_date,
        sum(weighed.weight) as checks_weighed,
        sum(weighed.weight) filter (where not items.is_passed) as failures_weighed
    from {{ ref('fct_inspection_item') }} as items
    cross join in_force
    cross join lateral (
        select
            round(
                power(0.5::float8, (in_force.month_start - items.checked_date) / in_force.half_life_days)::numeric, 12
            ) as weight
    ) as weighed
    where items.is_passed is not null and items.checked_date < in_force.month_start
    group by items.project_id, items.standard_code
),

of_grade as (
    select
        projects.project_grade,
        checked.standard_code,
        sum(checked.checks_weighed) as checks_weighed,
        sum(coalesce(checked.failures_weighed, 0)) as failures_weighed
    from checked
    inner join projects on checked.project_id = projects.project_id
    group by projects.project_grade, checked.standard_code
),

-- Beta-binomial: a project's checks beside prior_checks others at the standard's rate at that grade, and the grade's
-- beside as many at prior_chance.
judged as (
    select
        applicable.*,
        coalesce(checked.times_checked, 0) as times_checked,
        coalesce(checked.times_failed, 0) as times_failed,
        checked.last_checked_date,
        (
            coalesce(checked.failures_weighed, 0)::float8
            + applicable.prior_checks
            * (coalesce(of_grade.failures_weighed, 0)::float8 + applicable.prior_checks * applicable.prior_chance)
            / (coalesce(of_grade.checks_weighed, 0)::float8 + applicable.prior_checks)
        )
        / (coalesce(checked.checks_weighed, 0)::float8 + applicable.prior_checks) as chance_of_failing,
        applicable.month_start - checked.last_checked_date as days_since_checked,
        checked.last_checked_date + applicable.check_every_days as due_date,
        coalesce(
            (applicable.month_end - checked.last_checked_date)::float8 / applicable.check_every_days, 1
        ) as staleness
    from applicable
    left join checked
        on
            applicable.project_id = checked.project_id
            and applicable.standard_code = checked.standard_code
    left join of_grade
        on
            applicable.project_grade = of_grade.project_grade
            and applicable.standard_code = of_grade.standard_code
),

weighed as (
    select
        *,
        chance_of_failing * weight * case when is_veto then veto_factor else 1 end as expected_loss,
        staleness >= 1 as is_due
    from judged
),

prioritised as (
    select
        *,
        round((expected_loss * staleness)::numeric, 9) as priority
    from weighed
),

ranked as (
    select
        *,
        row_number() over (
            partition by project_id order by is_due desc, priority desc, standard_code asc
        ) as priority_rank
    from prioritised
)

select
    month_start,
    month_end,
    standards_release,
    project_id,
    project_name_zh,
    project_name_en,
    project_grade,
    standard_code,
    standard_name_zh,
    standard_name_en,
    category,
    category_path,
    weight,
    is_veto,
    check_every_days,
    times_checked::integer as times_checked,
    times_failed::integer as times_failed,
    last_checked_date,
    days_since_checked,
    due_date,
    staleness,
    chance_of_failing,
    expected_loss,
    priority::float8 as priority,
    priority_rank::integer as priority_rank,
    is_due,
    is_due or priority_rank <= budget as is_chosen,
    case
        when last_checked_date is null then 'never_checked'
        when is_due then 'stale'
        when priority_rank <= budget then 'risk'
    end as reason,
    case
        when not is_due and priority_rank > budget then null
        when is_due and last_checked_date is not null
            then least(month_end, greatest(due_date, month_start + overdue_within_days - 1))
        else month_end
    end as suggested_by_date
from ranked
