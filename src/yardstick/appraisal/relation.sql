-- Columns of a release table but release_id, with their types and whether they are of the key.
select
    a.attname,
    format_type(a.atttypid, a.atttypmod),
    a.attnum = any(i.indkey)
from pg_attribute as a
inner join pg_index as i on a.attrelid = i.indrelid and i.indisprimary
where
    a.attrelid = cast(%(relation)s as regclass)
    and a.attnum > 0
    and not a.attisdropped
    and a.attname <> 'release_id'
order by a.attnum
