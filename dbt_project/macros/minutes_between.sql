{#- Whole minutes from one moment to another, each cut to its minute; negative when the second comes first. -#}
{% macro minutes_between(one, other) -%}
(floor(date_part('epoch', {{ other }}) / 60) - floor(date_part('epoch', {{ one }}) / 60))::integer
{%- endmacro %}
