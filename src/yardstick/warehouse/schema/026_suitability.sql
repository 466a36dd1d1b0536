-- ops, continued: how suitable the standards were found, and how lenient the inspectors, by the days looked at.
create table if not exists ops.standard_suitability (
    first_day date not null,
    last_day date not null,
    standards_release text not null,
    standard_code text not null,
    project_grade text,
    verdict text not null check (
        verdict in ('too_strict', 'too_lax', 'does_not_discriminate', 'too_little_data', 'fine')
    ),
    reason text not null,
    adjusted_p double precision,
    checks_needed bigint,
    projects bigint not null,
    items_checked bigint not null,
    items_passed bigint not null,
    pass_rate double precision,
    pass_rate_low double precision not null,
    pass_rate_high double precision not null,
    pass_rate_best_quarter double precision,
    pass_rate_worst_quarter double precision,
    pass_rate_fair double precision,
    item_rest_correlation double precision,
    item_rest_correlation_low double precision,
    item_rest_correlation_high double precision,
    ease_log_odds double precision,
    ease_log_odds_error double precision,
    discrimination double precision,
    discrimination_error double precision,
    discrimination_low double precision,
    discrimination_high double precision,
    drift_log_odds_per_month double precision,
    drift_log_odds_per_month_low double precision,
    drift_log_odds_per_month_high double precision,
    drift_points double precision,
    is_drifting boolean not null,
    unique nulls not distinct (first_day, last_day, standard_code, project_grade)
);
comment on table ops.standard_suitability is
'A standard''s suitability over a span of days, of all projects (project_grade null) and by project grade; '
'written by yardstick standards suitability, the same span anew each time. docs/decisions/0022.';
comment on column ops.standard_suitability.adjusted_p is
'p-value behind an unfit verdict, adjusted for the number of standards judged (Benjamini and Hochberg).';
comment on column ops.standard_suitability.pass_rate_fair is
'Pass rate that the median inspector would have found.';
comment on column ops.standard_suitability.discrimination is
'How much of a project''s level shows in the standard, as a share of what shows in the typical standard.';

create table if not exists ops.inspector_leniency (
    first_day date not null,
    last_day date not null,
    standards_release text not null,
    person_id text not null,
    verdict text not null check (verdict in ('lax', 'strict', 'usual', 'too_little_data')),
    adjusted_p double precision not null,
    projects bigint not null,
    items_checked bigint not null,
    items_passed bigint not null,
    pass_rate double precision not null,
    pass_rate_expected double precision not null,
    leniency_log_odds double precision not null,
    leniency_log_odds_error double precision not null,
    shrunken_log_odds double precision not null,
    shrunken_log_odds_low double precision not null,
    shrunken_log_odds_high double precision not null,
    primary key (first_day, last_day, person_id)
);
comment on table ops.inspector_leniency is
'An inspector''s leniency over a span of days against the median inspector, projects and standards seen taken into '
'account. Of persons: no reader role sees it.';
comment on column ops.inspector_leniency.adjusted_p is
'p-value of being no more than usually lax or strict, adjusted for the number of inspectors (Holm).';
