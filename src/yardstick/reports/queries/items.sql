-- The service items of each project, those that missed most first.
select
    release_id,
    project_id,
    service_item_id,
    service_item_names,
    tickets_opened,
    tickets_due,
    tickets_due_met,
    tickets_open_at_end
from release.item
where release_id = %s
order by tickets_due - tickets_due_met desc, tickets_open_at_end desc, service_item_id collate "C"
