{#-
    The rows that a model is about to rewrite. What is to be rewritten is found by looking at it: a circle that
    ref() does not allow, so it is looked at by name. Empty before the first build, and to the linter, which has
    no adapter. columns: {name: type}.
-#}
{% macro rows_before(schema, identifier, columns) %}
{%- if adapter is defined -%}
    {%- set found = adapter.get_relation(database=target.database, schema=schema, identifier=identifier) -%}
{%- endif -%}
    select
        {%- for column, type in columns.items() %}
        {% if found %}{{ column }}{% else %}null::{{ type }} as {{ column }}{% endif %}{% if not loop.last %},{% endif %}
        {%- endfor %}
    {% if found %}from {{ found }}{% else %}where false{% endif %}
{%- endmacro %}


{#- Keys that an earlier build touched and never brought to an end, inside an incremental model. -#}
{% macro left_over(columns) -%}
    {%- if is_incremental() %}
    union
    select {% for column in columns %}earlier.{{ column }}{% if not loop.last %}, {% endif %}{% endfor %}
    from {{ this }} as earlier
    inner join {{ source('ops', 'build') }} as builds on earlier.build_id = builds.build_id
    where builds.status <> 'audited'
    {%- endif %}
{%- endmacro %}
