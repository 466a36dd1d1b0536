{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["build_id is distinct from {{ audited_build_before() }}"],
        indexes=[
            {'columns': ['build_id', 'source_class', 'project_class', 'service_item_class'], 'unique': true},
        ],
    )
}}

-- depends_on: {{ source('ops', 'build') }}

with keys as (
    select * from {{ ref('int_service_keys') }}
    where build_id = {{ var('build_id') }}
),

rules as (
    select * from {{ source('ops', 'service_rule') }}
),

-- Materialized, here and below: under a nested loop every combination would reckon all of them anew.
calendars as materialized (
    select
        calendar_id,
        bool_or(is_closed_with_project) as is_closed_with_project,
        md5(string_agg(
            concat_ws(
                ' ', day, is_workday, opens_minute, closes_minute, opens_again_minute, closes_again_minute,
                is_closed_with_project
            ), '|' order by day
        )) as content_md5
    from {{ source('ops', 'calendar_day') }}
    group by calendar_id
),

classes as (
    select distinct
        kind,
        class,
        time_zone,
        rule_numbers,
        closed_days
    from keys
),

zones as (
    select distinct time_zone from classes
    where kind = 'source'
),

years as (
    select
        min(day) as first_day,
        max(day) - min(day) as days
    from {{ source('ops', 'calendar_day') }}
),

-- How clocks are turned is known from tables that an update of the server may change.
clocks as materialized (
    select
        zones.time_zone,
        md5(string_agg(
            date_part('epoch', (years.first_day + spine.number)::timestamp at time zone zones.time_zone)::bigint::text,
            ' ' order by spine.number
        )) as clock_md5
    from zones
    cross join years
    cross join generate_series(0, years.days) as spine (number)
    group by zones.time_zone
),

combinations as (
    select
        of_sources.class as source_class,
        of_projects.class as project_class,
        of_service_items.class as service_item_class,
        of_sources.time_zone,
        of_projects.closed_days,
        array(
            select fitting.rule_number
            from unnest(of_sources.rule_numbers) as fitting (rule_number)
            where
                fitting.rule_number = any(of_projects.rule_numbers)
                and fitting.rule_number = any(of_service_items.rule_numbers)
            order by fitting.rule_number
        ) as rule_numbers
    from classes as of_sources
    cross join classes as of_projects
    cross join classes as of_service_items
    where
        of_sources.kind = 'source' and of_projects.kind = 'project' and of_service_items.kind = 'service_item'
),

rule_lists as (
    select distinct rule_numbers from combinations
),

fitting as (
    select
        rule_lists.rule_numbers,
        rules.rule_number,
        rules.calendar_id,
        datemultirange(daterange(rules.valid_from, rules.valid_until)) as days
    from rule_lists
    inner join rules on rules.rule_number = any(rule_lists.rule_numbers)
    union all
    select
        rule_numbers,
        null as rule_number,
        'standard' as calendar_id,
        datemultirange(daterange(null, null)) as days
    from rule_lists
),

-- Of the rules that fit, the first counts: each is left the days that none before it took.
first_fitting as (
    select
        rule_numbers,
        calendar_id,
        days - coalesce(
            range_agg(days) over (
                partition by rule_numbers order by rule_number nulls last
                rows between unbounded preceding and 1 preceding
            ),
            '{}'
        ) as days
    from fitting
),

followed as (
    select
        rule_numbers,
        calendar_id,
        range_agg(days) as days
    from first_fitting
    where not isempty(days)
    group by rule_numbers, calendar_id
),

timelines as (
    select
        followed.rule_numbers,
        array_agg(followed.calendar_id order by followed.calendar_id) as calendar_ids,
        array_agg(followed.days order by followed.calendar_id) as calendar_days,
        coalesce(bool_or(calendars.is_closed_with_project), false) as is_closed_with_project,
        string_agg(
            concat_ws(' ', followed.calendar_id, followed.days, calendars.content_md5), '|'
            order by followed.calendar_id
        ) as content
    from followed
    left join calendars on followed.calendar_id = calendars.calendar_id
    group by followed.rule_numbers
),

placed as (
    select
        combinations.source_class,
        combinations.project_class,
        combinations.service_item_class,
        combinations.time_zone,
        clocks.clock_md5,
        timelines.calendar_ids,
        timelines.calendar_days,
        timelines.content,
        case when timelines.is_closed_with_project then combinations.closed_days end as closed_days
    from combinations
    inner join timelines on combinations.rule_numbers = timelines.rule_numbers
    left join clocks on combinations.time_zone = clocks.time_zone
)

-- A number made of what it stands for: the same hours have the same number in every build, and other hours
-- another one. Two that met by chance would break the unique index of dim_calendar.
select
    {{ var('build_id') }} as build_id,
    source_class,
    project_class,
    service_item_class,
    (
        'x' || left(md5(concat_ws('|', time_zone, clock_md5, coalesce(closed_days, '{}')::text, content)), 11)
    )::bit(44)::bigint as profile_number,
    time_zone,
    calendar_ids,
    calendar_days,
    closed_days
from placed
