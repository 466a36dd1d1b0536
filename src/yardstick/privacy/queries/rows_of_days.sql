-- Rows of audited deliveries of days before the cut-off that were not looked at for the fields.
select r.delivery_id, r.row_number
from raw.{entity_table} as r
where r.delivery_id = any(array(select d.delivery_id from pg_temp.due as d))
