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
'The business days a build may have changed: its deliveries'' days, those its tickets touch, and those of every changed row of other facts.';

create table if not exists ops.build_ticket (
    build_id bigint not null references ops.build,
    source_id text not null,
    source_ticket_id text not null,
    primary key (build_id, source_id, source_ticket_id)
);
comment on table ops.build_ticket is
'The tickets that rows told of, as events do, before a build read the rows anew.';

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
alter table publish.ticket
    add column if not exists is_emergency boolean,
    add column if not exists acknowledge_calendar_minutes bigint,
    add column if not exists acknowledge_service_minutes bigint,
    add column if not exists first_response_calendar_minutes bigint,
    add column if not exists attend_calendar_minutes bigint,
    add column if not exists attend_service_minutes bigint,
    add column if not exists assign_calendar_minutes bigint,
    add column if not exists assign_service_minutes bigint,
    add column if not exists first_resolution_calendar_minutes bigint,
    add column if not exists first_resolution_service_minutes bigint,
    add column if not exists work_calendar_minutes bigint,
    add column if not exists work_service_minutes bigint,
    add column if not exists owner_waiting_calendar_minutes bigint,
    add column if not exists owner_waiting_service_minutes bigint,
    add column if not exists internal_waiting_calendar_minutes bigint,
    add column if not exists internal_waiting_service_minutes bigint,
    add column if not exists outside_waiting_calendar_minutes bigint,
    add column if not exists outside_waiting_service_minutes bigint,
    add column if not exists resting_calendar_minutes bigint,
    add column if not exists resting_service_minutes bigint,
    add column if not exists approval_waiting_calendar_minutes bigint,
    add column if not exists approval_waiting_service_minutes bigint,
    add column if not exists reply_waiting_calendar_minutes bigint,
    add column if not exists reply_waiting_service_minutes bigint,
    add column if not exists approval_waiting_by_level jsonb,
    add column if not exists touches bigint,
    add column if not exists answers bigint,
    add column if not exists owner_messages bigint,
    add column if not exists assignments bigint,
    add column if not exists people_involved bigint,
    add column if not exists reopenings bigint,
    add column if not exists handovers bigint,
    add column if not exists returns bigint,
    add column if not exists departments_involved bigint,
    add column if not exists is_first_contact_resolved boolean,
    add column if not exists is_within_authority boolean,
    add column if not exists called_back_at timestamptz,
    add column if not exists is_called_back boolean,
    add column if not exists is_called_back_on_time boolean,
    add column if not exists rating bigint,
    add column if not exists longest_silence_calendar_minutes bigint,
    add column if not exists silence_began_at timestamptz,
    add column if not exists silence_department_id text,
    add column if not exists last_mark_at timestamptz;
create index if not exists ticket_opened on publish.ticket (opened_date);
create index if not exists ticket_project on publish.ticket (project_id, opened_date);
create table if not exists publish.ticket_span (
    source_id text not null,
    source_ticket_id text not null,
    span_number bigint not null,
    project_id text not null,
    service_item_id text,
    priority text,
    department_id text,
    status text not null,
    approval_level text,
    started_at timestamptz not null,
    started_date date not null,
    ended_at timestamptz,
    ended_date date,
    calendar_minutes bigint,
    service_minutes bigint,
    waits_for text,
    entered_how text not null,
    is_last boolean not null,
    primary key (source_id, source_ticket_id, span_number)
);
create index if not exists ticket_span_started on publish.ticket_span (started_date);
create index if not exists ticket_span_project on publish.ticket_span (project_id, started_date);
create table if not exists publish.ticket_handover (
    source_id text not null,
    source_ticket_id text not null,
    handover_number bigint not null,
    project_id text not null,
    service_item_id text,
    from_department_id text,
    to_department_id text,
    handed_at timestamptz not null,
    handed_date date not null,
    is_return boolean not null,
    from_held_calendar_minutes bigint,
    from_waiting_calendar_minutes bigint,
    to_waiting_calendar_minutes bigint,
    from_held_service_minutes bigint,
    from_waiting_service_minutes bigint,
    to_waiting_service_minutes bigint,
    primary key (source_id, source_ticket_id, handover_number)
);
create index if not exists ticket_handover_handed on publish.ticket_handover (handed_date);
create index if not exists ticket_handover_project on publish.ticket_handover (project_id, handed_date);
create table if not exists publish.sla_event (
    source_id text not null,
    source_ticket_id text not null,
    target text not null,
    occurrence bigint not null,
    project_id text not null,
    service_item_id text,
    department_id text,
    standards_release text,
    policy text,
    target_minutes bigint,
    clock text,
    status text not null,
    started_at timestamptz not null,
    started_date date not null,
    due_at timestamptz,
    fulfilled_at timestamptz,
    fulfilled_date date,
    ended_at timestamptz,
    ended_date date,
    breaches_at timestamptz,
    breaches_date date,
    breached_at timestamptz,
    breached_date date,
    used_minutes bigint,
    primary key (source_id, source_ticket_id, target, occurrence)
);
create index if not exists sla_event_started on publish.sla_event (started_date);
create index if not exists sla_event_breached on publish.sla_event (project_id, breached_date);
create table if not exists publish.sla_daily (
    day date not null,
    project_id text not null,
    service_item_id text not null,
    target text not null,
    targets_started bigint not null,
    targets_met bigint not null,
    targets_breached bigint not null,
    targets_voided bigint not null,
    targets_fulfilled bigint not null,
    used_minutes bigint not null,
    primary key (day, project_id, service_item_id, target)
);
create index if not exists sla_daily_project on publish.sla_daily (project_id, day);
create table if not exists publish.standard (
    standards_release text not null,
    standard_code text not null,
    standard_kind text not null,
    standard_name_zh text,
    standard_name_en text,
    category text,
    category_path text [],
    category_1 text,
    category_2 text,
    category_3 text,
    function text,
    weight numeric,
    full_score numeric,
    is_veto boolean not null,
    severity text,
    rectify_within_days integer,
    check_every_days integer,
    inspected text [],
    project_grades text [],
    project_types text [],
    facilities text [],
    effective_from date not null,
    primary key (standards_release, standard_code)
);
create table if not exists publish.standard_category (
    standards_release text not null,
    category text not null,
    category_name_zh text,
    category_name_en text,
    parent_category text,
    category_path text [] not null,
    depth integer not null,
    function text,
    position integer not null,
    primary key (standards_release, category)
);
create table if not exists publish.inspection (
    source_id text not null,
    source_inspection_id text not null,
    project_id text not null,
    inspection_type text not null,
    inspection_scope text not null,
    theme text,
    status text not null,
    planned_date date not null,
    due_date date not null,
    started_at timestamptz,
    ended_at timestamptz,
    done_date date,
    is_done boolean not null,
    is_announced boolean,
    inspector_person_id text,
    lead_department_id text,
    standards_release text,
    items_checked integer not null,
    items_failed integer not null,
    findings integer not null,
    score numeric,
    full_score numeric,
    deduction_points numeric,
    is_vetoed boolean not null,
    veto_codes text [] not null,
    is_inspector_on_duty boolean,
    primary key (source_id, source_inspection_id)
);
create index if not exists inspection_planned on publish.inspection (planned_date);
create index if not exists inspection_project on publish.inspection (project_id, planned_date);
create table if not exists publish.inspection_item (
    source_id text not null,
    source_inspection_item_id text not null,
    source_inspection_id text not null,
    project_id text,
    checked_at timestamptz not null,
    checked_date date not null,
    standard_code text not null,
    location text,
    result text not null,
    is_passed boolean,
    score numeric,
    full_score numeric,
    deduction_points numeric,
    findings integer,
    is_veto boolean not null,
    severity text,
    evidence_count integer,
    inspection_type text,
    inspection_scope text,
    accountable_post_id text,
    primary key (source_id, source_inspection_item_id)
);
create index if not exists inspection_item_checked on publish.inspection_item (checked_date);
create index if not exists inspection_item_project on publish.inspection_item (project_id, checked_date);
create index if not exists inspection_item_inspection on publish.inspection_item (source_id, source_inspection_id);
create table if not exists publish.nonconformity (
    nonconformity_id text primary key,
    origin text not null,
    source_id text,
    source_nonconformity_id text,
    project_id text,
    standard_code text,
    location text,
    severity text,
    status text not null,
    found_at timestamptz,
    found_date date not null,
    assigned_at timestamptz,
    due_at timestamptz,
    due_date date,
    rectified_at timestamptz,
    rectified_date date,
    reinspected_at timestamptz,
    reinspection_result text,
    closed_at timestamptz,
    closed_date date,
    is_overdue boolean,
    is_rectified_on_time boolean,
    is_repeated boolean,
    repeats_nonconformity_id text,
    accountable_post_id text,
    accountable_person_id text,
    department_id text,
    observed jsonb
);
create index if not exists nonconformity_found on publish.nonconformity (found_date);
create index if not exists nonconformity_project on publish.nonconformity (project_id, found_date);
create table if not exists publish.survey_answer (
    source_id text not null,
    source_survey_answer_id text not null,
    survey_id text not null,
    survey_kind text,
    project_id text not null,
    dimension text not null,
    question_code text not null,
    channel text,
    status text not null,
    asked_at timestamptz not null,
    asked_date date not null,
    answered_at timestamptz,
    answered_date date,
    is_answered boolean not null,
    score numeric,
    full_score numeric,
    has_verbatim boolean not null,
    source_ticket_id text,
    primary key (source_id, source_survey_answer_id)
);
create index if not exists survey_answer_asked on publish.survey_answer (asked_date);
create index if not exists survey_answer_project on publish.survey_answer (project_id, asked_date);
create table if not exists publish.complaint (
    source_id text not null,
    source_complaint_id text not null,
    source_ticket_id text,
    project_id text not null,
    service_item_id text,
    household_key text,
    channel text,
    complaint_kind text,
    severity text,
    status text not null,
    received_at timestamptz not null,
    received_date date not null,
    acknowledged_at timestamptz,
    replied_at timestamptz,
    answered_at timestamptz,
    due_at timestamptz,
    due_date date,
    resolved_at timestamptz,
    settled_at timestamptz,
    settled_date date,
    closed_at timestamptz,
    closed_date date,
    is_on_time boolean,
    acknowledge_calendar_minutes integer,
    acknowledge_service_minutes integer,
    reply_calendar_minutes integer,
    reply_service_minutes integer,
    resolve_calendar_minutes integer,
    resolve_service_minutes integer,
    close_calendar_minutes integer,
    close_service_minutes integer,
    is_escalated boolean,
    escalation_level text,
    escalated_at timestamptz,
    is_upheld boolean,
    rating integer,
    is_called_back boolean,
    called_back_at timestamptz,
    source_call_back_id text,
    department_id text,
    accountable_post_id text,
    handler_person_id text,
    is_repeat boolean,
    repeats integer,
    repeat_of_source_id text,
    repeat_of text,
    days_since_previous integer,
    primary key (source_id, source_complaint_id)
);
create index if not exists complaint_received on publish.complaint (received_date);
create index if not exists complaint_project on publish.complaint (project_id, received_date);
create table if not exists publish.household_history (
    household_key text not null,
    kind text not null,
    source_id text not null,
    source_subject_id text not null,
    project_id text not null,
    service_item_id text,
    complaint_kind text,
    happened_at timestamptz not null,
    happened_date date not null,
    is_repeat boolean,
    tickets integer not null,
    complaints integer not null,
    repeats integer not null,
    primary key (kind, source_id, source_subject_id)
);
create index if not exists household_history_happened on publish.household_history (happened_date);
create index if not exists household_history_household on publish.household_history (household_key, happened_at);
create index if not exists household_history_project on publish.household_history (project_id, happened_date);
create table if not exists publish.backlog_daily (
    project_id text not null,
    service_item_id text not null,
    department_id text not null,
    day date not null,
    tickets_opened bigint not null,
    tickets_closed bigint not null,
    tickets_handed_in bigint not null,
    tickets_handed_out bigint not null,
    tickets_open bigint not null,
    tickets_overdue bigint not null,
    tickets_open_0_1_days bigint not null,
    tickets_open_1_3_days bigint not null,
    tickets_open_3_7_days bigint not null,
    tickets_open_7_30_days bigint not null,
    tickets_open_30_plus_days bigint not null,
    primary key (project_id, service_item_id, department_id, day)
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
create table if not exists publish.person (
    person_id text primary key,
    person_name text,
    gender text,
    birth_date date,
    phone text,
    education text
);
comment on table publish.person is 'What is personal of people; for HR alone.';
create table if not exists publish.person_history (
    person_id text not null,
    first_date date not null,
    last_date date,
    is_last boolean not null,
    contract_type text,
    employer_name text,
    job_grade text,
    department_id text,
    line_manager_person_id text,
    matrix_manager_person_id text,
    working_hours_kind text,
    post_id text,
    project_id text,
    post_function text,
    is_customer_manager boolean,
    staffing_kind text,
    post_job_grade text,
    reports_to_post_id text,
    matrix_reports_to_post_id text,
    joined_date date not null,
    left_date date,
    leaving_reason text,
    primary key (person_id, first_date)
);
create table if not exists publish.certificate (
    source_id text not null,
    source_certificate_id text not null,
    person_id text not null,
    project_id text,
    post_id text,
    post_function text,
    certificate_kind text not null,
    certificate_name text,
    issuer text,
    issued_date date,
    valid_from date,
    valid_to date,
    review_due_date date,
    withdrawn_date date,
    as_of_date date not null,
    state text not null,
    days_left integer,
    is_in_service boolean not null,
    is_required boolean not null,
    is_covered boolean not null,
    is_expiring_in_30_days boolean not null,
    is_expiring_in_60_days boolean not null,
    is_expiring_in_90_days boolean not null,
    expired_on_duty_days integer not null,
    last_expired_on_duty_date date,
    primary key (source_id, source_certificate_id)
);
create table if not exists publish.staff_monthly (
    month date not null,
    person_id text not null,
    project_id text not null,
    days numeric not null,
    full_time_days numeric not null,
    service_days integer not null,
    primary key (month, person_id, project_id)
);
create table if not exists publish.turnover_monthly (
    month date not null,
    project_id text not null,
    post_function text not null,
    staffing_kind text not null,
    month_days integer not null,
    person_days bigint not null,
    persons_at_start integer not null,
    persons_at_end integer not null,
    joiners integer not null,
    leavers integer not null,
    leavers_resigned integer not null,
    leavers_dismissed integer not null,
    leavers_contract_ended integer not null,
    leavers_retired integer not null,
    leavers_transferred integer not null,
    leavers_died integer not null,
    leavers_other integer not null,
    leavers_unknown integer not null,
    leavers_within_90_days integer not null,
    moved_in integer not null,
    moved_out integer not null,
    leavers_tenure_days bigint not null,
    tenure_days bigint not null,
    primary key (month, project_id, post_function, staffing_kind)
);
create table if not exists publish.attendance (
    attendance_id text not null,
    source_id text not null,
    source_roster_id text,
    is_planned boolean not null,
    person_id text not null,
    rostered_person_id text not null,
    project_id text,
    post_id text,
    shift_date date not null,
    ends_date date not null,
    day_kind text,
    shift_kind text,
    shift_code text,
    starts_at timestamptz,
    ends_at timestamptz,
    planned_minutes integer,
    status text not null,
    is_on_duty boolean,
    is_swapped boolean not null,
    clock_in_at timestamptz,
    clock_in_source text,
    clock_out_at timestamptz,
    clock_out_source text,
    worked_minutes integer,
    is_late boolean,
    late_minutes integer,
    is_early boolean,
    early_minutes integer,
    leave_kind text,
    leave_minutes integer,
    overtime_minutes integer,
    overtime_workday_minutes integer,
    overtime_rest_day_minutes integer,
    overtime_public_holiday_minutes integer,
    primary key (attendance_id)
);
create index if not exists attendance_shift on publish.attendance (shift_date);
create index if not exists attendance_project on publish.attendance (project_id, shift_date);
create table if not exists publish.post_daily (
    project_id text not null,
    post_id text not null,
    day date not null,
    department_id text,
    post_function text,
    is_customer_manager boolean,
    staffing_kind text,
    job_grade text,
    established_persons numeric not null,
    filled_persons numeric not null,
    assigned_persons integer not null,
    vacant_persons numeric not null,
    surplus_persons numeric not null,
    required_certificate_kind text,
    certified_persons numeric,
    rostered_persons integer not null,
    on_duty_persons integer not null,
    on_leave_persons integer not null,
    absent_persons integer not null,
    unknown_persons integer not null,
    late_persons integer not null,
    early_persons integer not null,
    uncertified_on_duty_persons integer,
    incomplete_punches integer not null,
    planned_minutes bigint not null,
    worked_minutes bigint not null,
    overtime_minutes bigint not null,
    primary key (project_id, post_id, day)
);
create index if not exists post_daily_day on publish.post_daily (day);
create table if not exists publish.training (
    source_id text not null,
    source_training_id text not null,
    person_id text not null,
    project_id text,
    post_id text,
    post_function text,
    course_id text not null,
    course_name text,
    training_kind text,
    procedure_id text,
    planned_date date not null,
    held_date date,
    status text not null,
    is_done boolean not null,
    planned_hours numeric,
    attended_hours numeric,
    score numeric,
    is_passed boolean,
    primary key (source_id, source_training_id)
);
create index if not exists training_planned on publish.training (planned_date);
create index if not exists training_project on publish.training (project_id, planned_date);
create table if not exists publish.staffing_monthly (
    month date not null,
    project_id text not null,
    post_function text not null,
    staffing_kind text not null,
    month_days integer not null,
    established_person_days numeric not null,
    filled_person_days numeric not null,
    vacant_person_days numeric not null,
    surplus_person_days numeric not null,
    on_duty_person_days numeric not null,
    on_leave_person_days numeric not null,
    absent_person_days numeric not null,
    late_person_days numeric not null,
    uncertified_on_duty_person_days numeric not null,
    incomplete_punches numeric not null,
    planned_minutes numeric not null,
    worked_minutes numeric not null,
    overtime_minutes numeric not null,
    area_m2 numeric,
    households integer,
    area_m2_per_person numeric,
    households_per_person numeric,
    primary key (month, project_id, post_function, staffing_kind)
);
create table if not exists publish.workload_hourly (
    month date not null,
    project_id text not null,
    hour_of_week integer not null,
    hours integer not null,
    on_duty_minutes bigint not null,
    tickets_opened integer not null,
    inspections_started integer not null,
    procedure_minutes bigint not null,
    primary key (month, project_id, hour_of_week)
);
create table if not exists publish.staffing_hourly (
    month date not null,
    project_id text not null,
    post_function text not null,
    hour_of_week integer not null,
    hours integer not null,
    planned_minutes bigint not null,
    on_duty_minutes bigint not null,
    understaffed_hours integer not null,
    tickets_opened integer not null,
    tickets_handled integer not null,
    handling_minutes bigint not null,
    tickets_per_person_hour numeric,
    primary key (month, project_id, post_function, hour_of_week)
);
create table if not exists publish.understaffing_monthly (
    month date not null,
    span_months integer not null,
    clock text not null,
    project_id text not null,
    post_function text not null,
    tickets integer not null,
    tickets_compared integer not null,
    days_compared integer not null,
    response_minutes double precision,
    usual_minutes double precision,
    extra_minutes double precision,
    standard_error_minutes double precision,
    extra_low_minutes double precision,
    extra_high_minutes double precision,
    primary key (month, span_months, clock, project_id, post_function)
);
create table if not exists publish.overtime_monthly (
    month date not null,
    person_id text not null,
    project_id text not null,
    overtime_minutes integer not null,
    overtime_workday_minutes integer not null,
    overtime_rest_day_minutes integer not null,
    overtime_public_holiday_minutes integer not null,
    days_over_limit integer not null,
    month_limit_minutes numeric,
    is_over_month_limit boolean,
    unknown_shifts integer not null,
    primary key (month, person_id)
);
create table if not exists publish.equipment (
    equipment_id text not null,
    equipment_name_zh text,
    equipment_name_en text,
    project_id text not null,
    equipment_kind text not null,
    statutory_kind text not null,
    is_goods boolean not null,
    location text,
    manufacturer text,
    model text,
    quantity numeric,
    installed_date date,
    retired_date date,
    service_life_years numeric,
    purchase_cost_cny numeric,
    maintenance_interval_days integer,
    is_statutory boolean not null,
    statutory_inspected_date date,
    statutory_due_date date,
    maintainer_kind text,
    accountable_post_id text,
    primary key (equipment_id)
);
create table if not exists publish.equipment_daily (
    equipment_id text not null,
    day date not null,
    project_id text not null,
    equipment_kind text not null,
    statutory_kind text not null,
    maintainer_kind text,
    equipment_state text,
    is_in_order boolean,
    up_minutes integer not null,
    in_use_minutes integer not null,
    down_minutes integer not null,
    maintenance_minutes integer not null,
    unknown_minutes integer not null,
    failures integer not null,
    restorations integer not null,
    restoration_minutes bigint not null,
    repairs integer not null,
    repair_minutes bigint not null,
    is_maintenance_due boolean not null,
    is_maintenance_done boolean,
    is_maintenance_done_on_time boolean,
    maintained_date date,
    is_maintenance_overdue boolean,
    is_statutory boolean not null,
    statutory_due_date date,
    is_statutory_overdue boolean,
    statutory_inspections integer not null,
    statutory_inspections_passed integer not null,
    age_years numeric,
    service_life_years numeric,
    is_past_service_life boolean,
    primary key (equipment_id, day)
);
create index if not exists equipment_daily_day on publish.equipment_daily (day);
create index if not exists equipment_daily_project on publish.equipment_daily (project_id, day);
create table if not exists publish.equipment_monthly (
    month date not null,
    project_id text not null,
    equipment_kind text not null,
    statutory_kind text not null,
    piece_days integer not null,
    piece_days_known integer not null,
    piece_days_in_order integer not null,
    up_minutes bigint not null,
    in_use_minutes bigint not null,
    down_minutes bigint not null,
    maintenance_minutes bigint not null,
    unknown_minutes bigint not null,
    failures bigint not null,
    restorations bigint not null,
    restoration_minutes bigint not null,
    repairs bigint not null,
    repair_minutes bigint not null,
    statutory_inspections bigint not null,
    statutory_inspections_passed bigint not null,
    mtbf_hours numeric,
    mttr_hours numeric,
    mean_repair_hours numeric,
    maintenance_due integer not null,
    maintenance_done integer not null,
    maintenance_done_on_time integer not null,
    maintenance_overdue_days integer not null,
    statutory_overdue_days integer not null,
    pieces integer not null,
    statutory_pieces integer not null,
    statutory_due_in_30_days integer not null,
    statutory_overdue integer not null,
    age_years numeric,
    pieces_of_known_life integer not null,
    pieces_past_service_life integer not null,
    primary key (month, project_id, equipment_kind)
);
create table if not exists publish.goods_monthly (
    month date not null,
    project_id text not null,
    equipment_id text not null,
    equipment_kind text not null,
    received_pieces numeric not null,
    issued_pieces numeric not null,
    returned_pieces numeric not null,
    written_off_pieces numeric not null,
    stock_pieces numeric not null,
    counted_date date,
    issued_now_pieces numeric not null,
    replacement_due_pieces numeric not null,
    primary key (month, project_id, equipment_id)
);
create table if not exists publish.digital_monthly (
    month date not null,
    project_id text not null,
    tickets_opened integer not null,
    tickets_phone integer not null,
    tickets_app integer not null,
    tickets_web integer not null,
    tickets_mini_program integer not null,
    tickets_email integer not null,
    tickets_front_desk integer not null,
    tickets_staff integer not null,
    tickets_system integer not null,
    tickets_other integer not null,
    tickets_of_owners integer not null,
    tickets_self_service integer not null,
    self_service_share numeric,
    ticket_events integer not null,
    ticket_events_by_system integer not null,
    ticket_events_by_persons integer not null,
    automation_share numeric,
    inspections_done integer not null,
    inspections_recorded integer not null,
    inspections_mobile integer not null,
    mobile_inspection_share numeric,
    primary key (month, project_id)
);
create table if not exists publish.cost_monthly (
    month date not null,
    project_id text not null,
    own_staff_cny numeric,
    outsourced_cny numeric,
    materials_cny numeric,
    energy_cny numeric,
    equipment_cny numeric,
    insurance_cny numeric,
    tax_cny numeric,
    other_cny numeric,
    total_cny numeric not null,
    area_m2 numeric,
    households integer,
    own_staff_cny_per_m2 numeric,
    own_staff_cny_per_household numeric,
    outsourced_cny_per_m2 numeric,
    outsourced_cny_per_household numeric,
    materials_cny_per_m2 numeric,
    materials_cny_per_household numeric,
    total_cny_per_m2 numeric,
    total_cny_per_household numeric,
    tickets_due integer,
    tickets_due_met integer,
    on_time_pct numeric,
    on_time_pct_per_cny_per_m2 numeric,
    primary key (month, project_id)
);
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
