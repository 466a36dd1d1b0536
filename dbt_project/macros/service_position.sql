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

    profile: a relation with profile_number and time_zone, such as int_service_profiles.
-#}
{% macro service_calendar_key(moment, profile) -%}
{{ profile }}.profile_number * {{ days_per_profile() }}
+ (({{ moment }} at time zone {{ profile }}.time_zone)::date - date '1970-01-01')
{%- endmacro %}


{#- Keys that a profile has for its days, counted from 1970: enough until 2149. -#}
{% macro days_per_profile() -%} 65536 {%- endmacro %}


{#-
    The profile of every source, project, service item and what a ticket itself says of being an emergency ('' for
    nothing), as a build found it. A ticket joins it by these four, see join_service_profiles.

    build: SQL of the build's id.
-#}
{% macro service_profiles_of(build) -%}
select
    sources.key_id as source_id,
    projects.key_id as project_id,
    service_items.key_id as service_item_id,
    service_items.told_emergency,
    resolved.profile_number,
    resolved.time_zone
from {{ ref('int_service_keys') }} as sources
inner join {{ ref('int_service_keys') }} as projects
    on sources.build_id = projects.build_id and projects.kind = 'project'
inner join {{ ref('int_service_keys') }} as service_items
    on sources.build_id = service_items.build_id and service_items.kind = 'service_item'
inner join {{ ref('int_service_profiles__resolved') }} as resolved
    on
        sources.build_id = resolved.build_id
        and sources.class = resolved.source_class
        and projects.class = resolved.project_class
        and service_items.class = resolved.service_item_class
where sources.kind = 'source' and sources.build_id = {{ build }}
{%- endmacro %}


{#- Joins a relation of tickets to their profiles; it has source_id, project_id, service_item_id, is_emergency. -#}
{% macro join_service_profiles(tickets, profiles) -%}
left join {{ profiles }}
    on
        {{ tickets }}.source_id = {{ profiles }}.source_id
        and {{ tickets }}.project_id = {{ profiles }}.project_id
        and {{ tickets }}.service_item_id = {{ profiles }}.service_item_id
        and coalesce({{ tickets }}.is_emergency::text, '') = {{ profiles }}.told_emergency
{%- endmacro %}


{#- The last build whose figures readers may see, before this one; null before the first. -#}
{% macro audited_build_before() -%}
(
    select max(builds_before.build_id)
    from {{ source('ops', 'build') }} as builds_before
    where builds_before.status = 'audited' and builds_before.build_id < {{ var('build_id') }}
)
{%- endmacro %}
