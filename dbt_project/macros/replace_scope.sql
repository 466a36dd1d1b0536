{#-
    Incremental strategy `replace_scope`: rows of the target that any of `incremental_predicates` names are
    replaced by the model's rows, in one transaction. Unlike delete+insert it also removes rows that have
    no successor (a row no longer rejected, a day without backlog). One delete per predicate, so that each
    can use its own index. A predicate is rendered when the model runs: name relations by writing ref()
    inside the string, "day in (select day from {{ ref('…') }})".

    A model whose meta names `days`, columns of business days, writes down in ops.build_day on which days a
    row differs from before, its old days and its new ones, in the same transaction.
-#}
{% macro get_incremental_replace_scope_sql(arg_dict) %}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set days = config.get('meta', {}).get('days', []) -%}
    {%- set target = arg_dict['target_relation'] -%}
    analyze {{ arg_dict['temp_relation'] }};
    {% if days %}
    create temporary table replaced (like {{ target }}) on commit drop;
    {% endif %}
    {% for predicate in arg_dict['incremental_predicates'] %}
        {%- set rendered = render(predicate) -%}
        {%- if target | string in rendered -%}
            {#- ref() outside the string is resolved while parsing, and then it is the model itself. -#}
            {%- do exceptions.raise_compiler_error(
                'incremental_predicates name the model itself; write ref() inside the string: ' ~ predicate
            ) -%}
        {%- endif %}
    {% if days %}with gone as (delete from {{ target }} where {{ rendered }} returning *)

    insert into replaced select * from gone;
    {%- else -%}
    delete from {{ target }} where {{ rendered }};
    {%- endif %}
    {% endfor %}
    {% if days %}
    with differing as (
        (select {{ columns }} from replaced except select {{ columns }} from {{ arg_dict['temp_relation'] }})
        union all
        (select {{ columns }} from {{ arg_dict['temp_relation'] }} except select {{ columns }} from replaced)
    )

    {{ note_days('differing', days) }};
    {% endif %}
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{% endmacro %}


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
