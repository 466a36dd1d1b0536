-- Rows that are staged now, or outdated for another reason.
delete from ops.outdated_row as o
using row_fate as f
where f.delivery_id = o.delivery_id and f.row_number = o.row_number and f.fate <> o.fate
