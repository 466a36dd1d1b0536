{#- The ids of the deliveries that this build takes on, as a sub-query. -#}
{% macro deliveries_of_build() -%}
    select build_delivery.delivery_id
    from {{ source('ops', 'build_delivery') }} as build_delivery
    where build_delivery.build_id = {{ var('build_id') }}
{%- endmacro %}
