-- Service calendars: the days and hours in which the company promises to work. Loaded from a standards
-- release; dbt turns them into marts.dim_calendar.
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
comment on table ops.calendar_day is
'One day of one service calendar. Minutes count from local midnight; a day that is no workday has no service minutes.';
