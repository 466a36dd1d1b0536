-- Service hours: calendars by day, and whose calendar is whose. Loaded from the standards releases; dbt turns
-- them into profiles and marts.dim_calendar.
create schema if not exists ops;

create table if not exists ops.calendar_day (
    calendar_id text not null,
    day date not null,
    is_workday boolean not null,
    opens_minute integer not null check (opens_minute between 0 and 1440),
    closes_minute integer not null check (closes_minute between 0 and 1440),
    primary key (calendar_id, day),
    check (closes_minute >= opens_minute)
);
alter table ops.calendar_day
add column if not exists opens_again_minute integer not null default 0 check (opens_again_minute between 0 and 1440),
add column if not exists closes_again_minute integer not null default 0 check (closes_again_minute between 0 and 1440),
add column if not exists is_closed_with_project boolean not null default true;
alter table ops.calendar_day drop constraint if exists calendar_day_intervals;
alter table ops.calendar_day add constraint calendar_day_intervals check (
    closes_again_minute >= opens_again_minute and (closes_again_minute = 0 or opens_again_minute >= closes_minute)
);
comment on table ops.calendar_day is
'One day of one service calendar, in one or two intervals of minutes by the clock on the wall; 0 to 0 is closed.';
comment on column ops.calendar_day.is_closed_with_project is
'Whether a closure of the project closes it, too; an emergency line stays open.';

-- Of a former issue of this file: which calendar a ticket follows is told by rules now.
drop table if exists ops.source_calendar;

create table if not exists ops.service_rule (
    rule_number integer primary key,
    calendar_id text not null,
    valid_from date,
    valid_until date,
    source_ids text[],
    project_ids text[],
    service_item_ids text[],
    service_group_ids text[],
    is_emergency boolean,
    check (valid_from < valid_until)
);
comment on table ops.service_rule is
'Which calendar a ticket follows on a day: of the rules that fit, the one with the lowest number; without one, the calendar ''standard''. Null fits all; valid_until is the day after the last.';

create table if not exists ops.project_closure (
    project_id text not null,
    day date not null,
    primary key (project_id, day)
);
comment on table ops.project_closure is
'Days on which a project''s service is closed, whatever its calendar says.';

create table if not exists ops.labour_day (
    day date primary key,
    day_kind text not null check (day_kind in ('workday', 'rest_day', 'public_holiday')),
    changed_at timestamptz not null default now()
);
comment on table ops.labour_day is
'What a day is by the labour law of the country that the release in force on it names; a day without a row: nobody knows.';
comment on column ops.labour_day.changed_at is 'When the day was last another one than before.';
