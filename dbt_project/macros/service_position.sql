{#-
    The position of a moment: minutes of service of a profile from its first day up to the moment, which is cut to
    its minute. Minutes of service between two moments are the difference of their positions, however far apart.

    moment: an instant; calendar: the row of dim_calendar that service_calendar_key(moment, …) names. An ordinary
    day has two intervals at most; a third and a fourth only where clocks are turned back over a boundary.
-#}
{% macro service_position(moment, calendar) -%}
{%- set elapsed -%}
floor(date_part('epoch', {{ moment }} - {{ calendar }}.starts_at) / 60)::integer
{%- endset -%}
(
    {{ calendar }}.service_minutes_before
    - {{ calendar }}.opens_minute - {{ calendar }}.opens_again_minute
    + least(greatest({{ elapsed }}, {{ calendar }}.opens_minute), {{ calendar }}.closes_minute)
    + least(greatest({{ elapsed }}, {{ calendar }}.opens_again_minute), {{ calendar }}.closes_again_minute)
    + case
        when {{ calendar }}.closes_third_minute > 0
            then
                least(greatest({{ elapsed }} - {{ calendar }}.opens_third_minute, 0),
                    {{ calendar }}.closes_third_minute - {{ calendar }}.opens_third_minute)
                + least(greatest({{ elapsed }} - {{ calendar }}.opens_fourth_minute, 0),
                    {{ calendar }}.closes_fourth_minute - {{ calendar }}.opens_fourth_minute)
        else 0
    end
)
{%- endmacro %}


{#-
    The one integer that joins a moment to its day in dim_calendar.

    profile: a relation with profile_number and a time zone, such as int_service_profiles.
-#}
{% macro service_calendar_key(moment, profile, time_zone='time_zone') -%}
{{ profile }}.profile_number * {{ days_per_profile() }}
+ (({{ moment }} at time zone {{ profile }}.{{ time_zone }})::date - date '1970-01-01')
{%- endmacro %}


{#- Keys that a profile has for its days, counted from 1970: enough until 2149. -#}
{% macro days_per_profile() -%} 65536 {%- endmacro %}


{#-
    Joins a relation of tickets to its profiles of service hours, by four small tables, each by its key. The relation
    has source_id, project_id, service_item_id and is_emergency, which may be null.

    profiles: alias of int_service_profiles; build: SQL of the build that found them.
-#}
{% macro join_service_profiles(tickets, profiles, build=none) -%}
{%- set build = build or var('build_id') -%}
{%- for kind in ['source', 'project', 'service_item'] %}
left join {{ ref('int_service_keys') }} as {{ profiles }}_{{ kind }}
    on
        {{ tickets }}.{{ kind }}_id = {{ profiles }}_{{ kind }}.key_id
        and {{ profiles }}_{{ kind }}.kind = '{{ kind }}'
        and {{ profiles }}_{{ kind }}.build_id = {{ build }}
        {%- if kind == 'service_item' %}
        and coalesce({{ tickets }}.is_emergency::text, '') = {{ profiles }}_{{ kind }}.told_emergency
        {%- endif %}
{%- endfor %}
left join {{ ref('int_service_profiles') }} as {{ profiles }}
    on
        {%- for kind in ['source', 'project', 'service_item'] %}
        {{ profiles }}_{{ kind }}.class = {{ profiles }}.{{ kind }}_class and
        {%- endfor %}
        {{ profiles }}.build_id = {{ build }}
{%- endmacro %}


{#- The last build whose figures readers may see, before this one; null before the first. -#}
{% macro audited_build_before() -%}
(
    select max(builds_before.build_id)
    from {{ source('ops', 'build') }} as builds_before
    where builds_before.status = 'audited' and builds_before.build_id < {{ var('build_id') }}
)
{%- endmacro %}
