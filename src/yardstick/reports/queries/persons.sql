-- Codes only: the names of people are for HR.
select
    project_id,
    person_id
from release.person
where release_id = %s
order by person_id collate "C"
