select
    source_id,
    entity,
    rule,
    field,
    rows
from release.reject_count
where release_id = %s
order by rows desc, source_id collate "C", entity collate "C", rule collate "C", field collate "C"
