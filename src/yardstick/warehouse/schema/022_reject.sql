-- ops, continued: the life of rejects. A row of ops.reject is written, changed and closed, never deleted.
create table if not exists ops.reject (
    delivery_id bigint not null,
    row_number integer not null,
    source_id text not null,
    entity text not null,
    partition_date date not null,
    field text,
    value text,
    rule text not null,
    reason text not null
);
alter table ops.reject
add column if not exists reject_id bigint generated always as identity primary key,
add column if not exists key text,
add column if not exists key_values text [],
add column if not exists status text not null default 'open'
check (status in ('open', 'replayed', 'superseded')),
add column if not exists found_build_id bigint,
add column if not exists closed_build_id bigint,
add column if not exists closed_by_delivery_id bigint,
add column if not exists first_found_at timestamptz not null default now(),
add column if not exists closed_at timestamptz;
comment on table ops.reject is
'One violated rule of one delivered row. A problem that comes back after it was replayed is a new row.';
comment on column ops.reject.status is
'open: it stands. superseded: it stands, but a later delivery brought a valid row of the same key. replayed: the same
row, read anew (the mapping was corrected, or what it names was delivered), no longer has it.';
comment on column ops.reject.key is 'The row''s key as far as it is readable, parts joined by '' · ''.';
comment on column ops.reject.key_values is 'The key''s parts; null when not all of them are readable.';
comment on column ops.reject.closed_by_delivery_id is 'The delivery whose row superseded it.';

create unique index if not exists reject_standing on ops.reject (delivery_id, row_number, field, rule)
nulls not distinct where status <> 'replayed';
create index if not exists reject_key on ops.reject (entity, key_values) where status <> 'replayed';
create index if not exists reject_closed_by on ops.reject (closed_by_delivery_id)
where closed_by_delivery_id is not null;
create index if not exists reject_day on ops.reject (partition_date);

create or replace view ops.rejected as
select * from ops.reject
where status <> 'replayed';
comment on view ops.rejected is 'What is wrong with the rows that are rejected now, superseded or not.';

alter table ops.delivery add column if not exists accounted_build_id bigint;
comment on column ops.delivery.accounted_build_id is
'The build that last said what became of its rows; an older delivery''s counts change when its rows are superseded.';
create index if not exists delivery_accounted on ops.delivery (accounted_build_id);

alter table ops.delivery add column if not exists is_counted_by_row boolean not null default false;
comment on column ops.delivery.is_counted_by_row is
'Whether ops.outdated_row has its outdated rows; if not, the next build that touches a row of it counts it anew.';
create table if not exists ops.outdated_row (
    delivery_id bigint not null references ops.delivery,
    row_number integer not null,
    fate text not null check (fate in ('superseded', 'duplicate')),
    primary key (delivery_id, row_number)
);
comment on table ops.outdated_row is
'Valid rows that are not the ones staged of their keys, when their delivery was last accounted for.';
