{#-
    The inverse of service_position: the earliest minute, counted since 1970, at which a profile has had so many
    minutes of service; null when its calendar ends before.

    position: at least 1; calendar: the row of dim_calendar that join_service_day found.
-#}
{% macro minute_at_service_position(position, calendar) -%}
{%- set intervals = ['', '_again', '_third', '_fourth'] -%}
(
    {{ minute_of(calendar ~ '.starts_at') }}
    + case
        {%- for interval in intervals %}
        when
            {{ position }} - {{ calendar }}.service_minutes_before
            <=
            {%- for within in intervals[:loop.index] %}
            {% if not loop.first %}+ {% endif %}{{ calendar }}.closes{{ within }}_minute - {{ calendar }}.opens{{ within }}_minute
            {%- endfor %}
            then
                {{ calendar }}.opens{{ interval }}_minute + {{ position }} - {{ calendar }}.service_minutes_before
                {%- for before in intervals[:loop.index0] %}
                - ({{ calendar }}.closes{{ before }}_minute - {{ calendar }}.opens{{ before }}_minute)
                {%- endfor %}
        {%- endfor %}
    end
)
{%- endmacro %}


{#-
    Joins the day of a profile on which its service reaches a position: the last one before which it had not, found by
    one look in an index, however far away it is.

    calendar: SQL of dim_calendar; day: alias of the row it is joined as.
-#}
{% macro join_service_day(profile_number, position, day) %}
left join lateral (
    select calendar.* from {{ ref('dim_calendar') }} as calendar
    where
        calendar.profile_number = {{ profile_number }}
        and calendar.service_minutes_before < {{ position }}
    order by calendar.service_minutes_before desc, calendar.day desc
    limit 1
) as {{ day }} on true
{%- endmacro %}
