insert into found_reject
select distinct on (r.delivery_id, r.row_number, problem ->> 'field', problem ->> 'rule')
    r.delivery_id,
    r.row_number,
    r.source_id,
    '{entity}',
    r.partition_date,
    problem ->> 'field',
    problem ->> 'value',
    problem ->> 'rule',
    problem ->> 'reason',
    nullif(concat_ws(' · ', {key_values}), ''),
    case when {is_readable} then array[{key_values}] end
from {rows} as r
cross join jsonb_array_elements(r.problems) as problem
where r.problems <> '[]'
