-- A problem that comes back after it was replayed is a new row; one that still stands keeps its own.
insert into ops.reject as known (
    delivery_id, row_number, source_id, entity, partition_date, field, value, rule, reason, key, key_values,
    found_build_id
)
select
    delivery_id, row_number, source_id, entity, partition_date, field, value, rule, reason, key, key_values,
    %(build_id)s
from found_reject
order by delivery_id, row_number, field, rule
on conflict (delivery_id, row_number, field, rule) where status <> 'replayed' do update
    set value = excluded.value, reason = excluded.reason, key = excluded.key, key_values = excluded.key_values
    where (known.value, known.reason, known.key, known.key_values)
        is distinct from (excluded.value, excluded.reason, excluded.key, excluded.key_values)
