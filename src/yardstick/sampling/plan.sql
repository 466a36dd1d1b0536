-- The chosen standards of a month (session setting yardstick.plan_month), as marts.rpt_sampling_plan ranks them.
with categories as (
    select
        standards_release,
        category,
        category_name_zh,
        category_name_en
    from marts.dim_standard_category
)

select
    plan.month_start,
    plan.project_id,
    plan.project_name_zh,
    plan.project_name_en,
    plan.standard_code,
    plan.standard_name_zh,
    plan.standard_name_en,
    plan.is_veto,
    plan.reason,
    plan.priority_rank,
    plan.chance_of_failing,
    plan.times_checked,
    plan.times_failed,
    plan.last_checked_date,
    plan.check_every_days,
    plan.due_date,
    plan.suggested_by_date,
    (
        select array_agg(categories.category_name_zh order by step.place)
        from unnest(plan.category_path) with ordinality as step (category, place)
        inner join categories
            on
                step.category = categories.category
                and categories.standards_release = plan.standards_release
    ) as categories_zh,
    (
        select array_agg(categories.category_name_en order by step.place)
        from unnest(plan.category_path) with ordinality as step (category, place)
        inner join categories
            on
                step.category = categories.category
                and categories.standards_release = plan.standards_release
    ) as categories_en
from marts.rpt_sampling_plan as plan
where plan.is_chosen
order by plan.project_id, plan.priority_rank
