{#-
    A moment as the number of its minute since 1970. Minutes between two moments are the difference, which fits an
    integer: moments before the year 69 and after 3871 (a source's "never" is often 9999) count as these ends.
-#}
{% macro minute_of(moment) -%}
case
    when {{ moment }} is not null then greatest(-1e9, least(1e9, floor(date_part('epoch', {{ moment }}) / 60)))::integer
end
{%- endmacro %}


{#- The beginning of a minute that minute_of numbered. -#}
{% macro moment_of(minute) -%}
to_timestamp({{ minute }} * 60.0::double precision)
{%- endmacro %}


{#- The status a ticket has after an event: as the source says, else as its kind implies; null: as before. -#}
{% macro status_effect(event) -%}
coalesce(
    {{ event }}.status_after,
    case
        when {{ event }}.event_kind in ('assigned', 'closed', 'cancelled') then {{ event }}.event_kind
        when {{ event }}.event_kind in ('accepted', 'attended', 'resumed', 'approved', 'approval_refused')
            then 'in_progress'
        when {{ event }}.event_kind = 'paused'
            then case
                when {{ event }}.pause_reason in ('owner', 'parts', 'weather') then 'waiting_' || {{ event }}.pause_reason
                else 'waiting_other'
            end
        when {{ event }}.event_kind = 'approval_requested' then 'waiting_approval'
        when {{ event }}.event_kind = 'work_done' then 'done'
        when {{ event }}.event_kind = 'reopened' then 'open'
    end
)
{%- endmacro %}


{#-
    The last value that is not null, of all events of a ticket so far: one running maximum instead of a sort for
    every column. Events have fewer than a million numbers.
-#}
{% macro last_known(value, over) -%}
substr(max(lpad(event_number::text, 6, '0') || {{ value }} collate "C") over {{ over }}, 7)
{%- endmacro %}


{#- Whom a ticket in a status waits for; null while it is worked on, and when it is closed. -#}
{% macro waits_for(status) -%}
case
    when {{ status }} = 'waiting_owner' then 'owner'
    when {{ status }} in ('open', 'assigned', 'waiting_parts', 'waiting_approval', 'done') then 'inside'
    when {{ status }} in ('waiting_weather', 'waiting_other') then 'outside'
end
{%- endmacro %}


{#- Whether a source delivers an entity: the site file maps it. -#}
{% macro delivers(source_id, entity) -%}
{{ source_id }} in (
    select delivering.source_id from {{ source('ops', 'source_field') }} as delivering
    where delivering.entity = '{{ entity }}'
)
{%- endmacro %}
