-- The same, each with the key of its household; null where the row has none, or is rejected.
select
    r.delivery_id,
    r.row_number,
    case
        when v.household_id like 'household-key:%' then v.household_id
        else 'household-key:' || left(encode(ops.keyed(v.project_id, v.household_id), 'hex'), 32)
    end as household_key
from raw.{entity_table} as r
left join staging.{versions} as v on r.delivery_id = v.delivery_id and r.row_number = v.row_number
where r.delivery_id = any(array(select d.delivery_id from pg_temp.due as d))
