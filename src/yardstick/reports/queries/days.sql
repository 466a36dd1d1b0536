select
    project_id,
    day,
    tickets_opened,
    tickets_closed,
    tickets_open,
    tickets_due,
    tickets_due_met
from release.day
where release_id = %s
order by day
