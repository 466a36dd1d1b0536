-- A month of inspections as staging and facts hold it: every item of 300 projects, one delivery a day and entity.
-- Every standard is met, but for one item in a thousand whose score does not add up.
insert into ops.source (source_id, names, site_file, time_zone, config_sha256)
values ('app', '{}', 'app.yml', 'Asia/Shanghai', 'x');
insert into ops.arrival (source_id, entity, file_name, file_sha256, byte_size, rows_read, status)
values ('app', 'inspection', 'a', 'x', 1, 1, 'landed');
insert into ops.delivery (
    arrival_id, source_id, entity, partition_date, file_name, revision, content_sha256, rows_landed, rows_staged,
    rows_superseded, rows_rejected, rows_duplicate
)
select 1, 'app', entity, day, entity, 1, 'x', 1, 1, 0, 0, 0
from generate_series('2026-03-01'::timestamp, '2026-03-31', '1 day') as day,
    unnest(array['inspection', 'inspection_item', 'rectification']) as entity;
insert into ops.build (run_id, status, stage) values ('bench', 'running', 'facts');
insert into ops.build_delivery select 1, delivery_id from ops.delivery;
insert into ops.build_day select 1, day::date from generate_series('2026-03-01'::timestamp, '2026-03-31', '1 day') as day;
insert into intermediate.int_service__months values (1, '2026-03-01', '2026-03-31');

insert into staging.stg_delivered__inspections (
    delivery_id, row_number, source_id, partition_date, source_inspection_id, planned_date, project_id,
    inspection_type, inspection_scope, status, is_announced, started_at, ended_at, inspector_person_id,
    lead_department_id, standards_release, score, full_score, is_vetoed, content_md5
)
select
    d.delivery_id, n, 'app', d.partition_date, 'I' || lpad(n::text, 8, '0'), d.partition_date,
    'P' || lpad((n %% %(projects)s)::text, 3, '0'), (array['weekly', 'monthly', 'special'])[1 + n %% 3],
    (array['spot', 'comprehensive', 'thematic'])[1 + n %% 3], 'done', false,
    d.partition_date + time '01:00' + n %% 200 * interval '1 minute',
    d.partition_date + time '01:00' + n %% 200 * interval '1 minute' + %(items)s * interval '40 seconds',
    'U' || n %% 40, 'QA', %(release)s, 0, 0, false, md5(n::text)
from generate_series(0, %(inspections)s - 1) as n
inner join ops.delivery as d on d.entity = 'inspection' and d.partition_date = date '2026-03-01' + n %% 31;

insert into staging.stg_delivered__inspection_items (
    delivery_id, row_number, source_id, partition_date, source_inspection_item_id, source_inspection_id, project_id,
    checked_at, standard_code, location, result, score, full_score, deduction_points, findings, is_veto, severity,
    evidence_count, checked_by_person_id, accountable_post_id, content_md5
)
select
    d.delivery_id, k, 'app', i.partition_date, i.source_inspection_id || '-' || lpad(k::text, 4, '0'),
    i.source_inspection_id, i.project_id, i.started_at + k * interval '40 seconds',
    (%(codes)s::text [])[1 + (k * 7 + i.row_number) %% cardinality(%(codes)s::text [])],
    (array['大堂', '一号楼', '地库', '东门', '花园'])[1 + k %% 5], case when f.is_failed then 'failed' else 'passed' end,
    case when f.is_failed then 0 else 3 end + case when (k + i.row_number) %% 1000 = 0 then 0.5 else 0 end,
    3.5, case when f.is_failed then 3.5 else 0.5 end, f.is_failed::integer,
    false, case when f.is_failed then 'ordinary' end, 1 + k %% 3, i.inspector_person_id, i.project_id || '-PM',
    md5(i.source_inspection_id || k)
from staging.stg_delivered__inspections as i
inner join ops.delivery as d on d.entity = 'inspection_item' and d.partition_date = i.partition_date
cross join generate_series(1, %(items)s) as k
cross join lateral (select (k * 31 + i.row_number * 17) %% 100 < 6 as is_failed) as f;
update staging.stg_delivered__inspection_items set deduction_points = 0, score = full_score where result = 'passed';
update staging.stg_delivered__inspection_items set score = 0.5, deduction_points = 3.5
where result = 'failed' and row_number %% 100 = 0;
update staging.stg_delivered__inspections as i
set score = s.score, full_score = s.full_score
from (
    select source_inspection_id, sum(score) as score, sum(full_score) as full_score
    from staging.stg_delivered__inspection_items group by source_inspection_id
) as s
where s.source_inspection_id = i.source_inspection_id;

insert into staging.stg_delivered__rectifications (
    delivery_id, row_number, source_id, partition_date, source_rectification_id, source_inspection_id,
    source_inspection_item_id, project_id, standard_code, location, severity, status, raised_at, assigned_at, due_at,
    rectified_at, reinspected_at, reinspection_result, closed_at, accountable_post_id, accountable_person_id,
    reinspected_by_person_id, evidence_count, content_md5
)
select
    d.delivery_id, row_number() over (), 'app', i.partition_date, 'R' || i.source_inspection_item_id,
    i.source_inspection_id, i.source_inspection_item_id, i.project_id, i.standard_code, i.location, i.severity,
    'closed', i.checked_at, i.checked_at, i.checked_at + interval '3 days', i.checked_at + interval '1 day',
    i.checked_at + interval '2 days', 'passed', i.checked_at + interval '2 days', i.accountable_post_id, 'V1', 'U1', 1,
    i.content_md5
from staging.stg_delivered__inspection_items as i
inner join ops.delivery as d on d.entity = 'rectification' and d.partition_date = i.partition_date
where i.result = 'failed';

insert into marts.fct_inspection_item (
    source_id, source_inspection_item_id, source_inspection_id, project_id, checked_at, checked_date, standard_code,
    location, result, is_passed, score, full_score, deduction_points, findings, is_veto, severity, evidence_count,
    inspection_type, inspection_scope, accountable_post_id, inspector_person_id, delivery_id, row_number
)
select
    t.source_id, t.source_inspection_item_id, t.source_inspection_id, t.project_id, t.checked_at,
    (t.checked_at at time zone 'Asia/Shanghai')::date, t.standard_code, t.location, t.result, t.result = 'passed',
    t.score, t.full_score, t.deduction_points, t.findings, t.is_veto, t.severity, t.evidence_count,
    i.inspection_type, i.inspection_scope, t.accountable_post_id, t.checked_by_person_id, t.delivery_id, t.row_number
from staging.stg_delivered__inspection_items as t
inner join staging.stg_delivered__inspections as i on i.source_inspection_id = t.source_inspection_id;
insert into marts.fct_inspection (
    source_id, source_inspection_id, project_id, inspection_type, inspection_scope, status, planned_date, due_date,
    started_at, ended_at, done_date, is_done, inspector_person_id, standards_release, items_checked, items_failed,
    findings, score, full_score, is_vetoed, veto_codes, is_inspector_on_duty, delivery_id
)
select
    source_id, source_inspection_id, project_id, inspection_type, inspection_scope, status, planned_date,
    planned_date + 3, started_at, ended_at, planned_date, true, inspector_person_id, standards_release, %(items)s, 0,
    0, score, full_score, false, '{}', true, delivery_id
from staging.stg_delivered__inspections;
insert into marts.fct_inspection_monthly
select
    project_id, '2026-03-31', inspection_scope, '2026-03/' || inspection_scope, count(*), count(*), count(*), 0, 1
from marts.fct_inspection group by project_id, inspection_scope;
insert into marts.fct_nonconformity_open
select 'P' || n, 'F' || n, '2026-03-31', 'inspection', 'x', 'x', 'ordinary', 'assigned', '2026-03-30', '2026-04-02', 0, null
from generate_series(1, %(projects)s * 5) as n;

create unique index on staging.stg_delivered__inspections (source_id, source_inspection_id);
create unique index on staging.stg_delivered__inspection_items (source_id, source_inspection_item_id);
create unique index on staging.stg_delivered__rectifications (source_id, source_rectification_id);
create unique index on marts.fct_inspection (source_id, source_inspection_id);
create unique index on marts.fct_inspection_item (source_id, source_inspection_item_id);
create index on staging.stg_delivered__inspections (delivery_id);
create index on staging.stg_delivered__inspection_items (delivery_id);
create index on staging.stg_delivered__rectifications (delivery_id);
create index on marts.fct_inspection (planned_date);
create index on marts.fct_inspection_item (source_id, source_inspection_id);
create index on marts.fct_inspection_item (delivery_id);
