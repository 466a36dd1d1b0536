select
    release_id,
    project_id,
    category,
    parent_category,
    depth,
    category_names,
    items_checked,
    items_passed,
    weight_checked,
    weight_passed,
    pass_share,
    full_points,
    deducted_points,
    findings,
    nonconformities_open,
    nonconformities_overdue,
    position
from release.category
where release_id = %s
order by project_id collate "C", position nulls last, category collate "C"
