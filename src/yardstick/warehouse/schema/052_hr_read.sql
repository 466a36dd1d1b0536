-- ops, continued: who read what stands in schema hr, and who took away what is personal.
create table if not exists ops.privacy_run (
    privacy_run_id bigint generated always as identity primary key,
    kind text not null check (kind in ('retention', 'erasure', 'extract')),
    subject text,
    reason text,
    as_of date not null,
    run_by text not null,
    run_at timestamptz not null default now(),
    transaction_id xid8 not null unique default pg_current_xact_id()
);
comment on table ops.privacy_run is
'Every time personal data was removed, a person was erased or their data handed out. Rows of raw and of the logs change only in a transaction that stands here.';
comment on column ops.privacy_run.subject is 'Whose: a person''s id, or what stands for it since the person was erased.';

create table if not exists ops.hr_read (
    hr_read_id bigint generated always as identity primary key,
    view_name text not null,
    login text not null,
    reader_role text,
    application_name text not null,
    client_address inet,
    server_process integer not null,
    read_at timestamptz not null,
    unique (server_process, read_at, view_name)
);
create index if not exists hr_read_at on ops.hr_read (read_at);
comment on table ops.hr_read is
'One row per statement and view of schema hr that it read. A gap in hr_read_id is a reading that was rolled back: the server''s log has it.';
comment on column ops.hr_read.reader_role is 'The reader''s role; null: a login of the warehouse itself.';
comment on column ops.hr_read.application_name is 'What the client calls itself.';

create or replace function ops.refuse_change() returns trigger language plpgsql as $$
begin
    if exists (select from ops.privacy_run where transaction_id = pg_current_xact_id()) then
        return case when tg_op = 'DELETE' then old else new end;
    end if;
    raise exception 'ops.% is a log: nothing in it is changed', tg_table_name;
end $$;
create or replace trigger refuse_change before update or delete on ops.hr_read
for each row execute function ops.refuse_change();
create or replace trigger refuse_truncate before truncate on ops.hr_read
for each statement execute function ops.refuse_change();
alter table ops.hr_read enable always trigger refuse_change;
alter table ops.hr_read enable always trigger refuse_truncate;

-- Runs as the owner, who is nobody's login: a reader can neither call it by name nor write to the log.
create or replace function ops.note_hr_read(view_name text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('transaction_read_only')::boolean then
        raise exception 'hr.% cannot be read in a read-only transaction: who reads it is logged', view_name
        using errcode = 'read_only_sql_transaction',
            hint = case
                when pg_is_in_recovery() then 'This is a standby: read schema hr from the primary server.'
                else 'Begin the transaction "read write", or set default_transaction_read_only to off.'
            end;
    end if;
    insert into ops.hr_read (
        view_name, login, reader_role, application_name, client_address, server_process, read_at
    )
    select
        note_hr_read.view_name,
        session_user,
        (select r.reader_role from ops.reader as r where r.login = session_user),
        current_setting('application_name'),
        inet_client_addr(),
        pg_backend_pid(),
        statement_timestamp()
    on conflict do nothing;
    if found then -- outlives a rollback
        raise log 'hr.% is read by % (application "%")', view_name, session_user, current_setting('application_name');
    end if;
    return true;
end $$;
grant select (server_process, read_at, view_name), insert on ops.hr_read to yardstick_owner;
grant select on ops.reader to yardstick_owner;
grant create on schema ops to yardstick_owner; -- which taking over a function asks for
alter function ops.note_hr_read(text) owner to yardstick_owner;
revoke create on schema ops from yardstick_owner;
revoke all on function ops.note_hr_read(text) from public;
grant execute on function ops.note_hr_read(text) to reader_hr;

-- Called by every migration: whatever view has come to schema hr is read through the log from then on. A release
-- is never altered: who was erased since is shown by the pseudonym, without a name.
create or replace function ops.log_hr_views() returns void language plpgsql as $$
declare
    hr_view record;
begin
    for hr_view in
        select
            c.relname,
            rtrim(pg_get_viewdef(c.oid), ';') as definition,
            (
                select string_agg(
                    format(
                        case
                            when not reads_release.is_so then 'shown.%1$I'
                            when a.attname like '%person\_id' then 'coalesce(ops.erased_as(shown.%1$I), shown.%1$I) as %1$I'
                            when a.attname = 'person_name' and has_person.is_so
                                then 'case when ops.erased_as(shown.person_id) is null then shown.%1$I end as %1$I'
                            else 'shown.%1$I'
                        end,
                        a.attname
                    ),
                    ', ' order by a.attnum
                )
                from pg_attribute as a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            ) as columns
        from pg_class as c
        cross join lateral (
            select exists (
                select from pg_rewrite as w
                inner join pg_depend as d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                where w.ev_class = c.oid and d.refobjid = 'release.person'::regclass
            ) as is_so
        ) as reads_release
        cross join lateral (
            select exists (select from pg_attribute as p where p.attrelid = c.oid and p.attname = 'person_id') as is_so
        ) as has_person
        where
            c.relnamespace = 'hr'::regnamespace and c.relkind = 'v'
            and (
                pg_get_viewdef(c.oid) not like '%note_hr_read(%'
                or (reads_release.is_so and has_person.is_so and pg_get_viewdef(c.oid) not like '%erased_as(%')
            )
        order by c.oid
    loop
        execute format(
            'create or replace view hr.%I with (security_invoker = true) as '
            'select %s from ops.note_hr_read(%L) as noted cross join (%s) as shown',
            hr_view.relname, hr_view.columns, hr_view.relname, hr_view.definition
        );
    end loop;
end $$;
revoke all on function ops.log_hr_views() from public;

-- Who reads hr writes the log.
do $$
declare
    reader name;
begin
    for reader in
        select r.login from ops.reader as r
        inner join pg_roles as p on p.rolname = r.login
        where r.reader_role = 'hr'
    loop
        execute format('alter role %I reset default_transaction_read_only', reader);
    end loop;
end $$;
