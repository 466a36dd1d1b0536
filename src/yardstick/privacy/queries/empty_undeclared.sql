-- Cells that no field is read from, and all but the key of rows that could not be taken apart.
with wanted as (
    select
        r.delivery_id,
        r.row_number,
        r.cells as before,
        (
            select
                string_agg(
                    case
                        when c.number = any(coalesce(used.keys, '{{}}')) then c.cell
                        when
                            coalesce(r.problem_rule, {judged}) = {judged}
                            and c.number = any(coalesce(used.places, '{{}}'))
                            then c.cell
                        else ''
                    end,
                    chr(31) order by c.number
                )
            from unnest(string_to_array(r.cells, chr(31))) with ordinality as c (cell, number)
        ) as after
    from pg_temp.taken
    inner join ops.delivery as d on taken.delivery_id = d.delivery_id
    inner join raw.{entity_table} as r on taken.delivery_id = r.delivery_id and taken.row_number = r.row_number
    left join lateral (
        select
            array_agg(place) as places,
            array_agg(place) filter (where layout.field = any({key}::text [])) as keys
        from pg_temp.layout
        cross join unnest(layout.places) as place
        where layout.arrival_id = d.arrival_id
    ) as used on true
    where r.delivery_id = any(array(select distinct taken.delivery_id from pg_temp.taken)) and {condition}
),

done as (
    update raw.{entity_table} as r
    set cells = wanted.after
    from wanted
    where
        r.delivery_id = any(array(select distinct taken.delivery_id from pg_temp.taken))
        and r.delivery_id = wanted.delivery_id and r.row_number = wanted.row_number
        and wanted.after is distinct from wanted.before
    returning r.delivery_id, r.row_number
)

insert into pg_temp.changed (delivery_id, row_number, field)
select delivery_id, row_number, '*' from done
