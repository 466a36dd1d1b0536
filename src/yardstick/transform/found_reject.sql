-- What this build finds wrong, to be compared with what is known.
create temporary table found_reject (
    delivery_id bigint, row_number integer, source_id text, entity text, partition_date date,
    field text, value text, rule text, reason text, key text, key_values text []
) on commit drop
