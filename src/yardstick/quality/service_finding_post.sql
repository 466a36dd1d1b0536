-- The post that is accountable on the day: of management the one the project's manager holds, of customer
-- service the customer manager's; of several the one that reports to no other of them.
(
    select p.post_id
    from staging.stg_delivered__posts as p
    where
        p.project_id = f.project_id
        and p.post_function = f.accountable
        and p.valid_from <= f.found_date
        and coalesce(p.valid_to >= f.found_date, true)
    order by
        f.accountable = 'management' and exists (
            select from staging.stg_delivered__projects as project
            inner join staging.stg_delivered__assignments as a on a.person_id = project.manager_person_id
            where
                project.project_id = f.project_id
                and a.post_id = p.post_id
                and a.valid_from <= f.found_date
                and coalesce(a.valid_to >= f.found_date, true)
        ) desc,
        f.accountable = 'customer_service' and coalesce(p.is_customer_manager, false) desc,
        exists (
            select from staging.stg_delivered__posts as above
            where
                above.post_id = p.reports_to_post_id
                and above.project_id = p.project_id
                and above.post_function = p.post_function
        ),
        p.post_id
    limit 1
)
