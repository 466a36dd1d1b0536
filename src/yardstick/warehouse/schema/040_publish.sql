-- publish: what readers see, moved here by one transaction per audited day; dbt never touches it.
create schema if not exists publish;
grant usage, create on schema publish to yardstick_owner;

create table if not exists ops.gate_verdict (
    build_id bigint not null references ops.build,
    gate text not null,
    is_passed boolean not null,
    expectations integer not null,
    blocking_failures integer not null,
    warnings integer not null,
    decided_at timestamptz not null default now(),
    primary key (build_id, gate)
);
comment on table ops.gate_verdict is
'The verdict of a gate on a build, written with its ledger rows in one transaction. No row: no verdict, no publication.';

create table if not exists ops.build_day (
    build_id bigint not null references ops.build,
    day date not null,
    primary key (build_id, day)
);
comment on table ops.build_day is
'The business days a build may have changed: its deliveries'' days and the days their tickets touch.';

create table if not exists publish.project (
    project_id text primary key,
    project_name_zh text,
    project_name_en text,
    region text,
    city text,
    project_grade text,
    project_type text,
    area_m2 double precision,
    households bigint,
    is_appraised boolean
);
create table if not exists publish.service_item (
    service_item_id text primary key,
    service_item_name_zh text,
    service_item_name_en text,
    service_group_id text,
    service_group_name_zh text,
    service_group_name_en text,
    reform_part text
);
create table if not exists publish.org_unit (
    org_unit_id text primary key,
    org_unit_name_zh text,
    org_unit_name_en text,
    parent_org_unit_id text,
    unit_kind text
);
create table if not exists publish.ticket (
    source_id text not null,
    source_ticket_id text not null,
    project_id text not null,
    service_item_id text not null,
    department_id text,
    team_id text,
    channel text,
    priority text,
    status text not null,
    opened_at timestamptz not null,
    opened_date date not null,
    due_at timestamptz,
    due_date date,
    first_response_at timestamptz,
    closed_at timestamptz,
    closed_date date,
    is_on_time boolean,
    is_closed_before_opened boolean not null,
    reopened_count integer,
    close_calendar_minutes bigint,
    close_service_minutes bigint,
    first_response_service_minutes bigint,
    primary key (source_id, source_ticket_id)
);
create index if not exists ticket_opened on publish.ticket (opened_date);
create index if not exists ticket_project on publish.ticket (project_id, opened_date);
create table if not exists publish.backlog_daily (
    project_id text not null,
    service_item_id text not null,
    day date not null,
    tickets_opened bigint not null,
    tickets_closed bigint not null,
    tickets_open bigint not null,
    tickets_overdue bigint not null,
    primary key (project_id, service_item_id, day)
);
create index if not exists backlog_daily_day on publish.backlog_daily (day);
create table if not exists publish.indicator_daily (
    project_id text not null,
    indicator text not null,
    day date not null,
    numerator double precision,
    denominator double precision,
    primary key (project_id, indicator, day)
);
create index if not exists indicator_daily_day on publish.indicator_daily (day);
create table if not exists publish.day (
    day date primary key,
    build_id bigint not null,
    published_at timestamptz not null default now()
);
comment on table publish.day is 'Business days with published figures, and the build that last changed them.';
alter table publish.day
add column if not exists announced_at timestamptz,
add column if not exists announced_run_id text;
comment on column publish.day.announced_at is
'When the day was complete for the first time: all required deliveries in, or their deadline rule applied.';
create table if not exists publish.delivery_status (
    source_id text not null,
    entity text not null,
    day date not null,
    source_names jsonb not null,
    projects text [] not null,
    period_start date not null,
    is_expected boolean not null,
    is_required boolean not null,
    if_missing text,
    deadline_at timestamptz,
    delivered_at timestamptz,
    status text not null,
    rows_landed bigint,
    rows_rejected bigint,
    file_count integer not null,
    refused_count integer not null,
    primary key (source_id, entity, day)
);
create index if not exists delivery_status_day on publish.delivery_status (day);
comment on table publish.delivery_status is
'Who has delivered what for which day: the reader''s copy of marts.fct_delivery_status.';

do $$
declare
    relation text;
begin
    for relation in select c.relname from pg_class c where c.relnamespace = 'publish'::regnamespace and c.relkind = 'r' loop
        perform ops.secure(format('publish.%I', relation)::regclass);
    end loop;
end $$;
