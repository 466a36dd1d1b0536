{#- The rows of the period that is being appraised. -#}
{% macro is_this_period() -%}
    period_kind = {{ var('period_kind') }} and period = {{ var('period') }}
{%- endmacro %}
