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

create table if not exists ops.source_calendar (
    source_id text primary key,
    calendar_id text not null
);
comment on table ops.source_calendar is
'Sites whose service hours are not those of the calendar ''standard'', as the standards release says.';
