{#-
    Incremental strategy `replace_scope`: rows of the target that any of `incremental_predicates` names are
    replaced by the model's rows, in one transaction. Unlike delete+insert it also removes rows that have
    no successor (a row no longer rejected, a day without backlog). One delete per predicate, so that each
    can use its own index.
-#}
{% macro get_incremental_replace_scope_sql(arg_dict) %}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    analyze {{ arg_dict['temp_relation'] }};
    {% for predicate in arg_dict['incremental_predicates'] %}
    delete from {{ arg_dict['target_relation'] }} where {{ predicate }};
    {% endfor %}
    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{% endmacro %}
