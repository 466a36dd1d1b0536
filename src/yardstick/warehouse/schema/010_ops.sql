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
        kind in ('new_column', 'lost_column', 'lost_optional_column', 'lost_required_column')
    ),
    column_name text not null,
    contract_field text,
    found_at timestamptz not null default now()
);
comment on table ops.drift is
'Schema drift: one column of a delivery that is new or gone. A changed type shows in staging, as rejects.';
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

-- Who has to deliver what by when, whether anybody looked, and what was done about what did not come.
create table if not exists ops.source_project (
    source_id text not null references ops.source,
    project_id text not null,
    primary key (source_id, project_id)
);
comment on table ops.source_project is 'The projects a site covers; a site without rows covers all of the company''s.';
create or replace function ops.projects_of(source text) returns text [] language sql stable as $$
    select array(select p.project_id from ops.source_project as p where p.source_id = source order by p.project_id)
$$;
create index if not exists arrival_at on ops.arrival (source_id, entity, arrived_at) where status <> 'refused';
create index if not exists arrival_refused on ops.arrival (source_id, entity) where status = 'refused';

create table if not exists ops.expected (
    source_id text not null references ops.source,
    entity text not null,
    every text not null check (every in ('day', 'month')),
    by_time time not null,
    after_days integer not null,
    is_required boolean not null,
    if_missing text not null check (if_missing in ('wait', 'carry_on')),
    is_dated boolean not null,
    valid_from date,
    registered_at timestamptz not null default now(),
    primary key (source_id, entity)
);
comment on table ops.expected is
'What a site file says about when an entity has to be delivered (`expected`); the rows of ops.source_field''s sites.';
comment on column ops.expected.is_dated is
'A delivery stands for days. If not (a whole list, read anew each time), a day is delivered by a look after its end.';
comment on column ops.expected.registered_at is
'Since when somebody waits: a deadline before the day after it is history and never late.';

create table if not exists ops.look (
    run_id text not null,
    source_id text not null references ops.source,
    entity text not null,
    outcome text not null check (outcome in ('done', 'refused', 'unreachable', 'credentials', 'failed')),
    counts jsonb not null default '{}',
    message text,
    round integer not null default 0,
    looked_at timestamptz not null default now(),
    primary key (run_id, source_id, entity)
);
comment on table ops.look is
'How it went when a run of ingest last looked at an entity of a source; a deadline is judged only after a look.';
comment on column ops.look.round is
'What Airflow tries again by itself is one round and passes over what is settled; a person who clears the task begins another.';
create index if not exists look_latest on ops.look (source_id, entity, looked_at);

create table if not exists ops.deadline (
    source_id text not null references ops.source,
    entity text not null,
    period_start date not null,
    period_end date not null,
    deadline_at timestamptz not null,
    rule text not null check (rule in ('wait', 'carry_on')),
    is_required boolean not null,
    is_dated boolean not null,
    applied_at timestamptz not null default now(),
    run_id text,
    alerted_at timestamptz,
    settled_at timestamptz,
    settled_run_id text,
    reason text,
    primary key (source_id, entity, period_end, period_start)
);
alter table ops.deadline add column if not exists reason text;
comment on column ops.deadline.reason is 'Why a person goes on without it; null where the site file''s rule was applied.';
comment on table ops.deadline is
'Deadlines that passed without the delivery, and the rule that was applied then. Never deleted: a late delivery settles them.';
comment on column ops.deadline.settled_at is
'When the days carried on without were announced again because the delivery has come.';

create or replace function ops.delivered_at(
    source text, entity_name text, dated boolean, period_end date, time_zone text
) returns timestamptz language sql stable as $$
    select case
        when dated then (
            select min(d.landed_at) from ops.delivery as d
            where d.source_id = source and d.entity = entity_name and d.partition_date = period_end
        )
        else (
            select min(a.arrived_at) from ops.arrival as a
            where
                a.source_id = source and a.entity = entity_name and a.status <> 'refused'
                and a.arrived_at >= (period_end + 1)::timestamp at time zone time_zone
        )
    end
$$;
comment on function ops.delivered_at is
'When what stands for a day, or a month ending on it, first came; null while it has not.';

create or replace function ops.expected_deliveries(first_day date, last_day date) returns table (
    source_id text, entity text, every text, is_required boolean, if_missing text, is_dated boolean,
    period_start date, period_end date, deadline_at timestamptz, is_history boolean,
    delivered_at timestamptz, rule text, status text
) language sql stable as $$
    with wanted as (
        select
            e.*,
            s.time_zone,
            coalesce(
                e.valid_from,
                (
                    select min(d.partition_date) from ops.delivery as d
                    where d.source_id = e.source_id and d.entity = e.entity
                )
            ) as starts,
            least(last_day, (now() at time zone s.time_zone)::date) as ends,
            -- the last day the source has delivered of what it owes: beyond it nothing was lost before we waited
            (
                select max(d.partition_date) from ops.delivery as d
                where
                    d.source_id = e.source_id
                    and d.entity in (
                        select o.entity from ops.expected as o where o.source_id = e.source_id and o.is_dated
                    )
            ) as delivered_until
        from ops.expected as e
        inner join ops.source as s on s.source_id = e.source_id
    ),

    periods as (
        select w.*, day::date as period_start, day::date as period_end
        from wanted as w
        cross join generate_series(greatest(first_day, w.starts), w.ends, interval '1 day') as day
        where w.every = 'day' and w.starts is not null
        union all
        select w.*, month::date, (month + interval '1 month - 1 day')::date
        from wanted as w
        cross join generate_series(
            date_trunc('month', greatest(first_day, w.starts)), w.ends::timestamp, interval '1 month'
        ) as month
        where w.every = 'month' and w.starts is not null
    ),

    timed as (
        select p.*, (p.period_end + p.after_days + p.by_time) at time zone p.time_zone as deadline_at
        from periods as p
    ),

    judged as (
        select
            t.*,
            t.deadline_at < t.registered_at + interval '1 day' as is_history,
            ops.delivered_at(t.source_id, t.entity, t.is_dated, t.period_end, t.time_zone) as delivered_at
        from timed as t
    )

    select
        j.source_id, j.entity, j.every, j.is_required, j.if_missing, j.is_dated,
        j.period_start, j.period_end, j.deadline_at, j.is_history, j.delivered_at, d.rule,
        case
            when j.delivered_at <= j.deadline_at or (j.delivered_at is not null and j.is_history) then 'delivered'
            when j.delivered_at is not null then 'late'
            when d.rule = 'carry_on' then 'carried_on'
            when now() >= j.deadline_at then 'missing'
            else 'not_due'
        end
    from judged as j
    left join ops.deadline as d
        on
            d.source_id = j.source_id and d.entity = j.entity
            and d.period_end = j.period_end and d.period_start = j.period_start
    where not j.is_history or j.period_end <= j.delivered_until
$$;
comment on function ops.expected_deliveries is
'Every delivery that has to be there for days of a range, its deadline and what became of it, up to today.';

create or replace view ops.carried_on as
select
    d.source_id,
    d.entity,
    d.period_start,
    d.period_end,
    d.is_required,
    ops.projects_of(d.source_id) as projects
from ops.deadline as d
inner join ops.source as s on d.source_id = s.source_id
where
    d.rule = 'carry_on'
    and ops.delivered_at(d.source_id, d.entity, d.is_dated, d.period_end, s.time_zone) is null;
comment on view ops.carried_on is 'Deliveries that are carried on without and have not come since.';

create or replace function ops.delivery_status_between(first_day date, last_day date) returns table (
    source_id text, entity text, day date, period_start date, is_expected boolean, is_required boolean,
    if_missing text, deadline_at timestamptz, delivered_at timestamptz, status text,
    rows_landed bigint, rows_rejected bigint, file_count integer, file_name text,
    refused_count integer, refused_reason text
) language sql stable as $$
    with expected as (
        select * from ops.expected_deliveries(first_day, last_day)
    ),

    -- the present content of a day: the last revision of every name
    content as (
        select
            d.source_id, d.entity, d.partition_date as day,
            min(d.first_landed_at) as landed_at,
            sum(d.rows_landed) as rows_landed,
            sum(d.rows_rejected) as rows_rejected,
            count(*)::integer as file_count,
            min(d.file_name) as file_name
        from (
            select distinct on (source_id, entity, partition_date, file_name)
                source_id, entity, partition_date, file_name, rows_landed, rows_rejected,
                min(landed_at) over (partition by source_id, entity, partition_date, file_name) as first_landed_at
            from ops.delivery
            where partition_date between first_day and last_day
            order by source_id, entity, partition_date, file_name, revision desc
        ) as d
        group by d.source_id, d.entity, d.partition_date
    ),

    -- refused, and nothing else has come under that name since
    refused as (
        select
            a.source_id, a.entity, a.file_name, a.reason, a.arrival_id,
            coalesce(a.first_date, (a.arrived_at at time zone s.time_zone)::date) as first_date,
            coalesce(a.last_date, (a.arrived_at at time zone s.time_zone)::date) as last_date
        from ops.arrival as a
        inner join ops.source as s on s.source_id = a.source_id
        where
            a.status = 'refused'
            and not exists (
                select from ops.arrival as later
                where
                    later.source_id = a.source_id and later.entity = a.entity
                    and later.file_name = a.file_name and later.arrival_id > a.arrival_id
            )
    ),

    refusals as (
        select
            r.source_id, r.entity, day::date as day,
            count(*)::integer as refused_count,
            (array_agg(r.reason order by r.arrival_id desc))[1] as refused_reason
        from refused as r
        cross join generate_series(
            greatest(r.first_date, first_day), least(r.last_date, last_day), interval '1 day'
        ) as day
        group by r.source_id, r.entity, day
    ),

    known as (
        select source_id, entity, period_end as day from expected
        union
        select source_id, entity, day from content
        union
        select source_id, entity, day from refusals
    )

    select
        k.source_id,
        k.entity,
        k.day,
        coalesce(e.period_start, k.day),
        e.source_id is not null,
        coalesce(e.is_required, false),
        e.if_missing,
        e.deadline_at,
        coalesce(e.delivered_at, c.landed_at),
        case
            when e.status in ('delivered', 'late', 'carried_on') then e.status
            when c.landed_at is not null then 'delivered'
            when r.refused_count is not null then 'refused'
            else e.status
        end,
        c.rows_landed,
        c.rows_rejected,
        coalesce(c.file_count, 0),
        c.file_name,
        coalesce(r.refused_count, 0),
        r.refused_reason
    from known as k
    left join expected as e on e.source_id = k.source_id and e.entity = k.entity and e.period_end = k.day
    left join content as c on c.source_id = k.source_id and c.entity = k.entity and c.day = k.day
    left join refusals as r on r.source_id = k.source_id and r.entity = k.entity and r.day = k.day
$$;
comment on function ops.delivery_status_between is
'Who has delivered what for which day of a range: one row per source, entity and day; a month stands on its last day.';

create or replace view ops.delivery_status as
select * from ops.delivery_status_between('-infinity'::date, 'infinity'::date);
comment on view ops.delivery_status is 'Who has delivered what for which day, ever: source of marts.fct_delivery_status.';
