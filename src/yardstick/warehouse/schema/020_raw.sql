-- raw: delivered rows as text, append-only. One table per contract entity; a cell stands where the
-- source put it (ops.arrival.header names the columns), so no mapping mistake can lose anything.
create schema if not exists raw;

create or replace function raw.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'raw.% is append-only: a correction is a later delivery', tg_table_name;
end $$;

do $$
declare
    entity text;
begin
    foreach entity in array array['project', 'service_item', 'org_unit', 'ticket'] loop
        execute format(
            'create table if not exists raw.%I (
                delivery_id bigint not null,
                row_number integer not null,
                cells text [] not null,
                problem_rule text,
                problem_detail text
            )', entity);
        execute format('create index if not exists %I on raw.%I using brin (delivery_id) with (pages_per_range = 16)',
            entity || '_delivery', entity);
        execute format('create or replace trigger refuse_change before update or delete on raw.%I
            for each row execute function raw.refuse_change()', entity);
        execute format('create or replace trigger refuse_truncate before truncate on raw.%I
            for each statement execute function raw.refuse_change()', entity);
    end loop;
end $$;
