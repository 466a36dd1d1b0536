delete from ops.outdated_row
where delivery_id in (select delivery_id from recounted)
