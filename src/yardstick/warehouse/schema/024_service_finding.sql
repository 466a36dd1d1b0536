-- ops, continued: what the facts gate found about the service, and what the ledger says of a standard.
create table if not exists ops.service_finding (
    service_finding_id bigint generated always as identity primary key,
    standards_release text not null,
    standard_code text not null,
    project_id text not null,
    subject text not null,
    found_date date not null,
    observed jsonb not null,
    severity text not null check (severity in ('minor', 'ordinary', 'serious', 'major')),
    due_date date not null,
    accountable_post_id text,
    opened_build_id bigint not null references ops.build,
    opened_at timestamptz not null default now(),
    settled_build_id bigint references ops.build,
    settled_date date,
    settled_at timestamptz,
    changed_build_id bigint not null references ops.build,
    times_opened integer not null default 1,
    unique (standard_code, project_id, subject),
    check ((settled_date is null) = (settled_build_id is null))
);
comment on table ops.service_finding is
'A subject that fell short of a service standard at the facts gate, until it no longer does. Never deleted.';
comment on column ops.service_finding.standards_release is 'The release in force on found_date, by which it was judged.';
comment on column ops.service_finding.subject is
'What fell short, with the period or the number in it: 2026-03/comprehensive. One finding per subject, ever.';
comment on column ops.service_finding.found_date is 'The day that was judged; of a month, its last.';
comment on column ops.service_finding.observed is 'The judged column, its limit, and what else the batch says of the subject, as of changed_build_id.';
comment on column ops.service_finding.accountable_post_id is
'The post at the project that has the accountable function on found_date; null where none is established.';
comment on column ops.service_finding.settled_date is
'The last day that was known when it was found to fall short no more; null while it is open.';
comment on column ops.service_finding.changed_build_id is 'The build that last opened, settled or renewed the row.';
comment on column ops.service_finding.times_opened is 'More than 1: it was settled and fell short again.';
create index if not exists service_finding_open on ops.service_finding (standard_code) where settled_date is null;
create index if not exists service_finding_changed on ops.service_finding (changed_build_id);

alter table ops.audit_ledger
add column if not exists standards_release text,
add column if not exists dimension text,
add column if not exists means text;
alter table ops.audit_ledger drop constraint if exists audit_ledger_severity_check;
alter table ops.audit_ledger add constraint audit_ledger_severity_check
check (severity in ('blocking', 'warning', 'service'));
comment on column ops.audit_ledger.standards_release is
'The release whose standard was checked; its numbers are those of the expectation.';
comment on column ops.audit_ledger.severity is
'What a failure does: blocking: nothing is published; warning: somebody looks; service: rows of ops.service_finding.';
