{#- The first day that a record of equipment can say anything of; a day early, for days begin elsewhere at other times. -#}
{% macro first_day_of_record() -%}
least((started_at at time zone 'UTC')::date - 1, planned_date)
{%- endmacro %}
