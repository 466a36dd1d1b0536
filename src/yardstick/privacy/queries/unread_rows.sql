-- Rows that could not be taken apart: wherever a cell is the id.
with done as (
    update raw.{entity_table} as r
    set cells = (
        select string_agg(coalesce(e.pseudonym, c.cell), chr(31) order by c.number)
        from unnest(string_to_array(r.cells, chr(31))) with ordinality as c (cell, number)
        left join pg_temp.erased as e on btrim(c.cell, E' \t\r\n\u00a0\u3000') = e.person_id
    )
    from pg_temp.taken
    where
        r.delivery_id = any(array(select distinct t.delivery_id from pg_temp.taken as t))
        and r.delivery_id = taken.delivery_id and r.row_number = taken.row_number
        and r.problem_rule <> {judged}
    returning r.delivery_id, r.row_number
)

insert into pg_temp.changed (delivery_id, row_number, field)
select delivery_id, row_number, '*' from done
