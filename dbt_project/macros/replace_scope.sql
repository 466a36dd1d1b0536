{#-
    Incremental strategy `replace_scope`: rows of the target that any of `incremental_predicates` names are
    replaced by the model's rows, in one transaction. Unlike delete+insert it also removes rows that have
    no successor (a row no longer rejected, a day without backlog). One delete per predicate, so that each
    can use its own index. A predicate is rendered when the model runs: name relations by writing ref()
    inside the string, "day in (select day from {{ ref('…') }})".
-#}
{% macro get_incremental_replace_scope_sql(arg_dict) %}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    analyze {{ arg_dict['temp_relation'] }};
    {% for predicate in arg_dict['incremental_predicates'] %}
        {%- set rendered = render(predicate) -%}
        {%- if arg_dict['target_relation'] | string in rendered -%}
            {#- ref() outside the string is resolved while parsing, and then it is the model itself. -#}
            {%- do exceptions.raise_compiler_error(
                'incremental_predicates name the model itself; write ref() inside the string: ' ~ predicate
            ) -%}
        {%- endif %}
    delete from {{ arg_dict['target_relation'] }} where {{ rendered }};
    {% endfor %}
    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{% endmacro %}
