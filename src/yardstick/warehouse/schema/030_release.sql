-- release: signed results. Append-only for everybody, the owner included.
create schema if not exists release;

create table if not exists release.release (
    release_id text primary key,
    period_kind text not null check (period_kind in ('month', 'quarter', 'year')),
    period text not null,
    period_start date not null,
    period_end date not null,
    version integer not null check (version > 0),
    status text not null check (status in ('released', 'restated')),
    reason text,
    standards_release text not null,
    standards_sha256 text not null,
    code_version text not null,
    tickets bigint not null,
    rejects bigint not null,
    delivery_ids bigint [] not null,
    content_sha256 text not null,
    previous_sha256 text unique nulls not distinct,
    release_sha256 text not null unique,
    signed_by text not null,
    signed_how text not null check (signed_how in ('person', 'auto-sign')),
    signed_at timestamptz not null,
    released_at timestamptz not null default now(),
    unique (period, version)
);
comment on table release.release is
'One signed period. release_sha256 covers content_sha256, previous_sha256, the code version, the deliveries and the signature; previous_sha256 is the release_sha256 of the release before, so releases form one line.';

create table if not exists release.score (
    release_id text not null references release.release,
    project_id text not null,
    project_names jsonb not null,
    region text,
    project_grade text not null,
    score double precision,
    score_low double precision,
    score_high double precision,
    rank integer,
    rank_low integer,
    rank_high integer,
    grade text,
    coefficient double precision,
    weight_measured double precision not null,
    tickets_opened bigint not null,
    tickets_closed bigint not null,
    primary key (release_id, project_id)
);
alter table release.score add column if not exists is_vetoed boolean;
comment on column release.score.is_vetoed is
'True when a veto set grade and coefficient to the last ones, whatever the score; null: none.';
create table if not exists release.indicator (
    release_id text not null references release.release,
    project_id text not null,
    indicator text not null,
    indicator_names jsonb not null,
    reform_part text not null,
    unit text not null,
    direction text not null,
    numerator double precision,
    denominator double precision,
    value double precision,
    value_low double precision,
    value_high double precision,
    floor_value double precision not null,
    target_value double precision not null,
    points double precision,
    weight double precision not null,
    weight_effective double precision not null,
    is_sample_sufficient boolean not null,
    minimum_sample integer not null,
    position integer not null,
    primary key (release_id, project_id, indicator)
);
alter table release.indicator add column if not exists days_incomplete integer;
alter table release.indicator
add column if not exists sample_effective double precision,
alter column floor_value drop not null,
alter column target_value drop not null;
comment on column release.indicator.sample_effective is
'Of weighted cases, how many equal ones would tell as much; null: the denominator, or ticket-days per day.';
comment on column release.indicator.days_incomplete is
'Days of the period for which a delivery that feeds the indicator is missing and was carried on without; null: none.';
create table if not exists release.person (
    release_id text not null references release.release,
    project_id text not null,
    person_id text not null,
    person_name text,
    score double precision,
    grade text,
    coefficient double precision,
    primary key (release_id, project_id, person_id)
);
create table if not exists release.staff (
    release_id text not null references release.release,
    project_id text not null,
    person_id text not null,
    days double precision not null,
    full_time_days double precision not null,
    service_days integer not null,
    post_id text,
    post_function text,
    job_grade text,
    department_id text,
    days_due integer not null,
    days_present integer not null,
    days_on_leave integer not null,
    days_absent integer not null,
    late_shifts integer not null,
    late_minutes integer not null,
    early_shifts integer not null,
    early_minutes integer not null,
    absent_shifts integer not null,
    unclear_shifts integer not null,
    planned_minutes integer not null,
    worked_minutes integer not null,
    leave_minutes integer not null,
    overtime_minutes integer not null,
    overtime_workday_minutes integer not null,
    overtime_rest_day_minutes integer not null,
    overtime_public_holiday_minutes integer not null,
    leave_minutes_by_kind jsonb not null,
    trainings_planned integer not null,
    trainings_done integer not null,
    trainings_passed integer not null,
    training_hours double precision not null,
    certificates_held integer not null,
    certificates_expiring integer not null,
    certificates_expired integer not null,
    primary key (release_id, project_id, person_id)
);
comment on table release.staff is
'A person''s month, split between projects by days, as it was when the month was signed; no names.';
create table if not exists release.item (
    release_id text not null references release.release,
    project_id text not null,
    service_item_id text not null,
    service_item_names jsonb not null,
    tickets_opened bigint not null,
    tickets_due bigint not null,
    tickets_due_met bigint not null,
    tickets_open_at_end bigint not null,
    primary key (release_id, project_id, service_item_id)
);
comment on table release.item is 'Where points were lost: the ticket figures of each service item of a project in the period.';
create table if not exists release.day (
    release_id text not null references release.release,
    project_id text not null,
    day date not null,
    tickets_opened bigint not null,
    tickets_closed bigint not null,
    tickets_open bigint not null,
    tickets_due bigint not null,
    tickets_due_met bigint not null,
    primary key (release_id, project_id, day)
);
create table if not exists release.category (
    release_id text not null references release.release,
    project_id text not null,
    category text not null,
    parent_category text,
    depth integer not null,
    category_names jsonb not null,
    items_checked bigint not null,
    items_passed bigint not null,
    weight_checked double precision not null,
    weight_passed double precision not null,
    pass_share double precision,
    full_points double precision not null,
    deducted_points double precision not null,
    findings bigint not null,
    nonconformities_open bigint not null,
    nonconformities_overdue bigint not null,
    position integer,
    primary key (release_id, project_id, category)
);
comment on table release.category is
'Where inspections took points: a project''s figures by category of standards, each with those below it.';
create table if not exists release.reject_count (
    release_id text not null references release.release,
    source_id text not null,
    entity text not null,
    rule text not null,
    field text not null,
    rows bigint not null,
    primary key (release_id, source_id, entity, rule, field)
);
create table if not exists release.artifact (
    release_id text not null references release.release,
    path text not null,
    sha256 text not null,
    byte_size bigint not null,
    primary key (release_id, path)
);

create table if not exists release.difference (
    release_id text not null references release.release,
    position integer not null,
    relation text not null check (relation in ('score', 'indicator', 'person', 'reject_count')),
    project_id text,
    subject text not null,
    field text not null,
    before text,
    after text,
    primary key (release_id, position)
);
alter table release.difference drop constraint if exists difference_relation_check;
alter table release.difference add constraint difference_relation_check
check (relation in ('score', 'indicator', 'person', 'staff', 'reject_count'));
comment on table release.difference is
'What a restatement changed against the version before it, one row per figure. Subject: the project, indicator, person or rule.';
create table if not exists release.hand_off (
    hand_off_id bigint generated always as identity primary key,
    release_id text not null references release.release,
    kind text not null check (kind in ('payroll', 'workbook')),
    path text not null,
    sha256 text not null,
    byte_size bigint not null,
    row_count integer not null,
    written_by text not null,
    written_at timestamptz not null default now()
);
comment on table release.hand_off is
'A file written for HR: of which release, by whom, with which checksum. Path: below the installation''s folder hr.';

create table if not exists ops.restatement_proposal (
    period_kind text not null,
    period text not null,
    content_sha256 text not null,
    differences jsonb not null,
    proposed_at timestamptz not null default now(),
    settled_at timestamptz,
    settled_how text check (settled_how in ('restated', 'superseded', 'withdrawn')),
    primary key (period, content_sha256)
);
comment on table ops.restatement_proposal is
'A released period whose live figures now differ: nothing changes until somebody restates it with a reason.';
comment on column ops.restatement_proposal.settled_how is
'restated: it became a version; superseded: the live figures moved on; withdrawn: they are the released ones again.';

create or replace function release.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'release.% is append-only: a change is a restatement, a new version beside the old', tg_table_name;
end $$;

-- Rows join a release only in the transaction that makes it; what tells of files alone comes after.
create or replace function release.refuse_late_row() returns trigger language plpgsql as $$
declare
    closed text;
begin
    select r.release_id into closed
    from release.release as r
    where r.release_id in (select n.release_id from new_rows as n)
      and r.xmin::text <> pg_current_xact_id()::xid::text
    limit 1;
    if closed is not null then
        raise exception 'release % is closed: release.% takes no more rows for it', closed, tg_table_name;
    end if;
    return null;
end $$;

-- Roles belong to the whole server; two databases may be made at once.
create or replace function ops.ensure_role(wanted name) returns void language plpgsql as $$
begin
    if not exists (select from pg_roles where rolname = wanted) then
        execute format('create role %I nologin', wanted);
    end if;
exception when duplicate_object or unique_violation then
    null;
end $$;
revoke all on function ops.ensure_role(name) from public;

-- What readers may reach stands behind forced row-level security and is owned by a role nobody logs in as.
create or replace function ops.secure(relation regclass) returns void language plpgsql as $$
begin
    execute format('alter table %s owner to yardstick_owner', relation);
    execute format('alter table %s enable row level security', relation);
    execute format('alter table %s force row level security', relation);
    execute format('drop policy if exists owner_all on %s', relation);
    execute format('create policy owner_all on %s to yardstick_owner using (true) with check (true)', relation);
end $$;
revoke all on function ops.secure(regclass) from public;

do $$
declare
    relation text;
begin
    perform ops.ensure_role(r) from unnest(array['yardstick_owner', 'reader_hq', 'reader_hr', 'reader_pm']) as r;
    if not pg_has_role('yardstick_owner', 'usage') then
        execute format('grant yardstick_owner to %I', current_user);
    end if;
    execute 'grant usage, create on schema release to yardstick_owner';
    for relation in select c.relname from pg_class c where c.relnamespace = 'release'::regnamespace and c.relkind = 'r' loop
        execute format('create or replace trigger refuse_change before update or delete on release.%I
            for each row execute function release.refuse_change()', relation);
        execute format('create or replace trigger refuse_truncate before truncate on release.%I
            for each statement execute function release.refuse_change()', relation);
        execute format('alter table release.%I enable always trigger refuse_change', relation);
        execute format('alter table release.%I enable always trigger refuse_truncate', relation);
        if relation not in ('release', 'artifact', 'hand_off') then
            execute format('create or replace trigger refuse_late_row after insert on release.%I
                referencing new table as new_rows for each statement execute function release.refuse_late_row()', relation);
            execute format('alter table release.%I enable always trigger refuse_late_row', relation);
        end if;
        perform ops.secure(format('release.%I', relation)::regclass);
    end loop;
end $$;
