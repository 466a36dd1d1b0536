-- Where each field of an entity stands in the rows of each arrival.
create temporary table layout as
select
    a.arrival_id,
    f.field,
    f.separator,
    f.null_values as nulls,
    f.is_coded and not f.is_open_code as is_coded,
    array(
        select array_position(a.header, c.name)
        from unnest(f.source_columns) with ordinality as c (name, place)
        order by c.place
    ) as places
from ops.arrival as a
inner join ops.source_field as f on a.source_id = f.source_id and a.entity = f.entity
where a.entity = {entity} and f.constant is null and f.source_columns && a.header
