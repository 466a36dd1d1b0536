-- Another value of one field. Rows that could not be taken apart have no fields, and a column that a field which
-- stays is read from as well is left alone.
with wanted as (
    select
        r.delivery_id,
        r.row_number,
        cut.cells as before,
        ops.put_value(cut.cells, layout.places, layout.separator, layout.nulls, {value}) as after
    from pg_temp.taken
    inner join ops.delivery as d on taken.delivery_id = d.delivery_id
    inner join pg_temp.layout on d.arrival_id = layout.arrival_id and layout.field = {field}
    inner join raw.{entity_table} as r on taken.delivery_id = r.delivery_id and taken.row_number = r.row_number
    cross join lateral (select string_to_array(r.cells, chr(31)) as cells) as cut
    where
        r.delivery_id = any(array(select distinct taken.delivery_id from pg_temp.taken))
        and coalesce(r.problem_rule, {judged}) = {judged}
        and {condition}
        and not exists (
            select from pg_temp.layout as other
            where
                other.arrival_id = layout.arrival_id
                and other.field <> all({may_share}::text [])
                and other.places && array_remove(layout.places, null)
        )
),

done as (
    update raw.{entity_table} as r
    set cells = array_to_string(wanted.after, chr(31))
    from wanted
    where
        r.delivery_id = any(array(select distinct taken.delivery_id from pg_temp.taken))
        and r.delivery_id = wanted.delivery_id and r.row_number = wanted.row_number
        and wanted.after is distinct from wanted.before
    returning r.delivery_id, r.row_number
)

insert into pg_temp.changed (delivery_id, row_number, field)
select delivery_id, row_number, {field} from done
