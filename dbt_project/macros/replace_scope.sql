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
