{#-
    Predicate: the row came with a delivery that this build takes on. Names are literal because it stands
    in model configurations, where relations are not resolved.
-#}
{% macro of_build() -%}
    delivery_id in (select b.delivery_id from ops.build_delivery as b where b.build_id = {{ var('build_id') }})
{%- endmacro %}
