{#- The days of a relation's rows are among those that this build may have changed. -#}
{% macro note_days(relation, days) -%}
    insert into {{ source('ops', 'build_day') }} (build_id, day)
    select distinct {{ var('build_id') }}, noted.day
    from {{ relation }} as changed
    cross join lateral (values {% for day in days %}(changed.{{ day }}){% if not loop.last %}, {% endif %}{% endfor %}) as noted (day)
    where noted.day is not null
    on conflict do nothing
{%- endmacro %}


{#- What `replace_scope` does for later builds, for the one that makes the table: a hook, run when it is new. -#}
{% macro note_days_when_new() %}
    {{- return(
        "{% if not is_incremental() %}"
        "analyze {{ this }}; {{ note_days(this, config.get('meta').get('days')) }}"
        "{% endif %}"
    ) -}}
{% endmacro %}
