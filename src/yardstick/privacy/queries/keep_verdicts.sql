-- What is wrong with a row for what it says, not for what nobody has delivered, is written down with it.
update raw.{entity_table} as r
set problem_rule = {judged}, problem_detail = found.problems
from (
    select
        j.delivery_id,
        j.row_number,
        jsonb_agg(
            jsonb_build_object('field', j.field, 'value', j.value, 'rule', j.rule, 'reason', j.reason)
            order by j.reject_id
        )::text as problems
    from ops.rejected as j
    inner join pg_temp.taken as t on j.delivery_id = t.delivery_id and j.row_number = t.row_number
    where j.entity = {entity} and j.rule <> all({of_references})
    group by j.delivery_id, j.row_number
) as found
where
    r.delivery_id = any(array(select distinct taken.delivery_id from pg_temp.taken))
    and r.delivery_id = found.delivery_id and r.row_number = found.row_number
    and coalesce(r.problem_rule, {judged}) = {judged}
    and r.problem_detail is distinct from found.problems
