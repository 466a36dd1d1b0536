-- ops: what arrived, what became of every row, what was built, what was checked.
create schema if not exists ops;

create table if not exists ops.source (
    source_id text primary key,
    names jsonb not null,
    site_file text not null,
    time_zone text not null,
    config_sha256 text not null,
    registered_at timestamptz not null default now()
);
comment on table ops.source is 'One site system, as its YAML file describes it.';

create table if not exists ops.source_field (
    source_id text not null references ops.source,
    entity text not null,
    field text not null,
    source_columns text [] not null default '{}',
    separator text not null default ' ',
    constant text,
    format text,
    pattern text,
    template text,
    time_zone text,
    null_values text [] not null default '{""}',
    is_coded boolean not null default false,
    is_open_code boolean not null default false,
    primary key (source_id, entity, field)
);
comment on table ops.source_field is
'How a contract field is read from a source''s columns. Column names are folded as ops.arrival.header is.';
comment on column ops.source_field.format is
'The declared date format (''iso'' or strptime notation), for messages; null when the field is not a date.';
comment on column ops.source_field.time_zone is
'Zone of values without an offset; null with a pattern means that the value carries its own.';
comment on column ops.source_field.pattern is
'Regular expression of the declared date format; a value that does not match is a reject.';
comment on column ops.source_field.template is
'Replacement that turns a matching value into text PostgreSQL reads as a timestamp or date.';
comment on column ops.source_field.is_open_code is
'Values without an entry in the code table pass unchanged instead of being rejects.';

create table if not exists ops.source_code (
    source_id text not null,
    entity text not null,
    field text not null,
    source_value text not null,
    code text not null,
    primary key (source_id, entity, field, source_value),
    foreign key (source_id, entity, field) references ops.source_field on delete cascade
);

create table if not exists ops.arrival (
    arrival_id bigint generated always as identity primary key,
    source_id text not null references ops.source,
    entity text not null,
    file_name text not null,
    file_sha256 text not null,
    reading_sha256 text,
    byte_size bigint not null,
    header text [],
    rows_read integer not null default 0,
    first_date date,
    last_date date,
    status text not null check (status in ('landed', 'unchanged', 'refused')),
    reason text,
    run_id text,
    arrived_at timestamptz not null default now()
);
comment on table ops.arrival is
'One row per file or pull that was looked at: landed, unchanged (the same bytes again) or refused whole, with the reason.';

comment on column ops.arrival.reading_sha256 is
'Hash of the declared way to read the file; the same bytes read the same way need no second look.';
create index if not exists arrival_file on ops.arrival (source_id, entity, file_name, arrival_id);

create table if not exists ops.delivery (
    delivery_id bigint generated always as identity primary key,
    arrival_id bigint not null references ops.arrival,
    source_id text not null,
    entity text not null,
    partition_date date not null,
    file_name text not null,
    revision integer not null,
    content_sha256 text not null,
    rows_landed integer not null,
    rows_staged integer,
    rows_superseded integer,
    rows_rejected integer,
    rows_duplicate integer,
    rows_flagged integer,
    audited_build_id bigint,
    landed_at timestamptz not null default now(),
    unique (source_id, entity, partition_date, file_name, revision),
    check (rows_landed >= 0)
);
comment on table ops.delivery is
'What one source delivered of one entity for one day. Landed = staged + superseded + rejected + duplicate, checked by every build.';
comment on column ops.delivery.audited_build_id is
'The build that staged, checked and published it; null means the day is dirty.';
create index if not exists delivery_dirty on ops.delivery (partition_date) where audited_build_id is null;
create index if not exists delivery_arrival on ops.delivery (arrival_id);

create table if not exists ops.drift (
    drift_id bigint generated always as identity primary key,
    arrival_id bigint not null references ops.arrival,
    source_id text not null,
    entity text not null,
    kind text not null check (
        kind in ('new_column', 'lost_column', 'lost_optional_column', 'lost_required_column', 'changed_type')
    ),
    column_name text not null,
    contract_field text,
    found_at timestamptz not null default now()
);
comment on table ops.drift is
'Schema drift: one column of a delivery that is new, gone, or no longer of the type it was.';
create index if not exists drift_source on ops.drift (source_id, entity, drift_id);

create table if not exists ops.build (
    build_id bigint generated always as identity primary key,
    run_id text not null,
    status text not null check (status in ('running', 'audited', 'failed')),
    stage text not null,
    detail text,
    first_day date,
    last_day date,
    started_at timestamptz not null default now(),
    finished_at timestamptz
);
comment on table ops.build is 'One run of the build: the range of days it took on and how far it came.';

create table if not exists ops.build_delivery (
    build_id bigint not null references ops.build,
    delivery_id bigint not null references ops.delivery,
    primary key (build_id, delivery_id)
);
create index if not exists build_delivery_delivery on ops.build_delivery (delivery_id);

create table if not exists ops.model_run (
    build_id bigint not null references ops.build,
    stage text not null,
    node text not null,
    status text not null,
    seconds double precision not null,
    rows_affected bigint,
    message text,
    ran_at timestamptz not null default now()
);

create table if not exists ops.audit_ledger (
    audit_id bigint generated always as identity primary key,
    build_id bigint references ops.build,
    gate text not null,
    suite text not null,
    relation text not null,
    expectation text not null,
    columns text [],
    standard_code text,
    severity text not null check (severity in ('blocking', 'warning')),
    success boolean not null,
    observed jsonb,
    element_count bigint,
    unexpected_count bigint,
    consequence text,
    fixer text,
    delivery_ids bigint [] not null,
    first_day date,
    last_day date,
    checked_at timestamptz not null default now()
);
comment on table ops.audit_ledger is 'Every expectation that was checked, its verdict and the deliveries it covered.';

create table if not exists ops.standards_release (
    standards_release text primary key,
    effective_from date not null,
    content_sha256 text not null,
    names jsonb not null,
    loaded_at timestamptz not null default now()
);
create table if not exists ops.standards_indicator (
    standards_release text not null references ops.standards_release,
    indicator text not null,
    names jsonb not null,
    reform_part text not null,
    unit text not null,
    direction text not null check (direction in ('higher', 'lower')),
    kind text not null check (kind in ('ratio', 'quantile')),
    numerator_measure text,
    denominator_measure text,
    histogram_measure text,
    quantile double precision,
    filters jsonb not null default '{}',
    scoring text not null check (scoring in ('linear', 'bands')),
    bands jsonb,
    minimum_sample integer not null,
    position integer not null,
    primary key (standards_release, indicator)
);
create table if not exists ops.standards_target (
    standards_release text not null,
    indicator text not null,
    project_grade text not null,
    weight double precision not null,
    floor_value double precision not null,
    target_value double precision not null,
    primary key (standards_release, indicator, project_grade),
    foreign key (standards_release, indicator) references ops.standards_indicator
);
create table if not exists ops.standards_grade (
    standards_release text not null references ops.standards_release,
    grade text not null,
    minimum_score double precision not null,
    coefficient double precision not null,
    names jsonb not null,
    primary key (standards_release, grade)
);
comment on table ops.standards_indicator is
'The indicators of each standards release, loaded from expectations/standards; never edited here.';
