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
grant select on release.release, release.person, release.staff to reader_hr;

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
    release_sha256,
    period_start,
    period_end
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

-- A person's month as it is paid by, one row a project: of a released month every version, frozen; of another month
-- what is known by now, without a score. A release that froze no months has the facts of now.
create or replace view hr.person_month_part with (security_invoker = true) as
with months as (
    select * from hr.release
    where period_kind = 'month'
),

facts as (
    select
        months.release_id,
        months.period_start as month,
        true as is_frozen,
        staff.project_id,
        staff.person_id,
        staff.days::numeric as days,
        staff.full_time_days::numeric as full_time_days,
        staff.service_days,
        staff.post_id,
        staff.post_function,
        staff.job_grade,
        staff.department_id,
        staff.days_due,
        staff.days_present,
        staff.days_on_leave,
        staff.days_absent,
        staff.late_shifts,
        staff.late_minutes,
        staff.early_shifts,
        staff.early_minutes,
        staff.absent_shifts,
        staff.unclear_shifts,
        staff.planned_minutes,
        staff.worked_minutes,
        staff.leave_minutes,
        staff.overtime_minutes,
        staff.overtime_workday_minutes,
        staff.overtime_rest_day_minutes,
        staff.overtime_public_holiday_minutes,
        staff.leave_minutes_by_kind,
        staff.trainings_planned,
        staff.trainings_done,
        staff.trainings_passed,
        staff.training_hours::numeric as training_hours,
        staff.certificates_held,
        staff.certificates_expiring,
        staff.certificates_expired
    from release.staff as staff
    inner join months on staff.release_id = months.release_id
    union all
    select
        months.release_id,
        live.month,
        false as is_frozen,
        live.project_id,
        live.person_id,
        live.days,
        live.full_time_days,
        live.service_days,
        live.post_id,
        live.post_function,
        live.job_grade,
        live.department_id,
        live.days_due,
        live.days_present,
        live.days_on_leave,
        live.days_absent,
        live.late_shifts,
        live.late_minutes,
        live.early_shifts,
        live.early_minutes,
        live.absent_shifts,
        live.unclear_shifts,
        live.planned_minutes,
        live.worked_minutes,
        live.leave_minutes,
        live.overtime_minutes,
        live.overtime_workday_minutes,
        live.overtime_rest_day_minutes,
        live.overtime_public_holiday_minutes,
        live.leave_minutes_by_kind,
        live.trainings_planned,
        live.trainings_done,
        live.trainings_passed,
        live.training_hours,
        live.certificates_held,
        live.certificates_expiring,
        live.certificates_expired
    from publish.staff_monthly as live
    left join months on live.month = months.period_start
    left join (select distinct release_id from release.staff) as frozen on months.release_id = frozen.release_id
    where frozen.release_id is null
),

appraised as (
    select
        months.release_id,
        months.period_start as month,
        person.project_id,
        person.person_id,
        person.score,
        person.grade,
        person.coefficient,
        before.release_id as release_id_before,
        before.score as score_before,
        before.grade as grade_before,
        before.coefficient as coefficient_before
    from release.person as person
    inner join months on person.release_id = months.release_id
    left join months as earlier on months.period = earlier.period and months.version = earlier.version + 1
    left join release.person as before
        on
            earlier.release_id = before.release_id
            and person.project_id = before.project_id
            and person.person_id = before.person_id
),

parts as (
    select
        coalesce(facts.release_id, appraised.release_id) as release_id,
        coalesce(facts.month, appraised.month) as month,
        coalesce(facts.project_id, appraised.project_id) as project_id,
        coalesce(facts.person_id, appraised.person_id) as person_id,
        appraised.person_id is not null as is_accountable,
        facts.is_frozen,
        facts.days,
        facts.full_time_days,
        facts.service_days,
        facts.post_id,
        facts.post_function,
        facts.job_grade,
        facts.department_id,
        facts.days_due,
        facts.days_present,
        facts.days_on_leave,
        facts.days_absent,
        facts.late_shifts,
        facts.late_minutes,
        facts.early_shifts,
        facts.early_minutes,
        facts.absent_shifts,
        facts.unclear_shifts,
        facts.planned_minutes,
        facts.worked_minutes,
        facts.leave_minutes,
        facts.overtime_minutes,
        facts.overtime_workday_minutes,
        facts.overtime_rest_day_minutes,
        facts.overtime_public_holiday_minutes,
        facts.leave_minutes_by_kind,
        facts.trainings_planned,
        facts.trainings_done,
        facts.trainings_passed,
        facts.training_hours,
        facts.certificates_held,
        facts.certificates_expiring,
        facts.certificates_expired,
        appraised.score,
        appraised.grade,
        appraised.coefficient,
        appraised.release_id_before,
        appraised.score_before,
        appraised.grade_before,
        appraised.coefficient_before
    from facts
    full join appraised
        on
            facts.release_id = appraised.release_id
            and facts.project_id = appraised.project_id
            and facts.person_id = appraised.person_id
)

select
    to_char(parts.month, 'YYYY-MM') as period,
    parts.month,
    parts.person_id,
    person.person_name,
    parts.project_id,
    coalesce(score.project_names ->> 'zh', project.project_name_zh) as project_name_zh,
    coalesce(score.project_names ->> 'en', project.project_name_en) as project_name_en,
    parts.post_id,
    parts.post_function,
    parts.job_grade,
    parts.department_id,
    department.org_unit_name_zh as department_name_zh,
    department.org_unit_name_en as department_name_en,
    parts.days,
    parts.service_days,
    round(parts.days / nullif(parts.service_days, 0), 6) as month_share,
    parts.full_time_days,
    parts.days_due,
    parts.days_present,
    parts.days_on_leave,
    parts.days_absent,
    parts.late_shifts,
    parts.late_minutes,
    parts.early_shifts,
    parts.early_minutes,
    parts.absent_shifts,
    parts.unclear_shifts,
    parts.planned_minutes,
    parts.worked_minutes,
    parts.leave_minutes,
    parts.overtime_minutes,
    parts.overtime_workday_minutes,
    parts.overtime_rest_day_minutes,
    parts.overtime_public_holiday_minutes,
    coalesce((parts.leave_minutes_by_kind ->> 'annual')::integer, 0) as leave_annual_minutes,
    coalesce((parts.leave_minutes_by_kind ->> 'sick')::integer, 0) as leave_sick_minutes,
    coalesce((parts.leave_minutes_by_kind ->> 'personal')::integer, 0) as leave_personal_minutes,
    coalesce((parts.leave_minutes_by_kind ->> 'compensatory')::integer, 0) as leave_compensatory_minutes,
    parts.leave_minutes
    - coalesce((parts.leave_minutes_by_kind ->> 'annual')::integer, 0)
    - coalesce((parts.leave_minutes_by_kind ->> 'sick')::integer, 0)
    - coalesce((parts.leave_minutes_by_kind ->> 'personal')::integer, 0)
    - coalesce((parts.leave_minutes_by_kind ->> 'compensatory')::integer, 0) as leave_other_minutes,
    parts.leave_minutes_by_kind,
    parts.trainings_planned,
    parts.trainings_done,
    parts.trainings_passed,
    parts.training_hours,
    parts.certificates_held,
    parts.certificates_expiring,
    parts.certificates_expired,
    parts.is_accountable,
    case
        when months.release_id is null then 'not_released'
        when not parts.is_accountable then 'not_appraised'
        when parts.score is null then 'without_score'
        else 'appraised'
    end as appraisal_status,
    parts.score,
    parts.grade,
    parts.coefficient,
    score.is_vetoed,
    measured.indicators,
    measured.indicators_measured,
    measured.indicators_below_target,
    parts.release_id_before is not null as is_restated,
    parts.score - parts.score_before as score_adjustment,
    parts.grade_before,
    parts.coefficient - parts.coefficient_before as coefficient_adjustment,
    case when parts.release_id_before is not null then months.reason end as adjustment_reason,
    months.release_id,
    months.version,
    coalesce(months.is_current, true) as is_current,
    months.signed_by,
    months.signed_at,
    coalesce(parts.is_frozen, false) as is_frozen
from parts
left join months on parts.release_id = months.release_id
left join publish.person as person on parts.person_id = person.person_id
left join publish.project as project on parts.project_id = project.project_id
left join publish.org_unit as department on parts.department_id = department.org_unit_id
left join release.score as score on parts.release_id = score.release_id and parts.project_id = score.project_id
left join lateral (
    select
        jsonb_agg(
            jsonb_build_object(
                'indicator', indicator.indicator,
                'names', indicator.indicator_names,
                'unit', indicator.unit,
                'value', indicator.value,
                'target', indicator.target_value,
                'points', indicator.points,
                'weight', indicator.weight_effective
            )
            order by indicator.position
        ) as indicators,
        count(indicator.points) as indicators_measured,
        count(*) filter (where indicator.points < 100) as indicators_below_target
    from release.indicator as indicator
    where
        parts.is_accountable
        and indicator.release_id = parts.release_id
        and indicator.project_id = parts.project_id
) as measured on true;

-- One row a person: what adds up is added up, a score is the released one; of somebody who answers for several
-- projects the mean by their days there, evenly where there are none.
create or replace view hr.person_month with (security_invoker = true) as
with weighted as (
    select
        *,
        case
            when appraisal_status <> 'appraised' then null
            when sum(days) filter (where appraisal_status = 'appraised') over person_version > 0
                then nullif(days, 0)
            else 1
        end as weight,
        row_number() over (
            partition by person_id, month, release_id order by days desc nulls last, project_id asc
        ) as place
    from hr.person_month_part
    window person_version as (partition by person_id, month, release_id)
)

select
    parts.period,
    parts.month,
    parts.person_id,
    max(parts.person_name) as person_name,
    max(parts.project_id) filter (where parts.place = 1) as project_id,
    max(parts.project_name_zh) filter (where parts.place = 1) as project_name_zh,
    max(parts.project_name_en) filter (where parts.place = 1) as project_name_en,
    count(*) filter (where parts.days > 0) as projects,
    jsonb_object_agg(parts.project_id, parts.days) filter (where parts.days > 0) as days_by_project,
    max(parts.post_id) filter (where parts.place = 1) as post_id,
    max(parts.post_function) filter (where parts.place = 1) as post_function,
    max(parts.job_grade) as job_grade,
    max(parts.department_id) as department_id,
    max(parts.department_name_zh) as department_name_zh,
    max(parts.department_name_en) as department_name_en,
    max(parts.service_days) as service_days,
    sum(parts.days) as days,
    sum(parts.full_time_days) as full_time_days,
    sum(parts.days_due) as days_due,
    sum(parts.days_present) as days_present,
    sum(parts.days_on_leave) as days_on_leave,
    sum(parts.days_absent) as days_absent,
    sum(parts.late_shifts) as late_shifts,
    sum(parts.late_minutes) as late_minutes,
    sum(parts.early_shifts) as early_shifts,
    sum(parts.early_minutes) as early_minutes,
    sum(parts.absent_shifts) as absent_shifts,
    sum(parts.unclear_shifts) as unclear_shifts,
    sum(parts.planned_minutes) as planned_minutes,
    sum(parts.worked_minutes) as worked_minutes,
    sum(parts.overtime_minutes) as overtime_minutes,
    sum(parts.overtime_workday_minutes) as overtime_workday_minutes,
    sum(parts.overtime_rest_day_minutes) as overtime_rest_day_minutes,
    sum(parts.overtime_public_holiday_minutes) as overtime_public_holiday_minutes,
    sum(parts.leave_minutes) as leave_minutes,
    sum(parts.leave_annual_minutes) as leave_annual_minutes,
    sum(parts.leave_sick_minutes) as leave_sick_minutes,
    sum(parts.leave_personal_minutes) as leave_personal_minutes,
    sum(parts.leave_compensatory_minutes) as leave_compensatory_minutes,
    sum(parts.leave_other_minutes) as leave_other_minutes,
    sum(parts.trainings_planned) as trainings_planned,
    sum(parts.trainings_done) as trainings_done,
    sum(parts.trainings_passed) as trainings_passed,
    sum(parts.training_hours) as training_hours,
    max(parts.certificates_held) as certificates_held,
    max(parts.certificates_expiring) as certificates_expiring,
    max(parts.certificates_expired) as certificates_expired,
    case
        when parts.release_id is null then 'not_released'
        when bool_or(parts.appraisal_status = 'appraised') then 'appraised'
        when bool_or(parts.is_accountable) then 'without_score'
        else 'not_appraised'
    end as appraisal_status,
    count(parts.weight) as appraised_projects,
    case
        when count(parts.weight) = 1 then max(parts.score) filter (where parts.weight is not null)
        else
            round(sum(parts.score::numeric * parts.weight) / sum(parts.weight), 4)::double precision
    end as score,
    string_agg(distinct parts.grade, ', ') filter (where parts.weight is not null) as grade,
    case
        when count(parts.weight) = 1 then max(parts.coefficient) filter (where parts.weight is not null)
        else
            round(sum(parts.coefficient::numeric * parts.weight) / sum(parts.weight), 4)::double precision
    end as coefficient,
    bool_or(parts.is_vetoed) filter (where parts.is_accountable) as is_vetoed,
    jsonb_object_agg(parts.project_id, parts.indicators) filter (where parts.is_accountable) as indicators_by_project,
    coalesce(sum(parts.indicators_measured) filter (where parts.is_accountable), 0) as indicators_measured,
    coalesce(sum(parts.indicators_below_target) filter (where parts.is_accountable), 0) as indicators_below_target,
    bool_or(parts.is_restated) as is_restated,
    case
        when count(parts.weight) = 1 then max(parts.score_adjustment) filter (where parts.weight is not null)
        else
            round(sum(parts.score_adjustment::numeric * parts.weight) / sum(parts.weight), 4)::double precision
    end as score_adjustment,
    case
        when count(parts.weight) = 1 then max(parts.coefficient_adjustment) filter (where parts.weight is not null)
        else
            round(sum(parts.coefficient_adjustment::numeric * parts.weight) / sum(parts.weight), 4)::double precision
    end as coefficient_adjustment,
    max(parts.adjustment_reason) as adjustment_reason,
    parts.release_id,
    parts.version,
    parts.is_current,
    parts.signed_by,
    parts.signed_at,
    bool_or(parts.is_frozen) as is_frozen
from weighted as parts
group by
    parts.period,
    parts.month,
    parts.person_id,
    parts.release_id,
    parts.version,
    parts.is_current,
    parts.signed_by,
    parts.signed_at;

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
