select * from hr.person_month_part
where release_id = %(release_id)s
order by person_id collate "C", days desc nulls last, project_id collate "C"
