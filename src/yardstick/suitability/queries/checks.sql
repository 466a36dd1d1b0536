-- Checks with a result, by the standard in force on their day. Both ends included.
select
    items.standard_code,
    coalesce(items.inspector_person_id, '') as inspector_person_id,
    items.project_id,
    coalesce(projects.project_grade, '') as project_grade,
    coalesce(standards.function, standards.category_1, '') as function,
    date_trunc('month', items.checked_date)::date as month,
    count(*) as checked,
    count(*) filter (where items.is_passed) as passed
from marts.fct_inspection_item as items
inner join marts.dim_standard as standards
    on
        items.standard_code = standards.standard_code
        and standards.standard_kind = 'inspection'
        and items.checked_date >= standards.effective_from
        and items.checked_date < standards.effective_until
left join marts.dim_project as projects on items.project_id = projects.project_id
where
    items.is_passed is not null
    and items.checked_date >= %(first)s
    and items.checked_date <= %(last)s
group by 1, 2, 3, 4, 5, 6
