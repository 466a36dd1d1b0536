-- ops, continued: what was removed of personal data, and who was erased.
create table if not exists ops.privacy_removal (
    privacy_run_id bigint not null references ops.privacy_run,
    class text not null,
    relation text not null,
    rows bigint not null,
    cut_off date,
    removed_at timestamptz not null default now(),
    primary key (privacy_run_id, class, relation)
);
comment on table ops.privacy_removal is
'What a run took away: how many rows (or files) of which relation, by class of expectations/retention.yml.';
comment on column ops.privacy_removal.cut_off is 'The first day that is kept; null: a person was erased, whatever the day.';

create table if not exists ops.blanked_delivery (
    delivery_id bigint not null references ops.delivery,
    field text not null,
    rows bigint not null,
    is_whole boolean not null,
    primary key (delivery_id, field)
);
comment on table ops.blanked_delivery is 'Deliveries of whose rows something was removed: entity.field, or entity.* for what no field is read from.';
comment on column ops.blanked_delivery.is_whole is 'Every row of the delivery was looked at: it need not be again.';

create table if not exists ops.erasure (
    pseudonym text primary key,
    fingerprint bytea unique,
    reason text not null,
    privacy_run_id bigint not null references ops.privacy_run,
    erased_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now()
);
comment on table ops.erasure is 'Persons who were erased. The pseudonym is drawn at random: nothing is computed back from it.';
comment on column ops.erasure.fingerprint is
'HMAC-SHA-256 of the id, to know the person again in a later delivery and in a release; null: no longer needed.';
revoke all on ops.erasure, ops.privacy_run, ops.privacy_removal from public;

do $$
declare
    relation text;
begin
    foreach relation in array array['privacy_run', 'privacy_removal'] loop
        execute format('create or replace trigger refuse_change before update or delete on ops.%I
            for each row execute function ops.refuse_change()', relation);
        execute format('create or replace trigger refuse_truncate before truncate on ops.%I
            for each statement execute function ops.refuse_change()', relation);
    end loop;
end $$;

-- HMAC-SHA-256 with the secret of docs/decisions/0026.
create or replace function ops.keyed(kind text, id text) returns bytea
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select sha256(s.outer_pad || sha256(s.inner_pad || convert_to(kind || chr(31) || id, 'UTF8')))
    from ops.household_salt as s
$$;
revoke all on function ops.keyed(text, text) from public;

create or replace function ops.erased_as(person_id text) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$ select e.pseudonym from ops.erasure as e where e.fingerprint = ops.keyed('erased person', person_id) $$;
comment on function ops.erased_as is 'What stands for a person who was erased; null: was not. Readers cannot call it but through views of hr.';
revoke all on function ops.erased_as(text) from public;
grant execute on function ops.erased_as(text) to reader_hr;

-- What a field says in a row, as staging reads it: its cells without white space around, joined.
create or replace function ops.cell_value(cells text [], places integer [], separator text) returns text
language plpgsql immutable as $$
declare
    said text;
    part text;
    place integer;
begin
    foreach place in array places loop
        part := nullif(btrim(cells[place], E' \t\r\n\u00a0\u3000'), '');
        if part is not null then
            said := coalesce(said || separator, '') || part;
        end if;
    end loop;
    return said;
end $$;
create or replace function ops.put_value(
    cells text [], places integer [], separator text, nulls text [], value text
) returns text [] language plpgsql immutable as $$
declare
    said text := ops.cell_value(cells, places, separator);
    put text := value;
    place integer;
begin
    if said is null or said = any(nulls) then
        return cells;
    end if;
    foreach place in array places loop
        if place <= cardinality(cells) then
            cells[place] := put;
            put := '';
        end if;
    end loop;
    return cells;
end $$;
comment on function ops.put_value is 'The cells of a row with another value of a field, in the first of its cells; a field without a value stays without.';
