-- raw: delivered rows as text, append-only but for what is personal in them. One table per contract entity; a cell stands where the
-- source put it (ops.arrival.header names the columns), so no mapping mistake can lose anything.
create schema if not exists raw;

create or replace function raw.refuse_change() returns trigger language plpgsql as $$
begin
    -- what is personal goes in the end, in a transaction that says so (docs/decisions/0032)
    if tg_op = 'UPDATE' and exists (select from ops.privacy_run where transaction_id = pg_current_xact_id()) then
        return new;
    end if;
    raise exception 'raw.% is append-only: a correction is a later delivery', tg_table_name;
end $$;

-- Called for every contract by each migration that finds the table missing or this file changed.
create or replace function raw.create_entity(entity text) returns void language plpgsql as $$
begin
    execute format(
        'create table if not exists raw.%I (
            delivery_id bigint not null,
            row_number integer not null,
            cells text not null,
            problem_rule text,
            problem_detail text
        )', entity);
    if (
        select a.atttypid = 'text[]'::regtype from pg_attribute as a
        where a.attrelid = format('raw.%I', entity)::regclass and a.attname = 'cells'
    ) then
        execute format(
            'alter table raw.%I alter column cells type text using array_to_string(cells, chr(31), '''')', entity);
    end if;
    execute format('comment on column raw.%I.cells is %L', entity,
        'The row''s cells in the order of ops.arrival.header, joined by the unit separator, chr(31).');
    execute format('create index if not exists %I on raw.%I using brin (delivery_id) with (pages_per_range = 16)',
        entity || '_delivery', entity);
    execute format('create or replace trigger refuse_change before update or delete on raw.%I
        for each row execute function raw.refuse_change()', entity);
    execute format('create or replace trigger refuse_truncate before truncate on raw.%I
        for each statement execute function raw.refuse_change()', entity);
end $$;
