-- The tables dbt would have built, and build 1 in them.
create schema if not exists staging;
create schema if not exists marts;
create schema if not exists appraisal;
create schema if not exists intermediate;
create table appraisal.indicator_daily (
    project_id text, indicator text, day date, numerator bigint, denominator bigint, standards_release text,
    primary key (project_id, indicator, day)
);
create table staging.stg_delivered__tickets (
    delivery_id bigint, row_number integer, source_id text, source_ticket_id text, opened_at timestamptz,
    due_at timestamptz, closed_at timestamptz, status text, channel text
);
create table staging.stg_delivered__projects (
    delivery_id bigint, row_number integer, project_id text, project_grade text, area_m2 double precision,
    households bigint
);
create table staging.stg_delivered__service_items (
    delivery_id bigint, row_number integer, service_item_id text, service_item_name_en text
);
create table marts.dim_project (
    project_id text primary key, project_name_zh text, project_name_en text, region text, city text,
    project_grade text, project_type text, area_m2 double precision, households bigint,
    manager_person_id text, manager_name text, is_appraised boolean
);
create table marts.dim_service_item (
    service_item_id text primary key, service_item_name_zh text, service_item_name_en text,
    service_group_id text, service_group_name_zh text, service_group_name_en text, reform_part text
);
create table marts.dim_org_unit (
    org_unit_id text primary key, org_unit_name_zh text, org_unit_name_en text,
    parent_org_unit_id text, unit_kind text
);
create table marts.dim_standard as select * from publish.standard with no data;
create table marts.dim_standard_category as select * from publish.standard_category with no data;
create table marts.fct_ticket as
select *, null::bigint as delivery_id, null::integer as row_number from publish.ticket with no data;
alter table marts.fct_ticket add primary key (source_id, source_ticket_id);
create table marts.fct_ticket_span as select * from publish.ticket_span with no data;
create table marts.fct_ticket_handover as select * from publish.ticket_handover with no data;
create table marts.fct_sla_event as select * from publish.sla_event with no data;
create table marts.fct_sla_daily as select * from publish.sla_daily with no data;
create table marts.fct_ticket_backlog_daily as select * from publish.backlog_daily with no data;
create table marts.fct_inspection as select *, null::bigint as delivery_id from publish.inspection with no data;
create table marts.fct_inspection_item as select *, null::bigint as delivery_id from publish.inspection_item with no data;
create table marts.fct_nonconformity as select *, null::bigint as delivery_id from publish.nonconformity with no data;
create table marts.fct_survey_answer as select *, null::bigint as delivery_id from publish.survey_answer with no data;
create table marts.fct_complaint as select *, null::bigint as delivery_id from publish.complaint with no data;
create table marts.fct_household_history as select * from publish.household_history with no data;
create table staging.stg_delivered__people as select * from publish.person with no data;
create table marts.dim_person as select * from publish.person_history with no data;
create table marts.fct_certificate as select * from publish.certificate with no data;
create table marts.fct_staff_monthly (like publish.staff_monthly including defaults);
create table marts.fct_turnover_monthly as select * from publish.turnover_monthly with no data;
create table marts.fct_staffing_monthly as select * from publish.staffing_monthly with no data;
create table marts.fct_workload_hourly as select * from publish.workload_hourly with no data;
create table marts.fct_staffing_hourly as select * from publish.staffing_hourly with no data;
create table marts.fct_understaffing_monthly as select * from publish.understaffing_monthly with no data;
create table marts.fct_overtime_monthly as select * from publish.overtime_monthly with no data;
create table marts.fct_attendance as select * from publish.attendance with no data;
create table marts.fct_post_daily as select * from publish.post_daily with no data;
create table marts.fct_training as select *, null::bigint as delivery_id from publish.training with no data;
create table marts.dim_equipment as select * from publish.equipment with no data;
create table marts.fct_equipment_daily as select * from publish.equipment_daily with no data;
create table marts.fct_equipment_monthly as select * from publish.equipment_monthly with no data;
create table marts.fct_goods_monthly as select * from publish.goods_monthly with no data;
create table marts.fct_digital_monthly as select * from publish.digital_monthly with no data;
create table marts.fct_cost_monthly as select * from publish.cost_monthly with no data;
create table intermediate.int_days__affected (build_id bigint, day date);
create table intermediate.int_people__touched (build_id bigint, person_id text);

insert into ops.source (source_id, names, site_file, time_zone, config_sha256)
values ('demo', '{"en": "Demo", "zh": "演示"}', 'sites/demo.yml', 'UTC', 'x');
insert into ops.arrival (source_id, entity, file_name, file_sha256, byte_size, rows_read, status)
values ('demo', 'ticket', '2015-01.csv', 'x', 1, 11, 'landed');
insert into ops.delivery (arrival_id, source_id, entity, partition_date, file_name, revision, content_sha256,
    rows_landed, rows_staged, rows_superseded, rows_rejected, rows_duplicate, rows_flagged)
select 1, 'demo', entity, day, file_name, 1, 'x', landed, landed, 0, 0, 0, 0
from (values ('project', date '2014-12-31', 'projects.csv', 2), ('service_item', date '2014-12-31', 'items.csv', 1),
    ('ticket', date '2015-01-01', '2015-01.csv', 6), ('ticket', date '2015-01-02', '2015-01.csv', 5))
    as d (entity, day, file_name, landed);
insert into ops.build (run_id, status, stage, first_day, last_day)
values ('run-1', 'running', 'facts', '2015-01-01', '2015-01-02');
insert into ops.build_delivery select 1, delivery_id from ops.delivery;
insert into intermediate.int_days__affected values (1, '2015-01-01'), (1, '2015-01-02');
insert into intermediate.int_people__touched values (1, 'person-1'), (1, 'person-2');
insert into marts.dim_project values
    ('P1', '一号小区', 'One', 'east', 'Boston', 'A', 'residential', 1000, 100, 'person-1', '王芳', true),
    ('P2', '二号小区', 'Two', 'west', 'Boston', 'B', 'residential', 2000, 200, 'person-2', '赵敏', true);
insert into marts.dim_service_item values ('lift', '电梯', 'Lift', 'repair', '维修', 'Repair', 'service');
insert into marts.dim_org_unit values ('D1', '工程部', 'Engineering', null, 'department');
insert into marts.fct_ticket (source_id, source_ticket_id, project_id, service_item_id, department_id, team_id, channel,
    priority, status, opened_at, opened_date, due_at, due_date, first_response_at, closed_at, closed_date, is_on_time,
    is_closed_before_opened, reopened_count, close_calendar_minutes, close_service_minutes,
    first_response_service_minutes, delivery_id, row_number)
select 'demo', 'T' || n, case when n % 2 = 0 then 'P1' else 'P2' end, 'lift', 'D1', null, 'phone', null, 'closed',
    opened, opened::date, opened + interval '5 hour', opened::date, null, opened + interval '2 hour', opened::date,
    true, false, 0, 120, 120, null, case when n < 6 then 3 else 4 end, n + 2
from (select n, case when n < 6 then timestamptz '2015-01-01 08:00Z' else timestamptz '2015-01-02 08:00Z' end as opened
    from generate_series(0, 10) as n) as t;
update marts.fct_ticket
set last_mark_at = closed_at, silence_began_at = opened_at, silence_department_id = 'D1',
    longest_silence_calendar_minutes = 120
where source_ticket_id in ('T0', 'T1');
insert into marts.fct_ticket_span
select source_id, source_ticket_id, n, project_id, service_item_id, null, case when n = 1 then 'D2' else 'D1' end, 'open',
    null, opened_at + (n - 1) * interval '1 hour', opened_date, opened_at + n * interval '1 hour', opened_date, 60, 60,
    'inside', case when n = 1 then 'opened' else 'handed_over' end, n = 2
from marts.fct_ticket cross join generate_series(1, 2) as n
where last_mark_at is not null;
insert into marts.fct_ticket_handover
select source_id, source_ticket_id, 1, project_id, service_item_id, 'D2', 'D1', opened_at + interval '1 hour', opened_date,
    false, 60, 60, 60, 60, 60, 60
from marts.fct_ticket
where last_mark_at is not null;
insert into marts.dim_standard_category (standards_release, category, category_path, depth, position)
values ('2015-01', 'cleaning', '{cleaning}', 1, 1);
insert into marts.dim_standard (standards_release, standard_code, standard_kind, category, is_veto, effective_from)
values ('2015-01', 'CL-LB-01', 'inspection', 'cleaning', false, '2015-01-01');
insert into marts.fct_inspection (source_id, source_inspection_id, project_id, inspection_type, inspection_scope,
    status, planned_date, due_date, done_date, is_done, inspector_person_id, items_checked, items_failed, findings,
    is_vetoed, veto_codes, delivery_id)
select 'demo', 'I-' || project_id, project_id, 'monthly', 'comprehensive', 'done', '2015-01-01', '2015-01-01',
    '2015-01-01', true, 'person-9', 1, 1, 1, false, '{}', 3
from marts.dim_project;
insert into marts.fct_inspection_item (source_id, source_inspection_item_id, source_inspection_id, project_id,
    checked_at, checked_date, standard_code, result, is_passed, is_veto, delivery_id)
select 'demo', 'N-' || project_id, 'I-' || project_id, project_id, '2015-01-01 09:00Z', '2015-01-01', 'CL-LB-01',
    'failed', false, false, 3
from marts.dim_project;
insert into marts.fct_nonconformity (nonconformity_id, origin, source_id, source_nonconformity_id, project_id,
    standard_code, status, found_date, accountable_person_id, delivery_id)
select 'inspection_item:demo:N-' || project_id, 'inspection', 'demo', 'N-' || project_id, project_id, 'CL-LB-01',
    'found', '2015-01-01', manager_person_id, 3
from marts.dim_project;
insert into marts.fct_survey_answer (source_id, source_survey_answer_id, survey_id, project_id, dimension,
    question_code, status, asked_at, asked_date, is_answered, has_verbatim, delivery_id)
select 'demo', 'A-' || project_id, 'S1', project_id, 'overall', 'q1', 'answered', '2015-01-02 09:00Z', '2015-01-02',
    true, true, 4
from marts.dim_project;
insert into marts.fct_complaint (source_id, source_complaint_id, project_id, household_key, status, received_at,
    received_date, handler_person_id, delivery_id)
select 'demo', 'C-' || project_id, project_id, 'h-' || project_id, 'open', '2015-01-02 09:00Z', '2015-01-02',
    manager_name, 4
from marts.dim_project;
insert into marts.fct_household_history (household_key, kind, source_id, source_subject_id, project_id, happened_at,
    happened_date, tickets, complaints, repeats)
select household_key, 'complaint', source_id, source_complaint_id, project_id, received_at, received_date, 0, 1, 0
from marts.fct_complaint;
insert into staging.stg_delivered__people
select manager_person_id, manager_name, 'female', date '1980-01-02', '13800001234', '本科' from marts.dim_project;
insert into marts.dim_person (person_id, first_date, is_last, project_id, joined_date)
select manager_person_id, date '2015-01-01', true, project_id, date '2015-01-01'
from marts.dim_project;
insert into marts.fct_certificate (source_id, source_certificate_id, person_id, project_id, certificate_kind,
    as_of_date, state, is_in_service, is_required, is_covered, is_expiring_in_30_days, is_expiring_in_60_days,
    is_expiring_in_90_days, expired_on_duty_days)
select 'x', 'Z-' || project_id, manager_person_id, project_id, 'x', date '2015-01-01', 'x', false, false, false,
    false, false, false, 0
from marts.dim_project;
insert into marts.fct_staff_monthly (month, person_id, project_id, days, full_time_days, service_days)
select date '2015-01-01', manager_person_id, project_id, 0, 0, 0
from marts.dim_project;
insert into marts.fct_turnover_monthly (month, project_id, post_function, staffing_kind, month_days, person_days,
    persons_at_start, persons_at_end, joiners, leavers, leavers_resigned, leavers_dismissed, leavers_contract_ended,
    leavers_retired, leavers_transferred, leavers_died, leavers_other, leavers_unknown, leavers_within_90_days,
    moved_in, moved_out, leavers_tenure_days, tenure_days)
select date '2015-01-01', project_id, 'x', 'x', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
from marts.dim_project;
insert into marts.fct_staffing_monthly (month, project_id, post_function, staffing_kind, month_days,
    established_person_days, filled_person_days, vacant_person_days, surplus_person_days, on_duty_person_days,
    on_leave_person_days, absent_person_days, late_person_days, uncertified_on_duty_person_days, incomplete_punches,
    planned_minutes, worked_minutes, overtime_minutes)
select date '2015-01-01', project_id, 'x', 'all', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
from marts.dim_project;
insert into marts.fct_workload_hourly select date '2015-01-01', project_id, 9, 4, 60, 1, 0, 0 from marts.dim_project;
insert into marts.fct_staffing_hourly
select date '2015-01-01', project_id, 'repair', 9, 4, 240, 200, 1, 3, 2, 90, 0.9 from marts.dim_project;
insert into marts.fct_understaffing_monthly
select date '2015-01-01', 1, 'calendar', project_id, 'repair', 3, 2, 2, 40, 30, 10, 4, null, null from marts.dim_project;
insert into marts.fct_overtime_monthly
select date '2015-01-01', manager_person_id, project_id, 90, 90, 0, 0, 0, 2160, false, 0 from marts.dim_project;
insert into marts.fct_attendance (attendance_id, source_id, is_planned, person_id, rostered_person_id, project_id,
    shift_date, ends_date, status, is_swapped, leave_kind)
select 'roster:demo:R-' || project_id, 'x', false, manager_person_id, manager_person_id, project_id, date
    '2015-01-01', date '2015-01-01', 'leave', false, 'sick'
from marts.dim_project;
insert into marts.fct_post_daily (project_id, post_id, day, established_persons, filled_persons, assigned_persons,
    vacant_persons, surplus_persons, rostered_persons, on_duty_persons, on_leave_persons, absent_persons,
    unknown_persons, late_persons, early_persons, incomplete_punches, planned_minutes, worked_minutes,
    overtime_minutes)
select project_id, 'x', date '2015-01-01', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
from marts.dim_project;
insert into marts.dim_equipment (
    equipment_id, project_id, equipment_kind, statutory_kind, is_goods, is_statutory
)
select
    'E-' || project_id, project_id, 'x', 'x', false, false
from marts.dim_project;
insert into marts.fct_equipment_daily (
    equipment_id, day, project_id, equipment_kind, statutory_kind, up_minutes, in_use_minutes, down_minutes,
    maintenance_minutes, unknown_minutes, failures, restorations, restoration_minutes, repairs,
    repair_minutes, is_maintenance_due, is_statutory, statutory_inspections, statutory_inspections_passed
)
select
    'E-' || project_id, date '2015-01-01', project_id, 'x', 'x', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, false, false,
    0, 0
from marts.dim_project;
insert into marts.fct_equipment_monthly (
    month, project_id, equipment_kind, statutory_kind, piece_days, piece_days_known, piece_days_in_order,
    up_minutes, in_use_minutes, down_minutes, maintenance_minutes, unknown_minutes, failures, restorations,
    restoration_minutes, repairs, repair_minutes, statutory_inspections, statutory_inspections_passed,
    maintenance_due, maintenance_done, maintenance_done_on_time, maintenance_overdue_days,
    statutory_overdue_days, pieces, statutory_pieces, statutory_due_in_30_days, statutory_overdue,
    pieces_of_known_life, pieces_past_service_life
)
select
    date '2015-01-01', project_id, 'x', 'x', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0
from marts.dim_project;
insert into marts.fct_goods_monthly (
    month, project_id, equipment_id, equipment_kind, received_pieces, issued_pieces, returned_pieces,
    written_off_pieces, stock_pieces, issued_now_pieces, replacement_due_pieces
)
select
    date '2015-01-01', project_id, 'E-' || project_id, 'x', 0, 0, 0, 0, 0, 0, 0
from marts.dim_project;
insert into marts.fct_digital_monthly (
    month, project_id, tickets_opened, tickets_phone, tickets_app, tickets_web, tickets_mini_program,
    tickets_email, tickets_front_desk, tickets_staff, tickets_system, tickets_other, tickets_of_owners,
    tickets_self_service, ticket_events, ticket_events_by_system, ticket_events_by_persons, inspections_done,
    inspections_recorded, inspections_mobile
)
select
    date '2015-01-01', project_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
from marts.dim_project;
insert into marts.fct_cost_monthly (
    month, project_id, total_cny
)
select
    date '2015-01-01', project_id, 0
from marts.dim_project;
insert into marts.fct_training (source_id, source_training_id, person_id, project_id, course_id, planned_date, status,
    is_done, delivery_id)
select 'x', 'C-' || project_id, manager_person_id, project_id, 'x', date '2015-01-01', 'x', false, 3
from marts.dim_project;
insert into marts.fct_ticket_backlog_daily
select project_id, service_item_id, 'D1', opened_date, count(*), count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0 from marts.fct_ticket group by 1, 2, 4;
insert into marts.fct_sla_event (source_id, source_ticket_id, target, occurrence, project_id, status, started_at,
    started_date)
select source_id, source_ticket_id, 'complete', 1, project_id, 'met', opened_at, opened_date from marts.fct_ticket;
insert into marts.fct_sla_daily
select opened_date, project_id, service_item_id, 'complete', count(*), count(*), 0, 0, count(*), 0
from marts.fct_ticket group by 1, 2, 3;
insert into appraisal.indicator_daily
select project_id, 'completed_on_time', due_date, count(*) filter (where is_on_time), count(*), '2015-01'
from marts.fct_ticket group by 1, 3;
insert into staging.stg_delivered__tickets
select delivery_id, row_number, source_id, source_ticket_id, opened_at, due_at, closed_at, status, channel
from marts.fct_ticket;
insert into staging.stg_delivered__projects
select 1, row_number() over (order by project_id) + 1, project_id, project_grade, area_m2, households
from marts.dim_project;
insert into staging.stg_delivered__service_items values (2, 2, 'lift', 'Lift');


create table appraisal.appraisal_score as
select 'month'::text as period_kind, '2015-01'::text as period, project_id, project_names, region, project_grade,
    score, score_low, score_high, rank, rank_low, rank_high, grade, coefficient, weight_measured, tickets_opened,
    tickets_closed, is_vetoed
from release.score;
create table appraisal.appraisal_indicator as
select 'month'::text as period_kind, '2015-01'::text as period, i.* from release.indicator i;
alter table appraisal.appraisal_indicator drop column release_id;
create table appraisal.appraisal_person as
select 'month'::text as period_kind, '2015-01'::text as period, i.* from release.person i;
alter table appraisal.appraisal_person drop column release_id;
create table appraisal.appraisal_staff as
select 'month'::text as period_kind, '2015-01'::text as period, i.* from release.staff i;
alter table appraisal.appraisal_staff drop column release_id;
create table appraisal.appraisal_item as
select 'month'::text as period_kind, '2015-01'::text as period, i.* from release.item i;
alter table appraisal.appraisal_item drop column release_id;
create table appraisal.appraisal_category as
select 'month'::text as period_kind, '2015-01'::text as period, i.* from release.category i;
alter table appraisal.appraisal_category drop column release_id;
create table appraisal.appraisal_day as
select 'month'::text as period_kind, '2015-01'::text as period, i.* from release.day i;
alter table appraisal.appraisal_day drop column release_id;

insert into ops.standards_release (standards_release, effective_from, content_sha256, names)
values ('2015-01', '2015-01-01', 'aa', '{"zh": "企业标准", "en": "company standard"}');
insert into appraisal.appraisal_score
select k, p, project, jsonb_build_object('zh', project || '小区', 'en', project), 'east', 'A', score, score - 2, score + 2,
    place, 1, 2, grade, 1.0, 100, 10, 8
from (values ('month', '2015-01')) as period (k, p),
(values ('P1', 91.5, 1, 'good'), ('P2', 1 / 3.0 * 250, 2, 'pass')) as s (project, score, place, grade);
insert into appraisal.appraisal_indicator
select 'month', '2015-01', project, 'completed_on_time', '{"zh": "按时完成率", "en": "Completed on time"}', 'service', 'share',
    'higher', 8, 9, 8 / 9.0, 0.6, 0.97, 0.8, 0.98, 50, 100, 100, true, 5, 1
from (values ('P1'), ('P2')) as s (project);
insert into appraisal.appraisal_person values
    ('month', '2015-01', 'P1', 'person-1', '王芳', 91.5, 'good', 1.0),
    ('month', '2015-01', 'P2', 'person-2', '赵敏', 83.333333333, 'pass', 0.8);
insert into appraisal.appraisal_item
select 'month', '2015-01', project, 'lift', '{"zh": "电梯", "en": "Lift"}', 10, 9, 8, 2 from (values ('P1'), ('P2')) as s (project);
insert into appraisal.appraisal_category
select 'month', '2015-01', project, category, parent, depth, '{"zh-Hans": "保洁", "en": "Cleaning"}', 40, 36, 120, 102, 0.85, 120, 12,
    5, 3, 1, depth
from (values ('P1'), ('P2')) as s (project),
    (values ('cleaning', null, 1), ('cleaning_indoor', 'cleaning', 2)) as c (category, parent, depth);
insert into appraisal.appraisal_day
select 'month', '2015-01', project, day::date, 1, 1, 2, 1, 1
from (values ('P1'), ('P2')) as s (project), generate_series('2015-01-01'::date, '2015-01-10', '1 day') as day;

insert into ops.standards_indicator (standards_release, indicator, names, reform_part, unit, direction, kind, scoring,
    minimum_sample, position)
values ('2015-01', 'completed_on_time', '{}', 'service_centre', 'ratio', 'higher', 'ratio', 'linear', 5, 1);
