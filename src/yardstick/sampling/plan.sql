-- The chosen standards of a month (session setting yardstick.plan_month), as marts.rpt_sampling_plan ranks them.
with categories as (
    select
        below.standards_release,
        below.category,
        array_agg(above.category_name_zh order by above.depth) as names_zh,
        array_agg(above.category_name_en order by above.depth) as names_en
    from marts.dim_standard_category as below
    inner join marts.dim_standard_category as above
        on
            below.standards_release = above.standards_release
            and above.category = any(below.category_path)
    group by below.standards_release, below.category
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
    categories.names_zh as categories_zh,
    categories.names_en as categories_en
from marts.rpt_sampling_plan as plan
left join categories
    on
        plan.standards_release = categories.standards_release
        and plan.category = categories.category
where plan.is_chosen
order by plan.project_id, plan.priority_rank
