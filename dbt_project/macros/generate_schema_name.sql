{#- A model's schema is exactly the one its folder names: rooms do not depend on who runs dbt. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
