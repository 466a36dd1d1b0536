{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "profile_number not in (
                select resolved.profile_number from {{ ref('int_service_profiles') }} as resolved
            )"
        ],
        indexes=[
            {'columns': ['calendar_key'], 'unique': true},
            {'columns': ['profile_number', 'day']},
            {'columns': ['profile_number', 'service_minutes_before', 'day']},
        ],
    )
}}

with resolved as (
    select * from {{ ref('int_service_profiles') }}
    where build_id = {{ var('build_id') }}
),

calendar_days as (
    select * from {{ source('ops', 'calendar_day') }}
),

-- Profiles whose days are there already stand for the same hours.
fresh as (
    select distinct on (profile_number)
        profile_number,
        time_zone,
        calendar_ids,
        calendar_days,
        closed_days
    from resolved
    {%- if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as known
        where known.profile_number = resolved.profile_number
    )
    {%- endif %}
    order by profile_number
),

profile_days as (
    select
        fresh.profile_number,
        fresh.time_zone,
        calendar_days.calendar_id,
        calendar_days.day,
        calendar_days.opens_minute * is_open.factor as opens_minute,
        calendar_days.closes_minute * is_open.factor as closes_minute,
        calendar_days.opens_again_minute * is_open.factor as opens_again_minute,
        calendar_days.closes_again_minute * is_open.factor as closes_again_minute
    from fresh
    cross join lateral unnest(fresh.calendar_ids, fresh.calendar_days) as followed (calendar_id, days)
    inner join calendar_days
        on followed.calendar_id = calendar_days.calendar_id and calendar_days.day <@ followed.days
    cross join lateral (
        select
            case
                when not calendar_days.is_workday then 0
                when calendar_days.is_closed_with_project and calendar_days.day = any(fresh.closed_days) then 0
                else 1
            end as factor
    ) as is_open
),

zones as (
    select
        time_zone,
        min(day) as first_day,
        max(day) - min(day) + 1 as days
    from profile_days
    group by time_zone
),

midnights as (
    select
        zones.time_zone,
        zones.first_day + spine.number as day,
        (zones.first_day + spine.number)::timestamp at time zone zones.time_zone as midnight
    from zones
    cross join generate_series(0, zones.days) as spine (number)
),

-- The first instant of the day: where clocks are turned back at midnight, the first of the two.
begun as (
    select
        time_zone,
        day,
        midnight - greatest(
            (midnight - interval '1 minute') at time zone time_zone + interval '1 minute' - day::timestamp,
            interval '0'
        ) as starts_at
    from midnights
),

measured as (
    select
        time_zone,
        day,
        starts_at,
        (date_part(
            'epoch', lead(starts_at) over (partition by time_zone order by day) - starts_at
        ) / 60)::integer as day_minutes
    from begun
),

-- Days on which clocks are turned: the minute of the day at which the clock no longer shows it, and by how much
-- it is ahead from then on.
turned as (
    select
        measured.time_zone,
        measured.day,
        measured.day_minutes,
        1440 - measured.day_minutes as ahead,
        coalesce((
            select min(elapsed.minute)
            from generate_series(0, measured.day_minutes - 1) as elapsed (minute)
            where
                (measured.starts_at + make_interval(mins => elapsed.minute)) at time zone measured.time_zone
                <> measured.day::timestamp + make_interval(mins => elapsed.minute)
        ), 0) as turned_minute
    from measured
    where measured.day_minutes <> 1440
),

-- An interval of the clock on such a day, before and after the turn; what touches is one.
turned_pieces as (
    select
        profile_days.profile_number,
        profile_days.day,
        range_agg(int4range(piece.opens, piece.closes)) as pieces
    from profile_days
    inner join turned on profile_days.time_zone = turned.time_zone and profile_days.day = turned.day
    cross join lateral (
        values
        (profile_days.opens_minute, profile_days.closes_minute),
        (profile_days.opens_again_minute, profile_days.closes_again_minute)
    ) as clock (opens, closes)
    cross join lateral (
        values
        (clock.opens, least(clock.closes, turned.turned_minute)),
        (greatest(clock.opens - turned.ahead, turned.turned_minute), clock.closes - turned.ahead)
    ) as piece (opens, closes)
    where piece.opens < piece.closes
    group by profile_days.profile_number, profile_days.day
),

turned_hours as (
    select
        turned_pieces.profile_number,
        turned_pieces.day,
        array_agg(lower(piece.minutes) order by piece.minutes) as opens,
        array_agg(upper(piece.minutes) order by piece.minutes) as closes
    from turned_pieces
    cross join lateral unnest(turned_pieces.pieces) as piece (minutes)
    group by turned_pieces.profile_number, turned_pieces.day
),

hours as (
    select
        profile_days.profile_number,
        profile_days.calendar_id,
        profile_days.day,
        measured.starts_at,
        {%- for interval in ['', '_again', '_third', '_fourth'] %}
        {%- set number = loop.index %}
        {%- for bound in ['opens', 'closes'] %}
        case
            when measured.day_minutes <> 1440 then coalesce(turned_hours.{{ bound }}[{{ number }}], 0)
            else {% if number < 3 %}profile_days.{{ bound }}{{ interval }}_minute{% else %}0{% endif %}
        end as {{ bound }}{{ interval }}_minute{% if number < 4 or not loop.last %},{% endif %}
        {%- endfor %}
        {%- endfor %}
    from profile_days
    inner join measured on profile_days.time_zone = measured.time_zone and profile_days.day = measured.day
    left join turned_hours
        on profile_days.profile_number = turned_hours.profile_number and profile_days.day = turned_hours.day
),

counted as (
    select
        *,
        closes_minute - opens_minute + closes_again_minute - opens_again_minute
        + closes_third_minute - opens_third_minute + closes_fourth_minute - opens_fourth_minute as service_minutes
    from hours
)

select
    profile_number * {{ days_per_profile() }} + (day - date '1970-01-01') as calendar_key,
    profile_number,
    calendar_id,
    day,
    starts_at,
    service_minutes > 0 as is_workday,
    opens_minute,
    closes_minute,
    opens_again_minute,
    closes_again_minute,
    opens_third_minute,
    closes_third_minute,
    opens_fourth_minute,
    closes_fourth_minute,
    service_minutes,
    (sum(service_minutes) over (partition by profile_number order by day))::integer
    - service_minutes as service_minutes_before
from counted
