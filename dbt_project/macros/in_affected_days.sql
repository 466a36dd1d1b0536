{#-
    Of an incremental model with a relation `affected` (project_id, day): whether the row's project is affected on the
    day. The array lets an index on the day be used, which the pairs do not.
-#}
{% macro in_affected_days(day) -%}
    {%- if is_incremental() -%}
    {{ day }} = any(array(select distinct affected.day from affected))
        and (project_id, {{ day }}) in (select affected.project_id, affected.day from affected)
    {%- else -%}
    {{ day }} is not null
    {%- endif -%}
{%- endmacro %}
