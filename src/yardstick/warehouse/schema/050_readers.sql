-- bi and hr: the only schemas readers may see. Their views run with the reader's own rights, so the
-- row-level security of publish and release holds; readers have no use of those schemas themselves.
create schema if not exists bi;
create schema if not exists hr;

create table if not exists ops.reader (
    login text primary key,
    reader_role text not null check (reader_role in ('hq', 'hr', 'pm')),
    added_at timestamptz not null default now()
);
create table if not exists ops.reader_project (
    login text not null references ops.reader on delete cascade,
    project_id text not null,
    primary key (login, project_id)
);
comment on table ops.reader_project is 'The projects a project manager''s login may read.';

grant usage on schema ops to yardstick_owner;
grant select on ops.reader_project to yardstick_owner;

-- session_user, not current_user: inside a security definer function only the former is the reader,
-- and no reader can change it.
create or replace function ops.reader_projects() returns setof text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$ select p.project_id from ops.reader_project as p where p.login = session_user $$;
grant create on schema ops to yardstick_owner; -- which taking over a function asks for
alter function ops.reader_projects() owner to yardstick_owner;
revoke create on schema ops from yardstick_owner;
revoke all on function ops.reader_projects() from public;
grant execute on function ops.reader_projects() to reader_pm;

do $$
declare
    relation regclass;
    is_by_project boolean;
begin
    for relation, is_by_project in
        select c.oid, exists (
            select from pg_attribute a where a.attrelid = c.oid and a.attname = 'project_id' and not a.attisdropped)
        from pg_class c
        where c.relkind = 'r' and c.relnamespace in ('publish'::regnamespace, 'release'::regnamespace)
    loop
        execute format('drop policy if exists company on %s', relation);
        execute format('create policy company on %s for select to reader_hq, reader_hr using (true)', relation);
        execute format('drop policy if exists own_projects on %s', relation);
        execute format('create policy own_projects on %s for select to reader_pm using (%s)', relation,
            case when is_by_project then 'project_id in (select ops.reader_projects())' else 'true' end);
    end loop;
end $$;

-- A project manager sees the sources that cover one of their projects.
drop policy own_projects on publish.delivery_status;
create policy own_projects on publish.delivery_status for select to reader_pm using (
    projects = '{}' or projects && array(select ops.reader_projects())
);

grant select on publish.project, publish.service_item, publish.org_unit, publish.ticket, publish.ticket_span,
publish.ticket_handover,
publish.sla_event, publish.sla_daily,
publish.backlog_daily, publish.indicator_daily, publish.day, publish.delivery_status,
publish.standard, publish.standard_category, publish.inspection_item, publish.survey_answer,
publish.household_history
to reader_hq, reader_hr, reader_pm;
-- Not who inspected, which person has to put it right, nor who handled a complaint.
grant select (
    source_id, source_inspection_id, project_id, inspection_type, inspection_scope, theme, status, planned_date,
    due_date, started_at, ended_at, done_date, is_done, is_announced, lead_department_id, standards_release,
    items_checked, items_failed, findings, score, full_score, deduction_points, is_vetoed, veto_codes,
    is_inspector_on_duty
) on publish.inspection to reader_hq, reader_hr, reader_pm;
grant select (
    nonconformity_id, origin, source_id, source_nonconformity_id, project_id, standard_code, location, severity,
    status, found_at, found_date, assigned_at, due_at, due_date, rectified_at, rectified_date, reinspected_at,
    reinspection_result, closed_at, closed_date, is_overdue, is_rectified_on_time, is_repeated,
    repeats_nonconformity_id, accountable_post_id, department_id, observed
) on publish.nonconformity to reader_hq, reader_hr, reader_pm;
grant select (
    source_id, source_complaint_id, source_ticket_id, project_id, service_item_id, household_key, channel,
    complaint_kind, severity, status, received_at, received_date, acknowledged_at, replied_at, answered_at,
    due_at, due_date, resolved_at, settled_at, settled_date, closed_at, closed_date, is_on_time,
    acknowledge_calendar_minutes, acknowledge_service_minutes, reply_calendar_minutes, reply_service_minutes,
    resolve_calendar_minutes, resolve_service_minutes, close_calendar_minutes, close_service_minutes,
    is_escalated, escalation_level, escalated_at, is_upheld, rating, is_called_back, called_back_at,
    source_call_back_id, department_id, accountable_post_id, is_repeat, repeats, repeat_of_source_id, repeat_of,
    days_since_previous
) on publish.complaint to reader_hq, reader_hr, reader_pm;
grant select on publish.inspection, publish.nonconformity, publish.complaint to reader_hr;
-- Not who it was, nor what kind of leave; people and their months are for HR alone.
grant select (
    attendance_id, source_id, source_roster_id, is_planned, project_id, post_id, shift_date, ends_date,
    day_kind, shift_kind, shift_code, starts_at, ends_at, planned_minutes, status, is_on_duty, is_swapped,
    clock_in_at, clock_in_source, clock_out_at, clock_out_source, worked_minutes, is_late, late_minutes,
    is_early, early_minutes, leave_minutes, overtime_minutes, overtime_workday_minutes,
    overtime_rest_day_minutes, overtime_public_holiday_minutes
) on publish.attendance to reader_hq, reader_hr, reader_pm;
grant select (
    source_id, source_certificate_id, project_id, post_id, post_function, certificate_kind, certificate_name,
    issuer, issued_date, valid_from, valid_to, review_due_date, withdrawn_date, as_of_date, state, days_left,
    is_in_service, is_required, is_covered, is_expiring_in_30_days, is_expiring_in_60_days,
    is_expiring_in_90_days, expired_on_duty_days, last_expired_on_duty_date
) on publish.certificate to reader_hq, reader_hr, reader_pm;
grant select (
    source_id, source_training_id, project_id, post_id, post_function, course_id, course_name, training_kind,
    procedure_id, planned_date, held_date, status, is_done, planned_hours, attended_hours, score, is_passed
) on publish.training to reader_hq, reader_hr, reader_pm;
grant select (
    month, project_id, overtime_minutes, overtime_workday_minutes, overtime_rest_day_minutes,
    overtime_public_holiday_minutes, days_over_limit, month_limit_minutes, is_over_month_limit, unknown_shifts
) on publish.overtime_monthly to reader_hq, reader_hr, reader_pm;
grant select on publish.overtime_monthly to reader_hr;
grant select on publish.post_daily, publish.turnover_monthly, publish.staffing_monthly, publish.workload_hourly,
publish.staffing_hourly, publish.understaffing_monthly
to reader_hq, reader_hr, reader_pm;
grant select on publish.equipment, publish.equipment_daily, publish.equipment_monthly, publish.goods_monthly,
publish.digital_monthly, publish.cost_monthly
to reader_hq, reader_hr, reader_pm;
grant select on publish.person, publish.person_history, publish.staff_monthly, publish.attendance, publish.certificate,
publish.training to reader_hr;
grant select on release.score, release.indicator, release.item, release.category, release.day to reader_hq, reader_hr, reader_pm;
-- Not who signed, and not the company's totals.
grant select (
    release_id, period_kind, period, period_start, period_end, version, status, reason, standards_release,
    code_version, content_sha256, released_at
) on release.release to reader_hq, reader_hr, reader_pm;
grant select on release.difference to reader_hq, reader_hr, reader_pm;
grant select on release.release, release.person to reader_hr;

create or replace view bi.project with (security_invoker = true) as
select * from publish.project;
create or replace view bi.service_item with (security_invoker = true) as
select * from publish.service_item;
create or replace view bi.org_unit with (security_invoker = true) as
select * from publish.org_unit;
create or replace view bi.ticket with (security_invoker = true) as
select * from publish.ticket;
create or replace view bi.ticket_span with (security_invoker = true) as
select * from publish.ticket_span;
create or replace view bi.ticket_handover with (security_invoker = true) as
select * from publish.ticket_handover;
-- Who gives tickets to whom, how many come back, and how long they lie on either side.
create or replace view bi.handover_matrix with (security_invoker = true) as
select
    project_id,
    date_trunc('month', handed_date)::date as month,
    from_department_id,
    to_department_id,
    count(*) as handovers,
    count(*) filter (where is_return) as returns,
    sum(from_waiting_calendar_minutes) as from_waiting_calendar_minutes,
    sum(from_waiting_service_minutes) as from_waiting_service_minutes,
    count(to_waiting_calendar_minutes) as handovers_begun,
    sum(to_waiting_calendar_minutes) as to_waiting_calendar_minutes,
    sum(to_waiting_service_minutes) as to_waiting_service_minutes
from publish.ticket_handover
group by project_id, date_trunc('month', handed_date)::date, from_department_id, to_department_id;
-- Where information stops: the longest time nothing was heard of a ticket, and with whom it lay.
create or replace view bi.ticket_silence with (security_invoker = true) as
select
    source_id,
    source_ticket_id,
    project_id,
    service_item_id,
    opened_date,
    status,
    silence_department_id,
    silence_began_at,
    longest_silence_calendar_minutes,
    case when status = 'open' then last_mark_at end as silent_since
from publish.ticket
where last_mark_at is not null;
create or replace view bi.sla_event with (security_invoker = true) as
select * from publish.sla_event;
create or replace view bi.sla_daily with (security_invoker = true) as
select * from publish.sla_daily;
create or replace view bi.standard with (security_invoker = true) as
select
    standards_release,
    standard_code,
    standard_kind,
    standard_name_zh,
    standard_name_en,
    category,
    category_path,
    category_1,
    category_2,
    category_3,
    function,
    weight,
    full_score,
    is_veto,
    severity,
    rectify_within_days,
    check_every_days,
    inspected,
    project_grades,
    project_types,
    facilities,
    effective_from,
    (
        select min(following.effective_from) from publish.standard as following
        where following.effective_from > standard.effective_from
    ) as effective_until
from publish.standard;
create or replace view bi.standard_category with (security_invoker = true) as
select * from publish.standard_category;
create or replace view bi.inspection with (security_invoker = true) as
select
    source_id,
    source_inspection_id,
    project_id,
    inspection_type,
    inspection_scope,
    theme,
    status,
    planned_date,
    due_date,
    started_at,
    ended_at,
    done_date,
    is_done,
    is_announced,
    lead_department_id,
    standards_release,
    items_checked,
    items_failed,
    findings,
    score,
    full_score,
    deduction_points,
    is_vetoed,
    veto_codes,
    is_inspector_on_duty
from publish.inspection;
create or replace view bi.inspection_item with (security_invoker = true) as
select * from publish.inspection_item;
create or replace view bi.nonconformity with (security_invoker = true) as
select
    nonconformity_id,
    origin,
    source_id,
    source_nonconformity_id,
    project_id,
    standard_code,
    location,
    severity,
    status,
    found_at,
    found_date,
    assigned_at,
    due_at,
    due_date,
    rectified_at,
    rectified_date,
    reinspected_at,
    reinspection_result,
    closed_at,
    closed_date,
    is_overdue,
    is_rectified_on_time,
    is_repeated,
    repeats_nonconformity_id,
    accountable_post_id,
    department_id,
    observed
from publish.nonconformity;
create or replace view bi.survey_answer with (security_invoker = true) as
select * from publish.survey_answer;
create or replace view bi.complaint with (security_invoker = true) as
select
    source_id,
    source_complaint_id,
    source_ticket_id,
    project_id,
    service_item_id,
    household_key,
    channel,
    complaint_kind,
    severity,
    status,
    received_at,
    received_date,
    acknowledged_at,
    replied_at,
    answered_at,
    due_at,
    due_date,
    resolved_at,
    settled_at,
    settled_date,
    closed_at,
    closed_date,
    is_on_time,
    acknowledge_calendar_minutes,
    acknowledge_service_minutes,
    reply_calendar_minutes,
    reply_service_minutes,
    resolve_calendar_minutes,
    resolve_service_minutes,
    close_calendar_minutes,
    close_service_minutes,
    is_escalated,
    escalation_level,
    escalated_at,
    is_upheld,
    rating,
    is_called_back,
    called_back_at,
    source_call_back_id,
    department_id,
    accountable_post_id,
    is_repeat,
    repeats,
    repeat_of_source_id,
    repeat_of,
    days_since_previous
from publish.complaint;
create or replace view bi.household_history with (security_invoker = true) as
select * from publish.household_history;
create or replace view bi.post_daily with (security_invoker = true) as
select * from publish.post_daily;
create or replace view bi.staffing_monthly with (security_invoker = true) as
select * from publish.staffing_monthly;
create or replace view bi.workload_hourly with (security_invoker = true) as
select * from publish.workload_hourly;
create or replace view bi.staffing_hourly with (security_invoker = true) as
select * from publish.staffing_hourly;
create or replace view bi.understaffing_monthly with (security_invoker = true) as
select
    *,
    extra_minutes * tickets_compared as extra_total_minutes
from publish.understaffing_monthly;
create or replace view bi.overtime_monthly with (security_invoker = true) as
select
    month,
    project_id,
    count(*) filter (where overtime_minutes > 0) as persons_with_overtime,
    sum(overtime_minutes) as overtime_minutes,
    sum(overtime_workday_minutes) as overtime_workday_minutes,
    sum(overtime_rest_day_minutes) as overtime_rest_day_minutes,
    sum(overtime_public_holiday_minutes) as overtime_public_holiday_minutes,
    sum(days_over_limit) as person_days_over_limit,
    count(*) filter (where is_over_month_limit) as persons_over_month_limit,
    sum(unknown_shifts) as unknown_shifts
from publish.overtime_monthly
group by month, project_id;
create or replace view bi.turnover_monthly with (security_invoker = true) as
select * from publish.turnover_monthly;
create or replace view bi.attendance with (security_invoker = true) as
select
    attendance_id,
    source_id,
    source_roster_id,
    is_planned,
    project_id,
    post_id,
    shift_date,
    ends_date,
    day_kind,
    shift_kind,
    shift_code,
    starts_at,
    ends_at,
    planned_minutes,
    status,
    is_on_duty,
    is_swapped,
    clock_in_at,
    clock_in_source,
    clock_out_at,
    clock_out_source,
    worked_minutes,
    is_late,
    late_minutes,
    is_early,
    early_minutes,
    leave_minutes,
    overtime_minutes,
    overtime_workday_minutes,
    overtime_rest_day_minutes,
    overtime_public_holiday_minutes
from publish.attendance;
create or replace view bi.certificate with (security_invoker = true) as
select
    source_id,
    source_certificate_id,
    project_id,
    post_id,
    post_function,
    certificate_kind,
    certificate_name,
    issuer,
    issued_date,
    valid_from,
    valid_to,
    review_due_date,
    withdrawn_date,
    as_of_date,
    state,
    days_left,
    is_in_service,
    is_required,
    is_covered,
    is_expiring_in_30_days,
    is_expiring_in_60_days,
    is_expiring_in_90_days,
    expired_on_duty_days,
    last_expired_on_duty_date
from publish.certificate;
create or replace view bi.training with (security_invoker = true) as
select
    source_id,
    source_training_id,
    project_id,
    post_id,
    post_function,
    course_id,
    course_name,
    training_kind,
    procedure_id,
    planned_date,
    held_date,
    status,
    is_done,
    planned_hours,
    attended_hours,
    score,
    is_passed
from publish.training;
create or replace view bi.equipment with (security_invoker = true) as
select * from publish.equipment;
create or replace view bi.equipment_daily with (security_invoker = true) as
select * from publish.equipment_daily;
create or replace view bi.equipment_kind_daily with (security_invoker = true) as
select
    project_id,
    equipment_kind,
    statutory_kind,
    day,
    count(*) as pieces,
    count(is_in_order) as pieces_known,
    count(*) filter (where is_in_order) as pieces_in_order,
    count(*) filter (where not is_in_order) as pieces_down,
    count(*) filter (where in_use_minutes > 0) as pieces_in_use,
    sum(up_minutes) as up_minutes,
    sum(down_minutes) as down_minutes,
    sum(maintenance_minutes) as maintenance_minutes,
    sum(unknown_minutes) as unknown_minutes,
    sum(failures) as failures,
    count(*) filter (where is_maintenance_due) as maintenance_due,
    count(*) filter (where is_maintenance_done) as maintenance_done,
    count(*) filter (where is_maintenance_overdue) as maintenance_overdue,
    count(*) filter (where is_statutory) as statutory_pieces,
    count(*) filter (where is_statutory and statutory_due_date between day and day + 30)
        as statutory_due_in_30_days,
    count(*) filter (where is_statutory_overdue) as statutory_overdue
from publish.equipment_daily
group by project_id, equipment_kind, statutory_kind, day;
create or replace view bi.equipment_monthly with (security_invoker = true) as
select * from publish.equipment_monthly;
create or replace view bi.goods_monthly with (security_invoker = true) as
select * from publish.goods_monthly;
create or replace view bi.digital_monthly with (security_invoker = true) as
select * from publish.digital_monthly;
create or replace view bi.backlog_daily with (security_invoker = true) as
select * from publish.backlog_daily;
create or replace view bi.indicator_daily with (security_invoker = true) as
select * from publish.indicator_daily;
create or replace view bi.published_day with (security_invoker = true) as
select
    day,
    published_at
from publish.day;

create or replace view bi.delivery_status with (security_invoker = true) as
select * from publish.delivery_status;

create or replace view bi.release with (security_invoker = true) as
select
    release_id,
    period_kind,
    period,
    period_start,
    period_end,
    version,
    version = max(version) over (partition by period) as is_current,
    status,
    reason,
    standards_release,
    code_version,
    content_sha256,
    released_at
from release.release;

create or replace view bi.score with (security_invoker = true) as
select
    r.period_kind,
    r.period,
    r.version,
    r.is_current,
    s.*
from release.score as s
inner join bi.release as r on s.release_id = r.release_id;

-- With the score that was released of the month, and the points of it for each yuan spent on a square metre.
create or replace view bi.cost_monthly with (security_invoker = true) as
select
    s.score,
    case when c.total_cny_per_m2 > 0 then s.score / c.total_cny_per_m2::double precision end
        as score_points_per_cny_per_m2,
    c.*
from publish.cost_monthly as c
left join bi.score as s
    on
        c.project_id = s.project_id
        and s.period_kind = 'month'
        and s.period = to_char(c.month, 'YYYY-MM')
        and s.is_current;

create or replace view bi.indicator with (security_invoker = true) as
select
    r.period_kind,
    r.period,
    r.version,
    r.is_current,
    s.*
from release.indicator as s
inner join bi.release as r on s.release_id = r.release_id;

create or replace view bi.item with (security_invoker = true) as
select
    r.period_kind,
    r.period,
    r.version,
    r.is_current,
    s.*
from release.item as s
inner join bi.release as r on s.release_id = r.release_id;

create or replace view bi.category with (security_invoker = true) as
select
    r.period_kind,
    r.period,
    r.version,
    r.is_current,
    s.*
from release.category as s
inner join bi.release as r on s.release_id = r.release_id;

create or replace view bi.day with (security_invoker = true) as
select
    r.period_kind,
    r.period,
    r.version,
    r.is_current,
    s.*
from release.day as s
inner join bi.release as r on s.release_id = r.release_id;

create or replace view bi.difference with (security_invoker = true) as
select
    release_id,
    relation,
    project_id,
    subject,
    field,
    before,
    after
from release.difference
where relation in ('score', 'indicator');

create or replace view hr.release with (security_invoker = true) as
select
    release_id,
    period_kind,
    period,
    version,
    version = max(version) over (partition by period) as is_current,
    status,
    reason,
    signed_by,
    signed_how,
    signed_at,
    tickets,
    rejects,
    content_sha256,
    release_sha256
from release.release;

create or replace view hr.appraisal with (security_invoker = true) as
select
    p.release_id,
    r.period_kind,
    r.period,
    r.version,
    r.is_current,
    p.project_id,
    s.project_names,
    p.person_id,
    p.person_name,
    p.score,
    p.grade,
    p.coefficient,
    s.rank,
    s.rank_low,
    s.rank_high,
    r.signed_by,
    r.signed_how,
    r.signed_at,
    s.is_vetoed
from release.person as p
inner join hr.release as r on p.release_id = r.release_id
inner join release.score as s on p.release_id = s.release_id and p.project_id = s.project_id;

create or replace view hr.inspection with (security_invoker = true) as
select
    source_id,
    source_inspection_id,
    project_id,
    planned_date,
    done_date,
    inspector_person_id,
    is_inspector_on_duty
from publish.inspection;

create or replace view hr.nonconformity with (security_invoker = true) as
select
    nonconformity_id,
    project_id,
    standard_code,
    found_date,
    due_date,
    is_overdue,
    is_rectified_on_time,
    accountable_post_id,
    accountable_person_id
from publish.nonconformity;

create or replace view hr.complaint with (security_invoker = true) as
select
    source_id,
    source_complaint_id,
    project_id,
    received_date,
    is_on_time,
    is_upheld,
    rating,
    accountable_post_id,
    handler_person_id
from publish.complaint;
create or replace view hr.person with (security_invoker = true) as
select * from publish.person;
create or replace view hr.overtime_monthly with (security_invoker = true) as
select * from publish.overtime_monthly;
create or replace view hr.person_history with (security_invoker = true) as
select * from publish.person_history;
create or replace view hr.staff_monthly with (security_invoker = true) as
select * from publish.staff_monthly;
create or replace view hr.attendance with (security_invoker = true) as
select * from publish.attendance;
create or replace view hr.certificate with (security_invoker = true) as
select * from publish.certificate;
create or replace view hr.training with (security_invoker = true) as
select * from publish.training;

create or replace view hr.appraisal_month with (security_invoker = true) as
select * from hr.appraisal
where period_kind = 'month';

do $$
declare
    relation regclass;
begin
    execute 'grant usage, create on schema bi, hr to yardstick_owner';
    for relation in
        select c.oid from pg_class c where c.relkind = 'v' and c.relnamespace in ('bi'::regnamespace, 'hr'::regnamespace)
    loop
        execute format('alter view %s owner to yardstick_owner', relation);
    end loop;
end $$;
grant usage on schema bi to reader_hq, reader_hr, reader_pm;
grant select on all tables in schema bi to reader_hq, reader_hr, reader_pm;
grant usage on schema hr to reader_hr;
grant select on all tables in schema hr to reader_hr;

-- A login reads the database it was added to, and no other one of the server.
do $$
begin
    execute format('revoke connect, temporary on database %I from public', current_database());
    execute format('grant connect on database %I to yardstick_owner', current_database());
end $$;
