-- ops, continued: what a standards release says beyond names, weights and targets.
alter table ops.standards_release
add column if not exists points_at_floor numeric not null default 60,
add column if not exists minimum_weight_measured numeric not null default 50,
add column if not exists confidence numeric not null default 0.95,
add column if not exists confidence_z numeric not null default 1.959963985;
comment on column ops.standards_release.points_at_floor is
'Points of an indicator that is exactly at its floor; 100 at its target, 0 at its zero value, linear between.';
comment on column ops.standards_release.minimum_weight_measured is
'A project of whose weight (out of 100) less than this was measured gets no score.';
comment on column ops.standards_release.confidence_z is
'The normal quantile of the confidence, two-sided.';

alter table ops.standards_indicator
add column if not exists below_minutes integer,
add column if not exists minutes_per_unit integer,
add column if not exists interval_method text not null default 'wilson'
check (interval_method in ('wilson', 'order_statistic', 'rate')),
add column if not exists is_numerator_stock boolean not null default false,
add column if not exists is_denominator_stock boolean not null default false;
comment on column ops.standards_indicator.below_minutes is
'The numerator is the part of the histogram below this many minutes.';
comment on column ops.standards_indicator.interval_method is
'wilson: a share; order_statistic: a quantile; rate: two counts, one not part of the other.';
comment on column ops.standards_indicator.is_denominator_stock is
'Counted at the end of every day, so that one ticket counts on many days: the sample is the average per day.';

alter table ops.standards_target add column if not exists zero_value numeric not null default 0;
comment on column ops.standards_target.zero_value is 'The value, worse than the floor, at which points are 0.';

-- What the release is based on, and each of its files with the hash of what it says.
alter table ops.standards_release
add column if not exists based_on text,
add column if not exists files jsonb not null default '{}',
add column if not exists rows_sha256 text not null default '',
add column if not exists repeat_within_days integer,
add column if not exists inspection_grace_days jsonb not null default '{}';
comment on column ops.standards_release.inspection_grace_days is
'Days after its planned day by which an inspection of each type still counts as done; a type not named has none.';
comment on column ops.standards_release.files is
'SHA-256 of what each file of the release says, by name; an inherited file is one of them.';
alter table ops.standards_release add column if not exists sampling jsonb not null default '{}';
comment on column ops.standards_release.sampling is 'How a month''s inspections are chosen; empty: they are not.';
alter table ops.standards_release add column if not exists staffing jsonb not null default '{}';
comment on column ops.standards_release.staffing is
'Graces of attendance in minutes, limits of overtime in hours; empty: no grace, no limit.';
comment on column ops.standards_release.rows_sha256 is
'Of all its rows in ops.standards_*; another one and they are replaced.';
comment on column ops.standards_release.repeat_within_days is
'A finding of the same standard at the same place within these days is a repeated one; null: none is.';
alter table ops.standards_release add column if not exists complaint_repeat_within_days integer;
comment on column ops.standards_release.complaint_repeat_within_days is
'A complaint of the same household about the same thing within these days is a repeated one; null: none is.';

alter table ops.standards_indicator
add column if not exists points_per_event numeric,
add column if not exists entities jsonb not null default '[]';
comment on column ops.standards_indicator.entities is
'The entities it counts; while a delivery of one of them is missing it is incomplete.';
alter table ops.standards_indicator drop constraint if exists standards_indicator_kind_check;
alter table ops.standards_indicator add constraint standards_indicator_kind_check
check (kind in ('ratio', 'quantile', 'count'));
alter table ops.standards_indicator drop constraint if exists standards_indicator_scoring_check;
alter table ops.standards_indicator add constraint standards_indicator_scoring_check
check (scoring in ('linear', 'bands', 'deduction', 'veto'));
comment on column ops.standards_indicator.points_per_event is
'Scoring by deduction: points lost, of 100, for each event of the numerator in a month.';

alter table ops.standards_target
alter column zero_value drop not null,
alter column zero_value drop default,
alter column floor_value drop not null,
alter column target_value drop not null;
comment on table ops.standards_target is
'Weight and values by project grade; a veto, and a deduction that gives none, has no values.';

-- Inspection standards in their tree, and what is expected of the service and of the data.
create table if not exists ops.standards_category (
    standards_release text not null references ops.standards_release,
    category text not null,
    parent_category text,
    names jsonb not null,
    function text not null,
    position integer not null,
    primary key (standards_release, category)
);
comment on table ops.standards_category is
'The tree that inspection standards hang on; a root has no parent. function: the post_function held to it.';

create table if not exists ops.standards_inspection (
    standards_release text not null,
    standard_code text not null,
    category text not null,
    names jsonb not null,
    requirement jsonb not null,
    check_text jsonb not null,
    scoring_method text not null check (scoring_method in ('pass_fail', 'points', 'deduction')),
    full_score numeric not null,
    per_finding numeric,
    weight numeric not null,
    severity text not null check (severity in ('minor', 'ordinary', 'serious', 'major')),
    rectify_within_days integer not null,
    is_veto boolean not null,
    evidence text[] not null,
    inspected text[] not null,
    check_every_days integer,
    project_grades text[],
    project_types text[],
    facilities text[],
    position integer not null,
    primary key (standards_release, standard_code),
    foreign key (standards_release, category) references ops.standards_category
);
comment on table ops.standards_inspection is
'What an inspector checks. project_grades, project_types, facilities: where it applies; null: everywhere.';
comment on column ops.standards_inspection.check_every_days is
'The longest time between two checks at one project; null: none.';

create table if not exists ops.standards_service (
    standards_release text not null references ops.standards_release,
    standard_code text not null,
    category text not null,
    names jsonb not null,
    requirement jsonb not null,
    severity text not null check (severity in ('minor', 'ordinary', 'serious', 'major')),
    accountable_function text not null,
    rectify_within_days integer not null,
    position integer not null,
    primary key (standards_release, standard_code)
);
comment on table ops.standards_service is
'What is expected of the service; IND-<indicator>: a month''s value at its floor or better.';

create table if not exists ops.standards_data (
    standards_release text not null references ops.standards_release,
    standard_code text not null,
    suite text not null,
    dimension text not null,
    names jsonb not null,
    severity text not null check (severity in ('blocking', 'warning')),
    position integer not null,
    primary key (standards_release, standard_code)
);
comment on table ops.standards_data is 'What is expected of the data, and the suite that checks it.';

-- Service levels: which tickets have which policy, and what it promises.
create table if not exists ops.sla_policy (
    standards_release text not null references ops.standards_release,
    policy text not null,
    names jsonb not null,
    service_items text[],
    service_groups text[],
    priorities text[],
    project_grades text[],
    channels text[],
    is_emergency boolean,
    position integer not null,
    primary key (standards_release, policy)
);
comment on table ops.sla_policy is
'Of those that apply to a ticket the one of the lowest position counts; what is null is not asked of it.';

create table if not exists ops.sla_target (
    standards_release text not null,
    policy text not null,
    target text not null
    check (target in ('acknowledge', 'respond', 'attend', 'complete', 'call_back', 'next_reply', 'update')),
    minutes integer not null check (minutes > 0),
    clock text not null check (clock in ('calendar', 'service')),
    paused_in text[] not null,
    primary key (standards_release, policy, target),
    foreign key (standards_release, policy) references ops.sla_policy
);
comment on column ops.sla_target.paused_in is 'Statuses of a ticket in which minutes do not count.';
