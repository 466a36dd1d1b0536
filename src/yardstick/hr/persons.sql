select * from hr.person_month
where release_id = %(release_id)s
order by project_id collate "C", person_id collate "C"
